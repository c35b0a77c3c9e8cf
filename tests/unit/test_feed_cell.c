/* Cells: numbers as people write them, maps of values, SKUs that a spreadsheet mangled. */
#include "common/codec/feed_cell.h"
#include "common/domain/feed_reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct feed_number GERMAN = {
    .thousands = '.', .fraction = ',', .minus_behind = true, .is_given = true};
static const struct feed_number PLUS = {.allows_plus = true, .is_given = true};
static const struct feed_number JSON = {0};

static const struct {
    const struct feed_number *number;
    const char *cell;
    const char *integer; /* NULL: refused */
} NUMBERS[] = {
    {&GERMAN, "0", "0"},
    {&GERMAN, "12", "12"},
    {&GERMAN, "-12", "-12"},
    {&GERMAN, "12-", "-12"},
    {&GERMAN, "1.234", "1234"},
    {&GERMAN, "-1.234.567,00", "-1234567"},
    {&GERMAN, "1.234.567,000-", "-1234567"},
    {&GERMAN, "1234567", "1234567"},
    {&GERMAN, "12,0", "12"},
    {&GERMAN, "12,5", NULL},
    {&GERMAN, "12,", NULL},
    {&GERMAN, ",0", NULL},
    {&GERMAN, "1.23", NULL},
    {&GERMAN, "1.2345", NULL},
    {&GERMAN, "1234.567", NULL},
    {&GERMAN, ".123", NULL},
    {&GERMAN, "1..234", NULL},
    {&GERMAN, "+12", NULL},
    {&GERMAN, "--12", NULL},
    {&GERMAN, "-12-", NULL},
    {&GERMAN, "-", NULL},
    {&GERMAN, "", NULL},
    {&GERMAN, "1e3", NULL},
    {&GERMAN, "12 ", NULL},
    {&PLUS, "+12", "12"},
    {&PLUS, "12-", NULL},
    {&PLUS, "1.234", NULL},
    {&JSON, "1.234", "1.234"}, /* as it is: whether it is an integer is asked next */
};

static void numbers(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(NUMBERS) / sizeof(*NUMBERS); at++) {
        char room[FEED_NUMBER_MAX];
        struct span integer = {0};
        bool good = feed_number_read(NUMBERS[at].number, span_from(NUMBERS[at].cell),
                                     room, &integer);
        if (good != (NUMBERS[at].integer != NULL))
            print_error("number '%s'\n", NUMBERS[at].cell);
        assert_int_equal(good, NUMBERS[at].integer != NULL);
        if (good)
            assert_true(span_is(integer, NUMBERS[at].integer));
    }
}

static void long_numbers_do_not_overflow(void **state)
{
    char cell[FEED_NUMBER_MAX + 8];
    char room[FEED_NUMBER_MAX];
    struct span integer;
    (void)state;
    memset(cell, '1', sizeof(cell));
    for (size_t length = 1; length < sizeof(cell); length++)
        (void)feed_number_read(&GERMAN, (struct span){cell, length}, room, &integer);
}

static void integers_are_those_of_json(void **state)
{
    static const char *const GOOD[] = {"0", "-0", "7", "-12", "123456789012345678901"};
    static const char *const BAD[] = {"",    "-",   "00", "012", "-01", "+1",
                                      "1.0", "1e3", " 1", "1 ",  "0x1", "1,2"};
    (void)state;
    for (size_t at = 0; at < sizeof(GOOD) / sizeof(*GOOD); at++)
        assert_true(feed_is_integer(span_from(GOOD[at])));
    for (size_t at = 0; at < sizeof(BAD) / sizeof(*BAD); at++)
        assert_false(feed_is_integer(span_from(BAD[at])));
}

static void mangled_skus(void **state)
{
    static const char *const MANGLED[] = {"1.23E+12",    "1,23E+12", "1E+12",
                                          "4.00638E+12", "-1.2E+05", "1.234567E+100"};
    static const char *const FINE[] = {
        "1.23E12", "1E5",        "1E-05",  "E+12",    "12.3E+11", "1.E+12", "1.23E+",
        "A1E+2",   "1.23E+1234", "1E+12A", "123E+12", "",         "-",      "1.23"};
    (void)state;
    for (size_t at = 0; at < sizeof(MANGLED) / sizeof(*MANGLED); at++)
        assert_true(feed_sku_is_mangled(span_from(MANGLED[at])));
    for (size_t at = 0; at < sizeof(FINE) / sizeof(*FINE); at++)
        assert_false(feed_sku_is_mangled(span_from(FINE[at])));
}

static void every_reason_has_a_code_and_a_remedy(void **state)
{
    (void)state;
    for (int one = 0; one < FEED_REASON_COUNT; one++) {
        assert_true(strlen(feed_reason_code((enum feed_reason)one)) > 1);
        assert_true(strlen(feed_reason_remedy((enum feed_reason)one)) > 9);
        for (int other = 0; other < one; other++)
            assert_string_not_equal(feed_reason_code((enum feed_reason)one),
                                    feed_reason_code((enum feed_reason)other));
    }
    assert_string_equal(feed_reason_code(FEED_REASON_MANGLED_SKU), "mangled_sku");
    assert_string_equal(feed_reason_code((enum feed_reason)REASON_BAD_SKU), "bad_sku");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(long_numbers_do_not_overflow),
        cmocka_unit_test(integers_are_those_of_json),
        cmocka_unit_test(mangled_skus),
        cmocka_unit_test(every_reason_has_a_code_and_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
