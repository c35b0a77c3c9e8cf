/* Subscriptions, items and order lines: requests byte for byte, answers as values. */
#include "common/base/check.h"
#include "common/codec/shopify_hooks.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct error error;
static struct pool pool;
static struct shopify_reply reply;

#define ANSWER(text) SPAN_OF("{\"data\":" text "}")

static void test_subscribe_request(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4096);
    const struct subscribe_request first = {
        .document = SPAN_OF("q"), .topic = WEBHOOK_LEVELS, .uri = SPAN_OF("https://x/y")};
    shopify_encode_subscribe(&first, &text);
    assert_string_equal(
        text.bytes,
        "{\"query\":\"q\",\"variables\":{\"topic\":\"INVENTORY_LEVELS_UPDATE\","
        "\"webhookSubscription\":{\"uri\":\"https://x/y\",\"format\":\"JSON\","
        "\"includeFields\":[\"inventory_item_id\",\"location_id\",\"available\","
        "\"updated_at\"]}}}");
    buf_clear(&text);
    const struct subscribe_request again = {.document = SPAN_OF("q"),
                                            .id = SPAN_OF("i"),
                                            .topic = WEBHOOK_BULK,
                                            .uri = SPAN_OF("https://x/y")};
    shopify_encode_subscribe(&again, &text);
    assert_string_equal(text.bytes, "{\"query\":\"q\",\"variables\":{\"id\":\"i\","
                                    "\"webhookSubscription\":{\"uri\":\"https://x/y\","
                                    "\"format\":\"JSON\"}}}");
    buf_clear(&text);
    const struct span ids[] = {SPAN_OF("a"), SPAN_OF("b")};
    shopify_encode_ids(SPAN_OF("q"), ids, COUNT_OF(ids), &text);
    assert_string_equal(text.bytes,
                        "{\"query\":\"q\",\"variables\":{\"ids\":[\"a\",\"b\"]}}");
    buf_free(&text);
}

static void test_subscriptions(void **state)
{
    (void)state;
    static struct subscriptions found;
    found.pool = &pool;
    assert_int_equal(
        shopify_decode_subscriptions(
            ANSWER(
                "{\"webhookSubscriptions\":{\"nodes\":["
                "{\"id\":\"1\",\"topic\":\"INVENTORY_LEVELS_UPDATE\",\"uri\":\"u\","
                "\"format\":\"JSON\",\"includeFields\":[\"location_id\",\"available\"]},"
                "{\"id\":\"2\",\"topic\":\"ORDERS_CANCELLED\",\"uri\":\"u\","
                "\"format\":\"XML\",\"includeFields\":[\"id\",\"updated_at\","
                "\"refunds\"]},"
                "{\"id\":\"3\",\"topic\":\"OTHER\",\"uri\":\"u\",\"format\":\"JSON\","
                "\"includeFields\":[]}],\"pageInfo\":{\"hasNextPage\":true}}}"),
            &reply, &found, &error),
        STATUS_OK);
    assert_int_equal(found.count, 3);
    assert_true(found.is_cut);
    assert_int_equal(found.all[0].lacks_fields, 0x9); /* item and time */
    assert_true(found.all[0].is_json && !found.all[1].is_json);
    assert_int_equal(found.all[1].lacks_fields, 0); /* "refunds" holds all below it */
    assert_true(found.all[2].sends_all && found.all[2].lacks_fields == 0);
    assert_int_equal(
        shopify_decode_subscriptions(
            ANSWER("{\"webhookSubscriptions\":{\"nodes\":[{\"id\":\"1\"}]}}"), &reply,
            &found, &error),
        STATUS_REJECT);
    assert_int_equal(shopify_decode_subscriptions(ANSWER("{}"), &reply, &found, &error),
                     STATUS_REJECT);
}

