/*
 * The outbox half of store_apply.h: rows left by a batch, read for relaying and removed
 * once the broker has them.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_apply.h"

static const struct statement OUTBOX_READ = {
    "outbox_read",
    "SELECT kind, partition, record_offset, key, value, headers, timestamp_ms "
    "FROM outbox WHERE topic = $1 AND partition = $2 AND record_offset >= $3 "
    "ORDER BY record_offset, kind LIMIT $4"};
static const struct statement OUTBOX_TRIM_ONE = {
    "outbox_trim", "DELETE FROM outbox WHERE topic = $1 AND partition = $2 "
                   "AND record_offset < $3"};

enum status store_outbox_read(struct postgres *postgres, const struct partition_ref *ref,
                              int64_t from_offset, struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, ref->topic);
    pg_params_int4(&params, ref->partition);
    pg_params_int8(&params, from_offset);
    pg_params_int8(&params, STORE_OUTBOX_PAGE);
    return postgres_query(postgres, &OUTBOX_READ, &params, rows, error);
}

struct outbox_row store_outbox_row(const struct rows *rows, int row)
{
    return (struct outbox_row){.kind = (enum outbox_kind)rows_int(rows, row, 0),
                               .partition = (int32_t)rows_int(rows, row, 1),
                               .offset = rows_int(rows, row, 2),
                               .key = rows_span(rows, row, 3),
                               .value = rows_span(rows, row, 4),
                               .headers = rows_span(rows, row, 5),
                               .timestamp_ms = rows_int(rows, row, 6)};
}

enum status store_outbox_trim(struct postgres *postgres, const struct partition_ref *ref,
                              int64_t below, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, ref->topic);
    pg_params_int4(&params, ref->partition);
    pg_params_int8(&params, below);
    return postgres_query(postgres, &OUTBOX_TRIM_ONE, &params, NULL, error);
}
