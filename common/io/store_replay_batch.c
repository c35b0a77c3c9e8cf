#include "common/io/store_replay_batch.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

static const struct statement FIND = {
    "batch_find", "SELECT id FROM replay_batches WHERE choice = $1 AND state = 'running' "
                  "ORDER BY started_at DESC LIMIT 1"};
static const struct statement MAKE = {
    "batch_make", "INSERT INTO replay_batches (id, choice) VALUES ($1, $2)"};
static const struct statement END = {
    "batch_end",
    "UPDATE replay_batches SET state = 'done', changed_at = clock_timestamp() "
    "WHERE id = $1 AND state <> 'done'"};
static const struct statement STOP = {
    "batch_stop",
    "WITH quiet AS (SELECT NOT EXISTS (SELECT FROM replay_batch_parts WHERE batch = $1 "
    "AND leased_until > clock_timestamp()) AS yes), "
    "over AS (UPDATE replay_batches SET state = 'done', changed_at = clock_timestamp() "
    "WHERE id = $1 AND state <> 'done' AND $2 AND (SELECT yes FROM quiet)), "
    "fenced AS (UPDATE replay_batch_parts SET epoch = epoch + 1 "
    "WHERE batch = $1 AND $2 AND (SELECT yes FROM quiet)) SELECT yes FROM quiet"};
static const struct statement PART = {
    "batch_part",
    "INSERT INTO replay_batch_parts (batch, partition, first_offset, next_offset, "
    "until_offset) VALUES ($1, $2, $3, $3, $4) ON CONFLICT DO NOTHING"};

static const struct statement CLAIM = {
    "batch_claim",
    "UPDATE replay_batch_parts p SET owner = $2, epoch = p.epoch + 1, "
    "leased_until = clock_timestamp() + $3 * interval '1 ms' "
    "FROM (SELECT batch, partition FROM replay_batch_parts WHERE batch = $1 "
    "AND next_offset < until_offset AND leased_until < clock_timestamp() "
    "ORDER BY partition LIMIT 1 FOR UPDATE SKIP LOCKED) AS free "
    "WHERE p.batch = free.batch AND p.partition = free.partition "
    "RETURNING p.partition, p.next_offset, p.until_offset, p.epoch"};

static const struct statement REACH = {
    "batch_reach",
    "UPDATE replay_batch_parts SET next_offset = $4, published = published + $5, "
    "passed_over = passed_over + $6, refused = refused + $7, too_old = too_old + $8, "
    "leased_until = clock_timestamp() + $9 * interval '1 ms' "
    "WHERE batch = $1 AND partition = $2 AND epoch = $3"};

static const struct statement SUM = {
    "batch_sum",
    "SELECT coalesce(sum(next_offset - first_offset), 0)::bigint, "
    "coalesce(sum(until_offset - next_offset), 0)::bigint, "
    "coalesce(sum(published), 0)::bigint, coalesce(sum(passed_over), 0)::bigint, "
    "coalesce(sum(refused), 0)::bigint, coalesce(sum(too_old), 0)::bigint "
    "FROM replay_batch_parts WHERE batch = $1"};

static const struct statement KNOWN = {
    "replay_known",
    "SELECT count(*) FROM idempotency WHERE topic = $1 AND partition = $2 "
    "AND page_next_offset > $3 AND record_offset >= $3 "
    "AND record_offset < $4"};

enum status store_batch_find(struct postgres *live, struct span choice,
                             char id_out[REPLAY_BATCH_ID_MAX], bool *found_out,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, choice);
    enum status status = postgres_query(live, &FIND, &params, &rows, error);
    *found_out = status == STATUS_OK && rows.count == 1;
    if (*found_out)
        (void)snprintf(id_out, REPLAY_BATCH_ID_MAX, "%.*s",
                       SPAN_ARGS(rows_span(&rows, 0, 0)));
    return status;
}

enum status store_batch_make(struct postgres *live, struct span id, struct span choice,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, id);
    pg_params_text(&params, choice);
    return postgres_query(live, &MAKE, &params, NULL, error);
}

enum status store_batch_end(struct postgres *live, struct span id, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, id);
    return postgres_query(live, &END, &params, NULL, error);
}

enum status store_batch_stop(struct postgres *live, struct span id, bool ends,
                             bool *quiet_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, id);
    pg_params_bool(&params, ends);
    enum status status = postgres_query(live, &STOP, &params, &rows, error);
    *quiet_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_batch_part(struct postgres *live, struct span id,
                             const struct batch_part *part, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, id);
    pg_params_int4(&params, part->partition);
    pg_params_int8(&params, part->next_offset);
    pg_params_int8(&params, part->until_offset);
    return postgres_query(live, &PART, &params, NULL, error);
}

enum status store_batch_claim(struct postgres *live, const struct batch_claim *claim,
                              struct batch_part *part_out, bool *found_out,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, claim->id);
    pg_params_text(&params, claim->owner);
    pg_params_int8(&params, claim->lease_ms);
    enum status status = postgres_query(live, &CLAIM, &params, &rows, error);
    *found_out = status == STATUS_OK && rows.count == 1;
    if (*found_out)
        *part_out = (struct batch_part){.partition = (int32_t)rows_int(&rows, 0, 0),
                                        .next_offset = rows_int(&rows, 0, 1),
                                        .until_offset = rows_int(&rows, 0, 2),
                                        .epoch = rows_int(&rows, 0, 3)};
    return status;
}

enum status store_batch_reach(struct postgres *live, const struct batch_claim *claim,
                              struct batch_part *part, const struct batch_counts *counts,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, claim->id);
    pg_params_int4(&params, part->partition);
    pg_params_int8(&params, part->epoch);
    pg_params_int8(&params, part->next_offset);
    pg_params_int8(&params, counts->published);
    pg_params_int8(&params, counts->passed_over);
    pg_params_int8(&params, counts->refused);
    pg_params_int8(&params, counts->too_old);
    pg_params_int8(&params, claim->lease_ms);
    enum status status = postgres_query(live, &REACH, &params, &rows, error);
    part->lost = status == STATUS_OK && rows.affected != 1;
    return status;
}

enum status store_batch_sum(struct postgres *live, struct span id,
                            struct batch_sum *sum_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, id);
    enum status status = postgres_query(live, &SUM, &params, &rows, error);
    if (status == STATUS_OK)
        *sum_out = (struct batch_sum){.done = rows_int(&rows, 0, 0),
                                      .left = rows_int(&rows, 0, 1),
                                      .counts = {.published = rows_int(&rows, 0, 2),
                                                 .passed_over = rows_int(&rows, 0, 3),
                                                 .refused = rows_int(&rows, 0, 4),
                                                 .too_old = rows_int(&rows, 0, 5)}};
    return status;
}

enum status store_replay_known(struct postgres *live, const struct known_stretch *stretch,
                               int64_t *count_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, stretch->topic);
    pg_params_int4(&params, stretch->partition);
    pg_params_int8(&params, stretch->from);
    pg_params_int8(&params, stretch->until);
    enum status status = postgres_query(live, &KNOWN, &params, &rows, error);
    if (status == STATUS_OK)
        *count_out = rows_int(&rows, 0, 0);
    return status;
}
