#include "common/io/store_runs.h"

#include "common/base/check.h"
#include "common/base/scope.h"

/* Waits for every batch under way; batches of owners with another count then find no fence. */
static const struct statement AGREE = {
    "runs_agree", "UPDATE progress SET layout = $2 WHERE topic = $1 AND layout < $2"};

static const struct statement LOAD_RUNS = {
    "runs_load",
    "SELECT id, first_offset, next_offset, newest_at, entries, guide, filter "
    "FROM ledger_runs WHERE topic = $1 AND partition = $2 "
    "AND partitions = $3 ORDER BY next_offset DESC"};

static const struct statement LOAD_PAGES = {
    "pages_load",
    "SELECT 0::bigint, first_offset, next_offset, judged_at, entries, keys FROM ledger "
    "WHERE topic = $1 AND partition = $2 AND partitions = $3 AND next_offset > "
    "coalesce((SELECT max(next_offset) FROM ledger_runs WHERE topic = $1 "
    "AND partition = $2 AND partitions = $3), -1) ORDER BY next_offset DESC"};

static const struct statement LOAD_FOREIGN_RUNS = {
    "runs_load_foreign",
    "SELECT id, first_offset, next_offset, newest_at, entries, guide, filter "
    "FROM ledger_runs WHERE topic <> $1 OR partitions <> $2 ORDER BY newest_at DESC"};

static const struct statement LOAD_FOREIGN_PAGES = {
    "pages_load_foreign",
    "SELECT 0::bigint, l.first_offset, l.next_offset, l.judged_at, l.entries, l.keys "
    "FROM ledger l WHERE (l.topic <> $1 OR l.partitions <> $2) AND l.next_offset > "
    "coalesce((SELECT max(r.next_offset) FROM ledger_runs r WHERE r.topic = l.topic "
    "AND r.partition = l.partition AND r.partitions = l.partitions), -1) "
    "ORDER BY l.judged_at DESC"};

static const struct statement KEYS = {"runs_keys",
                                      "SELECT keys FROM ledger_runs WHERE id = $1"};

static const struct statement LOCK_FENCE = {
    "runs_lock", "SELECT 1 FROM progress WHERE topic = $1 AND partition = $2 "
                 "AND epoch = $3 AND next_offset = $4 FOR UPDATE"};

static const struct statement ADD = {
    "runs_add",
    "INSERT INTO ledger_runs (topic, partition, partitions, first_offset, next_offset, "
    "newest_at, entries, guide, filter, keys) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id"};

static const struct statement DROP_MERGED = {
    "runs_drop_merged", "DELETE FROM ledger_runs WHERE id = ANY ($1::bigint[])"};

enum status store_runs_agree(struct postgres *postgres, struct span topic,
                             int32_t partitions, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, topic);
    pg_params_int4(&params, partitions);
    return postgres_query(postgres, &AGREE, &params, NULL, error);
}

/* ---- reading ------------------------------------------------------------------------------- */

static struct run_row row_of(const struct rows *rows)
{
    return (struct run_row){.id = rows_int(rows, 0, 0),
                            .first_offset = rows_int(rows, 0, 1),
                            .next_offset = rows_int(rows, 0, 2),
                            .newest_at_us = rows_time(rows, 0, 3),
                            .entries = (size_t)rows_int(rows, 0, 4)};
}

static enum status read_run(void *self, const struct rows *rows, struct error *error)
{
    const struct run_visitor *visitor = self;
    struct run_row row = row_of(rows);
    row.guide = rows_span(rows, 0, 5);
    row.filter = rows_span(rows, 0, 6);
    return visitor->each(visitor->self, &row, error);
}

static enum status read_page(void *self, const struct rows *rows, struct error *error)
{
    const struct run_visitor *visitor = self;
    struct run_row row = row_of(rows);
    row.is_page = true;
    row.keys = rows_span(rows, 0, 5);
    return visitor->each(visitor->self, &row, error);
}

enum status store_runs_load(struct postgres *postgres, const struct run_scope *scope,
                            const struct run_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct run_visitor copy = *visitor;
    const struct row_visitor runs = {.each = read_run, .self = &copy};
    const struct row_visitor pages = {.each = read_page, .self = &copy};
    bool own = scope->partition >= 0;
    pg_params_init(&params);
    pg_params_text(&params, scope->topic);
    if (own)
        pg_params_int4(&params, scope->partition);
    pg_params_int4(&params, scope->partitions);
    enum status status = postgres_stream(
        postgres, own ? &LOAD_PAGES : &LOAD_FOREIGN_PAGES, &params, &pages, error);
    if (status != STATUS_OK)
        return status;
    return postgres_stream(postgres, own ? &LOAD_RUNS : &LOAD_FOREIGN_RUNS, &params,
                           &runs, error);
}

enum status store_runs_keys(struct postgres *postgres, int64_t id, struct rows *rows,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, id);
    return postgres_query(postgres, &KEYS, &params, rows, error);
}

/* ---- replacing ----------------------------------------------------------------------------- */

static enum status lock_fence(struct postgres *postgres,
                              const struct run_replace *replace, bool *held_out,
                              struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, replace->topic);
    pg_params_int4(&params, replace->fence.partition);
    pg_params_int8(&params, replace->fence.epoch);
    pg_params_int8(&params, replace->fence.next_offset);
    enum status status = postgres_query(postgres, &LOCK_FENCE, &params, &rows, error);
    *held_out = status == STATUS_OK && rows.count == 1;
    return status;
}

static enum status add_run(struct postgres *postgres, const struct run_replace *replace,
                           int64_t *id_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    const struct run_row *run = &replace->run;
    pg_params_init(&params);
    pg_params_text(&params, replace->topic);
    pg_params_int4(&params, replace->fence.partition);
    pg_params_int4(&params, replace->partitions);
    pg_params_int8(&params, run->first_offset);
    pg_params_int8(&params, run->next_offset);
    pg_params_time(&params, true, run->newest_at_us);
    pg_params_int4(&params, (int32_t)run->entries);
    pg_params_bytea(&params, run->guide);
    pg_params_bytea(&params, run->filter);
    pg_params_bytea(&params, run->keys);
    enum status status = postgres_query(postgres, &ADD, &params, &rows, error);
    if (status == STATUS_OK)
        *id_out = rows_int(&rows, 0, 0);
    return status;
}

static enum status drop_merged(struct postgres *postgres,
                               const struct run_replace *replace, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8_array(&params, replace->merged, NULL, replace->merged_count);
    return postgres_query(postgres, &DROP_MERGED, &params, &rows, error);
}

static enum status replace_fenced(struct postgres *postgres,
                                  const struct run_replace *replace, int64_t *id_out,
                                  bool *fenced_out, struct error *error)
{
    bool held = false;
    enum status status = lock_fence(postgres, replace, &held, error);
    *fenced_out = status == STATUS_OK && !held;
    if (status != STATUS_OK || !held)
        return status;
    status = add_run(postgres, replace, id_out, error);
    if (status == STATUS_OK && replace->merged_count > 0)
        status = drop_merged(postgres, replace, error);
    if (status != STATUS_OK)
        return status;
    return postgres_script(postgres, "COMMIT", error);
}

enum status store_runs_replace(struct postgres *postgres,
                               const struct run_replace *replace, int64_t *id_out,
                               bool *fenced_out, struct error *error)
{
    *fenced_out = false;
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status != STATUS_OK)
        return status;
    status = replace_fenced(postgres, replace, id_out, fenced_out, error);
    if (status != STATUS_OK || *fenced_out)
        store_abort(postgres);
    return status;
}
