/*
 * common/domain/policy, policy_lint, guard, cause: which rule takes a finding, what no rule
 * may ask for, what is wrong with a rulebook, and when automation stops itself.
 */
#include "common/domain/finding.h"
#include "common/domain/policy_lint.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OF(cause) (UINT32_C(1) << (cause))
#define MICROS INT64_C(1000000)

static struct policy_facts facts_of(enum finding_cause cause, int64_t desired,
                                    int64_t shown)
{
    return (struct policy_facts){.cause = cause,
                                 .shop = SPAN_OF("demo"),
                                 .location = SPAN_OF("BER"),
                                 .sku = SPAN_OF("CUP-1"),
                                 .tags = SPAN_OF("red\nLimited"),
                                 .has_desired = true,
                                 .has_shown = true,
                                 .desired = desired,
                                 .residual = shown - desired};
}

/* ---- the built-in rules ---------------------------------------------------------------- */

static void test_builtin(void **state)
{
    (void)state;
    static const struct {
        enum finding_cause cause;
        int64_t desired;
        int64_t shown;
        enum policy_action action;
        const char *rule;
    } CASES[] = {
        {CAUSE_LOST_WRITE, 5, 9, POLICY_RESYNC, "builtin.known"},
        {CAUSE_MISSED_EVENT, 5, 1, POLICY_RESYNC, "builtin.known"},
        {CAUSE_EXTERNAL_WRITER, 5, 9, POLICY_RESYNC, "builtin.known"},
        {CAUSE_POLICY_CHANGED, 5, 9, POLICY_RESYNC, "builtin.known"},
        {CAUSE_REJECTED_WRITE, 5, 9, POLICY_ESCALATE, "builtin.item"},
        {CAUSE_IDENTITY, 5, 9, POLICY_ESCALATE, "builtin.item"},
        {CAUSE_NOT_STOCKED, 5, 9, POLICY_ESCALATE, "builtin.item"},
        {CAUSE_UNTRACKED, 5, 9, POLICY_ESCALATE, "builtin.item"},
        {CAUSE_QUEUE_DELAY, 5, 9, POLICY_OBSERVE, "builtin.on-its-way"},
        {CAUSE_THROTTLED, 5, 9, POLICY_OBSERVE, "builtin.on-its-way"},
        {CAUSE_ORDER_NOT_IN_SOURCE, 5, 3, POLICY_ESCALATE, "builtin.doubt"},
        {CAUSE_SOURCE_CONFLICT, 5, 3, POLICY_ESCALATE, "builtin.doubt"},
        {CAUSE_STALE_SOURCE, 5, 3, POLICY_ESCALATE, "builtin.doubt"},
        {CAUSE_DOUBLE_APPLY, 5, 3, POLICY_ESCALATE, "builtin.doubt"},
        {CAUSE_OVERSOLD, 0, -3, POLICY_ESCALATE, "builtin.oversold"},
        {CAUSE_UNKNOWN, 5, 9, POLICY_RESYNC, "builtin.unknown-over"},
        {CAUSE_UNKNOWN, 5, 1, POLICY_ESCALATE, "builtin.rest"},
    };
    const struct policy none = {0};
    bool seen[CAUSE_COUNT] = {false};
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        struct policy_facts facts =
            facts_of(CASES[at].cause, CASES[at].desired, CASES[at].shown);
        struct policy_verdict verdict = policy_judge(&none, &facts);
        if (verdict.action != CASES[at].action ||
            !span_is(verdict.rule->id, CASES[at].rule))
            fail_msg("case %zu: %s by %.*s", at, policy_action_name(verdict.action),
                     SPAN_ARGS(verdict.rule->id));
        assert_true(verdict.is_builtin && verdict.runbook.length > 0);
        seen[CASES[at].cause] = true;
    }
    for (size_t cause = 0; cause < CAUSE_COUNT; cause++)
        assert_true(seen[cause]);
}

