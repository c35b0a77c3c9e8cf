#include "workers/apply/keys.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/log.h"
#include "workers/apply/apply.h"
#include "workers/apply/place_cache.h"

#include <stdlib.h>

/* Two bytes a key: 64 million keys a worker before runs have to be read for new keys. The
 * lanes have equal parts of it: partitions are dealt out evenly. */
#define BYTES_PER_MIB ((size_t)1024 * 1024)
#define WHOLE_RUN_FROM 32  /* keys of a batch that may lie in one run */
#define WHOLE_RUN_PART 512 /* or one for so many of its entries, if that is more */

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for the keys judged");
}

/* ---- loading ------------------------------------------------------------------------------- */

struct loading {
    struct lane *lane;
    struct known_keys *known;
};

static enum status load_row(void *self, const struct run_row *row, struct error *error)
{
    const struct loading *loading = self;
    enum status status = known_load_row(loading->known, row, error);
    keys_fit(loading->lane);
    return status;
}

static enum status load_keys(struct lane *lane, int32_t partition,
                             struct known_keys *known, struct error *error)
{
    struct loading loading = {.lane = lane, .known = known};
    const struct run_visitor visitor = {.each = load_row, .self = &loading};
    const struct run_scope scope = {.topic = span_from(lane->apply->topic),
                                    .partition = partition,
                                    .partitions = lane->partitions};
    known_free(known);
    enum status status = store_runs_load(lane->postgres, &scope, &visitor, error);
    if (status == STATUS_OK)
        known_loaded(known);
    else
        known_free(known);
    return status;
}

static bool is_all_ready(const struct lane *lane)
{
    bool ready = lane->foreign_ready;
    for (size_t at = 0; at < lane->part_count; at++)
        ready = ready && (lane->parts[at].known_ready || lane->parts[at].lost);
    return ready;
}

void keys_fit(struct lane *lane)
{
    struct known_keys *all[LANE_PARTS_MAX + 1] = {&lane->foreign};
    size_t lanes = (size_t)(lane->apply->lane_count > 0 ? lane->apply->lane_count : 1);
    size_t bytes = (size_t)lane->apply->config.key_memory_mib * BYTES_PER_MIB;
    for (size_t at = 0; at < lane->part_count; at++)
        all[at + 1] = &lane->parts[at].known;
    known_fit(all, lane->part_count + 1, bytes / lanes);
}

static enum status load_parts(struct lane *lane, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < lane->part_count && status == STATUS_OK; at++) {
        struct part *part = &lane->parts[at];
        if (part->known_ready || part->lost)
            continue;
        status = load_keys(lane, part->partition, &part->known, error);
        part->known_ready = status == STATUS_OK;
    }
    return status;
}

enum status keys_load(struct lane *lane, struct error *error)
{
    int32_t partitions = kafka_in_partitions(lane->apply->in);
    if (partitions <= 0)
        return STATUS_OK; /* nothing is judged before the topic is known */
    if (lane->partitions != partitions) {
        keys_forget(lane);
        place_cache_forget(lane->batch.cache); /* SKUs may lie elsewhere now */
    }
    lane->partitions = partitions;
    if (is_all_ready(lane))
        return STATUS_OK;
    enum status status = store_runs_agree(lane->postgres, span_from(lane->apply->topic),
                                          partitions, error);
    if (status == STATUS_OK && !lane->foreign_ready) {
        status = load_keys(lane, -1, &lane->foreign, error);
        lane->foreign_ready = status == STATUS_OK;
    }
    return status == STATUS_OK ? load_parts(lane, error) : status;
}

static void drop_cache(struct lane *lane)
{
    for (size_t at = 0; at < LANE_CACHE_RUNS; at++)
        buf_free(&lane->cache[at].keys);
    memset(lane->cache, 0, sizeof(lane->cache));
}

void keys_forget(struct lane *lane)
{
    known_free(&lane->foreign);
    lane->foreign_ready = false;
    for (size_t at = 0; at < lane->part_count; at++) {
        known_free(&lane->parts[at].known);
        lane->parts[at].known_ready = false;
    }
    drop_cache(lane);
}

void keys_close(struct lane *lane)
{
    keys_forget(lane);
    free(lane->slices);
    free(lane->slice_keys);
    free(lane->asked);
    lane->slices = NULL;
    lane->slice_keys = NULL;
    lane->asked = NULL;
}

/* ---- probing ------------------------------------------------------------------------------- */

static void mark(struct seen_key *seen, int64_t fingerprint)
{
    seen->known = true;
    seen->fingerprint = fingerprint;
}

/* Where many keys of a batch may lie in one run, as in a replay, all of it is read once. */
static enum status whole_run(struct lane *lane, const struct known_run *run,
                             struct span *keys_out, struct error *error)
{
    for (size_t at = 0; at < LANE_CACHE_RUNS; at++)
        if (lane->cache[at].id == run->id && lane->cache[at].keys.length > 0) {
            *keys_out = buf_view(&lane->cache[at].keys);
            return STATUS_OK;
        }
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = store_runs_keys(lane->postgres, run->id, &rows, error);
    *keys_out = (struct span){0};
    if (status != STATUS_OK || rows.count == 0)
        return status; /* gone: retention dropped it, and what it held is forgotten */
    struct cached_run *cached = &lane->cache[lane->cache_next++ % LANE_CACHE_RUNS];
    buf_free(&cached->keys);
    buf_init(&cached->keys, LANE_CACHE_BYTES_MAX);
    buf_span(&cached->keys, rows_span(&rows, 0, 0));
    if (cached->keys.failed)
        return out_of_memory(error);
    cached->id = run->id;
    *keys_out = buf_view(&cached->keys);
    return STATUS_OK;
}

