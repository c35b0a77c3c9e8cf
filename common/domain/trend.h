/*
 * Whether a few daily numbers go up or down, by methods that one odd day does not move:
 * the slope of Theil and Sen (the median of the slopes between all two days), and the test
 * of Mann and Kendall (of all two days, how many rise and how many fall) at 5 percent, one
 * side, by the normal approximation with correction for ties and continuity. Whole numbers
 * only, so that it comes out the same everywhere. Pure.
 */
#ifndef PARSTOCK_DOMAIN_TREND_H
#define PARSTOCK_DOMAIN_TREND_H

#include <stddef.h>
#include <stdint.h>

#define TREND_POINTS_MAX 35
#define TREND_VALUE_MAX INT64_C(1000000000000000) /* larger ones count as this */

struct trend_point {
    int32_t day; /* each once, rising */
    int64_t value;
};

enum trend_direction {
    TREND_FLAT, /* or not told apart from it, or too few days: fewer than 4 prove nothing */
    TREND_RISING,
    TREND_FALLING,
};

struct trend {
    enum trend_direction direction; /* by Mann and Kendall */
    int64_t slope_milli; /* thousandths of a unit a day, by Theil and Sen; 0 of one day */
    int64_t rises_less_falls; /* Kendall's S */
};

/* At most TREND_POINTS_MAX points. */
struct trend trend_of(const struct trend_point *points, size_t count);

/* The middle one of up to TREND_POINTS_MAX numbers; of an even count the mean of the two in
 * the middle, rounded towards the lower. -1 of none. */
int64_t trend_median(const int64_t *values, size_t count);

#endif