static void test_subscribed(void **state)
{
    (void)state;
    struct subscribed done;
    assert_int_equal(shopify_decode_subscribed(
                         ANSWER("{\"webhookSubscriptionCreate\":{\"webhookSubscription\":"
                                "{\"id\":\"1\"},\"userErrors\":[]}}"),
                         &reply, &done, &error),
                     STATUS_OK);
    assert_string_equal(done.refusal, "");
    assert_int_equal(
        shopify_decode_subscribed(
            ANSWER("{\"webhookSubscriptionUpdate\":{\"webhookSubscription\":null,"
                   "\"userErrors\":[{\"message\":\"no\\naccess\"}]}}"),
            &reply, &done, &error),
        STATUS_OK);
    assert_string_equal(done.refusal, "no access");
    assert_int_equal(
        shopify_decode_subscribed(
            ANSWER("{\"webhookSubscriptionCreate\":{\"webhookSubscription\":null,"
                   "\"userErrors\":[]}}"),
            &reply, &done, &error),
        STATUS_REJECT);
}

static void test_items(void **state)
{
    (void)state;
    const struct span ids[] = {SPAN_OF("a"), SPAN_OF("b"), SPAN_OF("c")};
    struct item_facts facts[3];
    struct items_wanted wanted = {.ids = ids, .count = 3, .pool = &pool};
    assert_int_equal(
        shopify_decode_items(
            ANSWER(
                "{\"nodes\":[{\"id\":\"a\",\"sku\":\"S\",\"tracked\":true,\"variants\":"
                "{\"nodes\":[{\"inventoryPolicy\":\"CONTINUE\",\"price\":\"1.5\","
                "\"requiresComponents\":true,\"product\":{\"tags\":[\"x\",\"y\"]}},"
                "{},{},{}]}},null,{\"id\":\"c\",\"sku\":null,\"tracked\":false}]}"),
            &wanted, &reply, facts, &error),
        STATUS_OK);
    assert_true(facts[0].there && span_is(facts[0].sku, "S") && facts[0].tracked);
    assert_int_equal(facts[0].variant_count, ITEM_VARIANTS_MAX);
    const struct item_variant *variant = &facts[0].variants[0];
    assert_true(variant->continues && variant->bundle && variant->has_price);
    assert_true(variant->price_micros == 1500000 && span_is(variant->tags, "x\ny"));
    assert_non_null(facts[0].variants[1].tags.bytes);
    assert_false(facts[1].there);
    assert_true(facts[2].there && facts[2].sku.bytes == NULL && !facts[2].tracked);
    assert_int_equal(shopify_decode_items(ANSWER("{\"nodes\":[null,null]}"), &wanted,
                                          &reply, facts, &error),
                     STATUS_REJECT);
    assert_int_equal(
        shopify_decode_items(ANSWER("{\"nodes\":[{\"id\":\"b\"},null,null]}"), &wanted,
                             &reply, facts, &error),
        STATUS_REJECT);
}

static void test_order_lines(void **state)
{
    (void)state;
    const struct span ids[] = {SPAN_OF("a"), SPAN_OF("b")};
    struct order_line lines[2];
    struct items_wanted wanted = {.ids = ids, .count = 2, .pool = &pool};
    assert_int_equal(shopify_decode_order_lines(
                         ANSWER("{\"nodes\":[{\"id\":\"a\",\"sku\":\"S\"},null]}"),
                         &wanted, &reply, lines, &error),
                     STATUS_OK);
    assert_true(lines[0].there && span_is(lines[0].sku, "S") && !lines[1].there);
    assert_int_equal(
        shopify_decode_order_lines(ANSWER("{\"nodes\":[{\"id\":\"x\"},null]}"), &wanted,
                                   &reply, lines, &error),
        STATUS_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscribe_request), cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_subscribed),        cmocka_unit_test(test_items),
        cmocka_unit_test(test_order_lines),
    };
    pool_init(&pool, (size_t)1 << 20);
    int failed = cmocka_run_group_tests_name("shopify_hooks", tests, NULL, NULL);
    pool_free(&pool);
    return failed;
}
