#include "common/io/store_resync.h"

#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

#define PAGE 1000

/* l or s is the row; $2 SKUs, none = all; $3 a location or null. */
#define WANTED(row)                                                                      \
    " AND (cardinality($2::text[]) = 0 OR " row ".sku = ANY ($2::text[]))"               \
    " AND ($3::text IS NULL OR " row ".location = $3)"
#define MAY(row) "(" row ".desired IS NOT NULL AND " row ".fault = '')"

static const struct statement PLAN = {
    "resync_plan",
    "SELECT s.shop, s.sku, s.location, " PAIR_STATE
    ", " MAY("s") ", s.desired, s.shown FROM shop_levels s WHERE s.shop = ANY ($1::text[])" WANTED(
        "s") " ORDER BY s.shop, s.sku, s.location"};

static const struct statement COUNT = {
    "resync_count", "SELECT s.shop, count(*) FROM shop_levels s"
                    " WHERE s.shop = ANY ($1::text[]) AND " MAY("s")
                        WANTED("s") " GROUP BY s.shop ORDER BY s.shop LIMIT 64"};

static const struct statement MARK = {
    "resync_mark",
    "WITH picked AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l"
    " WHERE l.shop = $1 AND " MAY("l") WANTED(
        "l") " AND (l.sku, l.location) > ($4, $5)" PAIR_ORDER
             " LIMIT $8 FOR UPDATE OF l),"
             " acts AS (INSERT INTO drift_actions (finding_id, sku, shop, location, batch,"
             " action, is_rule, rule, actor, state) SELECT $6 || '/' || $1 || '/' || location,"
             " sku, $1, location, $6, 'resync', false, 'asked', $7, 'pending' FROM picked"
             " ON CONFLICT (finding_id, sku) DO NOTHING),"
             " marked AS (UPDATE shop_levels l SET shown = NULL, dirty = true,"
             " held_until = NULL FROM picked WHERE l.shop = $1 AND l.sku = picked.sku"
             " AND l.location = picked.location)"
             " SELECT (SELECT count(*) FROM picked), sku, location FROM picked"
             " ORDER BY sku COLLATE \"C\" DESC, location COLLATE \"C\" DESC LIMIT 1"};

static const struct statement STANDING = {
    "resync_standing",
    "SELECT count(*) FILTER (WHERE state IN ('pending', 'reading')),"
    " count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed')"
    " FROM drift_actions WHERE batch = $1 AND batch <> ''"};

static void add_wanted(struct pg_params *params, const struct resync_filter *filter)
{
    pg_params_text_array(params, filter->skus, filter->sku_count);
    pg_params_text(params, filter->location);
}

static enum status read_pair(void *self, const struct rows *row, struct error *error)
{
    const struct resync_visitor *visitor = self;
    const struct resync_pair pair = {.shop = rows_span(row, 0, 0),
                                     .sku = rows_span(row, 0, 1),
                                     .location = rows_span(row, 0, 2),
                                     .state = rows_span(row, 0, 3),
                                     .may = rows_bool(row, 0, 4),
                                     .has_desired = !rows_is_null(row, 0, 5),
                                     .desired = rows_int(row, 0, 5),
                                     .has_shown = !rows_is_null(row, 0, 6),
                                     .shown = rows_int(row, 0, 6)};
    return visitor->each(visitor->self, &pair, error);
}

enum status store_resync_plan(struct postgres *postgres,
                              const struct resync_filter *filter,
                              const struct resync_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct resync_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_pair, .self = &copy};
    pg_params_init(&params);
    pg_params_text_array(&params, filter->shops, filter->shop_count);
    add_wanted(&params, filter);
    return postgres_stream(postgres, &PLAN, &params, &reader, error);
}

enum status store_resync_count(struct postgres *postgres,
                               const struct resync_filter *filter, struct rows *rows,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text_array(&params, filter->shops, filter->shop_count);
    add_wanted(&params, filter);
    return postgres_query(postgres, &COUNT, &params, rows, error);
}

enum status store_resync_mark(struct postgres *postgres,
                              const struct resync_page_order *order, struct rows *rows,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, order->shop);
    add_wanted(&params, order->filter);
    pg_params_text(&params, order->after_sku);
    pg_params_text(&params, order->after_location);
    pg_params_text(&params, order->batch);
    pg_params_text(&params, order->actor);
    pg_params_int8(&params, PAGE);
    return postgres_query(postgres, &MARK, &params, rows, error);
}

enum status store_resync_standing(struct postgres *postgres, struct span batch,
                                  struct resync_standing *out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, batch);
    enum status status = postgres_query(postgres, &STANDING, &params, &rows, error);
    if (status == STATUS_OK)
        *out = (struct resync_standing){rows_int(&rows, 0, 0), rows_int(&rows, 0, 1),
                                        rows_int(&rows, 0, 2)};
    return status;
}
