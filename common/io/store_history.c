#include "common/io/store_history.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

enum status store_history_begin(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres,
                           "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                           "SET LOCAL work_mem = '256MB'; SET LOCAL jit = off",
                           error);
}

static const struct statement WHOLE = {
    "history_whole",
    "SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM ledger_retired"};

enum status store_history_whole(struct postgres *postgres, bool *dropped_out,
                                int64_t *whole_since_us_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &WHOLE, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    *dropped_out = !rows_is_null(&rows, 0, 0);
    *whole_since_us_out = rows_time(&rows, 0, 0);
    return STATUS_OK;
}

static const struct statement CONTRACT = {
    "history_contract",
    "SELECT digest, body FROM contracts WHERE id = (SELECT contract FROM ledger"
    " WHERE judged_at <= coalesce($1::timestamptz, 'infinity')"
    " ORDER BY judged_at DESC, next_offset DESC LIMIT 1)"};

enum status store_history_contract(struct postgres *postgres,
                                   const struct history_span *span, struct rows *rows,
                                   struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_time(&params, span->has_until, span->until_us);
    return postgres_query(postgres, &CONTRACT, &params, rows, error);
}

static const struct statement RUNS = {
    "history_runs",
    "SELECT r.id, r.shop, r.compared FROM drift_runs r WHERE r.id IN"
    " (SELECT f.run_id FROM drift_findings f WHERE f.observed_at >= $1"
    " AND f.observed_at <= coalesce($2::timestamptz, 'infinity')) ORDER BY r.id"};

static void add_span(struct pg_params *params, const struct history_span *span)
{
    pg_params_init(params);
    pg_params_time(params, true, span->since_us);
    pg_params_time(params, span->has_until, span->until_us);
}

enum status store_history_runs(struct postgres *postgres, const struct history_span *span,
                               struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    add_span(&params, span);
    return postgres_query(postgres, &RUNS, &params, rows, error);
}

/* ---- the rows ------------------------------------------------------------------------- */

#define EVENTS                                                                            \
    "SELECT i.sku COLLATE \"C\" AS sku, i.location COLLATE \"C\" AS location, 1 AS kind," \
    " i.judged_at AS at, i.record_offset AS place, i.source, i.quantity::bigint,"         \
    " i.occurred_at, i.version, i.sees_orders_until, i.after::bigint AS number,"          \
    " i.recorded_at, i.outcome, i.type, NULL::text AS id, NULL::bigint AS run,"           \
    " NULL::text AS cause, NULL::text AS risk, NULL::bigint AS shown,"                    \
    " NULL::bigint AS residual, NULL::bigint AS value, NULL::text AS tags,"               \
    " NULL::bigint AS price, NULL::bigint AS lately, NULL::bigint AS rewrites,"           \
    " NULL::text AS action, NULL::text AS rule, NULL::text AS bar"                        \
    " FROM idempotency i WHERE i.judged_at <= coalesce($2::timestamptz, 'infinity')"

/*
 * What was known before the ledger begins, where retention has dropped its beginning: of a
 * source whose last count is gone, the reading of now without what the rows that are left
 * have added to it.
 */
#define READINGS_BEFORE                                                                   \
    "SELECT r.sku COLLATE \"C\", r.location COLLATE \"C\", 0, '-infinity', 0, r.source,"  \
    " r.count, r.counted_at, r.version, r.sees_orders_until,"                             \
    " r.adjusted - coalesce(a.quantity, 0), NULL, NULL, NULL, NULL, NULL, NULL, NULL,"    \
    " NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"                         \
    " FROM source_readings r LEFT JOIN"                                                   \
    " (SELECT i.sku, i.location, i.source, sum(i.quantity)::bigint AS quantity"           \
    " FROM idempotency i WHERE i.type = 1 AND i.outcome IN (0, 1, 4) GROUP BY 1, 2, 3) a" \
    " ON a.sku = r.sku AND a.location = r.location AND a.source = r.source,"              \
    " (SELECT max(day) + 1 AS day FROM ledger_retired) d"                                 \
    " WHERE coalesce(r.counted_at, '-infinity') < d.day::timestamp AT TIME ZONE 'UTC'"    \
    " AND (r.count IS NOT NULL OR r.adjusted <> coalesce(a.quantity, 0))"

/* What stands beside a finding is what did when it was observed. */
#define FINDINGS                                                                          \
    "SELECT f.sku, f.location, 2, f.observed_at, 0, f.shop, f.desired, NULL, NULL, NULL," \
    " NULL, NULL, NULL, NULL, f.finding_id, f.run_id, f.cause, f.risk, f.shown,"          \
    " f.residual, f.value_micros, i.tags, i.price,"                                       \
    " (SELECT count(*) FROM drift_findings p WHERE p.shop = f.shop AND p.sku = f.sku"     \
    " AND p.location = f.location AND p.observed_at < f.observed_at"                      \
    " AND p.observed_at >= f.observed_at - interval '1 day'),"                            \
    " (SELECT count(*) FROM drift_actions a WHERE a.shop = f.shop AND a.sku = f.sku"      \
    " AND a.location = f.location AND a.action = 'resync' AND a.is_rule"                  \
    " AND a.state <> 'held' AND a.acted_at < f.observed_at"                               \
    " AND a.acted_at >= f.observed_at - interval '1 day'),"                               \
    " d.action, d.rule, d.bar FROM drift_findings f"                                      \
    " LEFT JOIN drift_actions d ON d.finding_id = f.finding_id AND d.sku = f.sku"         \
    " AND d.is_rule LEFT JOIN LATERAL (SELECT string_agg(t, E'\\n') AS tags,"             \
    " max(s.price_micros) AS price FROM shop_items s"                                     \
    " LEFT JOIN LATERAL unnest(s.tags) t ON true"                                         \
    " WHERE s.shop = f.shop AND s.sku = f.sku) i ON true"                                 \
    " WHERE f.observed_at >= $1 AND f.observed_at <= coalesce($2::timestamptz,"           \
    " 'infinity')"

