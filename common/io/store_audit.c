/*
 * The invariants of store_levels.h, each a query that finds its offenders. Outcomes and
 * types by number as in common/domain: applied 0, unchanged 1, stale 3, shadowed 4;
 * counted 0, adjusted 1, shop.observed 2, shop.ordered 3.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_levels.h"

static const struct statement COUNTS = {
    "audit_counts",
    "SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(applied), 0)::bigint, "
    "coalesce(sum(unchanged), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, "
    "coalesce(sum(stale), 0)::bigint, coalesce(sum(shadowed), 0)::bigint, "
    "coalesce(sum(rekeyed), 0)::bigint, coalesce(sum(rejected), 0)::bigint, "
    "(SELECT count(*) FROM levels) FROM progress"};

static const struct statement PARTITIONS = {
    "audit_partitions",
    "SELECT topic, partition, read, next_offset, applied, unchanged, duplicate, stale, "
    "shadowed, rekeyed, rejected FROM progress ORDER BY topic COLLATE \"C\", partition"};

static const struct statement SUM_OF_OUTCOMES = {
    "audit_sum",
    "SELECT format('partition %s of %s: read %s, outcomes add up to %s', partition, topic, "
    "read, applied + unchanged + duplicate + stale + shadowed + rekeyed + rejected) "
    "FROM progress WHERE read <> applied + unchanged + duplicate + stale + shadowed + "
    "rekeyed + rejected LIMIT $1"};

static const struct statement NO_MORE_THAN_OFFSETS = {
    "audit_offsets",
    "SELECT format('partition %s of %s: read %s records between offsets %s "
    "and %s', partition, topic, read, start_offset, next_offset) "
    "FROM progress WHERE next_offset >= 0 "
    "AND read > next_offset - start_offset LIMIT $1"};

/* Since when the ledger is whole. An event says that it occurred some minutes after it was
 * judged at most: what occurred a day later was judged later. */
#define WHOLE_SINCE                                                                      \
    "(SELECT coalesce(max(day) + 1, '-infinity')::timestamptz FROM ledger_retired)"
#define WHOLLY_KNOWN(time) time " >= " WHOLE_SINCE " + interval '1 day'"

static const struct statement LEDGER_COUNTS = {
    "audit_ledger_counts",
    "WITH kept AS (SELECT partition, count(*) FILTER (WHERE outcome = 0) AS applied, "
    "count(*) FILTER (WHERE outcome = 1) AS unchanged, "
    "count(*) FILTER (WHERE outcome = 3) AS stale, "
    "count(*) FILTER (WHERE outcome = 4) AS shadowed FROM idempotency GROUP BY partition), "
    "rows AS (SELECT partition, sum(applied) AS applied, sum(unchanged) AS unchanged, "
    "sum(stale) AS stale, sum(shadowed) AS shadowed FROM (SELECT * FROM kept UNION ALL "
    "SELECT partition, applied, unchanged, stale, shadowed FROM ledger_retired) AS parts "
    "GROUP BY partition) "
    "SELECT format('partition %s: progress says %s/%s/%s/%s applied/unchanged/stale/"
    "shadowed, the ledger held %s/%s/%s/%s', coalesce(p.partition, r.partition), "
    "p.applied, p.unchanged, p.stale, p.shadowed, r.applied, r.unchanged, r.stale, "
    "r.shadowed) FROM (SELECT partition, sum(applied) AS applied, "
    "sum(unchanged) AS unchanged, sum(stale) AS stale, sum(shadowed) AS shadowed "
    "FROM progress GROUP BY partition) p FULL JOIN rows r ON r.partition = p.partition "
    "WHERE (coalesce(p.applied, 0), coalesce(p.unchanged, 0), coalesce(p.stale, 0), "
    "coalesce(p.shadowed, 0)) IS DISTINCT FROM (coalesce(r.applied, 0), "
    "coalesce(r.unchanged, 0), coalesce(r.stale, 0), coalesce(r.shadowed, 0)) LIMIT $1"};

static const struct statement KEY_ONCE = {
    "audit_key_once",
    "SELECT format('key %s stands %s times in the ledger', key, count(*)) "
    "FROM idempotency GROUP BY key HAVING count(*) > 1 LIMIT $1"};

static const struct statement RECORD_ONCE = {
    "audit_record_once",
    "SELECT format('record %s/%s stands %s times in the ledger', partition, record_offset, "
    "count(*)) FROM idempotency GROUP BY topic, partition, record_offset "
    "HAVING count(*) > 1 LIMIT $1"};

static const struct statement ONE_PARTITION = {
    "audit_one_partition",
    "SELECT format('SKU %s was judged on %s of %s partitions', sku, "
    "count(DISTINCT partition), partitions) FROM idempotency GROUP BY sku, topic, "
    "partitions HAVING count(DISTINCT partition) > 1 LIMIT $1"};

/* Each row starts from the level that the row before it left. Time of judging comes first:
 * a SKU moves to another partition when the topic gets more of them. */
