#include "common/io/store_letters.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/judge.h"

#define SPANS_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* ---- what was sent again ------------------------------------------------------------------ */

static const struct statement RETRIED = {
    "letters_retried",
    "SELECT DISTINCT partition, record_offset FROM letter_retries WHERE topic = $1"};

static const struct statement TRIES = {
    "letters_tries",
    "SELECT partition, record_offset, attempt, at, actor, why, is_edited, state,"
    " digest_received, digest_sent, expected FROM letter_retries WHERE topic = $1"
    " AND partition = $2 AND record_offset = $3 ORDER BY attempt DESC, at DESC"};

static const struct statement COMMAND = {"letters_command",
                                         "SELECT nextval('letter_commands')"};

static const struct statement INTEND = {
    "letters_intend",
    "INSERT INTO letter_retries (topic, partition, record_offset, attempt, sku,"
    " origin_topic, origin_partition, origin_offset, reason, expected, is_forced,"
    " is_edited, digest_received, digest_sent, actor, why, command, location)"
    " SELECT $1, $2, $3,"
    " coalesce((SELECT max(attempt) FROM letter_retries WHERE topic = $1"
    " AND partition = $2 AND record_offset = $3), 0) + 1, $4, $5, $6, $7, $8, $9, $10,"
    " $11, $12, $13, $14, $15, $16, $17 RETURNING attempt"};

static const struct statement SENT = {
    "letters_sent", "UPDATE letter_retries SET state = 'sent' WHERE topic = $1"
                    " AND partition = $2 AND record_offset = $3 AND attempt = $4"
                    " AND sku = $5"};

struct letter_ref store_letters_ref(const struct rows *row)
{
    return (struct letter_ref){.partition = (int32_t)rows_int(row, 0, 0),
                               .offset = rows_int(row, 0, 1)};
}

enum status store_letters_retried(struct postgres *postgres, struct span topic,
                                  const struct row_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, topic);
    return postgres_stream(postgres, &RETRIED, &params, visitor, error);
}

static enum status read_try(void *self, const struct rows *row, struct error *error)
{
    const struct letter_retry_visitor *visitor = self;
    const struct letter_retry_view view = {.ref = store_letters_ref(row),
                                           .attempt = rows_int(row, 0, 2),
                                           .at_us = rows_time(row, 0, 3),
                                           .actor = rows_span(row, 0, 4),
                                           .why = rows_span(row, 0, 5),
                                           .is_edited = rows_bool(row, 0, 6),
                                           .state = rows_span(row, 0, 7),
                                           .digest_received = rows_span(row, 0, 8),
                                           .digest_sent = rows_span(row, 0, 9),
                                           .expected = rows_span(row, 0, 10)};
    return visitor->each(visitor->self, &view, error);
}

static void add_ref(struct pg_params *params, struct span topic, struct letter_ref ref)
{
    pg_params_init(params);
    pg_params_text(params, topic);
    pg_params_int4(params, ref.partition);
    pg_params_int8(params, ref.offset);
}

enum status store_letters_tries(struct postgres *postgres, struct span topic,
                                struct letter_ref ref,
                                const struct letter_retry_visitor *visitor,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct letter_retry_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_try, .self = &copy};
    add_ref(&params, topic, ref);
    return postgres_stream(postgres, &TRIES, &params, &reader, error);
}

enum status store_letters_command(struct postgres *postgres, int64_t *command_out,
                                  struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &COMMAND, NULL, &rows, error);
    if (status == STATUS_OK)
        *command_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_letters_intend(struct postgres *postgres,
                                 const struct letter_retry *retry, int64_t *attempt_out,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    add_ref(&params, retry->topic, retry->ref);
    pg_params_text(&params, retry->sku);
    pg_params_text(&params, retry->origin_topic);
    pg_params_int8(&params, retry->origin_partition);
    pg_params_int8(&params, retry->origin_offset);
    pg_params_text(&params, retry->reason);
    pg_params_text(&params, retry->expected);
    pg_params_bool(&params, retry->is_forced);
    pg_params_bool(&params, retry->is_edited);
    pg_params_text(&params, span_from(retry->digest_received));
    pg_params_text(&params, span_from(retry->digest_sent));
    pg_params_text(&params, retry->actor);
    pg_params_text(&params, retry->why);
    pg_params_int8(&params, retry->command);
    pg_params_text(&params, retry->location);
    enum status status = postgres_query(postgres, &INTEND, &params, &rows, error);
    if (status == STATUS_OK)
        *attempt_out = rows_int(&rows, 0, 0);
    return status;
}

enum status store_letters_sent(struct postgres *postgres,
                               const struct letter_retry *retry, int64_t attempt,
                               struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    add_ref(&params, retry->topic, retry->ref);
    pg_params_int4(&params, (int32_t)attempt);
    pg_params_text(&params, retry->sku);
    return postgres_query(postgres, &SENT, &params, NULL, error);
}

