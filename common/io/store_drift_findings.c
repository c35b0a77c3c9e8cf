#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_drift.h"

/*
 * One transaction a batch. A finding that is there already is of the same work done twice:
 * it is neither changed nor counted again.
 */
static const struct statement SETTLE = {
    "drift_settle",
    "WITH u AS (SELECT * FROM unnest($2::text[], $3::text[], $4::int2[], $5::bigint[],"
    " $6::boolean[], $11::bigint[], $12::bigint[])"
    " u (sku, location, verdict, committed, keeps, shown, noted)),"
    " over AS (DELETE FROM drift_suspects s USING u WHERE s.run_id = $1 AND s.sku = u.sku"
    " AND s.location = u.location AND (u.verdict <> 1 OR s.tries + 1 >= $8)"
    " RETURNING u.verdict),"
    " later AS (UPDATE drift_suspects s SET tries = s.tries + 1,"
    " shown = u.shown, desired = u.noted,"
    " due_at = now() + $7 * interval '1 ms' FROM u WHERE s.run_id = $1 AND s.sku = u.sku"
    " AND s.location = u.location AND u.verdict = 1 AND s.tries + 1 < $8),"
    " seen AS (INSERT INTO drift_seen AS d (shop, sku, location, committed, seen_at)"
    " SELECT $9, u.sku, u.location, u.committed, now() FROM u WHERE u.keeps"
    " ON CONFLICT (shop, sku, location) DO UPDATE SET committed = excluded.committed,"
    " seen_at = excluded.seen_at WHERE d.committed IS DISTINCT FROM excluded.committed)"
    " UPDATE drift_runs SET calls = calls + $10,"
    " in_flight = in_flight + (SELECT count(*) FROM over WHERE verdict = 1)"
    " WHERE id = $1 RETURNING in_flight"};

static const struct statement FIND = {
    "drift_find",
    "WITH new AS (INSERT INTO drift_findings (finding_id, sku, run_id, shop, location,"
    " desired, shown, residual, cause, rule, evidence, risk, value_micros, observed_at,"
    " traceparent) SELECT u.id, u.sku, $1, $2, u.location, u.desired, u.shown, u.residual, u.cause,"
    " u.rule, u.evidence::jsonb, CASE WHEN u.high THEN 'high' ELSE 'low' END, u.value,"
    " u.at, l.traceparent FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],"
    " $8::bigint[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::bigint[],"
    " $14::timestamptz[]) u (id, sku, location, desired, shown, residual, cause, rule,"
    " evidence, high, value, at) LEFT JOIN shop_levels l ON l.shop = $2 AND l.sku = u.sku"
    " AND l.location = u.location ON CONFLICT DO NOTHING RETURNING cause)"
    " UPDATE drift_runs SET findings = findings + (SELECT count(*) FROM new),"
    " unknown = unknown + (SELECT count(*) FROM new WHERE cause = 'unknown')"
    " WHERE id = $1 RETURNING findings, unknown"};

#define FINDING_COLUMNS                                                                  \
    "f.finding_id, f.run_id, f.shop, f.sku, f.location, f.desired, f.shown, f.residual," \
    " f.cause, f.rule, f.evidence::text, f.risk = 'high', f.value_micros,"               \
    " f.observed_at, f.traceparent"

static const struct statement LIST = {
    "drift_findings", "SELECT " FINDING_COLUMNS " FROM drift_findings f"
                      " WHERE ($1::text IS NULL OR f.shop = $1)"
                      " AND ($2::text IS NULL OR f.sku = $2)"
                      " AND ($3::text IS NULL OR f.cause = $3)"
                      " AND ($4::bigint = 0 OR f.run_id = $4)"
                      " ORDER BY f.observed_at DESC, f.finding_id LIMIT $5"};

static const struct statement UNTOLD = {
    "drift_untold", "SELECT " FINDING_COLUMNS " FROM drift_findings f"
                    " JOIN drift_runs r ON r.id = f.run_id AND r.state <> 'running'"
                    " WHERE f.shop = $1 AND NOT f.told"
                    " ORDER BY f.run_id, f.sku, f.location LIMIT $2"};

