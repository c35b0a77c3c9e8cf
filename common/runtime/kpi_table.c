#include "common/runtime/kpi_table.h"

#include <stdio.h>

#define PER_PERCENT (KPI_WHOLE / 100)

void kpi_share_text(int64_t share, char room[KPI_TEXT_MAX])
{
    (void)snprintf(room, KPI_TEXT_MAX, "-");
    if (share >= 0)
        (void)snprintf(room, KPI_TEXT_MAX, "%lld.%02lld %%",
                       (long long)(share / PER_PERCENT),
                       (long long)(share % PER_PERCENT / 100));
}

void kpi_time_text(int64_t ms, char room[KPI_TEXT_MAX])
{
    (void)snprintf(room, KPI_TEXT_MAX, "-");
    if (ms >= 0)
        (void)snprintf(room, KPI_TEXT_MAX, "%lld.%lld s", (long long)(ms / 1000),
                       (long long)(ms % 1000 / 100));
}

void kpi_value_text(enum verdict_unit unit, int64_t value, char room[KPI_TEXT_MAX])
{
    if (unit == VERDICT_SHARE) {
        kpi_share_text(value, room);
    } else if (unit == VERDICT_TIME) {
        kpi_time_text(value, room);
    } else {
        (void)snprintf(room, KPI_TEXT_MAX, "-");
        if (value >= 0)
            (void)snprintf(room, KPI_TEXT_MAX, "%lld%s", (long long)value,
                           unit == VERDICT_DAYS ? " days" : "");
    }
}

/* ---- rows --------------------------------------------------------------------------------- */

static const char *trend_text(const struct kpi_period *period,
                              const struct kpi_place *place)
{
    static const char *const TEXTS[] = {
        [TREND_FLAT] = "flat", [TREND_RISING] = "up", [TREND_FALLING] = "down"};
    struct trend_point points[KPI_DAYS_MAX];
    size_t count = verdict_rates(period, place, points);
    return count > 0 ? TEXTS[trend_of(points, count).direction] : "-";
}

/* The rates of a place, or of all (NULL), and of the baseline's. */
static void fill_rates(struct kpi_row *row, const struct kpi_period *period,
                       const struct kpi_period *before)
{
    const struct kpi_place *other = NULL;
    if (before != NULL && row->place != NULL)
        other = kpi_find(before, row->place->shop, row->place->location);
    bool has_before = before != NULL && (row->place == NULL || other != NULL);
    kpi_share_text(verdict_rate(period, row->place), row->mismatch);
    kpi_share_text(has_before ? verdict_rate(before, other) : -1, row->before);
    row->trend = trend_text(period, row->place);
}

static struct kpi_row row_of(const struct kpi_period *period,
                             const struct kpi_period *before,
                             const struct kpi_place *place, int64_t coverage_share)
{
    struct kpi_row row = {.place = place,
                          .days = verdict_covered_days(period, place, coverage_share),
                          .compared = kpi_place_sum(period, place, KPI_COMPARED),
                          .oversold = kpi_place_sum(period, place, KPI_OVERSELLS),
                          .by_hand = kpi_place_sum(period, place, KPI_INTERVENTIONS)};
    int64_t done = kpi_place_sum(period, place, KPI_RESYNCS_DONE);
    int64_t failed = kpi_place_sum(period, place, KPI_RESYNCS_FAILED);
    kpi_share_text(kpi_share(done, done + failed), row.resynced);
    fill_rates(&row, period, before);
    return row;
}

static struct kpi_row row_of_all(const struct kpi_period *period,
                                 const struct kpi_period *before)
{
    struct kpi_row row = {.compared = kpi_period_sum(period, KPI_COMPARED),
                          .oversold = kpi_period_sum(period, KPI_OVERSELLS),
                          .by_hand = kpi_period_sum(period, KPI_INTERVENTIONS)};
    int64_t done = kpi_period_sum(period, KPI_RESYNCS_DONE);
    int64_t failed = kpi_period_sum(period, KPI_RESYNCS_FAILED);
    kpi_share_text(kpi_share(done, done + failed), row.resynced);
    fill_rates(&row, period, before);
    return row;
}

static bool is_shown(const struct kpi_period *period, const struct kpi_place *place)
{
    return place->location.length > 0 ||
           kpi_place_sum(period, place, KPI_INTERVENTIONS) > 0;
}

void kpi_table_rows(const struct kpi_period *period, const struct kpi_period *before,
                    int64_t coverage_share, const struct kpi_row_visitor *visitor)
{
    for (size_t at = 0; at < period->place_count; at++) {
        const struct kpi_place *place = &period->places[at];
        if (!is_shown(period, place))
            continue;
        const struct kpi_row row = row_of(period, before, place, coverage_share);
        visitor->each(visitor->self, &row);
    }
    const struct kpi_row all = row_of_all(period, before);
    visitor->each(visitor->self, &all);
}

/* ---- for a terminal ----------------------------------------------------------------------- */

static void print_row(void *self, const struct kpi_row *row)
{
    (void)self;
    if (row->place != NULL)
        printf("%-8.*s %-8.*s %4lld", SPAN_ARGS(row->place->shop),
               SPAN_ARGS(row->place->location), (long long)row->days);
    else
        printf("%-17s %4s", "all", "");
    printf(" %9lld %9s %9s %-5s %8lld %9s %7lld\n", (long long)row->compared,
           row->mismatch, row->before, row->trend, (long long)row->oversold,
           row->resynced, (long long)row->by_hand);
}

void kpi_table_print(const struct kpi_period *period, const struct kpi_period *before,
                     int64_t coverage_share)
{
    const struct kpi_row_visitor visitor = {.each = print_row};
    printf("%-8s %-8s %4s %9s %9s %9s %-5s %8s %9s %7s\n", "SHOP", "LOCATION", "DAYS",
           "COMPARED", "MISMATCH", "BEFORE", "TREND", "OVERSOLD", "RESYNCED", "BY HAND");
    kpi_table_rows(period, before, coverage_share, &visitor);
}
