#include "common/io/store_seal.h"

#include "common/base/pool.h"
#include "common/base/scope.h"

/* One a schema: a database may hold several. */
#define LOCK_KEY "hashtextextended('seal ' || current_schema(), 0)"
static const struct statement LOCK = {"seal_lock",
                                      "SELECT pg_advisory_lock(" LOCK_KEY ")"};
static const struct statement UNLOCK = {"seal_unlock",
                                        "SELECT pg_advisory_unlock(" LOCK_KEY ")"};

#define DAY_OF(time) "floor(extract(epoch FROM " time ") / 86400)::bigint"

static const struct statement FIND = {
    "seal_find", "SELECT (SELECT max(last_day) - date '1970-01-01' FROM ledger_seals),"
                 " CASE WHEN NOT EXISTS (SELECT FROM ledger_seals)"
                 " THEN (SELECT " DAY_OF("min(judged_at)") " FROM ledger) END,"
                                                           " clock_timestamp()"};

/* $1, $2: the moments at which the days begin and end. */
static const struct statement PAGES = {
    "seal_pages",
    "SELECT " DAY_OF(
        "judged_at") " AS day, topic, partition, next_offset,"
                     " entries::bigint, sha256(convert_to(concat_ws('|', partitions, first_offset,"
                     " next_offset, (extract(epoch FROM judged_at) * 1000000)::bigint, contract, entries),"
                     " 'UTF8') || keys || convert_to(lines, 'UTF8')) AS digest FROM ledger"
                     " WHERE judged_at >= $1 AND judged_at < $2"
                     " ORDER BY 1, topic COLLATE \"C\", partition, next_offset, judged_at, digest"};

static const struct statement PUT_PARTS = {
    "seal_put_parts",
    "INSERT INTO ledger_seal_parts (day, topic, partition, pages, entries, stretches,"
    " digest) SELECT date '1970-01-01' + u.day, u.topic, u.partition, u.pages, u.entries,"
    " u.stretches, u.digest FROM (VALUES ($1::int, $2::text, $3::int, $4::bigint,"
    " $5::bigint, $6::text, $7::text))"
    " AS u (day, topic, partition, pages, entries, stretches, digest)"};

static const struct statement LAST = {
    "seal_last", "SELECT seal FROM ledger_seals ORDER BY first_day DESC LIMIT 1"};

static const struct statement PUT = {
    "seal_put",
    "INSERT INTO ledger_seals (first_day, last_day, pages, entries, digest, previous, seal)"
    " VALUES (date '1970-01-01' + $1::int, date '1970-01-01' + $2::int, $3, $4, $5, $6,"
    " $7)"};

/* ---- finding ------------------------------------------------------------------------------ */

enum status store_seal_lock(struct postgres *postgres, struct error *error)
{
    return postgres_query(postgres, &LOCK, NULL, NULL, error);
}

enum status store_seal_unlock(struct postgres *postgres, struct error *error)
{
    return postgres_query(postgres, &UNLOCK, NULL, NULL, error);
}

enum status store_seal_find(struct postgres *postgres, struct seal_question *question_out,
                            struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &FIND, NULL, &rows, error);
    if (status != STATUS_OK)
        return status;
    *question_out = (struct seal_question){.has_sealed = !rows_is_null(&rows, 0, 0),
                                           .sealed_day = (int32_t)rows_int(&rows, 0, 0),
                                           .has_oldest = !rows_is_null(&rows, 0, 1),
                                           .oldest_day = (int32_t)rows_int(&rows, 0, 1),
                                           .now_us = rows_time(&rows, 0, 2)};
    return STATUS_OK;
}

/* ---- adding up ---------------------------------------------------------------------------- */

struct adding {
    struct seal_sum sum;
    const struct seal_part_visitor *visitor;
};

static enum status end_part(struct adding *adding, struct error *error)
{
    struct seal_part part;
    if (!seal_sum_end(&adding->sum, &part))
        return STATUS_OK;
    return adding->visitor->each(adding->visitor->self, &part, error);
}

static enum status add_page(void *self, const struct rows *row, struct error *error)
{
    struct adding *adding = self;
    const struct seal_page page = {.day = (int32_t)rows_int(row, 0, 0),
                                   .topic = rows_span(row, 0, 1),
                                   .partition = (int32_t)rows_int(row, 0, 2),
                                   .next_offset = rows_int(row, 0, 3),
                                   .entries = rows_int(row, 0, 4),
                                   .digest = rows_span(row, 0, 5)};
    enum status status = STATUS_OK;
    if (seal_sum_is_next(&adding->sum, &page))
        status = end_part(adding, error);
    if (status != STATUS_OK || seal_sum_add(&adding->sum, &page))
        return status;
    return error_set(error, STATUS_FATAL, "seal: out of memory");
}

