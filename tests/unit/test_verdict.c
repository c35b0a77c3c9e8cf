/* common/domain/verdict: each rule catches the fault that it is for, and only that decides. */
#include "common/domain/verdict.h"

#include "common/base/check.h"
#include "tests/unit/week_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct fixture f;

static int start(void **state)
{
    (void)state;
    fixture_make(&f);
    return 0;
}

static void test_a_week_that_is_well_passes(void **state)
{
    (void)state;
    struct verdict verdict = verdict_judge(&f.inputs);
    assert_string_equal(verdict.look.rule->id, "better");
    assert_int_equal(verdict.verdict, WEEK_PASS);
    assert_string_equal(verdict.handoff.to, "none");
    assert_string_equal(verdict.handoff.leads, "external_writer");
    assert_int_equal(verdict.handoff.part, 12);
}

/* ---- a fault a rule ------------------------------------------------------------------------- */

static void no_baseline(void)
{
    f.inputs.baseline = (struct week_baseline){0};
}

static void baseline_not_before(void)
{
    f.inputs.baseline.resyncs = 1;
}

static void baseline_thin(void)
{
    fixture_set_before(&f, FIXTURE_BER, KPI_COMPARED, 0);
    fixture_set_before(&f, FIXTURE_HAM, KPI_COMPARED, 0);
}

static void oversells_over_limit(void)
{
    f.inputs.limits.oversells = 2;
    f.week_days[FIXTURE_BER][6].counts[KPI_OVERSELLS] = 3;
}

static void oversells_not_down(void)
{
    f.base_days[FIXTURE_BER][0].counts[KPI_OVERSELLS] = 3;
    f.week_days[FIXTURE_HAM][0].counts[KPI_OVERSELLS] = 3;
}

static void few_pairs(void)
{
    for (enum fixture_place place = FIXTURE_BER; place <= FIXTURE_HAM; place++) {
        fixture_set(&f, place, KPI_COMPARED, 7);
        fixture_set(&f, place, KPI_KNOWN, 7);
        fixture_set(&f, place, KPI_MISMATCHED, 7);
    }
}

static void few_days(void)
{
    for (size_t day = 4; day < WEEK_DAYS; day++)
        f.week_days[FIXTURE_BER][day] = f.week_days[FIXTURE_HAM][day] =
            (struct kpi_day){0};
}

/* All in all it is better: one place hides what the other does. */
static void location_worse(void)
{
    fixture_set(&f, FIXTURE_BER, KPI_MISMATCHED, 0);
    fixture_set_before(&f, FIXTURE_HAM, KPI_MISMATCHED, 48);
    fixture_set(&f, FIXTURE_HAM, KPI_MISMATCHED, 96);
}

static void mismatch_worse(void)
{
    f.base_places[FIXTURE_HAM].location = SPAN_OF("OLD");
    f.base_places[FIXTURE_BER].location = SPAN_OF("LOST");
    fixture_set(&f, FIXTURE_HAM, KPI_MISMATCHED, 400);
}

static void mismatch_rising(void)
{
    for (size_t day = 0; day < WEEK_DAYS; day++)
        f.week_days[FIXTURE_BER][day].counts[KPI_MISMATCHED] = 10 + 10 * (int64_t)day;
    fixture_set(&f, FIXTURE_HAM, KPI_MISMATCHED, 0);
}

static void oversells_rising(void)
{
    f.base_days[FIXTURE_BER][0].counts[KPI_OVERSELLS] = 100;
    for (size_t day = 0; day < WEEK_DAYS; day++)
        f.week_days[FIXTURE_BER][day].counts[KPI_OVERSELLS] = (int64_t)day;
}

/* Sweeps know nothing of the place any more, and all that they see is well. */
static void location_skipped(void)
{
    for (size_t day = 2; day < WEEK_DAYS; day++)
        f.week_days[FIXTURE_HAM][day] = (struct kpi_day){0};
}

static void runs_broken(void)
{
    fixture_set(&f, FIXTURE_SHOP, KPI_RUNS_BROKEN, 2);
    fixture_set(&f, FIXTURE_SHOP, KPI_RUNS_MISSED, 2);
}

static void in_flight(void)
{
    fixture_set(&f, FIXTURE_SHOP, KPI_IN_FLIGHT, 300);
}

static void unknown_causes(void)
{
    fixture_set(&f, FIXTURE_BER, KPI_FOUND_UNKNOWN, 1);
}

static void stale_sources(void)
{
    fixture_set(&f, FIXTURE_HAM, KPI_STALE, 300);
}

static void dead_letters(void)
{
    fixture_set(&f, FIXTURE_ALL, KPI_DEAD_LETTERS, 11);
}

static void alerts_lost(void)
{
    f.week_days[FIXTURE_SHOP][3].counts[KPI_ALERTS_LOST] = 1;
}

static void alerts_late(void)
{
    f.week_days[FIXTURE_SHOP][3].counts[KPI_ALERTS_LATE] = 3;
}

