/* What an incident of a refused pair says: complete for every rule that quarantines. */
#include "common/domain/push_incident.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *code;
    const char *cause;
    const char *severity;
} CAUSES[] = {
    {"INVALID_INVENTORY_ITEM", "identity", "error"},
    {"INVALID_LOCATION", "identity", "error"},
    {"ITEM_NOT_STOCKED_AT_LOCATION", "not_stocked", "error"},
    {"NON_MUTABLE_INVENTORY_ITEM", "rejected_write", "warning"},
    {"INVALID_QUANTITY_TOO_HIGH", "rejected_write", "error"},
    {"INVALID_QUANTITY_TOO_LOW", "rejected_write", "error"},
    {"INVALID_QUANTITY_NEGATIVE", "rejected_write", "error"},
    {"USER_ERROR", "rejected_write", "error"},
    {"SOMETHING_NEW", "rejected_write", "error"},
};

static void test_causes_by_code(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(CAUSES); at++) {
        struct incident_finding found = push_finding(span_from(CAUSES[at].code));
        assert_string_equal(found.cause, CAUSES[at].cause);
        assert_string_equal(found.severity, CAUSES[at].severity);
    }
}

/* A new rule that quarantines needs a row of its own: the last one is for the unknown. */
static void test_every_rule_that_quarantines_has_a_remedy(void **state)
{
    (void)state;
    const char *unknown = push_finding(SPAN_OF("SOMETHING_NEW")).remediation;
    for (size_t at = 0; at < PUSH_RULES_COUNT; at++) {
        const struct push_rule *rule = &PUSH_RULES[at];
        if (rule->verdict != PUSH_QUARANTINE_PAIR || rule->code == NULL)
            continue;
        struct incident_finding found = push_finding(span_from(rule->code));
        assert_string_equal(found.root_cause, rule->why);
        assert_string_not_equal(found.remediation, unknown);
    }
}

static void test_the_code_of_a_fault(void **state)
{
    (void)state;
    assert_true(span_is(push_fault_code(SPAN_OF("quarantined: A_CODE")), "A_CODE"));
    assert_true(span_is(push_fault_code(SPAN_OF("quarantined: ")), ""));
    assert_true(span_is(push_fault_code(SPAN_OF("not_stocked")), ""));
    assert_true(span_is(push_fault_code(SPAN_OF("")), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causes_by_code),
        cmocka_unit_test(test_every_rule_that_quarantines_has_a_remedy),
        cmocka_unit_test(test_the_code_of_a_fault),
    };
    return cmocka_run_group_tests_name("push_incident", tests, NULL, NULL);
}
