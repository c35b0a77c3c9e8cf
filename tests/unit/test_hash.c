/* murmur2 as Kafka's Java producer has it: its own published test values. */
#include "common/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *key;
    int32_t hash;
} VECTORS[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

static void test_murmur2_vectors(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(VECTORS) / sizeof(VECTORS[0]); at++)
        assert_int_equal((int32_t)hash_murmur2(span_from(VECTORS[at].key)),
                         VECTORS[at].hash);
}

static void test_partition_drops_the_sign(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(VECTORS) / sizeof(VECTORS[0]); at++) {
        int32_t positive = (int32_t)((uint32_t)VECTORS[at].hash & 0x7fffffffU);
        assert_int_equal(hash_partition(span_from(VECTORS[at].key), 12), positive % 12);
        assert_int_equal(hash_partition(span_from(VECTORS[at].key), 1), 0);
    }
}

static void test_hash_bytes_tells_lengths_and_seeds_apart(void **state)
{
    (void)state;
    const char zeros[32] = {0};
    for (size_t length = 0; length < sizeof(zeros); length++)
        for (size_t other = 0; other < length; other++)
            assert_true(hash_bytes((struct span){zeros, length}, 1) !=
                        hash_bytes((struct span){zeros, other}, 1));
    assert_true(hash_bytes(SPAN_OF("x"), 1) != hash_bytes(SPAN_OF("x"), 2));
    assert_true(hash_bytes(SPAN_OF("x"), 1) == hash_bytes(SPAN_OF("x"), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_murmur2_vectors),
        cmocka_unit_test(test_partition_drops_the_sign),
        cmocka_unit_test(test_hash_bytes_tells_lengths_and_seeds_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
