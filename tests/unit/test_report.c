/* Tables as HTML, CSV and JSON: one row in three forms, and no formula in any. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/chart_svg.h"
#include "common/codec/report.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void keep(void *self, struct span bytes)
{
    buf_span(self, bytes);
}

static void check_cell(const char *text, const char *expected)
{
    SCOPED(buf_free) struct buf out;
    struct csv csv;
    buf_init(&out, 4096);
    csv_begin(&csv, (struct sink){keep, &out});
    csv_text(&csv, span_from(text));
    csv_row(&csv);
    assert_true(csv_end(&csv));
    assert_int_equal(out.bytes[out.length - 1], '\n');
    out.bytes[out.length - 1] = '\0';
    assert_string_equal(out.bytes, expected);
}

static void test_no_cell_is_a_formula(void **state)
{
    (void)state;
    check_cell("CUP-1", "\"CUP-1\"");
    check_cell("a \"b\"", "\"a \"\"b\"\"\"");
    check_cell("=1+1", "\"'=1+1\"");
    check_cell("+49", "\"'+49\"");
    check_cell("-1", "\"'-1\"");
    check_cell("@SUM(A1)", "\"'@SUM(A1)\"");
    check_cell("  =cmd|' /C calc'!A0", "\"  '=cmd|' /C calc'!A0\"");
    check_cell("\"=1", "\"\"\"'=1\"");
    check_cell("\t=1", "\"\xe2\x90\x89=1\""); /* the tab is no white space any more */
    check_cell("a;=1", "\"a;'=1\"");
    check_cell("a;\"=1", "\"a;\"\"'=1\"");
    check_cell("\xef\xbc\x9d"
               "1",
               "\"'\xef\xbc\x9d"
               "1\""); /* full-width = */
    check_cell("a=1", "\"a=1\"");
    check_cell("1\n2\r3", "\"1\xe2\x90\x8a"
                          "2\xe2\x90\x8d"
                          "3\"");
    check_cell(NULL, "\"\"");
}

static void check_share(int64_t millionths, const char *expected)
{
    char room[REPORT_SHARE_MAX];
    report_share(millionths, room);
    assert_string_equal(room, expected);
}

static void test_shares(void **state)
{
    (void)state;
    check_share(0, "0.00");
    check_share(1, "0.0001");
    check_share(12500, "1.25");
    check_share(12510, "1.251");
    check_share(1000000, "100.00");
    check_share(-12500, "-1.25");
    check_share(INT64_MIN, "-922337203685477.5808");
}

static const struct report_column COLUMNS[] = {
    {"sku", "SKU", REPORT_CODE},       {"word", "Word", REPORT_WORD},
    {"count", "Count", REPORT_NUMBER}, {"share", "Share", REPORT_SHARE},
    {"at", "At", REPORT_TIME},
};
static const struct report_table TABLE = {.id = "things",
                                          .where = REPORT_ON_PAGE | REPORT_IN_FILES,
                                          .title = {"Things <1>", 10},
                                          .columns = COLUMNS,
                                          .column_count = COUNT_OF(COLUMNS)};

struct outs {
    struct buf page;
    struct buf csv;
    struct buf json;
};

static void write_rows(struct outs *outs, size_t rows, size_t page_rows)
{
    struct html html;
    struct report report;
    const struct report_cell cells[] = {{.text = SPAN_OF("=<CUP>")},
                                        {.absent = true},
                                        {.number = -3},
                                        {.number = 12500},
                                        {.number = INT64_C(1795608000500000)}};
    buf_init(&outs->page, (size_t)1 << 20);
    buf_init(&outs->csv, (size_t)1 << 20);
    buf_init(&outs->json, (size_t)1 << 20);
    html_begin(&html, (struct sink){keep, &outs->page});
    report_begin(&report, &html, (struct sink){keep, &outs->json}, page_rows);
    report_table_begin(&report, &TABLE, (struct sink){keep, &outs->csv});
    for (size_t at = 0; at < rows; at++)
        report_row(&report, cells);
    report_table_end(&report);
    assert_true(report_end(&report));
    assert_true(html_end(&html));
}

static void outs_free(struct outs *outs)
{
    buf_free(&outs->page);
    buf_free(&outs->csv);
    buf_free(&outs->json);
}

static void release_json(json_t **slot)
{
    json_decref(*slot);
}

