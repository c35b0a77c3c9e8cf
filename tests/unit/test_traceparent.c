/* traceparent: what is followed and what is not; ids of spans below one. */
#include "common/base/check.h"
#include "common/codec/traceparent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void test_what_is_followed(void **state)
{
    (void)state;
    static const char *const GOOD[] = {
        "00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-00",
        "00-" TRACE "-" SPAN "-03", "cc-" TRACE "-" SPAN "-01",
        "01-" TRACE "-" SPAN "-01-what-will-be"};
    for (size_t at = 0; at < COUNT_OF(GOOD); at++) {
        struct trace_context context;
        char text[TRACEPARENT_MAX];
        assert_true(traceparent_parse(span_from(GOOD[at]), &context));
        traceparent_format(&context, text);
        assert_int_equal(strlen(text), 55);
        assert_memory_equal(text, "00", 2);
        assert_memory_equal(text + 2, GOOD[at] + 2, 53);
    }
}

static void test_what_is_not_followed(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "00",
                                      "nonsense",
                                      "ff-" TRACE "-" SPAN "-01",
                                      "00-00000000000000000000000000000000-" SPAN "-01",
                                      "00-" TRACE "-0000000000000000-01",
                                      "00-" TRACE "-" SPAN "-01-more",
                                      "01-" TRACE "-" SPAN "-01more",
                                      "00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01",
                                      "00-" TRACE "_" SPAN "-01",
                                      "00-" TRACE "-" SPAN "_01",
                                      "00_" TRACE "-" SPAN "-01",
                                      "0g-" TRACE "-" SPAN "-01",
                                      "00-" TRACE "-" SPAN "-0",
                                      "00-" TRACE "-" SPAN "-0x",
                                      "00-" TRACE "-b7ad6b716920333 -01"};
    struct trace_context nothing = {0};
    for (size_t at = 0; at < COUNT_OF(BAD); at++) {
        struct trace_context context = {.flags = 7};
        assert_false(traceparent_parse(span_from(BAD[at]), &context));
        assert_memory_equal(&context, &nothing, sizeof(nothing));
    }
    struct trace_context context;
    assert_false(traceparent_parse((struct span){0}, &context));
}

static void test_sampled_is_one_bit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool sampled;
    } ALL[] = {{"00-" TRACE "-" SPAN "-00", false},
               {"00-" TRACE "-" SPAN "-01", true},
               {"00-" TRACE "-" SPAN "-02", false},
               {"00-" TRACE "-" SPAN "-03", true}};
    for (size_t at = 0; at < COUNT_OF(ALL); at++) {
        struct trace_context context;
        assert_true(traceparent_parse(span_from(ALL[at].text), &context));
        assert_int_equal(trace_is_sampled(&context), ALL[at].sampled);
    }
}

/* The same name gives the same id wherever it is asked; another trace, kind, thing or number
 * gives another. */
static void test_ids_below_a_trace(void **state)
{
    (void)state;
    struct trace_context parent;
    struct trace_context other;
    assert_true(traceparent_parse(SPAN_OF("00-" TRACE "-" SPAN "-01"), &parent));
    assert_true(traceparent_parse(
        SPAN_OF("00-1af7651916cd43dd8448eb211c80319c-" SPAN "-01"), &other));
    const struct trace_name name = {"apply", SPAN_OF("A"), 7};
    struct trace_context child = trace_child(&parent, &name);
    assert_true(trace_is_same(&parent, &child));
    assert_int_equal(child.flags, 1);
    const struct trace_context all[] = {
        parent,
        child,
        trace_child(&other, &name),
        trace_child(&parent, &(struct trace_name){"push", SPAN_OF("A"), 7}),
        trace_child(&parent, &(struct trace_name){"apply", SPAN_OF("B"), 7}),
        trace_child(&parent, &(struct trace_name){"apply", {0}, 7}),
        trace_child(&parent, &(struct trace_name){"apply", SPAN_OF("A"), 8})};
    for (size_t at = 0; at < COUNT_OF(all); at++)
        for (size_t before = 0; before < at; before++)
            assert_memory_not_equal(all[at].span_id, all[before].span_id,
                                    TRACE_SPAN_BYTES);
    struct trace_context again = trace_child(&parent, &name);
    assert_memory_equal(&again, &child, sizeof(child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_followed),
        cmocka_unit_test(test_what_is_not_followed),
        cmocka_unit_test(test_sampled_is_one_bit),
        cmocka_unit_test(test_ids_below_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
