/* Rows to events: columns by name, by mapping, constants, ids, and every way to be refused. */
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/feed_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW_US 1795608000000000 /* 2026-11-25T12:00:00Z */

static const char CONTRACT[] =
    "{\"version\":1,\"sources\":["
    "{\"name\":\"wms\",\"rank\":1,\"state\":\"on_hand\"}],"
    "\"locations\":[{\"code\":\"BER\",\"aliases\":[\"Berlin\"]},{\"code\":\"HAM\"}],"
    "\"shops\":[]}";

static struct contract *contract;
static struct csv_reader reader;
static struct text_window window;

static int set_up(void **state)
{
    struct error error = {0};
    (void)state;
    return contract_decode(span_from(CONTRACT), &contract, &error) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    contract_free(&contract);
    return 0;
}

static struct feed_mapping *mapping_of(const char *text)
{
    struct error error = {0};
    struct feed_mapping *mapping = NULL;
    if (text == NULL)
        return feed_mapping_default();
    if (feed_mapping_decode(span_from(text), &mapping, &error) != STATUS_OK)
        print_error("%s\n", error.text);
    return mapping;
}

/* The values of all good rows and the reasons of the others, a line each. */
static void judge_csv(const char *mapping_text, const char *feed, const char *csv,
                      char *out, size_t size)
{
    SCOPED(feed_mapping_free) struct feed_mapping *mapping = mapping_of(mapping_text);
    assert_non_null(mapping);
    const struct feed_options options = {.contract = contract,
                                         .mapping = mapping,
                                         .feed = span_from(feed),
                                         .file_time_us = NOW_US,
                                         .now_us = NOW_US};
    SCOPED(feed_judge_free) struct feed_judge *judge = feed_judge_new(&options);
    struct span text = span_from(csv);
    struct csv_record record;
    char detail[FEED_DETAIL_MAX];
    size_t length = 0;
    assert_non_null(judge);
    text_window_init(&window, mapping->encoding);
    csv_reader_init(&reader, &mapping->dialect);
    text_window_add(&window, &text, true);
    assert_int_equal(csv_reader_next(&reader, &window, &record), TEXT_STEP_RECORD);
    enum feed_reason reason = feed_judge_header(judge, &record, detail);
    bool is_row = !mapping->has_header;
    struct feed_row row = {.record = &record, .wants_value = true};
    reader.columns = record.field_count;
    out[0] = '\0';
    if (reason != FEED_REASON_NONE) {
        (void)snprintf(out, size, "header %s %s", feed_reason_code(reason), detail);
        return;
    }
    while (is_row || csv_reader_next(&reader, &window, &record) == TEXT_STEP_RECORD) {
        struct feed_event event;
        is_row = false;
        row.number++;
        reason = feed_judge_row(judge, &row, &event, detail);
        if (reason == FEED_REASON_NONE)
            length += (size_t)snprintf(out + length, size - length, "%.*s\n",
                                       SPAN_ARGS(event.value));
        else
            length += (size_t)snprintf(out + length, size - length, "%s %s\n",
                                       feed_reason_code(reason), detail);
    }
}

#define HEADER "type,source,id,sku,location,quantity,occurred_at,version,reference\n"

static void columns_are_fields(void **state)
{
    char out[4096];
    (void)state;
    judge_csv(
        NULL, "f",
        HEADER
        "stock.counted,wms,e1,ab-1,Berlin,7,2026-11-25T13:00:00+01:00,3,\"D\"\"1\"\n"
        "stock.adjusted,wms,e2,ab-1,BER,-2,2026-11-25T12:00:00Z,,\n",
        out, sizeof(out));
    assert_string_equal(
        out,
        "{\"type\":\"stock.counted\",\"source\":\"wms\",\"id\":\"e1\",\"sku\":\"ab-1\","
        "\"location\":\"Berlin\",\"quantity\":7,\"occurred_at\":"
        "\"2026-11-25T12:00:00Z\",\"version\":3,\"reference\":\"D\\\"1\"}\n"
        "{\"type\":\"stock.adjusted\",\"source\":\"wms\",\"id\":\"e2\",\"sku\":\"ab-1\","
        "\"location\":\"BER\",\"quantity\":-2,\"occurred_at\":"
        "\"2026-11-25T12:00:00Z\"}\n");
}

