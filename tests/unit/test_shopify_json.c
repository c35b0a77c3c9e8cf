/* Requests as exact bytes; answers as values, and what is no answer refused. */
#include "common/base/check.h"
#include "common/codec/shopify_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct shopify_reply reply;
static struct error error;
static struct push_answer answer;

/* ---- requests ----------------------------------------------------------------------- */

static void test_set_is_exact(void **state)
{
    (void)state;
    const struct set_pair pairs[] = {
        {SPAN_OF("gid://shopify/InventoryItem/1"), SPAN_OF("gid://shopify/Location/2"),
         -3, 1000000000},
        {SPAN_OF("gid://shopify/InventoryItem/9007199254740993"),
         SPAN_OF("gid://shopify/Location/2"), 0, 5},
    };
    const struct set_request request = {
        .document = SPAN_OF("# a \"b\"\n\tmutation\\"),
        .name = SPAN_OF("on_hand"),
        .reason = SPAN_OF("correction"),
        .reference = SPAN_OF("gid://parstock/Write/k"),
        .key = SPAN_OF("k"),
        .pairs = pairs,
        .pair_count = 2,
    };
    struct buf out;
    buf_init(&out, 4096);
    shopify_encode_set(&request, &out);
    assert_false(out.failed);
    assert_string_equal(
        out.bytes,
        "{\"query\":\"# a \\\"b\\\"\\n\\u0009mutation\\\\\",\"variables\":{\"key\":\"k\","
        "\"input\":{\"name\":\"on_hand\",\"reason\":\"correction\","
        "\"referenceDocumentUri\":\"gid://parstock/Write/k\",\"quantities\":["
        "{\"inventoryItemId\":\"gid://shopify/InventoryItem/1\","
        "\"locationId\":\"gid://shopify/Location/2\",\"quantity\":1000000000,"
        "\"changeFromQuantity\":-3},"
        "{\"inventoryItemId\":\"gid://shopify/InventoryItem/9007199254740993\","
        "\"locationId\":\"gid://shopify/Location/2\",\"quantity\":5,"
        "\"changeFromQuantity\":0}]}}}");
    buf_free(&out);
}

static void test_read_and_plain_are_exact(void **state)
{
    (void)state;
    const struct span items[] = {SPAN_OF("a"), SPAN_OF("b")};
    struct buf out;
    buf_init(&out, 4096);
    shopify_encode_read(SPAN_OF("q"), items, 2, SPAN_OF("l"), &out);
    assert_string_equal(out.bytes, "{\"query\":\"q\",\"variables\":{\"locationId\":\"l\","
                                   "\"ids\":[\"a\",\"b\"]}}");
    buf_clear(&out);
    shopify_encode_plain(SPAN_OF("q"), NULL, (struct span){0}, &out);
    assert_string_equal(out.bytes, "{\"query\":\"q\"}");
    buf_clear(&out);
    shopify_encode_plain(SPAN_OF("q"), "id", SPAN_OF("x"), &out);
    assert_string_equal(out.bytes, "{\"query\":\"q\",\"variables\":{\"id\":\"x\"}}");
    buf_free(&out);
}

static void test_too_large_is_said(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 8);
    shopify_encode_plain(SPAN_OF("a document that does not fit"), NULL, (struct span){0},
                         &out);
    assert_true(out.failed);
    buf_free(&out);
}

/* ---- answers to a set --------------------------------------------------------------- */

static enum status decode_set(const char *text)
{
    reply = (struct shopify_reply){0};
    answer = (struct push_answer){0};
    return shopify_decode_set(span_from(text), &reply, &answer, &error);
}

#define COST_TEXT                                                                        \
    "\"extensions\":{\"cost\":{\"requestedQueryCost\":10,\"actualQueryCost\":10,"        \
    "\"throttleStatus\":{\"maximumAvailable\":2000.0,\"currentlyAvailable\":1990,"       \
    "\"restoreRate\":100.0}}}"