static void guards_standing(void)
{
    f.week_days[FIXTURE_SHOP][6].counts[KPI_GUARDS_STANDING] = 1;
}

static void guard_stops(void)
{
    f.week_days[FIXTURE_SHOP][1].counts[KPI_GUARD_STOPS] = 4;
}

static void resyncs_open(void)
{
    fixture_set(&f, FIXTURE_BER, KPI_RESYNCS_OPEN, 1);
}

static void resyncs_failing(void)
{
    fixture_set(&f, FIXTURE_BER, KPI_RESYNCS_FAILED, 1);
}

static void slow_detection(void)
{
    f.inputs.limits.detect_ms = 59999;
}

static void slow_repair(void)
{
    f.inputs.limits.repair_ms = 89999;
}

static void not_better(void)
{
    for (size_t day = 0; day < WEEK_DAYS; day++)
        f.week_days[FIXTURE_BER][day].counts[KPI_MISMATCHED] =
            f.week_days[FIXTURE_HAM][day].counts[KPI_MISMATCHED] = 123 - (int64_t)day;
}

static void stalled(void)
{
    fixture_set(&f, FIXTURE_BER, KPI_MISMATCHED, 48);
    fixture_set(&f, FIXTURE_HAM, KPI_MISMATCHED, 48);
}

static void nothing(void)
{
}

static const struct {
    const char *rule;
    void (*seed)(void);
} FAULTS[] = {
#define FAULT(id)                                                                        \
    {                                                                                    \
#id, id                                                                          \
    }
    FAULT(no_baseline),
    FAULT(baseline_not_before),
    FAULT(baseline_thin),
    FAULT(oversells_over_limit),
    FAULT(oversells_not_down),
    FAULT(few_pairs),
    FAULT(few_days),
    FAULT(location_worse),
    FAULT(mismatch_worse),
    FAULT(mismatch_rising),
    FAULT(oversells_rising),
    FAULT(location_skipped),
    FAULT(runs_broken),
    FAULT(in_flight),
    FAULT(unknown_causes),
    FAULT(stale_sources),
    FAULT(dead_letters),
    FAULT(alerts_lost),
    FAULT(alerts_late),
    FAULT(guards_standing),
    FAULT(guard_stops),
    FAULT(resyncs_open),
    FAULT(resyncs_failing),
    FAULT(slow_detection),
    FAULT(slow_repair),
    FAULT(not_better),
    FAULT(stalled),
    {"better", nothing},
};

static void test_every_rule_catches_its_fault(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(FAULTS), verdict_rule_count());
    for (size_t at = 0; at < COUNT_OF(FAULTS); at++) {
        fixture_make(&f);
        FAULTS[at].seed();
        struct verdict verdict = verdict_judge(&f.inputs);
        assert_string_equal(verdict.look.rule->id, FAULTS[at].rule);
        assert_ptr_equal(verdict.look.rule, verdict_rule(at));
        assert_int_equal(verdict.verdict, verdict_rule(at)->verdict);
    }
}

/* Without its fault no rule but the last holds. */
static void test_none_holds_of_a_week_that_is_well(void **state)
{
    (void)state;
    for (size_t at = 0; at + 1 < verdict_rule_count(); at++)
        if (verdict_look(&f.inputs, at).holds)
            fail_msg("%s holds of a week that is well", verdict_rule(at)->id);
}

/* ---- where a rule draws its line --------------------------------------------------------------- */

static void test_a_place_that_nobody_swept_is_named(void **state)
{
    (void)state;
    fixture_set(&f, FIXTURE_HAM, KPI_SWEEPS, 0);
    fixture_set(&f, FIXTURE_HAM, KPI_KNOWN, 0);
    fixture_set(&f, FIXTURE_HAM, KPI_COMPARED, 0);
    struct verdict verdict = verdict_judge(&f.inputs);
    assert_string_equal(verdict.look.rule->id, "location_skipped");
    assert_ptr_equal(verdict.look.place, &f.week_places[FIXTURE_HAM]);
    assert_int_equal(verdict.look.value, 0);
    f.week_places[FIXTURE_HAM].pairs = 0; /* closed: nothing is to be at par there */
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "better");
}

static void test_harm_counts_where_coverage_lacks(void **state)
{
    (void)state;
    location_skipped();
    fixture_set(&f, FIXTURE_BER, KPI_MISMATCHED, 1200);
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "location_worse");
}

static void test_the_target_is_good_enough(void **state)
{
    (void)state;
    stalled();
    f.inputs.limits.mismatch_share = 20000; /* 2 percent, as many as differ */
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "better");
    f.inputs.limits.mismatch_share = 19999;
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "stalled");
}