static void test_one_row_in_three_forms(void **state)
{
    (void)state;
    SCOPED(outs_free) struct outs outs;
    write_rows(&outs, 1, 10);
    assert_string_equal(outs.csv.bytes, "sku,word,count,share,at\n"
                                        "\"'=<CUP>\",\"\",-3,1.25,"
                                        "2026-11-25T12:00:00.500000Z\n");
    SCOPED(release_json)
    json_t *root = json_loadb(outs.json.bytes, outs.json.length, 0, NULL);
    json_t *table = json_array_get(json_object_get(root, "tables"), 0);
    json_t *row = json_array_get(json_object_get(table, "rows"), 0);
    assert_string_equal(json_string_value(json_object_get(table, "id")), "things");
    assert_string_equal(json_string_value(json_array_get(row, 0)), "=<CUP>");
    assert_true(json_is_null(json_array_get(row, 1)));
    assert_int_equal(json_integer_value(json_array_get(row, 2)), -3);
    assert_true(json_real_value(json_array_get(row, 3)) == 1.25);
    assert_non_null(strstr(outs.page.bytes, "<bdi>=&lt;CUP&gt;</bdi>"));
    assert_non_null(strstr(outs.page.bytes, "Things &lt;1&gt;"));
    assert_non_null(strstr(outs.page.bytes, "<td class=\"number\">-3</td>"));
    assert_non_null(strstr(outs.page.bytes, "1.25\xe2\x80\xaf%"));
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted))
        count++;
    return count;
}

static void test_the_page_leaves_out_and_says_so(void **state)
{
    (void)state;
    SCOPED(outs_free) struct outs outs;
    write_rows(&outs, 5, 2);
    assert_int_equal(count_text(outs.page.bytes, "<tr>"), 3); /* with its head */
    assert_non_null(strstr(outs.page.bytes, "3 more rows are in tables/things.csv."));
    assert_int_equal(count_text(outs.csv.bytes, "\n"), 6);
}

static void test_no_rows(void **state)
{
    (void)state;
    SCOPED(outs_free) struct outs outs;
    write_rows(&outs, 0, 2);
    assert_null(strstr(outs.page.bytes, "<table"));
    assert_non_null(strstr(outs.page.bytes, "Things &lt;1&gt;: none."));
    assert_string_equal(outs.csv.bytes, "sku,word,count,share,at\n");
}

/* ---- charts ------------------------------------------------------------------------------ */

static void draw(struct buf *out, const struct chart *chart)
{
    struct html html;
    buf_init(out, (size_t)1 << 20);
    html_begin(&html, (struct sink){keep, out});
    chart_draw(&html, chart);
    assert_true(html_end(&html));
}

static void test_a_gap_is_no_zero(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    const struct chart_point points[] = {{SPAN_OF("Mon"), true, 10000},
                                         {SPAN_OF("Tue"), true, 20000},
                                         {SPAN_OF("Wed"), false, 0},
                                         {SPAN_OF("Thu"), true, 0},
                                         {SPAN_OF("Fri"), true, 40000}};
    const struct chart chart = {.id = "c",
                                .title = SPAN_OF("\"><script>"),
                                .is_share = true,
                                .points = points,
                                .count = 5,
                                .baseline = {true, 30000}};
    draw(&out, &chart);
    assert_int_equal(count_text(out.bytes, "<polyline"), 2); /* parted by the gap */
    assert_int_equal(count_text(out.bytes, "<circle"), 4);
    assert_int_equal(count_text(out.bytes, "class=\"baseline\""), 1);
    assert_null(strstr(out.bytes, "<script>"));
    assert_non_null(strstr(out.bytes, "Wed: not known. "));
    assert_non_null(strstr(out.bytes, "Baseline: 3.00\xe2\x80\xaf%."));
}

/* No value leads out of the drawing. */
static void test_any_value_stays_inside(void **state)
{
    (void)state;
    static const int64_t VALUES[] = {0, 1, 999999, 1000000, INT64_MAX / 16, INT64_MAX};
    for (size_t at = 0; at < COUNT_OF(VALUES); at++) {
        SCOPED(buf_free) struct buf out;
        const struct chart_point points[] = {{SPAN_OF("Mon"), true, VALUES[at]},
                                             {SPAN_OF("Tue"), true, 0}};
        const struct chart chart = {.id = "c",
                                    .title = SPAN_OF("t"),
                                    .is_share = at % 2 == 0,
                                    .points = points,
                                    .count = 2,
                                    .limit = {true, VALUES[at]}};
        draw(&out, &chart);
        for (const char *y = strstr(out.bytes, "cy=\""); y != NULL;
             y = strstr(y + 1, "cy=\"")) {
            int whole = 0;
            assert_int_equal(sscanf(y, "cy=\"%d", &whole), 1);
            assert_true(whole >= 0 && whole <= 210);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_cell_is_a_formula),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_one_row_in_three_forms),
        cmocka_unit_test(test_the_page_leaves_out_and_says_so),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_a_gap_is_no_zero),
        cmocka_unit_test(test_any_value_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
