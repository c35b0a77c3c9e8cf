#include "workers/apply/known_keys.h"

#include "common/base/check.h"
#include "common/base/filter.h"

#include <stdlib.h>

#define FRESH_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define SLOTS_MIN 1024

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for the keys judged");
}

void known_init(struct known_keys *known)
{
    *known = (struct known_keys){0};
    buf_init(&known->fresh, FRESH_BYTES_MAX);
}

static void run_free(struct known_keys *known, struct known_run *run)
{
    known->filter_bytes -= run->filter.length;
    buf_free(&run->filter);
    buf_free(&run->guide);
    *run = (struct known_run){0};
}

void known_free(struct known_keys *known)
{
    for (size_t at = 0; at < known->run_count; at++)
        run_free(known, &known->runs[at]);
    free(known->runs);
    free(known->slots);
    buf_free(&known->fresh);
    known_init(known);
}

/* ---- keys in memory ------------------------------------------------------------------------ */

size_t known_fresh_count(const struct known_keys *known)
{
    return known->fresh.length / KEY_RUN_ENTRY_BYTES;
}

static const char *fresh_at(const struct known_keys *known, size_t at)
{
    return known->fresh.bytes + at * KEY_RUN_ENTRY_BYTES;
}

/* The slot of the key, or the free one where it belongs. */
static size_t slot_of(const struct known_keys *known, const unsigned char *key)
{
    uint64_t hash;
    memcpy(&hash, key + 8, sizeof(hash)); /* a digest is random already */
    size_t slot = hash & (known->slot_count - 1);
    while (known->slots[slot] != 0 &&
           memcmp(fresh_at(known, known->slots[slot] - 1), key, KEY_RUN_KEY_BYTES) != 0)
        slot = (slot + 1) & (known->slot_count - 1);
    return slot;
}

static enum status make_room(struct known_keys *known, struct error *error)
{
    size_t count = known_fresh_count(known);
    if (known->slot_count >= 2 * (count + 1))
        return STATUS_OK;
    size_t slot_count = known->slot_count > 0 ? 2 * known->slot_count : SLOTS_MIN;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return out_of_memory(error);
    free(known->slots);
    known->slots = slots;
    known->slot_count = slot_count;
    for (size_t at = 0; at < count; at++) {
        const unsigned char *key = (const unsigned char *)fresh_at(known, at);
        known->slots[slot_of(known, key)] = (uint32_t)at + 1;
    }
    return STATUS_OK;
}

enum status known_add(struct known_keys *known, const struct key_entry *entry,
                      struct error *error)
{
    enum status status = make_room(known, error);
    if (status != STATUS_OK)
        return status;
    size_t slot = slot_of(known, entry->key);
    size_t count = known_fresh_count(known);
    key_run_add(&known->fresh, entry);
    if (known->fresh.failed)
        return out_of_memory(error);
    known->slots[slot] = (uint32_t)count + 1;
    return STATUS_OK;
}

bool known_find(const struct known_keys *known, const unsigned char *key,
                int64_t *fingerprint_out)
{
    if (known->slot_count == 0)
        return false;
    uint32_t place = known->slots[slot_of(known, key)];
    if (place == 0)
        return false;
    *fingerprint_out = key_run_entry(buf_view(&known->fresh), place - 1).fingerprint;
    return true;
}

/* ---- runs ---------------------------------------------------------------------------------- */

bool known_run_may_have(const struct known_run *run, const unsigned char *key)
{
    const unsigned char *filter = (const unsigned char *)run->filter.bytes;
    return run->filter.length == 0 || filter_may_have(filter, run->filter.length, key);
}

struct key_slice known_run_slice(const struct known_run *run, const unsigned char *key)
{
    return key_run_slice(buf_view(&run->guide), run->entries, key);
}

static bool is_sound(const struct run_row *row)
{
    size_t guides = (row->entries + KEY_RUN_STRIDE - 1) / KEY_RUN_STRIDE;
    return row->entries > 0 && row->guide.length == guides * KEY_RUN_GUIDE_BYTES &&
           row->filter.length == filter_size(row->entries);
}

static enum status fill_run(struct known_keys *known, const struct run_row *row,
                            struct known_run *run, struct error *error)
{
    if (!is_sound(row))
        return error_set(error, STATUS_FATAL,
                         "apply: run %lld of ledger_runs is damaged; restore the table",
                         (long long)row->id);
    *run = (struct known_run){.id = row->id,
                              .first_offset = row->first_offset,
                              .next_offset = row->next_offset,
                              .newest_at_us = row->newest_at_us,
                              .entries = row->entries};
    buf_init(&run->guide, row->guide.length + 1);
    buf_init(&run->filter, row->filter.length + 1);
    buf_span(&run->guide, row->guide);
    if (run->guide.failed)
        return out_of_memory(error);
    buf_span(&run->filter, row->filter);
    if (run->filter.failed)
        buf_free(&run->filter); /* slower without, never wrong */
    known->filter_bytes += run->filter.length;
    return STATUS_OK;
}

