#include "common/codec/drift_json.h"

#include "common/base/check.h"
#include "common/codec/event_key.h"
#include "common/codec/headers.h"
#include "common/codec/json_text.h"

#include <inttypes.h>
#include <stdio.h>

#define ID_HEX_DIGITS 16
#define MICROS 1000000

void drift_json_id(const struct drift_name *name, char id_out[DRIFT_ID_MAX])
{
    char room[2048];
    char hex[DIGEST_HEX_MAX];
    int length =
        snprintf(room, sizeof room, "%" PRId64 "\n%.*s\n%.*s\n%.*s", name->run_id,
                 SPAN_ARGS(name->shop), SPAN_ARGS(name->sku), SPAN_ARGS(name->location));
    ASSERT(length > 0 && (size_t)length < sizeof room);
    digest_sha256_hex((struct span){room, (size_t)length}, hex);
    (void)snprintf(id_out, DRIFT_ID_MAX, "drf-%.*s", ID_HEX_DIGITS, hex);
}

/* ---- evidence ------------------------------------------------------------------------- */

static void member_quantity(struct buf *out, const char *name, struct quantity quantity)
{
    json_member_number_or_null(out, name, quantity.known, quantity.units);
}

static void member_flag(struct buf *out, const char *name, bool flag)
{
    json_name(out, name);
    buf_text(out, flag ? "true" : "false");
}

static void member_time(struct buf *out, const char *name, int64_t at_us)
{
    if (at_us != 0)
        json_member_time(out, name, at_us);
}

static void add_shop(struct buf *out, const struct drift_facts *facts)
{
    json_name(out, "shop_shows");
    buf_byte(out, '{');
    member_quantity(out, "level", facts->look.shown);
    member_quantity(out, "committed", facts->look.committed);
    json_member_number(out, "items", facts->look.items);
    member_flag(out, "tracked", facts->look.tracked);
    member_flag(out, "stocked", facts->look.is_stocked);
    member_time(out, "at", facts->look.at_us);
    buf_byte(out, '}');
}

static void add_known(struct buf *out, const struct drift_facts *facts)
{
    json_name(out, "we_knew");
    buf_byte(out, '{');
    member_quantity(out, "level", facts->known);
    member_quantity(out, "committed", facts->committed_before);
    json_member_number(out, "ordered_since", facts->ordered_since);
    member_quantity(out, "desired_noted", facts->noted);
    member_flag(out, "waiting", facts->is_waiting);
    member_time(out, "waiting_since", facts->waiting_since_us);
    member_time(out, "at", facts->known_at_us);
    buf_byte(out, '}');
}

static void add_write(struct buf *out, const struct drift_evidence *evidence)
{
    const struct drift_write *write = &evidence->facts->write;
    if (!write->is_there)
        return;
    json_name(out, "last_write");
    buf_byte(out, '{');
    json_member_number(out, "id", evidence->write_id);
    member_flag(out, "applied", write->was_applied);
    member_quantity(out, "from", write->change_from);
    json_member_number(out, "to", write->quantity);
    member_time(out, "settled_at", write->settled_at_us);
    buf_byte(out, '}');
}

static void add_source(struct buf *out, const struct drift_evidence *evidence)
{
    if (evidence->source.length == 0)
        return;
    json_member_text(out, "source", evidence->source);
    member_time(out, "source_occurred_at", evidence->occurred_at_us);
    if (evidence->rival.length > 0)
        json_member_text(out, "rival_source", evidence->rival);
}

void drift_json_evidence(const struct drift_evidence *evidence, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "rule", span_from(evidence->rule->id));
    json_member_text(out, "why", span_from(evidence->rule->why));
    add_shop(out, evidence->facts);
    add_known(out, evidence->facts);
    add_write(out, evidence);
    add_source(out, evidence);
    json_member_number(out, "unapplied_events", evidence->facts->unapplied);
    if (evidence->contract.length > 0)
        json_member_text(out, "push_contract", evidence->contract);
    buf_byte(out, '}');
}

/* ---- the record ----------------------------------------------------------------------- */

/* Micros as a decimal number, without a detour by floating point. */
static void member_value(struct buf *out, struct quantity micros)
{
    json_name(out, "value_at_risk");
    if (!micros.known)
        buf_text(out, "null");
    else
        buf_format(out, "%" PRId64 ".%06" PRId64, micros.units / MICROS,
                   micros.units % MICROS);
}

void drift_json_members(const struct drift_finding *finding, struct buf *out)
{
    char run[32];
    (void)snprintf(run, sizeof run, "%" PRId64, finding->run_id);
    json_member_text(out, "finding_id", finding->id);
    json_member_text(out, "run_id", span_from(run));
    json_member_text(out, "shop", finding->shop);
    json_member_text(out, "sku", finding->sku);
    json_member_text(out, "location", finding->location);
    member_quantity(out, "desired", finding->desired);
    member_quantity(out, "shown", finding->shown);
    json_member_number(out, "residual", finding->residual);
    json_member_text(out, "cause", finding->cause);
    json_name(out, "evidence");
    buf_span(out, finding->evidence);
    json_member_text(out, "risk", span_from(finding->is_high_risk ? "high" : "low"));
    member_value(out, finding->value_micros);
    json_member_time(out, "observed_at", finding->observed_at_us);
}

void drift_json_value(const struct drift_finding *finding, struct buf *out)
{
    buf_byte(out, '{');
    drift_json_members(finding, out);
    buf_byte(out, '}');
}

void drift_json_headers(const struct drift_finding *finding, struct buf *out)
{
    headers_add_cloud(out, &(struct cloud_identity){finding->id, "parstock/drift",
                                                    "inventory.drift.v1"});
    headers_add_json(out, finding->sku, finding->traceparent);
}