static void test_builtin_high_risk(void **state)
{
    (void)state;
    const struct policy none = {0};
    struct policy_facts facts = facts_of(CAUSE_LOST_WRITE, 5, 9);
    facts.is_high_risk = true;
    assert_true(span_is(policy_judge(&none, &facts).rule->id, "builtin.high-risk"));
}

/* ---- bars: a rule that resyncs everything resyncs only what may be --------------------- */

static const struct policy_rule ALL[] = {
    {.id = {"all", 3}, .action = POLICY_RESYNC, .why = {"x", 1}}};
static const struct policy RESYNC_ALL = {ALL, 1};

static void test_bars_stand_above_rules(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        enum cause_write write = cause_kind((enum finding_cause)cause)->write;
        for (int shape = 0; shape < 8; shape++) {
            bool high = (shape & 1) != 0;
            bool over = (shape & 2) != 0;
            bool known = (shape & 4) != 0;
            struct policy_facts facts =
                facts_of((enum finding_cause)cause, 5, over ? 9 : 1);
            facts.is_high_risk = high;
            facts.has_desired = known;
            bool may = !high && known && write != CAUSE_WRITE_NOTHING &&
                       (write == CAUSE_WRITE_MENDS || over);
            struct policy_verdict verdict = policy_judge(&RESYNC_ALL, &facts);
            assert_int_equal(verdict.action, may ? POLICY_RESYNC : POLICY_ESCALATE);
            assert_int_equal(verdict.bar != NULL, !may);
            assert_ptr_equal(verdict.rule, &ALL[0]);
        }
    }
}

static void test_causes_that_never_raise(void **state)
{
    (void)state;
    static const char *const NEVER[] = {
        "order_not_in_source", "identity",     "not_stocked",
        "untracked",           "oversold",     "source_conflict",
        "stale_source",        "double_apply", "unknown",
        "rejected_write"};
    for (size_t at = 0; at < COUNT_OF(NEVER); at++) {
        enum finding_cause cause;
        assert_true(cause_parse(span_from(NEVER[at]), &cause));
        struct policy_facts facts = facts_of(cause, 5, 1);
        assert_int_equal(policy_judge(&RESYNC_ALL, &facts).action, POLICY_ESCALATE);
    }
    enum finding_cause cause;
    assert_false(cause_parse(SPAN_OF("Oversold"), &cause));
    assert_false(cause_parse(SPAN_OF(""), &cause));
}

static void test_risk_of_now_counts(void **state)
{
    (void)state;
    static const struct span SKUS[] = {{"CUP-1", 5}};
    const struct contract contract = {.risk = {.skus = SKUS, .sku_count = 1}};
    struct finding finding = {.cause = CAUSE_LOST_WRITE, .sku = SPAN_OF("CUP-1")};
    const struct finding_beside beside = {0};
    assert_true(finding_facts(&contract, &finding, &beside).is_high_risk);
    finding.sku = SPAN_OF("CUP-2");
    assert_false(finding_facts(&contract, &finding, &beside).is_high_risk);
    finding.is_high_risk = true;
    assert_true(finding_facts(&contract, &finding, &beside).is_high_risk);
}

/* ---- each condition alone --------------------------------------------------------------- */

static const struct span LIMITED[] = {{"limited", 7}};
static const struct span SHOPS[] = {{"demo", 4}, {"outlet", 6}};
static const struct span OTHERS[] = {{"HAM", 3}, {"MUC", 3}};

static void expect_fit(const struct policy_when *when, bool fits)
{
    struct policy_facts facts = facts_of(CAUSE_LOST_WRITE, 200, 205);
    facts.has_value = true;
    facts.value_micros = 50 * MICROS;
    facts.drifted_lately = 2;
    assert_int_equal(policy_fits(when, &facts), fits);
}

