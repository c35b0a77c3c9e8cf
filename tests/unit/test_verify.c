/* Which differences between before and after are the ordinary course of things. */
#include "common/domain/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct quantity units(int64_t number)
{
    return (struct quantity){true, number};
}

static struct verify_input quiet(void)
{
    const struct verify_state state = {.is_read = true,
                                       .item_there = true,
                                       .raw_sku = SPAN_OF("A"),
                                       .tracked = true,
                                       .stocked = true,
                                       .shown = units(7),
                                       .truth = units(9),
                                       .revision = 3,
                                       .desired = units(7)};
    return (struct verify_input){.before = state, .after = state};
}

/* A finding of drift by the rule of that id. */
static void find(struct verify_input *input, const char *rule)
{
    input->judgement.verdict = DRIFT_FOUND;
    for (size_t at = 0; at < DRIFT_RULES_COUNT; at++)
        if (strcmp(DRIFT_RULES[at].id, rule) == 0)
            input->judgement.rule = &DRIFT_RULES[at];
    assert_non_null(input->judgement.rule);
}

/* "rule" of one aspect, and of no other. */
static void expect_only(const struct verify_input *input, const char *rule)
{
    const struct verify_result result = verify_judge(input);
    const char *found = NULL;
    for (size_t at = 0; at < VERIFY_ASPECT_COUNT; at++) {
        if (result.rules[at] == NULL)
            continue;
        assert_null(found);
        found = result.rules[at]->id;
        assert_int_equal(result.rules[at]->aspect, at);
    }
    if (rule == NULL)
        assert_null(found);
    else
        assert_string_equal(found, rule);
}

static void test_what_did_not_change_is_not_mentioned(void **state)
{
    (void)state;
    struct verify_input input = quiet();
    expect_only(&input, NULL);
    input.between = (struct verify_between){true, 4, true, 5, 6};
    expect_only(&input, NULL);
    const struct verify_result result = verify_judge(&input);
    assert_int_equal(verify_worst(&result), VERIFY_EXPLAINED);
}

static void test_items(void **state)
{
    (void)state;
    struct verify_input input = quiet();
    input.after.raw_sku = SPAN_OF("A-NEW");
    input.after.stocked =
        false; /* a level of another SKU's item is no level of this one */
    expect_only(&input, "sku_changed");
    input = quiet();
    input.after.item_there = false;
    expect_only(&input, "item_gone");
    input = quiet();
    input.after.is_read = false;
    expect_only(&input, "item_not_read");
    input = quiet();
    input.after.tracked = false;
    expect_only(&input, "tracked_changed");
    input = quiet();
    input.after.sells_on = true;
    expect_only(&input, "policy_changed");
    input = quiet();
    input.after.stocked = false;
    expect_only(&input, "unstocked");
    input = quiet();
    input.before.stocked = false;
    expect_only(&input, "stocked");
    input = quiet();
    find(&input, "identity_doubled");
    expect_only(&input, "sku_mixed_up");
    input.before.is_off = true;
    expect_only(&input, "off_before");
    input = quiet();
    input.before.is_read = false; /* it had no item: nothing to compare */
    input.after.tracked = false;
    expect_only(&input, NULL);
}

static void test_the_ruling_level(void **state)
{
    (void)state;
    struct verify_input input = quiet();
    input.after.truth = units(4);
    input.after.revision = 4;
    expect_only(&input, "truth_moved");
    input.between.events = 2; /* some, but they do not lead there */
    expect_only(&input, "truth_moved");
    input.between.events_lead = true;
    expect_only(&input, "truth_by_events");
    input.after.truth = (struct quantity){0};
    expect_only(&input, "truth_gone");
    input = quiet();
    input.after.revision = 2;
    expect_only(&input, "truth_went_back");
    input.between.events_lead = true;
    expect_only(&input, "truth_went_back");
}

static void test_what_should_be_shown(void **state)
{
    (void)state;
    struct verify_input input = quiet();
    input.after.desired = units(6);
    expect_only(&input, "desired_moved");
    input.between.units = 1;
    expect_only(&input, "desired_by_orders");
    input.between.events = 1;
    expect_only(&input, "desired_by_events");
    input.between.other_contract = true;
    expect_only(&input, "desired_by_contract");
    input = quiet();
    input.after.desired = (struct quantity){0};
    expect_only(&input, "desired_gone");
}

