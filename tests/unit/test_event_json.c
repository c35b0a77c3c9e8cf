/*
 * The decoder of events: what it makes of a good one, CloudEvents in both modes, and what
 * the examples in schemas/examples (judged by tests/schema) can not show.
 */
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/event_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS 1795608000000 /* 2026-11-25T12:00:00Z */

static const char CONTRACT[] =
    "{\"version\":1,\"sources\":["
    "{\"name\":\"wms\",\"rank\":1,\"state\":\"on_hand\",\"locations\":[\"BER\"]},"
    "{\"name\":\"erp\",\"rank\":2,\"state\":\"available\"}],"
    "\"locations\":[{\"code\":\"BER\",\"aliases\":[\"Berlin\"]},{\"code\":\"HAM\"}],"
    "\"shops\":[{\"name\":\"demo\",\"endpoint\":\"https://demo.example/\",\"mode\":"
    "\"on_hand\",\"locations\":{\"BER\":\"gid://shopify/Location/1\"}}]}";

struct fixture {
    struct contract *contract;
    struct event_decoder *decoder;
    struct pool pool;
    struct event event;
    struct cloud_attributes cloud;
    int64_t recorded_at_ms;
    char detail[EVENT_DETAIL_MAX];
};

static struct fixture fix;

static enum reason decode_span(struct span value)
{
    const struct event_input input = {.contract = fix.contract,
                                      .value = value,
                                      .recorded_at_ms = fix.recorded_at_ms,
                                      .cloud = &fix.cloud};
    pool_reset(&fix.pool);
    return event_json_decode(fix.decoder, &input, &fix.pool, &fix.event, fix.detail);
}

static enum reason decode(const char *value)
{
    return decode_span(span_from(value));
}

static void expect(const char *value, enum reason reason, const char *detail)
{
    enum reason got = decode(value);
    if (got != reason || strcmp(fix.detail, detail) != 0)
        fail_msg("%s: %s \"%s\", expected %s \"%s\"", value, reason_code(got), fix.detail,
                 reason_code(reason), detail);
}

#define HEAD "{\"type\":\"stock.counted\",\"source\":\"wms\",\"sku\":\"a-1\","
#define TIME "\"occurred_at\":\"2026-11-25T11:00:00Z\""
#define PLACE "\"location\":\"BER\","
#define COUNT "\"quantity\":5,"
#define PLAIN HEAD PLACE COUNT TIME "}"

static void test_all_fields(void **state)
{
    (void)state;
    const char *value =
        HEAD "\"location\":\"Berlin\",\"quantity\":-12,\"version\":9223372036854775807,"
             "\"id\":\"e-1\",\"reference\":\"doc 7\",\"sees_orders_until\":"
             "\"2026-11-25T10:00:00+01:00\",\"x\":[{}]," TIME "}";
    assert_int_equal(decode(value), REASON_NONE);
    const struct event *event = &fix.event;
    assert_int_equal(event->type, EVENT_COUNTED);
    assert_int_equal(event->source, 0);
    assert_true(span_is(event->source_name, "wms"));
    assert_int_equal(event->location, 0);
    assert_true(span_is(event->location_code, "BER"));
    assert_true(span_is(event->sku, "A-1"));
    assert_true(span_is(event->id, "e-1"));
    assert_true(span_is(event->reference, "doc 7"));
    assert_int_equal(event->quantity, -12);
    assert_true(event->has_version && event->version == INT64_MAX);
    assert_true(event->occurred_at_us == (NOW_MS - 3600000) * 1000);
    assert_true(event->has_sees_orders_until);
    assert_true(event->sees_orders_until_us == (NOW_MS - 3 * 3600000) * 1000);
    assert_string_equal(fix.detail, "");
}