static void test_conditions(void **state)
{
    (void)state;
    expect_fit(&(struct policy_when){0}, true);
    expect_fit(&(struct policy_when){.causes = OF(CAUSE_LOST_WRITE)}, true);
    expect_fit(&(struct policy_when){.causes = OF(CAUSE_OVERSOLD)}, false);
    expect_fit(&(struct policy_when){.risks = POLICY_RISK_LOW}, true);
    expect_fit(&(struct policy_when){.risks = POLICY_RISK_HIGH}, false);
    expect_fit(&(struct policy_when){.shops = {SHOPS, 2}}, true);
    expect_fit(&(struct policy_when){.shops = {SHOPS + 1, 1}}, false);
    expect_fit(&(struct policy_when){.locations = {OTHERS, 2}}, false);
    expect_fit(&(struct policy_when){.tags = {LIMITED, 1}}, true);
    expect_fit(&(struct policy_when){.tags = {OTHERS, 2}}, false);
    expect_fit(&(struct policy_when){.direction = POLICY_OVER}, true);
    expect_fit(&(struct policy_when){.direction = POLICY_UNDER}, false);
    expect_fit(&(struct policy_when){.units = {true, true, 5, 5}}, true);
    expect_fit(&(struct policy_when){.units = {.has_least = true, .least = 6}}, false);
    expect_fit(&(struct policy_when){.units = {.has_most = true, .most = 4}}, false);
    /* 5 of 200 are 2.5 percent */
    expect_fit(&(struct policy_when){.percent = {true, true, 25000, 25000}}, true);
    expect_fit(&(struct policy_when){.percent = {.has_least = true, .least = 25001}},
               false);
    expect_fit(&(struct policy_when){.value = {true, true, 50 * MICROS, 50 * MICROS}},
               true);
    expect_fit(&(struct policy_when){.value = {.has_most = true, .most = 49 * MICROS}},
               false);
    expect_fit(&(struct policy_when){.drifted = {true, true, 2, 2}}, true);
    expect_fit(&(struct policy_when){.drifted = {.has_least = true, .least = 3}}, false);
}

static void test_what_is_unknown_is_in_no_range(void **state)
{
    (void)state;
    struct policy_facts facts = facts_of(CAUSE_LOST_WRITE, 0, 3);
    const struct policy_when little = {.value = {.has_most = true, .most = MICROS}};
    const struct policy_when much = {.value = {.has_least = true, .least = 0}};
    assert_false(policy_fits(&little, &facts) || policy_fits(&much, &facts));
    /* Of nothing, any difference is more than all. */
    const struct policy_when small = {.percent = {.has_most = true, .most = 1000000}};
    assert_false(policy_fits(&small, &facts));
    facts.residual = INT64_MIN;
    const struct policy_when huge = {.units = {.has_least = true, .least = INT64_MAX}};
    assert_true(policy_fits(&huge, &facts));
}

static void test_first_match_wins(void **state)
{
    (void)state;
    const struct policy_rule rules[] = {
        {.id = {"far", 3}, .when = {.locations = {OTHERS, 2}}, .action = POLICY_IGNORE},
        {.id = {"watch", 5}, .when = {.shops = {SHOPS, 2}}, .action = POLICY_OBSERVE},
        {.id = {"all", 3}, .action = POLICY_RESYNC}};
    const struct policy policy = {rules, 3};
    struct policy_facts facts = facts_of(CAUSE_LOST_WRITE, 5, 9);
    struct policy_verdict verdict = policy_judge(&policy, &facts);
    assert_ptr_equal(verdict.rule, &rules[1]);
    assert_false(verdict.is_builtin);
    facts.shop = SPAN_OF("third");
    assert_ptr_equal(policy_judge(&policy, &facts).rule, &rules[2]);
}

/* ---- covering, against every pair of drawn conditions and findings --------------------- */

static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static struct policy_range draw_range(void)
{
    return (struct policy_range){.has_least = roll(3) == 0,
                                 .has_most = roll(3) == 0,
                                 .least = (int64_t)roll(4),
                                 .most = (int64_t)roll(4)};
}

static struct policy_when draw_when(void)
{
    return (struct policy_when){.causes = roll(2) == 0 ? 0 : (uint32_t)roll(8),
                                .risks = (unsigned)roll(4),
                                .shops = {SHOPS + roll(2), roll(2)},
                                .locations = {OTHERS, roll(3)},
                                .direction = (enum policy_direction)roll(3),
                                .units = draw_range(),
                                .drifted = draw_range()};
}

