#include "common/io/store_alerts.h"

#include "common/base/check.h"
#include "common/base/scope.h"

static const struct statement TAKE_PARTITION = {
    "alerts_take",
    "INSERT INTO alert_progress AS p (topic, partition, epoch) VALUES ($1, $2, 1) "
    "ON CONFLICT (topic, partition) DO UPDATE SET epoch = p.epoch + 1 "
    "RETURNING epoch, next_offset"};

static const struct statement ADVANCE = {
    "alerts_advance", "UPDATE alert_progress SET next_offset = $5 WHERE topic = $1 "
                      "AND partition = $2 AND epoch = $3 AND next_offset = $4"};

static const struct statement LOAD = {
    "alerts_load",
    "SELECT incident_id, route, revision, wanted, crossing, severity, told, "
    "told_crossing, summary IS NOT NULL, since FROM alerts "
    "WHERE incident_id = ANY ($1) AND route = ANY ($2)"};

static const struct statement STANDINGS = {
    "alerts_incidents",
    "SELECT id, revision, state = 'resolved' FROM incidents WHERE id = ANY ($1)"};

/* A crossing that comes anew is told by itself, whatever the one before was told by. */
static const struct statement SAVE = {
    "alerts_save",
    "INSERT INTO alerts (incident_id, sku, route, revision, wanted, crossing, severity, "
    "value, since, queued_at, due_at, traceparent) SELECT incident_id, sku, route, "
    "revision, wanted, crossing, severity, value, since, clock_timestamp(), "
    "CASE WHEN wants THEN clock_timestamp() END, traceparent FROM unnest($1::text[], $2::text[], "
    "$3::text[], $4::bigint[], $5::int2[], $6::bigint[], $7::int2[], $8::text[], "
    "$9::timestamptz[], $10::boolean[], $11::text[]) AS u (incident_id, sku, route, "
    "revision, wanted, crossing, severity, value, since, wants, traceparent) "
    "ORDER BY incident_id COLLATE \"C\", route COLLATE \"C\" "
    "ON CONFLICT (incident_id, sku, route) DO UPDATE SET revision = excluded.revision, "
    "wanted = excluded.wanted, severity = excluded.severity, value = excluded.value, "
    "since = excluded.since, "
    "traceparent = coalesce(excluded.traceparent, alerts.traceparent), "
    "queued_at = CASE WHEN excluded.due_at IS NULL THEN alerts.queued_at "
    "ELSE excluded.queued_at END, due_at = coalesce(excluded.due_at, alerts.due_at), "
    "summary = CASE WHEN excluded.crossing = alerts.crossing THEN alerts.summary END, "
    "is_reported = alerts.is_reported AND excluded.due_at IS NULL, "
    "attempts = CASE WHEN excluded.due_at IS NULL THEN alerts.attempts ELSE 0 END, "
    "crossing = excluded.crossing"};

static const struct statement ROUTES = {
    "alerts_routes", "INSERT INTO alert_routes (route) SELECT unnest($1::text[]) "
                     "ON CONFLICT DO NOTHING"};

static const struct statement READ_LOG = {
    "alerts_log", "SELECT route, action, how, detail, revision, at, waited_ms, attempts, "
                  "is_late FROM alert_log WHERE incident_id = $1 ORDER BY at, route"};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "alerts: out of memory");
}

/* ---- the fence ------------------------------------------------------------------------- */

enum status store_alerts_take(struct postgres *postgres,
                              struct alert_partition *partition, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, partition->topic);
    pg_params_int4(&params, partition->partition);
    enum status status = postgres_query(postgres, &TAKE_PARTITION, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count == 1);
    partition->epoch = rows_int(&rows, 0, 0);
    partition->next_offset = rows_int(&rows, 0, 1);
    partition->lost = false;
    return STATUS_OK;
}

enum status store_alerts_advance(struct postgres *postgres,
                                 struct alert_partition *partition, int64_t next_offset,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, partition->topic);
    pg_params_int4(&params, partition->partition);
    pg_params_int8(&params, partition->epoch);
    pg_params_int8(&params, partition->next_offset);
    pg_params_int8(&params, next_offset);
    enum status status = postgres_query(postgres, &ADVANCE, &params, &rows, error);
    if (status == STATUS_OK)
        partition->lost = rows.affected == 0;
    return status;
}

