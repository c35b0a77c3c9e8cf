/* SKU normalisation: rules, idempotence over all of Unicode, spellings that agree. */
#include "common/base/scope.h"
#include "common/codec/sku_rounds.h"
#include "common/codec/sku_unicode.h"
#include "common/codec/utf8.h"
#include "common/domain/contract.h"
#include "tests/unit/corpora.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <utf8proc.h>
#include <zlib.h>

#include <cmocka.h>

static struct pool pool;

static enum reason normalise(struct span raw, unsigned steps, struct span *sku)
{
    pool_reset(&pool);
    return sku_normalise(raw, steps, &pool, sku);
}

static void expect(struct span raw, const char *expected)
{
    struct span sku = {0};
    enum reason reason = normalise(raw, SKU_ALL_STEPS, &sku);
    if (reason != REASON_NONE || !span_is(sku, expected))
        fail_msg("%.*s: %s %.*s, expected %s", SPAN_ARGS(raw), reason_code(reason),
                 SPAN_ARGS(sku), expected);
}

static void refuse(struct span raw, enum reason expected)
{
    struct span sku;
    enum reason reason = normalise(raw, SKU_ALL_STEPS, &sku);
    if (reason != expected)
        fail_msg("%.*s: %s, expected %s", SPAN_ARGS(raw), reason_code(reason),
                 reason_code(expected));
}

static void test_rules(void **state)
{
    (void)state;
    expect(SPAN_OF("shirt-1"), "SHIRT-1");
    expect(SPAN_OF("  a   b  "), "A B");
    expect(SPAN_OF("A\xc2\xa0\xe3\x80\x80"
                   "B"),
           "A B"); /* U+00A0 U+3000 */
    expect(SPAN_OF("Stra\xc3\x9f"
                   "e"),
           "STRASSE");                                 /* sharp s */
    expect(SPAN_OF("\xef\xbc\xa1\xef\xbc\x91"), "A1"); /* full width */
    expect(SPAN_OF("A\xe2\x80\x93"
                   "1"),
           "A-1"); /* en dash */
    expect(SPAN_OF("A\xe2\x88\x92"
                   "1"),
           "A-1"); /* minus sign */
    expect(SPAN_OF("A\xc2\xad"
                   "1"),
           "A1"); /* soft hyphen */
    expect(SPAN_OF("\xef\xbb\xbf"
                   "A"),
           "A"); /* byte order mark */
    expect(SPAN_OF("A\xe2\x81\xa5"
                   "1"),
           "A1"); /* reserved U+2065 */
    expect(SPAN_OF("A\xf3\xa0\x87\xb0"
                   "1"),
           "A1");                                        /* reserved U+E01F0 */
    expect(SPAN_OF("\xef\xac\x81"), "FI");               /* fi ligature */
    expect(SPAN_OF("e\xcc\x81"), "\xc3\x89");            /* e + acute */
    expect(SPAN_OF("\xe1\xbe\xb3"), "\xce\x91\xce\x99"); /* iota subscript */
    expect(SPAN_OF("\xcf\x82"), "\xce\xa3");             /* final sigma */
}

static void test_refusals(void **state)
{
    (void)state;
    char wide[256];
    memset(wide, 'x', sizeof(wide));
    refuse(SPAN_OF(""), REASON_BAD_TEXT);
    refuse((struct span){wide, 256}, REASON_BAD_TEXT);
    refuse(SPAN_OF("a\tb"), REASON_BAD_TEXT);
    refuse(SPAN_OF("a\x7f"), REASON_BAD_TEXT);
    refuse(SPAN_OF("a\xc2\x85"), REASON_BAD_TEXT);
    refuse((struct span){"a\0b", 3}, REASON_BAD_TEXT);
    refuse(SPAN_OF("a\xff"), REASON_NOT_UTF8);
    refuse(SPAN_OF("\xed\xa0\x80"), REASON_NOT_UTF8);
    refuse(SPAN_OF(" "), REASON_BAD_SKU);
    refuse(SPAN_OF("\xe2\x80\x8b\xc2\xad"), REASON_BAD_SKU);
    refuse(SPAN_OF("\xe3\x85\xa4"), REASON_BAD_SKU); /* Hangul filler */
}

static void test_lengths_are_code_points_after_all_steps(void **state)
{
    (void)state;
    char text[255 * 4];
    for (size_t at = 0; at < 255; at++)
        memcpy(text + 4 * at, "\xf0\x90\x8e\x80", 4);
    struct span sku;
    assert_int_equal(normalise((struct span){text, 1020}, SKU_ALL_STEPS, &sku), 0);
    assert_int_equal(sku.length, 1020);
    for (size_t at = 0; at < 128; at++)
        memcpy(text + 2 * at, "\xc3\x9f", 2);
    refuse((struct span){text, 256}, REASON_BAD_SKU); /* 256 once folded */
    for (size_t at = 0; at < 255; at++)
        memcpy(text + 3 * at, "\xef\xb7\xba", 3);
    refuse((struct span){text, 765}, REASON_BAD_SKU); /* 18 code points each */
    assert_int_equal(normalise((struct span){text, 42}, SKU_ALL_STEPS, &sku), 0);
    refuse((struct span){text, 45}, REASON_BAD_SKU); /* 15 x 18 */
}

