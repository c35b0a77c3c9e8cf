#include "workers/apply/traces.h"

#include "common/base/check.h"
#include "common/domain/judge.h"
#include "common/domain/reason.h"
#include "common/runtime/life.h"
#include "common/runtime/trace.h"
#include "common/runtime/trace_incidents.h"
#include "workers/apply/apply.h"

/* Records of one trace are told apart by where they lie. */
static struct trace_context span_of(const struct item *item,
                                    const struct trace_context *received)
{
    const struct trace_name name = {.what = "apply",
                                    .number = ((int64_t)item->record.partition << 44) +
                                              item->record.offset};
    return trace_child(received, &name);
}

/* Without memory for it, what follows goes on without a trace: the number is what counts. */
struct span trace_of_item(struct batch *batch, const struct item *item)
{
    char text[TRACEPARENT_MAX];
    struct trace_context context;
    if (!traceparent_parse(item->traceparent, &context))
        return (struct span){0};
    if (batch->exports && trace_is_sampled(&context))
        context = span_of(item, &context);
    traceparent_format(&context, text);
    return pool_span(&batch->pool, span_from(text));
}

struct span trace_of_place(struct batch *batch, const struct place_state *state)
{
    if (!batch->is_traced)
        return (struct span){0};
    int32_t at = state->last_item;
    while (at >= 0 && !batch->items[at].verdict.recorded)
        at = batch->items[at].before_item;
    return at >= 0 ? trace_of_item(batch, &batch->items[at]) : (struct span){0};
}

/* ---- spans -------------------------------------------------------------------------- */

static struct span type_of(const struct item *item)
{
    if (item->reason != REASON_NONE)
        return (struct span){0};
    return span_from(event_type_name(item->event.type));
}

static void emit(const struct lane *lane, const struct item *item,
                 const struct trace_context *received, const struct trace_period *period)
{
    const struct event *event = &item->event; /* empty where it can not be read */
    const struct verdict *verdict = &item->verdict;
    const struct trace_fact facts[] = {
        TRACE_TEXT("messaging.system", SPAN_OF("kafka")),
        TRACE_TEXT("messaging.operation.type", SPAN_OF("process")),
        TRACE_TEXT("messaging.destination.name", span_from(lane->apply->topic)),
        TRACE_NUMBER("messaging.kafka.partition", item->record.partition),
        TRACE_NUMBER("messaging.kafka.offset", item->record.offset),
        TRACE_NUMBER("parstock.batch", (int64_t)lane->batch.count),
        TRACE_TEXT("parstock.type", type_of(item)),
        TRACE_TEXT("parstock.source", event->source_name),
        TRACE_TEXT("parstock.sku", event->sku),
        TRACE_TEXT("parstock.location", event->location_code),
        TRACE_TEXT("parstock.event_id", event->id),
        TRACE_TEXT("parstock.outcome", span_from(outcome_name(verdict->outcome))),
        TRACE_TEXT("parstock.rule", span_from(judge_rule_by_number(verdict->rule)->id)),
        TRACE_NUMBER("parstock.quantity", event->quantity),
        TRACE_NUMBER("parstock.level", verdict->level.quantity)};
    size_t count = COUNT_OF(facts) - (verdict->level.exists ? 0 : 1);
    trace_emit(&(struct trace_span){.name = "apply",
                                    .kind = TRACE_CONSUMER,
                                    .context = span_of(item, received),
                                    .parent = received,
                                    .start_us = period->start_us,
                                    .end_us = period->end_us,
                                    .facts = facts,
                                    .fact_count = count,
                                    .fault = verdict->outcome == OUTCOME_REJECTED
                                                 ? reason_code(verdict->reason)
                                                 : NULL});
}

void traces_emit(struct lane *lane)
{
    const struct batch *batch = &lane->batch;
    if (!batch->exports || !batch->is_traced)
        return;
    const struct trace_period period =
        trace_period(clock_monotonic_us() - lane->batch_began_us);
    for (size_t at = 0; at < batch->count; at++) {
        struct trace_context received;
        if (trace_is_carried(batch->items[at].traceparent, &received))
            emit(lane, &batch->items[at], &received, &period);
    }
    if (batch->incident_changes != NULL)
        trace_incidents(batch->incident_changes);
}
