/*
 * The trace of a call (docs/tracing.md). Pairs of one trace: the call is a span in it. Pairs
 * of several: the call has a trace of its own, named by the write's key, and links to each.
 * Every pair whose trace is followed has a span in that trace besides, so that a SKU's way is
 * whole there. Where no spans are exported, the trace goes on as it came.
 */
#include "common/base/check.h"
#include "common/runtime/trace.h"
#include "workers/push/push.h"

/* Who is followed: the pairs whose trace is recorded, or else all that have one. */
static size_t gather(const struct open_write *write, bool sampled,
                     struct trace_context *contexts)
{
    size_t count = 0;
    for (size_t at = 0; at < write->count; at++) {
        struct trace_context context;
        if (traceparent_parse(write->traceparents[at], &context) &&
            (!sampled || trace_is_sampled(&context)))
            contexts[count++] = context;
    }
    return count;
}

static bool is_one_trace(const struct trace_context *contexts, size_t count)
{
    for (size_t at = 1; at < count; at++)
        if (!trace_is_same(&contexts[0], &contexts[at]))
            return false;
    return true;
}

/* The key as hex: "00112233-4455-..." without its dashes is as long as a trace's id. */
static void trace_of_key(struct span key, struct trace_context *context)
{
    char text[TRACEPARENT_MAX] = "00-";
    size_t out = 3;
    for (size_t at = 0; at < key.length && out < 3 + 2 * TRACE_ID_BYTES; at++)
        if (key.bytes[at] != '-')
            text[out++] = key.bytes[at];
    memcpy(text + out, "-0000000000000001-00", 21);
    struct trace_context own;
    bool fits = traceparent_parse(span_from(text), &own);
    ASSERT(fits); /* a key of version 4 is never all zeros */
    memcpy(context->trace_id, own.trace_id, TRACE_ID_BYTES);
}

/* The span of a pair in its own trace, of this call. */
static struct trace_context span_of_pair(const struct open_write *write, size_t at,
                                         const struct trace_context *carried)
{
    const struct trace_name name = {"push pair", write->key,
                                    write->attempts * PUSH_PAIRS_MAX + (int64_t)at};
    return trace_child(carried, &name);
}

/* The call's context, from those that are followed. */
static void name_call(struct pusher *pusher, const struct trace_context *first)
{
    struct push_trace *trace = &pusher->trace;
    const struct trace_name name = {"push", pusher->write.key, pusher->write.attempts};
    trace->is_recorded = trace_follows(first);
    trace->call = *first;
    if (trace->is_of_many)
        trace_of_key(pusher->write.key, &trace->call);
    if (trace->is_recorded || trace->is_of_many)
        trace->call = trace_child(&trace->call, &name);
    if (trace->is_of_many && !trace->is_recorded)
        trace->call.flags = 0;
    traceparent_format(&trace->call, trace->header);
}

void push_trace_begin(struct pusher *pusher)
{
    struct trace_context contexts[PUSH_PAIRS_MAX];
    size_t count = gather(&pusher->write, true, contexts);
    if (count == 0)
        count = gather(&pusher->write, false, contexts);
    pusher->trace = (struct push_trace){.is_there = count > 0,
                                        .is_of_many = !is_one_trace(contexts, count)};
    if (count > 0)
        name_call(pusher, &contexts[0]);
}

/* ---- spans -------------------------------------------------------------------------- */

static const char *fault_of_pair(const struct push_decision *decision, size_t at)
{
    if (decision->rule->verdict == PUSH_APPLIED)
        return NULL;
    const struct push_rule *own = decision->fate_rules[at];
    return own != NULL ? own->id : decision->rule->id;
}

static void emit_pair(const struct pusher *pusher, size_t at,
                      const struct trace_context *carried,
                      const struct trace_period *period)
{
    const struct open_write *write = &pusher->write;
    const struct trace_fact facts[] = {
        TRACE_TEXT("parstock.shop", pusher->shop->name),
        TRACE_TEXT("parstock.sku", write->skus[at]),
        TRACE_TEXT("parstock.location", write->locations[at]),
        TRACE_NUMBER("parstock.quantity", write->quantities[at]),
        TRACE_NUMBER("parstock.write", write->id)};
    trace_emit(&(struct trace_span){.name = "push pair",
                                    .kind = TRACE_INTERNAL,
                                    .context = span_of_pair(write, at, carried),
                                    .parent = carried,
                                    .start_us = period->start_us,
                                    .end_us = period->end_us,
                                    .facts = facts,
                                    .fact_count = COUNT_OF(facts),
                                    .links = &pusher->trace.call,
                                    .link_count = pusher->trace.is_of_many ? 1 : 0,
                                    .fault = fault_of_pair(&pusher->decision, at)});
}

/* Returns how many there are; their contexts are what the call links to. */
static size_t emit_pairs(const struct pusher *pusher, const struct trace_period *period,
                         struct trace_context *spans)
{
    const struct open_write *write = &pusher->write;
    size_t count = 0;
    for (size_t at = 0; at < write->count; at++) {
        struct trace_context carried;
        if (!trace_is_carried(write->traceparents[at], &carried))
            continue;
        emit_pair(pusher, at, &carried, period);
        spans[count++] = span_of_pair(write, at, &carried);
    }
    return count;
}

/* In a trace of its own it links to all pairs; in theirs it lies below the first of them. */
static void emit_call(const struct pusher *pusher, const struct trace_period *period,
                      const struct trace_context *pairs, size_t count)
{
    const struct push_trace *trace = &pusher->trace;
    const struct push_rule *rule = pusher->decision.rule;
    size_t below = trace->is_of_many ? 0 : 1;
    const struct trace_fact facts[] = {
        TRACE_TEXT("http.request.method", SPAN_OF("POST")),
        TRACE_NUMBER("http.response.status_code", pusher->call.answer.http_status),
        TRACE_TEXT("parstock.shop", pusher->shop->name),
        TRACE_NUMBER("parstock.write", pusher->write.id),
        TRACE_TEXT("parstock.key", pusher->write.key),
        TRACE_NUMBER("parstock.pairs", (int64_t)pusher->write.count),
        TRACE_NUMBER("parstock.attempt", pusher->write.attempts + 1),
        TRACE_TEXT("parstock.verdict", span_from(push_verdict_name(rule->verdict))),
        TRACE_TEXT("parstock.rule", span_from(rule->id))};
    trace_emit(
        &(struct trace_span){.name = "push write",
                             .kind = TRACE_CLIENT,
                             .context = trace->call,
                             .parent = below == 1 ? &pairs[0] : NULL,
                             .start_us = period->start_us,
                             .end_us = period->end_us,
                             .facts = facts,
                             .fact_count = COUNT_OF(facts),
                             .links = pairs + below,
                             .link_count = count - below,
                             .fault = rule->verdict == PUSH_APPLIED ? NULL : rule->id});
}

void push_trace_end(const struct pusher *pusher, int64_t took_us)
{
    struct trace_context pairs[PUSH_PAIRS_MAX];
    if (!pusher->trace.is_recorded)
        return;
    const struct trace_period period = trace_period(took_us);
    size_t count = emit_pairs(pusher, &period, pairs);
    ASSERT(count > 0); /* one of them made it recorded */
    emit_call(pusher, &period, pairs, count);
}
