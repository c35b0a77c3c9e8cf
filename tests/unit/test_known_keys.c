/* Keys in memory and in runs, against a plain list: what was judged is known, with its
 * fingerprint, however it was sealed, merged and loaded again. */
#include "workers/apply/known_keys.h"

#include "common/base/check.h"
#include "common/base/filter.h"
#include "common/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MAX ((size_t)8 << 20)

static struct key_entry entry_of(uint64_t number)
{
    struct key_entry entry = {.fingerprint = (int64_t)number * 3};
    uint64_t halves[2] = {(number + 1) * 0x9e3779b97f4a7c15U,
                          (number + 9) * 0xbf58476d1ce4e5b9U};
    memcpy(entry.key, halves, sizeof(halves));
    return entry;
}

struct made {
    struct buf keys;
    struct buf guide;
    struct buf filter;
    struct run_row row;
};

static void make_run(struct made *made, int64_t id, uint64_t from, uint64_t count)
{
    buf_init(&made->keys, MAX);
    buf_init(&made->guide, MAX);
    buf_init(&made->filter, MAX);
    unsigned char *filter = buf_extend(&made->filter, filter_size(count));
    memset(filter, 0, filter_size(count));
    for (uint64_t at = from; at < from + count; at++) {
        const struct key_entry entry = entry_of(at);
        key_run_add(&made->keys, &entry);
        filter_add(filter, filter_size(count), entry.key);
    }
    struct buf unsorted = made->keys;
    buf_init(&made->keys, MAX);
    assert_true(key_run_sort(buf_view(&unsorted), &made->keys));
    buf_free(&unsorted);
    key_run_guide(buf_view(&made->keys), &made->guide);
    made->row = (struct run_row){.id = id,
                                 .entries = count,
                                 .guide = buf_view(&made->guide),
                                 .filter = buf_view(&made->filter)};
}

static void free_run(struct made *made)
{
    buf_free(&made->keys);
    buf_free(&made->guide);
    buf_free(&made->filter);
}

static void test_fresh_keys(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    known_init(&known);
    int64_t fingerprint = 0;
    struct key_entry entry = entry_of(1);
    assert_false(known_find(&known, entry.key, &fingerprint));
    for (uint64_t at = 0; at < 10000; at++) {
        entry = entry_of(at);
        assert_int_equal(known_add(&known, &entry, &error), STATUS_OK);
    }
    assert_int_equal(known_fresh_count(&known), 10000);
    for (uint64_t at = 0; at < 20000; at++) {
        entry = entry_of(at);
        assert_int_equal(known_find(&known, entry.key, &fingerprint), at < 10000);
        if (at < 10000)
            assert_int_equal(fingerprint, entry.fingerprint);
    }
}

static void test_sealing_forgets_the_fresh_and_keeps_the_run(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    struct made made;
    known_init(&known);
    struct key_entry entry = entry_of(5);
    assert_int_equal(known_add(&known, &entry, &error), STATUS_OK);
    make_run(&made, 7, 0, 1000);
    assert_int_equal(known_sealed(&known, &made.row, 0, &error), STATUS_OK);
    free_run(&made);
    int64_t fingerprint = 0;
    assert_int_equal(known_fresh_count(&known), 0);
    assert_false(known_find(&known, entry.key, &fingerprint));
    assert_int_equal(known.run_count, 1);
    for (uint64_t at = 0; at < 1000; at++) {
        entry = entry_of(at);
        assert_true(known_run_may_have(&known.runs[0], entry.key));
        assert_true(known_run_slice(&known.runs[0], entry.key).entries > 0);
    }
}

static void test_merging_replaces_the_newest(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    struct made made;
    known_init(&known);
    for (int64_t id = 1; id <= 5; id++) {
        make_run(&made, id, (uint64_t)id * 100, 100);
        assert_int_equal(known_sealed(&known, &made.row, 0, &error), STATUS_OK);
        free_run(&made);
    }
    make_run(&made, 9, 200, 400);
    assert_int_equal(known_sealed(&known, &made.row, 4, &error), STATUS_OK);
    free_run(&made);
    assert_int_equal(known.run_count, 2);
    assert_int_equal(known.runs[0].id, 1);
    assert_int_equal(known.runs[1].id, 9);
    assert_int_equal(known.filter_bytes, filter_size(100) + filter_size(400));
}

/* No room for all filters: the newest have theirs, the oldest are asked for every key. */
static void test_the_oldest_go_without_a_filter(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    struct made made;
    known_init(&known);
    struct known_keys *all[] = {&known};
    for (int64_t id = 1; id <= 5; id++) {
        make_run(&made, id, (uint64_t)id * 1000, 1000);
        assert_int_equal(known_sealed(&known, &made.row, 0, &error), STATUS_OK);
        known_fit(all, 1, 3 * filter_size(1000));
        free_run(&made);
    }
    const struct key_entry stranger = entry_of(999999);
    for (size_t at = 0; at < 5; at++)
        assert_int_equal(known.runs[at].filter.length == 0, at < 2);
    assert_true(known_run_may_have(&known.runs[0], stranger.key));
    assert_int_equal(known.filter_bytes, 3 * filter_size(1000));
    known_fit(all, 1, 0);
    assert_int_equal(known.filter_bytes, 0);
}

