#include "common/io/store_console.h"

#include "common/base/scope.h"

static const struct statement SHOPS = {
    "console_shops",
    "SELECT s.name, p.pairs, p.at_par, p.waiting, p.faulted, p.oversold, p.oldest,"
    " coalesce(e.expires_at > now(), false), e.throttled_at,"
    " (SELECT count(*) FROM incidents i WHERE i.shop = s.name AND i.state <> 'resolved'),"
    " (SELECT count(*) FROM guard_stops g WHERE g.shop = s.name), r.state,"
    " coalesce(r.finished_at, r.started_at), r.findings"
    " FROM unnest($1::text[]) WITH ORDINALITY AS s (name, place)"
    " CROSS JOIN LATERAL (SELECT count(*) AS pairs,"
    " count(*) FILTER (WHERE NOT l.dirty AND l.fault = '' AND l.desired IS NOT NULL)"
    " AS at_par, count(*) FILTER (WHERE l.dirty AND l.fault = '') AS waiting,"
    " count(*) FILTER (WHERE l.fault <> '') AS faulted,"
    " count(*) FILTER (WHERE l.shown < 0 OR l.short > 0) AS oversold,"
    " min(l.desired_at) FILTER (WHERE l.dirty AND l.fault = '') AS oldest"
    " FROM shop_levels l WHERE l.shop = s.name) p"
    " LEFT JOIN shop_leases e ON e.shop = s.name"
    " LEFT JOIN LATERAL (SELECT d.state, d.finished_at, d.started_at, d.findings"
    " FROM drift_runs d WHERE d.shop = s.name ORDER BY d.started_at DESC LIMIT 1) r ON true"
    " ORDER BY s.place"};

static const struct statement OUTCOMES = {
    "console_outcomes",
    "SELECT o.name, o.n FROM (SELECT sum(applied)::bigint AS a,"
    " sum(unchanged)::bigint AS u, sum(duplicate)::bigint AS d, sum(stale)::bigint AS s,"
    " sum(shadowed)::bigint AS h, sum(rekeyed)::bigint AS k, sum(rejected)::bigint AS r"
    " FROM progress) p CROSS JOIN LATERAL (VALUES ('applied', a), ('unchanged', u),"
    " ('duplicate', d), ('stale', s), ('shadowed', h), ('rekeyed', k), ('rejected', r))"
    " AS o (name, n)"};

static enum status read_shop(void *self, const struct rows *row, struct error *error)
{
    const struct console_shop_visitor *visitor = self;
    const struct console_shop shop = {.name = rows_span(row, 0, 0),
                                      .pairs = rows_int(row, 0, 1),
                                      .at_par = rows_int(row, 0, 2),
                                      .waiting = rows_int(row, 0, 3),
                                      .faulted = rows_int(row, 0, 4),
                                      .oversold = rows_int(row, 0, 5),
                                      .has_oldest = !rows_is_null(row, 0, 6),
                                      .oldest_us = rows_time(row, 0, 6),
                                      .is_written = rows_bool(row, 0, 7),
                                      .has_throttled = !rows_is_null(row, 0, 8),
                                      .throttled_us = rows_time(row, 0, 8),
                                      .incidents = rows_int(row, 0, 9),
                                      .stops = rows_int(row, 0, 10),
                                      .run = rows_span(row, 0, 11),
                                      .run_us = rows_time(row, 0, 12),
                                      .findings = rows_int(row, 0, 13)};
    return visitor->each(visitor->self, &shop, error);
}

enum status store_console_shops(struct postgres *postgres, const struct span *names,
                                size_t count, const struct console_shop_visitor *visitor,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct console_shop_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_shop, .self = &copy};
    pg_params_init(&params);
    pg_params_text_array(&params, names, count);
    return postgres_stream(postgres, &SHOPS, &params, &reader, error);
}

static enum status read_count(void *self, const struct rows *row, struct error *error)
{
    const struct console_count_visitor *visitor = self;
    const struct console_count count = {.name = rows_span(row, 0, 0),
                                        .count = rows_int(row, 0, 1)};
    return visitor->each(visitor->self, &count, error);
}

enum status store_console_outcomes(struct postgres *postgres,
                                   const struct console_count_visitor *visitor,
                                   struct error *error)
{
    struct console_count_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_count, .self = &copy};
    return postgres_stream(postgres, &OUTCOMES, NULL, &reader, error);
}
