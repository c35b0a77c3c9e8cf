/*
 * The writing half of store_undo.h.
 */
#include "common/base/scope.h"
#include "common/io/store_undo.h"

#include <stdio.h>

static const struct statement BEGIN = {
    "undo_begin", "INSERT INTO undos (batch, kind, actor, why) VALUES ($1, $2, $3, $4)"
                  " RETURNING id"};

static const struct statement INTEND = {
    "undo_intend",
    "INSERT INTO undo_pairs (batch, sku, location, source, undo_id, rule, events, state)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, 'intended') ON CONFLICT DO NOTHING"};

/* The order is the same for both: what was read is what is marked. */
#define OPEN_PAIRS                                                                       \
    "SELECT sku, location, source, events FROM undo_pairs WHERE batch = $1"              \
    " AND state = 'intended' ORDER BY sku, location, source LIMIT $2"

static const struct statement OPEN = {"undo_open", OPEN_PAIRS};

static const struct statement SENT = {
    "undo_sent", "UPDATE undo_pairs u SET state = 'sent' FROM (" OPEN_PAIRS ") o"
                 " WHERE u.batch = $1 AND u.sku = o.sku AND u.location = o.location"
                 " AND u.source = o.source"};

static const struct statement END = {
    "undo_end", "UPDATE undos SET done = $2, refused = $3 WHERE id = $1"};

enum status store_undo_begin(struct postgres *postgres, const struct undo_order *order,
                             int64_t *id_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, order->batch);
    pg_params_text(&params, order->kind);
    pg_params_text(&params, order->actor);
    pg_params_text(&params, order->why);
    enum status status = postgres_query(postgres, &BEGIN, &params, &rows, error);
    if (status == STATUS_OK)
        *id_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_undo_intend(struct postgres *postgres, const struct undo_pair *pair,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, pair->batch);
    pg_params_text(&params, pair->sku);
    pg_params_text(&params, pair->location);
    pg_params_text(&params, pair->source);
    pg_params_int8(&params, pair->undo_id);
    pg_params_text(&params, span_from(pair->rule));
    pg_params_text(&params, pair->events);
    return postgres_query(postgres, &INTEND, &params, NULL, error);
}

static enum status read_kept(void *self, const struct rows *row, struct error *error)
{
    const struct undo_kept_visitor *visitor = self;
    const struct undo_kept kept = {.sku = rows_span(row, 0, 0),
                                   .events = rows_span(row, 0, 3)};
    return visitor->each(visitor->self, &kept, error);
}

static void add_page(struct pg_params *params, struct span batch, int64_t limit)
{
    pg_params_init(params);
    pg_params_text(params, batch);
    pg_params_int8(params, limit);
}

enum status store_undo_open(struct postgres *postgres, struct span batch, int64_t limit,
                            const struct undo_kept_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_kept_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_kept, .self = &copy};
    add_page(&params, batch, limit);
    return postgres_stream(postgres, &OPEN, &params, &reader, error);
}

enum status store_undo_sent(struct postgres *postgres, struct span batch, int64_t limit,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    add_page(&params, batch, limit);
    return postgres_query(postgres, &SENT, &params, NULL, error);
}

enum status store_undo_end(struct postgres *postgres, int64_t id, int64_t done,
                           int64_t refused, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, id);
    pg_params_int8(&params, done);
    pg_params_int8(&params, refused);
    return postgres_query(postgres, &END, &params, NULL, error);
}

/* ---- a promotion ----------------------------------------------------------------------------- */

/* standing: one that brought a former state back is no news of its own. */
static const struct statement PROMOTION = {
    "undo_promotion",
    "SELECT p.former, p.former <> '' AND to_regclass(format('%I.replay_shadow',"
    " current_schema() || '_shadow_' || p.former)) IS NOT NULL,"
    " EXISTS (SELECT FROM replay_promotions t WHERE t.takes_back = p.id),"
    " coalesce((SELECT max(l.id) FROM replay_promotions l"
    " WHERE l.id > p.id AND l.takes_back IS NULL AND NOT EXISTS (SELECT"
    " FROM replay_promotions t WHERE t.takes_back = l.id)), 0)"
    " FROM replay_promotions p WHERE 'promotion-' || p.id = $1"};

static const struct statement APART = {
    "undo_apart", "SELECT sku, location, source, has, gets"
                  " FROM replay_apart(current_schema() || '_shadow_' || $1)"};

