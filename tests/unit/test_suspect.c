/* Who is suspected, in which order, and that each can be. */
#include "common/domain/suspect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000000)
#define NOW (INT64_C(1000) * HOUR)

static struct trouble_facts quiet(void)
{
    return (struct trouble_facts){.now_us = NOW,
                                  .since_us = NOW - 24 * HOUR,
                                  .judged_at_us = NOW,
                                  .written_at_us = NOW};
}

static int weight_of(const struct trouble_facts *facts, const char *id)
{
    const struct suspects suspects = suspects_rank(facts);
    for (size_t at = 0; at < suspects.count; at++)
        if (strcmp(suspects.all[at].rule->id, id) == 0)
            return suspects.all[at].weight;
    return 0;
}

static void test_nobody_is_suspected_of_a_quiet_day(void **state)
{
    (void)state;
    const struct trouble_facts facts = quiet();
    assert_int_equal(suspects_rank(&facts).count, 0);
}

static void test_a_change_just_before_weighs_most(void **state)
{
    (void)state;
    struct trouble_facts facts = quiet();
    facts.symptom_at_us = NOW - 2 * HOUR;
    facts.contract_at_us = NOW - 2 * HOUR - HOUR / 2;
    int before = weight_of(&facts, "contract_changed");
    facts.contract_at_us = NOW - 10 * HOUR;
    int long_before = weight_of(&facts, "contract_changed");
    facts.contract_at_us = NOW - HOUR;
    int after = weight_of(&facts, "contract_changed");
    assert_true(before > long_before && long_before > after && after > 0);
    facts.contract_at_us = NOW - 25 * HOUR; /* outside of the span */
    assert_int_equal(weight_of(&facts, "contract_changed"), 0);
}

static void test_what_stands_still_comes_before_what_is_slow(void **state)
{
    (void)state;
    struct trouble_facts facts = quiet();
    facts.unapplied = 50000;
    assert_true(weight_of(&facts, "apply_behind") > 0);
    assert_int_equal(weight_of(&facts, "apply_stands"), 0);
    facts.judged_at_us = NOW - HOUR;
    assert_true(weight_of(&facts, "apply_stands") > 80);
    assert_int_equal(weight_of(&facts, "apply_behind"), 0);
    facts = quiet();
    facts.dirty = 3;
    facts.dirty_since_us = NOW - HOUR;
    assert_int_equal(weight_of(&facts, "push_stands"), 0); /* it wrote just now */
    facts.written_at_us = NOW - HOUR;
    assert_true(weight_of(&facts, "push_stands") > 80);
    facts.throttled_shops = 1;
    assert_int_equal(weight_of(&facts, "push_stands"), 0);
    assert_true(weight_of(&facts, "throttled") > 0);
}

static void test_the_order(void **state)
{
    (void)state;
    struct trouble_facts facts = quiet();
    facts.broker_away = true;
    facts.guard_stops = 1;
    facts.symptom_at_us = NOW - HOUR;
    facts.import_at_us = NOW - HOUR - 1;
    facts.contract_at_us = NOW - HOUR - 1; /* weighs as much: the table's order */
    const struct suspects suspects = suspects_rank(&facts);
    static const char *const ORDER[] = {"broker_away", "guard_stands", "contract_changed",
                                        "feed_imported"};
    assert_int_equal(suspects.count, 4);
    for (size_t at = 0; at < 4; at++)
        assert_string_equal(suspects.all[at].rule->id, ORDER[at]);
}

/* Facts of which each makes one more suspect: none of the table is out of reach. */
static void test_everybody_can_be_suspected(void **state)
{
    (void)state;
    struct trouble_facts facts = quiet();
    facts.database_away = facts.broker_away = facts.other_contract = true;
    facts.other_build = facts.verify_failed = true;
    facts.shops_away = facts.schema_behind = facts.guard_stops = facts.undelivered = 1;
    facts.contract_at_us = facts.schema_at_us = facts.import_at_us = NOW - 1;
    facts.resync_at_us = facts.catalog_at_us = NOW - 1;
    facts.unapplied = 20000;
    facts.dirty = 1;
    facts.dirty_since_us = 1;
    facts.written_at_us = 0;
    facts.untold = 100;
    facts.writes = 100;
    facts.writes_refused = facts.writes_unknown = 50;
    facts.dead_letters = facts.rejected = 10;
    facts.read = 20;
    facts.findings = facts.findings_unknown = 3;
    for (int class = 0; class < INCIDENT_CLASS_COUNT; class ++)
        facts.open[class] = 1;
    const size_t all = suspects_rank(&facts).count;
    struct trouble_facts still = facts;
    still.judged_at_us = 0;
    assert_true(weight_of(&still, "apply_stands") > 0);
    facts.throttled_shops = 1;
    assert_true(weight_of(&facts, "throttled") > 0);
    /* Of apply_stands and apply_behind one, and of push_stands and throttled one. */
    assert_int_equal(all, SUSPECT_RULES_COUNT - 2);
}

static void test_rules_are_sound(void **state)
{
    (void)state;
    for (size_t at = 0; at < SUSPECT_RULES_COUNT; at++) {
        const struct suspect_rule *rule = &SUSPECT_RULES[at];
        assert_true(rule->why[0] != '\0');
        assert_int_equal(strncmp(rule->next, "parstock ", 9), 0);
        assert_int_equal(strncmp(rule->runbook, "docs/runbooks/", 14), 0);
        for (size_t other = 0; other < at; other++)
            assert_string_not_equal(rule->id, SUSPECT_RULES[other].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_is_suspected_of_a_quiet_day),
        cmocka_unit_test(test_a_change_just_before_weighs_most),
        cmocka_unit_test(test_what_stands_still_comes_before_what_is_slow),
        cmocka_unit_test(test_the_order),
        cmocka_unit_test(test_everybody_can_be_suspected),
        cmocka_unit_test(test_rules_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
