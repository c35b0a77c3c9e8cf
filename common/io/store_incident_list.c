/*
 * The reading half of store_incidents.h: for people and scripts.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/incident_life.h"
#include "common/io/store_incident_rows.h"
#include "common/io/store_incidents.h"

static const struct statement LIST = {
    "incidents_list", "SELECT " INCIDENT_COLUMNS
                      ", i.state, i.last_seen_at, coalesce(nullif(i.sku, ''), i.shop, "
                      "i.evidence->>'source', i.evidence->>'route', '-') "
                      "FROM incidents i WHERE ($1 OR i.state <> 'resolved') "
                      "AND ($2::text IS NULL OR i.id = $2) "
                      "AND ($3::text IS NULL OR i.class = $3) "
                      "AND ($4::text IS NULL OR $4 IN (i.sku, "
                      "i.evidence#>>'{first,sku}', i.evidence#>>'{latest,sku}')) "
                      "AND ($5::text IS NULL OR i.state = $5) "
                      "AND ($6::text IS NULL OR i.shop = $6) "
                      "AND ($7::text IS NULL OR i.severity = $7) "
                      "AND ($8::timestamptz IS NULL OR i.changed_at >= $8) "
                      "ORDER BY i.opened_at DESC, i.id"};

static const struct statement LOG = {
    "incidents_log",
    "SELECT incident_id, state, at, actor, root_cause, remediation, "
    "(evidence || jsonb_build_object('occurrences', occurrences))::text, occurrences, "
    "revision, note FROM incident_log WHERE incident_id = $1 ORDER BY sku, revision"};

static enum status unknown_state(struct error *error, struct span state)
{
    return error_set(error, STATUS_FATAL,
                     "incidents: state '%.*s' is not known; use a newer parstock",
                     SPAN_ARGS(state));
}

static enum status read_view(void *self, const struct rows *row, struct error *error)
{
    const struct incident_visitor *visitor = self;
    struct incident_view view = {.incident = store_incident_read(row, 0),
                                 .last_seen_at_us = rows_time(row, 0, 18),
                                 .about = rows_span(row, 0, 19)};
    if (!incident_state_parse(rows_span(row, 0, 17), &view.incident.state))
        return unknown_state(error, rows_span(row, 0, 17));
    return visitor->each(visitor->self, &view, error);
}

enum status store_incidents_list(struct postgres *postgres,
                                 const struct incident_filter *filter,
                                 const struct incident_visitor *visitor,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct incident_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_view, .self = &copy};
    pg_params_init(&params);
    pg_params_bool(&params, filter->resolved);
    pg_params_text(&params, filter->id);
    pg_params_text(&params, filter->class);
    pg_params_text(&params, filter->sku);
    pg_params_text(&params, filter->state);
    pg_params_text(&params, filter->shop);
    pg_params_text(&params, filter->severity);
    pg_params_time(&params, filter->has_since, filter->since_us);
    return postgres_stream(postgres, &LIST, &params, &reader, error);
}

static enum status read_log(void *self, const struct rows *row, struct error *error)
{
    const struct incident_log_visitor *visitor = self;
    struct incident_log_view view = {.incident = {.id = rows_span(row, 0, 0),
                                                  .at_us = rows_time(row, 0, 2),
                                                  .actor = rows_span(row, 0, 3),
                                                  .root_cause = rows_span(row, 0, 4),
                                                  .remediation = rows_span(row, 0, 5),
                                                  .evidence = rows_span(row, 0, 6),
                                                  .occurrences = rows_int(row, 0, 7),
                                                  .revision = rows_int(row, 0, 8)},
                                     .note = rows_span(row, 0, 9)};
    if (!incident_state_parse(rows_span(row, 0, 1), &view.incident.state))
        return unknown_state(error, rows_span(row, 0, 1));
    return visitor->each(visitor->self, &view, error);
}

enum status store_incidents_log(struct postgres *postgres, struct span id,
                                const struct incident_log_visitor *visitor,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct incident_log_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_log, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, id);
    return postgres_stream(postgres, &LOG, &params, &reader, error);
}
