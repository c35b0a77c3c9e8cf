/*
 * The ledger at a moment of the past ($2): what the tables held then is worked out from the
 * rows alone. Outcomes and types by number as in store_audit.c.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_levels.h"

/* As in store_audit.c: a reading is wholly known if its count came after the newest day that
 * retention has dropped. */
#define WHOLE_SINCE                                                                      \
    "(SELECT coalesce(max(day) + 1, '-infinity')::timestamptz FROM ledger_retired)"

static const struct statement CHAIN_AT = {
    "audit_at_chain",
    "WITH steps AS (SELECT sku, location, partition, record_offset, before, "
    "lag(after) OVER w AS left_by, row_number() OVER w AS n FROM idempotency "
    "WHERE type IN (0, 1) AND judged_at <= $2 WINDOW w AS (PARTITION BY sku, location "
    "ORDER BY judged_at, record_offset)) "
    "SELECT format('SKU %s at %s: record %s/%s starts from %s, the one before left %s', sku, "
    "location, partition, record_offset, coalesce(before::text, 'none'), "
    "coalesce(left_by::text, 'none')) FROM steps WHERE n > 1 "
    "AND before IS DISTINCT FROM left_by LIMIT $1"};

/* The level is the reading of one of its sources: which one rules, the contracts say, and
 * `policy simulate` proves it row by row. */
static const struct statement FOLDS_AT = {
    "audit_at_folds",
    "WITH known AS (SELECT * FROM idempotency WHERE type IN (0, 1) AND judged_at <= $2), "
    "recorded AS (SELECT * FROM known WHERE outcome IN (0, 1, 4)), "
    "counts AS (SELECT DISTINCT ON (sku, location, source) sku, location, source, quantity, "
    "occurred_at FROM recorded WHERE type = 0 "
    "ORDER BY sku, location, source, judged_at DESC, record_offset DESC), "
    "keys AS (SELECT DISTINCT sku, location, source FROM recorded "
    "WHERE type = 0 OR quantity <> 0), "
    "sums AS (SELECT a.sku, a.location, a.source, sum(a.quantity) AS quantity "
    "FROM recorded a LEFT JOIN counts c USING (sku, location, source) WHERE a.type = 1 "
    "AND (c.occurred_at IS NULL OR a.occurred_at > c.occurred_at) "
    "GROUP BY a.sku, a.location, a.source), "
    "folded AS (SELECT k.sku, k.location, k.source, c.occurred_at AS counted_at, "
    "coalesce(c.quantity, 0) + coalesce(s.quantity, 0) AS quantity FROM keys k "
    "LEFT JOIN counts c USING (sku, location, source) "
    "LEFT JOIN sums s USING (sku, location, source)), "
    "last AS (SELECT DISTINCT ON (sku, location) sku, location, after FROM known "
    "ORDER BY sku, location, judged_at DESC, record_offset DESC) "
    "SELECT format('SKU %s at %s: the ledger left it at %s, its events fold to %s', "
    "l.sku, l.location, coalesce(l.after::text, 'none'), coalesce(string_agg("
    "f.quantity || ' of ' || f.source, ', '), 'nothing')) FROM last l "
    "LEFT JOIN folded f USING (sku, location) GROUP BY l.sku, l.location, l.after "
    "HAVING NOT coalesce(bool_or(f.quantity = l.after), l.after IS NULL) "
    "AND (" WHOLE_SINCE " = '-infinity' OR coalesce(bool_and(f.counted_at >= " WHOLE_SINCE
    " + interval '1 day'), false)) LIMIT $1"};

static const struct statement LEVELS_AT = {
    "audit_at_levels",
    "SELECT sku, location, after::bigint FROM (SELECT DISTINCT ON (sku, location) "
    "sku COLLATE \"C\" AS sku, location COLLATE \"C\" AS location, after FROM idempotency "
    "WHERE type IN (0, 1) AND judged_at <= $1 "
    "ORDER BY sku COLLATE \"C\", location COLLATE \"C\", judged_at DESC, record_offset DESC) "
    "AS last WHERE after IS NOT NULL ORDER BY sku, location"};

static const struct audit_check CHECKS_AT[] = {
    {"chain", "every event starts from the level that the one before it left", &CHAIN_AT},
    {"ledger_folds", "every level is what the events of a source add up to", &FOLDS_AT},
};

const struct audit_check *store_audit_check_at(size_t at)
{
    return at < COUNT_OF(CHECKS_AT) ? &CHECKS_AT[at] : NULL;
}

static enum status read_level(void *self, const struct rows *row, struct error *error)
{
    const struct audit_level_visitor *visitor = self;
    const struct audit_level level = {.sku = rows_span(row, 0, 0),
                                      .location = rows_span(row, 0, 1),
                                      .quantity = rows_int(row, 0, 2)};
    return visitor->each(visitor->self, &level, error);
}

enum status store_audit_levels_at(struct postgres *postgres, int64_t at_us,
                                  const struct audit_level_visitor *visitor,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct audit_level_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_level, .self = &copy};
    pg_params_init(&params);
    pg_params_time(&params, true, at_us);
    return postgres_stream(postgres, &LEVELS_AT, &params, &reader, error);
}
