/* Growable bytes: content, the maximum, failing once and for all. */
#include "common/base/buf.h"
#include "common/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_appends(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 1000);
    assert_true(span_is(buf_view(&buf), ""));
    buf_text(&buf, "a");
    buf_byte(&buf, 'b');
    buf_span(&buf, SPAN_OF("cd"));
    buf_format(&buf, "%d-%s", 12, "x");
    assert_true(span_is(buf_view(&buf), "abcd12-x"));
    assert_int_equal(buf.bytes[buf.length], 0);
    buf_clear(&buf);
    assert_int_equal(buf.length, 0);
}

static void test_network_byte_order(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 100);
    buf_be16(&buf, 0x0102);
    buf_be32(&buf, 0x03040506);
    buf_be64(&buf, 0x0708090a0b0c0d0eU);
    const char expected[] = "\1\2\3\4\5\6\7\10\11\12\13\14\15\16";
    assert_int_equal(buf.length, 14);
    assert_memory_equal(buf.bytes, expected, 14);
}

static void test_grows_up_to_its_maximum_exactly(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 1000);
    for (int at = 0; at < 1000; at++)
        buf_byte(&buf, 'x');
    assert_false(buf.failed);
    assert_int_equal(buf.length, 1000);
    buf_byte(&buf, 'x');
    assert_true(buf.failed);
    assert_int_equal(buf.length, 0);
}

static void test_failed_stays_failed_until_cleared(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 4);
    buf_text(&buf, "12345");
    assert_true(buf.failed);
    buf_text(&buf, "1");
    buf_format(&buf, "%d", 1);
    assert_null(buf_extend(&buf, 1));
    assert_int_equal(buf.length, 0);
    buf_clear(&buf);
    buf_text(&buf, "1234");
    assert_false(buf.failed);
    assert_true(span_is(buf_view(&buf), "1234"));
}

static void test_absurd_length_does_not_wrap(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 100);
    buf_text(&buf, "abc");
    assert_null(buf_extend(&buf, SIZE_MAX - 1));
    assert_true(buf.failed);
}

static void test_free_twice(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_text(&buf, "abc");
    buf_free(&buf);
    buf_free(&buf);
    assert_null(buf.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_network_byte_order),
        cmocka_unit_test(test_grows_up_to_its_maximum_exactly),
        cmocka_unit_test(test_failed_stays_failed_until_cleared),
        cmocka_unit_test(test_absurd_length_does_not_wrap),
        cmocka_unit_test(test_free_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