static void test_set_applied(void **state)
{
    (void)state;
    assert_int_equal(
        decode_set("{\"data\":{\"inventorySetQuantities\":{\"inventoryAdjustmentGroup\":"
                   "{\"id\":\"gid://x/1\"},\"userErrors\":[]}}," COST_TEXT "}"),
        STATUS_OK);
    assert_false(reply.has_top_error);
    assert_true(answer.has_group);
    assert_int_equal(answer.error_count, 0);
    assert_true(reply.cost.known);
    assert_int_equal(reply.cost.maximum, 2000);
    assert_int_equal(reply.cost.available, 1990);
    assert_int_equal(reply.cost.restore_rate, 100);
    assert_int_equal(reply.cost.requested, 10);
}

static void test_set_errors_name_their_pairs(void **state)
{
    (void)state;
    assert_int_equal(
        decode_set(
            "{\"data\":{\"inventorySetQuantities\":{\"inventoryAdjustmentGroup\":null,"
            "\"userErrors\":["
            "{\"code\":\"CHANGE_FROM_QUANTITY_STALE\",\"message\":\"m\","
            "\"field\":[\"input\",\"quantities\",\"249\",\"changeFromQuantity\"]},"
            "{\"code\":\"A\",\"field\":[\"input\",\"quantities\",7]},"
            "{\"code\":\"B\",\"field\":null},"
            "{\"code\":\"C\",\"field\":[\"input\",\"name\"]},"
            "{\"code\":\"D\",\"field\":[\"input\",\"quantities\",\"250\"]},"
            "{\"code\":\"E\",\"field\":[\"input\",\"quantities\",\"-1\"]},"
            "{\"code\":\"F\",\"field\":[\"input\",\"reasons\",\"1\"]},"
            "{\"code\":null,\"field\":\"quantities\"}, 5]}}}"),
        STATUS_OK);
    static const int PAIRS[] = {249, 7, -1, -1, -1, -1, -1, -1, -1};
    assert_int_equal(answer.error_count, 9);
    for (size_t at = 0; at < 9; at++)
        assert_int_equal(answer.errors[at].pair, PAIRS[at]);
    assert_string_equal(answer.errors[0].code, "CHANGE_FROM_QUANTITY_STALE");
    assert_string_equal(answer.errors[7].code, "");
    assert_string_equal(reply.message, "m");
    assert_false(answer.has_group);
    assert_false(reply.cost.known);
}

static void test_throttled(void **state)
{
    (void)state;
    assert_int_equal(
        decode_set("{\"errors\":[{\"message\":\"other\"},{\"message\":\"Throttled\","
                   "\"extensions\":{\"code\":\"THROTTLED\"}}]," COST_TEXT "}"),
        STATUS_OK);
    assert_true(reply.has_top_error && answer.has_top_error);
    assert_string_equal(answer.top_code, "THROTTLED");
    assert_true(reply.cost.known);
}

static void test_errors_of_other_shapes(void **state)
{
    (void)state;
    assert_int_equal(decode_set("{\"errors\":\"Not Found\"}"), STATUS_OK);
    assert_true(reply.has_top_error);
    assert_string_equal(reply.message, "Not Found");
    assert_string_equal(reply.top_code, "");
    assert_int_equal(decode_set("{\"errors\":{\"query\":\"missing\"}}"), STATUS_OK);
    assert_true(reply.has_top_error);
    /* An empty list is no error, and then the data must be there. */
    assert_int_equal(decode_set("{\"errors\":[],\"data\":null}"), STATUS_REJECT);
}

/* A message with line breaks would otherwise forge lines of a log. */
static void test_messages_are_one_line(void **state)
{
    (void)state;
    assert_int_equal(decode_set("{\"errors\":[{\"message\":\"a\\nb\\u001b[1m\"}]}"),
                     STATUS_OK);
    assert_string_equal(reply.message, "a b [1m");
}

