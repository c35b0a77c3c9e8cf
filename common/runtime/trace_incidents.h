/*
 * Changes of incidents as spans: below the trace of the record that showed the problem last.
 */
#ifndef PARSTOCK_RUNTIME_TRACE_INCIDENTS_H
#define PARSTOCK_RUNTIME_TRACE_INCIDENTS_H

#include "common/codec/traceparent.h"
#include "common/io/store_incidents.h"

/* The span of one change, below the context that its record carries: known to whoever has
 * that record. */
struct trace_context trace_of_incident(const struct trace_context *carried,
                                       struct span id, int64_t revision);

/* A span for each change of a trace that is followed. Repeating it names the same spans. */
void trace_incidents(const struct incident_changes *changes);

#endif