static void test_a_few_say_nothing(void **state)
{
    (void)state;
    for (enum fixture_place place = FIXTURE_BER; place <= FIXTURE_HAM; place++) {
        fixture_set(&f, place, KPI_RESYNCS_DONE, 0);
        fixture_set(&f, place, KPI_FOUND, 0);
    }
    f.week_days[FIXTURE_BER][0].counts[KPI_RESYNCS_FAILED] = VERDICT_FEW - 1;
    f.week_days[FIXTURE_BER][0].counts[KPI_FOUND] = VERDICT_FEW - 1;
    f.week_days[FIXTURE_BER][0].counts[KPI_FOUND_UNKNOWN] = VERDICT_FEW - 1;
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "better");
    f.week_days[FIXTURE_BER][1].counts[KPI_RESYNCS_FAILED] = 1;
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "resyncs_failing");
    f.week_days[FIXTURE_BER][1].counts[KPI_FOUND] = 1;
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "unknown_causes");
}

static void test_oversells_are_held_against_orders(void **state)
{
    (void)state;
    oversells_not_down();
    fixture_set(&f, FIXTURE_BER, KPI_ORDERS,
                150); /* twice as many in all, as few oversold */
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "better");
    fixture_set(&f, FIXTURE_BER, KPI_ORDERS, 0);
    fixture_set(&f, FIXTURE_HAM, KPI_ORDERS, 0); /* unknown: by days */
    assert_string_equal(verdict_judge(&f.inputs).look.rule->id, "oversells_not_down");
}

/* ---- hand-off ----------------------------------------------------------------------------------- */

static void expect_handoff(const char *to, const char *leads, int64_t part, int64_t whole)
{
    struct verdict_handoff handoff = verdict_handoff(&f.inputs.period);
    assert_string_equal(handoff.to, to);
    assert_string_equal(handoff.leads, leads);
    assert_int_equal(handoff.part, part);
    assert_int_equal(handoff.whole, whole);
}

static void test_what_leads_takes_it(void **state)
{
    (void)state;
    int64_t *causes = f.week_places[FIXTURE_HAM].causes;
    causes[CAUSE_QUEUE_DELAY] = 7;
    causes[CAUSE_THROTTLED] = 6; /* together they lead */
    expect_handoff("workflow-orchestration", "delays", 13, 25);
    f.week_days[FIXTURE_SHOP][0].counts[KPI_ALERTS_LATE] = 9;
    f.week_days[FIXTURE_SHOP][1].counts[KPI_ALERTS_LOST] = 9;
    expect_handoff("observability", "alerts", 18, 43);
    causes[CAUSE_OVERSOLD] = 20;
    expect_handoff("inventory", "oversold", 20, 63);
    f.week_places[FIXTURE_BER].causes[CAUSE_IDENTITY] = 21;
    expect_handoff("none", "identity", 21, 84);
}

static void test_nothing_leads_nowhere(void **state)
{
    (void)state;
    f.week_places[FIXTURE_BER].causes[CAUSE_EXTERNAL_WRITER] = 0;
    expect_handoff("none", "nothing", 0, 0);
}

/* ---- any numbers ---------------------------------------------------------------------------------- */

static uint64_t dice = 20261123;

static int64_t roll(int64_t most)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((dice >> 33) % (uint64_t)(most + 1));
}

/* A packet may say anything: the judge always comes to a verdict, and the same one again. */
static void test_any_numbers_have_a_verdict(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        fixture_make(&f);
        int64_t most = roll(1) == 0 ? 40 : INT64_C(9007199254740991);
        for (int change = 0; change < 40; change++) {
            struct kpi_day *day = roll(1) == 0
                                      ? &f.week_days[roll(3)][roll(WEEK_DAYS - 1)]
                                      : &f.base_days[roll(3)][roll(WEEK_DAYS - 1)];
            day->counts[roll(KPI_COUNTER_COUNT - 1)] = roll(10) == 0 ? most : roll(most);
        }
        f.week_places[roll(3)].causes[roll(CAUSE_COUNT - 1)] = roll(most);
        struct verdict verdict = verdict_judge(&f.inputs);
        assert_true(verdict.look.holds);
        assert_ptr_equal(verdict.look.rule, verdict_judge(&f.inputs).look.rule);
        assert_true(verdict.handoff.part <= verdict.handoff.whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_week_that_is_well_passes, start),
        cmocka_unit_test_setup(test_every_rule_catches_its_fault, start),
        cmocka_unit_test_setup(test_none_holds_of_a_week_that_is_well, start),
        cmocka_unit_test_setup(test_a_place_that_nobody_swept_is_named, start),
        cmocka_unit_test_setup(test_harm_counts_where_coverage_lacks, start),
        cmocka_unit_test_setup(test_the_target_is_good_enough, start),
        cmocka_unit_test_setup(test_a_few_say_nothing, start),
        cmocka_unit_test_setup(test_oversells_are_held_against_orders, start),
        cmocka_unit_test_setup(test_what_leads_takes_it, start),
        cmocka_unit_test_setup(test_nothing_leads_nowhere, start),
        cmocka_unit_test_setup(test_any_numbers_have_a_verdict, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
