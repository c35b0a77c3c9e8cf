#include "common/io/store_replay.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdio.h>

/* The key space of advisory locks is one a database: names are hashed with a word before. */
static const struct statement LOCK = {
    "replay_lock",
    "SELECT pg_advisory_lock(hashtext('parstock replay prepare'), hashtext($1))"};
static const struct statement UNLOCK = {
    "replay_unlock",
    "SELECT pg_advisory_unlock(hashtext('parstock replay prepare'), hashtext($1))"};
static const struct statement IS_ALONE = {
    "replay_is_alone",
    "SELECT pg_try_advisory_lock(hashtext('parstock replay work'), hashtext($1))"};
static const struct statement ENTER = {
    "replay_enter",
    "SELECT pg_advisory_lock_shared(hashtext('parstock replay work'), hashtext($1))"};
static const struct statement UNLOCK_WORK = {
    "replay_unlock_work",
    "SELECT pg_advisory_unlock(hashtext('parstock replay work'), hashtext($1))"};

static const struct statement LIVE = {
    "replay_live", "SELECT partition, start_offset, next_offset FROM progress "
                   "WHERE topic = $1 ORDER BY partition LIMIT $2"};

static const struct statement PAST = {
    "replay_past",
    "SELECT (SELECT count(*) FROM progress WHERE topic <> $1 AND read > 0), "
    "(SELECT coalesce(max(partitions), 0) FROM ledger "
    "WHERE topic = $1 AND partitions <> $2 AND partitions <> 0)"};

static const struct statement IS_MADE = {
    "shadow_is_made", "SELECT to_regclass('replay_shadow') IS NOT NULL"};
static const struct statement FIND = {
    "shadow_find",
    "SELECT s.topic, s.choice, s.whole, s.why_not, s.contract, c.digest, s.made_at, "
    "s.promoted_at IS NOT NULL, s.sku, (to_jsonb(s) ->> 'former_of')::bigint "
    "FROM replay_shadow s JOIN contracts c ON c.id = s.contract"};

/* The contract keeps the id that it has in the live schema: ledger rows name it. */
static const struct statement KEEP_CONTRACT = {
    "shadow_contract", "INSERT INTO contracts (id, digest, body) OVERRIDING SYSTEM VALUE "
                       "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"};
static const struct statement NEXT_CONTRACT = {
    "shadow_next_contract",
    "SELECT setval(pg_get_serial_sequence('contracts', 'id'), $1)"};
static const struct statement MAKE = {
    "shadow_make",
    "INSERT INTO replay_shadow (topic, choice, whole, why_not, contract, sku) "
    "VALUES ($1, $2, $3, $4, $5, $6)"};

static const struct statement ADOPT = {"shadow_adopt",
                                       "UPDATE replay_shadow SET contract = $1"};

static const struct statement ROUND = {
    "shadow_round", "UPDATE replay_shadow SET round = round + $1 RETURNING round"};

static const struct statement PLACE = {
    "shadow_place",
    "INSERT INTO progress AS p (topic, partition, start_offset, next_offset, until_offset) "
    "VALUES ($1, $2, $3, $3, $4) ON CONFLICT (topic, partition) DO UPDATE "
    "SET until_offset = greatest(p.until_offset, excluded.until_offset)"};
static const struct statement PARTS = {
    "shadow_parts",
    "SELECT partition, start_offset, next_offset, until_offset FROM progress "
    "WHERE topic = $1 AND until_offset IS NOT NULL ORDER BY partition LIMIT $2"};
static const struct statement COUNTS = {
    "shadow_counts",
    "SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(applied), 0)::bigint, "
    "coalesce(sum(unchanged), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, "
    "coalesce(sum(stale), 0)::bigint, coalesce(sum(shadowed), 0)::bigint, "
    "coalesce(sum(rekeyed), 0)::bigint, coalesce(sum(rejected), 0)::bigint FROM progress"};

/* ---- the live state ------------------------------------------------------------------------ */

static enum status with_text(struct postgres *postgres, const struct statement *statement,
                             struct span text, struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, text);
    return postgres_query(postgres, statement, &params, rows, error);
}

enum status store_replay_lock(struct postgres *live, struct span shadow,
                              struct error *error)
{
    return with_text(live, &LOCK, shadow, NULL, error);
}

enum status store_replay_unlock(struct postgres *live, struct span shadow,
                                struct error *error)
{
    return with_text(live, &UNLOCK, shadow, NULL, error);
}

enum status store_replay_join(struct postgres *live, struct span shadow, bool *alone_out,
                              struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = with_text(live, &IS_ALONE, shadow, &rows, error);
    if (status != STATUS_OK)
        return status;
    *alone_out = rows_bool(&rows, 0, 0);
    status = with_text(live, &ENTER, shadow, NULL, error);
    if (status == STATUS_OK && *alone_out)
        status = with_text(live, &UNLOCK_WORK, shadow, NULL, error);
    return status;
}

static enum status of_topic(struct postgres *postgres, const struct statement *statement,
                            struct span topic, struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, topic);
    pg_params_int8(&params, REPLAY_PARTS_MAX);
    return postgres_query(postgres, statement, &params, rows, error);
}

enum status store_replay_live(struct postgres *live, struct span topic,
                              struct replay_live_part *parts, size_t *count_out,
                              struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = of_topic(live, &LIVE, topic, &rows, error);
    if (status != STATUS_OK)
        return status;
    *count_out = (size_t)rows.count;
    for (int row = 0; row < rows.count; row++)
        parts[row] =
            (struct replay_live_part){.partition = (int32_t)rows_int(&rows, row, 0),
                                      .first_offset = rows_int(&rows, row, 1),
                                      .next_offset = rows_int(&rows, row, 2)};
    return STATUS_OK;
}

