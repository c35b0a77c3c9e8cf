/* common/domain/drift: what is under way, what is clean, and the cause of what is left. */
#include "common/domain/drift.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct quantity units(int64_t number)
{
    return (struct quantity){true, number};
}

/* A pair at par: 10 wanted, written, shown and known. */
static struct drift_facts at_par(void)
{
    return (struct drift_facts){
        .mode = LEVEL_AVAILABLE,
        .look = {.item_there = true,
                 .items = 1,
                 .tracked = true,
                 .is_stocked = true,
                 .shown = {true, 10},
                 .committed = {true, 0}},
        .desired = {true, 10},
        .noted = {true, 10},
        .known = {true, 10},
        .was_mapped = true,
        .now_us = 1000000000,
        .settle_us = 60000000,
        .looks = 1,
        .was_looked_at = true,
        .noted_before = {true, 10},
        .write = {.is_there = true,
                  .was_applied = true,
                  .change_from = {true, 4},
                  .quantity = 10},
        .committed_before = {true, 0},
    };
}

/* Judged as one that stood still since the look before. */
static struct drift_judgement judged(const struct drift_facts *facts)
{
    struct drift_facts still = *facts;
    still.shown_before = facts->look.shown;
    return drift_judge(&still);
}

static const char *found(const struct drift_facts *facts)
{
    struct drift_judgement judgement = judged(facts);
    if (judgement.verdict == DRIFT_UNDER_WAY)
        return "under way";
    return judgement.verdict == DRIFT_CLEAN ? "clean" : judgement.rule->id;
}

static void test_nothing_is_found_at_par(void **state)
{
    (void)state;
    struct drift_facts facts = at_par();
    assert_string_equal(found(&facts), "clean");
    facts.desired.known = false; /* excluded, or no source has spoken */
    facts.look.shown = units(3);
    assert_string_equal(found(&facts), "clean");
    facts = at_par();
    facts.is_stale = true; /* an old number that the shop shows is no difference */
    facts.is_waiting = true;
    assert_string_equal(found(&facts), "clean");
}

static void test_what_is_under_way_is_not_judged(void **state)
{
    (void)state;
    struct drift_facts facts = at_par();
    facts.look.shown = units(7);
    facts.is_in_flight = true;
    assert_string_equal(found(&facts), "under way");
    facts = at_par();
    facts.look.shown = units(7);
    facts.known = units(7);
    facts.is_waiting = true;
    facts.waiting_since_us = facts.now_us - 59000000;
    assert_string_equal(found(&facts), "under way");
    facts.waiting_since_us = facts.now_us - 61000000;
    assert_string_equal(found(&facts), "write_waits");
    facts.looks = 0; /* old, but nobody has waited for it yet */
    assert_string_equal(found(&facts), "under way");
}

static void test_what_moves_is_not_judged(void **state)
{
    (void)state;
    struct drift_facts facts = at_par();
    facts.look.shown = units(7);
    facts.shown_before = units(7);
    assert_int_equal(drift_judge(&facts).verdict, DRIFT_FOUND);
    facts.shown_before = units(8);
    assert_int_equal(drift_judge(&facts).verdict, DRIFT_UNDER_WAY);
    facts.shown_before.known = false;
    assert_int_equal(drift_judge(&facts).verdict, DRIFT_UNDER_WAY);
    facts.shown_before = units(7);
    facts.noted_before = units(9);
    assert_int_equal(drift_judge(&facts).verdict, DRIFT_UNDER_WAY);
    facts.noted_before = units(10);
    facts.was_looked_at = false;
    assert_int_equal(drift_judge(&facts).verdict, DRIFT_UNDER_WAY);
}

static void test_orders_that_the_source_can_not_know_are_no_drift(void **state)
{
    (void)state;
    struct drift_facts facts = at_par();
    facts.look.shown = units(8);
    facts.look.committed = units(2);
    facts.ordered_since = 2;
    facts.ordered_fresh = 2;
    assert_string_equal(found(&facts), "clean");
    facts.ordered_fresh = 1; /* the source says that it has seen the other one */
    assert_string_equal(found(&facts), "order_not_in_source");
    facts.ordered_fresh = 2;
    facts.look.shown = units(7); /* and one more is gone */
    assert_string_equal(found(&facts), "moved_by_others");
}

static void test_a_debt_rests(void **state)
{
    (void)state;
    struct drift_facts facts = at_par();
    facts.sells_below_zero = true;
    facts.look.shown = units(-2);
    facts.known = units(-2);
    facts.desired = units(0);
    facts.short_units = 2;
    assert_string_equal(found(&facts), "clean");
    facts.sells_below_zero = false;
    assert_string_equal(found(&facts), "oversold_below_zero");
}

