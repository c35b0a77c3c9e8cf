/* The rows and the manifest of a packet: there and back, and strict about what is none. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/packet_manifest.h"
#include "common/codec/packet_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define AT INT64_C(1795608000500000)

static const struct packet_incident INCIDENT = {
    .id = {"abc", 3},
    .revision = 2,
    .at_us = AT,
    .state = {"opened", 6},
    .class = {"drift", 5},
    .cause = {"lost_write", 10},
    .severity = {"error", 5},
    .sku = {"A \"1\"\\<b>", 9},
    .location = {"BER", 3},
    .occurrences = 7,
    .remediation = {"x", 1},
    .handoff = {"none", 4},
    .opened_at_us = AT - 1,
    .actor = {"drift", 5},
    .note = {"", 0},
    .evidence = {"{\"a\":1}", 7},
};

static const struct packet_spot_check CHECK = {
    .id = 9,
    .sku = {"A", 1},
    .location = {"BER", 3},
    .counted = -4,
    .source = {"wms", 3},
    .verdict = {"no_books", 8},
    .actor = {"jo", 2},
    .counted_at_us = AT,
    .at_us = AT + 1000000,
    .event_id = {"", 0},
    .note = {"behind the \xc3\xb6"
             "fen",
             14},
};

static struct span line_of(const struct buf *out)
{
    assert_false(out->failed);
    assert_int_equal(out->bytes[out->length - 1], '\n');
    return (struct span){out->bytes, out->length - 1};
}

static void test_rows_come_back(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    SCOPED(pool_free) struct pool pool;
    struct packet_incident incident;
    struct packet_spot_check check;
    struct error error = {0};
    buf_init(&out, PACKET_LINE_MAX);
    pool_init(&pool, PACKET_LINE_MAX);
    packet_incident_encode(&INCIDENT, &out);
    assert_int_equal(packet_incident_decode(line_of(&out), &pool, &incident, &error),
                     STATUS_OK);
    assert_true(span_equal(incident.sku, INCIDENT.sku));
    assert_null(incident.shop.bytes);
    assert_null(incident.root_cause.bytes);
    assert_int_equal(incident.occurrences, 7);
    assert_int_equal(incident.at_us, AT);
    assert_non_null(strstr(out.bytes, "\"evidence\":{\"a\":1}}"));
    buf_clear(&out);
    packet_spot_check_encode(&CHECK, &out);
    assert_int_equal(packet_spot_check_decode(line_of(&out), &pool, &check, &error),
                     STATUS_OK);
    assert_int_equal(check.counted, -4);
    assert_false(check.has_books);
    assert_true(span_equal(check.note, CHECK.note));
    assert_int_equal(check.at_us, AT + 1000000);
}

static void test_evidence_that_is_too_long_is_left_out(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    SCOPED(buf_free) struct buf evidence;
    struct packet_incident incident = INCIDENT;
    buf_init(&out, 2 * PACKET_LINE_MAX);
    buf_init(&evidence, 2 * PACKET_LINE_MAX);
    buf_text(&evidence, "{\"a\":\"");
    while (evidence.length < PACKET_LINE_MAX)
        buf_text(&evidence, "0123456789");
    buf_text(&evidence, "\"}");
    incident.evidence = buf_view(&evidence);
    packet_incident_encode(&incident, &out);
    assert_true(out.length < 4096);
    assert_non_null(strstr(out.bytes, "\"evidence\":null}\n"));
}

static void refuse(const char *from, const char *to)
{
    SCOPED(buf_free) struct buf out;
    SCOPED(buf_free) struct buf broken;
    SCOPED(pool_free) struct pool pool;
    struct packet_incident incident;
    struct error error = {0};
    buf_init(&out, PACKET_LINE_MAX);
    buf_init(&broken, PACKET_LINE_MAX);
    pool_init(&pool, PACKET_LINE_MAX);
    packet_incident_encode(&INCIDENT, &out);
    const char *at = strstr(out.bytes, from);
    assert_non_null(at);
    buf_add(&broken, out.bytes, (size_t)(at - out.bytes));
    buf_text(&broken, to);
    buf_text(&broken, at + strlen(from));
    assert_int_equal(packet_incident_decode(buf_view(&broken), &pool, &incident, &error),
                     STATUS_REJECT);
    assert_true(error.text[0] != '\0');
}

static void test_what_is_no_row_is_refused(void **state)
{
    (void)state;
    refuse("\"revision\":2", "\"revision\":\"2\"");
    refuse("\"revision\":2", "\"revision\":2.5");
    refuse("\"revision\":2,", "");
    refuse("\"revision\":2", "\"revision\":2,\"more\":1");
    refuse("\"revision\":2", "\"revision\":2,\"revision\":2");
    refuse("\"state\":\"opened\"", "\"state\":null");
    refuse("2026-11-25T12:00:00.500000Z", "yesterday");
    refuse("\"evidence\":{\"a\":1}", "\"evidence\":[1]");
    refuse("{\"incident_id\"", "[\"incident_id\"");
}

/* ---- the manifest ------------------------------------------------------------------------ */

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct packet_file FILES[] = {{{"a.json", 6}, 12, {HEX, 64}},
                                           {{"tables/b.csv", 12}, 0, {HEX, 64}}};

