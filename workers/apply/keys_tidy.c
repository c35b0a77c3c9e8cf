/*
 * The writing half of keys.h: keys of a committed batch join those in memory; what is in
 * memory becomes a run; runs become fewer.
 */
#include "common/base/check.h"
#include "common/base/filter.h"
#include "common/base/scope.h"
#include "common/domain/run_plan.h"
#include "workers/apply/apply.h"
#include "workers/apply/keys.h"

#define DAY_US (86400 * 1000000LL)
#define KEPT_DAYS_MORE 3
#define RUN_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define LANE_FRESH_MAX ((size_t)128 * 1024) /* keys in memory of all its partitions */

static enum status note_page(struct part *part, const struct page_write *page,
                             struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < (size_t)page->entries && status == STATUS_OK; at++) {
        const struct key_entry entry = key_run_entry(page->keys, at);
        status = known_add(&part->known, &entry, error);
    }
    if (part->known.pages++ == 0)
        part->known.fresh_first_offset = page->first_offset;
    return status;
}

/* Where memory is short the keys are read again from the table, which has them. */
void keys_note(struct lane *lane, const struct store_effects *effects)
{
    for (size_t at = 0; at < effects->page_count; at++) {
        struct error ignored = {0};
        struct part *part = lane_part(lane, effects->pages[at].partition);
        ASSERT(part != NULL);
        if (note_page(part, &effects->pages[at], &ignored) != STATUS_OK) {
            known_free(&part->known);
            part->known_ready = false;
            continue;
        }
        part->known.newest_at_us = effects->judged_at_us;
    }
}

/* ---- a new run ------------------------------------------------------------------------------ */

struct draft {
    struct buf keys; /* sorted */
    struct buf guide;
    struct buf filter;
    struct run_row row;
};

static void draft_init(struct draft *draft)
{
    *draft = (struct draft){0};
    buf_init(&draft->keys, RUN_BYTES_MAX);
    buf_init(&draft->guide, RUN_BYTES_MAX);
    buf_init(&draft->filter, RUN_BYTES_MAX);
}

static void draft_free(struct draft *draft)
{
    buf_free(&draft->keys);
    buf_free(&draft->guide);
    buf_free(&draft->filter);
}

/* Guide and filter of the sorted keys. */
static bool draft_finish(struct draft *draft)
{
    struct span keys = buf_view(&draft->keys);
    size_t entries = key_run_count(keys);
    if (draft->keys.failed || entries == SIZE_MAX)
        return false;
    size_t size = filter_size(entries);
    unsigned char *filter = buf_extend(&draft->filter, size);
    key_run_guide(keys, &draft->guide);
    if (filter == NULL || draft->guide.failed)
        return false;
    memset(filter, 0, size);
    for (size_t at = 0; at < entries; at++)
        filter_add(filter, size, key_run_entry(keys, at).key);
    draft->row.entries = entries;
    draft->row.keys = keys;
    draft->row.guide = buf_view(&draft->guide);
    draft->row.filter = buf_view(&draft->filter);
    return true;
}

/* Into the table under the partition's fence, then into memory. */
static enum status store_draft(struct lane *lane, struct part *part, struct draft *draft,
                               size_t merged, struct error *error)
{
    int64_t ids[RUN_MERGE_MAX];
    ASSERT(merged <= RUN_MERGE_MAX);
    if (!draft_finish(draft))
        return error_set(error, STATUS_RETRY, "apply: out of memory for a run of keys");
    for (size_t at = 0; at < merged; at++)
        ids[at] = part->known.runs[part->known.run_count - merged + at].id;
    const struct run_replace replace = {.topic = span_from(lane->apply->topic),
                                        .partitions = lane->partitions,
                                        .fence = {.partition = part->partition,
                                                  .epoch = part->epoch,
                                                  .next_offset = part->next_offset},
                                        .run = draft->row,
                                        .merged = ids,
                                        .merged_count = merged};
    bool fenced = false;
    enum status status =
        store_runs_replace(lane->postgres, &replace, &draft->row.id, &fenced, error);
    if (status != STATUS_OK)
        return status;
    if (fenced) {
        lane_lose_part(lane, part);
        return STATUS_OK;
    }
    status = known_sealed(&part->known, &draft->row, merged, error);
    keys_fit(lane);
    return status;
}

