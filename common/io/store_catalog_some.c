#include "common/io/store_catalog_some.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

#define SOME_LEVELS_MAX 65536

static const struct statement NOW = {"catalog_some_now", "SELECT clock_timestamp()"};

static const struct statement MOVED = {
    "catalog_some_moved",
    "SELECT u.place - 1 FROM unnest($2::text[], $3::text[]) WITH ORDINALITY"
    " AS u (item, sku, place) LEFT JOIN shop_items s ON s.shop = $1 AND s.item = u.item"
    " WHERE s.sku IS DISTINCT FROM u.sku"};

/* One refresh of a shop at a time, so that duplicates are counted right. */
static const struct statement LOCK = {
    "catalog_some_lock",
    "SELECT pg_advisory_xact_lock(hashtextextended('catalog some ' || current_schema()"
    " || ' ' || $1, 0))"};

/*
 * The SKUs that an item leaves or comes to, for the rest of the transaction. $2 items, $3
 * their SKUs now, $4 items that are gone.
 */
static const char TOUCHED_TABLE[] =
    "CREATE TEMP TABLE IF NOT EXISTS catalog_touched (sku text COLLATE \"C\" PRIMARY KEY,"
    " moved boolean NOT NULL) ON COMMIT DELETE ROWS";

static const struct statement TOUCHED = {
    "catalog_some_touched",
    "INSERT INTO catalog_touched WITH now AS (SELECT * FROM unnest($2::text[],"
    " $3::text[]) AS u (item, sku) UNION ALL SELECT item, '' FROM unnest($4::text[])"
    " AS g (item)),"
    " was AS (SELECT n.item, n.sku, coalesce(s.sku, '') AS old FROM now n"
    " LEFT JOIN shop_items s ON s.shop = $1 AND s.item = n.item)"
    " SELECT sku, bool_or(moved) FROM (SELECT sku, sku <> old AS moved FROM was"
    " UNION ALL SELECT old, sku <> old FROM was) t WHERE sku <> '' GROUP BY sku"
    " ON CONFLICT DO NOTHING"};

/* Pairs of SKUs that lose or get an item are not seen any more; a write under way counts. */
static const struct statement FORGET = {
    "catalog_some_forget",
    "WITH held AS MATERIALIZED (SELECT l.sku, l.location, l.write_id FROM shop_levels l"
    " JOIN catalog_touched t ON t.sku = l.sku AND t.moved WHERE l.shop = $1" PAIR_ORDER
    " FOR UPDATE OF l),"
    " done AS (UPDATE shop_levels l SET shown = NULL, shown_at = clock_timestamp(),"
    " left_at = NULL, stocked = false,"
    " dirty = l.desired IS NOT NULL,"
    " desired_at = CASE WHEN l.dirty THEN l.desired_at ELSE now() END FROM held"
    " WHERE held.write_id IS NULL AND l.shop = $1 AND l.sku = held.sku"
    " AND l.location = held.location)"
    " SELECT count(*) FROM held WHERE write_id IS NOT NULL"};

static const struct statement GONE = {
    "catalog_some_gone", "DELETE FROM shop_items WHERE shop = $1 AND item = ANY ($2)"};

static const struct statement ITEMS = {
    "catalog_some_items",
    "WITH sold AS (SELECT item, bool_or(continues) AS continues, bool_or(bundle) AS bundle,"
    " max(price) AS price, string_agg(DISTINCT nullif(tags, ''), E'\\n') AS tags"
    " FROM unnest($7::text[], $8::boolean[], $9::boolean[], $10::bigint[], $11::text[])"
    " AS v (item, continues, bundle, price, tags) GROUP BY item)"
    " INSERT INTO shop_items AS s (shop, item, raw_sku, sku, tracked, continues, bundle,"
    " price_micros, tags, refreshed_at)"
    " SELECT DISTINCT ON (u.item) $1, u.item, u.raw_sku, u.sku, u.tracked,"
    " coalesce(v.continues, false),"
    " coalesce(v.bundle, false), v.price, coalesce(string_to_array(v.tags, E'\\n'), '{}'),"
    " $6 FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[])"
    " AS u (item, raw_sku, sku, tracked) LEFT JOIN sold v ON v.item = u.item"
    " ORDER BY u.item"
    " ON CONFLICT (shop, item) DO UPDATE SET raw_sku = excluded.raw_sku,"
    " sku = excluded.sku, tracked = excluded.tracked, continues = excluded.continues,"
    " bundle = excluded.bundle, price_micros = excluded.price_micros,"
    " tags = excluded.tags, refreshed_at = excluded.refreshed_at,"
    " updated_at = CASE WHEN (s.raw_sku, s.sku, s.tracked, s.continues, s.bundle,"
    " s.price_micros, s.tags) IS DISTINCT FROM (excluded.raw_sku, excluded.sku,"
    " excluded.tracked, excluded.continues, excluded.bundle, excluded.price_micros,"
    " excluded.tags) THEN now() ELSE s.updated_at END"};

