/* common/runtime/metrics: Prometheus' text format. */
#include "common/runtime/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void written(struct buf *out)
{
    buf_init(out, 1024 * 1024);
    metrics_write(out);
    assert_false(out->failed);
}

static void test_a_family_is_one_block(void **state)
{
    (void)state;
    struct metric *applied =
        metrics_counter("parstock_events_total", "outcome=\"applied\"", "Events judged");
    struct metric *lag = metrics_gauge("parstock_lag_records", "", "Records\nbehind \\");
    struct metric *stale =
        metrics_counter("parstock_events_total", "outcome=\"stale\"", "Events judged");
    metric_add(applied, 41);
    metric_add(applied, 1);
    metric_add(stale, 7);
    metric_set(lag, 12);
    metric_add(lag, -20);
    struct buf out;
    written(&out);
    assert_string_equal(out.bytes, "# HELP parstock_events_total Events judged\n"
                                   "# TYPE parstock_events_total counter\n"
                                   "parstock_events_total{outcome=\"applied\"} 42\n"
                                   "parstock_events_total{outcome=\"stale\"} 7\n"
                                   "# HELP parstock_lag_records Records\\nbehind \\\\\n"
                                   "# TYPE parstock_lag_records gauge\n"
                                   "parstock_lag_records -8\n");
    buf_free(&out);
}

static void test_the_same_series_is_found_again(void **state)
{
    (void)state;
    char name[] = "parstock_again_total";
    char labels[] = "shop=\"a\"";
    struct metric *first = metrics_counter(name, labels, "h");
    name[9] = 'X'; /* the caller's memory is its own again */
    labels[6] = 'b';
    assert_ptr_equal(metrics_counter("parstock_again_total", "shop=\"a\"", "h"), first);
    assert_ptr_not_equal(metrics_counter("parstock_again_total", "shop=\"b\"", "h"),
                         first);
}

static void test_seconds(void **state)
{
    (void)state;
    struct metric *waited =
        metrics_counter_seconds("parstock_waited_seconds_total", "shop=\"a\"", "Waited");
    struct metric *lag = metrics_gauge_seconds("parstock_age_seconds", "", "Age");
    metric_add(waited, 1500000);
    metric_add(waited, 7);
    metric_set(lag, -250000);
    struct buf out;
    written(&out);
    assert_non_null(
        strstr(out.bytes, "\nparstock_waited_seconds_total{shop=\"a\"} 1.500007\n"));
    assert_non_null(strstr(out.bytes, "\nparstock_age_seconds -0.250000\n"));
    buf_free(&out);
}

static void *count_up(void *metric)
{
    for (int i = 0; i < 20000; i++)
        metric_add(metric, 1);
    return NULL;
}

static void test_adding_is_atomic(void **state)
{
    (void)state;
    struct metric *metric = metrics_counter("parstock_threads_total", "", "h");
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, metric), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric_value(metric), 80000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_family_is_one_block),
        cmocka_unit_test(test_the_same_series_is_found_again),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_adding_is_atomic),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