static void test_absent_optional_fields(void **state)
{
    (void)state;
    assert_int_equal(decode(PLAIN), REASON_NONE);
    assert_null(fix.event.id.bytes);
    assert_null(fix.event.reference.bytes);
    assert_false(fix.event.has_version || fix.event.has_sees_orders_until);
    assert_int_equal(
        decode("{\"type\":\"shop.ordered\",\"source\":\"demo\",\"sku\":\"a\","
               "\"location\":null," COUNT TIME "}"),
        REASON_NONE);
    assert_int_equal(fix.event.location, -1);
    assert_null(fix.event.location_code.bytes);
}

static void test_the_field_at_fault_is_named(void **state)
{
    (void)state;
    expect(HEAD PLACE TIME "}", REASON_MISSING_FIELD, "quantity");
    expect(HEAD COUNT TIME "}", REASON_MISSING_FIELD, "location");
    expect(HEAD PLACE COUNT TIME ",\"version\":1.0}", REASON_WRONG_TYPE, "version");
    expect(HEAD PLACE COUNT TIME ",\"version\":-1}", REASON_OUT_OF_RANGE, "version");
    expect(HEAD PLACE COUNT TIME ",\"id\":\"\"}", REASON_BAD_TEXT, "id");
    expect(HEAD PLACE COUNT "\"occurred_at\":\"now\"}", REASON_BAD_TIMESTAMP,
           "occurred_at");
    expect("{", REASON_NOT_JSON, "");
}

static void test_locations_that_the_source_may_not_speak_for(void **state)
{
    (void)state;
    expect(HEAD COUNT "\"location\":\"HAM\"," TIME "}", REASON_UNKNOWN_LOCATION,
           "location");
    expect("{\"type\":\"stock.counted\",\"source\":\"erp\",\"sku\":\"a\","
           "\"location\":\"HAM\"," COUNT TIME "}",
           REASON_NONE, "");
    expect("{\"type\":\"shop.observed\",\"source\":\"demo\",\"sku\":\"a\","
           "\"location\":\"BER\"," COUNT TIME "}",
           REASON_NONE, "");
    expect("{\"type\":\"shop.observed\",\"source\":\"demo\",\"sku\":\"a\","
           "\"location\":\"HAM\"," COUNT TIME "}",
           REASON_UNKNOWN_LOCATION, "location");
}

/* The record's bytes are gone once the batch has moved on; the scratch space sooner. */
static void test_texts_lie_in_the_value_or_the_pool(void **state)
{
    (void)state;
    static const char VALUE[] = HEAD PLACE COUNT TIME ",\"id\":\"plain\","
                                                      "\"reference\":\"q\\u0041\"}";
    assert_int_equal(decode(VALUE), REASON_NONE);
    struct span id = fix.event.id;
    assert_true(id.bytes >= VALUE && id.bytes < VALUE + sizeof(VALUE));
    struct event first = fix.event;
    const struct event_input other = {
        .contract = fix.contract,
        .value = SPAN_OF(HEAD PLACE COUNT TIME ",\"id\":\"\\u0042\\u0043\"}"),
        .recorded_at_ms = NOW_MS};
    struct event second;
    assert_int_equal(event_json_decode(fix.decoder, &other, &fix.pool, &second, NULL),
                     REASON_NONE);
    assert_true(span_is(first.reference, "qA"));
    assert_true(span_is(second.id, "BC"));
}

static void test_escaped_sku_that_is_normal_already_is_kept(void **state)
{
    (void)state;
    const char *value = "{\"type\":\"stock.counted\",\"source\":\"wms\","
                        "\"sku\":\"\\u0041-1\"," PLACE COUNT TIME "}";
    assert_int_equal(decode(value), REASON_NONE);
    struct event event = fix.event;
    const struct event_input other = {
        .contract = fix.contract,
        .value = SPAN_OF("{\"\\u0058\\u0058\\u0058\\u0058\":1}")};
    struct event unused;
    (void)event_json_decode(fix.decoder, &other, &fix.pool, &unused, NULL);
    assert_true(span_is(event.sku, "A-1"));
}

