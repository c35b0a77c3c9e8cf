/* Views of bytes: equality, order, integers. */
#include "common/base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_equality_is_of_bytes(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN_OF("ab"), SPAN_OF("ab")));
    assert_false(span_equal(SPAN_OF("ab"), SPAN_OF("aB")));
    assert_false(span_equal(SPAN_OF("ab"), SPAN_OF("abc")));
    assert_true(span_equal(SPAN_OF(""), (struct span){0}));
    assert_true(span_is(SPAN_OF("x"), "x"));
    assert_false(span_is((struct span){"x\0y", 3}, "x"));
    assert_null(span_from(NULL).bytes);
}

static void test_order_is_bytes_then_length(void **state)
{
    (void)state;
    assert_true(span_compare(SPAN_OF("a"), SPAN_OF("b")) < 0);
    assert_true(span_compare(SPAN_OF("a"), SPAN_OF("aa")) < 0);
    assert_true(span_compare(SPAN_OF("b"), SPAN_OF("aa")) > 0);
    assert_int_equal(span_compare(SPAN_OF("a"), SPAN_OF("a")), 0);
    assert_true(span_compare(SPAN_OF("\xc3"), SPAN_OF("z")) > 0);
    assert_true(span_compare((struct span){0}, SPAN_OF("a")) < 0);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } GOOD[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-1", -1},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const BAD[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1a",
        "0x1",
        "1.0",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
    };
    for (size_t at = 0; at < sizeof(GOOD) / sizeof(GOOD[0]); at++) {
        int64_t value = 42;
        assert_true(span_to_int64(span_from(GOOD[at].text), &value));
        assert_true(value == GOOD[at].value);
    }
    for (size_t at = 0; at < sizeof(BAD) / sizeof(BAD[0]); at++) {
        int64_t value = 42;
        assert_false(span_to_int64(span_from(BAD[at]), &value));
        assert_int_equal(value, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality_is_of_bytes),
        cmocka_unit_test(test_order_is_bytes_then_length),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
