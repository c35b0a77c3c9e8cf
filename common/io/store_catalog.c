#include "common/io/store_catalog.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

static const char STAGING[] =
    "CREATE TEMP TABLE IF NOT EXISTS catalog_items (item text COLLATE \"C\","
    " raw_sku text COLLATE \"C\", sku text COLLATE \"C\", tracked boolean);"
    "CREATE TEMP TABLE IF NOT EXISTS catalog_variants (item text COLLATE \"C\","
    " continues boolean, bundle boolean, price_micros bigint, tags text COLLATE \"C\");"
    "CREATE TEMP TABLE IF NOT EXISTS catalog_levels"
    " (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text COLLATE \"C\","
    " gid text COLLATE \"C\", active boolean, available bigint, on_hand bigint,"
    " committed bigint);"
    "TRUNCATE catalog_items, catalog_variants;"
    "TRUNCATE catalog_levels RESTART IDENTITY";

static const struct statement LOCK = {
    "catalog_lock",
    "SELECT pg_try_advisory_lock(hashtextextended('catalog ' || current_schema() || ' ' || $1, 0))"};

static const struct statement BEGIN_RUN = {
    "catalog_begin",
    "INSERT INTO catalog_runs (shop) VALUES ($1) RETURNING id, started_at"};

static const struct statement STAGE_ITEMS = {
    "catalog_stage_items", "INSERT INTO catalog_items (item, raw_sku, sku, tracked)"
                           " SELECT * FROM unnest($1::text[], $2::text[], $3::text[],"
                           " $4::boolean[])"};

static const struct statement STAGE_VARIANTS = {
    "catalog_stage_variants",
    "INSERT INTO catalog_variants (item, continues, bundle, price_micros, tags)"
    " SELECT * FROM unnest($1::text[], $2::boolean[], $3::boolean[], $4::bigint[],"
    " $5::text[])"};

static const struct statement STAGE_LEVELS = {
    "catalog_stage_levels",
    "INSERT INTO catalog_levels (item, gid, active, available, on_hand, committed)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[],"
    " $5::bigint[], $6::bigint[])"};

/* Tables that were filled a moment ago have no statistics, and the merges join them. */
static const char MEASURE_STAGING[] =
    "ANALYZE catalog_items; ANALYZE catalog_variants; ANALYZE catalog_levels";

static const struct statement COUNTS = {
    "catalog_counts", "SELECT (SELECT count(*) FROM shop_items WHERE shop = $1),"
                      " (SELECT count(*) FROM catalog_items),"
                      " (SELECT coalesce(max(seq), 0) FROM catalog_levels)"};

#define ITEM_FACTS                                                                       \
    "sku, raw_sku, tracked, duplicate, continues, bundle, price_micros, tags"
#define FACTS_OF(row)                                                                    \
    "(" row ".sku, " row ".raw_sku, " row ".tracked, " row ".duplicate, " row            \
    ".continues, " row ".bundle, " row ".price_micros, " row ".tags)"

/* A webhook may have had an item read since this run began: then the export is older. */
#define NOT_NEWER                                                                        \
    "(s.refreshed_at IS NULL OR s.refreshed_at <= (SELECT started_at FROM run))"

/* Every variant of one product carries the same tags: they are taken once. */
static const struct statement MERGE_ITEMS = {
    "catalog_merge_items",
    "WITH once AS (SELECT DISTINCT ON (item) * FROM catalog_items ORDER BY item),"
    " sold AS (SELECT item, bool_or(continues) AS continues, bool_or(bundle) AS bundle,"
    " max(price_micros) AS price_micros,"
    " string_agg(DISTINCT nullif(tags, ''), E'\n') AS tags"
    " FROM catalog_variants GROUP BY item),"
    " run AS (SELECT started_at FROM catalog_runs WHERE id = $2),"
    " gone AS (DELETE FROM shop_items s WHERE s.shop = $1 AND " NOT_NEWER
    " AND NOT EXISTS (SELECT 1 FROM once o WHERE o.item = s.item))"
    " INSERT INTO shop_items AS s (shop, item, " ITEM_FACTS ", seen_run, updated_at)"
    " SELECT $1, o.item, o.sku, o.raw_sku, o.tracked,"
    " o.sku <> '' AND count(*) OVER (PARTITION BY o.sku) > 1,"
    " coalesce(v.continues, false), coalesce(v.bundle, false), v.price_micros,"
    " coalesce(string_to_array(v.tags, E'\n'), '{}'), $2, now()"
    " FROM once o LEFT JOIN sold v ON v.item = o.item"
    " ON CONFLICT (shop, item) DO UPDATE SET (" ITEM_FACTS ") = ROW" FACTS_OF(
        "excluded") ", seen_run = excluded.seen_run,"
                    " updated_at = CASE WHEN " FACTS_OF("s") " IS DISTINCT FROM " FACTS_OF(
                        "excluded") " THEN now() ELSE s.updated_at END WHERE " NOT_NEWER};

