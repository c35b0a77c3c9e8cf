/*
 * The writing half of store_apply.h: what one batch changes, and its commit.
 */
#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"
#include "common/io/store_apply_copy.h"
#include "common/io/store_pairs_sql.h"

static const struct statement READINGS_PUT = {
    "readings_put",
    "INSERT INTO readings AS r (sku, location, source, count, counted_at, version, "
    "adjusted, "
    "adjusted_at, sees_orders_until) SELECT * FROM unnest($1::text[], $2::text[], "
    "$3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::bigint[], "
    "$8::timestamptz[], $9::timestamptz[]) ON CONFLICT (sku, location, source) DO UPDATE "
    "SET "
    "count = excluded.count, counted_at = excluded.counted_at, version = "
    "excluded.version, "
    "adjusted = excluded.adjusted, adjusted_at = excluded.adjusted_at, "
    "sees_orders_until = excluded.sees_orders_until"};

/* Levels that have a row; those that have none are copied in: the partition's owner alone
 * writes them, so that it knows which is which. */
static const struct statement LEVELS_PUT = {
    "levels_put",
    "UPDATE levels l SET source = u.source, quantity = u.quantity, "
    "occurred_at = u.occurred_at, version = u.version, revision = u.revision, "
    "count = u.count, counted_at = u.counted_at, adjusted = u.adjusted, "
    "adjusted_at = u.adjusted_at, sees_orders_until = u.sees_orders_until "
    "FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], "
    "$6::bigint[], $7::bigint[], $8::bigint[], $9::timestamptz[], $10::bigint[], "
    "$11::timestamptz[], $12::timestamptz[]) AS u (sku, location, source, quantity, "
    "occurred_at, version, revision, count, counted_at, adjusted, adjusted_at, "
    "sees_orders_until) WHERE l.sku = u.sku AND l.location = u.location"};

/* Rows that are missing come first; nothing is said of them yet. */
static const struct statement PAIRS_PUT = {
    "pairs_put",
    "INSERT INTO shop_levels (shop, sku, location) SELECT * FROM (SELECT DISTINCT * FROM "
    "unnest($1::text[], $2::text[], $3::text[]) AS u (shop, sku, location)) d "
    "ORDER BY shop COLLATE \"C\", sku COLLATE \"C\", location COLLATE \"C\" "
    "ON CONFLICT DO NOTHING"};

/* Rows are locked in the order that push locks them in, so that neither waits for the other
 * in a ring. A pair is dirty while what is wanted is not what the shop was last seen to show,
 * or is not decided. What the shop shows is read anew where it tells of another number.
 * $9 is empty where no event of the batch has a trace: all pairs then lose theirs. */
static const struct statement DESIRED_PUT = {
    "desired_put",
    "WITH d AS (SELECT shop, sku, location, max(desired) AS desired, "
    "bool_or(undecided) AS undecided, max(observed) AS observed, max(short) AS short, "
    "max(trace COLLATE \"C\") AS trace "
    "FROM (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], "
    "$5::boolean[], $6::bigint[], $7::bigint[], $9::text[]) "
    "AS u (shop, sku, location, desired, undecided, observed, short, trace) "
    "UNION ALL SELECT l.shop, l.sku, l.location, NULL, true, NULL, 0, NULL "
    "FROM unnest($8::text[]) AS e (sku) JOIN shop_levels l ON l.sku = e.sku) AS all_pairs "
    "GROUP BY 1, 2, 3), "
    "held AS MATERIALIZED (SELECT l.shop, l.sku, l.location, "
    "CASE WHEN d.undecided THEN l.desired ELSE d.desired END AS desired, d.undecided, "
    "CASE WHEN d.undecided THEN l.short ELSE d.short END AS short, "
    "CASE WHEN d.observed <> l.shown THEN NULL ELSE l.shown END AS shown, d.trace "
    "FROM shop_levels l JOIN d USING (shop, sku, location) "
    "ORDER BY l.shop, l.sku, l.location FOR UPDATE OF l) "
    "UPDATE shop_levels l SET desired = h.desired, short = h.short, "
    "undecided = l.undecided OR h.undecided, shown = h.shown, traceparent = h.trace, "
    "desired_at = CASE WHEN NOT l.dirty THEN now() ELSE l.desired_at END, "
    "dirty = l.undecided OR h.undecided OR " PAIR_IS_OFF(
        "h.desired", "h.shown",
        "h.short") " "
                   "FROM held h WHERE l.shop = h.shop AND l.sku = h.sku AND l.location = h.location "
                   "AND (h.undecided OR l.short <> h.short OR l.desired IS DISTINCT FROM h.desired "
                   "OR l.shown IS DISTINCT FROM h.shown)"};

