/* Payloads: what is taken of them, how exactly, and what is not. */
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/codec/webhook_event.h"
#include "common/codec/webhook_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct error error;
static struct pool pool;
static struct webhook_body body;

static enum status decode(enum webhook_topic topic, const char *text)
{
    pool_reset(&pool);
    return webhook_json_decode(topic, span_from(text), &pool, &body, &error);
}

static void test_level(void **state)
{
    (void)state;
    assert_int_equal(decode(WEBHOOK_LEVELS,
                            "{\"inventory_item_id\":271878346596884015,"
                            "\"location_id\":9223372036854775807,\"available\":-3,"
                            "\"updated_at\":\"2026-11-29T05:00:00-05:00\","
                            "\"admin_graphql_api_id\":\"x\"}"),
                     STATUS_OK);
    assert_true(body.item.there && body.item.value == 271878346596884015);
    assert_true(body.location.there && body.location.value == INT64_MAX);
    assert_true(body.quantity.there && body.quantity.value == -3);
    char id[WEBHOOK_EVENT_ID_MAX];
    webhook_level_event_id(&body, id);
    assert_string_equal(id, "level/271878346596884015/9223372036854775807/"
                            "1795946400000000/-3");
    assert_int_equal(webhook_judge_level(&body), WEBHOOK_LEVEL_SEEN);
}

static void test_other_types_are_absent(void **state)
{
    (void)state;
    static const char *const VALUES[] = {"null",
                                         "1.0",
                                         "1e3",
                                         "\"5\"",
                                         "true",
                                         "{}",
                                         "[5]",
                                         "9223372036854775808",
                                         "{\"a\":[[{}],1]}"};
    for (size_t at = 0; at < COUNT_OF(VALUES); at++) {
        char text[200];
        (void)snprintf(text, sizeof text, "{\"available\": %s, \"location_id\" :7 }",
                       VALUES[at]);
        assert_int_equal(decode(WEBHOOK_LEVELS, text), STATUS_OK);
        assert_false(body.quantity.there);
        assert_true(body.location.there && body.location.value == 7);
    }
    assert_int_equal(decode(WEBHOOK_LEVELS, "{\"updated_at\":\"yesterday\"}"), STATUS_OK);
    assert_false(body.at.there);
}

static void test_order(void **state)
{
    (void)state;
    assert_int_equal(
        decode(
            WEBHOOK_ORDER_CREATED,
            "{\"email\":\"eve@example.com\",\"line_items\":[{\"id\":11,\"sku\":\"A\\u00e9\","
            "\"quantity\":2,\"tax_lines\":[{\"id\":99,\"sku\":\"no\"}],\"name\":\"n\"},"
            "{\"sku\":null,\"id\":12,\"quantity\":1},7,null,{}],"
            "\"customer\":{\"id\":5,\"location_id\":6,\"line_items\":[{\"id\":1}]},"
            "\"location_id\":null,\"id\":450789469,"
            "\"created_at\":\"2026-11-29T10:00:00Z\"}"),
        STATUS_OK);
    assert_true(body.id.value == 450789469);
    assert_false(body.location.there);
    assert_int_equal(body.line_count, 3);
    const struct webhook_line *line = body.lines;
    assert_true(span_is(line->sku, "A\xc3\xa9") && line->units.value == 2);
    assert_true(line->id.value == 11 && line->at.there &&
                line->at.value == body.at.value);
    char id[WEBHOOK_EVENT_ID_MAX];
    webhook_line_event_id(&body, line, id);
    assert_string_equal(id, "line/11");
    assert_null(line->next->sku.bytes);
    assert_false(line->next->next->id.there);
    assert_null(line->next->next->next);
}

#define REFUND                                                                           \
    "\"refund_line_items\":[{\"id\":31,\"quantity\":1,\"restock_type\":\"cancel\","      \
    "\"location_id\":501,\"line_item\":{\"id\":8,\"sku\":\"A\",\"quantity\":77,"         \
    "\"location_id\":1}}],\"created_at\":\"2026-11-29T10:00:0%dZ\""

/* A refund and the cancellation that holds it name the same units in the same words. */
static void test_refunds(void **state)
{
    (void)state;
    char text[1000];
    char ids[2][WEBHOOK_EVENT_ID_MAX];
    (void)snprintf(text, sizeof text, "{\"id\":21,\"order_id\":4," REFUND "}", 1);
    assert_int_equal(decode(WEBHOOK_REFUNDED, text), STATUS_OK);
    int64_t at_us = body.lines->at.value;
    webhook_line_event_id(&body, body.lines, ids[0]);
    (void)snprintf(text, sizeof text,
                   "{\"refunds\":[{\"id\":20,\"created_at\":\"2026-11-29T09:00:00Z\","
                   "\"refund_line_items\":[{\"id\":30}]},{\"id\":21," REFUND
                   "},9],\"created_at\":\"2026-11-29T08:00:00Z\",\"id\":4}",
                   1);
    assert_int_equal(decode(WEBHOOK_ORDER_CANCELLED, text), STATUS_OK);
    assert_int_equal(body.line_count, 2);
    assert_true(body.lines->at.value == at_us - 3601000000);
    const struct webhook_line *line = body.lines->next;
    webhook_line_event_id(&body, line, ids[1]);
    assert_string_equal(ids[0], "refund-line/31");
    assert_string_equal(ids[0], ids[1]);
    int64_t units = 0;
    assert_int_equal(webhook_judge_line(line, &units), WEBHOOK_UNITS_RESTOCKED);
    assert_true(units == -1 && line->location.value == 501 && line->at.value == at_us);
    assert_true(span_is(line->sku, "A"));
}

