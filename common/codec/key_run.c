#include "common/codec/key_run.h"

#include "common/base/check.h"

#include <stdlib.h>

#define RUNS_MAX 64 /* that are merged at once */
#define BUCKET_BITS 12
#define BUCKETS ((size_t)1 << BUCKET_BITS)

static const char *entry_at(struct span run, size_t at)
{
    return run.bytes + at * KEY_RUN_ENTRY_BYTES;
}

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, KEY_RUN_KEY_BYTES);
}

void key_run_add(struct buf *run, const struct key_entry *entry)
{
    buf_add(run, entry->key, sizeof(entry->key));
    buf_be64(run, (uint64_t)entry->fingerprint);
}

size_t key_run_count(struct span run)
{
    if (run.length % KEY_RUN_ENTRY_BYTES != 0)
        return SIZE_MAX;
    return run.length / KEY_RUN_ENTRY_BYTES;
}

static int64_t fingerprint_of(const char *entry)
{
    uint64_t value = 0;
    for (size_t at = KEY_RUN_KEY_BYTES; at < KEY_RUN_ENTRY_BYTES; at++)
        value = value << 8 | (unsigned char)entry[at];
    return (int64_t)value;
}

struct key_entry key_run_entry(struct span run, size_t at)
{
    ASSERT((at + 1) * KEY_RUN_ENTRY_BYTES <= run.length);
    struct key_entry entry;
    memcpy(entry.key, entry_at(run, at), sizeof(entry.key));
    entry.fingerprint = fingerprint_of(entry_at(run, at));
    return entry;
}

/* ---- order --------------------------------------------------------------------------------- */

/* The few entries of a bucket, each moved back to its place. */
static void insertion_sort(char *bytes, size_t entries)
{
    char moved[KEY_RUN_ENTRY_BYTES];
    for (size_t at = 1; at < entries; at++) {
        size_t to = at;
        memcpy(moved, bytes + at * KEY_RUN_ENTRY_BYTES, sizeof(moved));
        while (to > 0 && compare(bytes + (to - 1) * KEY_RUN_ENTRY_BYTES, moved) > 0)
            to--;
        memmove(bytes + (to + 1) * KEY_RUN_ENTRY_BYTES, bytes + to * KEY_RUN_ENTRY_BYTES,
                (at - to) * KEY_RUN_ENTRY_BYTES);
        memcpy(bytes + to * KEY_RUN_ENTRY_BYTES, moved, sizeof(moved));
    }
}

static size_t bucket_of(const char *entry)
{
    return (size_t)((unsigned char)entry[0] << 8 | (unsigned char)entry[1]) >>
           (16 - BUCKET_BITS);
}

/* Keys are digests, so that buckets by their first bits are even: no bucket is long. */
static void sort_by_buckets(const char *from, size_t entries, char *to, size_t *ends)
{
    memset(ends, 0, (BUCKETS + 1) * sizeof(*ends));
    for (size_t at = 0; at < entries; at++)
        ends[bucket_of(from + at * KEY_RUN_ENTRY_BYTES) + 1]++;
    for (size_t at = 1; at <= BUCKETS; at++)
        ends[at] += ends[at - 1];
    for (size_t at = 0; at < entries; at++) {
        const char *entry = from + at * KEY_RUN_ENTRY_BYTES;
        memcpy(to + ends[bucket_of(entry)]++ * KEY_RUN_ENTRY_BYTES, entry,
               KEY_RUN_ENTRY_BYTES);
    }
    size_t start = 0;
    for (size_t at = 0; at < BUCKETS; at++) {
        insertion_sort(to + start * KEY_RUN_ENTRY_BYTES, ends[at] - start);
        start = ends[at];
    }
}

bool key_run_sort(struct span unsorted, struct buf *out)
{
    size_t entries = key_run_count(unsorted);
    ASSERT(entries != SIZE_MAX);
    size_t *ends = calloc(BUCKETS + 1, sizeof(*ends));
    char *to = buf_extend(out, unsorted.length);
    if (ends != NULL && to != NULL)
        sort_by_buckets(unsorted.bytes, entries, to, ends);
    bool sorted = ends != NULL && to != NULL;
    free(ends);
    return sorted;
}

/* Index of the run whose next entry is the smallest; `count` = all are at their end. */
static size_t smallest(const struct span *left, size_t count)
{
    size_t best = count;
    for (size_t at = 0; at < count; at++) {
        if (left[at].length == 0)
            continue;
        if (best == count || compare(left[at].bytes, left[best].bytes) < 0)
            best = at;
    }
    return best;
}

void key_run_merge(const struct span *runs, size_t count, struct buf *out)
{
    struct span left[RUNS_MAX];
    ASSERT(count <= RUNS_MAX);
    memcpy(left, runs, count * sizeof(*left));
    for (;;) {
        size_t next = smallest(left, count);
        if (next == count)
            return;
        ASSERT(left[next].length >= KEY_RUN_ENTRY_BYTES);
        buf_add(out, left[next].bytes, KEY_RUN_ENTRY_BYTES);
        left[next].bytes += KEY_RUN_ENTRY_BYTES;
        left[next].length -= KEY_RUN_ENTRY_BYTES;
    }
}

/* ---- search -------------------------------------------------------------------------------- */

void key_run_guide(struct span run, struct buf *guide)
{
    size_t count = key_run_count(run);
    ASSERT(count != SIZE_MAX);
    for (size_t at = 0; at < count; at += KEY_RUN_STRIDE)
        buf_add(guide, entry_at(run, at), KEY_RUN_GUIDE_BYTES);
}

/* How many of the guide's entries lie before the key; `equal`: or start like it. */
static size_t guide_before(struct span guide, const unsigned char *key, bool equal)
{
    size_t low = 0;
    size_t high = guide.length / KEY_RUN_GUIDE_BYTES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order =
            memcmp(guide.bytes + middle * KEY_RUN_GUIDE_BYTES, key, KEY_RUN_GUIDE_BYTES);
        if (order < 0 || (equal && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Keys that share their first 8 bytes may lie on both sides of a guide's entry. */
struct key_slice key_run_slice(struct span guide, size_t entries,
                               const unsigned char key[KEY_RUN_KEY_BYTES])
{
    size_t begin = guide_before(guide, key, false);
    size_t end = guide_before(guide, key, true) * KEY_RUN_STRIDE;
    size_t first = begin > 0 ? (begin - 1) * KEY_RUN_STRIDE : 0;
    end = end < entries ? end : entries;
    return (struct key_slice){.first = first, .entries = end > first ? end - first : 0};
}

bool key_run_find(struct span slice, const unsigned char key[KEY_RUN_KEY_BYTES],
                  int64_t *fingerprint_out)
{
    size_t low = 0;
    size_t high = slice.length / KEY_RUN_ENTRY_BYTES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(entry_at(slice, middle), key);
        if (order == 0) {
            *fingerprint_out = fingerprint_of(entry_at(slice, middle));
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