/* The day's counts go with it; where the fence is gone, nothing of this is kept. */
static const struct statement PROGRESS_PUT = {
    "progress_put",
    "WITH u AS (SELECT * FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], "
    "$6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], "
    "$11::bigint[], $12::bigint[], $13::bigint[], $15::bigint[]) AS u (partition, epoch, "
    "old_offset, next_offset, first_offset, applied, unchanged, duplicate, stale, "
    "shadowed, rekeyed, rejected, relayed)), "
    "days AS (INSERT INTO apply_days AS d (day, topic, partition, events, rejected) "
    "SELECT kpi_day($14), $1, partition, applied + unchanged + duplicate + stale + "
    "shadowed + rejected, rejected FROM u ON CONFLICT (day, topic, partition) DO UPDATE "
    "SET events = d.events + excluded.events, rejected = d.rejected + excluded.rejected) "
    "UPDATE progress p SET next_offset = u.next_offset, applied = p.applied + u.applied, "
    "unchanged = p.unchanged + u.unchanged, duplicate = p.duplicate + u.duplicate, "
    "stale = p.stale + u.stale, shadowed = p.shadowed + u.shadowed, "
    "rekeyed = p.rekeyed + u.rekeyed, rejected = p.rejected + u.rejected, "
    "read = p.read + u.applied + u.unchanged + u.duplicate + u.stale + u.shadowed + "
    "u.rekeyed + u.rejected, start_offset = CASE WHEN p.next_offset < 0 "
    "THEN u.first_offset ELSE p.start_offset END, updated_at = $14, "
    "relayed_offset = greatest(p.relayed_offset, u.relayed) "
    "FROM u WHERE p.topic = $1 AND p.partition = u.partition AND p.epoch = u.epoch "
    "AND p.next_offset = u.old_offset"};

static const struct statement OUTBOX_TRIM = {
    "outbox_trim_many",
    "DELETE FROM outbox o USING unnest($2::int[], $3::bigint[]) AS t (partition, below) "
    "WHERE o.topic = $1 AND o.partition = t.partition AND o.record_offset < t.below"};

static const struct statement COMMIT = {"apply_commit", "COMMIT"};

/* ---- columns of rows, for unnest ------------------------------------------------------------- */

/* One array parameter from a member of every row: a column of text, number or time. */
#define COLUMN_TEXT(rows, count, member)                                                 \
    do {                                                                                 \
        for (size_t at_ = 0; at_ < (count); at_++)                                       \
            columns.spans[at_] = (rows)[at_].member;                                     \
        pg_params_text_array(params, columns.spans, (count));                            \
    } while (0)

#define COLUMN_NUMBER(append, rows, count, present, member)                              \
    do {                                                                                 \
        for (size_t at_ = 0; at_ < (count); at_++) {                                     \
            columns.numbers[at_] = (rows)[at_].member;                                   \
            columns.flags[at_] = (rows)[at_].present;                                    \
        }                                                                                \
        append(params, columns.numbers, columns.flags, (count));                         \
    } while (0)

struct columns {
    struct span *spans;
    int64_t *numbers;
    bool *flags;
};

static bool columns_take(struct pool *pool, size_t count, struct columns *columns)
{
    pool_reset(pool);
    columns->spans = pool_take(pool, count * sizeof(*columns->spans));
    columns->numbers = pool_take(pool, count * sizeof(*columns->numbers));
    columns->flags = pool_take(pool, count * sizeof(*columns->flags));
    return columns->spans != NULL && columns->numbers != NULL && columns->flags != NULL;
}

static enum status add_readings(struct postgres *postgres,
                                const struct store_effects *effects, struct pool *pool,
                                struct pg_params *params, struct error *error)
{
    const struct reading_write *rows = effects->readings;
    size_t count = effects->reading_count;
    struct columns columns;
    if (!columns_take(pool, count, &columns))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    pg_params_clear(params);
    COLUMN_TEXT(rows, count, place.sku);
    COLUMN_TEXT(rows, count, place.location);
    COLUMN_TEXT(rows, count, source);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, reading.has_count, reading.count);
    COLUMN_NUMBER(pg_params_time_array, rows, count, reading.has_count,
                  reading.counted_at_us);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, reading.has_version,
                  reading.version);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, reading.exists, reading.adjusted);
    COLUMN_NUMBER(pg_params_time_array, rows, count, reading.has_adjusted,
                  reading.adjusted_at_us);
    COLUMN_NUMBER(pg_params_time_array, rows, count, reading.has_sees_orders_until,
                  reading.sees_orders_until_us);
    return postgres_pipeline_add(postgres, &READINGS_PUT, params, error);
}

