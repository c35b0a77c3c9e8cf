#include "common/io/store_apply.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"

#define PLACES_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define ROOM_COPY_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ROOM_POOL_BYTES_MAX ((size_t)64 * 1024 * 1024)

static const struct statement CONTRACT_ADD = {
    "contract_add", "INSERT INTO contracts (digest, body) VALUES ($1, $2) "
                    "ON CONFLICT (digest) DO NOTHING"};
static const struct statement CONTRACT_ID = {
    "contract_id", "SELECT id FROM contracts WHERE digest = $1"};

/* The new epoch makes every transaction of the old owner find its fence gone. */
static const struct statement TAKE_PARTITION = {
    "take_partition",
    "INSERT INTO progress AS p (topic, partition, epoch, owner) VALUES ($1, $2, 1, $3) "
    "ON CONFLICT (topic, partition) DO UPDATE SET epoch = p.epoch + 1, owner = $3, "
    "updated_at = greatest(now(), p.updated_at) "
    "RETURNING p.epoch, p.next_offset, p.relayed_offset, p.until_offset"};

static const struct statement BEGIN = {"apply_begin", "BEGIN"};

/* In order of partition, so that two batches never wait for each other in a ring. */
static const struct statement LOCK_FENCES = {
    "lock_fences",
    "SELECT p.partition, greatest(now(), p.updated_at) FROM progress p "
    "JOIN unnest($2::int[], $3::bigint[], $4::bigint[]) "
    "AS f (partition, epoch, next_offset) ON p.partition = f.partition "
    "AND p.epoch = f.epoch AND p.next_offset = f.next_offset "
    "WHERE p.topic = $1 AND p.layout = $5 ORDER BY p.partition FOR UPDATE OF p"};

/* Entries of 24 bytes, see common/codec/key_run.h; only the slices are read from disk. */
static const struct statement SLICES = {
    "slices", "SELECT s.n, substring(r.keys FROM s.first * 24 + 1 FOR s.entries * 24) "
              "FROM unnest($1::bigint[], $2::int[], $3::int[]) WITH ORDINALITY "
              "AS s (id, first, entries, n) JOIN ledger_runs r ON r.id = s.id"};

static const struct statement READINGS = {
    "readings", "SELECT k.place, r.source, r.count, r.counted_at, r.version, r.adjusted, "
                "r.adjusted_at, "
                "r.sees_orders_until FROM unnest($1::text[], $2::text[]) WITH ORDINALITY "
                "AS k (sku, location, place) JOIN readings r ON r.sku = k.sku "
                "AND r.location = k.location"};

static const struct statement LEVELS = {
    "levels",
    "SELECT k.place, l.source, l.quantity, l.occurred_at, l.version, l.revision, "
    "l.count, l.counted_at, l.adjusted, l.adjusted_at, l.sees_orders_until "
    "FROM unnest($1::text[], $2::text[]) WITH ORDINALITY "
    "AS k (sku, location, place) JOIN levels l ON l.sku = k.sku "
    "AND l.location = k.location"};

static const struct statement LATER = {
    "later_adjustments",
    "SELECT q.n, coalesce(sum(a.quantity), 0)::bigint FROM unnest($1::text[], "
    "$2::text[], "
    "$3::text[], $4::timestamptz[]) WITH ORDINALITY AS q (sku, location, source, at, n) "
    "JOIN adjustments a ON a.sku = q.sku AND a.location = q.location "
    "AND a.source = q.source AND a.occurred_at > q.at GROUP BY q.n"};

void store_room_init(struct store_room *room)
{
    buf_init(&room->data, ROOM_COPY_BYTES_MAX);
    pg_params_init(&room->params);
    pool_init(&room->pool, ROOM_POOL_BYTES_MAX);
}

void store_room_free(struct store_room *room)
{
    buf_free(&room->data);
    pg_params_free(&room->params);
    pool_free(&room->pool);
}

