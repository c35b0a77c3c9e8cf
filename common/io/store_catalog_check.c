#include "common/io/store_catalog_check.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

#define REFUSED "LIKE 'quarantined%'"
#define IS_INACTIVE "fault = 'not_stocked' AND shown IS NOT NULL"

/* Excluded SKUs are left alone on purpose; a bundle parent has no stock of its own. */
#define HAS_NO_LEVEL                                                                     \
    "i.tracked AND i.sku <> '' AND NOT i.bundle"                                         \
    " AND NOT EXISTS (SELECT 1 FROM levels r WHERE r.sku = i.sku)"                       \
    " AND NOT EXISTS (SELECT 1 FROM unnest($2::text[]) x (sku) WHERE x.sku = i.sku)"

static const struct statement REPORT_ITEMS = {
    "catalog_report_items",
    "SELECT (SELECT max(finished_at) FROM catalog_runs WHERE shop = $1), count(*),"
    " count(*) FILTER (WHERE sku = ''), count(*) FILTER (WHERE NOT tracked),"
    " count(*) FILTER (WHERE duplicate), count(*) FILTER (WHERE bundle),"
    " count(*) FILTER (WHERE continues) FROM shop_items WHERE shop = $1"};

static const struct statement REPORT_WITHOUT_LEVEL = {
    "catalog_report_without_level",
    "SELECT count(*) FROM shop_items i WHERE i.shop = $1 AND " HAS_NO_LEVEL};

/* Every pair that a source has spoken of. Which of several items is meant, nobody knows. */
#define PAIRS_JUDGED                                                                     \
    " FROM (SELECT l.sku, l.location, CASE WHEN i.n = 1 THEN i.item END AS item,"        \
    " l.shown, l.fault AS old_fault, " PAIR_FAULT " AS fault" PAIRS_BESIDE               \
    " AND l.desired IS NOT NULL) f"

static const struct statement REPORT_PAIRS = {
    "catalog_report_pairs",
    "SELECT count(*) FILTER (WHERE fault = '' AND old_fault NOT " REFUSED "),"
    " count(*) FILTER (WHERE fault = 'unmapped'),"
    " count(*) FILTER (WHERE fault = 'duplicate_sku'),"
    " count(*) FILTER (WHERE fault = 'bundle'),"
    " count(*) FILTER (WHERE fault = 'untracked'),"
    " count(*) FILTER (WHERE fault = 'not_stocked'),"
    " count(*) FILTER (WHERE " IS_INACTIVE "),"
    " count(*) FILTER (WHERE fault = '' AND old_fault " REFUSED ")" PAIRS_JUDGED};

/* $2: excluded SKUs, $3: how many. */
#define ITEMS_WHERE(condition)                                                           \
    "SELECT i.sku, NULL::text, i.item, nullif(i.raw_sku, i.sku) FROM shop_items i"       \
    " WHERE i.shop = $1 AND " condition                                                  \
    " ORDER BY i.sku COLLATE \"C\", i.item COLLATE \"C\" LIMIT $3"

/* $2, $3: places, $4: how many. */
#define PAIRS_WHERE(condition, detail)                                                   \
    "SELECT f.sku, f.location, f.item, " detail PAIRS_JUDGED " WHERE " condition         \
    " ORDER BY f.sku COLLATE \"C\", f.location COLLATE \"C\" LIMIT $4"

#define NO_DETAIL "NULL::text"

static const struct statement OFFENDERS[CATALOG_LINE_COUNT] = {
    [CATALOG_ITEMS_WITHOUT_SKU] = {"catalog_without_sku", ITEMS_WHERE("i.sku = ''")},
    [CATALOG_ITEMS_UNTRACKED] = {"catalog_untracked", ITEMS_WHERE("NOT i.tracked")},
    [CATALOG_ITEMS_DUPLICATE] = {"catalog_duplicate", ITEMS_WHERE("i.duplicate")},
    [CATALOG_ITEMS_BUNDLE] = {"catalog_bundle", ITEMS_WHERE("i.bundle")},
    [CATALOG_ITEMS_CONTINUE] = {"catalog_continue", ITEMS_WHERE("i.continues")},
    [CATALOG_ITEMS_WITHOUT_LEVEL] = {"catalog_without_level", ITEMS_WHERE(HAS_NO_LEVEL)},
    [CATALOG_PAIRS_UNMAPPED] = {"catalog_pairs_unmapped",
                                PAIRS_WHERE("f.fault = 'unmapped'", NO_DETAIL)},
    [CATALOG_PAIRS_DUPLICATE] = {"catalog_pairs_duplicate",
                                 PAIRS_WHERE("f.fault = 'duplicate_sku'", NO_DETAIL)},
    [CATALOG_PAIRS_BUNDLE] = {"catalog_pairs_bundle",
                              PAIRS_WHERE("f.fault = 'bundle'", NO_DETAIL)},
    [CATALOG_PAIRS_UNTRACKED] = {"catalog_pairs_untracked",
                                 PAIRS_WHERE("f.fault = 'untracked'", NO_DETAIL)},
    [CATALOG_PAIRS_NOT_STOCKED] =
        {"catalog_pairs_not_stocked",
         PAIRS_WHERE("f.fault = 'not_stocked'",
                     "CASE WHEN f.shown IS NULL THEN 'no level' ELSE 'inactive' END")},
    [CATALOG_PAIRS_INACTIVE] = {"catalog_pairs_inactive",
                                PAIRS_WHERE(IS_INACTIVE, NO_DETAIL)},
    [CATALOG_PAIRS_QUARANTINED] = {"catalog_pairs_quarantined",
                                   PAIRS_WHERE("f.fault = '' AND f.old_fault " REFUSED,
                                               "f.old_fault")},
};

