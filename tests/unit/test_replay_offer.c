/* What of the past may be published once more. */
#include "common/domain/replay_offer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY_US (24 * 3600 * INT64_C(1000000))
#define NOW_US (20000 * DAY_US)

static struct event event_of(enum event_type type, int64_t days_ago)
{
    return (struct event){.type = type,
                          .sku = {"A", 1},
                          .source_name = {"wms", 3},
                          .occurred_at_us = NOW_US - days_ago * DAY_US};
}

static const char *rule_of(const struct event *event, enum reason reason, struct span sku,
                           struct span source)
{
    return replay_offer(&(struct replay_offer_question){.reason = reason,
                                                        .event = event,
                                                        .sku = sku,
                                                        .source = source,
                                                        .now_us = NOW_US,
                                                        .idempotency_days = 35})
        ->id;
}

static void test_what_adds_up_is_old_past_the_horizon(void **state)
{
    (void)state;
    static const struct span ALL = {0};
    static const struct {
        enum event_type type;
        int64_t days_ago;
        const char *rule;
    } CASES[] = {
        {EVENT_ADJUSTED, 0, "publish"},   {EVENT_ADJUSTED, 35, "publish"},
        {EVENT_ADJUSTED, 36, "too_old"},  {EVENT_ORDERED, 36, "too_old"},
        {EVENT_COUNTED, 3650, "publish"}, {EVENT_OBSERVED, 3650, "publish"},
    };
    for (size_t at = 0; at < sizeof(CASES) / sizeof(CASES[0]); at++) {
        struct event event = event_of(CASES[at].type, CASES[at].days_ago);
        assert_string_equal(rule_of(&event, REASON_NONE, ALL, ALL), CASES[at].rule);
    }
    struct event just = event_of(EVENT_ADJUSTED, 35);
    just.occurred_at_us -= 1;
    assert_string_equal(rule_of(&just, REASON_NONE, ALL, ALL), "too_old");
}

static void test_the_choice(void **state)
{
    (void)state;
    struct event event = event_of(EVENT_COUNTED, 1);
    static const struct span ALL = {0};
    static const struct span A = {"A", 1};
    static const struct span B = {"B", 1};
    static const struct span WMS = {"wms", 3};
    assert_string_equal(rule_of(&event, REASON_NONE, A, WMS), "publish");
    assert_string_equal(rule_of(&event, REASON_NONE, B, WMS), "not_chosen");
    assert_string_equal(rule_of(&event, REASON_NONE, A, B), "not_chosen");
    assert_string_equal(rule_of(NULL, REASON_NOT_JSON, A, ALL), "refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_adds_up_is_old_past_the_horizon),
        cmocka_unit_test(test_the_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