static enum status seal(struct lane *lane, struct part *part, struct error *error)
{
    SCOPED(draft_free) struct draft draft;
    draft_init(&draft);
    if (!key_run_sort(buf_view(&part->known.fresh), &draft.keys))
        return error_set(error, STATUS_RETRY, "apply: out of memory for a run of keys");
    draft.row.first_offset = part->known.fresh_first_offset;
    draft.row.next_offset = part->next_offset;
    draft.row.newest_at_us = part->known.newest_at_us;
    return store_draft(lane, part, &draft, 0, error);
}

/* ---- merging -------------------------------------------------------------------------------- */

struct sources {
    struct rows rows[RUN_MERGE_MAX];
    struct span keys[RUN_MERGE_MAX];
};

static void sources_release(struct sources *sources)
{
    for (size_t at = 0; at < RUN_MERGE_MAX; at++)
        rows_release(&sources->rows[at]);
}

static enum status read_sources(struct lane *lane, const struct known_run *runs,
                                size_t count, struct sources *sources,
                                struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        status = store_runs_keys(lane->postgres, runs[at].id, &sources->rows[at], error);
        if (status == STATUS_OK && sources->rows[at].count > 0)
            sources->keys[at] = rows_span(&sources->rows[at], 0, 0);
    }
    return status;
}

static enum status merge(struct lane *lane, struct part *part, size_t count,
                         struct error *error)
{
    SCOPED(draft_free) struct draft draft;
    SCOPED(sources_release) struct sources sources = {0};
    const struct known_run *runs = part->known.runs + part->known.run_count - count;
    draft_init(&draft);
    enum status status = read_sources(lane, runs, count, &sources, error);
    if (status != STATUS_OK)
        return status;
    key_run_merge(sources.keys, count, &draft.keys);
    draft.row.first_offset = runs[0].first_offset;
    draft.row.next_offset = runs[count - 1].next_offset;
    draft.row.newest_at_us = runs[count - 1].newest_at_us;
    if (draft.keys.length == 0) {
        part->known_ready = false; /* retention dropped all of them: look again */
        return STATUS_OK;
    }
    return store_draft(lane, part, &draft, count, error);
}

/* ---- when ----------------------------------------------------------------------------------- */

static size_t merge_count(const struct known_keys *known)
{
    size_t entries[RUN_MERGE_MAX];
    size_t count = known->run_count < RUN_MERGE_MAX ? known->run_count : RUN_MERGE_MAX;
    for (size_t at = 0; at < count; at++)
        entries[at] = known->runs[known->run_count - count + at].entries;
    return run_plan_merge(entries, count);
}

/* Longer than retention keeps them: what is forgotten here is gone from the table too. */
static int64_t kept_us(const struct lane *lane)
{
    return (int64_t)(lane->apply->contract->idempotency_days + KEPT_DAYS_MORE) * DAY_US;
}

static enum status tidy_part(struct lane *lane, struct part *part, bool must_seal,
                             struct error *error)
{
    size_t fresh = known_fresh_count(&part->known);
    if (!(must_seal && fresh > 0) && !run_plan_seal(fresh, part->known.pages))
        return STATUS_OK;
    if (apply_tells(lane->apply)) /* a shadow forgets nothing: see lane_judged_at */
        known_forget_before(&part->known, part->known.newest_at_us - kept_us(lane));
    enum status status = seal(lane, part, error);
    size_t count;
    while (status == STATUS_OK && part->known_ready && !part->lost &&
           (count = merge_count(&part->known)) > 0)
        status = merge(lane, part, count, error);
    return status;
}

enum status keys_tidy(struct lane *lane, struct error *error)
{
    size_t fresh = 0;
    for (size_t at = 0; at < lane->part_count; at++)
        fresh += known_fresh_count(&lane->parts[at].known);
    enum status status = STATUS_OK;
    for (size_t at = 0; at < lane->part_count && status == STATUS_OK; at++)
        if (lane->parts[at].known_ready && !lane->parts[at].lost)
            status = tidy_part(lane, &lane->parts[at], fresh > LANE_FRESH_MAX, error);
    if (status != STATUS_OK && postgres_alive(lane->postgres))
        keys_forget(lane);
    return status;
}
