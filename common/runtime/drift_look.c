#include "common/runtime/drift_look.h"

#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/pair_decide.h"

#include <stdlib.h>

#define RESERVE_POINTS 500 /* of the shop's bucket, for push */
#define RESERVE_TRIES 30   /* of a second: then reads take what there is */
#define PAY_TRIES 120
#define WAIT_SLICE_MS 1000

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "drift: out of memory");
}

static const struct contract *contract_of(const struct drift_looker *looker)
{
    return looker->contract;
}

/* ---- what should be shown ------------------------------------------------------------- */

/* Of a kit: what the source of every part has seen. */
static int64_t seen_until(const struct pair_decision *decision)
{
    int64_t latest_us = 0;
    for (size_t at = 0; decision->is_decided && at < decision->stock_count; at++)
        if (decision->stocks[at].unseen_after_us > latest_us)
            latest_us = decision->stocks[at].unseen_after_us;
    return latest_us;
}

static enum status decide_levels(struct drift_looker *looker, struct drift_facts *facts,
                                 struct error *error)
{
    struct place places[DRIFT_BATCH_MAX];
    struct pair_decision decisions[DRIFT_BATCH_MAX];
    const struct drift_pairs *pairs = &looker->pairs;
    for (size_t at = 0; at < pairs->count; at++)
        places[at] = (struct place){pairs->all[at].sku, pairs->all[at].location};
    const struct contract *contract = contract_of(looker);
    const struct pair_question question = {.contract = contract,
                                           .shop =
                                               (size_t)(looker->shop - contract->shops),
                                           .places = places,
                                           .count = pairs->count};
    pool_reset(&looker->work);
    enum status status =
        pair_decide(looker->postgres, &question, &looker->work, decisions, error);
    for (size_t at = 0; status == STATUS_OK && at < pairs->count; at++) {
        facts[at].desired.known = decisions[at].is_decided && decisions[at].desired.known;
        facts[at].desired.units = decisions[at].desired.quantity;
        looker->looked.seen_until_us[at] = seen_until(&decisions[at]);
    }
    return status;
}

static bool is_of_other_contract(const struct drift_looker *looker, struct span digest)
{
    return digest.length > 0 && !span_is(digest, contract_of(looker)->digest);
}

static bool is_source_stale(const struct drift_looker *looker,
                            const struct drift_context *context, int64_t now_us)
{
    int source = contract_source(contract_of(looker), context->source);
    if (source < 0)
        return false;
    int64_t most = contract_of(looker)->sources[source].max_age_seconds;
    return most > 0 && now_us - context->occurred_at_us > most * 1000000;
}

/* What neither the tables nor the shop say by themselves. */
static void complete(const struct drift_looker *looker, struct drift_looked *looked)
{
    int64_t now_us = clock_now_us();
    for (size_t at = 0; at < looker->pairs.count; at++) {
        const struct drift_pair *pair = &looker->pairs.all[at];
        const struct drift_context *context = &looked->contexts[at];
        struct drift_facts *facts = &looked->facts[at];
        facts->mode = looker->shop->mode;
        facts->now_us = now_us;
        facts->settle_us = looker->settle_ms * 1000;
        facts->looks = pair->tries;
        facts->was_looked_at = pair->was_looked_at;
        facts->shown_before = pair->shown_before;
        facts->noted_before = pair->noted_before;
        facts->was_mapped = pair->was_mapped;
        facts->look.items = pair->items;
        facts->follows_other_contract = is_of_other_contract(looker, context->contract);
        facts->is_stale = is_source_stale(looker, context, now_us);
        facts->rival.known = context->rival.length > 0;
        facts->rival.units = facts->look.shown.units;
        if (!context->is_there)
            facts->desired.known = false;
    }
}

static enum status ask_tables(struct drift_looker *looker,
                              const struct drift_question *question, struct error *error)
{
    const struct drift_answer answer = {.pool = &looker->pool,
                                        .facts = looker->looked.facts,
                                        .contexts = looker->looked.contexts};
    return store_drift_facts(looker->postgres, question, &answer, error);
}

enum status drift_decide(struct drift_looker *looker, struct error *error)
{
    struct drift_looked *looked = &looker->looked;
    const struct drift_question question = {.shop = looker->shop->name,
                                            .contract = contract_of(looker),
                                            .pairs = &looker->pairs,
                                            .settle_ms = looker->settle_ms,
                                            .seen_until_us = looked->seen_until_us};
    enum status status = decide_levels(looker, looked->facts, error);
    if (status == STATUS_OK)
        status = ask_tables(looker, &question, error);
    if (status == STATUS_OK)
        complete(looker, looked);
    return status;
}

/* ---- what the shop shows -------------------------------------------------------------- */

/*
 * Reads live on what push leaves: a reserve stays in the bucket for it, unless that would
 * keep them waiting for ever.
 */
enum status drift_pay(struct drift_looker *looker, int64_t points, struct error *error)
{
    for (int tries = 0; tries < PAY_TRIES && !life_ending(); tries++) {
        int64_t reserve = tries < RESERVE_TRIES ? RESERVE_POINTS : 0;
        int64_t wait_ms = shopify_wait_ms(looker->shopify, points + reserve);
        if (wait_ms == 0)
            return STATUS_OK;
        life_wait_ms(wait_ms < WAIT_SLICE_MS ? wait_ms : WAIT_SLICE_MS);
    }
    return error_set_code(error, STATUS_RETRY, "throttled",
                          "the shop's cost bucket is used up by others");
}

