#include "common/io/store_push.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

static const struct statement OPEN_WRITE = {
    "push_open", "SELECT w.id, w.key::text, w.body, w.attempts::bigint,"
                 " (extract(epoch FROM now() - w.created_at) * 1000)::bigint"
                 " FROM shop_writes w WHERE w.shop = $1 AND w.settled_at IS NULL"
                 " AND (CASE WHEN w.epoch = $2 THEN w.caller = $3 ELSE $3 = 0 END)"
                 " ORDER BY w.id LIMIT 1"};

static const struct statement OPEN_PAIRS = {
    "push_open_pairs", "SELECT sku, location, quantity, traceparent FROM shop_write_pairs"
                       " WHERE write_id = $1 ORDER BY ordinal"};

static const struct statement TRY = {
    "push_try", "UPDATE shop_writes SET attempts = attempts + 1, detail = $3,"
                " state = CASE WHEN $2 THEN 'unknown' ELSE state END"
                " WHERE id = $1 AND settled_at IS NULL"};

/* Fates by number as in common/domain/push_decide.h: 1 applied, 2 reread, 3 quarantine.
 */
static const struct statement SETTLE = {
    "push_settle", UNDER_LEASE
    ", w AS (UPDATE shop_writes SET state = $6, detail = $7, body = '',"
    " attempts = attempts + 1, settled_at = clock_timestamp()"
    " FROM lease WHERE id = $5 AND settled_at IS NULL RETURNING id),"
    " u AS (SELECT * FROM unnest($9::text[], $10::text[], $11::bigint[], $12::int2[],"
    " $13::text[]) u (sku, location, quantity, fate, fault)),"
    " held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l, w"
    " WHERE l.shop = $1 AND l.write_id = w.id AND (l.sku, l.location) IN"
    " (SELECT u.sku, u.location FROM u)" PAIR_ORDER " FOR UPDATE OF l),"
    " done AS (UPDATE shop_levels l SET write_id = NULL, fault = u.fault,"
    " shown = CASE u.fate WHEN 1 THEN u.quantity WHEN 0 THEN l.shown END,"
    " shown_at = CASE u.fate WHEN 0 THEN l.shown_at ELSE clock_timestamp() END,"
    " held_until = CASE u.fate WHEN 2 THEN clock_timestamp() + $8 * interval '1 ms' END,"
    " left_at = CASE WHEN u.fate = 1 THEN u.quantity"
    " WHEN u.fate = 2 AND $14 THEN greatest(l.left_at, u.quantity) ELSE l.left_at END,"
    " dirty = l.undecided OR " PAIR_IS_OFF(
        "l.desired", "(CASE u.fate WHEN 1 THEN u.quantity WHEN 0 THEN l.shown END)",
        "l.short") " FROM held JOIN u USING (sku, location)"
                   " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location RETURNING 1)"
                   " SELECT (SELECT count(*) FROM lease), (SELECT count(*) FROM done)"};

static const struct statement SHOWN = {
    "push_shown", UNDER_LEASE
    ", u AS (SELECT * FROM unnest($5::text[], $6::text[], $7::bigint[], $8::text[])"
    " u (sku, location, shown, fault)),"
    " held AS MATERIALIZED (SELECT l.sku, l.location, l.left_at, l.shown_at"
    " FROM shop_levels l, lease WHERE l.shop = $1 AND l.shown IS NULL AND l.write_id IS NULL"
    " AND (l.shown_at IS NULL OR l.shown_at <= $10)"
    " AND (l.sku, l.location) IN (SELECT u.sku, u.location FROM u)" PAIR_ORDER
    " FOR UPDATE OF l),"
    " lost AS MATERIALIZED (SELECT held.sku, held.location, held.left_at - u.shown"
    " + CASE WHEN $9 THEN " PUT_BACK_SINCE " ELSE 0 END AS units"
    " FROM held JOIN u USING (sku, location)),"
    " gone AS (INSERT INTO shop_units (sku, location, shop, at, kind, units)"
    " SELECT sku, location, $1, clock_timestamp(), 2, units FROM lost WHERE units > 0"
    " RETURNING sku, location),"
    " done AS (UPDATE shop_levels l SET shown = u.shown, shown_at = clock_timestamp(),"
    " fault = u.fault, stocked = l.stocked AND u.fault <> 'not_stocked',"
    " left_at = coalesce(u.shown, l.left_at),"
    " undecided = l.undecided OR gone.sku IS NOT NULL,"
    " dirty = l.undecided OR gone.sku IS NOT NULL"
    " OR " PAIR_IS_OFF(
        "l.desired", "u.shown",
        "l.short") " FROM held JOIN u USING (sku, location) LEFT JOIN gone USING (sku, location)"
                   " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location RETURNING 1)"
                   " SELECT (SELECT count(*) FROM lease), (SELECT count(*) FROM done)"};