static void test_unchanged_text_is_not_copied(void **state)
{
    (void)state;
    struct span raw = SPAN_OF("SHIRT-1 BLUE");
    struct span sku;
    assert_int_equal(normalise(raw, SKU_ALL_STEPS, &sku), REASON_NONE);
    assert_ptr_equal(sku.bytes, raw.bytes);
}

static void test_steps_turned_off(void **state)
{
    (void)state;
    static const struct {
        unsigned off;
        const char *raw;
        const char *sku;
    } CASES[] = {
        {SKU_FOLD_CASE, "  a\xe2\x80\x93  b ", "a- b"},
        {SKU_TRIM, " a  ", " A "},
        {SKU_COLLAPSE_SPACES, " a  b ", "A  B"},
        {SKU_DASHES, "a\xe2\x80\x93", "A\xe2\x80\x93"},
        {SKU_DROP_IGNORABLE, "a\xc2\xad", "A\xc2\xad"},
        {SKU_NFKC, "\xef\xbc\xa1", "\xef\xbc\xa1"},
        {SKU_ALL_STEPS, " a\xe2\x80\x93 \xef\xac\x81 ", " a\xe2\x80\x93 \xef\xac\x81 "},
    };
    for (size_t at = 0; at < sizeof(CASES) / sizeof(CASES[0]); at++) {
        struct span sku;
        unsigned steps = SKU_ALL_STEPS & ~CASES[at].off;
        assert_int_equal(normalise(span_from(CASES[at].raw), steps, &sku), REASON_NONE);
        if (!span_is(sku, CASES[at].sku))
            fail_msg("%s", CASES[at].raw);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void test_short_cut_equals_the_general_path(void **state)
{
    (void)state;
    uint32_t seed = 20261125;
    for (int round = 0; round < 100000; round++) {
        char raw[24];
        char room[SKU_BYTES_MAX];
        struct span sku = {0};
        size_t length = 1 + next_random(&seed) % sizeof(raw);
        unsigned steps = next_random(&seed) % (SKU_ALL_STEPS + 1);
        for (size_t at = 0; at < length; at++)
            raw[at] = next_random(&seed) % 3 == 0
                          ? ' '
                          : (char)(0x20 + next_random(&seed) % 95);
        enum reason reason = normalise((struct span){raw, length}, steps, &sku);
        size_t general = sku_rounds((struct span){raw, length}, steps, room);
        assert_int_equal(reason == REASON_NONE ? sku.length : 0, general);
        assert_memory_equal(sku.bytes, room, general);
    }
}

/* ---- all of Unicode --------------------------------------------------------------- */

static bool is_surrogate(int32_t point)
{
    return point >= 0xd800 && point <= 0xdfff;
}

static void test_idempotent_over_all_code_points(void **state)
{
    (void)state;
    size_t accepted = 0;
    for (int32_t point = 0; point <= 0x10ffff; point++) {
        char raw[UTF8_BYTES_MAX];
        struct span once;
        struct span twice;
        if (is_surrogate(point))
            continue;
        struct span text = {raw, utf8_encode(point, raw)};
        pool_reset(&pool);
        if (sku_normalise(text, SKU_ALL_STEPS, &pool, &once) != REASON_NONE)
            continue;
        assert_int_equal(sku_normalise(once, SKU_ALL_STEPS, &pool, &twice), REASON_NONE);
        if (!span_equal(once, twice))
            fail_msg("U+%04X", (unsigned)point);
        accepted++;
    }
    assert_true(accepted > 1000000);
}

/* Every code point comes to rest: none is refused but those that vanish. */
static void test_every_refused_code_point_vanishes(void **state)
{
    (void)state;
    for (int32_t point = 0xa0; point <= 0x10ffff; point++) {
        char raw[UTF8_BYTES_MAX + 1];
        struct span sku;
        if (is_surrogate(point))
            continue;
        size_t length = utf8_encode(point, raw);
        if (normalise((struct span){raw, length}, SKU_ALL_STEPS, &sku) == REASON_NONE)
            continue;
        raw[length] = 'X';
        assert_int_equal(normalise((struct span){raw, length + 1}, SKU_ALL_STEPS, &sku),
                         REASON_NONE);
        if (!span_is(sku, "X"))
            fail_msg("U+%04X", (unsigned)point);
    }
}

static void free_map(utf8proc_uint8_t **slot)
{
    free(*slot);
    *slot = NULL;
}

static struct span sku_of_form(const char *raw, utf8proc_option_t form, struct pool *room)
{
    SCOPED(free_map) utf8proc_uint8_t *mapped = NULL;
    struct span sku = {0};
    utf8proc_option_t options =
        (utf8proc_option_t)(UTF8PROC_NULLTERM | UTF8PROC_STABLE | (int)form);
    assert_true(utf8proc_map((const utf8proc_uint8_t *)raw, 0, &mapped, options) >= 0);
    struct span text = span_from((const char *)mapped);
    if (sku_normalise(text, SKU_ALL_STEPS, room, &sku) != REASON_NONE)
        return sku;
    return pool_span(room, sku);
}

static void test_four_forms_of_every_code_point_agree(void **state)
{
    (void)state;
    static const int FORMS[] = {UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};
    for (int32_t point = 0xa0; point < 0x30000; point++) {
        char raw[UTF8_BYTES_MAX + 1];
        if (is_surrogate(point))
            continue;
        raw[utf8_encode(point, raw)] = '\0';
        pool_reset(&pool);
        struct span composed = sku_of_form(raw, UTF8PROC_COMPOSE, &pool);
        for (size_t at = 0; at < sizeof(FORMS) / sizeof(FORMS[0]); at++) {
            struct span other = sku_of_form(raw, (utf8proc_option_t)FORMS[at], &pool);
            if (!span_equal(composed, other))
                fail_msg("U+%04X", (unsigned)point);
        }
    }
}

/* ---- Unicode's own normalisation test --------------------------------------------- */

/* "0044 030C;" to UTF-8; the columns behind the first five are comments. */
static size_t read_column(const char **at, char *room)
{
    size_t length = 0;
    while (**at != ';') {
        char *end;
        int32_t point = (int32_t)strtol(*at, &end, 16);
        assert_true(end > *at);
        length += utf8_encode(point, room + length);
        *at = end;
    }
    (*at)++;
    return length;
}

static bool columns_agree(const char *line)
{
    char rooms[5][160] = {{0}};
    struct span first = {0};
    pool_reset(&pool);
    for (size_t column = 0; column < 5; column++) {
        struct span text = {rooms[column], read_column(&line, rooms[column])};
        struct span sku = {0};
        if (sku_normalise(text, SKU_ALL_STEPS, &pool, &sku) == REASON_NONE)
            sku = pool_span(&pool, sku);
        if (column == 0)
            first = sku;
        else if (!span_equal(first, sku))
            return false;
    }
    return true;
}

/* With NFKC as the only step the fourth column is the result: proves the code points
 * are put in canonical order and composed as Unicode says. */
static bool is_nfkc_of_all(const char *line)
{
    char rooms[5][160] = {{0}};
    struct span columns[5];
    for (size_t column = 0; column < 5; column++)
        columns[column] = (struct span){rooms[column], read_column(&line, rooms[column])};
    for (size_t column = 0; column < 5; column++) {
        struct span sku;
        pool_reset(&pool);
        enum reason reason = sku_normalise(columns[column], SKU_NFKC, &pool, &sku);
        if (reason != REASON_NONE || !span_equal(sku, columns[3]))
            return false;
    }
    return true;
}

static void close_gzip(gzFile *slot)
{
    if (*slot != NULL)
        (void)gzclose(*slot);
    *slot = NULL;
}

static void test_normalization_test_of_unicode_15(void **state)
{
    (void)state;
    char path[1024];
    char line[2048];
    size_t seen = 0;
    if (!corpus_find("unicode/NormalizationTest-15.0.0.txt.gz", path, sizeof(path)))
        skip();
    SCOPED(close_gzip) gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    while (gzgets(file, line, sizeof(line)) != NULL) {
        if (line[0] == '#' || line[0] == '@' || line[0] == '\n')
            continue;
        if (!columns_agree(line))
            fail_msg("spellings differ: %s", line);
        if (!is_nfkc_of_all(line))
            fail_msg("no NFKC: %s", line);
        seen++;
    }
    assert_true(seen > 18000);
}

static int set_up(void **state)
{
    (void)state;
    pool_init(&pool, (size_t)1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lengths_are_code_points_after_all_steps),
        cmocka_unit_test(test_unchanged_text_is_not_copied),
        cmocka_unit_test(test_steps_turned_off),
        cmocka_unit_test(test_short_cut_equals_the_general_path),
        cmocka_unit_test(test_idempotent_over_all_code_points),
        cmocka_unit_test(test_every_refused_code_point_vanishes),
        cmocka_unit_test(test_four_forms_of_every_code_point_agree),
        cmocka_unit_test(test_normalization_test_of_unicode_15),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