/* ---- what apply would find ------------------------------------------------------------------ */

/* Entries of 24 bytes, see common/codec/key_run.h. One pass over the ledger, however many are
 * asked for. */
static const struct statement KEYS = {
    "letters_keys",
    "SELECT k.n, ('x' || encode(substring(l.keys FROM e.at * 24 + 17 FOR 8), 'hex'))"
    "::bit(64)::bigint FROM ledger l CROSS JOIN LATERAL generate_series(0, l.entries - 1)"
    " AS e (at) JOIN unnest($1::bytea[]) WITH ORDINALITY AS k (key, n)"
    " ON substring(l.keys FROM e.at * 24 + 1 FOR 16) = k.key"};

static const struct statement READINGS = {
    "letters_readings",
    "SELECT source, count, counted_at, version, adjusted, adjusted_at,"
    " sees_orders_until FROM source_readings WHERE sku = $1 AND location = $2"};

static const struct statement LEVEL = {
    "letters_level", "SELECT source, quantity, occurred_at, version FROM levels"
                     " WHERE sku = $1 AND location = $2"};

static const struct statement LATER = {
    "letters_later", "SELECT coalesce(sum(quantity), 0)::bigint FROM adjustments"
                     " WHERE sku = $1 AND location = $2 AND source = $3"
                     " AND occurred_at > $4"};

enum status store_letters_keys(struct postgres *postgres, struct letter_key *keys,
                               size_t count, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pool_free) struct pool pool;
    pg_params_init(&params);
    pool_init(&pool, SPANS_BYTES_MAX);
    struct span *spans = pool_take(&pool, (count + 1) * sizeof(*spans));
    if (spans == NULL)
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    for (size_t at = 0; at < count; at++) {
        spans[at] = (struct span){(const char *)keys[at].key, EVENT_KEY_BYTES};
        keys[at].is_known = false;
    }
    pg_params_bytea_array(&params, spans, count);
    enum status status = postgres_query(postgres, &KEYS, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        size_t at = (size_t)rows_int(&rows, row, 0) - 1;
        ASSERT(at < count);
        keys[at].is_known = true;
        keys[at].fingerprint = rows_int(&rows, row, 1);
    }
    return status;
}

static int slot_of(const struct contract *contract, struct span name)
{
    int source = contract_source(contract, name);
    int shop = contract_shop(contract, name);
    if (source >= 0)
        return source;
    return shop >= 0 ? (int)contract->source_count + shop : -1;
}

static struct reading reading_at(const struct rows *rows, int row)
{
    return (struct reading){.exists = true,
                            .has_count = !rows_is_null(rows, row, 1),
                            .count = rows_int(rows, row, 1),
                            .counted_at_us = rows_time(rows, row, 2),
                            .has_version = !rows_is_null(rows, row, 3),
                            .version = rows_int(rows, row, 3),
                            .adjusted = rows_int(rows, row, 4),
                            .has_adjusted = !rows_is_null(rows, row, 5),
                            .adjusted_at_us = rows_time(rows, row, 5),
                            .has_sees_orders_until = !rows_is_null(rows, row, 6),
                            .sees_orders_until_us = rows_time(rows, row, 6)};
}

static void add_place(struct pg_params *params, const struct event *event)
{
    pg_params_init(params);
    pg_params_text(params, event->sku);
    pg_params_text(params, event->location_code);
}

enum status store_letters_place(struct postgres *postgres,
                                const struct contract *contract,
                                const struct event *event,
                                struct letter_place_state *state, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows readings = {0};
    SCOPED(rows_release) struct rows levels = {0};
    add_place(&params, event);
    state->level = (struct level){.source = -1};
    enum status status = postgres_query(postgres, &READINGS, &params, &readings, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &LEVEL, &params, &levels, error);
    for (int row = 0; status == STATUS_OK && row < readings.count; row++) {
        int slot = slot_of(contract, rows_span(&readings, row, 0));
        if (slot >= 0)
            state->readings[slot] = reading_at(&readings, row);
    }
    if (status == STATUS_OK && levels.count > 0)
        state->level =
            (struct level){.exists = true,
                           .source = contract_source(contract, rows_span(&levels, 0, 0)),
                           .quantity = rows_int(&levels, 0, 1),
                           .occurred_at_us = rows_time(&levels, 0, 2),
                           .has_version = !rows_is_null(&levels, 0, 3),
                           .version = rows_int(&levels, 0, 3)};
    return status;
}

enum status store_letters_later(struct postgres *postgres, const struct event *event,
                                int64_t *sum_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    add_place(&params, event);
    pg_params_text(&params, event->source_name);
    pg_params_time(&params, true, event->occurred_at_us);
    enum status status = postgres_query(postgres, &LATER, &params, &rows, error);
    *sum_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}