static const struct statement ITEMS = {
    "catalog_items",
    "SELECT sku, item, array_to_string(tags, E'\n'), price_micros FROM shop_items"
    " WHERE shop = $1 ORDER BY sku COLLATE \"C\", item COLLATE \"C\""};

bool store_catalog_names(enum catalog_line line)
{
    ASSERT((unsigned)line < CATALOG_LINE_COUNT);
    return OFFENDERS[line].sql != NULL;
}

static bool is_of_pairs(enum catalog_line line)
{
    return line >= CATALOG_PAIRS_READY;
}

static void add_question(struct pg_params *params,
                         const struct catalog_question *question, bool of_pairs)
{
    pg_params_text(params, question->shop);
    if (of_pairs) {
        pg_params_text_array(params, question->places->codes, question->places->count);
        pg_params_text_array(params, question->places->gids, question->places->count);
    } else {
        pg_params_text_array(params, question->excluded, question->excluded_count);
    }
}

static void take_counts(const struct rows *rows, int column, enum catalog_line from,
                        enum catalog_line to, struct catalog_report *report)
{
    for (int line = (int)from; line <= (int)to; line++)
        report->counts[line] = rows_int(rows, 0, column++);
}

static enum status report_items(struct postgres *postgres,
                                const struct catalog_question *question,
                                struct catalog_report *report, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params shop;
    SCOPED(pg_params_free) struct pg_params excluded;
    SCOPED(rows_release) struct rows items = {0};
    SCOPED(rows_release) struct rows without = {0};
    pg_params_init(&shop);
    pg_params_init(&excluded);
    pg_params_text(&shop, question->shop);
    add_question(&excluded, question, false);
    enum status status = postgres_query(postgres, &REPORT_ITEMS, &shop, &items, error);
    if (status == STATUS_OK)
        status =
            postgres_query(postgres, &REPORT_WITHOUT_LEVEL, &excluded, &without, error);
    if (status != STATUS_OK)
        return status;
    report->synced_at_us = rows_time(&items, 0, 0);
    take_counts(&items, 1, CATALOG_ITEMS, CATALOG_ITEMS_CONTINUE, report);
    report->counts[CATALOG_ITEMS_WITHOUT_LEVEL] = rows_int(&without, 0, 0);
    return STATUS_OK;
}

enum status store_catalog_report(struct postgres *postgres,
                                 const struct catalog_question *question,
                                 struct catalog_report *report, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    add_question(&params, question, true);
    enum status status = report_items(postgres, question, report, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &REPORT_PAIRS, &params, &rows, error);
    if (status == STATUS_OK)
        take_counts(&rows, 0, CATALOG_PAIRS_READY, CATALOG_PAIRS_QUARANTINED, report);
    return status;
}

enum status store_catalog_offenders(struct postgres *postgres,
                                    const struct catalog_question *question,
                                    enum catalog_line line,
                                    const struct catalog_visitor *visitor,
                                    struct error *error)
{
    ASSERT(store_catalog_names(line) && question->limit >= 0);
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    add_question(&params, question, is_of_pairs(line));
    pg_params_int8(&params, question->limit);
    enum status status =
        postgres_query(postgres, &OFFENDERS[line], &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        const struct catalog_offender offender = {.sku = rows_span(&rows, row, 0),
                                                  .location = rows_span(&rows, row, 1),
                                                  .item = rows_span(&rows, row, 2),
                                                  .detail = rows_span(&rows, row, 3)};
        visitor->each(visitor->self, &offender);
    }
    return status;
}

static enum status read_item(void *self, const struct rows *row, struct error *error)
{
    const struct catalog_item_visitor *visitor = self;
    const struct catalog_item item = {.sku = rows_span(row, 0, 0),
                                      .item = rows_span(row, 0, 1),
                                      .tags = rows_span(row, 0, 2),
                                      .has_price = !rows_is_null(row, 0, 3),
                                      .price_micros = rows_int(row, 0, 3)};
    return visitor->each(visitor->self, &item, error);
}

enum status store_catalog_items(struct postgres *postgres, struct span shop,
                                const struct catalog_item_visitor *visitor,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct catalog_item_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_item, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, shop);
    return postgres_stream(postgres, &ITEMS, &params, &reader, error);
}