/* Each changes a pair at par in one way. */
static void doubled(struct drift_facts *facts)
{
    facts->look.items = 2;
}
static void renamed(struct drift_facts *facts)
{
    facts->look.item_there = false;
}
static void vanished(struct drift_facts *facts)
{
    facts->look.items = 0;
}
static void new_item(struct drift_facts *facts)
{
    facts->was_mapped = false;
}
static void untracked(struct drift_facts *facts)
{
    facts->look.tracked = false;
}
static void not_stocked(struct drift_facts *facts)
{
    facts->look.is_stocked = false;
    facts->look.shown.known = false;
}
static void oversold(struct drift_facts *facts)
{
    facts->look.shown = units(-1);
}
static void refused(struct drift_facts *facts)
{
    facts->is_refused = true;
    facts->desired = units(12);
}
static void policy(struct drift_facts *facts)
{
    facts->desired = units(8);
    facts->follows_other_contract = true;
}
static void throttled(struct drift_facts *facts)
{
    facts->desired = units(12);
    facts->is_waiting = true;
    facts->is_throttled = true;
}
static void event_waits(struct drift_facts *facts)
{
    facts->look.shown = units(9);
    facts->unapplied = 3;
}
static void lost(struct drift_facts *facts)
{
    facts->look.shown = units(4);
}
static void write_twice(struct drift_facts *facts)
{
    facts->look.shown = units(16);
}
static void order_told(struct drift_facts *facts)
{
    facts->look.shown = units(8);
    facts->look.committed = units(2);
    facts->ordered_since = 2;
}
static void shipped(struct drift_facts *facts)
{
    facts->mode = LEVEL_ON_HAND;
    facts->committed_before = units(2);
    facts->look.shown = units(8);
}
static void order_untold(struct drift_facts *facts)
{
    facts->look.shown = units(7);
    facts->look.committed = units(3);
}
static void cancelled_untold(struct drift_facts *facts)
{
    facts->committed_before = units(2);
    facts->look.shown = units(12);
}
static void rival(struct drift_facts *facts)
{
    facts->look.shown = units(25);
    facts->rival = units(25);
}
static void event_twice(struct drift_facts *facts)
{
    facts->look.shown = units(7);
    facts->repeats_event = true;
}
static void stale(struct drift_facts *facts)
{
    facts->look.shown = units(7);
    facts->is_stale = true;
}
static void others(struct drift_facts *facts)
{
    facts->look.shown = units(7);
}
static void nobody_knows(struct drift_facts *facts)
{
    facts->look.shown = units(7);
    facts->known.known = false;
}

static const struct {
    const char *rule;
    const char *cause;
    void (*hurt)(struct drift_facts *facts);
} CASES[] = {
    {"identity_doubled", "identity", doubled},
    {"identity_gone", "identity", renamed},
    {"identity_gone", "identity", vanished},
    {"identity_new", "identity", new_item},
    {"untracked", "untracked", untracked},
    {"not_stocked", "not_stocked", not_stocked},
    {"oversold_below_zero", "oversold", oversold},
    {"write_refused", "rejected_write", refused},
    {"policy_not_followed", "policy_changed", policy},
    {"write_throttled", "throttled", throttled},
    {"event_waits", "queue_delay", event_waits},
    {"write_lost", "lost_write", lost},
    {"write_doubled", "double_apply", write_twice},
    {"order_not_in_source", "order_not_in_source", order_told},
    {"shipment_not_in_source", "order_not_in_source", shipped},
    {"order_not_told", "missed_event", order_untold},
    {"order_not_told", "missed_event", cancelled_untold},
    {"rival_source", "source_conflict", rival},
    {"event_doubled", "double_apply", event_twice},
    {"source_stale", "stale_source", stale},
    {"moved_by_others", "external_writer", others},
    {"unknown", "unknown", nobody_knows},
};

static void test_each_cause(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        struct drift_facts facts = at_par();
        CASES[at].hurt(&facts);
        struct drift_judgement judgement = judged(&facts);
        assert_int_equal(judgement.verdict, DRIFT_FOUND);
        assert_string_equal(judgement.rule->id, CASES[at].rule);
        assert_string_equal(cause_kind(judgement.rule->cause)->name, CASES[at].cause);
    }
}

/* Every rule but those that others test in this file has a case, and a why. */
static void test_every_rule_has_a_case(void **state)
{
    (void)state;
    for (size_t rule = 0; rule < DRIFT_RULES_COUNT; rule++) {
        bool told = strcmp(DRIFT_RULES[rule].id, "write_waits") == 0;
        for (size_t at = 0; at < COUNT_OF(CASES); at++)
            told = told || strcmp(DRIFT_RULES[rule].id, CASES[at].rule) == 0;
        assert_true(told);
        assert_true(strlen(DRIFT_RULES[rule].why) > 10);
    }
}

static void test_the_residual_is_signed(void **state)
{
    (void)state;
    struct drift_facts facts = at_par();
    facts.look.shown = units(7);
    assert_int_equal(drift_judge(&facts).residual, -3);
    facts.look.shown.known = false;
    assert_int_equal(drift_judge(&facts).residual, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_found_at_par),
        cmocka_unit_test(test_what_is_under_way_is_not_judged),
        cmocka_unit_test(test_what_moves_is_not_judged),
        cmocka_unit_test(test_orders_that_the_source_can_not_know_are_no_drift),
        cmocka_unit_test(test_a_debt_rests),
        cmocka_unit_test(test_each_cause),
        cmocka_unit_test(test_every_rule_has_a_case),
        cmocka_unit_test(test_the_residual_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
