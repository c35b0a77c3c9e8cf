/* Headers as bytes: order, repeats, nulls; bytes that nobody wrote. */
#include "common/base/scope.h"
#include "common/codec/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_order_repeats_and_nulls_are_kept(void **state)
{
    (void)state;
    static const struct {
        struct span name;
        struct span value;
    } LIST[] = {
        {{"traceparent", 11}, {"00-a-b-01", 9}},
        {{"a", 1}, {NULL, 0}},
        {{"a", 1}, {"", 0}},
        {{"", 0}, {"x\0y", 3}},
        {{"traceparent", 11}, {"again", 5}},
    };
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 1000);
    for (size_t at = 0; at < 5; at++)
        headers_add(&buf, LIST[at].name, LIST[at].value);
    struct span bytes = buf_view(&buf);
    struct span name;
    struct span value;
    for (size_t at = 0; at < 5; at++) {
        assert_true(headers_next(&bytes, &name, &value));
        assert_true(span_equal(name, LIST[at].name));
        assert_true(span_equal(value, LIST[at].value));
        assert_int_equal(value.bytes == NULL, LIST[at].value.bytes == NULL);
    }
    assert_false(headers_next(&bytes, &name, &value));
    assert_int_equal(bytes.length, 0);
}

static void test_every_cut_is_noticed(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 1000);
    headers_add(&buf, SPAN_OF("name"), SPAN_OF("value"));
    for (size_t length = 1; length < buf.length; length++) {
        struct span bytes = {buf.bytes, length};
        struct span name;
        struct span value;
        assert_false(headers_next(&bytes, &name, &value));
        assert_int_equal(bytes.length, length);
    }
}

static void test_lengths_past_the_end(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "\xff\xff\xff\xff\0\0\0\0",
        "\0\0\0\0\xff\xff\xff\xfe",
        "\0\0\0\1\0\0\0\0",
        "\0\0\0\0\0\0\0\1",
        "\x7f\xff\xff\xff\xff\xff\xff\xff",
    };
    for (size_t at = 0; at < sizeof(BAD) / sizeof(BAD[0]); at++) {
        struct span bytes = {BAD[at], 8};
        struct span name;
        struct span value;
        assert_false(headers_next(&bytes, &name, &value));
    }
}

static void test_the_maximum_of_the_buffer_holds(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf buf;
    buf_init(&buf, 20);
    headers_add(&buf, SPAN_OF("name"), SPAN_OF("long value"));
    assert_true(buf.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_repeats_and_nulls_are_kept),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_lengths_past_the_end),
        cmocka_unit_test(test_the_maximum_of_the_buffer_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
