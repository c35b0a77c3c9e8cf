/* common/codec/contract_policy: the rules and guards of a contract file as values. */
#include "common/base/scope.h"
#include "common/codec/contract_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char HEAD[] =
    "{\"version\":1,\"sources\":[{\"name\":\"w\",\"rank\":1,\"state\":\"on_hand\"}],"
    "\"locations\":[{\"code\":\"B\"}],\"shops\":[]";

static struct contract *decode(const char *policy, struct error *error)
{
    char text[4096];
    struct contract *contract = NULL;
    (void)snprintf(text, sizeof text, "%s%s%s}", HEAD, policy[0] != '\0' ? "," : "",
                   policy);
    (void)contract_decode(span_from(text), &contract, error);
    return contract;
}

static const char ALL[] =
    "\"policy\":{\"rules\":[{\"id\":\"all\",\"when\":{\"causes\":[\"unknown\","
    "\"missed_event\"],\"risk\":[\"low\"],\"shops\":[\"z\",\"a\"],\"locations\":[\"B\"],"
    "\"skus\":[\"z-1\",\" a-1\"],\"tags\":[\"b\",\"A\"],\"direction\":\"under\","
    "\"min_units\":2,\"max_units\":3.0,\"min_percent\":0.5,\"max_percent\":12.5,"
    "\"min_value\":0.25,\"max_value\":9,\"min_drifted_lately\":1,"
    "\"max_drifted_lately\":4},\"do\":\"observe\",\"why\":\"because\","
    "\"runbook\":\"docs/x.md\"},{\"id\":\"rest\",\"when\":{},\"do\":\"ignore\","
    "\"why\":\"y\"}],\"guards\":{\"max_changed_levels\":7,\"max_changed_percent\":0.5,"
    "\"max_zeroed_levels\":3,\"max_zeroed_percent\":100,\"max_drifting_percent\":33.25,"
    "\"max_rewrites_per_day\":9}}";

static void expect_range(const struct policy_range *range, int64_t least, int64_t most)
{
    assert_true(range->has_least && range->has_most);
    assert_int_equal(range->least, least);
    assert_int_equal(range->most, most);
}

static void test_every_member(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(contract_free) struct contract *contract = decode(ALL, &error);
    if (contract == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(contract->policy.count, 2);
    const struct policy_rule *rule = &contract->policy.rules[0];
    const struct policy_when *when = &rule->when;
    assert_true(span_is(rule->id, "all") && span_is(rule->why, "because"));
    assert_true(span_is(rule->runbook, "docs/x.md"));
    assert_int_equal(rule->action, POLICY_OBSERVE);
    assert_int_equal(when->causes, (1u << CAUSE_UNKNOWN) | (1u << CAUSE_MISSED_EVENT));
    assert_int_equal(when->risks, POLICY_RISK_LOW);
    assert_int_equal(when->direction, POLICY_UNDER);
    assert_true(span_is(when->shops.items[0], "a") && when->shops.count == 2);
    assert_true(span_is(when->skus.items[0], "A-1") && when->skus.count == 2);
    assert_true(span_is(when->tags.items[0], "A") && when->tags.count == 2);
    assert_true(span_is(when->locations.items[0], "B"));
    expect_range(&when->units, 2, 3);
    expect_range(&when->percent, 5000, 125000);
    expect_range(&when->value, 250000, 9000000);
    expect_range(&when->drifted, 1, 4);
    rule = &contract->policy.rules[1];
    assert_true(rule->when.causes == 0 && rule->when.risks == 0);
    assert_true(rule->when.shops.count == 0 && !rule->when.units.has_least);
    assert_null(rule->runbook.bytes);
}

static void test_guards(void **state)
{
    (void)state;
    struct error error = {0};
    SCOPED(contract_free) struct contract *given = decode(ALL, &error);
    assert_int_equal(given->guards.changed_levels, 7);
    assert_int_equal(given->guards.changed_share, 5000);
    assert_int_equal(given->guards.zeroed_levels, 3);
    assert_int_equal(given->guards.zeroed_share, 1000000);
    assert_int_equal(given->guards.drifting_share, 332500);
    assert_int_equal(given->guards.rewrites_per_day, 9);
    assert_true(given->guards_zeroed_levels && given->guards_zeroed_share);
    SCOPED(contract_free)
    struct contract *some =
        decode("\"policy\":{\"guards\":{\"max_rewrites_per_day\":1}}", &error);
    assert_int_equal(some->guards.rewrites_per_day, 1);
    assert_int_equal(some->guards.changed_levels, GUARD_DEFAULTS.changed_levels);
    assert_false(some->guards_zeroed_levels || some->guards_zeroed_share);
    SCOPED(contract_free) struct contract *none = decode("", &error);
    assert_memory_equal(&none->guards, &GUARD_DEFAULTS, sizeof GUARD_DEFAULTS);
    assert_int_equal(none->policy.count, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *when;
        const char *at;
    } CASES[] = {
        {"\"skus\":[\"a\",\"\\u00ad\"]", "/policy/rules/0/when/skus/1: is no SKU"},
        {"\"min_percent\":-0.5", "/policy/rules/0/when/min_percent"},
        {"\"max_value\":-1", "/policy/rules/0/when/max_value"},
        {"\"min_drifted_lately\":0.5", "/policy/rules/0/when/min_drifted_lately"},
        {"\"drifted_lately\":1", "/policy/rules/0/when/drifted_lately"},
    };
    for (size_t at = 0; at < sizeof CASES / sizeof CASES[0]; at++) {
        char policy[512];
        struct error error = {0};
        (void)snprintf(policy, sizeof policy,
                       "\"policy\":{\"rules\":[{\"id\":\"r\",\"when\":{%s},\"do\":"
                       "\"observe\",\"why\":\"x\"}]}",
                       CASES[at].when);
        assert_null(decode(policy, &error));
        if (strstr(error.text, CASES[at].at) == NULL)
            fail_msg("%s: %s", CASES[at].at, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