static enum status add_levels(struct postgres *postgres,
                              const struct store_effects *effects, struct pool *pool,
                              struct pg_params *params, struct error *error)
{
    const struct level_write *rows = effects->levels;
    size_t count = effects->level_count;
    struct columns columns;
    if (!columns_take(pool, count, &columns))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    pg_params_clear(params);
    COLUMN_TEXT(rows, count, place.sku);
    COLUMN_TEXT(rows, count, place.location);
    COLUMN_TEXT(rows, count, source);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, level.exists, level.quantity);
    COLUMN_NUMBER(pg_params_time_array, rows, count, level.exists, level.occurred_at_us);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, level.has_version, level.version);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, level.exists, revision);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, reading.has_count, reading.count);
    COLUMN_NUMBER(pg_params_time_array, rows, count, reading.has_count,
                  reading.counted_at_us);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, reading.exists, reading.adjusted);
    COLUMN_NUMBER(pg_params_time_array, rows, count, reading.has_adjusted,
                  reading.adjusted_at_us);
    COLUMN_NUMBER(pg_params_time_array, rows, count, reading.has_sees_orders_until,
                  reading.sees_orders_until_us);
    return postgres_pipeline_add(postgres, &LEVELS_PUT, params, error);
}

/* Which pairs: the first three parameters. */
static bool pair_columns(const struct store_effects *effects, struct pool *pool,
                         struct pg_params *params, struct columns *columns_out)
{
    const struct desired_write *rows = effects->desired;
    size_t count = effects->desired_count;
    struct columns columns;
    if (!columns_take(pool, count, &columns))
        return false;
    pg_params_clear(params);
    COLUMN_TEXT(rows, count, shop);
    COLUMN_TEXT(rows, count, place.sku);
    COLUMN_TEXT(rows, count, place.location);
    *columns_out = columns;
    return true;
}

static enum status add_pairs(struct postgres *postgres,
                             const struct store_effects *effects, struct pool *pool,
                             struct pg_params *params, struct error *error)
{
    struct columns columns;
    if (!pair_columns(effects, pool, params, &columns))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    return postgres_pipeline_add(postgres, &PAIRS_PUT, params, error);
}

static enum status add_desired(struct postgres *postgres,
                               const struct store_effects *effects, struct pool *pool,
                               struct pg_params *params, struct error *error)
{
    const struct desired_write *rows = effects->desired;
    size_t count = effects->desired_count;
    struct columns columns;
    if (!pair_columns(effects, pool, params, &columns))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    COLUMN_NUMBER(pg_params_int8_array, rows, count, known, quantity);
    for (size_t at = 0; at < count; at++)
        columns.flags[at] = rows[at].undecided;
    pg_params_bool_array(params, columns.flags, count);
    COLUMN_NUMBER(pg_params_int8_array, rows, count, is_observed, observed);
    for (size_t at = 0; at < count; at++)
        columns.numbers[at] = rows[at].short_units;
    pg_params_int8_array(params, columns.numbers, NULL, count);
    pg_params_text_array(params, effects->everywhere, effects->everywhere_count);
    for (size_t at = 0; effects->is_traced && at < count; at++)
        columns.spans[at] = rows[at].traceparent;
    pg_params_text_array(params, columns.spans, effects->is_traced ? count : 0);
    return postgres_pipeline_add(postgres, &DESIRED_PUT, params, error);
}

/* ---- progress ------------------------------------------------------------------------------ */