static const struct statement TOLD = {"drift_told",
                                      "UPDATE drift_findings f SET told = true"
                                      " FROM unnest($1::text[], $2::text[]) u (id, sku)"
                                      " WHERE f.finding_id = u.id AND f.sku = u.sku"};

/* ---- the end of a look ---------------------------------------------------------------- */

/* Columns of findings, side by side. */
struct finding_columns {
    size_t count;
    struct span texts[6][DRIFT_BATCH_MAX]; /* id, sku, location, cause, rule, evidence */
    int64_t numbers[4][DRIFT_BATCH_MAX];   /* desired, shown, residual, value */
    bool known[4][DRIFT_BATCH_MAX];
    bool high[DRIFT_BATCH_MAX];
    int64_t at_us[DRIFT_BATCH_MAX];
};

static void add_finding(struct finding_columns *columns,
                        const struct drift_finding *finding)
{
    size_t at = columns->count++;
    const struct span texts[] = {finding->id,    finding->sku,  finding->location,
                                 finding->cause, finding->rule, finding->evidence};
    const struct quantity numbers[] = {finding->desired,
                                       finding->shown,
                                       {true, finding->residual},
                                       finding->value_micros};
    for (size_t column = 0; column < COUNT_OF(texts); column++)
        columns->texts[column][at] = texts[column];
    for (size_t column = 0; column < COUNT_OF(numbers); column++) {
        columns->numbers[column][at] = numbers[column].units;
        columns->known[column][at] = numbers[column].known;
    }
    columns->high[at] = finding->is_high_risk;
    columns->at_us[at] = finding->observed_at_us;
}

static void add_columns(struct pg_params *params, const struct finding_columns *columns)
{
    size_t count = columns->count;
    for (size_t column = 0; column < 3; column++)
        pg_params_text_array(params, columns->texts[column], count);
    for (size_t column = 0; column < 3; column++)
        pg_params_int8_array(params, columns->numbers[column], columns->known[column],
                             count);
    for (size_t column = 3; column < 6; column++)
        pg_params_text_array(params, columns->texts[column], count);
    pg_params_bool_array(params, columns->high, count);
    pg_params_int8_array(params, columns->numbers[3], columns->known[3], count);
    pg_params_time_array(params, columns->at_us, NULL, count);
}

static enum status find(struct postgres *postgres, struct drift_run *run,
                        const struct drift_results *results, struct error *error)
{
    struct finding_columns columns = {0};
    for (size_t at = 0; at < results->pairs->count; at++)
        if (results->verdicts[at] == DRIFT_FOUND)
            add_finding(&columns, &results->findings[at]);
    if (columns.count == 0)
        return STATUS_OK;
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, run->id);
    pg_params_text(&params, run->shop);
    add_columns(&params, &columns);
    enum status status = postgres_query(postgres, &FIND, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    run->findings = rows_int(&rows, 0, 0);
    run->unknown = rows_int(&rows, 0, 1);
    return STATUS_OK;
}

/* What the next look is held against. */
static void add_levels(struct pg_params *params, const struct drift_results *results)
{
    int64_t levels[2][DRIFT_BATCH_MAX];
    bool known[2][DRIFT_BATCH_MAX];
    size_t count = results->pairs->count;
    for (size_t at = 0; at < count; at++) {
        levels[0][at] = results->facts[at].look.shown.units;
        known[0][at] = results->facts[at].look.shown.known;
        levels[1][at] = results->facts[at].noted.units;
        known[1][at] = results->facts[at].noted.known;
    }
    for (size_t column = 0; column < COUNT_OF(levels); column++)
        pg_params_int8_array(params, levels[column], known[column], count);
}