static void test_a_rejected_event_is_not_written(void **state)
{
    (void)state;
    assert_int_equal(decode(PLAIN), REASON_NONE);
    fix.event.quantity = 77;
    assert_int_equal(decode("{}"), REASON_MISSING_FIELD);
    assert_int_equal(fix.event.quantity, 77);
}

static void test_tombstones(void **state)
{
    (void)state;
    assert_int_equal(decode_span((struct span){0}), REASON_EMPTY_VALUE);
    assert_int_equal(decode_span((struct span){"", 0}), REASON_EMPTY_VALUE);
}

/* ---- the record's own time -------------------------------------------------------- */

static void test_five_minutes_ahead_of_the_record(void **state)
{
    (void)state;
    const char *edge = HEAD PLACE COUNT "\"occurred_at\":\"2026-11-25T12:05:00Z\"}";
    const char *past =
        HEAD PLACE COUNT "\"occurred_at\":\"2026-11-25T12:05:00.000001Z\"}";
    expect(edge, REASON_NONE, "");
    expect(past, REASON_FUTURE_TIMESTAMP, "occurred_at");
    fix.recorded_at_ms = -1;
    expect(past, REASON_NONE, "");
    expect(HEAD PLACE COUNT "\"occurred_at\":\"9999-12-31T23:59:59Z\"}", REASON_NONE, "");
    expect(HEAD PLACE COUNT "\"occurred_at\":\"9999-12-31T23:59:59-01:00\"}",
           REASON_FUTURE_TIMESTAMP, "occurred_at");
    fix.recorded_at_ms = INT64_MAX;
    expect(past, REASON_NONE, "");
}

/* ---- CloudEvents ------------------------------------------------------------------ */

static void test_binary_attributes_fill_in(void **state)
{
    (void)state;
    fix.cloud = (struct cloud_attributes){.id = SPAN_OF("ce-1"),
                                          .source = SPAN_OF("wms"),
                                          .type = SPAN_OF("stock.adjusted"),
                                          .time = SPAN_OF("2026-11-25T11:30:00Z")};
    expect("{\"sku\":\"a\"," PLACE "\"quantity\":1}", REASON_NONE, "");
    assert_int_equal(fix.event.type, EVENT_ADJUSTED);
    assert_true(span_is(fix.event.id, "ce-1"));
    assert_ptr_not_equal(fix.event.id.bytes, fix.cloud.id.bytes);
    assert_true(fix.event.occurred_at_us == (NOW_MS - 1800000) * 1000);
    expect("{\"sku\":\"a\"," PLACE "\"quantity\":1,\"id\":null,\"type\":null}",
           REASON_NONE, "");
    assert_true(span_is(fix.event.id, "ce-1"));
}

static void test_the_value_goes_before_the_attributes(void **state)
{
    (void)state;
    fix.cloud = (struct cloud_attributes){.id = SPAN_OF("ce-1"),
                                          .source = SPAN_OF("nobody"),
                                          .type = SPAN_OF("nothing"),
                                          .time = SPAN_OF("never")};
    expect(HEAD PLACE COUNT TIME ",\"id\":\"own\"}", REASON_NONE, "");
    assert_true(span_is(fix.event.id, "own"));
    expect("{\"type\":5,\"source\":\"wms\",\"sku\":\"a\"," PLACE COUNT TIME "}",
           REASON_WRONG_TYPE, "type");
}

static void test_attributes_are_judged_like_fields(void **state)
{
    (void)state;
    fix.cloud.id = SPAN_OF("a\nb");
    expect(PLAIN, REASON_BAD_TEXT, "id");
    fix.cloud.id = SPAN_OF("\xff");
    expect(PLAIN, REASON_BAD_TEXT, "id");
    fix.cloud.id = SPAN_OF("");
    expect(PLAIN, REASON_BAD_TEXT, "id");
    fix.cloud = (struct cloud_attributes){.time = SPAN_OF("\xff")};
    expect(HEAD PLACE "\"quantity\":1}", REASON_BAD_TIMESTAMP, "occurred_at");
    fix.cloud = (struct cloud_attributes){.type = SPAN_OF("shop.ordered")};
    expect("{\"source\":\"demo\",\"sku\":\"a\"," COUNT TIME "}", REASON_NONE, "");
}

