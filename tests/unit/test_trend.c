/* common/domain/trend: known series, and what must hold of any. */
#include "common/domain/trend.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct trend_point points[TREND_POINTS_MAX];

static struct trend of(const int64_t *values, size_t count)
{
    for (size_t at = 0; at < count; at++)
        points[at] = (struct trend_point){(int32_t)at, values[at]};
    return trend_of(points, count);
}

#define OF(...)                                                                          \
    of((const int64_t[]){__VA_ARGS__},                                                   \
       sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void test_known_series(void **state)
{
    (void)state;
    struct trend up = OF(1, 2, 3, 4, 5, 6, 7);
    assert_int_equal(up.direction, TREND_RISING);
    assert_int_equal(up.slope_milli, 1000);
    assert_int_equal(up.rises_less_falls, 21);
    struct trend down = OF(40, 30, 22, 21, 10, 4, 1);
    assert_int_equal(down.direction, TREND_FALLING);
    assert_true(down.slope_milli < 0);
    struct trend flat = OF(5, 5, 5, 5, 5, 5, 5);
    assert_int_equal(flat.direction, TREND_FLAT);
    assert_int_equal(flat.slope_milli, 0);
    assert_int_equal(OF(3, 1, 2, 3, 1, 2, 3).direction, TREND_FLAT);
}

/* Mann-Kendall's tables for 7 days without ties: S = 13 has p = 0.035, S = 11 has 0.068. */
static void test_the_line_is_that_of_the_tables(void **state)
{
    (void)state;
    struct trend thirteen = OF(2, 1, 4, 3, 6, 5, 7);
    assert_int_equal(thirteen.rises_less_falls, 15);
    assert_int_equal(thirteen.direction, TREND_RISING);
    struct trend just = OF(2, 1, 4, 3, 7, 5, 6);
    assert_int_equal(just.rises_less_falls, 13);
    assert_int_equal(just.direction, TREND_RISING);
    struct trend below = OF(3, 1, 2, 4, 7, 5, 6);
    assert_int_equal(below.rises_less_falls, 13);
    struct trend eleven = OF(3, 2, 1, 4, 7, 5, 6);
    assert_int_equal(eleven.rises_less_falls, 11);
    assert_int_equal(eleven.direction, TREND_FLAT);
}

static void test_few_days_prove_nothing(void **state)
{
    (void)state;
    assert_int_equal(OF(1, 2, 3).direction, TREND_FLAT);
    assert_int_equal(OF(1, 2, 3, 4).direction, TREND_RISING);
    assert_int_equal(OF(7).slope_milli, 0);
    assert_int_equal(trend_of(points, 0).direction, TREND_FLAT);
}

static void test_one_odd_day_moves_nothing(void **state)
{
    (void)state;
    struct trend odd = OF(70, 60, 1000000, 40, 30, 20, 10);
    assert_int_equal(odd.slope_milli, -10000);
    assert_int_equal(odd.direction, TREND_FALLING);
    assert_int_equal(trend_median((const int64_t[]){5, 900, 6, 4, 7}, 5), 6);
}

static void test_days_that_lack_keep_their_distance(void **state)
{
    (void)state;
    const struct trend_point gaps[] = {{0, 10}, {1, 8}, {5, 0}};
    assert_int_equal(trend_of(gaps, COUNT_OF(gaps)).slope_milli, -2000);
}

static void test_the_median(void **state)
{
    (void)state;
    assert_int_equal(trend_median(NULL, 0), -1);
    assert_int_equal(trend_median((const int64_t[]){9}, 1), 9);
    assert_int_equal(trend_median((const int64_t[]){9, 2}, 2), 5);
    assert_int_equal(trend_median((const int64_t[]){-3, -4}, 2), -4);
}

/* ---- of any series --------------------------------------------------------------------------- */

static uint64_t dice = 7;

static int64_t roll(int64_t most)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((dice >> 33) % (uint64_t)(most + 1));
}

static enum trend_direction mirrored(enum trend_direction direction)
{
    if (direction == TREND_FLAT)
        return TREND_FLAT;
    return direction == TREND_RISING ? TREND_FALLING : TREND_RISING;
}

static void test_mirrored_and_shifted(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct trend_point mirror[TREND_POINTS_MAX];
        struct trend_point shifted[TREND_POINTS_MAX];
        size_t count = (size_t)roll(TREND_POINTS_MAX);
        int64_t by = roll(1000);
        int32_t day = 0;
        for (size_t at = 0; at < count; at++) {
            day += 1 + (int32_t)roll(2);
            points[at] = (struct trend_point){day, roll(20)};
            mirror[at] = (struct trend_point){day, -points[at].value};
            shifted[at] = (struct trend_point){day + 5, points[at].value + by};
        }
        struct trend trend = trend_of(points, count);
        struct trend against = trend_of(mirror, count);
        struct trend moved = trend_of(shifted, count);
        assert_int_equal(against.direction, mirrored(trend.direction));
        assert_int_equal(against.rises_less_falls, -trend.rises_less_falls);
        assert_in_range(against.slope_milli + trend.slope_milli + 2, 0, 4);
        assert_int_equal(moved.direction, trend.direction);
        assert_int_equal(moved.slope_milli, trend.slope_milli);
        assert_true(trend.direction != TREND_RISING || trend.slope_milli >= 0);
    }
}

static void test_huge_numbers(void **state)
{
    (void)state;
    struct trend trend = OF(INT64_MAX, 5, INT64_MIN, 3, 2, 1, INT64_MIN);
    assert_int_equal(trend.direction, TREND_FALLING);
    assert_true(trend.slope_milli < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_series),
        cmocka_unit_test(test_the_line_is_that_of_the_tables),
        cmocka_unit_test(test_few_days_prove_nothing),
        cmocka_unit_test(test_one_odd_day_moves_nothing),
        cmocka_unit_test(test_days_that_lack_keep_their_distance),
        cmocka_unit_test(test_the_median),
        cmocka_unit_test(test_mirrored_and_shifted),
        cmocka_unit_test(test_huge_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
