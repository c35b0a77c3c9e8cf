/* Bulk exports: what came of one, and its lines as values. */
#include "common/base/check.h"
#include "common/codec/shopify_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct error error;
static struct pool pool;

static void test_bulk_operation(void **state)
{
    (void)state;
    struct shopify_reply reply;
    struct shopify_bulk bulk;
    assert_int_equal(
        shopify_decode_bulk_run(
            SPAN_OF("{\"data\":{\"bulkOperationRunQuery\":{\"bulkOperation\":{"
                    "\"id\":\"b\",\"status\":\"CREATED\"},\"userErrors\":[]}}}"),
            &reply, &bulk, &error),
        STATUS_OK);
    assert_string_equal(bulk.id, "b");
    assert_string_equal(bulk.error_code, "");
    assert_int_equal(
        shopify_decode_bulk_run(
            SPAN_OF(
                "{\"data\":{\"bulkOperationRunQuery\":{\"bulkOperation\":null,"
                "\"userErrors\":[{\"code\":\"LIMIT_REACHED\",\"message\":\"busy\"}]}}}"),
            &reply, &bulk, &error),
        STATUS_OK);
    assert_string_equal(bulk.error_code, "LIMIT_REACHED");
    assert_string_equal(bulk.message, "busy");
    assert_int_equal(
        shopify_decode_bulk_status(
            SPAN_OF(
                "{\"data\":{\"bulkOperation\":{\"id\":\"b\",\"status\":\"COMPLETED\","
                "\"errorCode\":null,\"objectCount\":\"12345678901\",\"url\":\"https://x\"}}}"),
            &reply, &bulk, &error),
        STATUS_OK);
    assert_string_equal(bulk.status, "COMPLETED");
    assert_true(bulk.object_count == 12345678901);
    assert_string_equal(bulk.url, "https://x");
    assert_int_equal(
        shopify_decode_bulk_status(SPAN_OF("{\"data\":{\"bulkOperation\":null}}"), &reply,
                                   &bulk, &error),
        STATUS_REJECT);
}

static void test_prices(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool there;
        int64_t micros;
    } PRICES[] = {
        {"\"0\"", true, 0},
        {"\"0.00\"", true, 0},
        {"\"7\"", true, 7000000},
        {"\"7.\"", true, 7000000},
        {"\"7.5\"", true, 7500000},
        {"\"0.0000019\"", true, 1},
        {"\"9223372036854.775807\"", true, INT64_MAX},
        {"\"9223372036854.775806\"", true, INT64_MAX - 1},
        {"\"99999999999999999999\"", true, INT64_MAX},
        {"\"\"", false, 0},
        {"\".5\"", false, 0},
        {"\"-1\"", false, 0},
        {"\"1.2.3\"", false, 0},
        {"\"1,50\"", false, 0},
        {"7", false, 0},
        {"null", false, 0},
    };
    for (size_t at = 0; at < COUNT_OF(PRICES); at++) {
        char text[200];
        struct bulk_line line;
        int length = snprintf(text, sizeof text,
                              "{\"id\":\"gid://shopify/ProductVariant/3\",\"price\":%s,"
                              "\"__parentId\":\"i\"}",
                              PRICES[at].json);
        assert_int_equal(shopify_decode_bulk_line((struct span){text, (size_t)length},
                                                  &pool, &line, &error),
                         STATUS_OK);
        if (line.has_price != PRICES[at].there ||
            (line.has_price && line.price_micros != PRICES[at].micros))
            fail_msg("%s: %d %lld", PRICES[at].json, line.has_price,
                     (long long)line.price_micros);
        assert_true(line.tags.bytes != NULL && line.tags.length == 0);
    }
}

static void test_bulk_lines(void **state)
{
    (void)state;
    struct bulk_line line;
    assert_int_equal(
        shopify_decode_bulk_line(
            SPAN_OF("{\"id\":\"gid://shopify/InventoryItem/1\",\"sku\":\"S\","
                    "\"tracked\":true}"),
            &pool, &line, &error),
        STATUS_OK);
    assert_int_equal(line.kind, BULK_ITEM);
    assert_true(line.tracked && span_is(line.sku, "S"));
    assert_int_equal(
        shopify_decode_bulk_line(
            SPAN_OF("{\"id\":\"gid://shopify/InventoryLevel/2?inventory_item_id=1\","
                    "\"isActive\":true,\"location\":{\"id\":\"l\"},\"quantities\":["
                    "{\"name\":\"available\",\"quantity\":-1},"
                    "{\"name\":\"on_hand\",\"quantity\":null}],"
                    "\"__parentId\":\"gid://shopify/InventoryItem/1\"}"),
            &pool, &line, &error),
        STATUS_OK);
    assert_int_equal(line.kind, BULK_LEVEL);
    assert_true(line.active && line.has_available && !line.has_on_hand);
    assert_int_equal(line.available, -1);
    assert_true(span_is(line.location, "l"));
    assert_true(span_is(line.item, "gid://shopify/InventoryItem/1"));
    assert_int_equal(
        shopify_decode_bulk_line(
            SPAN_OF("{\"id\":\"gid://shopify/ProductVariant/3\",\"inventoryPolicy\":"
                    "\"CONTINUE\",\"price\":\"100.57\",\"requiresComponents\":true,"
                    "\"product\":{\"id\":\"p\",\"tags\":[\"new\",\"\",\"a\\nb\"]},"
                    "\"__parentId\":\"gid://shopify/InventoryItem/1\"}"),
            &pool, &line, &error),
        STATUS_OK);
    assert_int_equal(line.kind, BULK_VARIANT);
    assert_true(line.continues && line.bundle && line.has_price);
    assert_int_equal(line.price_micros, 100570000);
    assert_true(span_is(line.tags, "new\na b"));
    assert_true(span_is(line.item, "gid://shopify/InventoryItem/1"));
    assert_int_equal(
        shopify_decode_bulk_line(SPAN_OF("{\"id\":\"gid://shopify/ProductVariant/3\"}"),
                                 &pool, &line, &error),
        STATUS_REJECT);
    assert_int_equal(
        shopify_decode_bulk_line(SPAN_OF("{\"id\":\"gid://shopify/Product/1\"}"), &pool,
                                 &line, &error),
        STATUS_OK);
    assert_int_equal(line.kind, BULK_OTHER);
    /* A level that can't be joined must not pass as one that is not there. */
    assert_int_equal(
        shopify_decode_bulk_line(SPAN_OF("{\"id\":\"gid://shopify/InventoryLevel/2\"}"),
                                 &pool, &line, &error),
        STATUS_REJECT);
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
        cmocka_unit_test(test_bulk_operation),
        cmocka_unit_test(test_bulk_lines),
        cmocka_unit_test(test_prices),
    };
    return cmocka_run_group_tests_name("shopify bulk", tests, set_up, tear_down);
}
