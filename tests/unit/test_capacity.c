/* common/domain/capacity: figures by hand, and what must hold for any figures. */
#include "common/domain/capacity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void near(double value, double wanted)
{
    double off = value > wanted ? value - wanted : wanted - value;
    assert_true(off <= wanted / 1000 + 1e-9);
}

static void test_by_hand(void **state)
{
    (void)state;
    struct capacity_inputs in = capacity_defaults();
    in.pairs = 2000000;
    in.events = 86400000; /* 1,000 a second */
    in.peak = 100;
    in.pod_events = 50000;
    near(capacity_value("events_mean", &in), 1000);
    near(capacity_value("events_peak", &in), 100000);
    near(capacity_value("apply_pods", &in), 4);
    near(capacity_value("partitions", &in), 12);
    near(capacity_value("apply_cores", &in), 3.2);
    near(capacity_value("ledger_size", &in), 86400000.0 * 36 * 150);
    near(capacity_value("apply_catch_up", &in), 100000.0 * 3600 / (4 * 50000 - 100000));
    near(capacity_value("shop_budget", &in), 2500);
    near(capacity_value("shop_write_all", &in), 800);
    in.plan = capacity_plan_find(span_from("plus"));
    near(capacity_value("shop_budget", &in), 25000);
    near(capacity_value("shop_ceiling", &in), 4800);
}

static void test_plans(void **state)
{
    (void)state;
    assert_null(capacity_plan_find(span_from("basic")));
    assert_int_equal(capacity_plan_find(span_from("advanced"))->points, 200);
}

static bool holds(const char *id, const struct capacity_inputs *in)
{
    for (size_t at = 0; at < CAPACITY_LIMIT_COUNT; at++)
        if (strcmp(CAPACITY_LIMITS[at].id, id) == 0)
            return CAPACITY_LIMITS[at].holds(in);
    fail();
    return false;
}

static void test_limits(void **state)
{
    (void)state;
    struct capacity_inputs in = capacity_defaults();
    in.events = 500000;
    for (size_t at = 0; at < CAPACITY_LIMIT_COUNT; at++)
        assert_false(CAPACITY_LIMITS[at].holds(&in));
    in.events = 500000000;
    assert_true(holds("shop_late", &in));
    assert_true(holds("more_nodes", &in));
    in.pairs = 100000000;
    assert_true(holds("mass_write", &in));
    in.pod_events = 100;
    assert_true(holds("many_partitions", &in));
    in.topic_days = 1;
    in.outage_seconds = 86400;
    assert_true(holds("short_topic", &in));
    in.plan = capacity_plan_find(span_from("enterprise"));
    assert_true(holds("push_bound", &in));
}

static uint64_t random_state = 88172645463325252u;

static int64_t any(int64_t max)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int64_t)(random_state % (uint64_t)max) + 1;
}

static struct capacity_inputs any_inputs(void)
{
    return (struct capacity_inputs){.pairs = any(1000000000000),
                                    .events = any(1000000000000),
                                    .event_bytes = any(65536),
                                    .peak = any(1000),
                                    .orders = any(1000000000),
                                    .shops = any(100),
                                    .plan = &CAPACITY_PLANS[any(4) - 1],
                                    .idempotency_days = any(3660),
                                    .topic_days = any(3660),
                                    .topic_replicas = any(15),
                                    .outage_seconds = any(31622400),
                                    .pod_events = any(10000000)};
}

/* Nothing is negative or without end, pods keep their headroom, and more events never ask for
 * less of anything. */
static void test_any_figures(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct capacity_inputs in = any_inputs();
        struct capacity_inputs twice = in;
        twice.events = in.events * 2;
        for (size_t at = 0; at < CAPACITY_RULE_COUNT; at++) {
            double value = CAPACITY_RULES[at].value(&in);
            assert_true(value >= 0 && value < 1e25);
            if (strcmp(CAPACITY_RULES[at].id, "apply_catch_up") != 0 &&
                strncmp(CAPACITY_RULES[at].id, "apply_key", 9) != 0) /* more pods share */
                assert_true(CAPACITY_RULES[at].value(&twice) >= value);
        }
        double pods = capacity_value("apply_pods", &in);
        assert_true(pods * (double)in.pod_events >=
                    1.999 * capacity_value("events_peak", &in));
        assert_true(capacity_value("partitions", &in) >= pods);
        assert_true(capacity_value("apply_catch_up", &in) <=
                    1.002 * (double)in.outage_seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
