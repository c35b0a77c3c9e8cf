/*
 * Findings within the trace of the event that gave the pair its number (docs/tracing.md).
 */
#include "common/base/check.h"
#include "common/runtime/life.h"
#include "common/runtime/trace.h"
#include "workers/drift/drift.h"

static bool keep_text(struct pool *pool, struct span *text)
{
    *text = pool_span(pool, *text);
    return text->bytes != NULL;
}

/* For later, once the page of rows is gone. */
static bool keep(struct drift_tell *tell, const struct drift_finding *finding,
                 const struct trace_context *carried, const struct trace_context *own)
{
    if (tell->spans == NULL || tell->span_count == 0)
        tell->spans = pool_take(&tell->pool, DRIFT_TELL_MAX * sizeof(*tell->spans));
    if (tell->spans == NULL)
        return false;
    struct drift_span *span = &tell->spans[tell->span_count++];
    *span = (struct drift_span){.carried = *carried, .own = *own, .finding = *finding};
    struct drift_finding *kept = &span->finding;
    kept->evidence = kept->traceparent = (struct span){0};
    return keep_text(&tell->pool, &kept->id) && keep_text(&tell->pool, &kept->shop) &&
           keep_text(&tell->pool, &kept->sku) &&
           keep_text(&tell->pool, &kept->location) &&
           keep_text(&tell->pool, &kept->cause) && keep_text(&tell->pool, &kept->rule);
}

bool drift_trace(struct drift_tell *tell, struct drift_finding *finding,
                 char room[TRACEPARENT_MAX])
{
    struct trace_context carried;
    if (!trace_is_carried(finding->traceparent, &carried))
        return true;
    const struct trace_name name = {"drift", finding->id, 0};
    const struct trace_context own = trace_child(&carried, &name);
    traceparent_format(&own, room);
    bool kept = keep(tell, finding, &carried, &own);
    finding->traceparent = span_from(room);
    return kept;
}

static void emit(const struct drift_span *span)
{
    const struct drift_finding *finding = &span->finding;
    const struct trace_fact facts[] = {
        TRACE_TEXT("parstock.finding", finding->id),
        TRACE_NUMBER("parstock.run", finding->run_id),
        TRACE_TEXT("parstock.shop", finding->shop),
        TRACE_TEXT("parstock.sku", finding->sku),
        TRACE_TEXT("parstock.location", finding->location),
        TRACE_TEXT("parstock.cause", finding->cause),
        TRACE_TEXT("parstock.rule", finding->rule),
        TRACE_TEXT("parstock.risk",
                   finding->is_high_risk ? SPAN_OF("high") : SPAN_OF("low")),
        TRACE_NUMBER("parstock.residual", finding->residual)};
    trace_emit(&(struct trace_span){.name = "drift finding",
                                    .kind = TRACE_INTERNAL,
                                    .context = span->own,
                                    .parent = &span->carried,
                                    .start_us = finding->observed_at_us,
                                    .end_us = clock_now_us(),
                                    .facts = facts,
                                    .fact_count = COUNT_OF(facts)});
}

void drift_trace_told(struct drift_tell *tell)
{
    for (size_t at = 0; at < tell->span_count; at++)
        emit(&tell->spans[at]);
    tell->span_count = 0;
}