/* ---- contract and partitions --------------------------------------------------------------- */

enum status store_contract(struct postgres *postgres, const struct contract *contract,
                           struct span text, int32_t *id_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, span_from(contract->digest));
    pg_params_text(&params, text);
    enum status status = postgres_query(postgres, &CONTRACT_ADD, &params, NULL, error);
    if (status != STATUS_OK)
        return status;
    pg_params_clear(&params);
    pg_params_text(&params, span_from(contract->digest));
    status = postgres_query(postgres, &CONTRACT_ID, &params, &rows, error);
    if (status == STATUS_OK && rows.count == 1)
        *id_out = (int32_t)rows_int(&rows, 0, 0);
    return status;
}

enum status store_take(struct postgres *postgres, const struct partition_ref *ref,
                       struct span owner, struct take *take_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, ref->topic);
    pg_params_int4(&params, ref->partition);
    pg_params_text(&params, owner);
    enum status status = postgres_query(postgres, &TAKE_PARTITION, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(rows.count == 1);
    *take_out = (struct take){
        .epoch = rows_int(&rows, 0, 0),
        .next_offset = rows_int(&rows, 0, 1),
        .relayed_offset = rows_int(&rows, 0, 2),
        .until_offset = rows_is_null(&rows, 0, 3) ? INT64_MAX : rows_int(&rows, 0, 3)};
    return STATUS_OK;
}

static const struct statement PROGRESS = {
    "progress", "SELECT partition, epoch, next_offset FROM progress WHERE topic = $1"};

enum status store_progress(struct postgres *postgres, struct span topic,
                           struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, topic);
    return postgres_query(postgres, &PROGRESS, &params, rows, error);
}

static const struct statement PASS = {
    "pass", "UPDATE progress SET next_offset = $5 WHERE topic = $1 AND partition = $2 "
            "AND epoch = $3 AND next_offset = $4 RETURNING 1"};

enum status store_pass(struct postgres *postgres, const struct passed *passed,
                       bool *fenced_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, passed->topic);
    pg_params_int4(&params, passed->fence.partition);
    pg_params_int8(&params, passed->fence.epoch);
    pg_params_int8(&params, passed->fence.next_offset);
    pg_params_int8(&params, passed->next_offset);
    enum status status = postgres_query(postgres, &PASS, &params, &rows, error);
    if (status == STATUS_OK)
        *fenced_out = rows.count == 0;
    return status;
}

/* ---- begin --------------------------------------------------------------------------------- */

void store_found_release(struct store_found *found)
{
    rows_release(&found->fences);
    rows_release(&found->slices);
    rows_release(&found->readings);
    rows_release(&found->levels);
}

static enum status add_fences(struct postgres *postgres,
                              const struct store_question *question,
                              struct pg_params *params, struct error *error)
{
    ASSERT(question->fence_count <= STORE_FENCES_MAX);
    int32_t partitions[STORE_FENCES_MAX];
    int64_t epochs[STORE_FENCES_MAX];
    int64_t offsets[STORE_FENCES_MAX];
    for (size_t at = 0; at < question->fence_count; at++) {
        partitions[at] = question->fences[at].partition;
        epochs[at] = question->fences[at].epoch;
        offsets[at] = question->fences[at].next_offset;
    }
    pg_params_clear(params);
    pg_params_text(params, question->topic);
    pg_params_int4_array(params, partitions, question->fence_count);
    pg_params_int8_array(params, epochs, NULL, question->fence_count);
    pg_params_int8_array(params, offsets, NULL, question->fence_count);
    pg_params_int4(params, question->partitions);
    return postgres_pipeline_add(postgres, &LOCK_FENCES, params, error);
}

