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
static const struct statement RELAYED = {
    "relayed", "UPDATE progress SET relayed_offset = $4 WHERE topic = $1 "
               "AND partition = $2 AND epoch = $3 AND relayed_offset < $4"};

/* Outcomes and types by number: applied 0, unchanged 1; counted 0, adjusted 1. */
static const struct statement CHANGED_LEVELS = {
    "changed_levels",
    "SELECT l.sku, l.location, l.source, l.quantity, l.occurred_at, l.version, "
    "l.revision, c.record_offset, c.traceparent FROM (SELECT DISTINCT ON (sku, location) "
    "sku, location, record_offset, traceparent FROM idempotency WHERE topic = $1 "
    "AND partition = $2 AND page_next_offset > $3 AND page_next_offset <= $4 "
    "AND record_offset >= $3 "
    "AND outcome IN (0, 1) AND type IN (0, 1) "
    "ORDER BY sku, location, record_offset DESC) AS c "
    "JOIN levels l ON l.sku = c.sku AND l.location = c.location ORDER BY c.record_offset"};
static const struct statement PAGE_END = {
    "page_end",
    "SELECT next_offset FROM ledger WHERE topic = $1 AND partition = $2 "
    "AND next_offset >= $3 AND next_offset < $4 ORDER BY next_offset LIMIT 1"};

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

static enum status trim(struct postgres *postgres, const struct relayed *relayed,
                        struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, relayed->ref.topic);
    pg_params_int4(&params, relayed->ref.partition);
    pg_params_int8(&params, relayed->offset);
    return postgres_query(postgres, &OUTBOX_TRIM_ONE, &params, NULL, error);
}

enum status store_relayed(struct postgres *postgres, const struct relayed *relayed,
                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, relayed->ref.topic);
    pg_params_int4(&params, relayed->ref.partition);
    pg_params_int8(&params, relayed->epoch);
    pg_params_int8(&params, relayed->offset);
    /* first the rows: a kill between the two leaves none behind */
    enum status status = relayed->trims ? trim(postgres, relayed, error) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    return postgres_query(postgres, &RELAYED, &params, NULL, error);
}

static enum status read_changed(void *self, const struct rows *rows, struct error *error)
{
    const struct changed_visitor *visitor = self;
    const struct changed_level changed = {
        .record = {.sku = rows_span(rows, 0, 0),
                   .location = rows_span(rows, 0, 1),
                   .source = rows_span(rows, 0, 2),
                   .level = {.exists = true,
                             .quantity = rows_int(rows, 0, 3),
                             .source = -1,
                             .occurred_at_us = rows_time(rows, 0, 4),
                             .has_version = !rows_is_null(rows, 0, 5),
                             .version = rows_int(rows, 0, 5)},
                   .revision = rows_int(rows, 0, 6)},
        .offset = rows_int(rows, 0, 7),
        .traceparent = rows_span(rows, 0, 8)};
    return visitor->each(visitor->self, &changed, error);
}

enum status store_changed_step(struct postgres *postgres, const struct partition_ref *ref,
                               const struct changed_span *span, int64_t *until_out,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *until_out = span->until;
    if (span->until - span->from <= STORE_CHANGED_STEP)
        return STATUS_OK;
    pg_params_init(&params);
    pg_params_text(&params, ref->topic);
    pg_params_int4(&params, ref->partition);
    pg_params_int8(&params, span->from + STORE_CHANGED_STEP);
    pg_params_int8(&params, span->until);
    enum status status = postgres_query(postgres, &PAGE_END, &params, &rows, error);
    if (status == STATUS_OK && rows.count == 1)
        *until_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_changed_levels(struct postgres *postgres,
                                 const struct partition_ref *ref,
                                 const struct changed_span *span,
                                 const struct changed_visitor *visitor,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct changed_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_changed, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, ref->topic);
    pg_params_int4(&params, ref->partition);
    pg_params_int8(&params, span->from);
    pg_params_int8(&params, span->until);
    return postgres_stream(postgres, &CHANGED_LEVELS, &params, &reader, error);
}
