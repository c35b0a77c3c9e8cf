/*
 * Incidents of a batch: one a pair that is escalated, one a shop that a guard has stopped.
 * Each carries the action that waits for a person's approval.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/io/store_incident_outbox.h"
#include "workers/resolve/resolve.h"

#define EVIDENCE_BYTES_MAX ((size_t)64 * 1024)
#define HEADERS_MAX 64

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "resolve: out of memory");
}

static struct span traceparent_of(const struct kafka_record *record)
{
    struct span name;
    struct span value;
    for (size_t at = 0;
         at < HEADERS_MAX && kafka_record_header(record, at, &name, &value); at++)
        if (span_is(name, "traceparent"))
            return value;
    return (struct span){0};
}

static struct incident_origin origin_of(const struct resolve *resolve,
                                        const struct kafka_record *record,
                                        const struct finding *finding)
{
    return (struct incident_origin){.topic = span_from(resolve->topic),
                                    .partition = record->partition,
                                    .offset = record->offset,
                                    .recorded_at_us = record->timestamp_ms * 1000,
                                    .sku = finding->sku,
                                    .location = finding->location,
                                    .event_id = finding->id,
                                    .traceparent = traceparent_of(record)};
}

static struct incident_sighting *sight(struct batch *batch, enum incident_class class,
                                       const struct incident_subject *subject,
                                       const struct incident_origin *origin)
{
    bool taken = incident_set_add(&batch->set, class, subject, origin);
    ASSERT(taken); /* a batch has no more findings and runs than a set has room for */
    return &batch->set.items[batch->set.count - 1];
}

/* ---- a pair ----------------------------------------------------------------------------- */

static void add_pair_evidence(const struct finding *finding,
                              const struct resolve_decision *decision, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "finding_id", finding->id);
    json_member_text(out, "run_id", finding->run_id);
    json_member_number_or_null(out, "desired", finding->has_desired, finding->desired);
    json_member_number_or_null(out, "shown", finding->has_shown, finding->shown);
    json_member_number(out, "residual", finding->residual);
    json_member_text(out, "risk",
                     finding->is_high_risk ? SPAN_OF("high") : SPAN_OF("low"));
    json_member_text(out, "rule", decision->verdict.rule->id);
    json_member_text(out, "rule_why", decision->verdict.rule->why);
    if (decision->bar[0] != '\0') {
        json_member_text(out, "bar", span_from(decision->bar));
        json_member_text(out, "bar_why", span_from(decision->bar_why));
    }
    json_member_text(out, "runbook", decision->verdict.runbook);
    json_member_time(out, "found_at", finding->observed_at_us);
    buf_byte(out, '}');
}

/* A write that can not help is not proposed. */
static bool can_be_resynced(const struct finding *finding)
{
    return finding->has_desired &&
           cause_kind(finding->cause)->write != CAUSE_WRITE_NOTHING;
}

static void add_pair_proposal(const struct finding *finding, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "do", SPAN_OF("resync"));
    json_member_text(out, "shop", finding->shop);
    json_member_text(out, "sku", finding->sku);
    json_member_text(out, "location", finding->location);
    json_member_number_or_null(out, "desired", finding->has_desired, finding->desired);
    buf_byte(out, '}');
}

static const char *severity_of(const struct finding *finding)
{
    if (finding->cause == CAUSE_OVERSOLD)
        return "critical";
    return finding->is_high_risk ? "error" : NULL; /* as the class says */
}