static struct policy_facts draw_facts(void)
{
    struct policy_facts facts =
        facts_of((enum finding_cause)roll(3), 5, (int64_t)roll(9));
    facts.is_high_risk = roll(2) == 0;
    facts.shop = SHOPS[roll(2)];
    facts.location = OTHERS[roll(2)];
    facts.drifted_lately = (int64_t)roll(5);
    return facts;
}

static void test_what_covers_holds_wherever_the_other_does(void **state)
{
    (void)state;
    int covered = 0;
    for (int round = 0; round < 200000; round++) {
        struct policy_when wide = draw_when();
        struct policy_when narrow = draw_when();
        if (!policy_covers(&wide, &narrow))
            continue;
        covered++;
        for (int each = 0; each < 20; each++) {
            struct policy_facts facts = draw_facts();
            assert_true(!policy_fits(&narrow, &facts) || policy_fits(&wide, &facts));
        }
    }
    assert_true(covered > 1000);
}

/* ---- lint -------------------------------------------------------------------------------- */

static const struct span GID[] = {{"gid://shopify/Location/1", 24}, {NULL, 0}};
static const struct shop SHOP[] = {{.name = {"demo", 4}, .gids = GID}};
static const struct location PLACES[] = {{{"BER", 3}}, {{"HAM", 3}}};
static const struct location_name NAMES[] = {
    {{"BER", 3}, 0}, {{"Berlin", 6}, 0}, {{"HAM", 3}, 1}};

static void expect_faults(const struct policy_rule *rules, size_t count,
                          const char *const *wanted)
{
    struct policy_fault faults[16];
    const struct contract contract = {.shops = SHOP,
                                      .shop_count = 1,
                                      .locations = PLACES,
                                      .location_count = 2,
                                      .names = NAMES,
                                      .name_count = 3,
                                      .policy = {rules, count},
                                      .guards = GUARD_DEFAULTS,
                                      .kpi = KPI_DEFAULTS};
    size_t found = policy_lint(&contract, faults, COUNT_OF(faults));
    for (size_t at = 0; at < found; at++) {
        if (wanted[at] == NULL ||
            strcmp(policy_fault_id(faults[at].kind), wanted[at]) != 0)
            fail_msg("fault %zu: %s", at, policy_fault_id(faults[at].kind));
        assert_true(policy_fault_text(faults[at].kind)[0] != '\0');
    }
    assert_null(wanted[found]);
}

#define EXPECT(rules, ...)                                                               \
    expect_faults(rules, COUNT_OF(rules), (const char *const[]){__VA_ARGS__, NULL})