static const struct statement CHAIN = {
    "audit_chain",
    "WITH steps AS (SELECT sku, location, partition, record_offset, before, "
    "lag(after) OVER w AS left_by, row_number() OVER w AS n FROM idempotency "
    "WHERE type IN (0, 1) WINDOW w AS (PARTITION BY sku, location "
    "ORDER BY judged_at, record_offset)) "
    "SELECT format('SKU %s at %s: record %s/%s starts from %s, the one before left %s', sku, "
    "location, partition, record_offset, coalesce(before::text, 'none'), "
    "coalesce(left_by::text, 'none')) FROM steps WHERE n > 1 "
    "AND before IS DISTINCT FROM left_by LIMIT $1"};

static const struct statement LAST_IS_LEVEL = {
    "audit_last",
    "WITH last AS (SELECT DISTINCT ON (sku, location) sku, location, after FROM idempotency "
    "WHERE type IN (0, 1) ORDER BY sku, location, judged_at DESC, record_offset DESC) "
    "SELECT format('SKU %s at %s: the ledger ends at %s, the level is %s', "
    "coalesce(a.sku, l.sku), coalesce(a.location, l.location), "
    "coalesce(a.after::text, 'none'), coalesce(l.quantity::text, 'none')) "
    "FROM last a FULL JOIN levels l ON l.sku = a.sku AND l.location = a.location "
    "WHERE a.after IS DISTINCT FROM l.quantity AND (a.sku IS NOT NULL "
    "OR " WHOLLY_KNOWN("l.occurred_at") ") LIMIT $1"};

/* A reading from the events alone: the last recorded count, and what came after it. Where
 * retention has dropped something, only those whose last count is young enough. */
static const struct statement READINGS_FOLD = {
    "audit_readings",
    "WITH recorded AS (SELECT * FROM idempotency WHERE outcome IN (0, 1, 4) "
    "AND type IN (0, 1)), "
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
    "LEFT JOIN sums s USING (sku, location, source)) "
    "SELECT format('SKU %s at %s, source %s: events fold to %s, the reading is %s', f.sku, "
    "f.location, f.source, f.quantity, coalesce((coalesce(r.count, 0) + "
    "r.adjusted)::text, 'none')) FROM folded f LEFT JOIN source_readings r "
    "USING (sku, location, source) WHERE (r.sku IS NULL "
    "OR coalesce(r.count, 0) + r.adjusted <> f.quantity) "
    "AND (" WHOLLY_KNOWN("f.counted_at") " OR " WHOLE_SINCE " = '-infinity') LIMIT $1"};

static const struct statement LEVEL_IS_READING = {
    "audit_level_reading",
    "SELECT format('SKU %s at %s: level %s of source %s, whose reading is %s', l.sku, "
    "l.location, l.quantity, l.source, coalesce((coalesce(r.count, 0) + r.adjusted)::text, "
    "'none')) FROM levels l LEFT JOIN source_readings r USING (sku, location, source) "
    "WHERE r.sku IS NULL OR coalesce(r.count, 0) + r.adjusted <> l.quantity LIMIT $1"};

/* A run stands for all pages of its offsets; retention drops it after the last of them. */
static const struct statement RUNS_COVER = {
    "audit_runs",
    "SELECT format('run %s of partition %s: %s keys, the pages that it stands for hold %s: "
    "an event could be judged twice', id, partition, entries, n) FROM (SELECT r.id, "
    "r.partition, r.entries, (SELECT coalesce(sum(l.entries), 0) FROM ledger l "
    "WHERE l.topic = r.topic AND l.partition = r.partition "
    "AND l.partitions = r.partitions AND l.next_offset > r.first_offset "
    "AND l.next_offset <= r.next_offset) AS n FROM ledger_runs r) AS runs "
    "WHERE entries < n LIMIT $1"};

static const struct statement PAGE_WHOLE = {
    "audit_pages",
    "SELECT format('page of partition %s up to offset %s: %s rows, %s keys, %s lines', "
    "partition, next_offset, entries, length(keys) / 24, lines) FROM (SELECT partition, "
    "next_offset, entries, keys, array_length(string_to_array(lines, E'\\n'), 1) AS lines "
    "FROM ledger) AS pages WHERE length(keys) <> 24 * entries OR lines <> entries LIMIT $1"};

/*
 * Within a partition offsets rise in the order of judging, whoever held it: pages follow one
 * another, and so do the lines of a page. A SKU lies on one partition (ONE_PARTITION), so
 * that each key's do. Pages of partitions 0 are from before pages were kept.
 */
