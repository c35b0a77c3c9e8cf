/* The filter never denies a key that it has, and seldom claims one that it has not. */
#include "common/base/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 50000

/* splitmix64: any two numbers give unrelated keys. */
static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

static void key_of(uint64_t number, unsigned char key[FILTER_KEY_BYTES])
{
    uint64_t halves[2] = {mix(2 * number), mix(2 * number + 1)};
    memcpy(key, halves, sizeof(halves));
}

static void test_what_was_added_is_there_and_little_else(void **state)
{
    (void)state;
    size_t size = filter_size(KEYS);
    unsigned char *bytes = calloc(1, size);
    unsigned char key[FILTER_KEY_BYTES];
    assert_non_null(bytes);
    for (uint64_t at = 0; at < KEYS; at++) {
        key_of(at, key);
        filter_add(bytes, size, key);
    }
    size_t wrong = 0;
    for (uint64_t at = 0; at < KEYS; at++) {
        key_of(at, key);
        assert_true(filter_may_have(bytes, size, key));
        key_of(KEYS + at, key);
        wrong += filter_may_have(bytes, size, key);
    }
    assert_in_range(wrong, 1,
                    KEYS / 500); /* none at all would be a filter of ones, or luck */
    free(bytes);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(filter_size(0), FILTER_BLOCK_BYTES);
    assert_int_equal(filter_size(1), FILTER_BLOCK_BYTES);
    assert_int_equal(filter_size(16), FILTER_BLOCK_BYTES);
    assert_int_equal(filter_size(17), 2 * FILTER_BLOCK_BYTES);
}

static void test_extreme_keys_stay_inside(void **state)
{
    (void)state;
    unsigned char bytes[3 * FILTER_BLOCK_BYTES] = {0};
    unsigned char low[FILTER_KEY_BYTES] = {0};
    unsigned char high[FILTER_KEY_BYTES];
    memset(high, 0xff, sizeof(high));
    filter_add(bytes, FILTER_BLOCK_BYTES * 2, low);
    filter_add(bytes, FILTER_BLOCK_BYTES * 2, high);
    assert_true(filter_may_have(bytes, FILTER_BLOCK_BYTES * 2, low));
    assert_true(filter_may_have(bytes, FILTER_BLOCK_BYTES * 2, high));
    for (size_t at = 2 * FILTER_BLOCK_BYTES; at < sizeof(bytes); at++)
        assert_int_equal(bytes[at], 0);
}

/* The bytes are stored: another layout would deny keys that were judged. */
static void test_the_layout_is_fixed(void **state)
{
    (void)state;
    unsigned char bytes[2 * FILTER_BLOCK_BYTES] = {0};
    const unsigned char key[FILTER_KEY_BYTES] = {0x80, 0, 0, 0, 0, 0, 0,    0,
                                                 0,    0, 0, 0, 0, 0, 0x04, 0x21};
    filter_add(bytes, sizeof(bytes), key);
    /* second block; words 0, 1, 2 have bit 1, the rest bit 0 */
    for (size_t word = 0; word < 8; word++) {
        assert_int_equal(bytes[32 + 4 * word], word < 3 ? 2 : 1);
        assert_int_equal(bytes[33 + 4 * word], 0);
    }
    for (size_t at = 0; at < 32; at++)
        assert_int_equal(bytes[at], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_added_is_there_and_little_else),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_extreme_keys_stay_inside),
        cmocka_unit_test(test_the_layout_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