static void test_lint(void **state)
{
    (void)state;
    static const struct span BER[] = {{"BER", 3}};
    static const struct span HAM[] = {{"HAM", 3}};
    static const struct span BERLIN[] = {{"Berlin", 6}};
    static const struct span NOWHERE[] = {{"nowhere", 7}};
    const struct policy_when lost = {.causes = OF(CAUSE_LOST_WRITE)};
    const struct policy_rule good[] = {
        {.id = {"a", 1}, .when = {.locations = {BER, 1}}, .action = POLICY_OBSERVE},
        {.id = {"b", 1}, .when = lost, .action = POLICY_RESYNC},
        {.id = {"c", 1}, .action = POLICY_ESCALATE}};
    EXPECT(good, NULL);
    const struct policy_rule same_id[] = {{.id = {"a", 1}, .when = lost},
                                          {.id = {"a", 1}, .action = POLICY_OBSERVE}};
    EXPECT(same_id, "same_id");
    const struct policy_rule contradicts[] = {
        {.id = {"a", 1}, .when = lost},
        {.id = {"b", 1}, .when = lost, .action = POLICY_IGNORE}};
    EXPECT(contradicts, "contradiction");
    const struct policy_rule repeats[] = {{.id = {"a", 1}, .when = lost},
                                          {.id = {"b", 1}, .when = lost}};
    EXPECT(repeats, "repetition");
    const struct policy_rule hidden[] = {{.id = {"a", 1}, .action = POLICY_OBSERVE},
                                         {.id = {"b", 1}, .when = lost}};
    EXPECT(hidden, "unreachable");
    const struct policy_rule never[] = {
        {.id = {"a", 1}, .when = {.units = {true, true, 5, 4}}},
        {.id = {"b", 1},
         .when = {.direction = POLICY_OVER, .units = {.has_most = true}}}};
    EXPECT(never, "never", "never");
    const struct policy_rule barred[] = {
        {.id = {"a", 1}, .when = {.risks = POLICY_RISK_HIGH}},
        {.id = {"b", 1}, .when = {.causes = OF(CAUSE_OVERSOLD) | OF(CAUSE_IDENTITY)}},
        {.id = {"c", 1},
         .when = {.causes = OF(CAUSE_UNKNOWN), .direction = POLICY_UNDER}},
        {.id = {"d", 1}, .when = {.causes = OF(CAUSE_UNKNOWN)}}};
    EXPECT(barred, "barred", "barred", "barred");
    const struct policy_rule names[] = {
        {.id = {"a", 1}, .when = {.shops = {NOWHERE, 1}}, .action = POLICY_OBSERVE},
        {.id = {"b", 1}, .when = {.locations = {NOWHERE, 1}}, .action = POLICY_OBSERVE},
        {.id = {"c", 1}, .when = {.locations = {HAM, 1}}, .action = POLICY_OBSERVE},
        {.id = {"d", 1}, .when = {.locations = {BERLIN, 1}}, .action = POLICY_OBSERVE}};
    EXPECT(names, "unknown_shop", "unknown_location", "unknown_location", "alias");
    const struct policy_rule page[] = {
        {.id = {"a", 1}, .when = lost, .runbook = {"http://x/", 9}},
        {.id = {"b", 1}, .runbook = {"docs/x.md", 9}, .action = POLICY_ESCALATE}};
    EXPECT(page, "runbook");
}

static void test_lint_of_guards(void **state)
{
    (void)state;
    struct policy_fault faults[4];
    struct contract contract = {
        .policy = RESYNC_ALL, .guards = GUARD_DEFAULTS, .kpi = KPI_DEFAULTS};
    assert_int_equal(policy_lint(&contract, faults, 4), 0);
    contract.guards.changed_levels = 0;
    assert_int_equal(policy_lint(&contract, faults, 4), 1);
    assert_int_equal(faults[0].kind, POLICY_FAULT_GUARD_STOPS);
    contract.guards.changed_levels = 10;
    contract.guards_zeroed_levels = true;
    assert_int_equal(policy_lint(&contract, faults, 4), 1);
    assert_int_equal(faults[0].kind, POLICY_FAULT_GUARD_ABOVE);
    assert_int_equal(policy_fault_place(faults[0].kind), POLICY_OF_GUARDS);
}

/* ---- guards ------------------------------------------------------------------------------ */

static void expect_guard(const struct guard_run *run, int wanted)
{
    const struct guard_limits limits = {.changed_levels = 1000,
                                        .changed_share = 100000,
                                        .zeroed_levels = 100,
                                        .zeroed_share = 20000,
                                        .drifting_share = 200000,
                                        .rewrites_per_day = 3};
    enum guard guard = GUARD_COUNT;
    bool fires = guard_of_run(&limits, run, &guard);
    assert_int_equal(fires ? (int)guard : -1, wanted);
}