/* As audit and explain order rows: by time of judging, and within a batch by offset. */
#define IN_ORDER " ORDER BY sku, location, at, kind, place, id"

static const struct statement HISTORY = {"history",
                                         EVENTS " UNION ALL " FINDINGS IN_ORDER};
static const struct statement HISTORY_CUT = {
    "history_cut", EVENTS " UNION ALL " FINDINGS " UNION ALL " READINGS_BEFORE IN_ORDER};

static struct history_event event_of(const struct rows *row)
{
    const bool has_version = !rows_is_null(row, 0, 8);
    const bool sees = !rows_is_null(row, 0, 9);
    return (struct history_event){.event = {.type = (enum event_type)rows_int(row, 0, 13),
                                            .source_name = rows_span(row, 0, 5),
                                            .location_code = rows_span(row, 0, 1),
                                            .sku = rows_span(row, 0, 0),
                                            .quantity = rows_int(row, 0, 6),
                                            .occurred_at_us = rows_time(row, 0, 7),
                                            .has_version = has_version,
                                            .version = rows_int(row, 0, 8),
                                            .has_sees_orders_until = sees,
                                            .sees_orders_until_us = rows_time(row, 0, 9)},
                                  .recorded_at_ms = rows_time(row, 0, 11) / 1000,
                                  .outcome = (enum outcome)rows_int(row, 0, 12),
                                  .has_after = !rows_is_null(row, 0, 10),
                                  .after = rows_int(row, 0, 10)};
}

static struct reading reading_of(const struct rows *row)
{
    return (struct reading){.exists = true,
                            .has_count = !rows_is_null(row, 0, 6),
                            .count = rows_int(row, 0, 6),
                            .counted_at_us = rows_time(row, 0, 7),
                            .has_version = !rows_is_null(row, 0, 8),
                            .version = rows_int(row, 0, 8),
                            .adjusted = rows_int(row, 0, 10),
                            .has_sees_orders_until = !rows_is_null(row, 0, 9),
                            .sees_orders_until_us = rows_time(row, 0, 9)};
}

static struct finding finding_of(const struct rows *row, struct span run)
{
    enum finding_cause cause = CAUSE_UNKNOWN;
    (void)cause_parse(rows_span(row, 0, 16), &cause);
    return (struct finding){.id = rows_span(row, 0, 14),
                            .run_id = run,
                            .shop = rows_span(row, 0, 5),
                            .sku = rows_span(row, 0, 0),
                            .location = rows_span(row, 0, 1),
                            .cause = cause,
                            .is_high_risk = span_is(rows_span(row, 0, 17), "high"),
                            .has_desired = !rows_is_null(row, 0, 6),
                            .desired = rows_int(row, 0, 6),
                            .has_shown = !rows_is_null(row, 0, 18),
                            .shown = rows_int(row, 0, 18),
                            .residual = rows_int(row, 0, 19),
                            .has_value = !rows_is_null(row, 0, 20),
                            .value_micros = rows_int(row, 0, 20),
                            .observed_at_us = rows_time(row, 0, 3)};
}

static enum status read_row(void *self, const struct rows *row, struct error *error)
{
    const struct history_visitor *visitor = self;
    char run[24];
    struct history_row history = {.kind = (enum history_kind)rows_int(row, 0, 2),
                                  .sku = rows_span(row, 0, 0),
                                  .location = rows_span(row, 0, 1),
                                  .at_us = rows_time(row, 0, 3)};
    if (history.kind == HISTORY_READING) {
        history.source = rows_span(row, 0, 5);
        history.reading = reading_of(row);
    } else if (history.kind == HISTORY_EVENT) {
        history.event = event_of(row);
        if (rows_int(row, 0, 13) >= EVENT_TYPE_COUNT ||
            rows_int(row, 0, 12) >= OUTCOME_COUNT)
            return error_set(error, STATUS_FATAL,
                             "the ledger has a type or an outcome that is not known; use "
                             "a newer parstock");
    } else {
        (void)snprintf(run, sizeof run, "%lld", (long long)rows_int(row, 0, 15));
        history.finding = finding_of(row, span_from(run));
        history.beside = (struct finding_beside){.tags = rows_span(row, 0, 21),
                                                 .has_price = !rows_is_null(row, 0, 22),
                                                 .price_micros = rows_int(row, 0, 22),
                                                 .drifted_lately = rows_int(row, 0, 23),
                                                 .rewrites = rows_int(row, 0, 24)};
        history.action = rows_span(row, 0, 25);
        history.rule = rows_span(row, 0, 26);
        history.bar = rows_span(row, 0, 27);
    }
    return visitor->each(visitor->self, &history, error);
}

enum status store_history(struct postgres *postgres, const struct history_span *span,
                          const struct history_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct history_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_row, .self = &copy};
    add_span(&params, span);
    return postgres_stream(postgres, span->is_cut ? &HISTORY_CUT : &HISTORY, &params,
                           &reader, error);
}
