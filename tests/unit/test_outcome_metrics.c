/* common/runtime/outcome_metrics: series by partition, and their bound. */
#include "common/runtime/outcome_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static size_t series_of(const char *text)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "parstock_apply_events_total{")) != NULL;
         at++)
        count++;
    return count;
}

static void test_counts_go_to_their_partition(void **state)
{
    (void)state;
    const int64_t counts[OUTCOME_COUNT] = {1, 2, 3, 4, 5, 6, 7};
    const struct outcome_metrics zero = outcome_metrics_of(0);
    const struct outcome_metrics nine = outcome_metrics_of(9);
    outcome_metrics_add(&nine, counts);
    outcome_metrics_add(&nine, counts);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        assert_int_equal(metric_value(nine.outcomes[outcome]), 2 * counts[outcome]);
        assert_int_equal(metric_value(zero.outcomes[outcome]), 0);
    }
    /* A partition that comes back goes on counting. */
    const struct outcome_metrics again = outcome_metrics_of(9);
    assert_ptr_equal(again.outcomes[OUTCOME_STALE], nine.outcomes[OUTCOME_STALE]);
    struct buf out;
    buf_init(&out, (size_t)4 << 20);
    metrics_write(&out);
    assert_non_null(
        strstr(out.bytes,
               "\nparstock_apply_events_total{outcome=\"stale\",partition=\"9\"} 8\n"));
    assert_int_equal(series_of(out.bytes), 2 * OUTCOME_COUNT);
    buf_free(&out);
}

static void test_series_are_bounded_and_nothing_is_lost(void **state)
{
    (void)state;
    const int64_t one[OUTCOME_COUNT] = {1, 1, 1, 1, 1, 1, 1};
    const int32_t last = OUTCOME_METRICS_PARTITIONS + 50;
    for (int32_t partition = 0; partition < last; partition++) {
        const struct outcome_metrics metrics = outcome_metrics_of(partition);
        outcome_metrics_add(&metrics, one);
    }
    const struct outcome_metrics other = outcome_metrics_of(last);
    assert_int_equal(metric_value(other.outcomes[OUTCOME_REJECTED]), 50);
    struct buf out;
    buf_init(&out, (size_t)4 << 20);
    metrics_write(&out);
    assert_false(out.failed);
    assert_int_equal(series_of(out.bytes),
                     (OUTCOME_METRICS_PARTITIONS + 1) * OUTCOME_COUNT);
    assert_non_null(strstr(out.bytes, "{outcome=\"rejected\",partition=\"other\"} 50\n"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_go_to_their_partition),
        cmocka_unit_test(test_series_are_bounded_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("outcome_metrics", tests, NULL, NULL);
}
