/*
 * Alerts within the trace of the event that the incident goes back to (docs/tracing.md).
 */
#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/runtime/trace.h"
#include "common/runtime/trace_incidents.h"

struct span notify_trace_carried(const struct kafka_record *record, struct span incident,
                                 int64_t revision, struct pool *pool)
{
    char text[TRACEPARENT_MAX];
    struct trace_context context;
    if (!traceparent_parse(notify_header(record, "traceparent"), &context))
        return (struct span){0};
    if (trace_follows(&context))
        context = trace_of_incident(&context, incident, revision);
    traceparent_format(&context, text);
    return pool_span(pool, span_from(text));
}

/* The span of one alert of this request. */
static struct trace_context span_of(const struct notify_speaker *speaker,
                                    const struct alert_due *due,
                                    const struct trace_context *carried)
{
    const struct trace_name name = {speaker->name, due->incident_id,
                                    (due->standing.revision << 16) + due->attempts};
    return trace_child(carried, &name);
}

void notify_trace_begin(const struct notify_speaker *speaker,
                        const struct notify_plan *plan, char room[TRACEPARENT_MAX])
{
    struct trace_context context;
    room[0] = '\0';
    if (plan->send_count != 1 ||
        !traceparent_parse(plan->sends[0].due->traceparent, &context))
        return;
    if (trace_follows(&context))
        context = span_of(speaker, plan->sends[0].due, &context);
    traceparent_format(&context, room);
}

static void emit(const struct notify_speaker *speaker, const struct notify_send *send,
                 const struct trace_context *carried, const struct alert_verdict *verdict,
                 int64_t took_us)
{
    const struct alert_route *route = speaker->way.route;
    const struct trace_fact facts[] = {
        TRACE_TEXT("parstock.route", route->name),
        TRACE_TEXT("parstock.receiver", span_from(alert_trait(route->kind)->name)),
        TRACE_TEXT("parstock.incident", send->due->incident_id),
        TRACE_TEXT("parstock.action", span_from(alert_action_name(send->action))),
        TRACE_NUMBER("parstock.attempt", send->due->attempts + 1),
        TRACE_TEXT("parstock.answer", span_from(verdict->id))};
    const struct trace_period period = trace_period(took_us);
    trace_emit(&(struct trace_span){
        .name = "notify",
        .kind = TRACE_CLIENT,
        .context = span_of(speaker, send->due, carried),
        .parent = carried,
        .start_us = period.start_us,
        .end_us = period.end_us,
        .facts = facts,
        .fact_count = COUNT_OF(facts),
        .fault = verdict->fate == ALERT_DELIVERED ? NULL : verdict->id});
}

/* What is only said again, because the receiver forgets, is no step of the way. */
void notify_trace_end(const struct notify_speaker *speaker,
                      const struct notify_plan *plan, const struct alert_verdict *verdict,
                      int64_t took_us)
{
    for (size_t at = 0; trace_is_on() && at < plan->send_count; at++) {
        const struct notify_send *send = &plan->sends[at];
        struct trace_context carried;
        if (send->action != ALERT_AGAIN &&
            trace_is_carried(send->due->traceparent, &carried))
            emit(speaker, send, &carried, verdict, took_us);
    }
}
