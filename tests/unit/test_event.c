/* Canonical bytes of an event: what is content, what is key, and that no two share. */
#include "common/domain/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct event plain(void)
{
    return (struct event){.type = EVENT_COUNTED,
                          .source_name = SPAN_OF("wms"),
                          .location_code = SPAN_OF("BER"),
                          .sku = SPAN_OF("A"),
                          .id = SPAN_OF("id-1"),
                          .quantity = 5,
                          .occurred_at_us = 1000000};
}

struct bytes {
    char room[EVENT_CANONICAL_MAX];
    size_t length;
};

static struct bytes key_of(struct event event)
{
    struct bytes bytes;
    bytes.length = event_key_bytes(&event, bytes.room);
    return bytes;
}

static struct bytes content_of(struct event event)
{
    struct bytes bytes;
    bytes.length = event_content_bytes(&event, bytes.room);
    return bytes;
}

static bool same(struct bytes left, struct bytes right)
{
    return left.length == right.length && memcmp(left.room, right.room, left.length) == 0;
}

/* One event for each field that differs from plain() in nothing else. */
#define VARIANTS 9
static struct event variant(int at)
{
    struct event event = plain();
    switch (at) {
    case 0:
        event.type = EVENT_ADJUSTED;
        break;
    case 1:
        event.source_name = SPAN_OF("erp");
        break;
    case 2:
        event.location_code = SPAN_OF("HAM");
        break;
    case 3:
        event.sku = SPAN_OF("B");
        break;
    case 4:
        event.id = SPAN_OF("id-2");
        break;
    case 5:
        event.quantity = -5;
        break;
    case 6:
        event.occurred_at_us++;
        break;
    case 7:
        event.has_version = true;
        break;
    default:
        event.has_sees_orders_until = true;
        break;
    }
    return event;
}

static void test_content_is_every_field_but_reference(void **state)
{
    (void)state;
    for (int at = 0; at < VARIANTS; at++) {
        assert_false(same(content_of(variant(at)), content_of(plain())));
        for (int other = 0; other < at; other++)
            assert_false(same(content_of(variant(at)), content_of(variant(other))));
    }
    struct event event = plain();
    event.reference = SPAN_OF("count 12");
    assert_true(same(content_of(event), content_of(plain())));
}

static void test_key_with_id_is_source_sku_and_id(void **state)
{
    (void)state;
    for (int at = 0; at < VARIANTS; at++) {
        bool in_key = at == 1 || at == 3 || at == 4;
        assert_int_equal(same(key_of(variant(at)), key_of(plain())), !in_key);
    }
}

static void test_key_without_id_is_all_with_the_reference(void **state)
{
    (void)state;
    struct event base = plain();
    base.id = (struct span){0};
    for (int at = 0; at < VARIANTS; at++) {
        struct event event = variant(at);
        event.id = (struct span){0};
        assert_int_equal(same(key_of(event), key_of(base)), at == 4);
    }
    struct event event = base;
    event.reference = SPAN_OF("");
    assert_false(same(key_of(event), key_of(base)));
    assert_false(same(key_of(base), key_of(plain())));
}

static void test_borders_between_fields_count(void **state)
{
    (void)state;
    struct event left = plain();
    struct event right = plain();
    left.sku = SPAN_OF("AB");
    left.id = SPAN_OF("C");
    right.sku = SPAN_OF("A");
    right.id = SPAN_OF("BC");
    assert_false(same(key_of(left), key_of(right)));
    assert_false(same(content_of(left), content_of(right)));
}

static void test_longest_event_fits(void **state)
{
    (void)state;
    static char wide[4 * 255];
    memset(wide, 'x', sizeof(wide));
    struct event event = plain();
    event.source_name = (struct span){wide, 400};
    event.location_code = (struct span){wide, 400};
    event.sku = (struct span){wide, sizeof(wide)};
    event.id = (struct span){wide, 800};
    event.reference = (struct span){wide, 800};
    assert_true(content_of(event).length < EVENT_CANONICAL_MAX);
    event.id = (struct span){0};
    assert_true(key_of(event).length < EVENT_CANONICAL_MAX);
}

static void test_type_names(void **state)
{
    (void)state;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        enum event_type parsed;
        const char *name = event_type_name((enum event_type)type);
        assert_true(event_type_parse(span_from(name), &parsed));
        assert_int_equal(parsed, type);
    }
    enum event_type type;
    assert_false(event_type_parse(SPAN_OF("stock.Counted"), &type));
    assert_false(event_type_parse(SPAN_OF("stock.counted "), &type));
    assert_false(event_type_parse(SPAN_OF(""), &type));
    assert_true(event_is_of_shop(EVENT_ORDERED) && event_is_of_shop(EVENT_OBSERVED));
    assert_false(event_is_of_shop(EVENT_COUNTED) || event_is_of_shop(EVENT_ADJUSTED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_is_every_field_but_reference),
        cmocka_unit_test(test_key_with_id_is_source_sku_and_id),
        cmocka_unit_test(test_key_without_id_is_all_with_the_reference),
        cmocka_unit_test(test_borders_between_fields_count),
        cmocka_unit_test(test_longest_event_fits),
        cmocka_unit_test(test_type_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
