/* Topics by their names, and what each thing that a payload tells of comes to. */
#include "common/base/check.h"
#include "common/domain/webhook.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_topics(void **state)
{
    (void)state;
    enum webhook_topic topic = WEBHOOK_TOPIC_COUNT;
    for (int each = 0; each < WEBHOOK_TOPIC_COUNT; each++) {
        const struct webhook_kind *kind = webhook_kind((enum webhook_topic)each);
        assert_true(webhook_topic_parse(span_from(kind->id), &topic));
        assert_int_equal(topic, each);
        assert_non_null(kind->name);
        assert_non_null(kind->why);
        assert_null(kind->fields[WEBHOOK_FIELDS_MAX - 1]);
    }
    assert_true(webhook_topic_parse(SPAN_OF("Orders/CREATE"), &topic));
    assert_int_equal(topic, WEBHOOK_ORDER_CREATED);
    static const char *const OTHERS[] = {"",
                                         "orders",
                                         "orders/create ",
                                         "orders/updated",
                                         "orders_create",
                                         "orders\x0f"
                                         "create"};
    for (size_t at = 0; at < COUNT_OF(OTHERS); at++)
        assert_false(webhook_topic_parse(span_from(OTHERS[at]), &topic));
}

/* A field that always changes is asked for: the shop drops payloads that are alike. */
static void test_fields_change(void **state)
{
    (void)state;
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++) {
        const struct webhook_kind *kind = webhook_kind((enum webhook_topic)topic);
        bool changes = kind->fields[0] == NULL;
        for (size_t at = 0; kind->fields[at] != NULL; at++)
            changes = changes || strstr(kind->fields[at], "updated_at") != NULL ||
                      strcmp(kind->fields[at], "created_at") == 0 ||
                      strcmp(kind->fields[at], "order_edit") == 0;
        assert_true(changes);
    }
}

#define THERE(number)                                                                    \
    {                                                                                    \
        .there = true, .value = (number)                                                 \
    }

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        struct webhook_body body;
        enum webhook_rule rule;
    } CASES[] = {
        {{.item = THERE(1), .location = THERE(2), .at = THERE(3), .quantity = THERE(4)},
         WEBHOOK_LEVEL_SEEN},
        {{.item = THERE(1), .location = THERE(2), .at = THERE(3), .quantity = THERE(-4)},
         WEBHOOK_LEVEL_SEEN},
        {{.item = THERE(1), .location = THERE(2), .at = THERE(3)},
         WEBHOOK_LEVEL_UNTRACKED},
        {{.item = THERE(1),
          .location = THERE(2),
          .at = THERE(3),
          .quantity = THERE(1000000001)},
         WEBHOOK_INCOMPLETE},
        {{.location = THERE(2), .at = THERE(3), .quantity = THERE(4)},
         WEBHOOK_INCOMPLETE},
        {{.item = THERE(1), .at = THERE(3), .quantity = THERE(4)}, WEBHOOK_INCOMPLETE},
        {{.item = THERE(1), .location = THERE(2), .quantity = THERE(4)},
         WEBHOOK_INCOMPLETE},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++)
        assert_int_equal(webhook_judge_level(&CASES[at].body), CASES[at].rule);
}

#define LINE(of, n)                                                                      \
    .kind = WEBHOOK_LINE_##of, .id = THERE(7), .at = THERE(8), .units = THERE(n)
#define SKU .sku = {.bytes = "A", .length = 1}
#define TYPE(text) .restock_type = {.bytes = (text), .length = sizeof(text) - 1}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        struct webhook_line line;
        enum webhook_rule rule;
        int64_t units;
    } CASES[] = {
        {{LINE(ORDERED, 3), SKU}, WEBHOOK_UNITS_ORDERED, 3},
        {{LINE(ORDERED, 3)}, WEBHOOK_NO_SKU, 3},
        {{LINE(ORDERED, 0), SKU}, WEBHOOK_NO_UNITS, 0},
        {{LINE(ORDERED, -1), SKU}, WEBHOOK_INCOMPLETE, 0},
        {{LINE(ORDERED, 1000000001), SKU}, WEBHOOK_INCOMPLETE, 0},
        {{.kind = WEBHOOK_LINE_ORDERED, .at = THERE(8), .units = THERE(1), SKU},
         WEBHOOK_INCOMPLETE,
         0},
        {{.kind = WEBHOOK_LINE_ORDERED, .id = THERE(8), .units = THERE(1), SKU},
         WEBHOOK_INCOMPLETE,
         0},
        {{LINE(REFUNDED, 2), SKU, TYPE("cancel"), .location = THERE(1)},
         WEBHOOK_UNITS_RESTOCKED,
         -2},
        {{LINE(REFUNDED, 2), SKU, TYPE("return"), .location = THERE(1)},
         WEBHOOK_UNITS_RESTOCKED,
         -2},
        {{LINE(REFUNDED, 2), SKU, TYPE("no_restock"), .location = THERE(1)},
         WEBHOOK_NOT_RESTOCKED,
         2},
        {{LINE(REFUNDED, 2), SKU, .location = THERE(1)}, WEBHOOK_NOT_RESTOCKED, 2},
        {{LINE(REFUNDED, 2), SKU, TYPE("return")}, WEBHOOK_NOT_RESTOCKED, 2},
        {{LINE(REFUNDED, 2), TYPE("return"), .location = THERE(1)}, WEBHOOK_NO_SKU, 2},
        {{LINE(ADDED, 5)}, WEBHOOK_UNITS_ADDED, 5},
        {{LINE(REMOVED, 5)}, WEBHOOK_UNITS_REMOVED, 5},
        {{.kind = WEBHOOK_LINE_VARIANT, .item = THERE(1)}, WEBHOOK_ITEM_MOVED, 0},
        {{.kind = WEBHOOK_LINE_VARIANT}, WEBHOOK_INCOMPLETE, 0},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        int64_t units = -9;
        enum webhook_rule rule = webhook_judge_line(&CASES[at].line, &units);
        assert_int_equal(rule, CASES[at].rule);
        assert_true(units == CASES[at].units);
        assert_non_null(webhook_rule(rule)->why);
    }
}

static void test_locations(void **state)
{
    (void)state;
    static const struct span GIDS[] = {
        {.bytes = NULL},
        {.bytes = "gid://shopify/Location/501", .length = 26},
        {.bytes = "gid://shopify/Location/9223372036854775807", .length = 42},
        {.bytes = "501", .length = 3},
    };
    const struct shop shop = {.gids = GIDS};
    assert_int_equal(webhook_location(&shop, COUNT_OF(GIDS), 501), 1);
    assert_int_equal(webhook_location(&shop, COUNT_OF(GIDS), INT64_MAX), 2);
    assert_int_equal(webhook_location(&shop, COUNT_OF(GIDS), 50), -1);
    assert_int_equal(webhook_location(&shop, COUNT_OF(GIDS), -501), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),    cmocka_unit_test(test_fields_change),
        cmocka_unit_test(test_levels),    cmocka_unit_test(test_lines),
        cmocka_unit_test(test_locations),
    };
    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
