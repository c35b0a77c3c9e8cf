#include "common/io/store_imports.h"

#include "common/base/scope.h"

#define STAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define STAGE_FLUSH_BYTES ((size_t)1024 * 1024)

/* ---- how far ------------------------------------------------------------------------------- */

static const struct statement HOLD = {
    "import_hold", "SELECT pg_try_advisory_lock(hashtextextended('import ' || $1, 0))"};

static const struct statement FIND = {
    "import_find", "SELECT reached, state = 'running' FROM imports WHERE id = $1"};

static const struct statement BEGIN_FILE = {
    "import_begin",
    "INSERT INTO imports (id, feed, file) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE "
    "SET file = excluded.file, state = 'running', reached = 0, "
    "started_at = clock_timestamp(), changed_at = clock_timestamp()"};

static const struct statement REACH = {
    "import_reach", "UPDATE imports SET reached = $2, "
                    "state = CASE WHEN $3 THEN 'running' ELSE 'done' END, "
                    "changed_at = clock_timestamp() WHERE id = $1"};

static const struct statement RETIRE = {
    "import_retire", "DELETE FROM imports WHERE changed_at < clock_timestamp() "
                     "- make_interval(days => $1)"};

enum status store_import_hold(struct postgres *postgres, struct span id, bool *held_out,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, id);
    enum status status = postgres_query(postgres, &HOLD, &params, &rows, error);
    *held_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_import_find(struct postgres *postgres, struct span id,
                              struct import_mark *mark_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *mark_out = (struct import_mark){0};
    pg_params_init(&params);
    pg_params_text(&params, id);
    enum status status = postgres_query(postgres, &FIND, &params, &rows, error);
    if (status == STATUS_OK && rows.count > 0)
        *mark_out = (struct import_mark){.reached = rows_int(&rows, 0, 0),
                                         .is_running = rows_bool(&rows, 0, 1)};
    return status;
}

enum status store_import_begin(struct postgres *postgres, const struct import_name *name,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, name->id);
    pg_params_text(&params, name->feed);
    pg_params_text(&params, name->file);
    return postgres_query(postgres, &BEGIN_FILE, &params, NULL, error);
}

enum status store_import_reach(struct postgres *postgres, struct span id,
                               const struct import_mark *mark, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, id);
    pg_params_int8(&params, mark->reached);
    pg_params_bool(&params, mark->is_running);
    return postgres_query(postgres, &REACH, &params, NULL, error);
}

enum status store_import_retire(struct postgres *postgres, int64_t keep_days,
                                int64_t *removed_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int4(&params, (int32_t)keep_days);
    enum status status = postgres_query(postgres, &RETIRE, &params, &rows, error);
    *removed_out = status == STATUS_OK ? rows.affected : 0;
    return status;
}

/* ---- the stage --------------------------------------------------------------------------------- */

static const char STAGE_MAKE[] =
    "SET work_mem = '64MB'; "
    "DROP TABLE IF EXISTS import_rows, import_levels; "
    "CREATE TEMPORARY TABLE import_rows (place bigint NOT NULL, sku text NOT NULL, "
    "location text NOT NULL, source text NOT NULL, type smallint NOT NULL, "
    "quantity bigint NOT NULL, occurred_at timestamptz NOT NULL, version bigint)";

static const char STAGE_COPY[] =
    "COPY import_rows (place, sku, location, source, type, quantity, occurred_at, "
    "version) FROM STDIN (FORMAT binary)";

/*
 * What each pair's level would be. A count that is older than its source's last one is
 * stale; one that says the same as that is a repeat, whatever was adjusted since.
 */
