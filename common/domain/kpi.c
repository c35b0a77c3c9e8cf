#include "common/domain/kpi.h"

#include "common/base/check.h"

#include <stddef.h>

static const struct {
    const char *name;
    const char *what;
} COUNTERS[KPI_COUNTER_COUNT] = {
#define X(id, name, what) [KPI_##id] = {name, what},
    KPI_COUNTERS(X)
#undef X
};

const char *kpi_name(enum kpi_counter counter)
{
    ASSERT((unsigned)counter < KPI_COUNTER_COUNT);
    return COUNTERS[counter].name;
}

const char *kpi_what(enum kpi_counter counter)
{
    ASSERT((unsigned)counter < KPI_COUNTER_COUNT);
    return COUNTERS[counter].what;
}

bool kpi_parse(struct span name, enum kpi_counter *counter_out)
{
    for (unsigned at = 0; at < KPI_COUNTER_COUNT; at++) {
        if (!span_is(name, COUNTERS[at].name))
            continue;
        *counter_out = (enum kpi_counter)at;
        return true;
    }
    return false;
}

bool kpi_is_level(enum kpi_counter counter)
{
    return counter == KPI_GUARDS_STANDING;
}

/* ---- limits ---------------------------------------------------------------------------- */

#define PERCENT (KPI_WHOLE / 100)

const struct kpi_limits KPI_DEFAULTS = {
    .mismatch_share = PERCENT / 2,
    .oversells = -1,
    .unknown_share = 20 * PERCENT,
    .detect_ms = -1,
    .repair_ms = -1,
    .coverage_share = 95 * PERCENT,
    .covered_days = 5,
    .compared = 100,
    .baseline_days = 1,
    .better_share = 10 * PERCENT,
    .broken_share = 10 * PERCENT,
    .in_flight_share = 5 * PERCENT,
    .stale_share = 5 * PERCENT,
    .dead_share = PERCENT,
    .late_share = 10 * PERCENT,
    .alerts_lost = 0,
    .guard_stops = 3,
    .resync_share = 80 * PERCENT,
    .open_share = 10 * PERCENT,
};

#define LIMIT(member) offsetof(struct kpi_limits, member)

static const struct kpi_limit LIMITS[] = {
    {"max_mismatch_percent", "mismatch_share", LIMIT(mismatch_share), KPI_LIMIT_SHARE},
    {"max_oversells", "oversells", LIMIT(oversells), KPI_LIMIT_COUNT},
    {"max_unknown_percent", "unknown_share", LIMIT(unknown_share), KPI_LIMIT_SHARE},
    {"max_detection_seconds", "detect_ms", LIMIT(detect_ms), KPI_LIMIT_TIME},
    {"max_repair_seconds", "repair_ms", LIMIT(repair_ms), KPI_LIMIT_TIME},
    {"min_coverage_percent", "coverage_share", LIMIT(coverage_share), KPI_LIMIT_SHARE},
    {"min_covered_days", "covered_days", LIMIT(covered_days), KPI_LIMIT_COUNT},
    {"min_compared", "compared", LIMIT(compared), KPI_LIMIT_COUNT},
    {"min_baseline_days", "baseline_days", LIMIT(baseline_days), KPI_LIMIT_COUNT},
    {"min_improvement_percent", "better_share", LIMIT(better_share), KPI_LIMIT_SHARE},
    {"max_broken_runs_percent", "broken_share", LIMIT(broken_share), KPI_LIMIT_SHARE},
    {"max_in_flight_percent", "in_flight_share", LIMIT(in_flight_share), KPI_LIMIT_SHARE},
    {"max_stale_percent", "stale_share", LIMIT(stale_share), KPI_LIMIT_SHARE},
    {"max_dead_letters_percent", "dead_share", LIMIT(dead_share), KPI_LIMIT_SHARE},
    {"max_late_alerts_percent", "late_share", LIMIT(late_share), KPI_LIMIT_SHARE},
    {"max_undelivered_alerts", "alerts_lost", LIMIT(alerts_lost), KPI_LIMIT_COUNT},
    {"max_guard_stops", "guard_stops", LIMIT(guard_stops), KPI_LIMIT_COUNT},
    {"min_resync_success_percent", "resync_share", LIMIT(resync_share), KPI_LIMIT_SHARE},
    {"max_open_resyncs_percent", "open_share", LIMIT(open_share), KPI_LIMIT_SHARE},
};

const struct kpi_limit *kpi_limits_table(size_t *count_out)
{
    _Static_assert(sizeof(struct kpi_limits) == COUNT_OF(LIMITS) * sizeof(int64_t),
                   "a row a member");
    *count_out = COUNT_OF(LIMITS);
    return LIMITS;
}

int64_t kpi_limit_value(const struct kpi_limits *limits, const struct kpi_limit *row)
{
    int64_t value;
    memcpy(&value, (const char *)limits + row->offset, sizeof value);
    return value;
}

void kpi_limit_set(struct kpi_limits *limits, const struct kpi_limit *row, int64_t value)
{
    memcpy((char *)limits + row->offset, &value, sizeof value);
}

/* ---- adding up ------------------------------------------------------------------------- */

int64_t kpi_plus(int64_t left, int64_t right)
{
    int64_t sum;
    bool fits = !__builtin_add_overflow(left, right, &sum);
    return fits && sum < KPI_SUM_MAX ? sum : KPI_SUM_MAX;
}

int64_t kpi_place_sum(const struct kpi_period *period, const struct kpi_place *place,
                      enum kpi_counter counter)
{
    int64_t sum = 0;
    if (kpi_is_level(counter))
        return place->days[period->day_count - 1].counts[counter];
    for (int32_t day = 0; day < period->day_count; day++)
        sum = kpi_plus(sum, place->days[day].counts[counter]);
    return sum;
}

int64_t kpi_period_sum(const struct kpi_period *period, enum kpi_counter counter)
{
    int64_t sum = 0;
    for (size_t at = 0; at < period->place_count; at++)
        sum = kpi_plus(sum, kpi_place_sum(period, &period->places[at], counter));
    return sum;
}

int64_t kpi_day_sum(const struct kpi_period *period, int32_t day,
                    enum kpi_counter counter)
{
    int64_t sum = 0;
    ASSERT(day >= 0 && day < period->day_count);
    for (size_t at = 0; at < period->place_count; at++)
        sum = kpi_plus(sum, period->places[at].days[day].counts[counter]);
    return sum;
}

int64_t kpi_cause_sum(const struct kpi_period *period, enum finding_cause cause)
{
    int64_t sum = 0;
    ASSERT((unsigned)cause < CAUSE_COUNT);
    for (size_t at = 0; at < period->place_count; at++)
        sum = kpi_plus(sum, period->places[at].causes[cause]);
    return sum;
}

int64_t kpi_share(int64_t part, int64_t whole)
{
    int64_t scaled;
    if (whole <= 0)
        return -1;
    if (!__builtin_mul_overflow(part, KPI_WHOLE, &scaled))
        return scaled / whole < KPI_SUM_MAX ? scaled / whole : KPI_SUM_MAX;
    int64_t per_unit = whole / KPI_WHOLE;
    return per_unit > 0 ? part / per_unit : KPI_SUM_MAX;
}

const struct kpi_place *kpi_find(const struct kpi_period *period, struct span shop,
                                 struct span location)
{
    for (size_t at = 0; at < period->place_count; at++)
        if (span_equal(period->places[at].shop, shop) &&
            span_equal(period->places[at].location, location))
            return &period->places[at];
    return NULL;
}
