/*
 * Spans to a collector by OTLP/HTTP, where PARSTOCK_OTLP_ENDPOINT says so (docs/tracing.md).
 *
 * A span is written into a queue within a bound, and a thread of its own sends what gathers
 * there. Nothing here ever waits for the collector: what does not fit is dropped and counted.
 * Off, trace_follows is false and nothing is done at all. One process has one exporter.
 */
#ifndef PARSTOCK_RUNTIME_TRACE_H
#define PARSTOCK_RUNTIME_TRACE_H

#include "common/codec/otlp_json.h"
#include "common/runtime/config.h"

struct trace_export; /* of this process */

/*
 * Begins to export, if the settings say so, as service "parstock-<worker>"; *out is NULL where
 * they do not. STATUS_FATAL with exit code 78: endpoint or headers that can not be used.
 * After log_open; threads that emit spans begin later.
 */
enum status trace_open(const struct config *config, const char *worker,
                       struct trace_export **out, struct error *error);

/* What waits is sent, for two seconds at most; then the thread has ended. */
void trace_close(struct trace_export **slot);

bool trace_is_on(void);

/* Are spans of this trace exported? Only those of traces that are recorded. */
bool trace_follows(const struct trace_context *context);

/* Does the text name a trace whose spans are exported? Then *carried_out is where it is. */
bool trace_is_carried(struct span traceparent, struct trace_context *carried_out);

/* By the wall clock: what ended now, and took so long. */
struct trace_period {
    int64_t start_us;
    int64_t end_us;
};
struct trace_period trace_period(int64_t took_us);

/* The span is copied. From any thread. */
void trace_emit(const struct trace_span *span);

#endif