enum status store_replay_past(struct postgres *live, struct span topic,
                              int32_t partitions, struct replay_past *past_out,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, topic);
    pg_params_int4(&params, partitions);
    enum status status = postgres_query(live, &PAST, &params, &rows, error);
    if (status == STATUS_OK)
        *past_out = (struct replay_past){.other_topics = rows_int(&rows, 0, 0),
                                         .partitions = (int32_t)rows_int(&rows, 0, 1)};
    return status;
}

/* ---- a shadow ------------------------------------------------------------------------------ */

static void keep(char *room, size_t size, struct span text)
{
    (void)snprintf(room, size, "%.*s", SPAN_ARGS(text));
}

static void read_facts(const struct rows *rows, struct shadow_facts *facts)
{
    facts->exists = true;
    keep(facts->topic, sizeof(facts->topic), rows_span(rows, 0, 0));
    keep(facts->choice, sizeof(facts->choice), rows_span(rows, 0, 1));
    facts->whole = rows_bool(rows, 0, 2);
    keep(facts->why_not, sizeof(facts->why_not), rows_span(rows, 0, 3));
    facts->contract = (int32_t)rows_int(rows, 0, 4);
    keep(facts->digest, sizeof(facts->digest), rows_span(rows, 0, 5));
    facts->made_at_us = rows_time(rows, 0, 6);
    facts->promoted = rows_bool(rows, 0, 7);
    keep(facts->sku, sizeof(facts->sku), rows_span(rows, 0, 8));
    facts->former_of = rows_int(rows, 0, 9);
}

enum status store_shadow_find(struct postgres *shadow, struct shadow_facts *facts_out,
                              struct error *error)
{
    SCOPED(rows_release) struct rows made = {0};
    SCOPED(rows_release) struct rows rows = {0};
    *facts_out = (struct shadow_facts){0};
    enum status status = postgres_query(shadow, &IS_MADE, NULL, &made, error);
    if (status != STATUS_OK || !rows_bool(&made, 0, 0))
        return status;
    status = postgres_query(shadow, &FIND, NULL, &rows, error);
    if (status == STATUS_OK && rows.count == 1)
        read_facts(&rows, facts_out);
    return status;
}

/* The contract, and then the statement, which wants its id. */
static enum status keep_contract(struct postgres *shadow,
                                 const struct shadow_facts *facts, struct span text,
                                 const struct statement *then, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int4(&params, facts->contract);
    pg_params_text(&params, span_from(facts->digest));
    pg_params_text(&params, text);
    enum status status = postgres_query(shadow, &KEEP_CONTRACT, &params, NULL, error);
    if (status != STATUS_OK)
        return status;
    pg_params_clear(&params);
    pg_params_int8(&params, facts->contract);
    return postgres_query(shadow, then, &params, NULL, error);
}

enum status store_shadow_adopt(struct postgres *shadow, const struct shadow_facts *facts,
                               struct span text, struct error *error)
{
    return keep_contract(shadow, facts, text, &ADOPT, error);
}

enum status store_shadow_make(struct postgres *shadow, const struct shadow_facts *facts,
                              struct span text, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    enum status status = keep_contract(shadow, facts, text, &NEXT_CONTRACT, error);
    if (status != STATUS_OK)
        return status;
    pg_params_init(&params);
    pg_params_text(&params, span_from(facts->topic));
    pg_params_text(&params, span_from(facts->choice));
    pg_params_bool(&params, facts->whole);
    pg_params_text(&params, span_from(facts->why_not));
    pg_params_int4(&params, facts->contract);
    pg_params_text(&params, span_from(facts->sku));
    return postgres_query(shadow, &MAKE, &params, NULL, error);
}

enum status store_shadow_round(struct postgres *shadow, bool is_new, int64_t *round_out,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_int8(&params, is_new ? 1 : 0);
    enum status status = postgres_query(shadow, &ROUND, &params, &rows, error);
    if (status == STATUS_OK && rows.count == 1)
        *round_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_shadow_place(struct postgres *shadow, struct span topic,
                               const struct shadow_part *part, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, topic);
    pg_params_int4(&params, part->partition);
    pg_params_int8(&params, part->first_offset);
    pg_params_int8(&params, part->until_offset);
    return postgres_query(shadow, &PLACE, &params, NULL, error);
}

enum status store_shadow_parts(struct postgres *shadow, struct span topic,
                               struct shadow_part *parts, size_t *count_out,
                               struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = of_topic(shadow, &PARTS, topic, &rows, error);
    if (status != STATUS_OK)
        return status;
    *count_out = (size_t)rows.count;
    for (int row = 0; row < rows.count; row++)
        parts[row] = (struct shadow_part){.partition = (int32_t)rows_int(&rows, row, 0),
                                          .first_offset = rows_int(&rows, row, 1),
                                          .next_offset = rows_int(&rows, row, 2),
                                          .until_offset = rows_int(&rows, row, 3)};
    return STATUS_OK;
}

enum status store_shadow_counts(struct postgres *shadow, struct shadow_counts *counts_out,
                                struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(shadow, &COUNTS, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    counts_out->read = rows_int(&rows, 0, 0);
    for (int outcome = 0; outcome < (int)COUNT_OF(counts_out->outcomes); outcome++)
        counts_out->outcomes[outcome] = rows_int(&rows, 0, 1 + outcome);
    return STATUS_OK;
}
