#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_drift.h"

static const struct statement LOCK = {
    "drift_lock",
    "SELECT pg_try_advisory_lock(hashtextextended('drift ' || current_schema() || ' ' || $1, 0))"};

static const struct statement UNLOCK = {
    "drift_unlock",
    "SELECT pg_advisory_unlock(hashtextextended('drift ' || current_schema() || ' ' || $1, 0))"};

static const struct statement BEGIN_RUN = {
    "drift_begin", "INSERT INTO drift_runs (shop, kind, contract) VALUES ($1, $2, $3)"
                   " RETURNING id, started_at"};

static const struct statement RESUME = {
    "drift_resume",
    "SELECT id, kind, started_at, compared, suspects, in_flight, findings, unknown,"
    " compared > 0 OR suspects > 0 FROM drift_runs"
    " WHERE shop = $1 AND state = 'running' ORDER BY id DESC LIMIT 1"};

/* An older run that was never ended can't be gone on with: its shop has moved on. */
static const struct statement ABANDON = {
    "drift_abandon",
    "WITH old AS (UPDATE drift_runs SET state = 'partial', finished_at = now(),"
    " detail = 'its process died, and a later comparison began'"
    " WHERE shop = $1 AND state = 'running' AND id <> $2 RETURNING id)"
    " DELETE FROM drift_suspects s USING old WHERE s.run_id = old.id"};

static const struct statement END_RUN = {
    "drift_end", "WITH left_over AS (DELETE FROM drift_suspects WHERE run_id = $1)"
                 " UPDATE drift_runs SET state = $2, finished_at = now(), detail = $3,"
                 " calls = calls + $4 WHERE id = $1"};

static const struct statement MISSED = {
    "drift_missed", "INSERT INTO drift_runs (shop, kind, state, finished_at, detail)"
                    " VALUES ($1, 'full', 'missed', now(), $2)"};

static const struct statement LAST_FULL = {
    "drift_last_full",
    "SELECT (extract(epoch FROM now() - max(started_at)) * 1000)::bigint FROM drift_runs"
    " WHERE shop = $1 AND kind = 'full' AND state <> 'missed'"};

static const struct statement LIST = {
    "drift_runs", "SELECT id, shop, kind, state, started_at, finished_at, compared,"
                  " suspects, in_flight, findings, unknown, calls, detail FROM drift_runs"
                  " WHERE $1::text IS NULL OR shop = $1 ORDER BY id DESC LIMIT $2"};

static const char *const KINDS[] = {
    [DRIFT_FULL] = "full", [DRIFT_HOT] = "hot", [DRIFT_ASKED] = "asked"};

const char *drift_kind_name(enum drift_kind kind)
{
    ASSERT((size_t)kind < COUNT_OF(KINDS));
    return KINDS[kind];
}

static enum drift_kind kind_of(struct span name)
{
    for (size_t at = 0; at < COUNT_OF(KINDS); at++)
        if (span_is(name, KINDS[at]))
            return (enum drift_kind)at;
    return DRIFT_ASKED;
}

enum status store_drift_lock(struct postgres *postgres, struct span shop, bool *busy_out,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    enum status status = postgres_query(postgres, &LOCK, &params, &rows, error);
    *busy_out = status == STATUS_OK && !rows_bool(&rows, 0, 0);
    return status;
}

enum status store_drift_unlock(struct postgres *postgres, struct span shop,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    return postgres_query(postgres, &UNLOCK, &params, NULL, error);
}

static enum status abandon_others(struct postgres *postgres, const struct drift_run *run,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    pg_params_int8(&params, run->id);
    return postgres_query(postgres, &ABANDON, &params, NULL, error);
}

enum status store_drift_begin(struct postgres *postgres, struct drift_run *run,
                              const char *digest, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    pg_params_text(&params, span_from(drift_kind_name(run->kind)));
    pg_params_text(&params, span_from(digest));
    enum status status = postgres_query(postgres, &BEGIN_RUN, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    *run = (struct drift_run){.shop = run->shop,
                              .kind = run->kind,
                              .id = rows_int(&rows, 0, 0),
                              .started_at_us = rows_time(&rows, 0, 1)};
    return abandon_others(postgres, run, error);
}

enum status store_drift_resume(struct postgres *postgres, struct drift_run *run,
                               bool *staged_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    *run = (struct drift_run){.shop = run->shop};
    *staged_out = false;
    enum status status = postgres_query(postgres, &RESUME, &params, &rows, error);
    if (status != STATUS_OK || rows.count == 0)
        return status;
    run->id = rows_int(&rows, 0, 0);
    run->kind = kind_of(rows_span(&rows, 0, 1));
    run->started_at_us = rows_time(&rows, 0, 2);
    run->compared = rows_int(&rows, 0, 3);
    run->suspects = rows_int(&rows, 0, 4);
    run->in_flight = rows_int(&rows, 0, 5);
    run->findings = rows_int(&rows, 0, 6);
    run->unknown = rows_int(&rows, 0, 7);
    *staged_out = rows_bool(&rows, 0, 8);
    return abandon_others(postgres, run, error);
}

enum status store_drift_end(struct postgres *postgres, struct drift_run *run,
                            const char *state, const char *detail, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, run->id);
    pg_params_text(&params, span_from(state));
    pg_params_text(&params, span_from(detail));
    pg_params_int8(&params, run->calls);
    enum status status = postgres_query(postgres, &END_RUN, &params, NULL, error);
    if (status == STATUS_OK)
        run->calls = 0;
    return status;
}

enum status store_drift_missed(struct postgres *postgres, struct span shop,
                               const char *detail, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text(&params, span_from(detail));
    return postgres_query(postgres, &MISSED, &params, NULL, error);
}

enum status store_drift_last_full(struct postgres *postgres, struct span shop,
                                  int64_t *age_ms_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    *age_ms_out = -1;
    enum status status = postgres_query(postgres, &LAST_FULL, &params, &rows, error);
    if (status == STATUS_OK && !rows_is_null(&rows, 0, 0))
        *age_ms_out = rows_int(&rows, 0, 0);
    return status;
}

static void take_run(const struct rows *rows, int row, struct drift_run_view *view)
{
    *view = (struct drift_run_view){.run = {.id = rows_int(rows, row, 0),
                                            .shop = rows_span(rows, row, 1),
                                            .kind = kind_of(rows_span(rows, row, 2)),
                                            .started_at_us = rows_time(rows, row, 4),
                                            .compared = rows_int(rows, row, 6),
                                            .suspects = rows_int(rows, row, 7),
                                            .in_flight = rows_int(rows, row, 8),
                                            .findings = rows_int(rows, row, 9),
                                            .unknown = rows_int(rows, row, 10),
                                            .calls = rows_int(rows, row, 11)},
                                    .state = rows_span(rows, row, 3),
                                    .finished_at_us = rows_time(rows, row, 5),
                                    .detail = rows_span(rows, row, 12)};
}

enum status store_drift_runs(struct postgres *postgres, struct span shop, int64_t limit,
                             const struct drift_run_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, limit);
    enum status status = postgres_query(postgres, &LIST, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        struct drift_run_view view;
        take_run(&rows, row, &view);
        status = visitor->each(visitor->self, &view, error);
    }
    return status;
}