static void take_level(const struct drift_pair *pair, const struct shopify_level *level,
                       struct drift_look *look)
{
    bool is_same = pair->raw_sku.length == 0 || span_equal(level->sku, pair->raw_sku);
    look->item_there = level->item_there && is_same;
    look->tracked = level->tracked;
    look->is_stocked = look->item_there && level->level_there && level->active;
    look->shown = (struct quantity){look->is_stocked && level->has_quantity,
                                    level->has_quantity ? level->quantity : 0};
    look->committed = (struct quantity){look->is_stocked && level->has_committed,
                                        level->has_committed ? level->committed : 0};
    look->at_us = clock_now_us();
}

/* The pairs of one place from `first` on; `done` marks those that have been read. */
static enum status read_place(struct drift_looker *looker, size_t first, bool *done,
                              struct drift_facts *facts, struct error *error)
{
    const struct drift_pair *pairs = looker->pairs.all;
    struct span items[DRIFT_BATCH_MAX];
    size_t places[DRIFT_BATCH_MAX];
    struct shopify_level levels[DRIFT_BATCH_MAX];
    size_t count = 0;
    for (size_t at = first; at < looker->pairs.count; at++) {
        if (done[at] || !span_equal(pairs[at].gid, pairs[first].gid))
            continue;
        done[at] = true;
        places[count] = at;
        items[count++] = pairs[at].item;
    }
    bool on_hand = looker->shop->mode == LEVEL_ON_HAND;
    const struct levels_wanted wanted = {.items = items,
                                         .count = count,
                                         .name = on_hand ? "on_hand" : "available",
                                         .pool = &looker->pool};
    enum status status = drift_pay(looker, (int64_t)count * SHOPIFY_READ_POINTS, error);
    looker->calls++;
    if (status == STATUS_OK)
        status = shopify_read_levels(looker->shopify, &wanted, pairs[first].gid, levels,
                                     error);
    for (size_t at = 0; status == STATUS_OK && at < count; at++)
        take_level(&pairs[places[at]], &levels[at], &facts[places[at]].look);
    return status;
}

static enum status read_shop(struct drift_looker *looker, struct drift_facts *facts,
                             struct error *error)
{
    bool done[DRIFT_BATCH_MAX] = {false};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < looker->pairs.count; at++)
        done[at] = looker->pairs.all[at].item.length == 0 ||
                   looker->pairs.all[at].gid.length == 0;
    for (size_t at = 0; at < looker->pairs.count && status == STATUS_OK; at++)
        if (!done[at])
            status = read_place(looker, at, done, facts, error);
    return status;
}

/* ---- judging -------------------------------------------------------------------------- */

/* Something happened to the pair between the two moments at which the tables were read. */
static bool has_moved(const struct drift_facts *before, const struct drift_facts *after)
{
    return before->is_in_flight || after->is_in_flight ||
           before->known_at_us != after->known_at_us ||
           before->known.known != after->known.known ||
           before->desired.known != after->desired.known ||
           before->desired.units != after->desired.units;
}

static void measure(const struct drift_pairs *pairs, const struct drift_facts *facts,
                    int64_t *residuals, int64_t *moves)
{
    for (size_t at = 0; at < pairs->count; at++) {
        int64_t shown = facts[at].look.shown.units;
        bool is_read = facts[at].look.shown.known;
        residuals[at] =
            is_read && facts[at].desired.known ? shown - facts[at].desired.units : 0;
        moves[at] = is_read && facts[at].known.known ? shown - facts[at].known.units : 0;
    }
}

/* The tables once more, now that it is known what the shop shows. */
static enum status look_again(struct drift_looker *looker, struct drift_looked *looked,
                              struct error *error)
{
    int64_t residuals[DRIFT_BATCH_MAX];
    int64_t moves[DRIFT_BATCH_MAX];
    enum status status = decide_levels(looker, looked->facts, error);
    if (status != STATUS_OK)
        return status;
    measure(&looker->pairs, looked->facts, residuals, moves);
    const struct drift_question question = {.shop = looker->shop->name,
                                            .contract = contract_of(looker),
                                            .pairs = &looker->pairs,
                                            .settle_ms = looker->settle_ms,
                                            .seen_until_us = looked->seen_until_us,
                                            .residuals = residuals,
                                            .moves = moves};
    status = ask_tables(looker, &question, error);
    if (status == STATUS_OK)
        complete(looker, looked);
    return status;
}

enum status drift_look(struct drift_looker *looker, struct error *error)
{
    struct drift_looked *looked = &looker->looked;
    *looked = (struct drift_looked){0};
    struct drift_facts *before = calloc(DRIFT_BATCH_MAX, sizeof *before);
    if (before == NULL)
        return out_of_memory(error);
    enum status status = drift_decide(looker, error);
    memcpy(before, looked->facts, sizeof looked->facts);
    if (status == STATUS_OK)
        status = read_shop(looker, looked->facts, error);
    if (status == STATUS_OK)
        status = look_again(looker, looked, error);
    if (status == STATUS_OK)
        status = drift_lag_fill(looker, error);
    for (size_t at = 0; status == STATUS_OK && at < looker->pairs.count; at++) {
        struct drift_facts *facts = &looked->facts[at];
        facts->is_in_flight = has_moved(&before[at], facts);
        looked->judgements[at] = drift_judge(facts);
    }
    free(before);
    return status;
}