static enum status append_run(struct known_keys *known, const struct run_row *row,
                              struct error *error)
{
    if (known->run_count == known->run_room) {
        size_t room = known->run_room > 0 ? 2 * known->run_room : 16;
        struct known_run *runs =
            room <= KNOWN_RUNS_MAX ? realloc(known->runs, room * sizeof(*runs)) : NULL;
        if (runs == NULL)
            return out_of_memory(error);
        known->runs = runs;
        known->run_room = room;
    }
    struct known_run run = {0};
    enum status status = fill_run(known, row, &run, error);
    if (status != STATUS_OK)
        return status;
    known->runs[known->run_count++] = run;
    if (run.newest_at_us > known->newest_at_us)
        known->newest_at_us = run.newest_at_us;
    return STATUS_OK;
}

static enum status load_fresh(struct known_keys *known, const struct run_row *row,
                              struct error *error)
{
    if (key_run_count(row->keys) != row->entries)
        return error_set(
            error, STATUS_FATAL,
            "apply: the ledger's page up to offset %lld is damaged; restore it",
            (long long)row->next_offset);
    enum status status = STATUS_OK;
    for (size_t at = 0; at < row->entries && status == STATUS_OK; at++) {
        const struct key_entry entry = key_run_entry(row->keys, at);
        status = known_add(known, &entry, error);
    }
    known->pages++;
    known->fresh_first_offset = row->first_offset; /* rows come newest first */
    if (row->newest_at_us > known->newest_at_us)
        known->newest_at_us = row->newest_at_us;
    return status;
}

enum status known_load_row(struct known_keys *known, const struct run_row *row,
                           struct error *error)
{
    return row->is_page ? load_fresh(known, row, error) : append_run(known, row, error);
}

/* Rows come newest first. */
void known_loaded(struct known_keys *known)
{
    for (size_t at = 0; at < known->run_count / 2; at++) {
        struct known_run swap = known->runs[at];
        known->runs[at] = known->runs[known->run_count - 1 - at];
        known->runs[known->run_count - 1 - at] = swap;
    }
}

static void clear_fresh(struct known_keys *known)
{
    buf_clear(&known->fresh);
    known->pages = 0;
    if (known->slot_count > 0)
        memset(known->slots, 0, known->slot_count * sizeof(*known->slots));
}

void known_forget_before(struct known_keys *known, int64_t judged_at_us)
{
    size_t kept = 0;
    for (size_t at = 0; at < known->run_count; at++) {
        if (known->runs[at].newest_at_us >= judged_at_us)
            known->runs[kept++] = known->runs[at];
        else
            run_free(known, &known->runs[at]);
    }
    known->run_count = kept;
}

/* ---- memory for filters --------------------------------------------------------------------- */

static bool is_older(const struct known_run *one, const struct known_run *other)
{
    if (one->newest_at_us != other->newest_at_us)
        return one->newest_at_us < other->newest_at_us;
    return one->id < other->id;
}

static void shed_oldest(struct known_keys *known)
{
    size_t oldest = known->run_count;
    for (size_t at = 0; at < known->run_count; at++)
        if (known->runs[at].filter.length > 0 &&
            (oldest == known->run_count ||
             is_older(&known->runs[at], &known->runs[oldest])))
            oldest = at;
    ASSERT(oldest < known->run_count);
    known->filter_bytes -= known->runs[oldest].filter.length;
    buf_free(&known->runs[oldest].filter);
}

void known_fit(struct known_keys *const *all, size_t count, size_t bytes_max)
{
    size_t bytes = 0;
    for (size_t at = 0; at < count; at++)
        bytes += all[at]->filter_bytes;
    while (bytes > bytes_max) {
        struct known_keys *largest = all[0];
        for (size_t at = 1; at < count; at++)
            if (all[at]->filter_bytes > largest->filter_bytes)
                largest = all[at];
        bytes -= largest->filter_bytes;
        shed_oldest(largest);
        bytes += largest->filter_bytes;
    }
}

/* ---- a new run ---------------------------------------------------------------------------------- */

enum status known_sealed(struct known_keys *known, const struct run_row *row,
                         size_t merged, struct error *error)
{
    ASSERT(merged <= known->run_count);
    if (merged == 0)
        clear_fresh(known);
    for (; merged > 0; merged--)
        run_free(known, &known->runs[--known->run_count]);
    return append_run(known, row, error);
}