static void test_what_is_shown(void **state)
{
    (void)state;
    struct verify_input input = quiet();
    input.after.shown = units(5);
    input.after.residual = -2;
    find(&input, "moved_by_others");
    expect_only(&input, "shown_wrong");
    find(&input, "order_not_told");
    expect_only(&input, "order_untold");
    find(&input, "untracked");
    expect_only(&input, NULL); /* the item's own aspect tells of that */
    find(&input, "oversold_below_zero");
    expect_only(&input, "shown_wrong");
    input.judgement = (struct drift_judgement){.verdict = DRIFT_UNDER_WAY};
    expect_only(&input, "under_way");
    input.judgement = (struct drift_judgement){.verdict = DRIFT_CLEAN};
    expect_only(&input, "shown_at_par");
    input.between.units = 1;
    expect_only(&input, "shown_by_orders");
    input.between.writes = 1;
    expect_only(&input, "shown_by_writes");
}

static void test_what_was_off_before_is_known_as_long_as_it_is_the_same(void **state)
{
    (void)state;
    struct verify_input input = quiet();
    input.before.shown = units(5);
    input.before.residual = -2;
    input.before.is_off = true;
    input.after.shown = units(5);
    input.after.residual = -2;
    find(&input, "moved_by_others");
    expect_only(&input, "off_before");
    input.after.shown = units(4);
    input.after.residual = -3;
    expect_only(&input, "shown_wrong");
}

static void test_rules_are_sound(void **state)
{
    (void)state;
    for (size_t at = 0; at < VERIFY_RULES_COUNT; at++) {
        const struct verify_rule *rule = &VERIFY_RULES[at];
        assert_true(rule->id[0] != '\0' && rule->why[0] != '\0');
        assert_true(rule->runbook[0] == '\0' ||
                    strncmp(rule->runbook, "docs/runbooks/", 14) == 0);
        for (size_t other = 0; other < at; other++)
            assert_string_not_equal(rule->id, VERIFY_RULES[other].id);
    }
}

/* Whatever else happens, a level that nobody accounts for is never waved through. */
static void test_no_chance_hides_an_unexplained_level(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1024; bits++) {
        struct verify_input input = quiet();
        input.after.truth = units(4);
        input.after.tracked = (bits & 1) != 0;
        input.after.sells_on = (bits & 2) != 0;
        input.after.stocked = (bits & 4) != 0;
        input.after.shown = units((bits & 8) != 0 ? 4 : 7);
        input.after.desired = units((bits & 16) != 0 ? 4 : 7);
        input.between = (struct verify_between){.other_contract = (bits & 32) != 0,
                                                .events = bits >> 6 & 1,
                                                .units = bits >> 7 & 1,
                                                .writes = bits >> 8 & 1};
        input.judgement.verdict = (bits & 512) != 0 ? DRIFT_UNDER_WAY : DRIFT_CLEAN;
        const struct verify_result result = verify_judge(&input);
        assert_int_equal(verify_worst(&result), VERIFY_WRONG);
        assert_string_equal(result.rules[VERIFY_TRUTH]->id, "truth_moved");
    }
}

static void test_outcomes(void **state)
{
    (void)state;
    struct verify_counts counts = {.pairs = 10, .known = 2, .moved = 3};
    assert_string_equal(verify_outcome(&counts), "ok");
    counts.undecided = 1;
    assert_string_equal(verify_outcome(&counts), "undecided");
    counts.wrong = 1;
    assert_string_equal(verify_outcome(&counts), "failed");
    counts = (struct verify_counts){0};
    assert_string_equal(verify_outcome(&counts), "undecided");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_did_not_change_is_not_mentioned),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_the_ruling_level),
        cmocka_unit_test(test_what_should_be_shown),
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_what_was_off_before_is_known_as_long_as_it_is_the_same),
        cmocka_unit_test(test_rules_are_sound),
        cmocka_unit_test(test_no_chance_hides_an_unexplained_level),
        cmocka_unit_test(test_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