static const struct statement DUPLICATES = {
    "catalog_some_duplicates",
    "UPDATE shop_items s SET duplicate = n.many FROM (SELECT i.sku, count(*) > 1 AS many"
    " FROM shop_items i JOIN catalog_touched t ON t.sku = i.sku WHERE i.shop = $1"
    " GROUP BY i.sku) n WHERE s.shop = $1 AND s.sku = n.sku AND s.duplicate <> n.many"};

/* $2 items, $3 codes, $4 whether they are stocked there. A row for each level that there is. */
static const struct statement STOCKED = {
    "catalog_some_stocked",
    "INSERT INTO shop_levels AS l (shop, sku, location, stocked)"
    " SELECT DISTINCT ON (i.sku COLLATE \"C\", u.code COLLATE \"C\") $1, i.sku, u.code,"
    " u.active FROM unnest($2::text[], $3::text[], $4::boolean[]) AS u (item, code, active)"
    " JOIN shop_items i ON i.shop = $1 AND i.item = u.item AND i.sku <> ''"
    " AND NOT i.duplicate"
    " ORDER BY i.sku COLLATE \"C\", u.code COLLATE \"C\""
    " ON CONFLICT (shop, sku, location) DO UPDATE SET stocked = excluded.stocked"
    " WHERE l.write_id IS NULL"};

/* A pair that the shop refused stays refused, unless its item is another one. */
static const struct statement FAULTS = {
    "catalog_some_faults",
    "WITH held AS MATERIALIZED (SELECT l.sku, l.location, " PAIR_FAULT
    " AS fault FROM catalog_touched t JOIN shop_levels l ON l.sku = t.sku" ITEM_BESIDE
    " LEFT JOIN unnest($2::text[], $3::text[]) g (code, gid) ON g.code = l.location"
    " WHERE l.shop = $1 AND l.write_id IS NULL AND l.fault IS DISTINCT FROM " PAIR_FAULT
    " AND (t.moved OR l.fault NOT LIKE 'quarantined:%')" PAIR_ORDER " FOR UPDATE OF l)"
    " UPDATE shop_levels l SET fault = held.fault FROM held"
    " WHERE l.shop = $1 AND l.sku = held.sku AND l.location = held.location"};

enum status store_catalog_now(struct postgres *postgres, int64_t *now_us_out,
                              struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &NOW, NULL, &rows, error);
    *now_us_out = status == STATUS_OK ? rows_time(&rows, 0, 0) : 0;
    return status;
}