static enum status tell_pair(struct resolve *resolve, struct batch *batch, size_t at,
                             struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    const struct finding *finding = &batch->findings[at];
    const struct batch_item *item = &batch->items[at];
    const struct cause_kind *cause = cause_kind(finding->cause);
    const struct incident_subject subject = {
        .shop = finding->shop, .sku = finding->sku, .location = finding->location};
    const struct incident_origin origin = origin_of(resolve, item->record, finding);
    struct incident_sighting *sighting = sight(
        batch,
        item->decision.is_of_second_writer ? INCIDENT_SECOND_WRITER : INCIDENT_DRIFT,
        &subject, &origin);
    buf_init(&text, EVIDENCE_BYTES_MAX);
    add_pair_evidence(finding, &item->decision, &text);
    sighting->evidence = pool_buf(&resolve->pool, &text);
    sighting->finding = (struct incident_finding){.cause = cause->name,
                                                  .severity = severity_of(finding),
                                                  .root_cause = cause->why,
                                                  .handoff = cause->handoff};
    if (sighting->evidence.bytes == NULL)
        return out_of_memory(error);
    if (!can_be_resynced(finding))
        return STATUS_OK;
    buf_clear(&text);
    add_pair_proposal(finding, &text);
    sighting->proposal = pool_buf(&resolve->pool, &text);
    return sighting->proposal.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

/* ---- a shop ----------------------------------------------------------------------------- */

static void add_shop_evidence(const struct batch_run *run, struct buf *out)
{
    const struct guard_run *numbers = &run->row.numbers;
    buf_byte(out, '{');
    json_member_text(out, "guard", span_from(guard_kind(run->guard)->id));
    json_member_text(out, "guard_why", span_from(guard_kind(run->guard)->why));
    json_member_text(out, "guard_runbook", span_from(guard_kind(run->guard)->runbook));
    json_member_text(out, "run_id", run->run_id);
    json_member_number(out, "compared", numbers->compared);
    json_member_number(out, "findings", numbers->findings);
    json_member_number(out, "would_change", numbers->changes);
    json_member_number(out, "would_zero", numbers->zeroes);
    buf_byte(out, '}');
}

static void add_shop_proposal(const struct batch_run *run, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "do", SPAN_OF("release"));
    json_member_text(out, "scope", SPAN_OF("drift"));
    json_member_text(out, "shop", run->shop);
    json_member_text(out, "run_id", run->run_id);
    buf_byte(out, '}');
}

/* The first of its findings shows it. */
static size_t first_of(const struct batch *batch, size_t run)
{
    size_t at = 0;
    while (batch->items[at].run != run)
        at++;
    return at;
}

static enum status tell_shop(struct resolve *resolve, struct batch *batch, size_t run_at,
                             struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    const struct batch_run *run = &batch->runs[run_at];
    size_t first = first_of(batch, run_at);
    const struct incident_subject subject = {.shop = run->shop};
    const struct incident_origin origin =
        origin_of(resolve, batch->items[first].record, &batch->findings[first]);
    struct incident_sighting *sighting =
        sight(batch, INCIDENT_GUARD_STOPPED, &subject, &origin);
    buf_init(&text, EVIDENCE_BYTES_MAX);
    add_shop_evidence(run, &text);
    sighting->evidence = pool_buf(&resolve->pool, &text);
    buf_clear(&text);
    add_shop_proposal(run, &text);
    sighting->proposal = pool_buf(&resolve->pool, &text);
    sighting->finding.root_cause = guard_kind(run->guard)->why;
    return sighting->evidence.bytes != NULL && sighting->proposal.bytes != NULL
               ? STATUS_OK
               : out_of_memory(error);
}

/* ---- all of them ------------------------------------------------------------------------ */

enum status resolve_tell(struct resolve *resolve, struct batch *batch,
                         struct error *error)
{
    enum status status = STATUS_OK;
    batch->set.actor = RESOLVE_ACTOR;
    for (size_t at = 0; at < batch->count && status == STATUS_OK; at++)
        if (batch->items[at].is_new &&
            batch->items[at].decision.action == POLICY_ESCALATE)
            status = tell_pair(resolve, batch, at, error);
    for (size_t at = 0; at < batch->run_count && status == STATUS_OK; at++)
        if (batch->runs[at].fires)
            status = tell_shop(resolve, batch, at, error);
    if (status == STATUS_OK)
        status = store_incidents_see(resolve->postgres, &batch->set, &resolve->pool,
                                     &batch->changes, error);
    if (status == STATUS_OK)
        status = store_incidents_tell(resolve->postgres, &batch->changes, &resolve->pool,
                                      error);
    return status;
}
