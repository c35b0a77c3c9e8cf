#include "common/io/store_undo.h"

#include "common/base/scope.h"

/* ---- batches ------------------------------------------------------------------------------- */

#define BATCHES                                                                          \
    "(SELECT i.id, 'import' AS kind, i.feed AS name, i.file, i.state,"                   \
    " i.changed_at AS at FROM imports i"                                                 \
    " UNION ALL SELECT a.batch, 'resync', min(a.actor), '',"                             \
    " CASE WHEN bool_or(a.state IN ('pending', 'reading')) THEN 'running' ELSE 'done'"   \
    " END, max(a.acted_at) FROM drift_actions a WHERE a.batch LIKE 'resync-%'"           \
    " GROUP BY a.batch"                                                                  \
    " UNION ALL SELECT r.id, 'replay', r.choice, '', r.state, r.changed_at"              \
    " FROM replay_batches r"                                                             \
    " UNION ALL SELECT 'promotion-' || p.id, 'promotion',"                               \
    " replace(p.shadow, current_schema() || '_shadow_', ''), p.actor, 'done',"           \
    " p.promoted_at FROM replay_promotions p) b"
#define BATCH_COLUMNS                                                                    \
    "b.id, b.kind, b.name, b.file, b.state, b.at,"                                       \
    " (SELECT coalesce(sum(u.done), 0)::bigint FROM undos u WHERE u.batch = b.id)"

static const struct statement LIST = {
    "undo_list", "SELECT " BATCH_COLUMNS " FROM " BATCHES " ORDER BY b.at DESC LIMIT $1"};

static const struct statement FIND = {
    "undo_find", "SELECT " BATCH_COLUMNS " FROM " BATCHES
                 " WHERE starts_with(b.id, $1) ORDER BY b.id <> $1 LIMIT 2"};

static enum status read_batch(void *self, const struct rows *row, struct error *error)
{
    const struct undo_batch_visitor *visitor = self;
    const struct undo_batch batch = {.id = rows_span(row, 0, 0),
                                     .kind = rows_span(row, 0, 1),
                                     .name = rows_span(row, 0, 2),
                                     .file = rows_span(row, 0, 3),
                                     .state = rows_span(row, 0, 4),
                                     .at_us = rows_time(row, 0, 5),
                                     .undone = rows_int(row, 0, 6)};
    return visitor->each(visitor->self, &batch, error);
}

enum status store_undo_batches(struct postgres *postgres, int64_t limit,
                               const struct undo_batch_visitor *visitor,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_batch_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_batch, .self = &copy};
    pg_params_init(&params);
    pg_params_int8(&params, limit);
    return postgres_stream(postgres, &LIST, &params, &reader, error);
}

enum status store_undo_find(struct postgres *postgres, struct span prefix,
                            const struct undo_batch_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_batch_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_batch, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, prefix);
    return postgres_stream(postgres, &FIND, &params, &reader, error);
}

/* ---- what the ledger says -------------------------------------------------------------------- */

static const char SCOPE_DROP[] = "DROP TABLE IF EXISTS undo_scope";

/* Pages that hold the trace are found first, and only they are unpacked; see explain. */
static const struct statement SCOPE = {
    "undo_scope",
    "CREATE TEMPORARY TABLE undo_scope AS WITH pages AS MATERIALIZED (SELECT DISTINCT"
    " topic, partition, next_offset, judged_at FROM ledger"
    " WHERE strpos(lines, '00-' || $1 || '-') > 0)"
    " SELECT DISTINCT e.sku, e.location, e.source FROM pages p CROSS JOIN LATERAL ("
    "SELECT i.sku, i.location, i.source FROM idempotency i WHERE i.topic = p.topic"
    " AND i.partition = p.partition AND i.page_next_offset = p.next_offset"
    " AND i.judged_at = p.judged_at AND i.type IN (0, 1)"
    " AND starts_with(i.traceparent, '00-' || $1 || '-') OFFSET 0) e"};

/* Orders of the batch that were recorded; an order of nothing took nothing. */
static const struct statement ORDERS = {
    "undo_orders",
    "WITH pages AS MATERIALIZED (SELECT DISTINCT topic, partition, next_offset, judged_at"
    " FROM ledger WHERE strpos(lines, '00-' || $1 || '-') > 0)"
    " SELECT e.sku, e.location, e.source, e.quantity, e.occurred_at, e.partition,"
    " e.record_offset, k.state FROM pages p CROSS JOIN LATERAL ("
    "SELECT i.* FROM idempotency i WHERE i.topic = p.topic"
    " AND i.partition = p.partition AND i.page_next_offset = p.next_offset"
    " AND i.judged_at = p.judged_at AND i.type = 3 AND i.quantity <> 0"
    " AND starts_with(i.traceparent, '00-' || $1 || '-') OFFSET 0) e"
    " LEFT JOIN undo_pairs k ON k.batch = $2 AND k.sku = e.sku"
    " AND k.location = e.location AND k.source = e.source"
    " ORDER BY e.sku COLLATE \"C\", e.location COLLATE \"C\", e.source COLLATE \"C\","
    " e.judged_at, e.record_offset"};