static enum status add_slices(struct postgres *postgres,
                              const struct store_question *question,
                              struct pg_params *params, struct error *error)
{
    struct pool *pool = &question->room->pool;
    size_t count = question->slice_count;
    pool_reset(pool);
    int64_t *runs = pool_take(pool, count * sizeof(*runs));
    int32_t *firsts = pool_take(pool, count * sizeof(*firsts));
    int32_t *entries = pool_take(pool, count * sizeof(*entries));
    if (runs == NULL || firsts == NULL || entries == NULL)
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    for (size_t at = 0; at < count; at++) {
        runs[at] = question->slices[at].run;
        firsts[at] = question->slices[at].first;
        entries[at] = question->slices[at].entries;
    }
    pg_params_clear(params);
    pg_params_int8_array(params, runs, NULL, count);
    pg_params_int4_array(params, firsts, count);
    pg_params_int4_array(params, entries, count);
    return postgres_pipeline_add(postgres, &SLICES, params, error);
}

/* Two arrays of the places: all SKUs, then all locations. */
static void add_places(struct pg_params *params, const struct place *places, size_t count,
                       struct pool *pool)
{
    struct span *spans = pool_take(pool, (count + 1) * sizeof(*spans));
    if (spans == NULL) {
        params->failed = true;
        return;
    }
    for (size_t at = 0; at < count; at++)
        spans[at] = places[at].sku;
    pg_params_text_array(params, spans, count);
    for (size_t at = 0; at < count; at++)
        spans[at] = places[at].location;
    pg_params_text_array(params, spans, count);
}

static enum status add_reads(struct postgres *postgres,
                             const struct store_question *question,
                             struct pg_params *params, struct error *error)
{
    struct pool *pool = &question->room->pool;
    pool_reset(pool);
    pg_params_clear(params);
    add_places(params, question->places, question->place_count, pool);
    enum status status = postgres_pipeline_add(postgres, &READINGS, params, error);
    if (status == STATUS_OK)
        status = postgres_pipeline_add(postgres, &LEVELS, params, error);
    return status;
}

static enum status add_all(struct postgres *postgres,
                           const struct store_question *question, struct error *error)
{
    struct pg_params *params = &question->room->params;
    enum status status = postgres_pipeline_add(postgres, &BEGIN, NULL, error);
    if (status == STATUS_OK)
        status = add_fences(postgres, question, params, error);
    if (status == STATUS_OK && question->place_count > 0)
        status = add_reads(postgres, question, params, error);
    if (status == STATUS_OK && question->slice_count > 0)
        status = add_slices(postgres, question, params, error);
    return status;
}

enum status store_begin(struct postgres *postgres, const struct store_question *question,
                        struct store_found *found, struct error *error)
{
    *found = (struct store_found){0};
    enum status status = add_all(postgres, question, error);
    if (status != STATUS_OK)
        return status;
    struct rows rows[5] = {0};
    size_t places = question->place_count > 0 ? 2 : 0;
    size_t slices = question->slice_count > 0 ? 1 : 0;
    status = postgres_pipeline_run(postgres, rows, 2 + places + slices, error);
    rows_release(&rows[0]);
    found->fences = rows[1];
    if (places > 0) {
        found->readings = rows[2];
        found->levels = rows[3];
    }
    if (slices > 0)
        found->slices = rows[2 + places];
    if (status != STATUS_OK)
        store_found_release(found);
    for (int row = 0; status == STATUS_OK && row < found->fences.count; row++)
        if (rows_time(&found->fences, row, 1) > found->judged_at_us)
            found->judged_at_us = rows_time(&found->fences, row, 1);
    return status;
}

int32_t store_fence_row(const struct store_found *found, int row)
{
    return (int32_t)rows_int(&found->fences, row, 0);
}

struct slice_row store_slice_row(const struct store_found *found, int row)
{
    return (struct slice_row){.slice = (size_t)rows_int(&found->slices, row, 0) - 1,
                              .entries = rows_span(&found->slices, row, 1)};
}