static const struct {
    const char *row;
    const char *reason;
} REFUSED[] = {
    {"stock.counted,wms,e,a,BER,12.0,2026-11-25T12:00:00Z,,", "wrong_type quantity"},
    {"stock.counted,wms,e,a,BER,\"1,000\",2026-11-25T12:00:00Z,,", "wrong_type quantity"},
    {"stock.counted,wms,e,a,BER,+1,2026-11-25T12:00:00Z,,", "wrong_type quantity"},
    {"stock.counted,wms,e,a,BER, 1,2026-11-25T12:00:00Z,,", "wrong_type quantity"},
    {"stock.counted,wms,e,a,BER,007,2026-11-25T12:00:00Z,,", "wrong_type quantity"},
    {"stock.counted,wms,e,a,BER,1000000001,2026-11-25T12:00:00Z,,",
     "out_of_range quantity"},
    {"stock.counted,wms,e,a,BER,1,2026-11-25T12:00:00Z,-1,", "out_of_range version"},
    {"stock.counted,wms,e,a,BER,,2026-11-25T12:00:00Z,,", "missing_field quantity"},
    {"stock.counted,wms,e,,BER,1,2026-11-25T12:00:00Z,,", "missing_field sku"},
    {",,,,,,,,", "missing_field type"},
    {"stock.found,wms,e,a,BER,1,2026-11-25T12:00:00Z,,", "unknown_type type"},
    {"stock.counted,erp,e,a,BER,1,2026-11-25T12:00:00Z,,", "unknown_source source"},
    {"stock.counted,wms,e,a,MUC,1,2026-11-25T12:00:00Z,,", "unknown_location location"},
    {"stock.counted,wms,e,a,BER,1,25.11.2026,,", "bad_timestamp occurred_at"},
    {"stock.counted,wms,e,a,BER,1,2026-11-25T12:05:00.000001Z,,",
     "future_timestamp occurred_at"},
    {"stock.counted,wms,e,\" \",BER,1,2026-11-25T12:00:00Z,,", "bad_sku sku"},
    {"stock.counted,wms,e,a\x01,BER,1,2026-11-25T12:00:00Z,,", "bad_text sku"},
    {"stock.counted,wms,e,a\xff,BER,1,2026-11-25T12:00:00Z,,", "not_utf8 "},
    {"stock.counted,wms,e,4.00638E+12,BER,1,2026-11-25T12:00:00Z,,", "mangled_sku sku"},
    {"stock.counted,wms,e, 4.00638e+12 ,BER,1,2026-11-25T12:00:00Z,,", "mangled_sku sku"},
    {"stock.counted,wms,e,a,BER,1,2026-11-25T12:00:00Z,",
     "column_count another number of "
     "columns than the header"},
    {"stock.counted,wms,e,\"5\" disk\",BER,1,2026-11-25T12:00:00Z,,",
     "not_csv text between a closing quote and the delimiter"},
};

static void bad_rows_are_refused_and_good_ones_beside_them_are_not(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(REFUSED) / sizeof(*REFUSED); at++) {
        char csv[1024];
        char out[4096];
        const char *good = "stock.counted,wms,e,a,BER,1,2026-11-25T12:00:00Z,,";
        (void)snprintf(csv, sizeof(csv), "%s%s\n%s\n%s\n", HEADER, good, REFUSED[at].row,
                       good);
        judge_csv(NULL, "f", csv, out, sizeof(out));
        char *first = strchr(out, '\n');
        assert_non_null(first);
        char *second = strchr(first + 1, '\n');
        assert_non_null(second);
        *second = '\0';
        assert_string_equal(first + 1, REFUSED[at].reason);
        assert_int_equal(second[1], '{');
    }
}

static void headers_that_are_refused(void **state)
{
    char out[1024];
    (void)state;
    judge_csv(NULL, "f", "sku,sku\n", out, sizeof(out));
    assert_string_equal(out, "header repeated_column sku");
    judge_csv(NULL, "f", "colour,colour,sku\n", out, sizeof(out));
    assert_string_equal(out, "");
    judge_csv(NULL, "f", "sku,\"quant\n", out, sizeof(out));
    assert_string_equal(out, "header not_csv a quote that is never closed");
    judge_csv("{\"version\":1,\"fields\":{\"sku\":{\"column\":\"item\"}}}", "f", "sku\n",
              out, sizeof(out));
    assert_string_equal(out, "header missing_column item");
    judge_csv("{\"version\":1,\"fields\":{\"sku\":{\"column\":3}}}", "f", "a,b\n", out,
              sizeof(out));
    assert_string_equal(out, "header missing_column column 3 of 2");
}