/*
 * Before the items are merged: SKUs that lose an item or get one. What a read or a write
 * left in the old item says nothing about units that left the new one.
 */
static const struct statement MOVED = {
    "catalog_moved",
    "WITH once AS (SELECT DISTINCT ON (item) item, sku FROM catalog_items ORDER BY item),"
    " moved AS (SELECT s.sku FROM shop_items s LEFT JOIN once o ON o.item = s.item"
    " WHERE s.shop = $1 AND s.sku <> '' AND o.sku IS DISTINCT FROM s.sku"
    " UNION SELECT o.sku FROM once o LEFT JOIN shop_items s"
    " ON s.shop = $1 AND s.item = o.item"
    " WHERE o.sku <> '' AND s.sku IS DISTINCT FROM o.sku),"
    " held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l"
    " JOIN moved m ON m.sku = l.sku WHERE l.shop = $1 AND l.left_at IS NOT NULL"
    " AND l.write_id IS NULL" PAIR_ORDER " FOR UPDATE OF l)"
    " UPDATE shop_levels l SET left_at = NULL FROM held"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location"};

static const struct statement MERGE_LEVELS = {
    "catalog_merge_levels",
    "WITH seen AS MATERIALIZED ("
    " SELECT DISTINCT ON (i.sku COLLATE \"C\", g.code COLLATE \"C\") i.sku, g.code,"
    " CASE WHEN $5 THEN s.on_hand ELSE s.available END AS shown, s.active"
    " FROM catalog_levels s"
    " JOIN shop_items i ON i.shop = $1 AND i.item = s.item AND i.sku <> ''"
    " AND NOT i.duplicate"
    " JOIN unnest($3::text[], $4::text[]) g (code, gid) ON g.gid = s.gid"
    " WHERE s.seq > $6 AND s.seq <= $7"
    " ORDER BY i.sku COLLATE \"C\", g.code COLLATE \"C\"),"
    " held AS MATERIALIZED (SELECT l.sku, l.location, l.left_at, l.shown_at"
    " FROM shop_levels l JOIN seen ON seen.sku = l.sku AND seen.code = l.location WHERE l.shop = $1"
    " AND l.write_id IS NULL AND (l.shown_at IS NULL OR l.shown_at < $2)" PAIR_ORDER
    " FOR UPDATE OF l),"
    " lost AS MATERIALIZED (SELECT held.sku, held.location, held.left_at - seen.shown"
    " + CASE WHEN $5 THEN 0 ELSE " PUT_BACK_SINCE " END AS units"
    " FROM held JOIN seen ON seen.sku = held.sku AND seen.code = held.location),"
    " gone AS (INSERT INTO shop_units (sku, location, shop, at, kind, units)"
    " SELECT sku, location, $1, clock_timestamp(), 2, units FROM lost WHERE units > 0"
    " RETURNING sku, location)"
    /* The join has the rows above read before any is changed. */
    " INSERT INTO shop_levels AS l"
    " (shop, sku, location, shown, shown_at, stocked, left_at, undecided)"
    " SELECT $1, seen.sku, seen.code, seen.shown, $2, seen.active, seen.shown,"
    " gone.sku IS NOT NULL FROM seen"
    " LEFT JOIN gone ON gone.sku = seen.sku AND gone.location = seen.code"
    " ORDER BY seen.sku COLLATE \"C\", seen.code COLLATE \"C\""
    " ON CONFLICT (shop, sku, location) DO UPDATE SET shown = excluded.shown,"
    " shown_at = excluded.shown_at, stocked = excluded.stocked,"
    " left_at = coalesce(excluded.shown, l.left_at),"
    " undecided = l.undecided OR excluded.undecided,"
    " dirty = l.undecided OR excluded.undecided"
    " OR " PAIR_IS_OFF(
        "l.desired", "excluded.shown",
        "l.short") " WHERE l.write_id IS NULL AND (l.shown_at IS NULL OR l.shown_at < "
                   "excluded.shown_at)"};

/* Pairs that this run did not see: the shop does not stock them any more. */
static const struct statement VANISH = {
    "catalog_vanish",
    "WITH seen AS (SELECT DISTINCT i.sku, g.code FROM catalog_levels s"
    " JOIN shop_items i ON i.shop = $1 AND i.item = s.item AND NOT i.duplicate"
    " JOIN unnest($3::text[], $4::text[]) g (code, gid) ON g.gid = s.gid)"
    " UPDATE shop_levels l SET stocked = false, shown = NULL, shown_at = $2,"
    " dirty = l.desired IS NOT NULL"
    " WHERE l.shop = $1 AND l.stocked AND l.write_id IS NULL"
    " AND (l.shown_at IS NULL OR l.shown_at < $2)"
    " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.sku = l.sku AND seen.code = "
    "l.location)"};

static const struct statement FORGET = {
    "catalog_forget",
    "WITH held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l"
    " WHERE l.shop = $1 AND l.desired IS NULL AND NOT l.stocked AND l.write_id IS NULL" PAIR_ORDER
    " FOR UPDATE)"
    " DELETE FROM shop_levels l USING held"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location"};

/*
 * A write that was under way in this run names an item by the SKU that it had. Where that
 * item has another SKU now, or that SKU another item, nobody knows what the pairs of either
 * show: push has to read them before it writes. $2: when the run began.
 */
static const struct statement DOUBT = {
    "catalog_doubt",
    "WITH sent AS MATERIALIZED (SELECT DISTINCT p.sku, p.location, p.item"
    " FROM shop_writes w JOIN shop_write_pairs p ON p.write_id = w.id"
    " WHERE w.shop = $1 AND (w.settled_at IS NULL OR w.settled_at >= $2)),"
    " moved AS (SELECT i.sku, sent.location FROM sent JOIN shop_items i"
    " ON i.shop = $1 AND i.item = sent.item WHERE i.sku <> sent.sku"
    " UNION SELECT i.sku, sent.location FROM sent JOIN shop_items i"
    " ON i.shop = $1 AND i.sku = sent.sku WHERE i.item <> sent.item),"
    " held AS MATERIALIZED (SELECT l.sku, l.location FROM shop_levels l"
    " JOIN moved m ON m.sku = l.sku AND m.location = l.location"
    " WHERE l.shop = $1 AND l.write_id IS NULL AND l.shown IS NOT NULL" PAIR_ORDER
    " FOR UPDATE OF l)"
    " UPDATE shop_levels l SET shown = NULL, left_at = NULL,"
    " dirty = l.desired IS NOT NULL FROM held"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location"};

static const struct statement FAULTS = {
    "catalog_faults",
    "WITH held AS MATERIALIZED (SELECT l.sku, l.location, " PAIR_FAULT
    " AS fault" PAIRS_BESIDE
    " AND l.write_id IS NULL AND l.fault IS DISTINCT FROM " PAIR_FAULT PAIR_ORDER
    " FOR UPDATE OF l)"
    " UPDATE shop_levels l SET fault = held.fault FROM held"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location"};

/* At once: the connection's end takes a while where its tables were large. */
static const struct statement UNLOCK = {
    "catalog_unlock",
    "SELECT pg_advisory_unlock(hashtextextended('catalog ' || current_schema() || ' ' || $1, 0))"};

static const struct statement END_RUN = {
    "catalog_end", "UPDATE catalog_runs SET finished_at = now(), items = $2, levels = $3"
                   " WHERE id = $1"};

enum status store_catalog_staging(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres, STAGING, error);
}

enum status store_catalog_begin(struct postgres *postgres, struct catalog_run *run,
                                bool *busy_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows locked = {0};
    SCOPED(rows_release) struct rows begun = {0};
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    enum status status = postgres_query(postgres, &LOCK, &params, &locked, error);
    *busy_out = status == STATUS_OK && !rows_bool(&locked, 0, 0);
    if (status == STATUS_OK && !*busy_out)
        status = store_catalog_staging(postgres, error);
    if (status != STATUS_OK || *busy_out)
        return status;
    status = postgres_query(postgres, &BEGIN_RUN, &params, &begun, error);
    if (status != STATUS_OK)
        return status;
    run->id = rows_int(&begun, 0, 0);
    run->started_at_us = rows_time(&begun, 0, 1);
    return STATUS_OK;
}

enum status store_catalog_stage_items(struct postgres *postgres,
                                      const struct catalog_items *items,
                                      struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text_array(&params, items->items, items->count);
    pg_params_text_array(&params, items->raw_skus, items->count);
    pg_params_text_array(&params, items->skus, items->count);
    pg_params_bool_array(&params, items->tracked, items->count);
    return postgres_query(postgres, &STAGE_ITEMS, &params, NULL, error);
}

enum status store_catalog_stage_variants(struct postgres *postgres,
                                         const struct catalog_variants *variants,
                                         struct error *error)
{
    size_t count = variants->count;
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text_array(&params, variants->items, count);
    pg_params_bool_array(&params, variants->continues, count);
    pg_params_bool_array(&params, variants->bundle, count);
    pg_params_int8_array(&params, variants->price_micros, variants->has_price, count);
    pg_params_text_array(&params, variants->tags, count);
    return postgres_query(postgres, &STAGE_VARIANTS, &params, NULL, error);
}

enum status store_catalog_stage_levels(struct postgres *postgres,
                                       const struct catalog_levels *levels,
                                       struct error *error)
{
    size_t count = levels->count;
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text_array(&params, levels->items, count);
    pg_params_text_array(&params, levels->gids, count);
    pg_params_bool_array(&params, levels->active, count);
    pg_params_int8_array(&params, levels->available, levels->has_available, count);
    pg_params_int8_array(&params, levels->on_hand, levels->has_on_hand, count);
    pg_params_int8_array(&params, levels->committed, NULL, count);
    return postgres_query(postgres, &STAGE_LEVELS, &params, NULL, error);
}

enum status store_catalog_counts(struct postgres *postgres, const struct catalog_run *run,
                                 struct catalog_counts *counts, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    enum status status = postgres_script(postgres, MEASURE_STAGING, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &COUNTS, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    counts->items_before = rows_int(&rows, 0, 0);
    counts->items = rows_int(&rows, 0, 1);
    counts->levels = rows_int(&rows, 0, 2);
    return STATUS_OK;
}

enum status store_catalog_merge_items(struct postgres *postgres,
                                      const struct catalog_run *run, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params shop;
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&shop);
    pg_params_init(&params);
    pg_params_text(&shop, run->shop);
    pg_params_text(&params, run->shop);
    pg_params_int8(&params, run->id);
    enum status status = postgres_query(postgres, &MOVED, &shop, NULL, error);
    return status == STATUS_OK
               ? postgres_query(postgres, &MERGE_ITEMS, &params, NULL, error)
               : status;
}

static void add_places(struct pg_params *params, const struct shop_places *places)
{
    pg_params_text_array(params, places->codes, places->count);
    pg_params_text_array(params, places->gids, places->count);
}

enum status store_catalog_merge_levels(struct postgres *postgres,
                                       const struct catalog_target *target, int64_t from,
                                       int64_t to, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, target->run->shop);
    pg_params_time(&params, true, target->run->started_at_us);
    add_places(&params, target->places);
    pg_params_bool(&params, target->mode == LEVEL_ON_HAND);
    pg_params_int8(&params, from);
    pg_params_int8(&params, to);
    return postgres_query(postgres, &MERGE_LEVELS, &params, NULL, error);
}

static enum status vanish(struct postgres *postgres, const struct catalog_run *run,
                          const struct shop_places *places, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    pg_params_time(&params, true, run->started_at_us);
    add_places(&params, places);
    return postgres_query(postgres, &VANISH, &params, NULL, error);
}

static enum status doubt(struct postgres *postgres, const struct catalog_run *run,
                         struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, run->shop);
    pg_params_time(&params, true, run->started_at_us);
    return postgres_query(postgres, &DOUBT, &params, NULL, error);
}

static enum status end_run(struct postgres *postgres, const struct catalog_run *run,
                           const struct catalog_counts *counts, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, run->id);
    pg_params_int8(&params, counts->items);
    pg_params_int8(&params, counts->levels);
    return postgres_query(postgres, &END_RUN, &params, NULL, error);
}

enum status store_catalog_finish(struct postgres *postgres, const struct catalog_run *run,
                                 const struct shop_places *places,
                                 const struct catalog_counts *counts, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params shop;
    SCOPED(pg_params_free) struct pg_params pairs;
    pg_params_init(&shop);
    pg_params_init(&pairs);
    pg_params_text(&shop, run->shop);
    pg_params_text(&pairs, run->shop);
    add_places(&pairs, places);
    enum status status = vanish(postgres, run, places, error);
    if (status == STATUS_OK)
        status = doubt(postgres, run, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &FORGET, &shop, NULL, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &FAULTS, &pairs, NULL, error);
    if (status == STATUS_OK)
        status = end_run(postgres, run, counts, error);
    return status == STATUS_OK ? postgres_query(postgres, &UNLOCK, &shop, NULL, error)
                               : status;
}