static void test_guards_of_a_run(void **state)
{
    (void)state;
    expect_guard(&(struct guard_run){10000, 1000, 1000, 0}, -1);
    expect_guard(&(struct guard_run){10000, 1001, 1001, 0}, GUARD_CHANGED_LEVELS);
    expect_guard(&(struct guard_run){100000, 1001, 1001, 0}, GUARD_CHANGED_LEVELS);
    expect_guard(&(struct guard_run){9999, 1000, 1000, 0}, GUARD_CHANGED_SHARE);
    expect_guard(&(struct guard_run){10000, 100, 100, 100}, -1);
    expect_guard(&(struct guard_run){10000, 101, 101, 101}, GUARD_ZEROED_LEVELS);
    expect_guard(&(struct guard_run){1000, 21, 21, 21}, GUARD_ZEROED_SHARE);
    expect_guard(&(struct guard_run){1000, 20, 20, 20}, -1);
    expect_guard(&(struct guard_run){1000, 201, 0, 0}, GUARD_DRIFTING);
    expect_guard(&(struct guard_run){1000, 200, 0, 0}, -1);
    /* few levels are no mass mistake, whatever share they are */
    expect_guard(&(struct guard_run){20, 20, 20, 9}, -1);
    expect_guard(&(struct guard_run){20, 20, 20, 10}, GUARD_ZEROED_SHARE);
    expect_guard(&(struct guard_run){30, 25, 25, 0}, GUARD_CHANGED_SHARE);
    expect_guard(&(struct guard_run){0, 60, 60, 0}, GUARD_DRIFTING);
}

static void test_guard_of_a_window(void **state)
{
    (void)state;
    const struct guard_limits limits = {
        .window_levels = 50, .window_share = 100000, .window_few = 10};
    static const struct {
        int64_t levels;
        int64_t zeroed;
        bool fires;
    } CASES[] = {{1000, 50, false}, {1000, 51, true}, {100, 10, false}, {100, 11, true},
                 {10, 9, false},    {10, 10, true},   {0, 10, true},    {0, 0, false}};
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        enum guard guard;
        const struct guard_window window = {CASES[at].levels, CASES[at].zeroed};
        if (guard_of_window(&limits, &window, &guard) != CASES[at].fires)
            fail_msg("case %zu", at);
    }
    /* the defaults let a small shop sell out */
    enum guard guard;
    assert_false(
        guard_of_window(&GUARD_DEFAULTS, &(struct guard_window){99, 99}, &guard));
    assert_true(
        guard_of_window(&GUARD_DEFAULTS, &(struct guard_window){300, 100}, &guard));
}

static void test_shares_are_exact(void **state)
{
    (void)state;
    for (int round = 0; round < 100000; round++) {
        const struct guard_limits limits = {.changed_levels = INT64_MAX,
                                            .changed_share = (int64_t)roll(1000001),
                                            .zeroed_levels = INT64_MAX,
                                            .zeroed_share = GUARD_WHOLE,
                                            .drifting_share = INT64_MAX};
        const struct guard_run run = {.compared = 1 + (int64_t)roll(5000),
                                      .changes = 25 + (int64_t)roll(5000)};
        enum guard guard;
        bool wanted = run.changes * GUARD_WHOLE > limits.changed_share * run.compared;
        assert_int_equal(guard_of_run(&limits, &run, &guard), wanted);
    }
}

static void test_guard_of_a_pair(void **state)
{
    (void)state;
    const struct guard_limits limits = {.rewrites_per_day = 3};
    assert_true(guard_of_pair(&limits, 0) && guard_of_pair(&limits, 2));
    assert_false(guard_of_pair(&limits, 3) || guard_of_pair(&limits, 4));
    for (int guard = 0; guard < GUARD_COUNT; guard++)
        assert_true(guard_kind((enum guard)guard)->why[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_builtin_high_risk),
        cmocka_unit_test(test_bars_stand_above_rules),
        cmocka_unit_test(test_causes_that_never_raise),
        cmocka_unit_test(test_risk_of_now_counts),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_what_is_unknown_is_in_no_range),
        cmocka_unit_test(test_first_match_wins),
        cmocka_unit_test(test_what_covers_holds_wherever_the_other_does),
        cmocka_unit_test(test_lint),
        cmocka_unit_test(test_lint_of_guards),
        cmocka_unit_test(test_guards_of_a_run),
        cmocka_unit_test(test_guard_of_a_window),
        cmocka_unit_test(test_shares_are_exact),
        cmocka_unit_test(test_guard_of_a_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
