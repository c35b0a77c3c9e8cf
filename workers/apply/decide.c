/*
 * The deciding half of batch.h: what the database answered, and every record in order.
 */
#include "common/base/check.h"
#include "workers/apply/batch.h"
#include "workers/apply/place_cache.h"

/* ---- what memory knows ---------------------------------------------------------------------- */

static int64_t epoch_of(struct batch *batch, int32_t partition)
{
    const struct part_count *part = batch_part(batch, partition);
    ASSERT(part != NULL); /* every place is of a partition of the batch */
    return part->epoch;
}

void batch_recall(struct batch *batch)
{
    batch->asked_count = 0;
    for (size_t at = 0; at < batch->place_count; at++) {
        struct place_state *state = &batch->places[at];
        if (place_cache_recall(batch->cache, state, epoch_of(batch, state->partition)))
            continue;
        batch->asked_list[batch->asked_count] = state->place;
        batch->asked_places[batch->asked_count++] = (uint32_t)at;
    }
}

void batch_retain(struct batch *batch)
{
    size_t slots = batch->contract->source_count + batch->contract->shop_count;
    for (size_t at = 0; at < batch->place_count; at++) {
        const struct place_state *state = &batch->places[at];
        place_cache_retain(batch->cache, state, slots, epoch_of(batch, state->partition));
    }
}

/* ---- what the database knew -------------------------------------------------------------------- */

/* Slot of a source or shop by name; -1 = the contract no longer knows it. */
static int slot_of(const struct contract *contract, struct span name)
{
    int source = contract_source(contract, name);
    if (source >= 0)
        return source;
    int shop = contract_shop(contract, name);
    return shop >= 0 ? (int)contract->source_count + shop : -1;
}

static void learn_readings(struct batch *batch, const struct store_found *found)
{
    for (int row = 0; row < found->readings.count; row++) {
        struct reading_row reading = store_reading_row(found, row);
        ASSERT(reading.place < batch->asked_count);
        int slot = slot_of(batch->contract, reading.source);
        uint32_t place = batch->asked_places[reading.place];
        if (slot >= 0)
            batch->places[place].readings[slot] = reading.reading;
    }
}

/* A source that the contract no longer has: its reading is kept, it may come back. */
static void keep_lost(struct batch *batch, struct place_state *state,
                      const struct level_row *level)
{
    state->lost_source = pool_span(&batch->pool, level->source);
    state->lost_reading = level->reading;
    if (state->lost_source.bytes == NULL)
        batch->out_of_memory = true;
}

/* After the readings: a level's row holds the newer one of its own source. */
static void learn_levels(struct batch *batch, const struct store_found *found)
{
    for (int row = 0; row < found->levels.count; row++) {
        struct level_row level = store_level_row(found, row);
        ASSERT(level.place < batch->asked_count);
        struct place_state *state = &batch->places[batch->asked_places[level.place]];
        state->level = level.level;
        state->level.source = contract_source(batch->contract, level.source);
        state->revision = level.revision;
        if (state->level.source >= 0)
            state->readings[state->level.source] = level.reading;
        else
            keep_lost(batch, state, &level);
    }
}

/* Late counts: those that may have recorded adjustments after them in the database. */
static void ask_later(struct batch *batch)
{
    for (size_t at = 0; at < batch->count; at++) {
        struct item *item = &batch->items[at];
        if (item->reason != REASON_NONE || item->misplaced)
            continue;
        const struct place_state *state = &batch->places[item->place];
        int slot = judge_slot(batch->contract, &item->event);
        if (!reading_needs_later(&state->readings[slot], &item->event))
            continue;
        item->later = (int32_t)batch->later_count;
        batch->later[batch->later_count++] =
            (struct later_question){.place = state->place,
                                    .source = item->event.source_name,
                                    .after_us = item->event.occurred_at_us};
    }
}

void batch_learn(struct batch *batch, const struct store_found *found)
{
    learn_readings(batch, found);
    learn_levels(batch, found);
    for (size_t at = 0; at < batch->place_count; at++)
        batch->places[at].level_was = batch->places[at].level;
    ask_later(batch);
}

/* ---- deciding ---------------------------------------------------------------------------------- */

/* Adjustments recorded earlier in this batch that occurred after the count. */
static int64_t later_in_batch(const struct batch *batch, const struct item *item)
{
    int64_t sum = 0;
    for (int32_t at = item->before_item; at >= 0; at = batch->items[at].before_item) {
        const struct item *earlier = &batch->items[at];
        if (earlier->verdict.recorded && earlier->event.type == EVENT_ADJUSTED &&
            earlier->event.source == item->event.source &&
            earlier->event.occurred_at_us > item->event.occurred_at_us)
            sum += earlier->event.quantity;
    }
    return sum;
}

static int64_t adjusted_later(const struct batch *batch, const struct item *item,
                              const struct place_state *state)
{
    int slot = judge_slot(batch->contract, &item->event);
    if (!reading_needs_later(&state->readings[slot], &item->event))
        return 0;
    int64_t sum = item->later >= 0 ? batch->later[item->later].sum : 0;
    return sum + later_in_batch(batch, item);
}

static enum seen seen_of(const struct batch *batch, const struct item *item)
{
    const struct seen_key *seen = &batch->keys[item->seen];
    if (!seen->known)
        return SEEN_NEVER;
    return seen->fingerprint == item->identity.fingerprint ? SEEN_SAME : SEEN_OTHER;
}

static void remember(struct batch *batch, struct item *item, struct place_state *state)
{
    const struct verdict *verdict = &item->verdict;
    if (outcome_leaves_ledger_row(verdict->outcome)) {
        batch->keys[item->seen].known = true;
        batch->keys[item->seen].fingerprint = item->identity.fingerprint;
    }
    if (!verdict->recorded)
        return;
    state->readings[verdict->slot] = verdict->reading;
    state->touched[verdict->slot] = true;
    if (!level_equal(&state->level, &verdict->level))
        state->level_touched = true;
    state->level = verdict->level;
}

static void decide_placed(struct batch *batch, struct item *item)
{
    struct place_state *state = &batch->places[item->place];
    const struct question question = {
        .seen = seen_of(batch, item),
        .event = &item->event,
        .contract = batch->contract,
        .readings = state->readings,
        .level = &state->level,
        .adjusted_later = adjusted_later(batch, item, state),
        .recorded_at_ms = item->record.timestamp_ms,
    };
    item->has_before = state->level.exists;
    item->before = state->level.quantity;
    item->verdict = judge(&question);
    remember(batch, item, state);
}

static void count(struct batch *batch, const struct item *item)
{
    struct part_count *part = batch_part(batch, item->record.partition);
    ASSERT(part != NULL); /* it was noted when the item joined */
    part->counts[item->verdict.outcome]++;
}

void batch_decide(struct batch *batch)
{
    for (size_t at = 0; at < batch->part_count; at++)
        memset(batch->parts[at].counts, 0, sizeof(batch->parts[at].counts));
    for (size_t at = 0; at < batch->count; at++) {
        struct item *item = &batch->items[at];
        if (item->reason != REASON_NONE || item->misplaced)
            item->verdict = judge(
                &(struct question){.reason = item->reason, .misplaced = item->misplaced});
        else
            decide_placed(batch, item);
        count(batch, item);
    }
}
