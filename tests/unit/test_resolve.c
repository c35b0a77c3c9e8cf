/*
 * common/domain/resolve and readback, and the JSON that they are fed with: what is done about
 * a finding, and what came of it.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/finding_json.h"
#include "common/codec/proposal_json.h"
#include "common/domain/readback.h"
#include "common/domain/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- deciding ---------------------------------------------------------------------------- */

static struct resolve_decision decide(enum resolve_run run, bool stopped,
                                      int64_t rewrites, bool high)
{
    const struct contract contract = {.guards = GUARD_DEFAULTS};
    const struct finding finding = {.cause = CAUSE_LOST_WRITE,
                                    .shop = SPAN_OF("demo"),
                                    .sku = SPAN_OF("A"),
                                    .location = SPAN_OF("B"),
                                    .has_desired = true,
                                    .desired = 5,
                                    .residual = 4,
                                    .is_high_risk = high};
    const struct finding_beside beside = {.rewrites = rewrites};
    const struct resolve_question question = {.contract = &contract,
                                              .finding = &finding,
                                              .beside = &beside,
                                              .run = run,
                                              .shop_is_stopped = stopped};
    return resolve_decide(&question);
}

static void test_guards_hold_resyncs_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        enum resolve_run run;
        bool stopped;
        enum resolve_state state;
    } CASES[] = {
        {RESOLVE_RUN_PASSES, false, RESOLVE_PENDING},
        {RESOLVE_RUN_PASSES, true, RESOLVE_HELD},
        {RESOLVE_RUN_STOPPED, true, RESOLVE_HELD},
        {RESOLVE_RUN_STOPPED, false, RESOLVE_HELD},
        {RESOLVE_RUN_RELEASED, false, RESOLVE_PENDING},
        {RESOLVE_RUN_RELEASED, true, RESOLVE_PENDING},
        {RESOLVE_RUN_REJECTED, false, RESOLVE_DROPPED},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        struct resolve_decision decision =
            decide(CASES[at].run, CASES[at].stopped, 0, false);
        assert_int_equal(decision.action, POLICY_RESYNC);
        assert_int_equal(decision.state, CASES[at].state);
        decision = decide(CASES[at].run, CASES[at].stopped, 0, true);
        assert_int_equal(decision.action, POLICY_ESCALATE);
        assert_int_equal(decision.state, RESOLVE_NONE);
    }
}

static void test_a_second_writer_is_escalated(void **state)
{
    (void)state;
    struct resolve_decision decision = decide(RESOLVE_RUN_PASSES, false, 2, false);
    assert_int_equal(decision.action, POLICY_RESYNC);
    decision = decide(RESOLVE_RUN_RELEASED, false, 3, false);
    assert_int_equal(decision.action, POLICY_ESCALATE);
    assert_true(decision.is_of_second_writer && decision.state == RESOLVE_NONE);
    assert_string_equal(decision.bar, "second_writer");
    /* what a rule escalates anyway is no matter of two writers */
    assert_false(decide(RESOLVE_RUN_PASSES, false, 9, true).is_of_second_writer);
}

static void test_names_of_runs(void **state)
{
    (void)state;
    for (int run = 0; run < RESOLVE_RUN_COUNT; run++) {
        enum resolve_run parsed;
        const char *name = resolve_run_name((enum resolve_run)run);
        assert_true(resolve_run_parse(span_from(name), &parsed));
        assert_int_equal(parsed, run);
    }
    enum resolve_run parsed;
    assert_false(resolve_run_parse(SPAN_OF("paused"), &parsed));
}

/* ---- reading back ------------------------------------------------------------------------ */

static const struct readback_look RESTS = {.is_there = true,
                                           .has_desired = true,
                                           .desired = 5,
                                           .written = 5,
                                           .has_shown = true,
                                           .shown = 5,
                                           .is_seen_since = true,
                                           .patience_ms = 1000};

static void expect(struct readback_look look, const char *id)
{
    const struct readback_rule *rule = readback_judge(&look);
    if (strcmp(rule->id, id) != 0)
        fail_msg("%s, not %s", rule->id, id);
    assert_true(rule->why[0] != '\0');
}

#define BUT(...)                                                                         \
    __extension__({                                                                      \
        struct readback_look look_ = RESTS;                                              \
        struct readback_look *l = &look_;                                                \
        __VA_ARGS__;                                                                     \
        look_;                                                                           \
    })

static void test_readback(void **state)
{
    (void)state;
    expect(RESTS, "written");
    expect(BUT(l->is_reading = true), "read_back");
    expect(BUT(l->is_there = false), "gone");
    expect(BUT(l->fault = SPAN_OF("unmapped")), "refused");
    expect(BUT(l->has_desired = false), "no_level");
    expect(BUT(l->is_dirty = true), "waits");
    expect(BUT(l->is_in_flight = true), "waits");
    expect(BUT(l->is_seen_since = false), "waits");
    expect(BUT(l->has_shown = false), "waits");
    expect(BUT(l->has_shown = false, l->age_ms = 999), "waits");
    expect(BUT(l->has_shown = false, l->age_ms = 1000), "late");
    /* at rest it is never late */
    expect(BUT(l->age_ms = 5000), "written");
    expect(BUT(l->age_ms = 5000, l->is_reading = true), "read_back");
}

