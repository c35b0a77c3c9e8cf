#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_drift.h"

/* ---- the whole export ----------------------------------------------------------------- */

/*
 * Every pair that should show something beside what the export says of it. A pair of which
 * neither the shop nor the catalogue has an item never was in the shop: 'catalog check'
 * tells of those.
 */
#define STAGED_PAIRS                                                                     \
    "WITH items AS (SELECT sku, count(DISTINCT item) AS n, min(item) AS item,"           \
    " bool_and(tracked) AS tracked FROM catalog_items WHERE sku <> '' GROUP BY sku),"    \
    " mapped AS (SELECT DISTINCT sku FROM shop_items WHERE shop = $1 AND sku <> ''),"    \
    " pairs AS MATERIALIZED (SELECT l.sku, l.location, l.desired, l.undecided,"          \
    " l.shown AS known, coalesce(i.n, 0) AS n, coalesce(i.item, '') AS item, i.tracked," \
    " coalesce(s.active, false) AS active, s.committed,"                                 \
    " CASE WHEN $4 THEN s.on_hand ELSE s.available END AS shown,"                        \
    " m.sku IS NOT NULL AS mapped"                                                       \
    " FROM shop_levels l JOIN unnest($2::text[], $3::text[]) g (code, gid)"              \
    " ON g.code = l.location LEFT JOIN items i ON i.sku = l.sku"                         \
    " LEFT JOIN mapped m ON m.sku = l.sku"                                               \
    " LEFT JOIN catalog_levels s ON s.item = i.item AND s.gid = g.gid"                   \
    " WHERE l.shop = $1 AND l.desired IS NOT NULL)"

/*
 * What is known is asked of the tables alone, whatever places this process was told of: a
 * location that it passes over must not look as good as one without a difference. $7, $8:
 * sources and how old their numbers may be, in seconds.
 */
#define SWEPT                                                                              \
    " swept AS (INSERT INTO drift_sweeps (run_id, shop, location, known, compared, stale)" \
    " SELECT $5, $1, k.location, k.known, coalesce(c.compared, 0), k.stale"                \
    " FROM (SELECT l.location, count(*) AS known, count(*) FILTER (WHERE"                  \
    " v.occurred_at < now() - a.age * interval '1 s') AS stale FROM shop_levels l"         \
    " LEFT JOIN items i ON i.sku = l.sku LEFT JOIN mapped m ON m.sku = l.sku"              \
    " LEFT JOIN levels v ON v.sku = l.sku AND v.location = l.location"                     \
    " LEFT JOIN unnest($7::text[], $8::bigint[]) a (source, age)"                          \
    " ON a.source = v.source AND a.age > 0"                                                \
    " WHERE l.shop = $1 AND l.desired IS NOT NULL"                                         \
    " AND (i.sku IS NOT NULL OR m.sku IS NOT NULL) GROUP BY l.location) k"                 \
    " LEFT JOIN (SELECT location, count(*) AS compared FROM pairs"                         \
    " WHERE n > 0 OR mapped GROUP BY location) c ON c.location = k.location"               \
    " ON CONFLICT (run_id, location) DO UPDATE SET known = excluded.known,"                \
    " compared = excluded.compared, stale = excluded.stale)"

static const struct statement COMPARE = {
    "drift_compare", STAGED_PAIRS
    ", found AS (INSERT INTO drift_suspects (run_id, sku, location, item, items, known,"
    " desired, shown, seen_at, due_at)"
    " SELECT $5, sku, location, item, n, mapped, desired, CASE WHEN active THEN shown END,"
    " now(),"
    " now() + $6 * interval '1 ms' FROM pairs WHERE n > 1 OR (n = 0 AND mapped)"
    " OR (n = 1 AND (NOT mapped OR NOT tracked OR undecided"
    " OR (NOT active AND desired > 0) OR (active AND shown IS DISTINCT FROM desired)))"
    " ON CONFLICT DO NOTHING RETURNING 1),"
    " seen AS (INSERT INTO drift_seen AS d (shop, sku, location,"
    " committed, seen_at)"
    " SELECT $1, p.sku, p.location, p.committed, now() FROM pairs p"
    " LEFT JOIN drift_seen o ON o.shop = $1 AND o.sku = p.sku AND o.location = p.location"
    " WHERE p.n = 1 AND p.active AND p.shown = p.known"
    " AND p.committed <> coalesce(o.committed, 0)"
    " ON CONFLICT (shop, sku, location) DO UPDATE SET committed = excluded.committed,"
    " seen_at = excluded.seen_at)," SWEPT
    " UPDATE drift_runs SET compared = (SELECT count(*) FROM pairs WHERE n > 0),"
    " suspects = (SELECT count(*) FROM found) WHERE id = $5 RETURNING compared, suspects"};