static void a_mapping_says_otherwise(void **state)
{
    char out[4096];
    (void)state;
    judge_csv(
        "{\"version\":1,\"delimiter\":\";\",\"trim\":true,\"encoding\":\"iso-8859-1\","
        "\"fields\":{\"type\":{\"constant\":\"stock.counted\"},\"source\":{\"constant\":"
        "\"wms\"},\"sku\":{\"column\":\"Artikel\"},\"location\":{\"column\":\"Lager\","
        "\"values\":{\"1\":\"BER\",\"\":\"HAM\"}},\"quantity\":{\"column\":\"Bestand\","
        "\"number\":{\"thousands\":\".\"}},\"version\":{\"constant\":4},"
        "\"occurred_at\":{\"column\":\"Stand\",\"time\":{\"format\":\"%d.%m.%Y\"}}}}",
        "f",
        "Artikel ;Lager;Bestand;Stand\n"
        " \xc4 ; 1 ;1.200;1.11.2026\n"
        "B;;5;1.11.2026\n"
        "C;2;5;1.11.2026\n"
        "D;1;1.20;1.11.2026\n"
        "E;1;1;2026-11-01\n",
        out, sizeof(out));
    assert_non_null(strstr(out,
                           "\"sku\":\"\xc3\x84\",\"location\":\"BER\",\"quantity\":1200,"
                           "\"occurred_at\":\"2026-11-01T00:00:00Z\",\"version\":4}\n"));
    assert_non_null(strstr(out, "\"sku\":\"B\",\"location\":\"HAM\",\"quantity\":5"));
    assert_non_null(strstr(out, "}\nunknown_value location\nbad_number quantity\n"
                                "bad_timestamp occurred_at\n"));
}

static void columns_by_number(void **state)
{
    char out[4096];
    (void)state;
    judge_csv(
        "{\"version\":1,\"header\":false,\"quote\":\"\",\"fields\":{\"type\":{\"constant\""
        ":\"stock.counted\"},\"source\":{\"constant\":\"wms\"},\"sku\":{\"column\":2},"
        "\"location\":{\"constant\":\"BER\"},\"quantity\":{\"column\":1},"
        "\"occurred_at\":{\"from\":\"file_time\"}}}",
        "f", "7,\"a\n8,b\n", out, sizeof(out));
    assert_non_null(strstr(out, "\"sku\":\"\\\"a\",\"location\":\"BER\",\"quantity\":7,"
                                "\"occurred_at\":\"2026-11-25T12:00:00Z\"}\n"));
    assert_non_null(strstr(out, "\"sku\":\"b\",\"location\":\"BER\",\"quantity\":8"));
}

/* ---- ids --------------------------------------------------------------------------------- */

static void id_of(const char *feed, const char *before, const char *row, char id_out[64])
{
    char csv[1024];
    char out[4096];
    (void)snprintf(csv, sizeof(csv), "%s%s%s\n", HEADER, before, row);
    judge_csv(NULL, feed, csv, out, sizeof(out));
    const char *last = strstr(out, "\"sku\":\"x");
    assert_non_null(last);
    while (strncmp(last, "\"id\":\"", 6) != 0)
        last--;
    (void)snprintf(id_out, 64, "%.36s", last + 6);
}

static void ids_come_from_feed_row_and_content(void **state)
{
    static const char ROW[] = "stock.counted,wms,,x,BER,1,2026-11-25T12:00:00Z,,";
    static const char *const OTHERS[] = {
        "stock.counted,wms,,x1,BER,1,2026-11-25T12:00:00Z,,",
        "stock.counted,wms,,x,HAM,1,2026-11-25T12:00:00Z,,",
        "stock.counted,wms,,x,BER,2,2026-11-25T12:00:00Z,,",
        "stock.counted,wms,,x,BER,1,2026-11-25T12:00:01Z,,",
        "stock.counted,wms,,x,BER,1,2026-11-25T12:00:00Z,1,",
        "stock.counted,wms,,x,BER,1,2026-11-25T12:00:00Z,,r",
        "stock.adjusted,wms,,x,BER,1,2026-11-25T12:00:00Z,,",
    };
    char first[64];
    char other[64];
    (void)state;
    id_of("f", "", ROW, first);
    assert_memory_equal(first, "row-", 4);
    assert_int_equal(strspn(first + 4, "0123456789abcdef"), 32);
    id_of("f", "", ROW, other);
    assert_string_equal(first, other);
    /* the same fact in another spelling is the same row */
    id_of("f", "", "stock.counted,wms,,x,Berlin,1,2026-11-25T13:00:00+01:00,,", other);
    assert_string_equal(first, other);
    id_of("g", "", ROW, other);
    assert_string_not_equal(first, other);
    id_of("f", "stock.counted,wms,,y,BER,1,2026-11-25T12:00:00Z,,\n", ROW, other);
    assert_string_not_equal(first, other);
    for (size_t at = 0; at < sizeof(OTHERS) / sizeof(*OTHERS); at++) {
        id_of("f", "", OTHERS[at], other);
        assert_string_not_equal(first, other);
    }
}

/* ---- JSON Lines ---------------------------------------------------------------------------- */