static void test_edit(void **state)
{
    (void)state;
    assert_int_equal(decode(WEBHOOK_ORDER_EDITED,
                            "{\"order_edit\":{\"id\":78,\"order_id\":9,\"line_items\":"
                            "{\"additions\":[{\"id\":1,\"delta\":2}],"
                            "\"removals\":[{\"id\":3,\"delta\":1}]},"
                            "\"created_at\":\"2026-11-29T10:00:00Z\"}}"),
                     STATUS_OK);
    char id[WEBHOOK_EVENT_ID_MAX];
    webhook_line_event_id(&body, body.lines, id);
    assert_string_equal(id, "edit-line/78/1");
    int64_t units = 0;
    assert_int_equal(webhook_judge_line(body.lines, &units), WEBHOOK_UNITS_ADDED);
    assert_int_equal(webhook_judge_line(body.lines->next, &units), WEBHOOK_UNITS_REMOVED);
}

static void test_catalogue_and_bulk(void **state)
{
    (void)state;
    assert_int_equal(decode(WEBHOOK_PRODUCT, "{\"id\":1,\"variants\":[{\"id\":2,"
                                             "\"inventory_item_id\":3}]}"),
                     STATUS_OK);
    assert_true(body.lines->item.value == 3);
    assert_int_equal(decode(WEBHOOK_ITEM, "{\"id\":9007199254740993}"), STATUS_OK);
    assert_true(body.item.value == 9007199254740993);
    assert_int_equal(decode(WEBHOOK_BULK, "{\"admin_graphql_api_id\":"
                                          "\"gid://shopify/BulkOperation/1\"}"),
                     STATUS_OK);
    assert_true(span_is(body.gid, "gid://shopify/BulkOperation/1"));
    assert_int_equal(decode(WEBHOOK_UNINSTALLED, "{\"id\":1,\"name\":[1]}"), STATUS_OK);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        " ",
        "[]",
        "null",
        "7",
        "\"{}\"",
        "{",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":{\"b\"]}",
        "{\"a\":01}",
        "{\"a\":nul}",
        "{\"a\":\"\t\"}",
        "\xef\xbb\xbf{}",
        "{\"a\":\"\xff\"}",
        "{\"id\":1,\"id\":2}",
        "{\"id\":{\"a\":1,}}",
        "{\"line_items\":[{\"id\":1]}",
        "{\"line_items\":[{}",
        "{\"line_items\":[{},]}",
    };
    for (size_t at = 0; at < COUNT_OF(BAD); at++)
        assert_int_equal(decode(WEBHOOK_ORDER_CREATED, BAD[at]), STATUS_REJECT);
    assert_int_equal(webhook_json_check(SPAN_OF("{\"id\":1}\0"), &error), STATUS_REJECT);
    assert_int_equal(webhook_json_check(SPAN_OF("{\"x\":[{\"y\":[[],{}]}]} \n"), &error),
                     STATUS_OK);
}

static void test_depth(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4096);
    for (int over = 0; over < 2; over++) {
        buf_clear(&text);
        buf_text(&text, "{\"a\":");
        for (int level = 0; level < WEBHOOK_DEPTH_MAX + over; level++)
            buf_byte(&text, '[');
        for (int level = 0; level < WEBHOOK_DEPTH_MAX + over; level++)
            buf_byte(&text, ']');
        buf_byte(&text, '}');
        assert_int_equal(webhook_json_check(buf_view(&text), &error),
                         over ? STATUS_REJECT : STATUS_OK);
    }
    buf_free(&text);
}

/* The pool holds what was taken and nothing of what was passed by. */
static void test_nothing_of_the_customer_is_kept(void **state)
{
    (void)state;
    static const char TEXT[] =
        "{\"email\":\"sentinel\",\"customer\":{\"first_name\":\"senti\\u006eel\","
        "\"addresses\":[{\"address1\":\"sentinel\"}]},\"line_items\":[{\"id\":1,"
        "\"sku\":\"A\",\"name\":\"sentinel\",\"properties\":[{\"value\":\"sentinel\"}]}]}";
    struct pool small;
    pool_init(&small, sizeof(struct webhook_line) + 64); /* too little for more */
    assert_int_equal(
        webhook_json_decode(WEBHOOK_ORDER_CREATED, SPAN_OF(TEXT), &small, &body, &error),
        STATUS_OK);
    assert_true(small.taken <= sizeof(struct webhook_line) + 64);
    assert_true(span_is(body.lines->sku, "A"));
    pool_free(&small);
}

static void test_event(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4096);
    webhook_event_value(&(struct webhook_event){.type = EVENT_ORDERED,
                                                .source = SPAN_OF("demo"),
                                                .id = SPAN_OF("line/1"),
                                                .sku = SPAN_OF("A\"B"),
                                                .quantity = -4,
                                                .occurred_at_us = 1795946400000000,
                                                .reference = SPAN_OF("order 5")},
                        &text);
    assert_string_equal(
        text.bytes,
        "{\"type\":\"shop.ordered\",\"source\":\"demo\",\"id\":\"line/1\","
        "\"sku\":\"A\\\"B\",\"location\":null,\"quantity\":-4,"
        "\"occurred_at\":\"2026-11-29T10:00:00Z\",\"reference\":\"order 5\"}");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_other_types_are_absent),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_refunds),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_catalogue_and_bulk),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_nothing_of_the_customer_is_kept),
        cmocka_unit_test(test_event),
    };
    pool_init(&pool, (size_t)1 << 20);
    int failed = cmocka_run_group_tests_name("webhook_json", tests, NULL, NULL);
    pool_free(&pool);
    return failed;
}