static void progress_columns(const struct store_effects *effects,
                             struct pg_params *params)
{
    int32_t partitions[STORE_FENCES_MAX];
    int64_t numbers[STORE_FENCES_MAX];
    const struct progress_write *rows = effects->progress;
    size_t count = effects->progress_count;
    ASSERT(count <= STORE_FENCES_MAX);
    pg_params_clear(params);
    pg_params_text(params, effects->topic);
    for (size_t at = 0; at < count; at++)
        partitions[at] = rows[at].fence.partition;
    pg_params_int4_array(params, partitions, count);
    for (size_t at = 0; at < count; at++)
        numbers[at] = rows[at].fence.epoch;
    pg_params_int8_array(params, numbers, NULL, count);
    for (size_t at = 0; at < count; at++)
        numbers[at] = rows[at].fence.next_offset;
    pg_params_int8_array(params, numbers, NULL, count);
    for (size_t at = 0; at < count; at++)
        numbers[at] = rows[at].next_offset;
    pg_params_int8_array(params, numbers, NULL, count);
    for (size_t at = 0; at < count; at++)
        numbers[at] = rows[at].first_offset;
    pg_params_int8_array(params, numbers, NULL, count);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        for (size_t at = 0; at < count; at++)
            numbers[at] = rows[at].counts[outcome];
        pg_params_int8_array(params, numbers, NULL, count);
    }
    pg_params_time(params, true, effects->judged_at_us);
    for (size_t at = 0; at < count; at++)
        numbers[at] = rows[at].relayed_offset;
    pg_params_int8_array(params, numbers, NULL, count);
}

static enum status add_trim(struct postgres *postgres,
                            const struct store_effects *effects, struct pg_params *params,
                            struct error *error)
{
    int32_t partitions[STORE_FENCES_MAX];
    int64_t below[STORE_FENCES_MAX];
    for (size_t at = 0; at < effects->progress_count; at++) {
        partitions[at] = effects->progress[at].fence.partition;
        below[at] =
            effects->progress[at].trims ? effects->progress[at].relayed_offset : 0;
    }
    pg_params_clear(params);
    pg_params_text(params, effects->topic);
    pg_params_int4_array(params, partitions, effects->progress_count);
    pg_params_int8_array(params, below, NULL, effects->progress_count);
    return postgres_pipeline_add(postgres, &OUTBOX_TRIM, params, error);
}

static bool is_anything_trimmed(const struct store_effects *effects)
{
    for (size_t at = 0; at < effects->progress_count; at++)
        if (effects->progress[at].trims)
            return true;
    return false;
}

/* ---- commit -------------------------------------------------------------------------------- */

typedef enum status add_part(struct postgres *postgres,
                             const struct store_effects *effects, struct pool *pool,
                             struct pg_params *params, struct error *error);

static enum status add_writes(struct postgres *postgres,
                              const struct store_effects *effects,
                              struct pg_params *params, size_t *count_out,
                              struct error *error)
{
    const struct {
        add_part *add;
        size_t rows;
    } parts[] = {{add_readings, effects->reading_count},
                 {add_levels, effects->level_count},
                 {add_pairs, effects->desired_count},
                 {add_desired, effects->desired_count + effects->everywhere_count}};
    enum status status = STATUS_OK;
    *count_out = 0;
    for (size_t at = 0; at < COUNT_OF(parts) && status == STATUS_OK; at++) {
        if (parts[at].rows == 0)
            continue;
        status = parts[at].add(postgres, effects, &effects->room->pool, params, error);
        *count_out += 1;
    }
    if (status == STATUS_OK && is_anything_trimmed(effects)) {
        status = add_trim(postgres, effects, params, error);
        *count_out += 1;
    }
    return status;
}

/* Last of the pipeline: the fence again; its count decides whether to commit. */
static enum status write_all(struct postgres *postgres,
                             const struct store_effects *effects, bool *fenced_out,
                             struct error *error)
{
    struct pg_params *params = &effects->room->params;
    size_t count = 0;
    enum status status = add_writes(postgres, effects, params, &count, error);
    if (status != STATUS_OK)
        return status;
    progress_columns(effects, params);
    status = postgres_pipeline_add(postgres, &PROGRESS_PUT, params, error);
    if (status != STATUS_OK)
        return status;
    struct rows rows[8];
    ASSERT(count + 1 <= COUNT_OF(rows));
    status = postgres_pipeline_run(postgres, rows, count + 1, error);
    *fenced_out =
        status == STATUS_OK && rows[count].affected != (int64_t)effects->progress_count;
    for (size_t at = 0; at <= count; at++)
        rows_release(&rows[at]);
    return status;
}

enum status store_commit(struct postgres *postgres, const struct store_effects *effects,
                         bool *fenced_out, struct error *error)
{
    ASSERT(effects->progress_count > 0);
    *fenced_out = false;
    enum status status = store_copy_effects(postgres, effects, error);
    if (status == STATUS_OK)
        status = write_all(postgres, effects, fenced_out, error);
    if (status != STATUS_OK)
        return status;
    if (*fenced_out) {
        store_abort(postgres);
        return STATUS_OK;
    }
    return postgres_query(postgres, &COMMIT, NULL, NULL, error);
}
