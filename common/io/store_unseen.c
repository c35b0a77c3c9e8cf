#include "common/io/store_unseen.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"

#define QUESTIONS_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Kinds by number as in common/domain/unseen.h. */
static const struct statement UNSEEN = {
    "unseen",
    "SELECT q.n, u.shop,"
    " coalesce(sum(u.units) FILTER (WHERE u.kind = 1 AND u.units > 0), 0)::bigint,"
    " coalesce(-sum(u.units) FILTER (WHERE u.kind = 1 AND u.units < 0), 0)::bigint,"
    " coalesce(sum(u.units) FILTER (WHERE u.kind = 2), 0)::bigint,"
    " coalesce(sum(u.units) FILTER (WHERE u.kind = 1 AND u.units > 0"
    " AND u.at > s.shown_at), 0)::bigint"
    " FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY"
    " AS q (sku, location, at, n) JOIN shop_units u ON u.sku = q.sku"
    " AND u.location IN (q.location, '') AND u.at > q.at"
    " LEFT JOIN shop_levels s ON s.shop = u.shop AND s.sku = q.sku"
    " AND s.location = q.location GROUP BY q.n, u.shop"};

static bool add_questions(struct pg_params *params, struct pool *pool,
                          const struct unseen_question *questions, size_t count)
{
    struct span *skus = pool_take(pool, count * sizeof(*skus));
    struct span *locations = pool_take(pool, count * sizeof(*locations));
    int64_t *times = pool_take(pool, count * sizeof(*times));
    if (skus == NULL || locations == NULL || times == NULL)
        return false;
    for (size_t at = 0; at < count; at++) {
        skus[at] = questions[at].place.sku;
        locations[at] = questions[at].place.location;
        times[at] = questions[at].after_us;
    }
    pg_params_text_array(params, skus, count);
    pg_params_text_array(params, locations, count);
    pg_params_time_array(params, times, NULL, count);
    return true;
}

static void take_row(const struct contract *contract,
                     const struct unseen_question *questions, const struct rows *rows,
                     int row)
{
    int shop = contract_shop(contract, rows_span(rows, row, 1));
    if (shop < 0)
        return; /* the contract no longer has it: nothing is sold there by us */
    questions[rows_int(rows, row, 0) - 1].units[shop] =
        (struct shop_units){.ordered = rows_int(rows, row, 2),
                            .cancelled = rows_int(rows, row, 3),
                            .gone = rows_int(rows, row, 4),
                            .recent = rows_int(rows, row, 5)};
}

enum status store_unseen(struct postgres *postgres, const struct contract *contract,
                         const struct unseen_question *questions, size_t count,
                         struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(pool_free) struct pool pool;
    pg_params_init(&params);
    pool_init(&pool, QUESTIONS_BYTES_MAX);
    for (size_t at = 0; at < count; at++)
        memset(questions[at].units, 0,
               contract->shop_count * sizeof(*questions[at].units));
    if (count == 0)
        return STATUS_OK;
    if (!add_questions(&params, &pool, questions, count))
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    enum status status = postgres_query(postgres, &UNSEEN, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++)
        take_row(contract, questions, &rows, row);
    return status;
}
