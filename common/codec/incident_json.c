#include "common/codec/incident_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_key.h"
#include "common/codec/headers.h"

#include <stdio.h>

#define RECORD_BYTES_MAX ((size_t)1024 * 1024)
#define ID_HEX_DIGITS 16

void incident_json_id(const struct incident_sighting *sighting,
                      char id_out[INCIDENT_ID_MAX])
{
    char room[INCIDENT_NAME_MAX];
    char hex[DIGEST_HEX_MAX];
    size_t length = incident_name_bytes(sighting, room);
    digest_sha256_hex((struct span){room, length}, hex);
    (void)snprintf(id_out, INCIDENT_ID_MAX, "inc-%.*s", ID_HEX_DIGITS, hex);
}

/* ---- evidence ----------------------------------------------------------------------------- */

static void add_origin(struct buf *out, const char *name,
                       const struct incident_origin *origin)
{
    json_name(out, name);
    buf_byte(out, '{');
    json_member_text(out, "topic", origin->topic);
    json_member_number(out, "partition", origin->partition);
    json_member_number(out, "offset", origin->offset);
    json_member_time(out, "recorded_at", origin->recorded_at_us);
    json_member_text(out, "sku", origin->sku);
    json_member_text(out, "location", origin->location);
    json_member_text(out, "id", origin->event_id);
    buf_byte(out, '}');
}

void incident_json_evidence(const struct incident_sighting *sighting, struct buf *out)
{
    buf_byte(out, '{');
    if (sighting->subject.source.bytes != NULL)
        json_member_text(out, "source", sighting->subject.source);
    add_origin(out, "first", &sighting->first);
    add_origin(out, "latest", &sighting->latest);
    buf_byte(out, '}');
}

/* ---- the record ------------------------------------------------------------------------------ */

void incident_json_members(const struct incident *incident, struct buf *out)
{
    json_member_text(out, "incident_id", incident->id);
    json_member_text(out, "state", span_from(incident_state_name(incident->state)));
    json_member_text(out, "class", incident->class);
    json_member_text(out, "cause", incident->cause);
    json_member_text(out, "root_cause", incident->root_cause);
    json_member_text(out, "remediation", incident->remediation);
    json_member_text(out, "severity", incident->severity);
    json_member_text(out, "shop", incident->shop);
    json_member_text(out, "sku", incident->sku);
    json_member_text(out, "location", incident->location);
    json_name(out, "evidence");
    buf_span(out, incident->evidence);
    json_member_text(out, "runbook_url", incident->runbook_url);
    json_member_text(out, "handoff", incident->handoff);
    json_member_time(out, "opened_at", incident->opened_at_us);
    json_member_time(out, "at", incident->at_us);
    json_member_text(out, "actor", incident->actor);
}

void incident_json_value(const struct incident *incident, struct buf *out)
{
    buf_byte(out, '{');
    incident_json_members(incident, out);
    buf_byte(out, '}');
}

static void write_headers(const struct incident *incident, struct span traceparent,
                          struct buf *out)
{
    char id[256];
    char source[256];
    (void)snprintf(id, sizeof(id), "%.*s/%lld", SPAN_ARGS(incident->id),
                   (long long)incident->revision);
    (void)snprintf(source, sizeof(source), "parstock/%.*s", SPAN_ARGS(incident->actor));
    headers_add_cloud(
        out, &(struct cloud_identity){span_from(id), source, "inventory.incident.v1"});
    headers_add_json(out, incident->id, traceparent);
}

bool incident_json_record(const struct incident *incident,
                          const struct incident_sighting *sighting, struct pool *pool,
                          struct outbox_row *row_out)
{
    SCOPED(buf_free) struct buf bytes = {0};
    const struct incident_origin *origin =
        incident->state == INCIDENT_OPENED ? &sighting->first : &sighting->latest;
    buf_init(&bytes, RECORD_BYTES_MAX);
    incident_json_value(incident, &bytes);
    struct outbox_row row = {.kind = OUTBOX_INCIDENT,
                             .partition = origin->partition,
                             .offset = origin->offset,
                             .key = pool_span(pool, incident->id),
                             .value = pool_buf(pool, &bytes)};
    buf_clear(&bytes);
    write_headers(incident, sighting->latest.traceparent, &bytes);
    row.headers = pool_buf(pool, &bytes);
    *row_out = row;
    return row.key.bytes != NULL && row.value.bytes != NULL && row.headers.bytes != NULL;
}