static enum status search_run(struct lane *lane, const struct known_run *run,
                              size_t count, struct error *error)
{
    struct span keys;
    enum status status = whole_run(lane, run, &keys, error);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0; at < count; at++) {
        struct seen_key *seen = &lane->batch.keys[lane->asked[at]];
        const struct key_slice place = known_run_slice(run, seen->key);
        size_t first = place.first * KEY_RUN_ENTRY_BYTES;
        size_t length = place.entries * KEY_RUN_ENTRY_BYTES;
        int64_t fingerprint = 0;
        if (first + length <= keys.length &&
            key_run_find((struct span){keys.bytes + first, length}, seen->key,
                         &fingerprint))
            mark(seen, fingerprint);
    }
    return STATUS_OK;
}

static void ask_slices(struct lane *lane, const struct known_run *run, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const struct seen_key *seen = &lane->batch.keys[lane->asked[at]];
        const struct key_slice place = known_run_slice(run, seen->key);
        if (place.entries == 0)
            continue;
        lane->slice_keys[lane->slice_count] = lane->asked[at];
        lane->slices[lane->slice_count++] =
            (struct run_slice){.run = run->id,
                               .first = (int32_t)place.first,
                               .entries = (int32_t)place.entries};
    }
}

static enum status probe_run(struct lane *lane, const struct known_run *run,
                             const struct key_list *list, struct error *error)
{
    size_t count = 0;
    for (size_t at = 0; at < list->count; at++) {
        const struct seen_key *seen = &lane->batch.keys[list->slots[at]];
        if (!seen->known && known_run_may_have(run, seen->key))
            lane->asked[count++] = list->slots[at];
    }
    if (count == 0)
        return STATUS_OK;
    size_t most = run->entries / WHOLE_RUN_PART;
    if (count > (most > WHOLE_RUN_FROM ? most : WHOLE_RUN_FROM) ||
        lane->slice_count + count > LANE_SLICES_MAX)
        return search_run(lane, run, count, error);
    ask_slices(lane, run, count);
    return STATUS_OK;
}

static enum status probe_known(struct lane *lane, const struct known_keys *known,
                               const struct key_list *list, struct error *error)
{
    for (size_t at = 0; at < list->count; at++) {
        struct seen_key *seen = &lane->batch.keys[list->slots[at]];
        int64_t fingerprint = 0;
        if (!seen->known && known_find(known, seen->key, &fingerprint))
            mark(seen, fingerprint);
    }
    enum status status = STATUS_OK;
    for (size_t run = known->run_count; run > 0 && status == STATUS_OK; run--)
        status = probe_run(lane, &known->runs[run - 1], list, error);
    return status;
}

/* The batch's keys of one partition. */
static void keys_of(const struct lane *lane, int32_t partition, struct key_list *list)
{
    const struct batch *batch = &lane->batch;
    list->count = 0;
    for (size_t at = 0; at < batch->key_count; at++)
        if (batch->keys[batch->key_list[at]].partition == partition)
            list->slots[list->count++] = batch->key_list[at];
}

static enum status make_lists(struct lane *lane, struct error *error)
{
    lane->slice_count = 0;
    if (lane->slices != NULL)
        return STATUS_OK;
    lane->slices = calloc(LANE_SLICES_MAX, sizeof(*lane->slices));
    lane->slice_keys = calloc(LANE_SLICES_MAX, sizeof(*lane->slice_keys));
    lane->asked = calloc(2 * BATCH_ITEMS_MAX, sizeof(*lane->asked));
    if (lane->slices == NULL || lane->slice_keys == NULL || lane->asked == NULL)
        return out_of_memory(error);
    return STATUS_OK;
}

enum status keys_probe(struct lane *lane, struct store_question *question,
                       struct error *error)
{
    enum status status = make_lists(lane, error);
    if (status != STATUS_OK)
        return status;
    struct key_list list = {.slots = lane->asked + BATCH_ITEMS_MAX};
    for (size_t at = 0; at < lane->batch.part_count && status == STATUS_OK; at++) {
        const struct part *part = lane_part(lane, lane->batch.parts[at].partition);
        ASSERT(part != NULL && part->known_ready && lane->foreign_ready);
        keys_of(lane, part->partition, &list);
        status = probe_known(lane, &part->known, &list, error);
        if (status == STATUS_OK)
            status = probe_known(lane, &lane->foreign, &list, error);
    }
    question->slices = lane->slices;
    question->slice_count = lane->slice_count;
    return status;
}

void keys_learn(struct lane *lane, const struct store_found *found)
{
    for (int row = 0; row < found->slices.count; row++) {
        const struct slice_row slice = store_slice_row(found, row);
        ASSERT(slice.slice < lane->slice_count);
        struct seen_key *seen = &lane->batch.keys[lane->slice_keys[slice.slice]];
        int64_t fingerprint = 0;
        if (key_run_find(slice.entries, seen->key, &fingerprint))
            mark(seen, fingerprint);
    }
}