static const struct statement COMPARE = {
    "import_compare",
    "CREATE TEMPORARY TABLE import_levels AS "
    "WITH counts AS (SELECT DISTINCT ON (sku, location, source) sku, location, source, "
    "quantity, occurred_at, version FROM import_rows WHERE type = 0 "
    "ORDER BY sku, location, source, occurred_at DESC, place DESC), "
    "pairs AS (SELECT DISTINCT sku, location, source FROM import_rows), "
    "bases AS (SELECT p.*, r.sku IS NOT NULL AS had, "
    "coalesce(r.count, 0) + coalesce(r.adjusted, 0) AS reading, r.counted_at, "
    "c.quantity, c.occurred_at, c.sku IS NOT NULL AND (r.counted_at IS NULL OR NOT "
    "CASE WHEN c.version IS NOT NULL AND r.version IS NOT NULL "
    "THEN c.version <= r.version ELSE c.occurred_at < r.counted_at "
    "OR (c.occurred_at = r.counted_at AND c.quantity = r.count) END) AS counts "
    "FROM pairs p LEFT JOIN source_readings r USING (sku, location, source) "
    "LEFT JOIN counts c USING (sku, location, source)), "
    "moves AS (SELECT b.sku, b.location, b.source, sum(i.quantity)::bigint AS moved "
    "FROM bases b JOIN import_rows i USING (sku, location, source) WHERE i.type = 1 AND "
    "i.occurred_at > coalesce(CASE WHEN b.counts THEN b.occurred_at ELSE b.counted_at END, "
    "'-infinity') GROUP BY 1, 2, 3), "
    "said AS (SELECT b.sku, b.location, b.source, b.had OR b.counts OR m.moved IS NOT NULL "
    "AS has, CASE WHEN b.counts THEN b.quantity ELSE b.reading END + coalesce(m.moved, 0) "
    "AS reading FROM bases b LEFT JOIN moves m USING (sku, location, source)), "
    "ranks AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS t (source, rank)), "
    "best AS (SELECT DISTINCT ON (sku, location) s.sku, s.location, s.source, s.reading, "
    "k.rank FROM said s JOIN ranks k USING (source) WHERE s.has "
    "ORDER BY sku, location, k.rank) "
    "SELECT b.sku, b.location, l.quantity AS before, CASE WHEN l.sku IS NULL OR "
    "b.rank <= coalesce(k.rank, b.rank) THEN b.reading ELSE l.quantity END AS after "
    "FROM best b LEFT JOIN levels l USING (sku, location) "
    "LEFT JOIN ranks k ON k.source = l.source"};

static const struct statement EFFECT = {
    "import_effect", "SELECT count(*), count(*) FILTER (WHERE before IS NULL), "
                     "count(*) FILTER (WHERE before <> after), "
                     "count(*) FILTER (WHERE before > 0 AND after <= 0), "
                     "count(*) FILTER (WHERE before > 0) FROM import_levels"};

static const struct statement KNOWN = {
    "import_known", "SELECT count(*) FROM source_readings WHERE source IN "
                    "(SELECT DISTINCT source FROM import_rows)"};

static const struct statement CHANGED = {
    "import_changed",
    "SELECT sku, location, before, after FROM import_levels "
    "WHERE before IS DISTINCT FROM after ORDER BY coalesce(before > 0 AND after <= 0, "
    "false) DESC, before IS NULL, sku COLLATE \"C\", location COLLATE \"C\" LIMIT $1"};

#define MISSING_FROM                                                                     \
    "FROM source_readings r JOIN (SELECT DISTINCT location, source FROM import_rows) f " \
    "USING (location, source) LEFT JOIN levels l USING (sku, location) "                 \
    "WHERE NOT EXISTS (SELECT FROM import_rows i WHERE i.sku = r.sku AND "               \
    "i.location = r.location AND i.source = r.source)"

static const struct statement MISSING = {
    "import_missing", "SELECT r.sku, r.location, l.quantity, NULL::bigint " MISSING_FROM
                      " ORDER BY r.sku COLLATE \"C\", r.location COLLATE \"C\" LIMIT $1"};

static const struct statement MISSING_COUNT = {"import_missing_count",
                                               "SELECT count(*) " MISSING_FROM};

static const struct statement INCIDENT = {
    "import_incident", "SELECT id, sku, $2::text FROM incidents WHERE problem = $1 "
                       "AND sku = '' AND state <> 'resolved'"};

void store_import_stage_free(struct import_stage *stage)
{
    buf_free(&stage->rows);
}

static void begin_rows(struct import_stage *stage)
{
    buf_clear(&stage->rows);
    pg_copy_begin(&stage->rows);
}

enum status store_import_stage_begin(struct postgres *postgres,
                                     struct import_stage *stage, struct error *error)
{
    *stage = (struct import_stage){0};
    buf_init(&stage->rows, STAGE_BYTES_MAX);
    begin_rows(stage);
    return postgres_script(postgres, STAGE_MAKE, error);
}

static enum status flush_rows(struct postgres *postgres, struct import_stage *stage,
                              struct error *error)
{
    pg_copy_end(&stage->rows);
    if (stage->rows.failed)
        return error_set(error, STATUS_FATAL, "import: out of memory");
    enum status status =
        postgres_copy(postgres, STAGE_COPY, buf_view(&stage->rows), error);
    begin_rows(stage);
    return status;
}

