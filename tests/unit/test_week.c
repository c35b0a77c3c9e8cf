/* common/domain/week: ISO weeks and days. */
#include "common/domain/week.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static void test_known_weeks(void **state)
{
    (void)state;
    static const struct {
        const char *day;
        const char *week;
        const char *monday;
    } KNOWN[] = {
        {"2026-11-25", "2026-W48", "2026-11-23"},
        {"2026-11-29", "2026-W48", "2026-11-23"},
        {"2027-01-01", "2026-W53", "2026-12-28"},
        {"2021-01-03", "2020-W53", "2020-12-28"},
        {"2024-12-30", "2025-W01", "2024-12-30"},
        {"2024-02-29", "2024-W09", "2024-02-26"},
    };
    for (size_t at = 0; at < COUNT_OF(KNOWN); at++) {
        int32_t day = 0;
        int32_t monday = 0;
        int32_t again = 0;
        char text[WEEK_NAME_MAX];
        char first[WEEK_DAY_MAX];
        assert_true(week_day_parse(span_from(KNOWN[at].day), &day));
        assert_true(week_parse(span_from(KNOWN[at].day), &monday));
        assert_true(week_parse(span_from(KNOWN[at].week), &again));
        week_name(day, text);
        week_day_text(monday, first);
        assert_string_equal(text, KNOWN[at].week);
        assert_string_equal(first, KNOWN[at].monday);
        assert_int_equal(again, monday);
    }
}

static void test_what_is_no_week(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "",           "2026",       "2026-W00",   "2026-W54",  "2025-W53", "2026-w48",
        "2026-W4",    "2026-11-31", "2026-02-29", "2026-00-1", "26-W48",   "9999-W52",
        "2026-13-01", "2026-11-00", "2026/11/25", "2026-W4x",  "1999-W10", "+026-W48"};
    for (size_t at = 0; at < COUNT_OF(WRONG); at++) {
        int32_t monday = 0;
        assert_false(week_parse(span_from(WRONG[at]), &monday));
    }
    assert_false(week_parse((struct span){0}, &(int32_t){0}));
}

/* The C library as the judge, over 80 years. */
static void test_all_days(void **state)
{
    (void)state;
    for (int32_t day = 10957; day < 40000; day++) {
        char name[WEEK_NAME_MAX];
        char text[WEEK_DAY_MAX];
        char wanted[32];
        int32_t back = 0;
        time_t seconds = (time_t)day * 86400;
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(strftime(wanted, sizeof wanted, "%G-W%V %F", &tm) > 0);
        week_name(day, name);
        week_day_text(day, text);
        assert_memory_equal(wanted, name, 8);
        assert_string_equal(wanted + 9, text);
        assert_true(week_day_parse(span_from(text), &back));
        assert_int_equal(back, day);
        assert_int_equal(week_monday(day), day - (tm.tm_wday + 6) % 7);
        assert_int_equal(week_day(week_day_us(day)), day);
        assert_int_equal(week_day(week_day_us(day + 1) - 1), day);
    }
    assert_int_equal(week_day(-1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_weeks),
        cmocka_unit_test(test_what_is_no_week),
        cmocka_unit_test(test_all_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
