/* common/domain/retention: which partitions are made, filled and dropped. */
#include "common/domain/retention.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TODAY 20782 /* 2026-11-25 */
#define NOW (TODAY * RETENTION_DAY_US + 12 * 3600 * INT64_C(1000000))

static struct retention_found found;
static struct retention_plan plan;

static int start(void **state)
{
    (void)state;
    found = (struct retention_found){.now_us = NOW, .keep_days = 35};
    return 0;
}

static void partitions(int32_t first, int32_t last)
{
    for (int32_t day = first; day <= last; day++)
        found.partitions[found.partition_count++] = day;
}

static void stray(int32_t day, int64_t rows)
{
    found.strays[found.stray_count++] = (struct retention_day){day, rows};
}

static void expect(size_t at, enum retention_act act, int32_t day)
{
    assert_true(at < plan.count);
    assert_string_equal(retention_act_name(plan.steps[at].act), retention_act_name(act));
    assert_int_equal(plan.steps[at].day, day);
    assert_int_equal(plan.steps[at].is_quiet, day != TODAY);
}

static void test_a_fresh_ledger_gets_today_and_a_week(void **state)
{
    (void)state;
    retention_plan(&found, &plan);
    assert_int_equal(plan.count, 8);
    for (size_t at = 0; at < plan.count; at++)
        expect(at, RETENTION_MAKE, TODAY + (int32_t)at);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    partitions(TODAY - 36, TODAY + 7);
    retention_plan(&found, &plan);
    assert_int_equal(plan.count, 0);
}

static void test_the_next_day_is_made_and_the_oldest_goes(void **state)
{
    (void)state;
    partitions(TODAY - 37, TODAY + 6);
    retention_plan(&found, &plan);
    assert_int_equal(plan.count, 2);
    expect(0, RETENTION_MAKE, TODAY + 7);
    expect(1, RETENTION_DROP, TODAY - 37);
    assert_int_equal(plan.first_day, TODAY - 36);
}

/* No row goes before it is keep_days old, whatever the time of day. */
static void test_nothing_younger_goes(void **state)
{
    (void)state;
    const int64_t times[] = {0, 1, RETENTION_DAY_US / 2, RETENTION_DAY_US - 1};
    for (int64_t keep = 1; keep <= 40; keep++) {
        for (size_t at = 0; at < COUNT_OF(times); at++) {
            found = (struct retention_found){
                .now_us = TODAY * RETENTION_DAY_US + times[at], .keep_days = keep};
            partitions(TODAY - 60, TODAY + 7);
            retention_plan(&found, &plan);
            for (size_t step = 0; step < plan.count; step++) {
                assert_int_equal(plan.steps[step].act, RETENTION_DROP);
                int64_t end = (plan.steps[step].day + 1) * RETENTION_DAY_US;
                assert_true(found.now_us - end >= keep * RETENTION_DAY_US);
            }
            assert_int_equal(plan.count, 60 - keep - RETENTION_MARGIN_DAYS);
        }
    }
}

static void test_strays_move_the_oldest_first_and_before_all_else(void **state)
{
    (void)state;
    stray(TODAY - 40, 5);
    stray(TODAY - 3, RETENTION_MOVE_MAX * 100);
    stray(TODAY, RETENTION_MOVE_MAX);
    partitions(TODAY - 39, TODAY - 38);
    retention_plan(&found, &plan);
    expect(0, RETENTION_MOVE, TODAY - 3); /* over: nobody waits for it */
    expect(1, RETENTION_MOVE, TODAY);
    for (int32_t ahead = 1; ahead <= 7; ahead++)
        expect(1 + (size_t)ahead, RETENTION_MAKE, TODAY + ahead);
    expect(9, RETENTION_DROP, TODAY - 39);
    expect(10, RETENTION_DROP, TODAY - 38);
    expect(11, RETENTION_PURGE, TODAY - 40);
    assert_int_equal(plan.steps[11].rows, 5);
    assert_int_equal(plan.count, 12);
}

static void test_a_busy_today_waits_until_it_is_over(void **state)
{
    (void)state;
    stray(TODAY, RETENTION_MOVE_MAX + 1);
    retention_plan(&found, &plan);
    expect(0, RETENTION_DEFER, TODAY);
    for (size_t at = 1; at < plan.count; at++)
        assert_int_not_equal(plan.steps[at].day, TODAY);
    assert_int_equal(plan.count, 8);
}