static enum feed_reason judge_line(const char *mapping_text, const char *line, char *out,
                                   size_t size)
{
    SCOPED(feed_mapping_free) struct feed_mapping *mapping = mapping_of(mapping_text);
    assert_non_null(mapping);
    const struct feed_options options = {.contract = contract,
                                         .mapping = mapping,
                                         .feed = SPAN_OF("f"),
                                         .file_time_us = NOW_US,
                                         .now_us = NOW_US};
    SCOPED(feed_judge_free) struct feed_judge *judge = feed_judge_new(&options);
    const struct feed_row row = {
        .number = 1, .line = span_from(line), .wants_value = true};
    struct feed_event event;
    char detail[FEED_DETAIL_MAX];
    enum feed_reason reason = feed_judge_row(judge, &row, &event, detail);
    if (reason == FEED_REASON_NONE)
        (void)snprintf(out, size, "%.*s", SPAN_ARGS(event.value));
    else
        (void)snprintf(out, size, "%s", detail);
    return reason;
}

#define LINE(sku, quantity)                                                              \
    "{\"type\":\"stock.counted\",\"source\":\"wms\",\"id\":\"e\",\"sku\":" sku           \
    ",\"location\":\"BER\",\"quantity\":" quantity                                       \
    ",\"occurred_at\":\"2026-11-25T12:00:00Z\",\"more\":[{}]}"

static void lines_are_judged_like_events(void **state)
{
    char out[2048];
    (void)state;
    assert_int_equal(judge_line(NULL, LINE("\"a\\u00e4\"", "5"), out, sizeof(out)),
                     FEED_REASON_NONE);
    assert_string_equal(out,
                        "{\"type\":\"stock.counted\",\"source\":\"wms\",\"id\":\"e\","
                        "\"sku\":\"a\xc3\xa4\",\"location\":\"BER\",\"quantity\":5,"
                        "\"occurred_at\":\"2026-11-25T12:00:00Z\"}");
    assert_int_equal(judge_line(NULL, LINE("\"a\"", "5.0"), out, sizeof(out)),
                     REASON_WRONG_TYPE);
    assert_int_equal(judge_line(NULL, LINE("\"a\"", "\"5\""), out, sizeof(out)),
                     REASON_WRONG_TYPE);
    assert_int_equal(judge_line(NULL, LINE("5", "5"), out, sizeof(out)),
                     REASON_WRONG_TYPE);
    assert_int_equal(judge_line(NULL, LINE("\"\"", "5"), out, sizeof(out)),
                     REASON_BAD_TEXT);
    assert_int_equal(judge_line(NULL, LINE("\"1.23E+12\"", "5"), out, sizeof(out)),
                     FEED_REASON_MANGLED_SKU);
    assert_int_equal(judge_line(NULL, "{\"a\":1,\"a\":2}", out, sizeof(out)),
                     REASON_REPEATED_KEY);
    assert_int_equal(judge_line(NULL, "[1]", out, sizeof(out)), REASON_NOT_AN_OBJECT);
    assert_int_equal(judge_line(NULL, "{\"a\":}", out, sizeof(out)), REASON_NOT_JSON);
    assert_int_equal(judge_line(NULL, "{}", out, sizeof(out)), REASON_MISSING_FIELD);
}

static void lines_by_a_mapping(void **state)
{
    static const char MAPPING[] =
        "{\"version\":1,\"fields\":{\"type\":{\"constant\":\"stock.counted\"},\"source\":"
        "{\"constant\":\"wms\"},\"sku\":{\"column\":\"code\"},\"reference\":{\"column\":"
        "\"code\"},\"location\":{\"column\":\"site\",\"values\":{\"1\":\"BER\"}},\"quantity\":"
        "{\"column\":\"qty\",\"number\":{\"thousands\":\",\"}}}}";
    char out[2048];
    (void)state;
    assert_int_equal(
        judge_line(MAPPING,
                   "{\"code\":\"a\",\"site\":1,\"qty\":\"1,234\",\"id\":\"e\","
                   "\"occurred_at\":\"2026-11-25T12:00:00Z\",\"sku\":\"no\"}",
                   out, sizeof(out)),
        FEED_REASON_NONE);
    assert_string_equal(out,
                        "{\"type\":\"stock.counted\",\"source\":\"wms\",\"id\":\"e\","
                        "\"sku\":\"a\",\"location\":\"BER\",\"quantity\":1234,"
                        "\"occurred_at\":\"2026-11-25T12:00:00Z\",\"reference\":\"a\"}");
    assert_int_equal(
        judge_line(MAPPING, "{\"code\":\"a\",\"code\":\"b\"}", out, sizeof(out)),
        REASON_REPEATED_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_fields),
        cmocka_unit_test(bad_rows_are_refused_and_good_ones_beside_them_are_not),
        cmocka_unit_test(headers_that_are_refused),
        cmocka_unit_test(a_mapping_says_otherwise),
        cmocka_unit_test(columns_by_number),
        cmocka_unit_test(ids_come_from_feed_row_and_content),
        cmocka_unit_test(lines_are_judged_like_events),
        cmocka_unit_test(lines_by_a_mapping),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
