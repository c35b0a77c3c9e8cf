#include "common/io/store_spot_checks.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

/* $1 SKUs, $2 tags in lower case that are high-risk, $3 the location or null, $4 limit,
 * $5 how many are drawn at random. A finding counts for 30 days. */
static const struct statement LIST = {
    "spot_list",
    "WITH e (sku, location, reason, weight, at) AS ("
    "SELECT sku, location, 'oversold', 100, last_seen_at FROM incidents"
    " WHERE state <> 'resolved' AND sku <> '' AND location IS NOT NULL"
    " AND cause = 'oversold'"
    " UNION ALL SELECT sku, location, 'handed to inventory', 80, last_seen_at"
    " FROM incidents WHERE state <> 'resolved' AND sku <> '' AND location IS NOT NULL"
    " AND handoff = 'inventory' AND cause <> 'oversold'"
    " UNION ALL SELECT sku, location, 'sources disagree', 60, max(observed_at)"
    " FROM drift_findings WHERE cause IN ('source_conflict', 'double_apply')"
    " AND observed_at > now() - interval '30 days' GROUP BY sku, location"
    " UNION ALL SELECT sku, location, 'stale source', 40, max(observed_at)"
    " FROM drift_findings WHERE cause = 'stale_source'"
    " AND observed_at > now() - interval '30 days' GROUP BY sku, location"
    " UNION ALL SELECT sku, location, 'found often', 30, max(observed_at)"
    " FROM drift_findings WHERE observed_at > now() - interval '7 days'"
    " GROUP BY sku, location HAVING count(*) >= 3"
    " UNION ALL SELECT DISTINCT f.sku, f.location, 'high risk', 20, max(f.observed_at)"
    " FROM drift_findings f WHERE (f.risk = 'high' OR f.sku = ANY ($1::text[])"
    " OR EXISTS (SELECT 1 FROM shop_items i, unnest(i.tags) t WHERE i.shop = f.shop"
    " AND i.sku = f.sku AND lower(t) IN (SELECT lower(x) FROM unnest($2::text[]) x)))"
    " AND f.observed_at > now() - interval '30 days' GROUP BY f.sku, f.location"
    " UNION ALL (SELECT sku, location, 'drawn at random', 1, now() FROM levels"
    " WHERE $3::text IS NULL OR location = $3 ORDER BY random() LIMIT $5)),"
    " fresh AS (SELECT e.* FROM e LEFT JOIN LATERAL (SELECT max(c.counted_at) AS at"
    " FROM spot_checks c WHERE c.sku = e.sku AND c.location = e.location) c ON true"
    " WHERE c.at IS NULL OR e.at > c.at)"
    " SELECT f.sku, f.location, string_agg(DISTINCT f.reason, ', '), sum(f.weight),"
    " max(l.quantity), (SELECT max(c.counted_at) FROM spot_checks c WHERE c.sku = f.sku"
    " AND c.location = f.location) FROM fresh f LEFT JOIN levels l ON l.sku = f.sku"
    " AND l.location = f.location WHERE $3::text IS NULL OR f.location = $3"
    " GROUP BY f.sku, f.location ORDER BY sum(f.weight) DESC, f.sku, f.location LIMIT $4"};

static const struct statement BOOKS = {
    "spot_books", "SELECT quantity, source FROM levels WHERE sku = $1 AND location = $2"};

static const struct statement RECORD = {
    "spot_record",
    "INSERT INTO spot_checks (sku, location, counted, books, source, verdict, actor,"
    " counted_at, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id"};

static const struct statement EVENT = {
    "spot_event", "UPDATE spot_checks SET event_id = $3 WHERE id = $1 AND sku = $2"};

static enum status read_shelf(void *self, const struct rows *row, struct error *error)
{
    const struct spot_visitor *visitor = self;
    const struct spot_shelf shelf = {.sku = rows_span(row, 0, 0),
                                     .location = rows_span(row, 0, 1),
                                     .reasons = rows_span(row, 0, 2),
                                     .weight = rows_int(row, 0, 3),
                                     .has_books = !rows_is_null(row, 0, 4),
                                     .books = rows_int(row, 0, 4),
                                     .was_counted = !rows_is_null(row, 0, 5),
                                     .counted_at_us = rows_time(row, 0, 5)};
    return visitor->each(visitor->self, &shelf, error);
}

enum status store_spot_list(struct postgres *postgres, const struct spot_wanted *wanted,
                            const struct spot_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    const struct risk_rules *risk = &wanted->contract->risk;
    struct spot_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_shelf, .self = &copy};
    pg_params_init(&params);
    pg_params_text_array(&params, risk->skus, risk->sku_count);
    pg_params_text_array(&params, risk->tags, risk->tag_count);
    pg_params_text(&params, wanted->location);
    pg_params_int8(&params, wanted->limit);
    pg_params_int8(&params, wanted->sample);
    return postgres_stream(postgres, &LIST, &params, &reader, error);
}

enum status store_spot_books(struct postgres *postgres, struct span sku,
                             struct span location, struct spot_books *out,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, sku);
    pg_params_text(&params, location);
    enum status status = postgres_query(postgres, &BOOKS, &params, &rows, error);
    *out = (struct spot_books){.is_there = status == STATUS_OK && rows.count == 1};
    if (!out->is_there)
        return status;
    out->quantity = rows_int(&rows, 0, 0);
    (void)snprintf(out->source, sizeof out->source, "%.*s",
                   SPAN_ARGS(rows_span(&rows, 0, 1)));
    return STATUS_OK;
}

enum status store_spot_record(struct postgres *postgres, const struct spot_check *check,
                              int64_t *id_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, check->sku);
    pg_params_text(&params, check->location);
    pg_params_int8(&params, check->counted);
    pg_params_int8_or_null(&params, check->books.is_there, check->books.quantity);
    pg_params_text(&params, span_from(check->books.source));
    pg_params_text(&params, span_from(check->verdict));
    pg_params_text(&params, check->actor);
    pg_params_time(&params, true, check->counted_at_us);
    pg_params_text(&params, check->note);
    enum status status = postgres_query(postgres, &RECORD, &params, &rows, error);
    if (status == STATUS_OK)
        *id_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_spot_event(struct postgres *postgres, int64_t id, struct span sku,
                             struct span event_id, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, id);
    pg_params_text(&params, sku);
    pg_params_text(&params, event_id);
    return postgres_query(postgres, &EVENT, &params, NULL, error);
}
