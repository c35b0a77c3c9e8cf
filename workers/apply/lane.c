#include "workers/apply/lane.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/trace.h"
#include "workers/apply/apply.h"
#include "workers/apply/keys.h"
#include "workers/apply/outgoing.h"
#include "workers/apply/place_cache.h"
#include "workers/apply/shops.h"
#include "workers/apply/traces.h"

#include <stdio.h>
#include <stdlib.h>

#define IDLE_WAIT_MS 100
#define BROKER_WAIT_MS 5

/* ---- records in hand ---------------------------------------------------------------------------- */

/* What was fetched before a partition was dropped, or below its offset, is not ours. */
static bool is_wanted(struct lane *lane, const struct kafka_record *record)
{
    const struct part *part = lane_part(lane, record->partition);
    return part != NULL && !part->lost && !record->is_end &&
           record->offset >= part->next_offset && record->offset < part->until_offset;
}

static bool is_hand_full(const struct lane *lane)
{
    return lane->record_count >= pace_share(&lane->pace, BATCH_ITEMS_MAX) ||
           lane->record_bytes >= LANE_BYTES_MAX;
}

static void take_records(struct lane *lane)
{
    lane->record_bytes = 0;
    lane->taken = 0;
    while (!is_hand_full(lane)) {
        size_t room = pace_share(&lane->pace, BATCH_ITEMS_MAX) - lane->record_count;
        struct kafka_record *fresh = lane->records + lane->record_count;
        size_t got = kafka_in_take(lane->apply->in, lane->number, fresh, room);
        if (got == 0)
            return;
        for (size_t at = 0; at < got; at++) {
            struct kafka_record record = fresh[at];
            lane_note_end(lane, &record);
            if (!is_wanted(lane, &record)) {
                kafka_record_release(&record);
                continue;
            }
            lane->record_bytes += record.value.length + record.key.length;
            lane->records[lane->record_count++] = record;
            lane->taken++;
        }
    }
}

static void drop_hand(struct lane *lane)
{
    for (size_t at = 0; at < lane->record_count; at++)
        kafka_record_release(&lane->records[at]);
    lane->record_count = 0;
}

/* Forgets what was committed by a try whose answer was lost. */
static void forget_done(struct lane *lane)
{
    size_t kept = 0;
    for (size_t at = 0; at < lane->record_count; at++) {
        if (is_wanted(lane, &lane->records[at]))
            lane->records[kept++] = lane->records[at];
        else
            kafka_record_release(&lane->records[at]);
    }
    lane->record_count = kept;
}

/* ---- Postgres ------------------------------------------------------------------------------------ */

/*
 * A commit whose answer was lost may have happened: our epoch with a newer offset says so.
 * Its outbox rows were not sent then, so the relay reads the table.
 */
static enum status learn_progress(struct lane *lane, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status =
        store_progress(lane->postgres, span_from(lane->apply->topic), &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct part *part = lane_part(lane, (int32_t)rows_int(&rows, row, 0));
        if (part == NULL || part->lost)
            continue;
        if (rows_int(&rows, row, 1) != part->epoch) {
            lane_lose_part(lane, part);
            continue;
        }
        if (rows_int(&rows, row, 2) != part->next_offset)
            relay_fall_behind(&part->relay);
        part->next_offset = rows_int(&rows, row, 2);
    }
    return status;
}

/* Which partitions are still ours and how far they are; the rest of the hand is dropped. */
static enum status look_up(struct lane *lane, struct error *error)
{
    enum status status = learn_progress(lane, error);
    if (status != STATUS_OK)
        return status;
    forget_done(lane);
    lane->awake_us = clock_monotonic_us();
    return STATUS_OK;
}

static enum status connect(struct lane *lane, struct error *error)
{
    if (postgres_alive(lane->postgres))
        return STATUS_OK;
    postgres_close(&lane->postgres);
    const struct postgres_options options = apply_postgres_options(lane->apply);
    enum status status = postgres_open(&options, &lane->postgres, error);
    if (status == STATUS_OK)
        status = store_contract(lane->postgres, lane->apply->contract,
                                buf_view(&lane->apply->contract_text), &lane->contract_id,
                                error);
    if (status == STATUS_OK && !apply_tells(lane->apply))
        status = postgres_script(lane->postgres, "SET synchronous_commit = off", error);
    if (status == STATUS_OK)
        status = look_up(lane, error);
    place_cache_forget(lane->batch.cache);
    keys_forget(lane); /* what the lost connection's last commit added is not known */
    return status;
}

