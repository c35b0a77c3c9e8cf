/* Memory of a batch: stays in place, aligned, bounded, used again after a reset. */
#include "common/base/pool.h"
#include "common/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PIECES 5000

static void test_pieces_stay_apart_and_in_place(void **state)
{
    (void)state;
    static unsigned char *pieces[PIECES];
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, (size_t)64 << 20);
    for (size_t at = 0; at < PIECES; at++) {
        pieces[at] = pool_take(&pool, 1 + at % 300);
        assert_non_null(pieces[at]);
        assert_int_equal((uintptr_t)pieces[at] % 16, 0);
        memset(pieces[at], (int)(at % 251), 1 + at % 300);
    }
    for (size_t at = 0; at < PIECES; at++)
        for (size_t byte = 0; byte < 1 + at % 300; byte++)
            assert_int_equal(pieces[at][byte], at % 251);
}

static void test_reset_uses_the_same_memory(void **state)
{
    (void)state;
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, (size_t)1 << 20);
    void *first = pool_take(&pool, 100);
    (void)pool_take(&pool, 700 * 1000);
    pool_reset(&pool);
    assert_ptr_equal(pool_take(&pool, 100), first);
    for (int round = 0; round < 100; round++) {
        pool_reset(&pool);
        assert_non_null(pool_take(&pool, 900 * 1000));
    }
}

static void test_maximum(void **state)
{
    (void)state;
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, 1024);
    assert_non_null(pool_take(&pool, 1000));
    assert_non_null(pool_take(&pool, 16));
    assert_null(pool_take(&pool, 1));
    assert_null(pool_take(&pool, SIZE_MAX));
    pool_reset(&pool);
    assert_non_null(pool_take(&pool, 1024));
}

static void test_copies_of_spans(void **state)
{
    (void)state;
    char text[] = "abc";
    SCOPED(pool_free) struct pool pool;
    pool_init(&pool, 64);
    struct span copy = pool_span(&pool, span_from(text));
    text[0] = 'x';
    assert_true(span_is(copy, "abc"));
    struct span empty = pool_span(&pool, SPAN_OF(""));
    assert_non_null(empty.bytes);
    assert_int_equal(empty.length, 0);
    assert_null(pool_span(&pool, (struct span){text, 1000}).bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_stay_apart_and_in_place),
        cmocka_unit_test(test_reset_uses_the_same_memory),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_copies_of_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