enum status store_import_stage_add(struct postgres *postgres, struct import_stage *stage,
                                   const struct event *event, struct error *error)
{
    struct buf *rows = &stage->rows;
    if (event_is_of_shop(event->type))
        return STATUS_OK;
    pg_copy_row(rows, 8);
    pg_copy_int8(rows, stage->count++);
    pg_copy_text(rows, event->sku);
    pg_copy_text(rows, event->location_code);
    pg_copy_text(rows, event->source_name);
    pg_copy_int2(rows, (int16_t)event->type);
    pg_copy_int8(rows, event->quantity);
    pg_copy_time(rows, true, event->occurred_at_us);
    pg_copy_int8_or_null(rows, event->has_version, event->version);
    return rows->length < STAGE_FLUSH_BYTES ? STATUS_OK
                                            : flush_rows(postgres, stage, error);
}

static enum status compare(struct postgres *postgres, const struct contract *contract,
                           struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct span names[CONTRACT_SOURCES_MAX];
    int64_t ranks[CONTRACT_SOURCES_MAX];
    for (size_t at = 0; at < contract->source_count; at++) {
        names[at] = contract->sources[at].name;
        ranks[at] = contract->sources[at].rank;
    }
    pg_params_init(&params);
    pg_params_text_array(&params, names, contract->source_count);
    pg_params_int8_array(&params, ranks, NULL, contract->source_count);
    enum status status = postgres_script(postgres, "ANALYZE import_rows", error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &COMPARE, &params, NULL, error);
    return status;
}

/* Counting the source's levels reads all of them; not worth it for a small change. */
static enum status count_known(struct postgres *postgres, const struct contract *contract,
                               struct feed_effect *effect, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    effect->known = effect->named - effect->fresh;
    if (feed_guard_judge(&contract->feed_limits, effect) != FEED_GUARD_CHANGED_SHARE)
        return STATUS_OK;
    enum status status = postgres_query(postgres, &KNOWN, NULL, &rows, error);
    if (status == STATUS_OK && rows_int(&rows, 0, 0) > effect->known)
        effect->known = rows_int(&rows, 0, 0);
    return status;
}

enum status store_import_stage_compare(struct postgres *postgres,
                                       struct import_stage *stage,
                                       const struct contract *contract,
                                       struct feed_effect *effect, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = flush_rows(postgres, stage, error);
    if (status == STATUS_OK)
        status = compare(postgres, contract, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &EFFECT, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    *effect = (struct feed_effect){.named = rows_int(&rows, 0, 0),
                                   .fresh = rows_int(&rows, 0, 1),
                                   .changed = rows_int(&rows, 0, 2),
                                   .zeroed = rows_int(&rows, 0, 3),
                                   .stocked = rows_int(&rows, 0, 4)};
    return count_known(postgres, contract, effect, error);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static enum status read_change(void *self, const struct rows *row, struct error *error)
{
    const struct import_changes *changes = self;
    const struct import_change change = {.sku = rows_span(row, 0, 0),
                                         .location = rows_span(row, 0, 1),
                                         .has_before = !rows_is_null(row, 0, 2),
                                         .before = rows_int(row, 0, 2),
                                         .after = rows_int(row, 0, 3)};
    return changes->each(changes->self, &change, error);
}

static enum status list(struct postgres *postgres, const struct statement *statement,
                        const struct import_changes *changes, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct import_changes copy = *changes;
    const struct row_visitor visitor = {.each = read_change, .self = &copy};
    pg_params_init(&params);
    pg_params_int8(&params, changes->limit);
    return postgres_stream(postgres, statement, &params, &visitor, error);
}

enum status store_import_changed(struct postgres *postgres,
                                 const struct import_changes *changes,
                                 struct error *error)
{
    return list(postgres, &CHANGED, changes, error);
}

enum status store_import_missing(struct postgres *postgres,
                                 const struct import_changes *changes, int64_t *count_out,
                                 struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &MISSING_COUNT, NULL, &rows, error);
    *count_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status == STATUS_OK ? list(postgres, &MISSING, changes, error) : status;
}

enum status store_import_incident(struct postgres *postgres, struct span problem,
                                  struct span reason, struct rows *rows,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, problem);
    pg_params_text(&params, reason);
    return postgres_query(postgres, &INCIDENT, &params, rows, error);
}