/* ---- the board ------------------------------------------------------------------------- */

static struct alert_cell *cell_of(const struct alert_board *board, struct span id,
                                  struct span route)
{
    size_t at = 0;
    size_t each = 0;
    while (at < board->count && !span_equal(board->ids[at], id))
        at++;
    while (each < board->route_count && !span_equal(board->routes[each].name, route))
        each++;
    ASSERT(at < board->count && each < board->route_count);
    return &board->cells[at * board->route_count + each];
}

static void read_cells(const struct alert_board *board, const struct rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct alert_cell *cell =
            cell_of(board, rows_span(rows, row, 0), rows_span(rows, row, 1));
        cell->standing = (struct alert_standing){
            .exists = true,
            .revision = rows_int(rows, row, 2),
            .wanted = (enum alert_level)rows_int(rows, row, 3),
            .crossing = rows_int(rows, row, 4),
            .severity = (enum alert_severity)rows_int(rows, row, 5),
            .told = (enum alert_level)rows_int(rows, row, 6),
            .told_crossing = rows_int(rows, row, 7),
            .in_summary = rows_bool(rows, row, 8)};
        cell->since_us = rows_time(rows, row, 9);
    }
}

static enum status load_cells(struct postgres *postgres, struct alert_board *board,
                              struct pool *pool, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    struct span names[CONTRACT_ALERTS_MAX];
    size_t size = board->count * board->route_count * sizeof(*board->cells);
    board->cells = pool_take(pool, size + 1);
    if (board->cells == NULL)
        return out_of_memory(error);
    memset(board->cells, 0, size + 1);
    ASSERT(board->route_count <= CONTRACT_ALERTS_MAX);
    for (size_t at = 0; at < board->route_count; at++)
        names[at] = board->routes[at].name;
    pg_params_init(&params);
    pg_params_text_array(&params, board->ids, board->count);
    pg_params_text_array(&params, names, board->route_count);
    enum status status = postgres_query(postgres, &LOAD, &params, &rows, error);
    if (status == STATUS_OK)
        read_cells(board, &rows);
    return status;
}

enum status store_alerts_load(struct postgres *postgres, struct alert_board *board,
                              struct pool *pool, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = load_cells(postgres, board, pool, error);
    if (status != STATUS_OK)
        return status;
    pg_params_init(&params);
    pg_params_text_array(&params, board->ids, board->count);
    status = postgres_query(postgres, &STANDINGS, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        size_t at = 0;
        while (!span_equal(board->ids[at], rows_span(&rows, row, 0)))
            at++;
        board->revisions[at] = rows_int(&rows, row, 1);
        board->is_resolved[at] = rows_bool(&rows, row, 2);
    }
    return status;
}

/* ---- saving ------------------------------------------------------------------------------ */

struct save_columns {
    size_t count;
    struct span *ids;
    struct span *skus;
    struct span *routes;
    struct span *values;
    struct span *traces;
    int64_t *revisions;
    int64_t *crossings;
    int64_t *since;
    int16_t *wanted;
    int16_t *severities;
    bool *wants;
};

static bool take_columns(struct pool *pool, size_t count, struct save_columns *out)
{
    *out = (struct save_columns){
        .ids = pool_take(pool, count * sizeof(*out->ids)),
        .skus = pool_take(pool, count * sizeof(*out->skus)),
        .routes = pool_take(pool, count * sizeof(*out->routes)),
        .values = pool_take(pool, count * sizeof(*out->values)),
        .traces = pool_take(pool, count * sizeof(*out->traces)),
        .revisions = pool_take(pool, count * sizeof(*out->revisions)),
        .crossings = pool_take(pool, count * sizeof(*out->crossings)),
        .since = pool_take(pool, count * sizeof(*out->since)),
        .wanted = pool_take(pool, count * sizeof(*out->wanted)),
        .severities = pool_take(pool, count * sizeof(*out->severities)),
        .wants = pool_take(pool, count * sizeof(*out->wants)),
    };
    return out->ids != NULL && out->skus != NULL && out->routes != NULL &&
           out->values != NULL && out->traces != NULL && out->revisions != NULL &&
           out->crossings != NULL && out->since != NULL && out->wanted != NULL &&
           out->severities != NULL && out->wants != NULL;
}