/* count, counted_at, version, adjusted, adjusted_at, sees_orders_until at these columns. */
static struct reading reading_of(const struct rows *rows, int row, const int columns[6])
{
    return (struct reading){
        .exists = true,
        .has_count = !rows_is_null(rows, row, columns[0]),
        .count = rows_int(rows, row, columns[0]),
        .counted_at_us = rows_time(rows, row, columns[1]),
        .has_version = !rows_is_null(rows, row, columns[2]),
        .version = rows_int(rows, row, columns[2]),
        .adjusted = rows_int(rows, row, columns[3]),
        .has_adjusted = !rows_is_null(rows, row, columns[4]),
        .adjusted_at_us = rows_time(rows, row, columns[4]),
        .has_sees_orders_until = !rows_is_null(rows, row, columns[5]),
        .sees_orders_until_us = rows_time(rows, row, columns[5]),
    };
}

struct reading_row store_reading_row(const struct store_found *found, int row)
{
    static const int COLUMNS[6] = {2, 3, 4, 5, 6, 7};
    const struct rows *rows = &found->readings;
    return (struct reading_row){.place = (size_t)rows_int(rows, row, 0) - 1,
                                .source = rows_span(rows, row, 1),
                                .reading = reading_of(rows, row, COLUMNS)};
}

struct level_row store_level_row(const struct store_found *found, int row)
{
    static const int COLUMNS[6] = {6, 7, 4, 8, 9, 10};
    const struct rows *rows = &found->levels;
    return (struct level_row){
        .place = (size_t)rows_int(rows, row, 0) - 1,
        .source = rows_span(rows, row, 1),
        .level = {.exists = true,
                  .quantity = rows_int(rows, row, 2),
                  .source = -1,
                  .occurred_at_us = rows_time(rows, row, 3),
                  .has_version = !rows_is_null(rows, row, 4),
                  .version = rows_int(rows, row, 4)},
        .reading = reading_of(rows, row, COLUMNS),
        .revision = rows_int(rows, row, 5),
    };
}

enum status store_levels_at(struct postgres *postgres, const struct place *places,
                            size_t count, struct store_found *found, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(pool_free) struct pool pool;
    *found = (struct store_found){0};
    pg_params_init(&params);
    pool_init(&pool, PLACES_BYTES_MAX);
    add_places(&params, places, count, &pool);
    return postgres_query(postgres, &LEVELS, &params, &found->levels, error);
}

/* ---- adjustments later than a count ---------------------------------------------------------- */

static bool later_params(struct pg_params *params, struct pool *pool,
                         const struct later_question *questions, size_t count)
{
    struct span *spans = pool_take(pool, count * sizeof(*spans));
    int64_t *times = pool_take(pool, count * sizeof(*times));
    if (spans == NULL || times == NULL)
        return false;
    for (size_t at = 0; at < count; at++)
        spans[at] = questions[at].place.sku;
    pg_params_text_array(params, spans, count);
    for (size_t at = 0; at < count; at++)
        spans[at] = questions[at].place.location;
    pg_params_text_array(params, spans, count);
    for (size_t at = 0; at < count; at++)
        spans[at] = questions[at].source;
    pg_params_text_array(params, spans, count);
    for (size_t at = 0; at < count; at++)
        times[at] = questions[at].after_us;
    pg_params_time_array(params, times, NULL, count);
    return true;
}

enum status store_later(struct postgres *postgres, struct later_question *questions,
                        size_t count, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(pool_free) struct pool pool;
    pg_params_init(&params);
    pool_init(&pool, PLACES_BYTES_MAX);
    for (size_t at = 0; at < count; at++)
        questions[at].sum = 0;
    if (!later_params(&params, &pool, questions, count))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    enum status status = postgres_query(postgres, &LATER, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        size_t at = (size_t)rows_int(&rows, row, 0) - 1;
        ASSERT(at < count);
        questions[at].sum = rows_int(&rows, row, 1);
    }
    return status;
}

void store_abort(struct postgres *postgres)
{
    struct error ignored;
    if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
}