static void test_garbage_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "<!DOCTYPE html><html>",
        "null",
        "[]",
        "\"text\"",
        "{\"data\":{\"inventorySetQuantities\":{\"userErrors\":[]",
        "{\"data\":{}}",
        "{\"data\":{\"inventorySetQuantities\":null}}",
        "{\"data\":{\"inventorySetQuantities\":{\"userErrors\":null}}}",
        "{\"data\":{\"inventorySetQuantities\":{\"userErrors\":{}}}}",
        "{\"data\":1,\"data\":2}",
        "{\"data\":{\"inventorySetQuantities\":{\"userErrors\":[]}}} trailing",
        "{\"a\":99999999999999999999}",
        "{\"a\":\"\xff\"}",
    };
    for (size_t at = 0; at < sizeof TEXTS / sizeof *TEXTS; at++) {
        if (decode_set(TEXTS[at]) != STATUS_REJECT)
            fail_msg("taken: %s", TEXTS[at]);
        assert_string_equal(error.code, "garbled");
    }
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    struct buf deep;
    buf_init(&deep, 1 << 20);
    for (int at = 0; at < 100000; at++)
        buf_text(&deep, "{\"a\":");
    assert_int_equal(decode_set(deep.bytes), STATUS_REJECT);
    buf_free(&deep);
    /* Brackets within texts do not count. */
    assert_int_equal(
        decode_set("{\"data\":{\"inventorySetQuantities\":{\"userErrors\":[]}},\"x\":"
                   "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[\"}"),
        STATUS_OK);
}

static void test_many_errors_are_cut(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_text(&text,
             "{\"data\":{\"inventorySetQuantities\":{\"userErrors\":[{\"code\":\"A\"}");
    for (int at = 0; at < PUSH_ERRORS_MAX; at++)
        buf_text(&text, ",{\"code\":\"A\"}");
    buf_text(&text, "]}}}");
    assert_int_equal(decode_set(text.bytes), STATUS_OK);
    assert_int_equal(answer.error_count, PUSH_ERRORS_MAX);
    assert_true(answer.errors_cut);
    buf_free(&text);
}

static void test_hostile_cost(void **state)
{
    (void)state;
    assert_int_equal(
        decode_set(
            "{\"errors\":[{}],\"extensions\":{\"cost\":{\"throttleStatus\":{"
            "\"maximumAvailable\":1e300,\"currentlyAvailable\":1,\"restoreRate\":1}}}}"),
        STATUS_OK);
    assert_false(reply.cost.known);
    assert_int_equal(
        decode_set(
            "{\"errors\":[{}],\"extensions\":{\"cost\":{\"throttleStatus\":{"
            "\"maximumAvailable\":\"2000\",\"currentlyAvailable\":1,\"restoreRate\":1}}}}"),
        STATUS_OK);
    assert_false(reply.cost.known);
}

/* ---- levels ------------------------------------------------------------------------- */

static struct pool pool;

static enum status decode_levels(const char *text, size_t count,
                                 struct shopify_level *levels)
{
    const struct span items[] = {SPAN_OF("i1"), SPAN_OF("i2"), SPAN_OF("i3")};
    const struct levels_wanted wanted = {
        .items = items, .count = count, .name = "on_hand", .pool = &pool};
    return shopify_decode_levels(span_from(text), &wanted, &reply, levels, &error);
}

static void test_levels(void **state)
{
    (void)state;
    struct shopify_level levels[3];
    assert_int_equal(
        decode_levels(
            "{\"data\":{\"nodes\":[{\"id\":\"i1\",\"sku\":\"A\",\"tracked\":true,"
            "\"inventoryLevel\":{\"isActive\":true,\"quantities\":["
            "{\"name\":\"available\",\"quantity\":3},{\"name\":\"on_hand\",\"quantity\":-7}]}},"
            "null,{\"id\":\"i3\",\"sku\":null,\"tracked\":false,\"inventoryLevel\":null}]}}",
            3, levels),
        STATUS_OK);
    assert_true(levels[0].item_there && levels[0].tracked && levels[0].level_there);
    assert_true(levels[0].active && levels[0].has_quantity);
    assert_int_equal(levels[0].quantity, -7);
    assert_true(span_is(levels[0].sku, "A"));
    assert_false(levels[1].item_there);
    assert_true(levels[2].item_there && !levels[2].level_there &&
                !levels[2].has_quantity);
    assert_null(levels[2].sku.bytes);
}

static void test_levels_of_others_are_refused(void **state)
{
    (void)state;
    struct shopify_level levels[3];
    assert_int_equal(decode_levels("{\"data\":{\"nodes\":[{\"id\":\"i2\"}]}}", 1, levels),
                     STATUS_REJECT);
    assert_int_equal(decode_levels("{\"data\":{\"nodes\":[null]}}", 2, levels),
                     STATUS_REJECT);
    assert_int_equal(decode_levels("{\"data\":{\"nodes\":[null,null]}}", 1, levels),
                     STATUS_REJECT);
    assert_int_equal(decode_levels("{\"data\":{}}", 1, levels), STATUS_REJECT);
}