enum status store_undo_promotion(struct postgres *postgres, struct span id,
                                 struct undo_promotion *out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, id);
    *out = (struct undo_promotion){0};
    enum status status = postgres_query(postgres, &PROMOTION, &params, &rows, error);
    if (status != STATUS_OK || rows.count != 1)
        return status;
    (void)snprintf(out->former, sizeof(out->former), "%.*s",
                   SPAN_ARGS(rows_span(&rows, 0, 0)));
    out->is_kept = rows_bool(&rows, 0, 1);
    out->is_back = rows_bool(&rows, 0, 2);
    out->standing = rows_int(&rows, 0, 3);
    return STATUS_OK;
}

static enum status read_apart(void *self, const struct rows *row, struct error *error)
{
    const struct undo_apart_visitor *visitor = self;
    const struct undo_apart apart = {.sku = rows_span(row, 0, 0),
                                     .location = rows_span(row, 0, 1),
                                     .source = rows_span(row, 0, 2),
                                     .has_level = !rows_is_null(row, 0, 3),
                                     .level = rows_int(row, 0, 3),
                                     .has_back = !rows_is_null(row, 0, 4),
                                     .back = rows_int(row, 0, 4)};
    return visitor->each(visitor->self, &apart, error);
}

enum status store_undo_apart(struct postgres *postgres, struct span former,
                             const struct undo_apart_visitor *visitor,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_apart_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_apart, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, former);
    return postgres_stream(postgres, &APART, &params, &reader, error);
}

/* ---- a resync -------------------------------------------------------------------------------- */

/*
 * Pairs of the resync ($1), each with the first write that was applied after it was asked
 * for. moved_by: what has happened to the pair since that write; '' = nothing. An order
 * is one.
 */
#define WRITES                                                                           \
    "asked AS (SELECT shop, sku, location, min(acted_at) AS at FROM drift_actions"       \
    " WHERE batch = $1 AND action = 'resync' GROUP BY shop, sku, location),"             \
    " writes AS (SELECT a.shop, a.sku, a.location, w.id, w.change_from, w.quantity,"     \
    " w.settled_at FROM asked a LEFT JOIN LATERAL (SELECT w.id, p.change_from,"          \
    " p.quantity, w.settled_at FROM shop_write_pairs p JOIN shop_writes w"               \
    " ON w.id = p.write_id WHERE p.sku = a.sku AND p.location = a.location"              \
    " AND w.shop = a.shop AND w.created_at >= a.at AND w.state = 'applied'"              \
    " ORDER BY w.id LIMIT 1) w ON true),"                                                \
    " judged AS (SELECT w.*, CASE"                                                       \
    " WHEN w.id IS NULL THEN '' WHEN l.sku IS NULL THEN 'the pair is gone'"              \
    " WHEN EXISTS (SELECT FROM shop_write_pairs p JOIN shop_writes x"                    \
    " ON x.id = p.write_id WHERE p.sku = w.sku AND p.location = w.location"              \
    " AND x.shop = w.shop AND x.id > w.id) THEN 'a later write'"                         \
    " WHEN l.write_id IS NOT NULL THEN 'a write under way'"                              \
    " WHEN l.undecided OR l.desired IS DISTINCT FROM w.quantity THEN 'a new level'"      \
    " WHEN l.shown IS DISTINCT FROM w.quantity THEN 'the shop shows another level'"      \
    " WHEN EXISTS (SELECT FROM shop_units s WHERE s.sku = w.sku"                         \
    " AND s.location IN (w.location, '') AND s.at > w.settled_at) THEN 'orders'"         \
    " ELSE '' END AS moved FROM writes w LEFT JOIN shop_levels l ON l.shop = w.shop"     \
    " AND l.sku = w.sku AND l.location = w.location)"

static const struct statement LOOK = {
    "undo_writes", "WITH " WRITES " SELECT shop, sku, location, id IS NOT NULL,"
                   " change_from, quantity, moved FROM judged"
                   " ORDER BY shop, sku, location"};

static enum status read_write(void *self, const struct rows *row, struct error *error)
{
    const struct undo_write_visitor *visitor = self;
    const struct undo_write write = {.shop = rows_span(row, 0, 0),
                                     .sku = rows_span(row, 0, 1),
                                     .location = rows_span(row, 0, 2),
                                     .was_written = rows_bool(row, 0, 3),
                                     .has_from = !rows_is_null(row, 0, 4),
                                     .from = rows_int(row, 0, 4),
                                     .to = rows_int(row, 0, 5),
                                     .is_moved = rows_span(row, 0, 6).length > 0,
                                     .moved_by = rows_span(row, 0, 6)};
    return visitor->each(visitor->self, &write, error);
}

enum status store_undo_writes(struct postgres *postgres, struct span batch,
                              const struct undo_write_visitor *visitor,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_write_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_write, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, batch);
    return postgres_stream(postgres, &LOOK, &params, &reader, error);
}
