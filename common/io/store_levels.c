#include "common/io/store_levels.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_pairs_sql.h"

static const struct statement LEVELS = {
    "levels_view",
    "SELECT l.sku, l.location, l.quantity, l.source, l.occurred_at, l.version, s.shop, "
    "s.desired, s.shown, " PAIR_STATE
    " FROM levels l LEFT JOIN shop_levels s ON s.sku = l.sku AND s.location = l.location "
    "WHERE ($1::text IS NULL OR l.sku = $1) AND ($2::text IS NULL OR l.location = $2) "
    "ORDER BY l.sku COLLATE \"C\", l.location COLLATE \"C\", s.shop COLLATE \"C\""};

static enum status read_level(void *self, const struct rows *row, struct error *error)
{
    const struct level_visitor *visitor = self;
    const struct level_view view = {
        .sku = rows_span(row, 0, 0),
        .location = rows_span(row, 0, 1),
        .quantity = rows_int(row, 0, 2),
        .source = rows_span(row, 0, 3),
        .occurred_at_us = rows_time(row, 0, 4),
        .has_version = !rows_is_null(row, 0, 5),
        .version = rows_int(row, 0, 5),
        .has_shop = !rows_is_null(row, 0, 6),
        .shop = {.shop = rows_span(row, 0, 6),
                 .has_desired = !rows_is_null(row, 0, 7),
                 .desired = rows_int(row, 0, 7),
                 .has_shown = !rows_is_null(row, 0, 8),
                 .shown = rows_int(row, 0, 8),
                 .state = rows_span(row, 0, 9)},
    };
    return visitor->each(visitor->self, &view, error);
}

enum status store_levels(struct postgres *postgres, const struct level_filter *filter,
                         const struct level_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct level_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_level, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, filter->sku);
    pg_params_text(&params, filter->location);
    return postgres_stream(postgres, &LEVELS, &params, &reader, error);
}
