/* Traces: a header that is followed comes back the same after it was written; and what a
 * collector answers, whatever it is, never counts below nothing. */
#include "common/base/check.h"
#include "common/codec/otlp_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct trace_context *context, struct span text)
{
    char written[TRACEPARENT_MAX];
    struct trace_context again;
    traceparent_format(context, written);
    ASSERT(strlen(written) == TRACEPARENT_MAX - 1);
    ASSERT(text.length >= TRACEPARENT_MAX - 1);
    ASSERT(memcmp(written + 2, text.bytes + 2, TRACEPARENT_MAX - 3) == 0);
    ASSERT(traceparent_parse(span_from(written), &again));
    ASSERT(memcmp(context, &again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span text = {(const char *)data, size};
    struct trace_context context;
    bool followed = traceparent_parse(text, &context);
    ASSERT(followed == (traceparent_trace_id(text).bytes != NULL));
    if (followed)
        check_round_trip(&context, text);
    ASSERT(otlp_json_rejected(text) >= 0);
    return 0;
}