static void test_tomorrow_is_not_quiet_shortly_before_midnight(void **state)
{
    (void)state;
    for (int64_t minutes = 1; minutes < 120; minutes++) {
        found.now_us = (TODAY + 1) * RETENTION_DAY_US - minutes * 60 * INT64_C(1000000);
        retention_plan(&found, &plan);
        assert_int_equal(plan.steps[0].is_quiet, false);
        assert_int_equal(plan.steps[1].is_quiet, minutes > 60);
        assert_int_equal(plan.steps[2].is_quiet, true);
    }
}

static void test_what_was_not_sent_is_kept(void **state)
{
    (void)state;
    partitions(TODAY - 60, TODAY + 7);
    found.has_unsent = true;
    found.unsent_us = (TODAY - 50) * RETENTION_DAY_US + 5;
    retention_plan(&found, &plan);
    assert_true(plan.is_held_back);
    assert_int_equal(plan.first_day, TODAY - 50);
    assert_int_equal(plan.count, 10);
    found.unsent_us = (TODAY - 36) * RETENTION_DAY_US;
    retention_plan(&found, &plan);
    assert_false(plan.is_held_back);
    assert_int_equal(plan.count, 24);
}

static void test_the_largest_plan_has_room(void **state)
{
    (void)state;
    found.keep_days = 1;
    partitions(TODAY - 2 * RETENTION_DAYS_MAX, TODAY - RETENTION_DAYS_MAX - 1);
    for (int32_t day = 0; day < RETENTION_DAYS_MAX; day++)
        stray(TODAY - 2 * RETENTION_DAYS_MAX + day, 1);
    retention_plan(&found, &plan);
    assert_int_equal(plan.count, RETENTION_STEPS_MAX);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        int32_t day;
        const char *name;
    } CASES[] = {{0, "ledger_19700101"},     {58, "ledger_19700228"},
                 {59, "ledger_19700301"},    {11016, "ledger_20000229"},
                 {TODAY, "ledger_20261125"}, {20819, "ledger_20270101"},
                 {47540, "ledger_21000228"}, {47541, "ledger_21000301"}};
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        char name[RETENTION_NAME_MAX];
        int32_t day = -1;
        retention_name(CASES[at].day, name);
        assert_string_equal(name, CASES[at].name);
        assert_true(retention_name_parse(span_from(name), &day));
        assert_int_equal(day, CASES[at].day);
    }
    for (int32_t day = 0; day < 60000; day++) {
        char name[RETENTION_NAME_MAX];
        int32_t back = -1;
        retention_name(day, name);
        assert_true(retention_name_parse(span_from(name), &back));
        assert_int_equal(back, day);
    }
}

static void test_names_that_are_not_ours(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {"ledger_default",
                                         "ledger_2026112",
                                         "ledger_202611250",
                                         "ledger_20261325",
                                         "ledger_20260230",
                                         "ledger_20260100",
                                         "ledger_2026 125",
                                         "ledger_runs",
                                         "ledger_retired",
                                         "ledgerX20261125",
                                         "ledger_19691231",
                                         "ledger_20261125x",
                                         "",
                                         "ledger_20260001"};
    int32_t day;
    for (size_t at = 0; at < COUNT_OF(OTHERS); at++)
        assert_false(retention_name_parse(span_from(OTHERS[at]), &day));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_fresh_ledger_gets_today_and_a_week, start),
        cmocka_unit_test_setup(test_nothing_to_do, start),
        cmocka_unit_test_setup(test_the_next_day_is_made_and_the_oldest_goes, start),
        cmocka_unit_test_setup(test_nothing_younger_goes, start),
        cmocka_unit_test_setup(test_strays_move_the_oldest_first_and_before_all_else,
                               start),
        cmocka_unit_test_setup(test_a_busy_today_waits_until_it_is_over, start),
        cmocka_unit_test_setup(test_tomorrow_is_not_quiet_shortly_before_midnight, start),
        cmocka_unit_test_setup(test_what_was_not_sent_is_kept, start),
        cmocka_unit_test_setup(test_the_largest_plan_has_room, start),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_that_are_not_ours),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
