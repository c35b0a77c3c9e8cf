#include "common/io/store_findings.h"

#include "common/base/scope.h"

#include <stdio.h>

/* f is the row of drift_findings. */
#define FINDING_COLUMNS                                                                  \
    "SELECT f.finding_id, f.run_id, f.shop, f.sku, f.location, f.cause, f.risk, "        \
    "f.desired, f.shown, f.residual, f.value_micros, f.observed_at, i.tags, i.price, "   \
    "(SELECT count(*) FROM drift_findings p WHERE p.shop = f.shop AND p.sku = f.sku "    \
    "AND p.location = f.location AND p.observed_at < f.observed_at "                     \
    "AND p.observed_at >= f.observed_at - interval '1 day'), "                           \
    "(SELECT count(*) FROM drift_actions a WHERE a.shop = f.shop AND a.sku = f.sku "     \
    "AND a.location = f.location AND a.action = 'resync' AND a.is_rule "                 \
    "AND a.state <> 'held' AND a.acted_at >= now() - interval '1 day' "                  \
    "AND a.acted_at > coalesce((SELECT max(b.acted_at) FROM drift_actions b "            \
    "WHERE b.shop = f.shop AND b.sku = f.sku AND b.location = f.location "               \
    "AND NOT b.is_rule), '-infinity')) "                                                 \
    "FROM drift_findings f LEFT JOIN LATERAL (SELECT string_agg(t, E'\\n') AS tags, "    \
    "max(s.price_micros) AS price FROM shop_items s LEFT JOIN LATERAL unnest(s.tags) t " \
    "ON true WHERE s.shop = f.shop AND s.sku = f.sku) i ON true "

static const struct statement ONE = {"finding",
                                     FINDING_COLUMNS "WHERE f.finding_id = $1"};
static const struct statement OF_RUN = {"findings_of_run",
                                        FINDING_COLUMNS "WHERE f.run_id = $1"};

/* A cause that this version does not know is no worse than one that nobody knows. */
static enum finding_cause cause_of(struct span name)
{
    enum finding_cause cause = CAUSE_UNKNOWN;
    (void)cause_parse(name, &cause);
    return cause;
}

static enum status read_row(void *self, const struct rows *row, struct error *error)
{
    const struct finding_visitor *visitor = self;
    char run[24];
    (void)snprintf(run, sizeof run, "%lld", (long long)rows_int(row, 0, 1));
    const struct finding finding = {.id = rows_span(row, 0, 0),
                                    .run_id = span_from(run),
                                    .shop = rows_span(row, 0, 2),
                                    .sku = rows_span(row, 0, 3),
                                    .location = rows_span(row, 0, 4),
                                    .cause = cause_of(rows_span(row, 0, 5)),
                                    .is_high_risk = span_is(rows_span(row, 0, 6), "high"),
                                    .has_desired = !rows_is_null(row, 0, 7),
                                    .desired = rows_int(row, 0, 7),
                                    .has_shown = !rows_is_null(row, 0, 8),
                                    .shown = rows_int(row, 0, 8),
                                    .residual = rows_int(row, 0, 9),
                                    .has_value = !rows_is_null(row, 0, 10),
                                    .value_micros = rows_int(row, 0, 10),
                                    .observed_at_us = rows_time(row, 0, 11)};
    const struct finding_beside beside = {.tags = rows_span(row, 0, 12),
                                          .has_price = !rows_is_null(row, 0, 13),
                                          .price_micros = rows_int(row, 0, 13),
                                          .drifted_lately = rows_int(row, 0, 14),
                                          .rewrites = rows_int(row, 0, 15)};
    return visitor->each(visitor->self, &finding, &beside, error);
}

enum status store_finding(struct postgres *postgres, struct span id,
                          const struct finding_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct finding_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_row, .self = &copy};
    pg_params_init(&params);
    pg_params_text(&params, id);
    return postgres_stream(postgres, &ONE, &params, &reader, error);
}

enum status store_findings_of_run(struct postgres *postgres, int64_t run_id,
                                  const struct finding_visitor *visitor,
                                  struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct finding_visitor copy = *visitor;
    const struct row_visitor reader = {.each = read_row, .self = &copy};
    pg_params_init(&params);
    pg_params_int8(&params, run_id);
    return postgres_stream(postgres, &OF_RUN, &params, &reader, error);
}
