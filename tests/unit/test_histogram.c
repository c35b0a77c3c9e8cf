/* Histograms: buckets add up, bounds belong to the bucket below them. */
#include "common/base/scope.h"
#include "common/runtime/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool has_line(const struct buf *text, const char *line)
{
    return strstr(text->bytes, line) != NULL;
}

static void test_buckets(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    buf_init(&out, 10000);
    struct histogram *histogram = histogram_of("parstock_test_seconds", "A test.");
    assert_ptr_equal(histogram, histogram_of("parstock_test_seconds", "A test."));
    histogram_add_us(histogram, 0);
    histogram_add_us(histogram, 1000);
    histogram_add_us(histogram, 1001);
    histogram_add_us(histogram, 31000000);
    histograms_write(&out);
    assert_true(has_line(&out, "# TYPE parstock_test_seconds histogram\n"));
    assert_true(has_line(&out, "\nparstock_test_seconds_bucket{le=\"0.001\"} 2\n"));
    assert_true(has_line(&out, "\nparstock_test_seconds_bucket{le=\"0.0025\"} 3\n"));
    assert_true(has_line(&out, "\nparstock_test_seconds_bucket{le=\"30\"} 3\n"));
    assert_true(has_line(&out, "\nparstock_test_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_true(has_line(&out, "\nparstock_test_seconds_sum 31.002001\n"));
    assert_true(has_line(&out, "\nparstock_test_seconds_count 4\n"));
}

static void test_labels(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    char labels[] = "route=\"a\"";
    buf_init(&out, 100000);
    struct histogram *a = histogram_labelled("parstock_labelled_seconds", labels, "B.");
    (void)histogram_of("parstock_other_seconds", "C.");
    labels[7] = 'b'; /* the caller's memory is its own again */
    struct histogram *b = histogram_labelled("parstock_labelled_seconds", labels, "B.");
    assert_ptr_not_equal(a, b);
    histogram_add_us(b, 59000000);
    histograms_write(&out);
    assert_true(
        has_line(&out, "\nparstock_labelled_seconds_count{route=\"a\"} 0\n"
                       "parstock_labelled_seconds_bucket{route=\"b\",le=\"0.001\"} 0\n"));
    assert_true(has_line(&out,
                         "_bucket{route=\"b\",le=\"30\"} 0\n"
                         "parstock_labelled_seconds_bucket{route=\"b\",le=\"60\"} 1\n"));
    assert_true(
        has_line(&out, "\nparstock_labelled_seconds_sum{route=\"b\"} 59.000000\n"));
    const char *type = strstr(out.bytes, "# TYPE parstock_labelled_seconds");
    assert_null(strstr(type + 1, "# TYPE parstock_labelled_seconds"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets),
                                       cmocka_unit_test(test_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