static const struct statement ACTIVATED = {
    "push_activated", UNDER_LEASE
    ", u AS (SELECT * FROM unnest($5::text[], $6::text[], $7::text[])"
    " u (sku, location, fault)),"
    " held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l, lease"
    " WHERE l.shop = $1 AND NOT l.stocked AND l.write_id IS NULL"
    " AND (l.sku, l.location) IN (SELECT u.sku, u.location FROM u)" PAIR_ORDER
    " FOR UPDATE OF l),"
    " done AS (UPDATE shop_levels l SET stocked = u.fault = '', fault = u.fault,"
    " shown = NULL, dirty = true FROM held JOIN u USING (sku, location)"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location RETURNING 1)"
    " SELECT (SELECT count(*) FROM lease), (SELECT count(*) FROM done)"};

static const struct statement BACKLOG = {"push_backlog",
                                         "SELECT count(*) FILTER (WHERE fault = ''),"
                                         " count(*) FILTER (WHERE fault <> ''),"
                                         " coalesce((extract(epoch FROM now()"
                                         " - min(desired_at) FILTER (WHERE fault = ''))"
                                         " * 1000000)::bigint, 0)"
                                         " FROM shop_levels WHERE shop = $1 AND dirty"};

void store_lease_params(struct pg_params *params, const struct push_lease *lease)
{
    pg_params_text(params, lease->shop);
    pg_params_text(params, lease->owner);
    pg_params_int8(params, lease->epoch);
    pg_params_int8(params, lease->length_ms);
}

/* ---- open writes --------------------------------------------------------------------
 */

static enum status load_pairs(struct postgres *postgres, struct pool *pool,
                              struct open_write *write, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, write->id);
    enum status status = postgres_query(postgres, &OPEN_PAIRS, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    if (rows.count < 1 || rows.count > PUSH_PAIRS_MAX)
        return error_set(error, STATUS_FATAL, "write %lld has %d pairs, not 1 to %d",
                         (long long)write->id, rows.count, PUSH_PAIRS_MAX);
    write->count = (size_t)rows.count;
    for (int row = 0; row < rows.count; row++) {
        write->skus[row] = pool_span(pool, rows_span(&rows, row, 0));
        write->locations[row] = pool_span(pool, rows_span(&rows, row, 1));
        write->quantities[row] = rows_int(&rows, row, 2);
        write->traceparents[row] = rows_span(&rows, row, 3);
        if (write->traceparents[row].bytes != NULL)
            write->traceparents[row] = pool_span(pool, write->traceparents[row]);
    }
    return STATUS_OK;
}

enum status store_open_write(struct postgres *postgres, const struct push_lease *lease,
                             struct pool *pool, struct open_write *write,
                             struct error *error)
{
    write->id = 0;
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_int8(&params, lease->epoch);
    pg_params_int8(&params, lease->caller);
    enum status status = postgres_query(postgres, &OPEN_WRITE, &params, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    write->id = rows_int(&rows, 0, 0);
    write->key = pool_span(pool, rows_span(&rows, 0, 1));
    write->body = pool_span(pool, rows_span(&rows, 0, 2));
    write->attempts = rows_int(&rows, 0, 3);
    write->age_ms = rows_int(&rows, 0, 4);
    return load_pairs(postgres, pool, write, error);
}

enum status store_try(struct postgres *postgres, int64_t write_id, bool unknown,
                      const char *detail, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, write_id);
    pg_params_bool(&params, unknown);
    pg_params_text(&params, span_from(detail));
    return postgres_query(postgres, &TRY, &params, NULL, error);
}