static const struct statement SCOPE_COUNT = {"undo_scope_count",
                                             "SELECT count(*) FROM undo_scope"};

/* Rows of a SKU lie on one partition, in the order of their offsets; where the topic was
 * laid out anew, in the order of the pages' times. */
static const struct statement ROWS = {
    "undo_rows",
    "SELECT u.sku, u.location, u.source, e.source, e.type, e.outcome, e.quantity,"
    " e.occurred_at, e.version, e.sees_orders_until, e.before,"
    " coalesce(e.source = u.source AND starts_with(e.traceparent, '00-' || $1 || '-'),"
    " false), coalesce(e.source = u.source AND starts_with(e.event_id, $2), false),"
    " e.recorded_at, e.topic, e.partition, e.record_offset, r.count, r.counted_at,"
    " r.version, r.adjusted, r.adjusted_at, r.sees_orders_until, r.sku IS NOT NULL,"
    " EXISTS (SELECT FROM source_readings o WHERE o.sku = u.sku"
    " AND o.location = u.location AND o.source <> u.source"
    " AND o.source <> ALL ($4::text[])), l.source, l.quantity,"
    " (SELECT min(a.occurred_at) FROM adjustments a WHERE a.sku = u.sku"
    " AND a.location = u.location AND a.source = u.source), k.state,"
    " coalesce(starts_with(e.traceparent, '00-' || $1 || '-'), false)"
    " OR coalesce(starts_with(e.event_id, $2), false)"
    " FROM undo_scope u JOIN idempotency e ON e.sku = u.sku AND e.location = u.location"
    " LEFT JOIN source_readings r ON r.sku = u.sku AND r.location = u.location"
    " AND r.source = u.source"
    " LEFT JOIN levels l ON l.sku = u.sku AND l.location = u.location"
    " LEFT JOIN undo_pairs k ON k.batch = $3 AND k.sku = u.sku"
    " AND k.location = u.location AND k.source = u.source WHERE e.type IN (0, 1)"
    " ORDER BY u.sku COLLATE \"C\", u.location COLLATE \"C\", u.source COLLATE \"C\","
    " e.judged_at, e.record_offset"};

static const struct statement WHOLE = {
    "undo_whole",
    "SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM ledger_retired"};

static const struct statement ADJUSTED = {
    "undo_adjusted", "SELECT coalesce(sum(quantity), 0)::bigint FROM adjustments"
                     " WHERE sku = $1 AND location = $2 AND source = $3"
                     " AND occurred_at > $4"};

static const struct statement UNITS = {
    "undo_units", "SELECT count(*) > 0, coalesce(bool_or(kind = 2), false)"
                  " FROM shop_units WHERE sku = ANY ($1::text[])"
                  " AND location IN ($2, '') AND at > $3 AND at <= $4"};

static const struct statement UNJUDGED = {
    "undo_unjudged",
    "SELECT coalesce(sum(greatest(e.n - greatest(coalesce(p.next_offset, 0),"
    " 0), 0)), 0)::bigint FROM unnest($2::bigint[]) WITH ORDINALITY AS e (n, place)"
    " LEFT JOIN progress p ON p.topic = $1 AND p.partition = e.place - 1"};

enum status store_undo_scope(struct postgres *postgres, const struct undo_scope *scope,
                             int64_t *pairs_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, scope->trace);
    enum status status = postgres_script(postgres, SCOPE_DROP, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &SCOPE, &params, NULL, error);
    if (status == STATUS_OK)
        status = postgres_script(postgres, "ANALYZE undo_scope", error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &SCOPE_COUNT, NULL, &rows, error);
    *pairs_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

static struct reading reading_of(const struct rows *row)
{
    return (struct reading){.exists = rows_bool(row, 0, 23),
                            .has_count = !rows_is_null(row, 0, 17),
                            .count = rows_int(row, 0, 17),
                            .counted_at_us = rows_time(row, 0, 18),
                            .has_version = !rows_is_null(row, 0, 19),
                            .version = rows_int(row, 0, 19),
                            .adjusted = rows_int(row, 0, 20),
                            .has_adjusted = !rows_is_null(row, 0, 21),
                            .adjusted_at_us = rows_time(row, 0, 21),
                            .has_sees_orders_until = !rows_is_null(row, 0, 22),
                            .sees_orders_until_us = rows_time(row, 0, 22)};
}

