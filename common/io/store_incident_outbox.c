#include "common/io/store_incident_outbox.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"

static const struct statement ADD = {
    "incident_outbox_add",
    "INSERT INTO incident_outbox (kind, key, value, headers) SELECT kind, key, value, "
    "headers FROM unnest($1::int2[], $2::bytea[], $3::bytea[], $4::bytea[]) "
    "WITH ORDINALITY AS r (kind, key, value, headers, place) ORDER BY place"};

static const struct statement DUE = {"incident_outbox_due",
                                     "SELECT EXISTS (SELECT 1 FROM incident_outbox)"};

static const struct statement HOLD = {
    "incident_outbox_hold", "SELECT 1 FROM incident_relay FOR UPDATE SKIP LOCKED"};

static const struct statement READ = {
    "incident_outbox_read",
    "SELECT id, kind, key, value, headers FROM incident_outbox ORDER BY id LIMIT $1"};

/* Not all below the last: a row with a lower id may have been committed since. */
static const struct statement DROP = {"incident_outbox_drop",
                                      "DELETE FROM incident_outbox WHERE id = ANY ($1)"};

struct outbox_columns {
    int16_t kinds[INCIDENT_SET_MAX];
    struct span keys[INCIDENT_SET_MAX];
    struct span values[INCIDENT_SET_MAX];
    struct span headers[INCIDENT_SET_MAX];
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "incidents: out of memory");
}

static enum status add(struct postgres *postgres, const struct outbox_columns *columns,
                       size_t count, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int2_array(&params, columns->kinds, count);
    pg_params_bytea_array(&params, columns->keys, count);
    pg_params_bytea_array(&params, columns->values, count);
    pg_params_bytea_array(&params, columns->headers, count);
    return postgres_query(postgres, &ADD, &params, NULL, error);
}

enum status store_incidents_tell(struct postgres *postgres,
                                 const struct incident_changes *changes,
                                 struct pool *pool, struct error *error)
{
    ASSERT(changes->count <= INCIDENT_SET_MAX);
    if (changes->count == 0)
        return STATUS_OK;
    struct outbox_columns *columns = pool_take(pool, sizeof(*columns));
    if (columns == NULL)
        return out_of_memory(error);
    for (size_t at = 0; at < changes->count; at++) {
        struct outbox_row row;
        if (!incident_json_record(&changes->items[at].incident,
                                  changes->items[at].sighting, pool, &row))
            return out_of_memory(error);
        columns->kinds[at] = (int16_t)row.kind;
        columns->keys[at] = row.key;
        columns->values[at] = row.value;
        columns->headers[at] = row.headers;
    }
    return add(postgres, columns, changes->count, error);
}

enum status store_incident_outbox_due(struct postgres *postgres, bool *due_out,
                                      struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &DUE, NULL, &rows, error);
    *due_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_incident_outbox_hold(struct postgres *postgres, bool *held_out,
                                       struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &HOLD, NULL, &rows, error);
    *held_out = status == STATUS_OK && rows.count == 1;
    return status;
}

enum status store_incident_outbox_read(struct postgres *postgres, struct rows *rows,
                                       struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, INCIDENT_OUTBOX_PAGE);
    return postgres_query(postgres, &READ, &params, rows, error);
}

struct outbox_row store_incident_outbox_row(const struct rows *rows, int row)
{
    return (struct outbox_row){.kind = (enum outbox_kind)rows_int(rows, row, 1),
                               .key = rows_span(rows, row, 2),
                               .value = rows_span(rows, row, 3),
                               .headers = rows_span(rows, row, 4)};
}

enum status store_incident_outbox_drop(struct postgres *postgres, const struct rows *rows,
                                       struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    int64_t ids[INCIDENT_OUTBOX_PAGE];
    ASSERT(rows->count <= INCIDENT_OUTBOX_PAGE);
    for (int row = 0; row < rows->count; row++)
        ids[row] = rows_int(rows, row, 0);
    pg_params_init(&params);
    pg_params_int8_array(&params, ids, NULL, (size_t)rows->count);
    return postgres_query(postgres, &DROP, &params, NULL, error);
}
