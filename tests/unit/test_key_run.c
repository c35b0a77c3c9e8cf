/* Sorted runs of keys: order, merging, and that the guide's slice holds every key there is. */
#include "common/codec/key_run.h"

#include "common/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX ((size_t)1 << 20)

static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

/* `alike`: so many keys in a row share their first 8 bytes. */
static struct key_entry entry_of(uint64_t number, uint64_t alike)
{
    struct key_entry entry = {.fingerprint = (int64_t)mix(number + 77)};
    uint64_t halves[2] = {mix(number / alike), mix(number)};
    memcpy(entry.key, halves, sizeof(halves));
    return entry;
}

static void fill(struct buf *run, uint64_t from, uint64_t count, uint64_t alike)
{
    buf_init(run, MAX);
    for (uint64_t at = from; at < from + count; at++) {
        const struct key_entry entry = entry_of(at, alike);
        key_run_add(run, &entry);
    }
}

static int by_key(const void *left, const void *right)
{
    return memcmp(left, right, KEY_RUN_KEY_BYTES);
}

static bool is_sorted(struct span run)
{
    size_t count = key_run_count(run);
    if (count == SIZE_MAX)
        return false;
    for (size_t at = 1; at < count; at++)
        if (by_key(run.bytes + (at - 1) * KEY_RUN_ENTRY_BYTES,
                   run.bytes + at * KEY_RUN_ENTRY_BYTES) > 0)
            return false;
    return true;
}

/* The run's entries, sorted, in its place. */
static void sort(struct buf *run)
{
    struct buf sorted;
    buf_init(&sorted, MAX);
    assert_true(key_run_sort(buf_view(run), &sorted));
    buf_free(run);
    *run = sorted;
}

static void check_found(struct span run, uint64_t from, uint64_t count, uint64_t alike)
{
    SCOPED(buf_free) struct buf guide;
    buf_init(&guide, MAX);
    key_run_guide(run, &guide);
    size_t entries = key_run_count(run);
    for (uint64_t at = 0; at < from + count + 500; at++) {
        const struct key_entry entry = entry_of(at, alike);
        struct key_slice place = key_run_slice(buf_view(&guide), entries, entry.key);
        assert_true(place.first + place.entries <= entries);
        struct span slice = {run.bytes + place.first * KEY_RUN_ENTRY_BYTES,
                             place.entries * KEY_RUN_ENTRY_BYTES};
        int64_t fingerprint = 0;
        bool found = key_run_find(slice, entry.key, &fingerprint);
        assert_int_equal(found, at >= from && at < from + count);
        if (found)
            assert_int_equal(fingerprint, entry.fingerprint);
    }
}

static void test_every_key_lies_in_its_slice(void **state)
{
    (void)state;
    static const uint64_t COUNTS[] = {1, 127, 128, 129, 256, 1000, 5000};
    for (size_t at = 0; at < 7; at++) {
        SCOPED(buf_free) struct buf run;
        fill(&run, 300, COUNTS[at], 1);
        sort(&run);
        assert_true(is_sorted(buf_view(&run)));
        check_found(buf_view(&run), 300, COUNTS[at], 1);
    }
}

/* More keys than the guide's stride begin alike: the slice has to reach over its entries. */
static void test_keys_that_begin_alike(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf run;
    fill(&run, 0, 4000, 400);
    sort(&run);
    check_found(buf_view(&run), 0, 4000, 400);
}

static void test_a_slice_is_small(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf run;
    SCOPED(buf_free) struct buf guide;
    fill(&run, 0, 20000, 1);
    sort(&run);
    buf_init(&guide, MAX);
    key_run_guide(buf_view(&run), &guide);
    assert_int_equal(guide.length, (20000 + 127) / 128 * KEY_RUN_GUIDE_BYTES);
    for (uint64_t at = 0; at < 20000; at++) {
        const struct key_entry entry = entry_of(at, 1);
        size_t entries = key_run_slice(buf_view(&guide), 20000, entry.key).entries;
        assert_in_range(entries, 1, 2 * KEY_RUN_STRIDE);
    }
}

static void test_merging_is_sorting_together(void **state)
{
    (void)state;
    struct buf parts[5];
    struct span spans[5];
    SCOPED(buf_free) struct buf merged;
    SCOPED(buf_free) struct buf whole;
    for (uint64_t at = 0; at < 5; at++) {
        fill(&parts[at], at * 700, at == 2 ? 0 : 700, 1);
        sort(&parts[at]);
        spans[at] = buf_view(&parts[at]);
    }
    buf_init(&merged, MAX);
    key_run_merge(spans, 5, &merged);
    fill(&whole, 0, 0, 1);
    for (uint64_t at = 0; at < 3500; at++) {
        const struct key_entry entry = entry_of(at, 1);
        if (at / 700 != 2)
            key_run_add(&whole, &entry);
    }
    sort(&whole);
    assert_int_equal(merged.length, whole.length);
    assert_memory_equal(merged.bytes, whole.bytes, whole.length);
    for (size_t at = 0; at < 5; at++)
        buf_free(&parts[at]);
}

static void test_entries_are_kept_as_they_were(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf run;
    buf_init(&run, MAX);
    const struct key_entry lowest = {.fingerprint = INT64_MIN};
    const struct key_entry other = {.key = {1, 2, 3}, .fingerprint = -2};
    key_run_add(&run, &lowest);
    key_run_add(&run, &other);
    assert_int_equal(key_run_count(buf_view(&run)), 2);
    assert_int_equal(key_run_entry(buf_view(&run), 0).fingerprint, INT64_MIN);
    assert_int_equal(key_run_entry(buf_view(&run), 1).fingerprint, -2);
    assert_memory_equal(key_run_entry(buf_view(&run), 1).key, other.key, 16);
    assert_true(key_run_count((struct span){run.bytes, 47}) == SIZE_MAX);
    assert_false(is_sorted((struct span){run.bytes, 47}));
}

/* As qsort has it, also where many keys fall into one bucket. */
static void test_sorting(void **state)
{
    (void)state;
    static const uint64_t ALIKE[] = {1, 50, 3000};
    for (size_t at = 0; at < 3; at++) {
        SCOPED(buf_free) struct buf run;
        SCOPED(buf_free) struct buf wanted;
        fill(&run, 0, 3000, ALIKE[at]);
        fill(&wanted, 0, 3000, ALIKE[at]);
        sort(&run);
        qsort(wanted.bytes, 3000, KEY_RUN_ENTRY_BYTES, by_key);
        assert_int_equal(run.length, wanted.length);
        assert_memory_equal(run.bytes, wanted.bytes, wanted.length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorting),
        cmocka_unit_test(test_every_key_lies_in_its_slice),
        cmocka_unit_test(test_keys_that_begin_alike),
        cmocka_unit_test(test_a_slice_is_small),
        cmocka_unit_test(test_merging_is_sorting_together),
        cmocka_unit_test(test_entries_are_kept_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
