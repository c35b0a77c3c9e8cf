/*
 * The numbers that the rules of verdict.h go by.
 */
#include "common/base/check.h"
#include "common/domain/verdict.h"

static int64_t count_of(const struct kpi_period *period, const struct kpi_place *place,
                        int32_t day, enum kpi_counter counter)
{
    return place != NULL ? place->days[day].counts[counter]
                         : kpi_day_sum(period, day, counter);
}

size_t verdict_rates(const struct kpi_period *period, const struct kpi_place *place,
                     struct trend_point points[KPI_DAYS_MAX])
{
    size_t count = 0;
    for (int32_t day = 0; day < period->day_count; day++) {
        int64_t rate = kpi_share(count_of(period, place, day, KPI_MISMATCHED),
                                 count_of(period, place, day, KPI_COMPARED));
        if (rate >= 0)
            points[count++] = (struct trend_point){day, rate};
    }
    return count;
}

int64_t verdict_rate(const struct kpi_period *period, const struct kpi_place *place)
{
    struct trend_point points[KPI_DAYS_MAX];
    int64_t rates[KPI_DAYS_MAX];
    size_t count = verdict_rates(period, place, points);
    for (size_t at = 0; at < count; at++)
        rates[at] = points[at].value;
    return trend_median(rates, count);
}

int64_t verdict_covered_days(const struct kpi_period *period,
                             const struct kpi_place *place, int64_t coverage_share)
{
    int64_t covered = 0;
    for (int32_t day = 0; day < period->day_count; day++) {
        const struct kpi_day *counts = &place->days[day];
        int64_t share =
            kpi_share(counts->counts[KPI_COMPARED], counts->counts[KPI_KNOWN]);
        if (counts->counts[KPI_SWEEPS] > 0 && share >= coverage_share)
            covered++;
    }
    return covered;
}
