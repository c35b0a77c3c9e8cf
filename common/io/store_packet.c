#include "common/io/store_packet.h"

#include "common/base/scope.h"

/* Of an incident that changes after the week: what its log says of the week, with what it is
 * about. (sku is part of the key, so that the join stays on one node.) */
static const struct statement INCIDENTS = {
    "packet_incidents",
    "SELECT l.incident_id, l.revision, l.at, l.state, i.class, i.cause, i.severity, i.shop, "
    "nullif(l.sku, ''), i.location, l.occurrences, l.root_cause, l.remediation, i.handoff, "
    "i.runbook_url, i.opened_at, l.actor, l.note, l.evidence::text "
    "FROM incident_log l JOIN incidents i ON i.id = l.incident_id AND i.sku = l.sku "
    "WHERE l.at >= $1 AND l.at < $2 "
    "ORDER BY l.at, l.incident_id COLLATE \"C\", l.sku COLLATE \"C\", l.revision"};

static const struct statement SPOT_CHECKS = {
    "packet_spot_checks",
    "SELECT id, sku, location, counted, books, source, verdict, actor, counted_at, at, "
    "event_id, note FROM spot_checks WHERE at >= $1 AND at < $2 ORDER BY at, id, sku"};

static enum status read_incident(void *self, const struct rows *row, struct error *error)
{
    const struct packet_incident_visitor *visitor = self;
    const struct packet_incident incident = {.id = rows_span(row, 0, 0),
                                             .revision = rows_int(row, 0, 1),
                                             .at_us = rows_time(row, 0, 2),
                                             .state = rows_span(row, 0, 3),
                                             .class = rows_span(row, 0, 4),
                                             .cause = rows_span(row, 0, 5),
                                             .severity = rows_span(row, 0, 6),
                                             .shop = rows_span(row, 0, 7),
                                             .sku = rows_span(row, 0, 8),
                                             .location = rows_span(row, 0, 9),
                                             .occurrences = rows_int(row, 0, 10),
                                             .root_cause = rows_span(row, 0, 11),
                                             .remediation = rows_span(row, 0, 12),
                                             .handoff = rows_span(row, 0, 13),
                                             .runbook_url = rows_span(row, 0, 14),
                                             .opened_at_us = rows_time(row, 0, 15),
                                             .actor = rows_span(row, 0, 16),
                                             .note = rows_span(row, 0, 17),
                                             .evidence = rows_span(row, 0, 18)};
    return visitor->each(visitor->self, &incident, error);
}

static enum status read_spot_check(void *self, const struct rows *row,
                                   struct error *error)
{
    const struct packet_spot_check_visitor *visitor = self;
    const struct packet_spot_check check = {.id = rows_int(row, 0, 0),
                                            .sku = rows_span(row, 0, 1),
                                            .location = rows_span(row, 0, 2),
                                            .counted = rows_int(row, 0, 3),
                                            .has_books = !rows_is_null(row, 0, 4),
                                            .books = rows_int(row, 0, 4),
                                            .source = rows_span(row, 0, 5),
                                            .verdict = rows_span(row, 0, 6),
                                            .actor = rows_span(row, 0, 7),
                                            .counted_at_us = rows_time(row, 0, 8),
                                            .at_us = rows_time(row, 0, 9),
                                            .event_id = rows_span(row, 0, 10),
                                            .note = rows_span(row, 0, 11)};
    return visitor->each(visitor->self, &check, error);
}

static enum status stream(struct postgres *postgres, const struct statement *statement,
                          const struct packet_span *span, struct row_visitor visitor,
                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_time(&params, true, span->from_us);
    pg_params_time(&params, true, span->to_us);
    return postgres_stream(postgres, statement, &params, &visitor, error);
}

enum status store_packet_incidents(struct postgres *postgres,
                                   const struct packet_span *span,
                                   const struct packet_incident_visitor *visitor,
                                   struct error *error)
{
    struct packet_incident_visitor copy = *visitor;
    return stream(postgres, &INCIDENTS, span, (struct row_visitor){read_incident, &copy},
                  error);
}

enum status store_packet_spot_checks(struct postgres *postgres,
                                     const struct packet_span *span,
                                     const struct packet_spot_check_visitor *visitor,
                                     struct error *error)
{
    struct packet_spot_check_visitor copy = *visitor;
    return stream(postgres, &SPOT_CHECKS, span,
                  (struct row_visitor){read_spot_check, &copy}, error);
}