static const struct statement OFFSETS_RISE = {
    "audit_offsets_rise",
    "WITH pages AS (SELECT topic, partition, first_offset, next_offset, judged_at, "
    "lag(next_offset) OVER w AS left_by, lag(judged_at) OVER w AS left_at FROM ledger "
    "WHERE partitions > 0 WINDOW w AS (PARTITION BY topic, partition "
    "ORDER BY next_offset, judged_at)) "
    "SELECT format('partition %s of %s: the page up to offset %s begins at %s, the one "
    "below it ends at %s', partition, topic, next_offset, first_offset, left_by) "
    "FROM pages WHERE first_offset < left_by "
    "UNION ALL SELECT format('partition %s of %s: the page up to offset %s was judged "
    "before the one below it', partition, topic, next_offset) FROM pages "
    "WHERE judged_at < left_at "
    "UNION ALL SELECT format('partition %s of %s: offset %s of the page up to %s follows "
    "%s', l.partition, l.topic, r.at, l.next_offset, r.before) FROM ledger l "
    "CROSS JOIN LATERAL (SELECT at, lag(at) OVER (ORDER BY n) AS before FROM ("
    "SELECT split_part(line, E'\t', 1)::bigint AS at, n "
    "FROM string_to_table(l.lines, E'\n') WITH ORDINALITY AS t (line, n) "
    "WHERE line ~ '^[0-9]{1,18}\t') AS lines) AS r WHERE l.partitions > 0 "
    "AND (r.at <= r.before OR r.at < l.first_offset OR r.at >= l.next_offset) LIMIT $1"};

static const struct statement WRITE_IN_FLIGHT = {
    "audit_in_flight",
    "SELECT format('%s, SKU %s at %s: in flight with write %s, which is settled or gone', "
    "s.shop, s.sku, s.location, s.write_id) FROM shop_levels s LEFT JOIN shop_writes w "
    "ON w.id = s.write_id WHERE s.write_id IS NOT NULL AND (w.id IS NULL "
    "OR w.settled_at IS NOT NULL) LIMIT $1"};

static const struct audit_check CHECKS[] = {
    {"outcomes_add_up", "the seven outcomes of a partition add up to what was read",
     &SUM_OF_OUTCOMES},
    {"no_more_than_offsets", "no more records were judged than the topic had",
     &NO_MORE_THAN_OFFSETS},
    {"ledger_counts", "the ledger holds or held as many rows as were counted",
     &LEDGER_COUNTS},
    {"key_once", "no key stands twice in the ledger", &KEY_ONCE},
    {"page_whole", "every page has as many keys and lines as it says", &PAGE_WHOLE},
    {"runs_cover", "every run holds the keys of all its pages, by number", &RUNS_COVER},
    {"record_once", "no record was judged twice", &RECORD_ONCE},
    {"offsets_rise", "within a partition offsets rise in the order of judging",
     &OFFSETS_RISE},
    {"one_partition", "every SKU was judged on one partition", &ONE_PARTITION},
    {"chain", "every event starts from the level that the one before it left", &CHAIN},
    {"ledger_folds", "the ledger's last level is the level", &LAST_IS_LEVEL},
    {"readings_fold", "every reading is what its source's events add up to",
     &READINGS_FOLD},
    {"level_is_reading", "every level is the reading of its source", &LEVEL_IS_READING},
    {"one_write", "every pair in flight has an open write", &WRITE_IN_FLIGHT},
};

/* Whole tables are joined here; without statistics (a fresh or restored database) the planner
 * takes them for small and would compare every row with every other. */
enum status store_audit_begin(struct postgres *postgres, struct error *error)
{
    return postgres_script(
        postgres,
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
        "SET LOCAL work_mem = '256MB'; SET LOCAL enable_nestloop = off; "
        "SET LOCAL jit = off", /* without nested loops every plan looks dear enough */
        error);
}

enum status store_audit_counts(struct postgres *postgres, struct audit_counts *counts_out,
                               struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &COUNTS, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    counts_out->read = rows_int(&rows, 0, 0);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        counts_out->outcomes[outcome] = rows_int(&rows, 0, 1 + outcome);
    counts_out->levels = rows_int(&rows, 0, 1 + OUTCOME_COUNT);
    return STATUS_OK;
}

static enum status read_partition(void *self, const struct rows *row, struct error *error)
{
    const struct audit_partition_visitor *visitor = self;
    struct audit_partition partition = {.topic = rows_span(row, 0, 0),
                                        .partition = (int32_t)rows_int(row, 0, 1),
                                        .read = rows_int(row, 0, 2),
                                        .next_offset = rows_int(row, 0, 3)};
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        partition.outcomes[outcome] = rows_int(row, 0, 4 + outcome);
    return visitor->each(visitor->self, &partition, error);
}

enum status store_audit_partitions(struct postgres *postgres,
                                   const struct audit_partition_visitor *visitor,
                                   struct error *error)
{
    struct audit_partition_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_partition, .self = &copy};
    return postgres_stream(postgres, &PARTITIONS, NULL, &reader, error);
}

const struct audit_check *store_audit_check(size_t at)
{
    return at < COUNT_OF(CHECKS) ? &CHECKS[at] : NULL;
}

static enum status read_offender(void *self, const struct rows *row, struct error *error)
{
    const struct offender_visitor *visitor = self;
    return visitor->each(visitor->self, rows_span(row, 0, 0), error);
}

enum status store_audit_run(struct postgres *postgres, const struct audit_check *check,
                            const struct offender_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct offender_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_offender, .self = &copy};
    pg_params_init(&params);
    pg_params_int8(&params, visitor->max);
    if (visitor->has_at)
        pg_params_time(&params, true, visitor->at_us);
    return postgres_stream(postgres, check->statement, &params, &reader, error);
}
