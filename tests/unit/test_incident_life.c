/* common/domain/incident_life: every verb in every standing; ends, returns, clean runs. */
#include "common/domain/incident_life.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY_US (INT64_C(86400) * 1000000)

static const enum incident_state STATES[] = {INCIDENT_OPENED, INCIDENT_ACKNOWLEDGED,
                                             INCIDENT_REOPENED, INCIDENT_RESOLVED};

static struct incident_step act(enum incident_verb verb, enum incident_state state,
                                enum incident_proposal proposal)
{
    return incident_act(verb,
                        (struct incident_standing){.state = state, .proposal = proposal});
}

static void test_names_round_trip(void **state)
{
    (void)state;
    for (int at = 0; at < INCIDENT_PROPOSAL_COUNT; at++) {
        enum incident_proposal back = INCIDENT_PROPOSAL_COUNT;
        assert_true(incident_proposal_parse(
            span_from(incident_proposal_name((enum incident_proposal)at)), &back));
        assert_int_equal(back, at);
    }
    enum incident_proposal proposal;
    enum incident_state parsed;
    assert_false(incident_proposal_parse(SPAN_OF("Waiting"), &proposal));
    assert_true(incident_state_parse(SPAN_OF("reopened"), &parsed));
    assert_int_equal(parsed, INCIDENT_REOPENED);
    assert_false(incident_state_parse(SPAN_OF("open"), &parsed));
}

/* Whatever is asked, an incident stands where it may, and a refusal changes nothing. */
static void test_every_verb_in_every_standing(void **state)
{
    (void)state;
    size_t allowed = 0;
    for (int verb = 0; verb < INCIDENT_VERB_COUNT; verb++)
        for (size_t at = 0; at < COUNT_OF(STATES); at++)
            for (int proposal = 0; proposal < INCIDENT_PROPOSAL_COUNT; proposal++) {
                struct incident_step step = act((enum incident_verb)verb, STATES[at],
                                                (enum incident_proposal)proposal);
                assert_non_null(step.id);
                assert_true(strlen(step.why) > 5);
                assert_int_not_equal(step.next.state, INCIDENT_UPDATED);
                if (!step.allowed) {
                    assert_int_equal(step.next.state, STATES[at]);
                    assert_int_equal(step.next.proposal, proposal);
                    continue;
                }
                allowed++;
                assert_true(step.next.state != STATES[at] ||
                            (int)step.next.proposal != proposal);
                assert_true(step.told == INCIDENT_UPDATED ||
                            step.told == step.next.state);
                /* Nothing is due in what is over. */
                assert_false(step.next.state == INCIDENT_RESOLVED &&
                             (step.next.proposal == INCIDENT_PROPOSAL_APPROVED ||
                              step.next.proposal == INCIDENT_PROPOSAL_WAITING));
            }
    /* ack 2x8, approve 3x1, reject 3x2, resolve 3x8, reopen 8, take 3, done 4, fail 4 */
    assert_int_equal(allowed, 16 + 3 + 6 + 24 + 8 + 3 + 4 + 4);
}

struct script {
    enum incident_verb verb;
    bool allowed;
    const char *id;
};

static void play(const struct script *script, size_t count,
                 struct incident_standing standing)
{
    for (size_t at = 0; at < count; at++) {
        struct incident_step step = incident_act(script[at].verb, standing);
        assert_int_equal(step.allowed, script[at].allowed);
        assert_string_equal(step.id, script[at].id);
        standing = step.next;
    }
}

static void test_an_action_is_carried_out_once(void **state)
{
    (void)state;
    static const struct script SCRIPT[] = {
        {INCIDENT_TAKE, false, "not_due"},
        {INCIDENT_APPROVE, true, "approve"},
        {INCIDENT_APPROVE, false, "approved_already"},
        {INCIDENT_TAKE, true, "take"},
        {INCIDENT_TAKE, false, "not_due"},
        {INCIDENT_REJECT, false, "decide_late"},
        {INCIDENT_DONE, true, "done"},
        {INCIDENT_DONE, false, "not_due"},
        {INCIDENT_FAIL, false, "not_due"},
        {INCIDENT_APPROVE, false, "decide_late"},
    };
    play(SCRIPT, COUNT_OF(SCRIPT),
         (struct incident_standing){.proposal = INCIDENT_PROPOSAL_WAITING});
}

static void test_what_is_rejected_or_over_is_not_carried_out(void **state)
{
    (void)state;
    static const struct script REJECTED[] = {
        {INCIDENT_APPROVE, true, "approve"},
        {INCIDENT_REJECT, true, "reject"},
        {INCIDENT_TAKE, false, "not_due"},
        {INCIDENT_APPROVE, false, "approve_rejected"},
    };
    static const struct script OVER[] = {
        {INCIDENT_APPROVE, true, "approve"},
        {INCIDENT_RESOLVE, true, "resolve_undecided"},
        {INCIDENT_TAKE, false, "not_due"},
        {INCIDENT_RESOLVE, false, "resolved_already"},
        {INCIDENT_ACKNOWLEDGE, false, "acknowledge_over"},
        {INCIDENT_REOPEN, true, "reopen"},
        {INCIDENT_REOPEN, false, "reopen_open"},
        {INCIDENT_TAKE, false, "not_due"},
        {INCIDENT_ACKNOWLEDGE, true, "acknowledge"},
        {INCIDENT_ACKNOWLEDGE, false, "acknowledged_already"},
    };
    const struct incident_standing waiting = {.proposal = INCIDENT_PROPOSAL_WAITING};
    play(REJECTED, COUNT_OF(REJECTED), waiting);
    play(OVER, COUNT_OF(OVER), waiting);
}

