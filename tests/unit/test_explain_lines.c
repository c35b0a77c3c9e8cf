/* workers/explain/explain_lines: lines end at column 80, pieces stay whole, colour only where asked. */
#include "workers/explain/explain_lines.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct buf out;
static struct lines lines;

static int start(void **state)
{
    (void)state;
    buf_init(&out, 65536);
    lines = (struct lines){.out = &out, .indent = 4};
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

/* The longest line, in characters. */
static size_t widest(void)
{
    size_t width = 0;
    size_t most = 0;
    for (size_t at = 0; at < out.length; at++) {
        width += ((unsigned char)out.bytes[at] & 0xc0U) != 0x80U;
        if (out.bytes[at] == '\n')
            width = 0;
        most = width > most ? width : most;
    }
    return most;
}

static void test_words_end_at_column_80(void **state)
{
    (void)state;
    for (int words = 1; words < 60; words++) {
        buf_clear(&out);
        lines.column = 0;
        lines_format(&lines, "%s", "start");
        for (int at = 0; at < words; at++)
            lines_words(&lines, SPAN_OF("größer als vorher"));
        lines_end(&lines);
        assert_true(widest() <= LINES_COLUMNS);
        assert_true(words < 10 || strstr(out.bytes, "\n    ") != NULL);
    }
    assert_true(widest() > 70); /* and are not cut short */
}

static void test_a_piece_is_never_parted(void **state)
{
    (void)state;
    for (size_t length = 1; length < 100; length++) {
        char piece[128];
        memset(piece, 'x', length);
        buf_clear(&out);
        lines.column = 0;
        lines_format(&lines, "%040d", 7);
        lines_piece(&lines, (struct span){piece, length});
        piece[length] = '\0';
        assert_non_null(strstr(out.bytes, piece));
        assert_int_equal(strchr(out.bytes, '\n') != NULL, 41 + length > LINES_COLUMNS);
    }
}

static void test_paint_takes_no_column_and_only_where_asked(void **state)
{
    (void)state;
    lines_paint(&lines, PAINT_BAD);
    assert_int_equal(out.length, 0);
    lines.colour = true;
    lines_paint(&lines, PAINT_BAD);
    assert_int_equal(lines.column, 0);
    assert_string_equal(out.bytes, "\033[31m");
    lines_paint(&lines, PAINT_PLAIN);
    assert_string_equal(out.bytes, "\033[31m\033[0m");
}

static void test_no_colour_where_it_is_forbidden(void **state)
{
    (void)state;
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    assert_false(lines_want_colour());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words_end_at_column_80, start, end),
        cmocka_unit_test_setup_teardown(test_a_piece_is_never_parted, start, end),
        cmocka_unit_test_setup_teardown(test_paint_takes_no_column_and_only_where_asked,
                                        start, end),
        cmocka_unit_test(test_no_colour_where_it_is_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