/* Who holds little keeps it: what is missing is taken from the one that holds most. */
static void test_memory_for_filters_goes_where_keys_are(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys few;
    SCOPED(known_free) struct known_keys many;
    SCOPED(known_free) struct known_keys none;
    struct known_keys *all[] = {&none, &few, &many};
    struct made made;
    known_init(&few);
    known_init(&many);
    known_init(&none);
    for (int64_t id = 1; id <= 9; id++) {
        make_run(&made, id, (uint64_t)id * 1000, 1000);
        made.row.newest_at_us = id;
        struct known_keys *known = id == 1 ? &few : &many;
        assert_int_equal(known_sealed(known, &made.row, 0, &error), STATUS_OK);
        free_run(&made);
    }
    known_fit(all, COUNT_OF(all), 9 * filter_size(1000));
    assert_int_equal(many.filter_bytes, 8 * filter_size(1000));
    known_fit(all, COUNT_OF(all), 4 * filter_size(1000));
    assert_int_equal(few.filter_bytes, filter_size(1000));
    for (size_t at = 0; at < 8; at++)
        assert_int_equal(many.runs[at].filter.length == 0, at < 5);
    known_fit(all, COUNT_OF(all), filter_size(1000) - 1);
    assert_int_equal(few.filter_bytes + many.filter_bytes, 0);
}

static void test_runs_that_retention_dropped(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    struct made made;
    known_init(&known);
    for (int64_t id = 1; id <= 4; id++) {
        make_run(&made, id, (uint64_t)id * 100, 100);
        made.row.newest_at_us = id * 10;
        assert_int_equal(known_sealed(&known, &made.row, 0, &error), STATUS_OK);
        free_run(&made);
    }
    known_forget_before(&known, 30);
    assert_int_equal(known.run_count, 2);
    assert_int_equal(known.runs[0].id, 3);
    assert_int_equal(known.runs[1].id, 4);
    assert_int_equal(known.filter_bytes, 2 * filter_size(100));
}

/* As the table gives them: newest first, fresh ones among them. */
static void test_loading(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    SCOPED(buf_free) struct buf fresh;
    struct known_keys *all[] = {&known};
    struct made made;
    known_init(&known);
    buf_init(&fresh, MAX);
    const struct key_entry entry = entry_of(77);
    key_run_add(&fresh, &entry);
    struct run_row row = {.is_page = true,
                          .entries = 1,
                          .first_offset = 40,
                          .newest_at_us = 5,
                          .keys = buf_view(&fresh)};
    assert_int_equal(known_load_row(&known, &row, &error), STATUS_OK);
    for (int64_t id = 3; id >= 1; id--) {
        make_run(&made, id, (uint64_t)id * 1000, 100);
        assert_int_equal(known_load_row(&known, &made.row, &error), STATUS_OK);
        known_fit(all, 1, 2 * filter_size(100));
        free_run(&made);
    }
    known_loaded(&known);
    int64_t fingerprint = 0;
    assert_true(known_find(&known, entry.key, &fingerprint));
    assert_int_equal(known.pages, 1);
    assert_int_equal(known.fresh_first_offset, 40);
    for (size_t at = 0; at < 3; at++) {
        assert_int_equal(known.runs[at].id, at + 1);
        assert_int_equal(known.runs[at].filter.length == 0, at == 0);
    }
}

static void test_a_damaged_row_is_refused(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(known_free) struct known_keys known;
    struct made made;
    known_init(&known);
    make_run(&made, 1, 0, 200);
    made.row.entries = 129; /* the guide's length still fits, the filter's does not */
    assert_int_equal(known_load_row(&known, &made.row, &error), STATUS_FATAL);
    made.row.entries = 0;
    assert_int_equal(known_load_row(&known, &made.row, &error), STATUS_FATAL);
    struct run_row cut = {.is_page = true, .entries = 2, .keys = {made.keys.bytes, 47}};
    assert_int_equal(known_load_row(&known, &cut, &error), STATUS_FATAL);
    free_run(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh_keys),
        cmocka_unit_test(test_sealing_forgets_the_fresh_and_keeps_the_run),
        cmocka_unit_test(test_merging_replaces_the_newest),
        cmocka_unit_test(test_the_oldest_go_without_a_filter),
        cmocka_unit_test(test_memory_for_filters_goes_where_keys_are),
        cmocka_unit_test(test_runs_that_retention_dropped),
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_a_damaged_row_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