/* ---- one batch ------------------------------------------------------------------------------------- */

static enum status fill_batch(struct lane *lane, struct error *error)
{
    batch_clear(&lane->batch);
    lane->batch.partition_count = kafka_in_partitions(lane->apply->in);
    for (size_t at = 0; at < lane->record_count; at++) {
        enum status status = batch_add(&lane->batch, &lane->records[at], error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static size_t fences_of(struct lane *lane, struct fence *fences)
{
    for (size_t at = 0; at < lane->batch.part_count; at++) {
        const struct part *part = lane_part(lane, lane->batch.parts[at].partition);
        ASSERT(part != NULL && !part->lost);
        lane->batch.parts[at].epoch = part->epoch;
        fences[at] = (struct fence){.partition = part->partition,
                                    .epoch = part->epoch,
                                    .next_offset = part->next_offset};
    }
    return lane->batch.part_count;
}

/* Partitions whose fence was not found are lost; their records leave the hand. */
static bool lose_fenced(struct lane *lane, const struct store_found *found)
{
    bool any = false;
    for (size_t at = 0; at < lane->batch.part_count; at++) {
        int32_t partition = lane->batch.parts[at].partition;
        bool held = false;
        for (int row = 0; row < found->fences.count; row++)
            held = held || store_fence_row(found, row) == partition;
        if (held)
            continue;
        lane_lose_part(lane, lane_part(lane, partition));
        any = true;
    }
    return any;
}

static void progress_of(struct lane *lane, const struct fence *fences,
                        struct progress_write *progress)
{
    for (size_t at = 0; at < lane->batch.part_count; at++) {
        const struct part_count *counts = &lane->batch.parts[at];
        struct part *part = lane_part(lane, counts->partition);
        progress[at] = (struct progress_write){.fence = fences[at],
                                               .next_offset = counts->next_offset,
                                               .first_offset = counts->first_offset};
        memcpy(progress[at].counts, counts->counts, sizeof(counts->counts));
        relay_settle(&part->relay);
        progress[at].relayed_offset = relay_notable(&part->relay);
        progress[at].trims =
            part->relay.trims && progress[at].relayed_offset > part->relay.noted;
    }
}

static void log_rejected(struct lane *lane)
{
    if (!log_enabled(LOG_LEVEL_DEBUG))
        return;
    for (size_t at = 0; at < lane->batch.count; at++) {
        const struct item *item = &lane->batch.items[at];
        if (item->verdict.outcome == OUTCOME_REJECTED)
            log_debug("event rejected",
                      LOG_TEXT("reason", reason_code(item->verdict.reason)),
                      LOG_TEXT("rule", judge_rule_by_number(item->verdict.rule)->id),
                      LOG_TEXT("field", item->detail),
                      LOG_INT("partition", item->record.partition),
                      LOG_INT("offset", item->record.offset), LOG_END);
    }
}

/* After the commit: offsets advance, what the batch caused goes out. */
static void settle(struct lane *lane, const struct store_effects *effects)
{
    for (size_t at = 0; at < effects->progress_count; at++) {
        const struct progress_write *progress = &effects->progress[at];
        struct part *part = lane_part(lane, progress->fence.partition);
        part->next_offset = progress->next_offset;
        part->relay.noted = progress->relayed_offset;
        if (progress->trims)
            relay_trimmed(&part->relay, progress->relayed_offset);
    }
    outgoing_note(lane, effects);
    lane_count_outcomes(lane);
    lane_count_times(lane);
    log_rejected(lane);
    traces_emit(lane);
    drop_hand(lane);
}

static enum status ask_shops(struct lane *lane, struct error *error)
{
    struct batch *batch = &lane->batch;
    enum status status = shops_ask(batch, error);
    if (status == STATUS_OK && batch->unseen_count > 0)
        status = store_unseen(lane->postgres, lane->apply->contract, batch->unseen,
                              batch->unseen_count, error);
    return status;
}

static enum status commit(struct lane *lane, struct store_effects *effects,
                          bool *fenced_out, struct error *error)
{
    int64_t began_us = clock_monotonic_us();
    enum status status = store_commit(lane->postgres, effects, fenced_out, error);
    histogram_add_us(lane->metrics.commit_seconds, clock_monotonic_us() - began_us);
    return status;
}

static enum status judge_and_commit(struct lane *lane, const struct fence *fences,
                                    const struct store_found *found, struct error *error)
{
    struct batch *batch = &lane->batch;
    keys_learn(lane, found);
    batch_learn(batch, found);
    enum status status = STATUS_OK;
    if (batch->later_count > 0)
        status = store_later(lane->postgres, batch->later, batch->later_count, error);
    if (status != STATUS_OK)
        return status;
    batch_decide(batch);
    status = ask_shops(lane, error);
    if (status != STATUS_OK)
        return status;
    status = outgoing_incidents(lane, error);
    if (status != STATUS_OK)
        return status;
    struct progress_write progress[LANE_PARTS_MAX];
    progress_of(lane, fences, progress);
    struct store_effects effects = {.room = &lane->room,
                                    .topic = span_from(lane->apply->topic),
                                    .partitions = lane->partitions,
                                    .contract = lane->contract_id,
                                    .judged_at_us = lane_judged_at(lane, found),
                                    .progress = progress,
                                    .progress_count = batch->part_count};
    bool fenced = false;
    status = batch_effects(batch, &effects, error);
    if (!apply_tells(lane->apply))
        effects.outbox_count = 0;
    if (status == STATUS_OK)
        status = commit(lane, &effects, &fenced, error);
    if (status != STATUS_OK)
        return status;
    if (fenced)
        return error_set(error, STATUS_RETRY,
                         "apply: a fence moved within the transaction");
    keys_note(lane, &effects);
    batch_retain(batch);
    settle(lane, &effects);
    return STATUS_OK;
}

static enum status run_batch(struct lane *lane, struct error *error)
{
    lane->batch_began_us = clock_monotonic_us();
    struct fence fences[LANE_PARTS_MAX];
    struct store_found found = {0};
    enum status status = fill_batch(lane, error);
    if (status != STATUS_OK)
        return status;
    struct store_question question = {.room = &lane->room,
                                      .topic = span_from(lane->apply->topic),
                                      .partitions = lane->partitions,
                                      .fences = fences,
                                      .fence_count = fences_of(lane, fences)};
    batch_recall(&lane->batch);
    question.places = lane->batch.asked_list;
    question.place_count = lane->batch.asked_count;
    status = keys_probe(lane, &question, error);
    if (status == STATUS_OK)
        status = store_begin(lane->postgres, &question, &found, error);
    if (status != STATUS_OK)
        return status;
    if (lose_fenced(lane, &found))
        status = STATUS_RETRY; /* what is left of the batch is judged anew, at once */
    else
        status = judge_and_commit(lane, fences, &found, error);
    store_found_release(&found);
    if (status != STATUS_OK)
        store_abort(lane->postgres);
    return status;
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

/* After a sleep (a stopped process, a frozen machine) the partitions may be another's:
 * that is looked up before anything is sent. */
static enum status wake(struct lane *lane, struct error *error)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us - lane->awake_us > OUTGOING_FRESH_US)
        return look_up(lane, error);
    lane->awake_us = now_us;
    return STATUS_OK;
}

/* One turn with the lock held; *idle_out: there was nothing to do. */
static enum status turn(struct lane *lane, bool *idle_out, struct error *error)
{
    enum status status = connect(lane, error);
    if (status == STATUS_OK)
        status = wake(lane, error);
    if (status == STATUS_OK)
        status = keys_tidy(lane, error);
    if (status == STATUS_OK)
        status =
            keys_load(lane, error); /* last: tidying may find that a part is to be read */
    if (status != STATUS_OK)
        return status;
    lane->waits = outgoing_is_behind(lane);
    if (lane->waits)
        return STATUS_OK; /* the broker is slow: so are we */
    status = outgoing_relay_old(lane, error);
    if (status != STATUS_OK)
        return status;
    if (lane->record_count == 0 && kafka_in_partitions(lane->apply->in) > 0)
        take_records(lane); /* without the count nobody can say what is misplaced */
    *idle_out = lane->record_count == 0;
    status = *idle_out ? lane_pass_ends(lane, error) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    outgoing_tell(lane, *idle_out);
    return *idle_out ? outgoing_note_idle(lane, error) : run_batch(lane, error);
}

static void failed(struct lane *lane, enum status status, const struct error *error)
{
    metric_add(lane->metrics.failures, 1);
    if (status == STATUS_FATAL) {
        lane->fatal =
            *error; /* a statement or its data is wrong: waiting mends nothing */
        lane->fatal.exit_code = EXIT_INTERNAL;
        life_end();
        return;
    }
    if (!postgres_alive(lane->postgres) || error->code[0] != '\0')
        life_ready("postgres", false, error->text);
    life_back_off(&lane->tries);
}

static void *lane_run(void *self)
{
    struct lane *lane = self;
    while (!life_ending()) {
        struct error error = {0};
        bool idle = false;
        (void)pthread_mutex_lock(&lane->lock);
        enum status status = turn(lane, &idle, &error);
        (void)pthread_mutex_unlock(&lane->lock);
        if (status != STATUS_OK && error.text[0] != '\0') {
            failed(lane, status, &error);
            continue;
        }
        if (lane->tries > 0 || idle)
            life_ready("postgres", true, "");
        lane->tries = 0;
        pace_wait(&lane->pace, lane->taken);
        lane->taken = 0;
        if (lane->waits)
            life_wait_ms(BROKER_WAIT_MS);
        if (idle && !lane->owes)
            kafka_in_wait(lane->apply->in, lane->number, IDLE_WAIT_MS);
    }
    (void)pthread_mutex_lock(&lane->lock);
    outgoing_tell(lane, true);
    (void)pthread_mutex_unlock(&lane->lock);
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

enum status lane_open(struct lane *lane, struct apply *apply, int number,
                      struct error *error)
{
    *lane = (struct lane){.apply = apply, .number = number};
    (void)pthread_mutex_init(&lane->lock, NULL);
    lane->records = calloc(BATCH_ITEMS_MAX, sizeof(*lane->records));
    if (lane->records == NULL)
        return error_set(error, STATUS_RETRY, "apply: out of memory");
    known_init(&lane->foreign);
    store_room_init(&lane->room);
    pace_begin(&lane->pace, apply_lane_rate(apply));
    pool_init(&lane->records_pool, LANE_RECORDS_BYTES_MAX);
    if (!pending_open(&lane->pending))
        return error_set(error, STATUS_RETRY, "apply: out of memory");
    lane_metrics_open(lane);
    enum status status = batch_open(&lane->batch, apply->contract, error);
    lane->batch.choice = &apply->choice;
    lane->batch.exports = trace_is_on() && apply_tells(apply);
    return status;
}

enum status lane_start(struct lane *lane, struct error *error)
{
    if (pthread_create(&lane->thread, NULL, lane_run, lane) != 0)
        return error_set(error, STATUS_RETRY, "apply: cannot start a thread");
    lane->started = true;
    return STATUS_OK;
}

void lane_join(struct lane *lane)
{
    if (lane->started)
        (void)pthread_join(lane->thread, NULL);
    lane->started = false;
    if (lane->records != NULL)
        drop_hand(lane);
}

void lane_finish(struct lane *lane)
{
    struct error ignored = {0};
    if (postgres_alive(lane->postgres))
        (void)outgoing_note_idle(lane,
                                 &ignored); /* what stays is sent again: same ce_id */
}

void lane_close(struct lane *lane)
{
    lane_join(lane);
    for (size_t at = 0; at < lane->part_count; at++)
        relay_end(&lane->parts[at].relay);
    keys_close(lane);
    lane->part_count = 0;
    batch_close(&lane->batch);
    store_room_free(&lane->room);
    pending_close(&lane->pending);
    pool_free(&lane->records_pool);
    postgres_close(&lane->postgres);
    free(lane->records);
    lane->records = NULL;
}