/* Joined right after they were filled. */
static const char MEASURE[] = "ANALYZE catalog_items; ANALYZE catalog_levels";

static void add_places(struct pg_params *params, const struct shop_places *places)
{
    pg_params_text_array(params, places->codes, places->count);
    pg_params_text_array(params, places->gids, places->count);
}

static void add_ages(struct pg_params *params, const struct contract *contract)
{
    struct span names[CONTRACT_SOURCES_MAX];
    int64_t ages[CONTRACT_SOURCES_MAX];
    for (size_t at = 0; at < contract->source_count; at++) {
        names[at] = contract->sources[at].name;
        ages[at] = contract->sources[at].max_age_seconds;
    }
    pg_params_text_array(params, names, contract->source_count);
    pg_params_int8_array(params, ages, NULL, contract->source_count);
}

enum status store_drift_compare(struct postgres *postgres,
                                const struct drift_target *target, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, target->run->shop);
    add_places(&params, target->places);
    pg_params_bool(&params, target->mode == LEVEL_ON_HAND);
    pg_params_int8(&params, target->run->id);
    pg_params_int8(&params, target->settle_ms);
    add_ages(&params, target->contract);
    enum status status = postgres_script(postgres, MEASURE, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &COMPARE, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    target->run->compared = rows_int(&rows, 0, 0);
    target->run->suspects = rows_int(&rows, 0, 1);
    return STATUS_OK;
}

/* ---- some pairs ----------------------------------------------------------------------- */

/* Columns of a pair that is looked at; l is its row, i the items of its SKU. */
#define PAIR_COLUMNS                                                                     \
    "l.sku, l.location, coalesce(i.item, ''), g.gid, coalesce(i.raw_sku, ''),"           \
    " coalesce(i.n, 0), coalesce(i.n, 0) > 0, 0::bigint, false,"                         \
    " NULL::bigint, NULL::bigint"
#define PAIR_ITEMS                                                                       \
    " LEFT JOIN LATERAL (SELECT count(*) AS n, min(s.item) AS item,"                     \
    " min(s.raw_sku) AS raw_sku FROM shop_items s"                                       \
    " WHERE s.shop = $1 AND s.sku = l.sku) i ON true"
#define PAIR_PLACES                                                                      \
    " JOIN unnest($2::text[], $3::text[]) g (code, gid) ON g.code = l.location"

static const struct statement CHOSEN = {
    "drift_chosen",
    "SELECT " PAIR_COLUMNS " FROM shop_levels l" PAIR_PLACES PAIR_ITEMS
    " WHERE l.shop = $1 AND l.desired IS NOT NULL"
    " AND ($5::text IS NULL OR l.sku = $5) AND ($6::text IS NULL OR l.location = $6)"
    " AND ($7::text IS NULL OR (l.sku, l.location) > ($7 COLLATE \"C\", $8 COLLATE \"C\"))"
    " ORDER BY l.sku, l.location LIMIT $4"};

/*
 * Pairs at risk: those that drifted lately, those that were written last (the least stock
 * first), those that were ordered lately; and, so that every pair has its turn, some more
 * in their order.
 */