static void test_another_level_after_reading(void **state)
{
    (void)state;
    expect(BUT(l->is_reading = true, l->is_dirty = true, l->shown = 9), "differs");
    /* not yet asked to be read: push is still at it */
    expect(BUT(l->is_dirty = true, l->shown = 9), "waits");
    /* it should be another one by now */
    expect(BUT(l->is_reading = true, l->is_dirty = true, l->shown = 9, l->desired = 6),
           "waits");
    /* units were sold meanwhile: the level is decided anew */
    expect(BUT(l->is_reading = true, l->is_dirty = true, l->shown = 4,
               l->is_undecided = true),
           "waits");
    /* a debt rests below */
    expect(BUT(l->is_reading = true, l->desired = l->written = 0, l->shown = -2,
               l->is_in_debt = true),
           "read_back");
    expect(BUT(l->is_reading = true, l->is_in_flight = true, l->shown = 9), "waits");
}

/* ---- JSON -------------------------------------------------------------------------------- */

#define FINDING(more)                                                                    \
    "{\"finding_id\":\"f1\",\"run_id\":\"7\",\"shop\":\"demo\",\"sku\":\"CUP-1\","       \
    "\"location\":\"BER\",\"evidence\":{\"x\":[1]},\"observed_at\":"                     \
    "\"2026-11-25T11:59:00Z\",\"new\":1," more "}"
#define LEVELS "\"desired\":5,\"shown\":null,\"residual\":-5"
#define WORDS "\"cause\":\"not_stocked\",\"risk\":\"high\",\"value_at_risk\":"

static enum status decode(const char *text, struct pool *pool, struct finding *finding)
{
    struct error error = {0};
    return finding_decode(span_from(text), pool, finding, &error);
}

static void test_finding_json(void **state)
{
    (void)state;
    SCOPED(pool_free) struct pool pool;
    struct finding finding;
    pool_init(&pool, 1 << 16);
    assert_int_equal(decode(FINDING(LEVELS "," WORDS "12.25"), &pool, &finding),
                     STATUS_OK);
    assert_true(span_is(finding.id, "f1") && span_is(finding.run_id, "7"));
    assert_true(span_is(finding.sku, "CUP-1") && span_is(finding.location, "BER"));
    assert_true(finding.has_desired && finding.desired == 5 && !finding.has_shown);
    assert_int_equal(finding.residual, -5);
    assert_int_equal(finding.cause, CAUSE_NOT_STOCKED);
    assert_true(finding.is_high_risk && finding.has_value);
    assert_int_equal(finding.value_micros, 12250000);
    assert_int_equal(finding.observed_at_us, 1795607940000000);
    static const char *const WRONG[] = {
        "",
        "[]",
        "{}",
        FINDING(LEVELS),
        FINDING("\"desired\":\"5\",\"shown\":1,\"residual\":1," WORDS "1"),
        FINDING("\"desired\":5,\"shown\":1," WORDS "1"),
        FINDING(LEVELS "," WORDS "-1"),
        FINDING(LEVELS ",\"cause\":\"unknown\",\"risk\":\"none\",\"value_at_risk\":1")};
    for (size_t at = 0; at < COUNT_OF(WRONG); at++)
        assert_int_equal(decode(WRONG[at], &pool, &finding), STATUS_REJECT);
    assert_int_equal(decode(FINDING(LEVELS ",\"cause\":\"gremlins\",\"risk\":\"low\","
                                           "\"value_at_risk\":null"),
                            &pool, &finding),
                     STATUS_OK);
    assert_true(finding.cause == CAUSE_UNKNOWN && !finding.has_value);
}

static void test_proposal_json(void **state)
{
    (void)state;
    SCOPED(pool_free) struct pool pool;
    struct proposal proposal;
    struct error error = {0};
    pool_init(&pool, 1 << 16);
    static const struct {
        const char *text;
        enum status status;
        enum proposal_verb verb;
    } CASES[] = {
        {"{\"do\":\"resync\",\"shop\":\"s\",\"sku\":\"A\",\"location\":\"B\"}", STATUS_OK,
         PROPOSAL_RESYNC},
        {"{\"do\":\"resync\",\"shop\":\"s\",\"sku\":\"A\"}", STATUS_REJECT,
         PROPOSAL_RESYNC},
        {"{\"do\":\"release\",\"shop\":\"s\",\"scope\":\"drift\"}", STATUS_OK,
         PROPOSAL_RELEASE},
        {"{\"do\":\"release\",\"shop\":\"s\"}", STATUS_REJECT, PROPOSAL_RELEASE},
        {"{\"do\":\"count\"}", STATUS_OK, PROPOSAL_OTHER},
        {"{}", STATUS_OK, PROPOSAL_OTHER},
        {"no", STATUS_OK, PROPOSAL_OTHER},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        assert_int_equal(
            proposal_decode(span_from(CASES[at].text), &pool, &proposal, &error),
            CASES[at].status);
        assert_int_equal(proposal.verb, CASES[at].verb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guards_hold_resyncs_and_nothing_else),
        cmocka_unit_test(test_a_second_writer_is_escalated),
        cmocka_unit_test(test_names_of_runs),
        cmocka_unit_test(test_readback),
        cmocka_unit_test(test_another_level_after_reading),
        cmocka_unit_test(test_finding_json),
        cmocka_unit_test(test_proposal_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
