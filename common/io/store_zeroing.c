#include "common/io/store_zeroing.h"

#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

#define IN_WINDOW "(zeroed_since > now() - $2 * interval '1 second')"

static const struct statement ZEROING = {
    "zeroing", "SELECT EXISTS (SELECT 1 FROM guard_stops WHERE shop = $1"
               " AND scope = 'zeroing'), coalesce((SELECT CASE WHEN " IN_WINDOW
               " THEN zeroed ELSE 0 END FROM shop_leases WHERE shop = $1), 0)"};

static const struct statement LEVELS = {
    "zeroing_levels",
    "SELECT count(*) FROM shop_levels WHERE shop = $1 AND desired IS NOT NULL"};

static const struct statement WAITING = {
    "zeroing_waiting", "SELECT count(*) FROM shop_levels WHERE shop = $1 AND dirty"
                       " AND write_id IS NULL AND fault = '' AND desired <= 0"
                       " AND shown > 0"};

static const struct statement ADD = {
    "zeroing_add", "UPDATE shop_leases SET zeroed = CASE WHEN " IN_WINDOW
                   " THEN zeroed + $3 ELSE $3 END, zeroed_since = CASE WHEN " IN_WINDOW
                   " THEN zeroed_since ELSE now() END WHERE shop = $1"};

static const struct statement STOP = {
    "zeroing_stop", "INSERT INTO guard_stops (shop, scope, guard)"
                    " VALUES ($1, 'zeroing', $2) ON CONFLICT DO NOTHING"};

#define FREE(condition)                                                                  \
    "WITH held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l"             \
    " WHERE l.shop = $1 AND l.fault = '" ZEROING_FAULT "'" condition PAIR_ORDER          \
    " FOR UPDATE OF l), done AS (UPDATE shop_levels l SET fault = '', dirty = true"      \
    " FROM held WHERE l.shop = $1 AND l.sku = held.sku"                                  \
    " AND l.location = held.location RETURNING 1) SELECT count(*) FROM done"

static const struct statement WAKE = {
    "zeroing_wake", FREE(" AND (l.desired > 0 OR l.desired IS NULL OR l.undecided)")};

static const struct statement STOPPED = {
    "zeroing_stopped",
    "SELECT told, stopped_at, (SELECT count(*) FROM shop_levels l WHERE l.shop = $1"
    " AND l.fault = '" ZEROING_FAULT "') FROM guard_stops WHERE shop = $1"
    " AND scope = 'zeroing' FOR UPDATE"};

static const struct statement TOLD = {
    "zeroing_told",
    "UPDATE guard_stops SET told = true WHERE shop = $1 AND scope = 'zeroing'"};

static const struct statement LEASE = {
    "zeroing_lease", "SELECT 1 FROM shop_leases WHERE shop = $1 FOR UPDATE"};

static const struct statement END = {
    "zeroing_end", "DELETE FROM guard_stops WHERE shop = $1 AND scope = 'zeroing'"};

static const struct statement FREE_ALL = {"zeroing_free", FREE("")};

/* What goes on is written within the window that begins here, and was counted by a person. */
static const struct statement ALLOW = {
    "zeroing_allow",
    "UPDATE shop_leases SET zeroed = -$2, zeroed_since = now() WHERE shop = $1"};

static enum status run(struct postgres *postgres, const struct statement *statement,
                       struct span shop, struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    return postgres_query(postgres, statement, &params, rows, error);
}

enum status store_zeroing(struct postgres *postgres, struct span shop, int64_t window_s,
                          struct zeroing *out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, window_s);
    enum status status = postgres_query(postgres, &ZEROING, &params, &rows, error);
    if (status == STATUS_OK)
        *out = (struct zeroing){rows_bool(&rows, 0, 0), rows_int(&rows, 0, 1)};
    return status;
}

enum status store_zeroing_levels(struct postgres *postgres, struct span shop,
                                 int64_t *levels_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = run(postgres, &LEVELS, shop, &rows, error);
    if (status == STATUS_OK)
        *levels_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_zeroing_waiting(struct postgres *postgres, struct span shop,
                                  int64_t *waiting_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = run(postgres, &WAITING, shop, &rows, error);
    if (status == STATUS_OK)
        *waiting_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_zeroing_add(struct postgres *postgres, struct span shop,
                              int64_t window_s, int64_t count, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, window_s);
    pg_params_int8(&params, count);
    return postgres_query(postgres, &ADD, &params, NULL, error);
}

enum status store_zeroing_stop(struct postgres *postgres, struct span shop,
                               const char *guard, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text(&params, span_from(guard));
    return postgres_query(postgres, &STOP, &params, NULL, error);
}

enum status store_zeroing_wake(struct postgres *postgres, struct span shop,
                               struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    return run(postgres, &WAKE, shop, &rows, error);
}

enum status store_zeroing_stopped(struct postgres *postgres, struct span shop,
                                  struct zeroing_stop *out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = run(postgres, &STOPPED, shop, &rows, error);
    *out = (struct zeroing_stop){.is_there = status == STATUS_OK && rows.count == 1};
    if (!out->is_there)
        return status;
    out->is_told = rows_bool(&rows, 0, 0);
    out->stopped_at_us = rows_time(&rows, 0, 1);
    out->held = rows_int(&rows, 0, 2);
    return STATUS_OK;
}

enum status store_zeroing_told(struct postgres *postgres, struct span shop,
                               struct error *error)
{
    return run(postgres, &TOLD, shop, NULL, error);
}

static enum status allow(struct postgres *postgres, struct span shop, int64_t count,
                         struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, count);
    return postgres_query(postgres, &ALLOW, &params, NULL, error);
}

enum status store_zeroing_release(struct postgres *postgres, struct span shop,
                                  int64_t *held_out, struct error *error)
{
    SCOPED(rows_release) struct rows lease = {0};
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = run(postgres, &LEASE, shop, &lease, error);
    if (status == STATUS_OK)
        status = run(postgres, &END, shop, NULL, error);
    if (status == STATUS_OK)
        status = run(postgres, &FREE_ALL, shop, &rows, error);
    *held_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status == STATUS_OK ? allow(postgres, shop, *held_out, error) : status;
}