/* ---- the ends -----------------------------------------------------------------------
 */

static enum status run_under_lease(struct postgres *postgres,
                                   const struct statement *statement,
                                   const struct pg_params *params,
                                   struct push_lease *lease, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, statement, params, &rows, error);
    if (status == STATUS_OK)
        lease->lost = rows_int(&rows, 0, 0) != 1;
    return status;
}

enum status store_settle(struct postgres *postgres, struct push_lease *lease,
                         const struct open_write *write,
                         const struct settlement *settlement, struct error *error)
{
    int16_t fates[PUSH_PAIRS_MAX];
    struct span faults[PUSH_PAIRS_MAX];
    for (size_t at = 0; at < write->count; at++) {
        bool quarantined = settlement->fates[at] == PUSH_FATE_QUARANTINE;
        fates[at] = (int16_t)settlement->fates[at];
        faults[at] = span_from(quarantined ? settlement->faults[at] : "");
    }
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    store_lease_params(&params, lease);
    pg_params_int8(&params, write->id);
    pg_params_text(&params, span_from(settlement->state));
    pg_params_text(&params, span_from(settlement->detail));
    pg_params_int8(&params, settlement->hold_ms);
    pg_params_text_array(&params, write->skus, write->count);
    pg_params_text_array(&params, write->locations, write->count);
    pg_params_int8_array(&params, write->quantities, NULL, write->count);
    pg_params_int2_array(&params, fates, write->count);
    pg_params_text_array(&params, faults, write->count);
    pg_params_bool(&params, settlement->maybe_applied);
    return run_under_lease(postgres, &SETTLE, &params, lease, error);
}

enum status store_shown(struct postgres *postgres, struct push_lease *lease,
                        const struct shown_levels *levels, struct error *error)
{
    struct span texts[3][PUSH_PAIRS_MAX];
    int64_t shown[PUSH_PAIRS_MAX];
    bool present[PUSH_PAIRS_MAX];
    const struct read_pair *pairs = levels->pairs;
    size_t count = levels->count;
    ASSERT(count > 0 && count <= PUSH_PAIRS_MAX);
    for (size_t at = 0; at < count; at++) {
        texts[0][at] = pairs[at].sku;
        texts[1][at] = pairs[at].location;
        texts[2][at] = span_from(pairs[at].fault);
        shown[at] = pairs[at].shown;
        present[at] = pairs[at].has_shown;
    }
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    store_lease_params(&params, lease);
    pg_params_text_array(&params, texts[0], count);
    pg_params_text_array(&params, texts[1], count);
    pg_params_int8_array(&params, shown, present, count);
    pg_params_text_array(&params, texts[2], count);
    pg_params_bool(&params, levels->mode == LEVEL_AVAILABLE);
    pg_params_time(&params, true, levels->since_us);
    return run_under_lease(postgres, &SHOWN, &params, lease, error);
}

enum status store_activated(struct postgres *postgres, struct push_lease *lease,
                            const struct activated_pair *pairs, size_t count,
                            struct error *error)
{
    struct span texts[3][PUSH_PAIRS_MAX];
    ASSERT(count > 0 && count <= PUSH_PAIRS_MAX);
    for (size_t at = 0; at < count; at++) {
        texts[0][at] = pairs[at].sku;
        texts[1][at] = pairs[at].location;
        texts[2][at] = span_from(pairs[at].fault);
    }
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    store_lease_params(&params, lease);
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        pg_params_text_array(&params, texts[column], count);
    return run_under_lease(postgres, &ACTIVATED, &params, lease, error);
}

enum status store_backlog(struct postgres *postgres, struct span shop,
                          struct push_backlog *backlog, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &BACKLOG, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    backlog->dirty = rows_int(&rows, 0, 0);
    backlog->faulted = rows_int(&rows, 0, 1);
    backlog->oldest_us = rows_int(&rows, 0, 2);
    return STATUS_OK;
}