enum status store_catalog_moved(struct postgres *postgres, struct span shop,
                                const struct catalog_items *items, bool *moved,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    for (size_t at = 0; at < items->count; at++)
        moved[at] = false;
    pg_params_init(&params);
    pg_params_text(&params, shop);
    pg_params_text_array(&params, items->items, items->count);
    pg_params_text_array(&params, items->skus, items->count);
    enum status status = postgres_query(postgres, &MOVED, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    for (int row = 0; row < rows.count; row++)
        moved[rows_int(&rows, row, 0)] = true;
    return STATUS_OK;
}

/* ---- steps of the one transaction --------------------------------------------------- */

static enum status lock(struct postgres *postgres, const struct some_items *some,
                        struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    return postgres_query(postgres, &LOCK, &params, NULL, error);
}

static enum status touch(struct postgres *postgres, const struct some_items *some,
                         struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    pg_params_text_array(&params, some->items->items, some->items->count);
    pg_params_text_array(&params, some->items->skus, some->items->count);
    pg_params_text_array(&params, some->gone, some->gone_count);
    return postgres_query(postgres, &TOUCHED, &params, NULL, error);
}

static enum status forget(struct postgres *postgres, const struct some_items *some,
                          bool *busy_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    enum status status = postgres_query(postgres, &FORGET, &params, &rows, error);
    *busy_out = status == STATUS_OK && rows_int(&rows, 0, 0) > 0;
    return status;
}

static enum status drop_gone(struct postgres *postgres, const struct some_items *some,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    pg_params_text_array(&params, some->gone, some->gone_count);
    return postgres_query(postgres, &GONE, &params, NULL, error);
}

static enum status put_items(struct postgres *postgres, const struct some_items *some,
                             struct error *error)
{
    const struct catalog_items *items = some->items;
    const struct catalog_variants *variants = some->variants;
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    pg_params_text_array(&params, items->items, items->count);
    pg_params_text_array(&params, items->raw_skus, items->count);
    pg_params_text_array(&params, items->skus, items->count);
    pg_params_bool_array(&params, items->tracked, items->count);
    pg_params_time(&params, true, some->asked_at_us);
    pg_params_text_array(&params, variants->items, variants->count);
    pg_params_bool_array(&params, variants->continues, variants->count);
    pg_params_bool_array(&params, variants->bundle, variants->count);
    pg_params_int8_array(&params, variants->price_micros, variants->has_price,
                         variants->count);
    pg_params_text_array(&params, variants->tags, variants->count);
    return postgres_query(postgres, &ITEMS, &params, NULL, error);
}

static enum status mark_duplicates(struct postgres *postgres,
                                   const struct some_items *some, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    return postgres_query(postgres, &DUPLICATES, &params, NULL, error);
}

/* In pieces, so that no statement grows with items times locations. */
#define STOCKED_STEP 1000

static enum status mark_stocked(struct postgres *postgres, const struct some_items *some,
                                struct error *error)
{
    struct span items[STOCKED_STEP];
    struct span codes[STOCKED_STEP];
    bool active[STOCKED_STEP];
    enum status status = STATUS_OK;
    for (size_t from = 0; from < some->level_count && status == STATUS_OK;
         from += STOCKED_STEP) {
        size_t left = some->level_count - from;
        size_t count = left < STOCKED_STEP ? left : STOCKED_STEP;
        for (size_t at = 0; at < count; at++) {
            items[at] = some->levels[from + at].item;
            codes[at] = some->levels[from + at].location;
            active[at] = some->levels[from + at].active;
        }
        SCOPED(pg_params_free) struct pg_params params;
        pg_params_init(&params);
        pg_params_text(&params, some->shop);
        pg_params_text_array(&params, items, count);
        pg_params_text_array(&params, codes, count);
        pg_params_bool_array(&params, active, count);
        status = postgres_query(postgres, &STOCKED, &params, NULL, error);
    }
    return status;
}

static enum status mark_faults(struct postgres *postgres, const struct some_items *some,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, some->shop);
    pg_params_text_array(&params, some->places->codes, some->places->count);
    pg_params_text_array(&params, some->places->gids, some->places->count);
    return postgres_query(postgres, &FAULTS, &params, NULL, error);
}

static enum status merge(struct postgres *postgres, const struct some_items *some,
                         struct error *error)
{
    typedef enum status step(struct postgres *, const struct some_items *,
                             struct error *);
    static step *const STEPS[] = {drop_gone, put_items, mark_duplicates, mark_stocked,
                                  mark_faults};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(STEPS) && status == STATUS_OK; at++)
        status = STEPS[at](postgres, some, error);
    return status;
}

enum status store_catalog_some(struct postgres *postgres, const struct some_items *some,
                               bool *busy_out, struct error *error)
{
    *busy_out = false;
    ASSERT(some->level_count <= SOME_LEVELS_MAX);
    enum status status = postgres_script(postgres, TOUCHED_TABLE, error);
    if (status == STATUS_OK)
        status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = lock(postgres, some, error);
    if (status == STATUS_OK)
        status = touch(postgres, some, error);
    if (status == STATUS_OK)
        status = forget(postgres, some, busy_out, error);
    if (status == STATUS_OK && *busy_out)
        return postgres_script(postgres, "ROLLBACK", error);
    if (status == STATUS_OK)
        status = merge(postgres, some, error);
    return status == STATUS_OK ? postgres_script(postgres, "COMMIT", error) : status;
}
