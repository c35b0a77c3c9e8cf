/* How large a sample must be: against the formula, and one step less is not enough. */
#include "common/domain/sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_known_sizes(void **state)
{
    (void)state;
    static const int64_t ROWS[][3] = {
        {950000, 10000, 299}, {990000, 10000, 459},        {950000, 50000, 59},
        {900000, 1000, 2302}, {950000, 1000000, 1},        {999999, 500000, 20},
        {950000, 100, 29956}, {950000, 1, SAMPLE_MAX + 1},
    };
    for (size_t at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++)
        assert_int_equal(sample_size(ROWS[at][0], ROWS[at][1]), ROWS[at][2]);
}

static void test_each_size_is_enough_and_one_less_is_not(void **state)
{
    (void)state;
    for (int64_t share = 300; share < SAMPLE_WHOLE; share = share * 5 / 3 + 1) {
        for (int64_t confidence = 10000; confidence < SAMPLE_WHOLE; confidence += 70000) {
            int64_t size = sample_size(confidence, share);
            double right = 1.0 - (double)share / 1e6;
            double missed = 1.0 - (double)confidence / 1e6;
            assert_true(pow(right, (double)size) <= missed + 1e-9);
            assert_true(size == 1 || pow(right, (double)(size - 1)) > missed - 1e-9);
        }
    }
}

static void test_the_share_of_a_size_is_the_least(void **state)
{
    (void)state;
    assert_int_equal(sample_share(299, 950000), 9970);
    for (int64_t size = 1; size < SAMPLE_MAX; size = size * 3 + 1) {
        int64_t share = sample_share(size, 950000);
        assert_true(share >= 1 && share <= SAMPLE_WHOLE);
        assert_true(sample_size(950000, share) <= size);
        assert_true(share == 1 || sample_size(950000, share - 1) > size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sizes),
        cmocka_unit_test(test_each_size_is_enough_and_one_less_is_not),
        cmocka_unit_test(test_the_share_of_a_size_is_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