static struct event event_of(const struct rows *row)
{
    return (struct event){.type = (enum event_type)rows_int(row, 0, 4),
                          .quantity = rows_int(row, 0, 6),
                          .occurred_at_us = rows_time(row, 0, 7),
                          .has_version = !rows_is_null(row, 0, 8),
                          .version = rows_int(row, 0, 8),
                          .has_sees_orders_until = !rows_is_null(row, 0, 9),
                          .sees_orders_until_us = rows_time(row, 0, 9)};
}

static enum status read_row(void *self, const struct rows *row, struct error *error)
{
    const struct undo_row_visitor *visitor = self;
    struct undo_row_view view = {.sku = rows_span(row, 0, 0),
                                 .location = rows_span(row, 0, 1),
                                 .source = rows_span(row, 0, 2),
                                 .row_source = rows_span(row, 0, 3),
                                 .topic = rows_span(row, 0, 14),
                                 .partition = rows_int(row, 0, 15),
                                 .offset = rows_int(row, 0, 16),
                                 .reading = reading_of(row),
                                 .has_others = rows_bool(row, 0, 24),
                                 .ruling = rows_span(row, 0, 25),
                                 .has_level = !rows_is_null(row, 0, 26),
                                 .level = rows_int(row, 0, 26),
                                 .has_first_adjusted = !rows_is_null(row, 0, 27),
                                 .first_adjusted_us = rows_time(row, 0, 27),
                                 .kept = rows_span(row, 0, 28)};
    view.row = (struct undo_row){.event = event_of(row),
                                 .outcome = (enum outcome)rows_int(row, 0, 5),
                                 .is_own = span_equal(view.row_source, view.source),
                                 .is_batch = rows_bool(row, 0, 11),
                                 .is_undo = rows_bool(row, 0, 12),
                                 .is_beside = rows_bool(row, 0, 29),
                                 .rules = span_equal(view.row_source, view.ruling),
                                 .has_before = !rows_is_null(row, 0, 10),
                                 .before = rows_int(row, 0, 10),
                                 .recorded_at_us = rows_time(row, 0, 13)};
    return visitor->each(visitor->self, &view, error);
}

enum status store_undo_rows(struct postgres *postgres, const struct undo_scope *scope,
                            struct span batch, const struct undo_row_visitor *visitor,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_row_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_row, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, scope->trace);
    pg_params_text(&params, scope->undo_id);
    pg_params_text(&params, batch);
    pg_params_text_array(&params, scope->shops, scope->shop_count);
    return postgres_stream(postgres, &ROWS, &params, &reader, error);
}

static enum status read_order(void *self, const struct rows *row, struct error *error)
{
    const struct undo_sale_visitor *visitor = self;
    const struct undo_sale sale = {.sku = rows_span(row, 0, 0),
                                   .location = rows_span(row, 0, 1),
                                   .shop = rows_span(row, 0, 2),
                                   .units = rows_int(row, 0, 3),
                                   .occurred_at_us = rows_time(row, 0, 4),
                                   .partition = rows_int(row, 0, 5),
                                   .offset = rows_int(row, 0, 6),
                                   .kept = rows_span(row, 0, 7)};
    return visitor->each(visitor->self, &sale, error);
}

enum status store_undo_sales(struct postgres *postgres, struct span trace,
                             struct span batch, const struct undo_sale_visitor *visitor,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct undo_sale_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_order, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, trace);
    pg_params_text(&params, batch);
    return postgres_stream(postgres, &ORDERS, &params, &reader, error);
}

enum status store_undo_whole(struct postgres *postgres, bool *dropped_out,
                             int64_t *since_us_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &WHOLE, NULL, &rows, error);
    *dropped_out = status == STATUS_OK && !rows_is_null(&rows, 0, 0);
    *since_us_out = status == STATUS_OK ? rows_time(&rows, 0, 0) : 0;
    return status;
}

enum status store_undo_adjusted(struct postgres *postgres, const struct event *event,
                                int64_t after_us, int64_t *sum_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, event->sku);
    pg_params_text(&params, event->location_code);
    pg_params_text(&params, event->source_name);
    pg_params_time(&params, true, after_us);
    enum status status = postgres_query(postgres, &ADJUSTED, &params, &rows, error);
    *sum_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

enum status store_undo_units(struct postgres *postgres, struct undo_units *units,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text_array(&params, units->skus, units->sku_count);
    pg_params_text(&params, units->location);
    pg_params_time(&params, true, units->span.from_us);
    pg_params_time(&params, true, units->span.to_us);
    enum status status = postgres_query(postgres, &UNITS, &params, &rows, error);
    units->any = status == STATUS_OK && rows_bool(&rows, 0, 0);
    units->gone = status == STATUS_OK && rows_bool(&rows, 0, 1);
    return status;
}

enum status store_undo_unjudged(struct postgres *postgres, const struct undo_ends *ends,
                                int64_t *records_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, ends->topic);
    pg_params_int8_array(&params, ends->ends, NULL, ends->count);
    enum status status = postgres_query(postgres, &UNJUDGED, &params, &rows, error);
    *records_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}
