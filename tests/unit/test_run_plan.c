/* However keys arrive, there are few runs, each key is rewritten a few times, none is huge. */
#include "common/domain/run_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS 2000

struct table {
    size_t entries[RUNS];
    size_t count;
    size_t written; /* keys, merges included */
    size_t largest;
};

static void add(struct table *table, size_t entries)
{
    assert_true(table->count < RUNS);
    table->entries[table->count++] = entries;
    table->written += entries;
    size_t merged;
    while ((merged = run_plan_merge(table->entries, table->count)) > 0) {
        assert_in_range(merged, 2, RUN_MERGE_MAX);
        assert_true(merged <= table->count);
        size_t sum = 0;
        for (size_t at = 0; at < merged; at++)
            sum += table->entries[--table->count];
        table->entries[table->count++] = sum;
        table->written += sum;
        table->largest = sum > table->largest ? sum : table->largest;
    }
}

static void check(const struct table *table, size_t keys)
{
    assert_true(table->count <= keys / 262144 + 20);
    assert_true(table->written <= 9 * keys);
    assert_true(table->largest <= RUN_KEYS_MAX);
}

static void test_full_runs(void **state)
{
    (void)state;
    static struct table table;
    memset(&table, 0, sizeof(table));
    for (size_t at = 0; at < 1600; at++)
        add(&table, RUN_FRESH_MAX);
    check(&table, 1600 * RUN_FRESH_MAX);
}

static void test_small_runs_of_a_quiet_partition(void **state)
{
    (void)state;
    static struct table table;
    memset(&table, 0, sizeof(table));
    for (size_t at = 0; at < 5000; at++)
        add(&table, RUN_PAGES_MAX);
    check(&table, 5000 * RUN_PAGES_MAX);
}

static void test_runs_of_any_size(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        static struct table table;
        memset(&table, 0, sizeof(table));
        uint64_t random = seed;
        size_t keys = 0;
        for (size_t at = 0; at < 3000; at++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            size_t entries = 1 + (random >> 33) % ((size_t)1 << (random >> 60));
            add(&table, entries);
            keys += entries;
        }
        assert_true(table.count <= keys / 262144 + 20);
        assert_true(table.largest <= RUN_KEYS_MAX);
    }
}

static void test_when_to_seal(void **state)
{
    (void)state;
    assert_false(run_plan_seal(0, 0));
    assert_false(run_plan_seal(0, RUN_PAGES_MAX));
    assert_false(run_plan_seal(RUN_FRESH_MAX - 1, RUN_PAGES_MAX - 1));
    assert_true(run_plan_seal(RUN_FRESH_MAX, 1));
    assert_true(run_plan_seal(1, RUN_PAGES_MAX));
    assert_int_equal(run_plan_merge(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_runs),
        cmocka_unit_test(test_small_runs_of_a_quiet_partition),
        cmocka_unit_test(test_runs_of_any_size),
        cmocka_unit_test(test_when_to_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