static void test_quantities_of_other_types_are_unknown(void **state)
{
    (void)state;
    static const char *const NUMBERS[] = {"1.0", "\"1\"", "null", "true", "4000000001"};
    struct shopify_level levels[1];
    for (size_t at = 0; at < sizeof NUMBERS / sizeof *NUMBERS; at++) {
        struct buf text;
        buf_init(&text, 4096);
        buf_format(
            &text,
            "{\"data\":{\"nodes\":[{\"id\":\"i1\",\"inventoryLevel\":{\"quantities\":["
            "{\"name\":\"on_hand\",\"quantity\":%s}]}}]}}",
            NUMBERS[at]);
        assert_int_equal(decode_levels(text.bytes, 1, levels), STATUS_OK);
        assert_false(levels[0].has_quantity);
        buf_free(&text);
    }
}

/* ---- bulk, locations, scopes, token ------------------------------------------------- */

static void test_bulk_operation(void **state)
{
    (void)state;
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

static void test_locations(void **state)
{
    (void)state;
    static struct shopify_locations found;
    found.pool = &pool;
    assert_int_equal(
        shopify_decode_locations(
            SPAN_OF("{\"data\":{\"locations\":{\"nodes\":[{\"id\":\"l\",\"name\":\"N\","
                    "\"isActive\":true,\"isFulfillmentService\":false}]}}}"),
            &reply, &found, &error),
        STATUS_OK);
    assert_int_equal(found.count, 1);
    assert_true(found.all[0].active && !found.all[0].fulfilment_service);
    assert_true(span_is(found.all[0].gid, "l"));
    assert_int_equal(
        shopify_decode_locations(SPAN_OF("{\"data\":{\"locations\":{\"nodes\":[{}]}}}"),
                                 &reply, &found, &error),
        STATUS_REJECT);
}

static void test_scopes(void **state)
{
    (void)state;
    unsigned scopes = 0;
    assert_int_equal(
        shopify_decode_scopes(
            SPAN_OF("{\"data\":{\"currentAppInstallation\":{\"accessScopes\":["
                    "{\"handle\":\"write_inventory\"},{\"handle\":\"read_locations\"},"
                    "{\"handle\":\"something_else\"},{}]}}}"),
            &reply, &scopes, &error),
        STATUS_OK);
    assert_int_equal(scopes,
                     SCOPE_WRITE_INVENTORY | SCOPE_READ_INVENTORY | SCOPE_READ_LOCATIONS);
    assert_string_equal(shopify_scope_name(SCOPE_READ_PRODUCTS), "read_products");
}

static void test_token(void **state)
{
    (void)state;
    struct shopify_token token;
    assert_int_equal(
        shopify_decode_token(
            SPAN_OF("{\"access_token\":\"t\",\"scope\":\"\",\"expires_in\":86399}"),
            &token, &error),
        STATUS_OK);
    assert_string_equal(token.text, "t");
    assert_int_equal(token.expires_in_seconds, 86399);
    assert_int_equal(
        shopify_decode_token(SPAN_OF("{\"access_token\":\"\"}"), &token, &error),
        STATUS_REJECT);
    assert_int_equal(shopify_decode_token(SPAN_OF("{}"), &token, &error), STATUS_REJECT);
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
        cmocka_unit_test(test_set_is_exact),
        cmocka_unit_test(test_read_and_plain_are_exact),
        cmocka_unit_test(test_too_large_is_said),
        cmocka_unit_test(test_set_applied),
        cmocka_unit_test(test_set_errors_name_their_pairs),
        cmocka_unit_test(test_throttled),
        cmocka_unit_test(test_errors_of_other_shapes),
        cmocka_unit_test(test_messages_are_one_line),
        cmocka_unit_test(test_garbage_is_refused),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_many_errors_are_cut),
        cmocka_unit_test(test_hostile_cost),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_levels_of_others_are_refused),
        cmocka_unit_test(test_quantities_of_other_types_are_unknown),
        cmocka_unit_test(test_bulk_operation),
        cmocka_unit_test(test_bulk_lines),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_locations),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_token),
    };
    return cmocka_run_group_tests_name("shopify json", tests, set_up, tear_down);
}