static const struct statement HOT = {
    "drift_hot",
    "WITH pick AS ((SELECT sku, location, 0 AS place FROM drift_findings"
    " WHERE shop = $1 AND observed_at > now() - interval '1 day'"
    " ORDER BY observed_at DESC LIMIT $4)"
    " UNION ALL (SELECT p.sku, p.location, 1 FROM (SELECT id FROM shop_writes"
    " WHERE shop = $1 ORDER BY id DESC LIMIT 20) w JOIN shop_write_pairs p"
    " ON p.write_id = w.id ORDER BY p.quantity LIMIT $4 / 2)"
    " UNION ALL (SELECT sku, location, 1 FROM shop_units WHERE shop = $1 AND kind = 1"
    " AND at > now() - interval '10 min' LIMIT $4 / 4)"
    " UNION ALL (SELECT sku, location, 2 FROM shop_levels WHERE shop = $1"
    " AND ($7::text IS NULL OR (sku, location) > ($7 COLLATE \"C\", $8 COLLATE \"C\"))"
    " ORDER BY sku, location LIMIT $4 / 4)),"
    " once AS (SELECT sku, location, min(place) AS place FROM pick GROUP BY sku, location)"
    " SELECT " PAIR_COLUMNS " FROM once o JOIN shop_levels l ON l.shop = $1"
    " AND l.sku = o.sku AND l.location = o.location" PAIR_PLACES PAIR_ITEMS
    " WHERE l.desired IS NOT NULL AND ($5::text IS NULL OR l.sku = $5)"
    " AND ($6::text IS NULL OR l.location = $6)"
    " ORDER BY o.place, l.sku, l.location LIMIT $4"};

static const struct statement DUE = {
    "drift_due",
    "SELECT l.sku, l.location, l.item, coalesce(g.gid, ''), coalesce(k.raw_sku, ''),"
    " l.items, l.known, l.tries::bigint, true, l.shown, l.desired FROM drift_suspects l"
    " LEFT JOIN unnest($2::text[], $3::text[]) g (code, gid) ON g.code = l.location"
    " LEFT JOIN shop_items k ON k.shop = $1 AND k.item = l.item"
    " WHERE l.run_id = $5 AND l.due_at <= now() ORDER BY l.location, l.sku LIMIT $4"};

static const struct statement NEXT_DUE = {
    "drift_next_due", "SELECT (extract(epoch FROM min(due_at) - now()) * 1000)::bigint"
                      " FROM drift_suspects WHERE run_id = $1"};

static enum status take_pairs(const struct rows *rows, struct drift_pairs *out,
                              struct error *error)
{
    ASSERT(rows->count <= DRIFT_BATCH_MAX);
    struct pool *pool = out->pool;
    out->count = 0;
    for (int row = 0; row < rows->count; row++) {
        struct drift_pair *pair = &out->all[out->count++];
        *pair = (struct drift_pair){.sku = pool_span(pool, rows_span(rows, row, 0)),
                                    .location = pool_span(pool, rows_span(rows, row, 1)),
                                    .item = pool_span(pool, rows_span(rows, row, 2)),
                                    .gid = pool_span(pool, rows_span(rows, row, 3)),
                                    .raw_sku = pool_span(pool, rows_span(rows, row, 4)),
                                    .items = rows_int(rows, row, 5),
                                    .was_mapped = rows_bool(rows, row, 6),
                                    .tries = rows_int(rows, row, 7),
                                    .was_looked_at = rows_bool(rows, row, 8),
                                    .shown_before = store_drift_quantity(rows, row, 9),
                                    .noted_before = store_drift_quantity(rows, row, 10)};
        if (pair->raw_sku.bytes == NULL)
            return error_set(error, STATUS_RETRY, "drift: out of memory");
    }
    return STATUS_OK;
}

static enum status choose(struct postgres *postgres, const struct statement *statement,
                          const struct drift_choice *choice, struct drift_pairs *out,
                          struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    ASSERT(choice->limit > 0 && choice->limit <= DRIFT_BATCH_MAX);
    pg_params_init(&params);
    pg_params_text(&params, choice->shop);
    add_places(&params, choice->places);
    pg_params_int8(&params, (int64_t)choice->limit);
    pg_params_text(&params, choice->sku);
    pg_params_text(&params, choice->location);
    pg_params_text(&params, choice->after_sku);
    pg_params_text(&params, choice->after_location);
    enum status status = postgres_query(postgres, statement, &params, &rows, error);
    return status == STATUS_OK ? take_pairs(&rows, out, error) : status;
}

enum status store_drift_chosen(struct postgres *postgres,
                               const struct drift_choice *choice, struct drift_pairs *out,
                               struct error *error)
{
    return choose(postgres, &CHOSEN, choice, out, error);
}

enum status store_drift_hot(struct postgres *postgres, const struct drift_choice *choice,
                            struct drift_pairs *out, struct error *error)
{
    return choose(postgres, &HOT, choice, out, error);
}