static void test_no_second_open_incident_of_a_problem(void **state)
{
    (void)state;
    struct incident_standing standing = {.state = INCIDENT_RESOLVED,
                                         .has_successor = true};
    struct incident_step step = incident_act(INCIDENT_REOPEN, standing);
    assert_false(step.allowed);
    assert_string_equal(step.id, "reopen_second");
    standing.has_successor = false;
    assert_true(incident_act(INCIDENT_REOPEN, standing).allowed);
}

static void test_what_was_decided_is_not_asked_again(void **state)
{
    (void)state;
    assert_false(incident_proposal_yields(INCIDENT_PROPOSAL_APPROVED));
    assert_false(incident_proposal_yields(INCIDENT_PROPOSAL_REJECTED));
    assert_false(incident_proposal_yields(INCIDENT_PROPOSAL_TAKEN));
    assert_true(incident_proposal_yields(INCIDENT_PROPOSAL_NONE));
    assert_true(incident_proposal_yields(INCIDENT_PROPOSAL_WAITING));
    assert_true(incident_proposal_yields(INCIDENT_PROPOSAL_FAILED));
}

static void test_what_comes_back(void **state)
{
    (void)state;
    const struct incident_kind *drift = incident_kind(INCIDENT_DRIFT);
    const struct incident_kind *refused = incident_kind(INCIDENT_PUSH_REFUSED);
    static const struct {
        bool drift;
        bool by_person;
        int64_t past_us;
        const char *id;
        bool reopens;
    } CASES[] = {
        {true, false, 0, "back_within_period", true},
        {true, false, DAY_US - 1, "back_within_period", true},
        {true, false, DAY_US, "new_problem", false},
        {true, true, DAY_US, "closed_too_soon", true},
        {true, true, 7 * DAY_US - 1, "closed_too_soon", true},
        {true, true, 7 * DAY_US, "new_problem", false},
        {false, false, 0, "new_problem", false},
        {false, true, 0, "closed_too_soon", true},
    };
    for (size_t at = 0; at < COUNT_OF(CASES); at++) {
        const struct incident_end end = {.by_person = CASES[at].by_person, .at_us = 5000};
        const struct incident_return *found = incident_return(
            CASES[at].drift ? drift : refused, &end, 5000 + CASES[at].past_us);
        assert_string_equal(found->id, CASES[at].id);
        assert_int_equal(found->reopens, CASES[at].reopens);
    }
}

/* A model: an incident ends exactly when the last two runs that count were clean. */
static void test_clean_runs_against_a_slow_count(void **state)
{
    (void)state;
    unsigned dice = 7;
    for (int game = 0; game < 2000; game++) {
        int64_t clean_runs = 0;
        int in_a_row = 0;
        for (int run = 0; run < 12; run++) {
            dice = dice * 1103515245u + 12345u;
            const struct incident_run_look look = {
                .finding = (enum incident_finding_of_run)((dice >> 16) % 3),
                .is_later = (dice >> 18) % 4 != 0,
                .is_counted = (dice >> 20) % 4 == 0,
                .clean_runs = clean_runs};
            const struct incident_run_rule *rule = incident_run_judge(&look);
            bool counts =
                look.finding == INCIDENT_RUN_CLEAN && look.is_later && !look.is_counted;
            if (look.finding == INCIDENT_RUN_FOUND)
                in_a_row = 0;
            in_a_row += counts ? 1 : 0;
            assert_int_equal(rule->effect == INCIDENT_RUN_ENDS,
                             counts && in_a_row == INCIDENT_CLEAN_RUNS);
            if (rule->effect == INCIDENT_RUN_ENDS)
                break;
            if (rule->effect == INCIDENT_RUN_RESETS)
                clean_runs = 0;
            if (rule->effect == INCIDENT_RUN_COUNTS)
                clean_runs++;
            assert_int_equal(clean_runs, in_a_row);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_round_trip),
        cmocka_unit_test(test_every_verb_in_every_standing),
        cmocka_unit_test(test_an_action_is_carried_out_once),
        cmocka_unit_test(test_what_is_rejected_or_over_is_not_carried_out),
        cmocka_unit_test(test_no_second_open_incident_of_a_problem),
        cmocka_unit_test(test_what_was_decided_is_not_asked_again),
        cmocka_unit_test(test_what_comes_back),
        cmocka_unit_test(test_clean_runs_against_a_slow_count),
    };
    return cmocka_run_group_tests_name("incident_life", tests, NULL, NULL);
}