static void test_structured_mode(void **state)
{
    (void)state;
    fix.cloud.structured = true;
    expect(
        "{\"specversion\":\"1.0\",\"id\":\"ce-1\",\"source\":\"wms\",\"type\":"
        "\"stock.counted\",\"time\":\"2026-11-25T11:00:00Z\",\"data\":{\"sku\":\"a\"," PLACE
        "\"quantity\":3}}",
        REASON_NONE, "");
    assert_true(span_is(fix.event.id, "ce-1"));
    assert_int_equal(fix.event.quantity, 3);
    expect("{\"data\":" PLAIN ",\"id\":\"outer\",\"sku\":7,\"quantity\":\"x\"}",
           REASON_NONE, "");
    assert_true(span_is(fix.event.id, "outer"));
    assert_int_equal(fix.event.quantity, 5);
    expect("{\"id\":\"e\"}", REASON_MISSING_FIELD, "type");
    expect("{\"data\":[]}", REASON_NOT_AN_OBJECT, "");
    expect("{\"data\":null}", REASON_NOT_AN_OBJECT, "");
    expect("{\"data\":\"{}\"}", REASON_NOT_AN_OBJECT, "");
    expect("[" PLAIN "]", REASON_NOT_AN_OBJECT, "");
    expect("{\"x\":{\"data\":" PLAIN "}}", REASON_MISSING_FIELD, "type");
    expect("{\"id\":5,\"data\":" PLAIN "}", REASON_WRONG_TYPE, "id");
    expect("{\"id\":null,\"data\":" PLAIN "}", REASON_NONE, "");
}

static void test_structured_mode_repeats_and_depth(void **state)
{
    (void)state;
    fix.cloud.structured = true;
    expect("{\"data\":" PLAIN ",\"data\":" PLAIN "}", REASON_REPEATED_KEY, "");
    expect("{\"id\":\"a\",\"id\":\"b\",\"data\":" PLAIN "}", REASON_REPEATED_KEY, "");
    expect("{\"data\":{\"sku\":\"a\",\"sku\":\"b\"}}", REASON_REPEATED_KEY, "");
    const char *in_14 =
        "{\"data\":" HEAD PLACE COUNT TIME ",\"x\":[[[[[[[[[[[[[[1]]]]]]]]]]]]]]}}";
    expect(in_14, REASON_NONE, ""); /* 2 objects and 14 arrays */
    expect("{\"data\":" HEAD PLACE COUNT TIME ",\"x\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}}",
           REASON_TOO_DEEP, "");
}

/* ---- hostile values --------------------------------------------------------------- */

static char large[EVENT_VALUE_MAX + 1];

static void test_deepest_value(void **state)
{
    (void)state;
    memset(large, '[', EVENT_VALUE_MAX / 2);
    memset(large + EVENT_VALUE_MAX / 2, ']', EVENT_VALUE_MAX / 2);
    assert_int_equal(decode_span((struct span){large, EVENT_VALUE_MAX}),
                     REASON_NOT_AN_OBJECT);
    memset(large, '[', EVENT_VALUE_MAX);
    assert_int_equal(decode_span((struct span){large, EVENT_VALUE_MAX}), REASON_NOT_JSON);
}

/* As many keys as fit, the last one given twice or not. */
static enum reason decode_many_keys(bool repeat, size_t *count_out)
{
    size_t length = 1;
    size_t count = 0;
    large[0] = '{';
    while (length < EVENT_VALUE_MAX - 80)
        length += (size_t)snprintf(large + length, 40, "\"%zx\":1,", count++);
    length +=
        (size_t)snprintf(large + length, 40, "\"%s\":1}", repeat ? "7\\u0066" : "z");
    *count_out = count;
    return decode_span((struct span){large, length});
}

