/* Spans as OTLP's JSON has them, byte by byte; what an answer says of them. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/otlp_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"

static struct trace_context context_of(const char *text)
{
    struct trace_context context;
    assert_true(traceparent_parse(span_from(text), &context));
    return context;
}

static void write(const struct trace_span *span, struct buf *out)
{
    buf_init(out, OTLP_SPAN_BYTES_MAX);
    otlp_json_span(span, out);
    assert_false(out->failed);
}

static void test_a_bare_span(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    const struct trace_span span = {.name = "apply",
                                    .kind = TRACE_INTERNAL,
                                    .context =
                                        context_of("00-" TRACE "-b7ad6b7169203331-01"),
                                    .start_us = 1764000000000001,
                                    .end_us = 1764000000000003};
    write(&span, &out);
    assert_string_equal(out.bytes,
                        "{\"traceId\":\"" TRACE "\",\"spanId\":\"b7ad6b7169203331\","
                        "\"flags\":1,\"name\":\"apply\",\"kind\":1,"
                        "\"startTimeUnixNano\":\"1764000000000001000\","
                        "\"endTimeUnixNano\":\"1764000000000003000\",\"attributes\":[]}");
}

static void test_a_full_span(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    const struct trace_context parent = context_of("00-" TRACE "-00000000000000aa-01");
    const struct trace_context links[] = {
        context_of("00-" TRACE "-00000000000000bb-01"),
        context_of("00-1af7651916cd43dd8448eb211c80319c-00000000000000cc-01")};
    const struct trace_fact facts[] = {
        TRACE_TEXT("sku", SPAN_OF("CUP \"1\"")), TRACE_TEXT("shop", (struct span){0}),
        TRACE_TEXT("bad", SPAN_OF("a\xff")), TRACE_NUMBER("level", -5)};
    const struct trace_span span = {.name = "push write",
                                    .kind = TRACE_CLIENT,
                                    .context =
                                        context_of("00-" TRACE "-b7ad6b7169203331-03"),
                                    .parent = &parent,
                                    .start_us = 5,
                                    .end_us = 4, /* a clock that was set back */
                                    .facts = facts,
                                    .fact_count = COUNT_OF(facts),
                                    .links = links,
                                    .link_count = COUNT_OF(links),
                                    .fault = "throttled"};
    write(&span, &out);
    assert_string_equal(
        out.bytes,
        "{\"traceId\":\"" TRACE "\",\"spanId\":\"b7ad6b7169203331\","
        "\"parentSpanId\":\"00000000000000aa\",\"flags\":3,\"name\":\"push write\","
        "\"kind\":3,\"startTimeUnixNano\":\"5000\",\"endTimeUnixNano\":\"5000\","
        "\"attributes\":[{\"key\":\"sku\",\"value\":{\"stringValue\":\"CUP \\\"1\\\"\"}},"
        "{\"key\":\"bad\",\"value\":{\"stringValue\":\"a\xef\xbf\xbd\"}},"
        "{\"key\":\"level\",\"value\":{\"intValue\":\"-5\"}}],"
        "\"links\":[{\"traceId\":\"" TRACE "\",\"spanId\":\"00000000000000bb\"},"
        "{\"traceId\":\"1af7651916cd43dd8448eb211c80319c\","
        "\"spanId\":\"00000000000000cc\"}],"
        "\"status\":{\"code\":2,\"message\":\"throttled\"}}");
}

/* Texts are cut between characters, links counted; a span never outgrows its bound. */
static void test_bounds(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    static struct trace_context links[TRACE_LINKS_MAX + 7];
    static char controls[4000];
    static char umlauts[4000];
    struct trace_fact facts[16];
    for (size_t at = 0; at < COUNT_OF(links); at++)
        links[at] = context_of("00-" TRACE "-b7ad6b7169203331-01");
    memset(controls, 1, sizeof(controls));
    umlauts[0] = 'a';
    for (size_t at = 1; at + 1 < sizeof(umlauts); at += 2)
        memcpy(umlauts + at, "\xc3\xbc", 2);
    for (size_t at = 0; at < COUNT_OF(facts); at++)
        facts[at] = TRACE_TEXT("text", ((struct span){controls, sizeof(controls)}));
    facts[0].text = (struct span){umlauts, sizeof(umlauts) - 1};
    write(&(struct trace_span){.name = "x",
                               .kind = TRACE_INTERNAL,
                               .context = links[0],
                               .facts = facts,
                               .fact_count = COUNT_OF(facts),
                               .links = links,
                               .link_count = COUNT_OF(links)},
          &out);
    assert_non_null(strstr(out.bytes, "\"droppedLinksCount\":7"));
    assert_non_null(strstr(out.bytes, "\xc3\xbc\"}"));
    assert_null(strstr(out.bytes, "\xef\xbf\xbd"));
}

static void test_a_request(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    buf_init(&out, 4096);
    otlp_json_open(&(struct otlp_speaker){"parstock-apply", "host:1"}, &out);
    buf_text(&out, "SPANS");
    otlp_json_close(&out);
    assert_string_equal(
        out.bytes,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"parstock-apply\"}},"
        "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" PARSTOCK_VERSION
        "\"}},"
        "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"host:1\"}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"parstock\",\"version\":\"" PARSTOCK_VERSION
        "\"},\"spans\":[SPANS]}]}]}");
}

static void test_what_an_answer_says(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int64_t rejected;
    } ALL[] = {
        {"{}", 0},
        {"{\"partialSuccess\":{}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"x\"}}", 3},
        {"{\"partialSuccess\":{\"rejectedSpans\":4}}", 4},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"-4\"}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"many\"}}", 0},
        {"{\"partialSuccess\":[5]}", 0},
        {"[]", 0},
        {"ok", 0},
        {"", 0}};
    for (size_t at = 0; at < COUNT_OF(ALL); at++)
        assert_int_equal(otlp_json_rejected(span_from(ALL[at].answer)), ALL[at].rejected);
    assert_int_equal(otlp_json_rejected((struct span){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bare_span),
        cmocka_unit_test(test_a_full_span),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_a_request),
        cmocka_unit_test(test_what_an_answer_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