static enum status put_off(struct postgres *postgres, struct drift_run *run,
                           const struct drift_results *results, struct error *error)
{
    struct span skus[DRIFT_BATCH_MAX];
    struct span locations[DRIFT_BATCH_MAX];
    int16_t verdicts[DRIFT_BATCH_MAX];
    size_t count = results->pairs->count;
    for (size_t at = 0; at < count; at++) {
        skus[at] = results->pairs->all[at].sku;
        locations[at] = results->pairs->all[at].location;
        verdicts[at] = (int16_t)results->verdicts[at];
    }
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, run->id);
    pg_params_text_array(&params, skus, count);
    pg_params_text_array(&params, locations, count);
    pg_params_int2_array(&params, verdicts, count);
    pg_params_int8_array(&params, results->committed, NULL, count);
    pg_params_bool_array(&params, results->keep_committed, count);
    pg_params_int8(&params, results->again_ms);
    pg_params_int8(&params, results->tries_max);
    pg_params_text(&params, run->shop);
    pg_params_int8(&params, run->calls);
    add_levels(&params, results);
    enum status status = postgres_query(postgres, &SETTLE, &params, &rows, error);
    if (status == STATUS_OK)
        run->in_flight = rows_int(&rows, 0, 0);
    return status;
}

enum status store_drift_settle(struct postgres *postgres, struct drift_run *run,
                               const struct drift_results *results, struct error *error)
{
    ASSERT(DRIFT_UNDER_WAY == 1 && results->pairs->count <= DRIFT_BATCH_MAX);
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = find(postgres, run, results, error);
    if (status == STATUS_OK)
        status = put_off(postgres, run, results, error);
    if (status == STATUS_OK)
        status = postgres_script(postgres, "COMMIT", error);
    if (status == STATUS_OK)
        run->calls = 0;
    return status;
}

/* ---- reading -------------------------------------------------------------------------- */

static enum status visit(const struct rows *rows, const struct drift_visitor *visitor,
                         struct error *error)
{
    enum status status = STATUS_OK;
    for (int row = 0; status == STATUS_OK && row < rows->count; row++) {
        const struct drift_finding finding = {
            .id = rows_span(rows, row, 0),
            .run_id = rows_int(rows, row, 1),
            .shop = rows_span(rows, row, 2),
            .sku = rows_span(rows, row, 3),
            .location = rows_span(rows, row, 4),
            .desired = store_drift_quantity(rows, row, 5),
            .shown = store_drift_quantity(rows, row, 6),
            .residual = rows_int(rows, row, 7),
            .cause = rows_span(rows, row, 8),
            .rule = rows_span(rows, row, 9),
            .evidence = rows_span(rows, row, 10),
            .is_high_risk = rows_bool(rows, row, 11),
            .value_micros = store_drift_quantity(rows, row, 12),
            .observed_at_us = rows_time(rows, row, 13),
            .traceparent = rows_span(rows, row, 14)};
        status = visitor->each(visitor->self, &finding, error);
    }
    return status;
}

enum status store_drift_findings(struct postgres *postgres,
                                 const struct drift_filter *filter,
                                 const struct drift_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, filter->shop);
    pg_params_text(&params, filter->sku);
    pg_params_text(&params, filter->cause);
    pg_params_int8(&params, filter->run_id);
    pg_params_int8(&params, filter->limit);
    enum status status = postgres_query(postgres, &LIST, &params, &rows, error);
    return status == STATUS_OK ? visit(&rows, visitor, error) : status;
}

enum status store_drift_untold(struct postgres *postgres, struct span shop, int64_t limit,
                               const struct drift_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_int8(&params, limit);
    enum status status = postgres_query(postgres, &UNTOLD, &params, &rows, error);
    return status == STATUS_OK ? visit(&rows, visitor, error) : status;
}

enum status store_drift_told(struct postgres *postgres, const struct span *ids,
                             const struct span *skus, size_t count, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text_array(&params, ids, count);
    pg_params_text_array(&params, skus, count);
    return postgres_query(postgres, &TOLD, &params, NULL, error);
}
