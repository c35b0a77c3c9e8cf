#include "common/io/store_replay_compare.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#define TIME_TEXT(column) "coalesce(extract(epoch FROM " column ")::text, '-')"
#define OF_SKU "coalesce(current_setting('parstock.only_sku', true), '') IN ('', sku)"

#define READING_TIMES                                                                    \
    TIME_TEXT("counted_at")                                                              \
    ", " TIME_TEXT("adjusted_at") ", " TIME_TEXT("sees_orders_until")

struct table {
    const char *name;
    const char *declare;
    struct statement fetch;
};

/* Undecided pairs have no number: whoever writes them decides it. */
static const struct table TABLES[COMPARED_COUNT] = {
    [COMPARED_LEVELS] =
        {"levels",
         "DECLARE compare_levels NO SCROLL CURSOR FOR SELECT sku, location, '' AS part, "
         "quantity, source, concat_ws(' ', " TIME_TEXT(
             "occurred_at") ", version) "
                            "FROM levels WHERE " OF_SKU
                            " ORDER BY sku COLLATE \"C\", location COLLATE \"C\"",
         {"compare_levels", "FETCH 4000 FROM compare_levels"}},
    [COMPARED_READINGS] =
        {"readings",
         "DECLARE compare_readings NO SCROLL CURSOR FOR SELECT sku, location, "
         "source AS part, coalesce(count, 0) + adjusted, '' AS source, "
         "concat_ws(' ', coalesce(count::text, '-'), coalesce(version::text, '-'), "
         "adjusted, " READING_TIMES ") FROM source_readings WHERE " OF_SKU
         " ORDER BY sku COLLATE \"C\", location COLLATE \"C\", source COLLATE \"C\"",
         {"compare_readings", "FETCH 4000 FROM compare_readings"}},
    [COMPARED_DESIRED] =
        {"desired",
         "DECLARE compare_desired NO SCROLL CURSOR FOR SELECT sku, location, shop AS part, "
         "CASE WHEN NOT undecided THEN desired END, '' AS source, "
         "CASE WHEN undecided THEN 'undecided' ELSE '' END FROM shop_levels "
         "WHERE (desired IS NOT NULL OR undecided) AND " OF_SKU
         " ORDER BY sku COLLATE \"C\", location COLLATE \"C\", shop COLLATE \"C\"",
         {"compare_desired", "FETCH 4000 FROM compare_desired"}},
};

static const struct statement ONLY_SKU = {
    "compare_only_sku", "SELECT set_config('parstock.only_sku', coalesce($1, ''), true)"};

const char *compared_name(enum compared what)
{
    ASSERT(what < COMPARED_COUNT);
    return TABLES[what].name;
}

enum status store_compare_begin(struct postgres *postgres, struct span sku,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    enum status status = postgres_script(
        postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", error);
    if (status != STATUS_OK)
        return status;
    pg_params_init(&params);
    pg_params_text(&params, sku);
    return postgres_query(postgres, &ONLY_SKU, &params, NULL, error);
}

enum status store_compare_open(struct postgres *postgres, enum compared what,
                               struct error *error)
{
    ASSERT(what < COMPARED_COUNT);
    return postgres_script(postgres, TABLES[what].declare, error);
}

enum status store_compare_fetch(struct postgres *postgres, enum compared what,
                                struct rows *rows, struct error *error)
{
    ASSERT(what < COMPARED_COUNT);
    return postgres_query(postgres, &TABLES[what].fetch, NULL, rows, error);
}

struct compared_row store_compare_row(const struct rows *rows, int row)
{
    return (struct compared_row){.sku = rows_span(rows, row, 0),
                                 .location = rows_span(rows, row, 1),
                                 .part = rows_span(rows, row, 2),
                                 .has_number = !rows_is_null(rows, row, 3),
                                 .number = rows_int(rows, row, 3),
                                 .source = rows_span(rows, row, 4),
                                 .rest = rows_span(rows, row, 5)};
}

enum status store_compare_end(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres, "COMMIT", error);
}
