/* The exporter with many threads and no collector: every span is counted, none is waited for. */
#include "common/base/check.h"
#include "common/runtime/log.h"
#include "common/runtime/metrics.h"
#include "common/runtime/trace.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THREADS 4
#define SPANS 3000

static int64_t dropped(const char *labels)
{
    return metric_value(
        metrics_counter("parstock_trace_spans_dropped_total", labels, ""));
}

static void *emit_many(void *self)
{
    struct trace_span span = {.name = "apply", .kind = TRACE_INTERNAL, .start_us = 1};
    bool parsed = traceparent_parse(
        SPAN_OF("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        &span.context);
    ASSERT(parsed && trace_follows(&span.context));
    for (int64_t at = 0; at < SPANS; at++) {
        span.context = trace_child(&span.context, &(struct trace_name){"unit", {0}, at});
        trace_emit(&span);
    }
    return self;
}

static void test_every_span_is_counted(void **state)
{
    (void)state;
    const struct config config = {.otlp_endpoint = "http://127.0.0.1:1"};
    struct trace_export *export = NULL;
    struct error error = {0};
    pthread_t threads[THREADS];
    assert_int_equal(log_open("unit", "error", &error), STATUS_OK);
    assert_int_equal(trace_open(&config, "unit", &export, &error), STATUS_OK);
    assert_true(trace_is_on());
    for (size_t at = 0; at < THREADS; at++)
        assert_int_equal(pthread_create(&threads[at], NULL, emit_many, NULL), 0);
    for (size_t at = 0; at < THREADS; at++)
        assert_int_equal(pthread_join(threads[at], NULL), 0);
    trace_close(&export);
    assert_null(export);
    assert_false(trace_is_on());
    assert_true(dropped("reason=\"queue_full\"") > 0);
    assert_true(dropped("reason=\"away\"") > 0);
    assert_int_equal(dropped("reason=\"queue_full\"") + dropped("reason=\"away\"") +
                         dropped("reason=\"refused\""),
                     THREADS * SPANS);
    trace_close(&export); /* does nothing */
}

static void test_without_an_endpoint_nothing_is_followed(void **state)
{
    (void)state;
    const struct config config = {.otlp_endpoint = NULL};
    struct trace_export *export = NULL;
    struct trace_context context;
    struct error error = {0};
    assert_int_equal(trace_open(&config, "unit", &export, &error), STATUS_OK);
    assert_null(export);
    assert_true(traceparent_parse(
        SPAN_OF("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), &context));
    assert_false(trace_follows(&context));
    trace_close(&export);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_an_endpoint_nothing_is_followed),
        cmocka_unit_test(test_every_span_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
