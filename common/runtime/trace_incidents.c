#include "common/runtime/trace_incidents.h"

#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/trace.h"

struct trace_context trace_of_incident(const struct trace_context *carried,
                                       struct span id, int64_t revision)
{
    const struct trace_name name = {"incident", id, revision};
    return trace_child(carried, &name);
}

static const char *name_of(enum incident_state state)
{
    static const char *const NAMES[INCIDENT_STATE_COUNT] = {
        [INCIDENT_OPENED] = "incident opened",
        [INCIDENT_UPDATED] = "incident updated",
        [INCIDENT_ACKNOWLEDGED] = "incident acknowledged",
        [INCIDENT_RESOLVED] = "incident resolved",
        [INCIDENT_REOPENED] = "incident reopened"};
    return NAMES[state];
}

static void emit(const struct incident *incident, const struct trace_context *carried)
{
    const struct trace_fact facts[] = {
        TRACE_TEXT("parstock.incident", incident->id),
        TRACE_TEXT("parstock.class", incident->class),
        TRACE_TEXT("parstock.cause", incident->cause),
        TRACE_TEXT("parstock.severity", incident->severity),
        TRACE_TEXT("parstock.shop", incident->shop),
        TRACE_TEXT("parstock.sku", incident->sku),
        TRACE_TEXT("parstock.location", incident->location),
        TRACE_NUMBER("parstock.occurrences", incident->occurrences)};
    trace_emit(&(struct trace_span){
        .name = name_of(incident->state),
        .kind = TRACE_INTERNAL,
        .context = trace_of_incident(carried, incident->id, incident->revision),
        .parent = carried,
        .start_us = incident->at_us,
        .end_us = clock_now_us(),
        .facts = facts,
        .fact_count = COUNT_OF(facts)});
}

void trace_incidents(const struct incident_changes *changes)
{
    for (size_t at = 0; trace_is_on() && at < changes->count; at++) {
        const struct incident_change *change = &changes->items[at];
        struct trace_context carried;
        if (change->sighting != NULL &&
            trace_is_carried(change->sighting->latest.traceparent, &carried))
            emit(&change->incident, &carried);
    }
}
