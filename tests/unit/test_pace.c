/* Never faster than so many a second; never slower by more than the machine is: only the
 * first is asserted. */
#include "common/runtime/pace.h"

#include "common/runtime/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_not_faster(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 1000);
    int64_t began_us = clock_monotonic_us();
    for (int at = 0; at < 10; at++)
        pace_wait(&pace, 10);
    assert_true(clock_monotonic_us() - began_us >= 95000);
}

static void test_time_without_work_is_not_made_up_for(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 1000);
    pace.began_us -= 60 * 1000000LL;
    int64_t began_us = clock_monotonic_us();
    for (int at = 0; at < 5; at++)
        pace_wait(&pace, 10);
    assert_true(clock_monotonic_us() - began_us >= 45000);
}

static void test_no_rate_no_wait(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 0);
    for (int at = 0; at < 1000; at++)
        pace_wait(&pace, 1000000); /* hangs if it waits */
    assert_int_equal(pace_share(&pace, 4096), 4096);
}

static void test_shares(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 2000);
    assert_in_range(pace_share(&pace, 4096), 100, 400);
    assert_int_equal(pace_share(&pace, 50), 50);
    pace_begin(&pace, 1);
    assert_int_equal(pace_share(&pace, 4096), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_faster),
        cmocka_unit_test(test_time_without_work_is_not_made_up_for),
        cmocka_unit_test(test_no_rate_no_wait),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