static enum status next_due(struct postgres *postgres, const struct drift_run *run,
                            int64_t *wait_ms_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, run->id);
    enum status status = postgres_query(postgres, &NEXT_DUE, &params, &rows, error);
    if (status != STATUS_OK || rows_is_null(&rows, 0, 0))
        return status;
    int64_t wait_ms = rows_int(&rows, 0, 0);
    *wait_ms_out = wait_ms > 0 ? wait_ms : 1;
    return STATUS_OK;
}

enum status store_drift_due(struct postgres *postgres, const struct drift_target *target,
                            struct drift_pairs *out, int64_t *wait_ms_out,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    *wait_ms_out = 0;
    pg_params_init(&params);
    pg_params_text(&params, target->run->shop);
    add_places(&params, target->places);
    pg_params_int8(&params, DRIFT_BATCH_MAX);
    pg_params_int8(&params, target->run->id);
    enum status status = postgres_query(postgres, &DUE, &params, &rows, error);
    if (status == STATUS_OK)
        status = take_pairs(&rows, out, error);
    if (status == STATUS_OK && out->count == 0)
        status = next_due(postgres, target->run, wait_ms_out, error);
    return status;
}

/* ---- suspects of some pairs ----------------------------------------------------------- */

static const struct statement SUSPECT = {
    "drift_suspect",
    "WITH found AS (INSERT INTO drift_suspects (run_id, sku, location, item, items, known,"
    " shown, desired, seen_at, due_at)"
    " SELECT $1, sku, location, item, items, known, shown, desired, now(),"
    " now() + $2 * interval '1 ms'"
    " FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::boolean[],"
    " $9::bigint[], $10::bigint[])"
    " u (sku, location, item, items, known, shown, desired) ON CONFLICT DO NOTHING RETURNING 1)"
    " UPDATE drift_runs SET compared = compared + $8,"
    " suspects = suspects + (SELECT count(*) FROM found) WHERE id = $1"};

/* The suspected ones of the pairs, side by side. */
struct suspect_columns {
    size_t count;
    struct span texts[3][DRIFT_BATCH_MAX];
    int64_t items[DRIFT_BATCH_MAX];
    bool known[DRIFT_BATCH_MAX];
    int64_t levels[2][DRIFT_BATCH_MAX]; /* shown, noted */
    bool levels_known[2][DRIFT_BATCH_MAX];
};

static void add_suspect(struct suspect_columns *columns, const struct drift_pair *pair,
                        const struct drift_facts *facts)
{
    size_t at = columns->count++;
    columns->texts[0][at] = pair->sku;
    columns->texts[1][at] = pair->location;
    columns->texts[2][at] = pair->item;
    columns->items[at] = pair->items;
    columns->known[at] = pair->was_mapped;
    columns->levels[0][at] = facts->look.shown.units;
    columns->levels_known[0][at] = facts->look.shown.known;
    columns->levels[1][at] = facts->noted.units;
    columns->levels_known[1][at] = facts->noted.known;
}

enum status store_drift_suspect(struct postgres *postgres,
                                const struct drift_target *target,
                                const struct drift_suspects *suspects,
                                struct error *error)
{
    struct suspect_columns columns;
    const struct drift_pairs *pairs = suspects->pairs;
    columns.count = 0;
    for (size_t at = 0; at < pairs->count; at++)
        if (suspects->suspected[at])
            add_suspect(&columns, &pairs->all[at], &suspects->facts[at]);
    size_t count = columns.count;
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, target->run->id);
    pg_params_int8(&params, target->settle_ms);
    for (size_t column = 0; column < COUNT_OF(columns.texts); column++)
        pg_params_text_array(&params, columns.texts[column], count);
    pg_params_int8_array(&params, columns.items, NULL, count);
    pg_params_bool_array(&params, columns.known, count);
    pg_params_int8(&params, (int64_t)pairs->count);
    for (size_t column = 0; column < COUNT_OF(columns.levels); column++)
        pg_params_int8_array(&params, columns.levels[column],
                             columns.levels_known[column], count);
    enum status status = postgres_query(postgres, &SUSPECT, &params, NULL, error);
    if (status != STATUS_OK)
        return status;
    target->run->compared += (int64_t)pairs->count;
    target->run->suspects += (int64_t)count;
    return STATUS_OK;
}
