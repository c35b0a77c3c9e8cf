#include "common/io/store_oversold.h"

#include "common/base/check.h"
#include "common/base/scope.h"

/* The shop's available of the pair, by whichever was seen last: a level of mode available
 * ($2), or an observation. $1 = shop. */
#define AVAILABLE                                                                        \
    "CASE WHEN $2 AND l.shown IS NOT NULL AND (r.counted_at IS NULL"                     \
    " OR l.shown_at > r.counted_at) THEN l.shown ELSE r.count END"

#define BESIDE                                                                           \
    " LEFT JOIN readings r ON r.source = l.shop AND r.sku = l.sku"                       \
    " AND r.location = l.location"

/* Classes by their ids: $3 is seen in the shop, $4 by orders. */
static const struct statement OVERSOLD = {
    "oversold",
    "WITH below AS ("
    "SELECT l.sku, l.location FROM shop_levels l WHERE l.shop = $1"
    " AND (l.shown < 0 OR l.short > 0)"
    " UNION SELECT r.sku, r.location FROM readings r WHERE r.source = $1 AND r.count < 0),"
    " found AS (SELECT l.sku, l.location, " AVAILABLE " AS available, l.short,"
    " l.traceparent"
    " FROM below b JOIN shop_levels l ON l.shop = $1 AND l.sku = b.sku"
    " AND l.location = b.location" BESIDE
    " WHERE EXISTS (SELECT 1 FROM shop_items i WHERE i.shop = $1 AND i.sku = l.sku"
    " AND i.tracked AND NOT i.continues)),"
    " problems AS (SELECT sku, location, $3 AS class, -available AS units, traceparent"
    " FROM found"
    " WHERE available < 0"
    " UNION ALL SELECT sku, location, $4, short, traceparent FROM found WHERE short > 0)"
    " SELECT p.sku, p.location, p.class = $3, p.units, now(), p.traceparent"
    " FROM problems p"
    " WHERE NOT EXISTS (SELECT 1 FROM incidents i WHERE i.state <> 'resolved'"
    " AND i.shop = $1 AND i.sku = p.sku AND i.location = p.location"
    " AND i.class = p.class)"
    " ORDER BY p.sku COLLATE \"C\", p.location COLLATE \"C\", 3 LIMIT $5"};

static const struct statement OVER = {
    "oversold_over",
    "SELECT i.id, i.sku, CASE WHEN l.sku IS NULL THEN 'the pair is gone'"
    " WHEN i.class = $3 THEN 'the shop shows ' || coalesce((" AVAILABLE
    ")::text, 'nothing')"
    " ELSE 'the level covers what was ordered' END"
    " FROM incidents i LEFT JOIN shop_levels l ON l.shop = i.shop AND l.sku = i.sku"
    " AND l.location = i.location" BESIDE
    " WHERE i.state <> 'resolved' AND i.shop = $1 AND i.class IN ($3, $4)"
    " AND (l.sku IS NULL OR CASE WHEN i.class = $3"
    " THEN coalesce(" AVAILABLE ", 0) >= 0 ELSE l.short = 0 END)"
    " ORDER BY i.problem COLLATE \"C\", i.sku COLLATE \"C\" LIMIT $5"};

static void add_params(struct pg_params *params, const struct oversold *oversold)
{
    pg_params_init(params);
    pg_params_text(params, oversold->shop);
    pg_params_bool(params, oversold->mode == LEVEL_AVAILABLE);
    pg_params_text(params, span_from(incident_kind(INCIDENT_SHOP_OVERSOLD)->id));
    pg_params_text(params, span_from(incident_kind(INCIDENT_STOCK_OVERSOLD)->id));
    pg_params_int8(params, INCIDENT_SET_MAX);
}

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "incidents: out of memory");
}

enum status store_oversold(struct postgres *postgres, struct oversold *oversold,
                           struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    oversold->count = 0;
    add_params(&params, oversold);
    enum status status = postgres_query(postgres, &OVERSOLD, &params, &rows, error);
    ASSERT(status != STATUS_OK || rows.count <= INCIDENT_SET_MAX);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct oversold_pair *pair = &oversold->pairs[oversold->count++];
        *pair = (struct oversold_pair){
            .class = rows_bool(&rows, row, 2) ? INCIDENT_SHOP_OVERSOLD
                                              : INCIDENT_STOCK_OVERSOLD,
            .sku = pool_span(oversold->pool, rows_span(&rows, row, 0)),
            .location = pool_span(oversold->pool, rows_span(&rows, row, 1)),
            .units = rows_int(&rows, row, 3),
            .found_at_us = rows_time(&rows, row, 4)};
        if (!rows_is_null(&rows, row, 5))
            pair->traceparent = pool_span(oversold->pool, rows_span(&rows, row, 5));
        if (pair->sku.bytes == NULL || pair->location.bytes == NULL)
            return out_of_memory(error);
    }
    return status;
}

enum status store_oversold_over(struct postgres *postgres,
                                const struct oversold *oversold,
                                struct incident_ends *ends, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ends->count = 0;
    add_params(&params, oversold);
    enum status status = postgres_query(postgres, &OVER, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    return store_incidents_take_ends(&rows, oversold->pool, ends, error);
}