static void fill_columns(const struct alert_board *board, struct save_columns *columns)
{
    for (size_t at = 0; at < board->count * board->route_count; at++) {
        const struct alert_cell *cell = &board->cells[at];
        size_t incident = at / board->route_count;
        size_t next = columns->count;
        if (!cell->is_changed)
            continue;
        columns->ids[next] = board->ids[incident];
        columns->skus[next] = board->skus[incident];
        columns->routes[next] = board->routes[at % board->route_count].name;
        columns->values[next] = cell->value;
        columns->traces[next] = cell->traceparent;
        columns->revisions[next] = cell->standing.revision;
        columns->crossings[next] = cell->standing.crossing;
        columns->since[next] = cell->since_us;
        columns->wanted[next] = (int16_t)cell->standing.wanted;
        columns->severities[next] = (int16_t)cell->standing.severity;
        columns->wants[next] = cell->is_wanted;
        columns->count++;
    }
}

static enum status save(struct postgres *postgres, const struct save_columns *columns,
                        struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text_array(&params, columns->ids, columns->count);
    pg_params_text_array(&params, columns->skus, columns->count);
    pg_params_text_array(&params, columns->routes, columns->count);
    pg_params_int8_array(&params, columns->revisions, NULL, columns->count);
    pg_params_int2_array(&params, columns->wanted, columns->count);
    pg_params_int8_array(&params, columns->crossings, NULL, columns->count);
    pg_params_int2_array(&params, columns->severities, columns->count);
    pg_params_text_array(&params, columns->values, columns->count);
    pg_params_time_array(&params, columns->since, NULL, columns->count);
    pg_params_bool_array(&params, columns->wants, columns->count);
    pg_params_text_array(&params, columns->traces, columns->count);
    return postgres_query(postgres, &SAVE, &params, NULL, error);
}

enum status store_alerts_save(struct postgres *postgres, const struct alert_board *board,
                              struct pool *pool, struct error *error)
{
    struct save_columns columns;
    if (!take_columns(pool, board->count * board->route_count + 1, &columns))
        return out_of_memory(error);
    fill_columns(board, &columns);
    return columns.count > 0 ? save(postgres, &columns, error) : STATUS_OK;
}

/* ---- routes, and for people --------------------------------------------------------------- */

enum status store_alerts_routes(struct postgres *postgres,
                                const struct alert_route *routes, size_t count,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct span names[CONTRACT_ALERTS_MAX];
    ASSERT(count <= CONTRACT_ALERTS_MAX);
    for (size_t at = 0; at < count; at++)
        names[at] = routes[at].name;
    pg_params_init(&params);
    pg_params_text_array(&params, names, count);
    return postgres_query(postgres, &ROUTES, &params, NULL, error);
}

static enum status read_log(void *self, const struct rows *row, struct error *error)
{
    const struct alert_log_visitor *visitor = self;
    const struct alert_log_view view = {.route = rows_span(row, 0, 0),
                                        .action = rows_span(row, 0, 1),
                                        .how = rows_span(row, 0, 2),
                                        .detail = rows_span(row, 0, 3),
                                        .revision = rows_int(row, 0, 4),
                                        .at_us = rows_time(row, 0, 5),
                                        .waited_ms = rows_int(row, 0, 6),
                                        .attempts = rows_int(row, 0, 7),
                                        .is_late = rows_bool(row, 0, 8)};
    return visitor->each(visitor->self, &view, error);
}

enum status store_alerts_log(struct postgres *postgres, struct span incident_id,
                             const struct alert_log_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct alert_log_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_log, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, incident_id);
    return postgres_stream(postgres, &READ_LOG, &params, &reader, error);
}