static void test_many_keys(void **state)
{
    (void)state;
    size_t count = 0;
    for (int round = 0; round < 50; round++) {
        assert_int_equal(decode_many_keys(false, &count), REASON_MISSING_FIELD);
        assert_int_equal(decode_many_keys(true, &count), REASON_REPEATED_KEY);
    }
    assert_true(count > 7000);
}

static void test_keys_repeat_only_within_one_object(void **state)
{
    (void)state;
    expect(HEAD PLACE COUNT TIME ",\"x\":{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}}",
           REASON_NONE, "");
    expect(HEAD PLACE COUNT TIME ",\"x\":[{\"b\":{\"c\":{}},\"b\":1}]}",
           REASON_REPEATED_KEY, "");
    expect(HEAD PLACE COUNT TIME ",\"sk\\u0075\":\"b\"}", REASON_REPEATED_KEY, "");
    expect(HEAD PLACE COUNT TIME ",\"\":1,\"\\u0000\":2,\"\\ud800\":3,\"\\udc00\":4}",
           REASON_NONE, "");
    expect(HEAD PLACE COUNT TIME ",\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
           REASON_REPEATED_KEY, "");
}

static void test_every_cut_of_a_value_is_refused(void **state)
{
    (void)state;
    const char *value = PLAIN;
    for (size_t length = 1; length < strlen(value); length++) {
        /* a copy of its own, so that reading past its end is seen by a sanitizer */
        char *cut = malloc(length);
        assert_non_null(cut);
        memcpy(cut, value, length);
        assert_int_equal(decode_span((struct span){cut, length}), REASON_NOT_JSON);
        free(cut);
    }
}

/* ---- set-up ----------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    struct error error;
    pool_init(&fix.pool, (size_t)1 << 20);
    fix.decoder = event_decoder_new();
    enum status status = contract_decode(span_from(CONTRACT), &fix.contract, &error);
    if (status != STATUS_OK)
        print_error("%s\n", error.text);
    return fix.decoder != NULL && status == STATUS_OK ? 0 : -1;
}

static int reset(void **state)
{
    (void)state;
    fix.cloud = (struct cloud_attributes){0};
    fix.recorded_at_ms = NOW_MS;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_free(&fix.pool);
    event_decoder_free(&fix.decoder);
    contract_free(&fix.contract);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_fields, reset),
        cmocka_unit_test_setup(test_absent_optional_fields, reset),
        cmocka_unit_test_setup(test_the_field_at_fault_is_named, reset),
        cmocka_unit_test_setup(test_locations_that_the_source_may_not_speak_for, reset),
        cmocka_unit_test_setup(test_texts_lie_in_the_value_or_the_pool, reset),
        cmocka_unit_test_setup(test_escaped_sku_that_is_normal_already_is_kept, reset),
        cmocka_unit_test_setup(test_a_rejected_event_is_not_written, reset),
        cmocka_unit_test_setup(test_tombstones, reset),
        cmocka_unit_test_setup(test_five_minutes_ahead_of_the_record, reset),
        cmocka_unit_test_setup(test_binary_attributes_fill_in, reset),
        cmocka_unit_test_setup(test_the_value_goes_before_the_attributes, reset),
        cmocka_unit_test_setup(test_attributes_are_judged_like_fields, reset),
        cmocka_unit_test_setup(test_structured_mode, reset),
        cmocka_unit_test_setup(test_structured_mode_repeats_and_depth, reset),
        cmocka_unit_test_setup(test_deepest_value, reset),
        cmocka_unit_test_setup(test_many_keys, reset),
        cmocka_unit_test_setup(test_keys_repeat_only_within_one_object, reset),
        cmocka_unit_test_setup(test_every_cut_of_a_value_is_refused, reset),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
