/* common/domain/kpi: limits and sums; what policy lint says of the limits. */
#include "common/domain/kpi.h"

#include "common/base/check.h"
#include "common/domain/policy_lint.h"
#include "tests/unit/week_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_lint_of_kpi(void **state)
{
    (void)state;
    struct policy_fault faults[40];
    struct contract contract = {
        .guards = GUARD_DEFAULTS, .kpi = KPI_DEFAULTS, .drift_interval_seconds = 3600};
    contract.kpi.detect_ms = 3600 * 1000;
    assert_int_equal(policy_lint(&contract, faults, 40), 0);
    contract.kpi.detect_ms = 3599 * 1000;
    assert_int_equal(policy_lint(&contract, faults, 40), 1);
    assert_string_equal(policy_fault_id(faults[0].kind), "kpi_never_holds");
    assert_int_equal(policy_fault_place(faults[0].kind), POLICY_OF_KPI);
    contract.kpi = KPI_DEFAULTS;
    contract.kpi.stale_share = KPI_WHOLE;
    contract.kpi.coverage_share = 0;
    assert_int_equal(policy_lint(&contract, faults, 40), 2);
    assert_string_equal(policy_fault_id(faults[0].kind), "kpi_without_effect");
    assert_true(span_is(faults[0].name, "min_coverage_percent"));
    assert_true(span_is(faults[1].name, "max_stale_percent"));
}

static void test_shares(void **state)
{
    (void)state;
    assert_int_equal(kpi_share(1, 3), 333333);
    assert_int_equal(kpi_share(0, 0), -1);
    assert_int_equal(kpi_share(KPI_SUM_MAX, 1), KPI_SUM_MAX);
    assert_int_equal(kpi_share(KPI_SUM_MAX, KPI_SUM_MAX), KPI_WHOLE);
    assert_int_equal(kpi_plus(KPI_SUM_MAX, KPI_SUM_MAX), KPI_SUM_MAX);
}

static void test_levels_are_not_added_up(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_make(&f);
    fixture_set(&f, FIXTURE_SHOP, KPI_GUARDS_STANDING, 2);
    fixture_set(&f, FIXTURE_SHOP, KPI_GUARD_STOPS, 2);
    assert_int_equal(kpi_period_sum(&f.inputs.period, KPI_GUARDS_STANDING), 2);
    assert_int_equal(kpi_period_sum(&f.inputs.period, KPI_GUARD_STOPS), 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lint_of_kpi),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_levels_are_not_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
