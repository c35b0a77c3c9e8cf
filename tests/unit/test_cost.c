/* The cost bucket: waits follow what the shop last said. */
#include "common/domain/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000LL

static struct cost_bucket bucket_of(int64_t available, int64_t rate)
{
    struct cost_bucket bucket = {0};
    struct cost_status status = {
        .known = true, .maximum = 2000, .available = available, .restore_rate = rate};
    cost_observe(&bucket, &status, 10 * SECOND);
    return bucket;
}

static void test_nothing_known_means_no_wait(void **state)
{
    (void)state;
    struct cost_bucket bucket = {0};
    assert_int_equal(cost_wait_ms(&bucket, 1000, 5), 0);
    assert_int_equal(cost_throttled_ms(&bucket, 1000, 5), COST_THROTTLED_MIN_MS);
}

static void test_restores_with_time(void **state)
{
    (void)state;
    struct cost_bucket bucket = bucket_of(0, 100);
    assert_int_equal(cost_wait_ms(&bucket, 10, 10 * SECOND), 100);
    assert_int_equal(cost_wait_ms(&bucket, 750, 10 * SECOND), 7500);
    assert_int_equal(cost_wait_ms(&bucket, 750, 15 * SECOND), 2500);
    assert_int_equal(cost_wait_ms(&bucket, 750, 18 * SECOND), 0);
    assert_int_equal(cost_available(&bucket, 1000 * SECOND), 2000);
}

static void test_points_set_aside_are_not_free(void **state)
{
    (void)state;
    struct cost_bucket bucket = bucket_of(30, 100);
    cost_set_aside(&bucket, 10);
    assert_int_equal(cost_wait_ms(&bucket, 20, 10 * SECOND), 0);
    cost_set_aside(&bucket, 20);
    assert_int_equal(cost_wait_ms(&bucket, 10, 10 * SECOND), 100);
    assert_int_equal(cost_wait_ms(&bucket, 10, 11 * SECOND), 0);
    cost_release(&bucket, 30);
    assert_int_equal(cost_wait_ms(&bucket, 30, 10 * SECOND), 0);
    assert_int_equal(bucket.set_aside, 0);
}

static void test_no_restore_rate(void **state)
{
    (void)state;
    struct cost_bucket bucket = bucket_of(5, 0);
    assert_int_equal(cost_wait_ms(&bucket, 10, 99 * SECOND), COST_THROTTLED_MIN_MS);
    bucket = bucket_of(5, -7);
    assert_int_equal(cost_wait_ms(&bucket, 10, 99 * SECOND), COST_THROTTLED_MIN_MS);
}

static void test_hostile_numbers(void **state)
{
    (void)state;
    struct cost_bucket bucket = {0};
    struct cost_status status = {.known = true,
                                 .maximum = INT64_MAX,
                                 .available = INT64_MIN,
                                 .restore_rate = INT64_MAX};
    cost_observe(&bucket, &status, 0);
    assert_in_range(cost_wait_ms(&bucket, 1000, INT64_MAX), 0, COST_WAIT_MAX_MS);
    status.restore_rate = 1;
    cost_observe(&bucket, &status, 0);
    assert_int_equal(cost_wait_ms(&bucket, 1000, 0), COST_WAIT_MAX_MS);
}

static void test_price_above_the_bucket(void **state)
{
    (void)state;
    struct cost_bucket bucket = bucket_of(2000, 100);
    assert_int_equal(cost_wait_ms(&bucket, 5000, 10 * SECOND), 0);
}

static void test_answer_without_status_changes_nothing(void **state)
{
    (void)state;
    struct cost_bucket bucket = bucket_of(0, 100);
    struct cost_status silent = {0};
    cost_observe(&bucket, &silent, 20 * SECOND);
    assert_int_equal(cost_wait_ms(&bucket, 10, 10 * SECOND), 100);
}

static void test_clock_that_goes_back(void **state)
{
    (void)state;
    struct cost_bucket bucket = bucket_of(0, 100);
    assert_int_equal(cost_wait_ms(&bucket, 10, 0), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_known_means_no_wait),
        cmocka_unit_test(test_restores_with_time),
        cmocka_unit_test(test_points_set_aside_are_not_free),
        cmocka_unit_test(test_no_restore_rate),
        cmocka_unit_test(test_hostile_numbers),
        cmocka_unit_test(test_price_above_the_bucket),
        cmocka_unit_test(test_answer_without_status_changes_nothing),
        cmocka_unit_test(test_clock_that_goes_back),
    };
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