enum status store_seal_pages(struct postgres *postgres, const struct seal_span *span,
                             const struct seal_part_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct adding adding = {.visitor = visitor};
    const struct row_visitor reader = {.each = add_page, .self = &adding};
    enum status status = STATUS_OK;
    pg_params_init(&params);
    pg_params_time(&params, true, span->first_day * RETENTION_DAY_US);
    pg_params_time(&params, true, (span->last_day + 1) * RETENTION_DAY_US);
    if (!seal_sum_open(&adding.sum))
        status = error_set(error, STATUS_FATAL, "seal: out of memory");
    if (status == STATUS_OK)
        status = postgres_stream(postgres, &PAGES, &params, &reader, error);
    if (status == STATUS_OK)
        status = end_part(&adding, error);
    seal_sum_close(&adding.sum);
    return status;
}

/* ---- making ------------------------------------------------------------------------------- */

#define PARTS_BYTES_MAX ((size_t)512 * 1024 * 1024)

/* Parts wait in memory until their pages have passed: a connection does one thing at a
 * time. */
struct kept_part {
    struct kept_part *next;
    struct seal_part part;
};

struct making {
    struct pool *pool;
    struct digest *digest; /* of the span */
    struct kept_part *first;
    struct kept_part **end;
    struct seal seal;
};

static enum status keep_part(void *self, const struct seal_part *part,
                             struct error *error)
{
    struct making *making = self;
    struct kept_part *kept = pool_take(making->pool, sizeof(*kept));
    if (kept == NULL)
        return error_set(error, STATUS_FATAL, "seal: out of memory");
    *kept = (struct kept_part){.part = *part};
    kept->part.topic = pool_span(making->pool, part->topic);
    kept->part.stretches = pool_span(making->pool, part->stretches);
    if (kept->part.topic.bytes == NULL || kept->part.stretches.bytes == NULL)
        return error_set(error, STATUS_FATAL, "seal: out of memory");
    *making->end = kept;
    making->end = &kept->next;
    making->seal.pages += part->pages;
    making->seal.entries += part->entries;
    seal_span_add(making->digest, part);
    return STATUS_OK;
}

static enum status put_parts(struct postgres *postgres, const struct making *making,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    enum status status = STATUS_OK;
    pg_params_init(&params);
    for (const struct kept_part *kept = making->first;
         kept != NULL && status == STATUS_OK; kept = kept->next) {
        const struct seal_part *part = &kept->part;
        pg_params_clear(&params);
        pg_params_int4(&params, part->day);
        pg_params_text(&params, part->topic);
        pg_params_int4(&params, part->partition);
        pg_params_int8(&params, part->pages);
        pg_params_int8(&params, part->entries);
        pg_params_text(&params, part->stretches);
        pg_params_text(&params, span_from(part->digest));
        status = postgres_query(postgres, &PUT_PARTS, &params, NULL, error);
    }
    return status;
}

static enum status put_seal(struct postgres *postgres, struct making *making,
                            struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows last = {0};
    char of_span[SEAL_HEX_MAX];
    char hex[SEAL_HEX_MAX];
    struct seal *seal = &making->seal;
    digest_end_hex(making->digest, DIGEST_BYTES, of_span);
    seal->digest = span_from(of_span);
    enum status status = postgres_query(postgres, &LAST, NULL, &last, error);
    if (status != STATUS_OK)
        return status;
    seal->previous = last.count > 0 ? rows_span(&last, 0, 0) : SPAN_OF("");
    seal_digest(making->digest, seal, hex);
    pg_params_init(&params);
    pg_params_int4(&params, seal->span.first_day);
    pg_params_int4(&params, seal->span.last_day);
    pg_params_int8(&params, seal->pages);
    pg_params_int8(&params, seal->entries);
    pg_params_text(&params, seal->digest);
    pg_params_text(&params, seal->previous);
    pg_params_text(&params, span_from(hex));
    return postgres_query(postgres, &PUT, &params, NULL, error);
}

static enum status make(struct postgres *postgres, struct making *making,
                        struct error *error)
{
    const struct seal_part_visitor visitor = {.each = keep_part, .self = making};
    struct error ignored;
    digest_begin(making->digest);
    enum status status =
        postgres_script(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ", error);
    if (status != STATUS_OK)
        return status;
    status = store_seal_pages(postgres, &making->seal.span, &visitor, error);
    if (status == STATUS_OK)
        status = put_parts(postgres, making, error);
    if (status == STATUS_OK)
        status = put_seal(postgres, making, error);
    if (status == STATUS_OK)
        return postgres_script(postgres, "COMMIT", error);
    if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

enum status store_seal_make(struct postgres *postgres, const struct seal_span *span,
                            struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    SCOPED(digest_free) struct digest *digest = digest_new();
    struct making making = {.pool = &pool, .digest = digest, .seal = {.span = *span}};
    pool_init(&pool, PARTS_BYTES_MAX);
    making.end = &making.first;
    if (digest == NULL)
        return error_set(error, STATUS_FATAL, "seal: out of memory");
    return make(postgres, &making, error);
}