static struct packet_manifest manifest(bool is_decided)
{
    struct packet_manifest made = {.format = PACKET_FORMAT,
                                   .drawing = SPAN_OF(HEX),
                                   .week = SPAN_OF("2026-W48"),
                                   .as_of_us = AT,
                                   .inputs = SPAN_OF(HEX),
                                   .contract = SPAN_OF(HEX),
                                   .files = FILES,
                                   .file_count = COUNT_OF(FILES)};
    if (!is_decided)
        return made;
    made.verdict = SPAN_OF("pass");
    made.rule = SPAN_OF("better");
    made.decision = SPAN_OF(HEX);
    return made;
}

static void test_the_manifest_comes_back(void **state)
{
    (void)state;
    for (int decided = 0; decided < 2; decided++) {
        SCOPED(buf_free) struct buf out;
        SCOPED(buf_free) struct buf again;
        SCOPED(pool_free) struct pool pool;
        struct packet_manifest read;
        struct error error = {0};
        const struct packet_manifest made = manifest(decided == 1);
        buf_init(&out, PACKET_LINE_MAX);
        buf_init(&again, PACKET_LINE_MAX);
        pool_init(&pool, PACKET_LINE_MAX);
        packet_manifest_encode(&made, &out);
        assert_int_equal(packet_manifest_decode(buf_view(&out), &pool, &read, &error),
                         STATUS_OK);
        packet_manifest_encode(&read, &again);
        assert_true(span_equal(buf_view(&out), buf_view(&again)));
        assert_int_equal(read.file_count, 2);
        assert_int_equal(read.verdict.bytes != NULL, decided);
    }
}

static void test_a_list_out_of_order_is_refused(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    SCOPED(pool_free) struct pool pool;
    struct packet_manifest made = manifest(true);
    struct packet_manifest read;
    struct error error = {0};
    const struct packet_file twice[] = {FILES[0], FILES[0]};
    buf_init(&out, PACKET_LINE_MAX);
    pool_init(&pool, PACKET_LINE_MAX);
    made.files = twice;
    packet_manifest_encode(&made, &out);
    assert_int_equal(packet_manifest_decode(buf_view(&out), &pool, &read, &error),
                     STATUS_REJECT);
    assert_non_null(strstr(error.text, "/files/1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_evidence_that_is_too_long_is_left_out),
        cmocka_unit_test(test_what_is_no_row_is_refused),
        cmocka_unit_test(test_the_manifest_comes_back),
        cmocka_unit_test(test_a_list_out_of_order_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
