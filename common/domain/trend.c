#include "common/domain/trend.h"

#include "common/base/check.h"

#include <string.h>

#define SLOPES_MAX (TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2)

/* 1.645 squared in thousandths: 5 percent on one side of the normal distribution. */
#define Z_SQUARED_MILLI INT64_C(2706)

static void sort(int64_t *values, size_t count)
{
    for (size_t at = 1; at < count; at++) {
        int64_t value = values[at];
        size_t to = at;
        for (; to > 0 && values[to - 1] > value; to--)
            values[to] = values[to - 1];
        values[to] = value;
    }
}

/* Of sorted values; between two neighbours the lower half. */
static int64_t middle(const int64_t *sorted, size_t count)
{
    int64_t upper = sorted[count / 2];
    int64_t lower = sorted[(count - 1) / 2];
    return lower + (upper - lower) / 2;
}

int64_t trend_median(const int64_t *values, size_t count)
{
    int64_t sorted[TREND_POINTS_MAX];
    ASSERT(count <= TREND_POINTS_MAX);
    if (count == 0)
        return -1;
    memcpy(sorted, values, count * sizeof *values);
    sort(sorted, count);
    return middle(sorted, count);
}

static int64_t clamped(int64_t value)
{
    if (value > TREND_VALUE_MAX)
        return TREND_VALUE_MAX;
    return value < -TREND_VALUE_MAX ? -TREND_VALUE_MAX : value;
}

static int64_t slope_of(const struct trend_point *points, size_t count)
{
    int64_t slopes[SLOPES_MAX];
    size_t filled = 0;
    for (size_t late = 1; late < count; late++)
        for (size_t early = 0; early < late; early++)
            slopes[filled++] =
                (clamped(points[late].value) - clamped(points[early].value)) * 1000 /
                (points[late].day - points[early].day);
    if (filled == 0)
        return 0;
    sort(slopes, filled);
    return middle(slopes, filled);
}

static int64_t rises_less_falls(const struct trend_point *points, size_t count)
{
    int64_t sum = 0;
    for (size_t late = 1; late < count; late++)
        for (size_t early = 0; early < late; early++)
            sum += (points[late].value > points[early].value) -
                   (points[late].value < points[early].value);
    return sum;
}

/* n (n - 1) (2n + 5): eighteen times the variance of S of so many days, or of so many ties. */
static int64_t spread(int64_t n)
{
    return n * (n - 1) * (2 * n + 5);
}

/* Eighteen times the variance of S. */
static int64_t variance_18(const struct trend_point *points, size_t count)
{
    int64_t sorted[TREND_POINTS_MAX];
    int64_t variance = spread((int64_t)count);
    for (size_t at = 0; at < count; at++)
        sorted[at] = points[at].value;
    sort(sorted, count);
    for (size_t at = 0; at < count;) {
        size_t end = at;
        while (end < count && sorted[end] == sorted[at])
            end++;
        variance -= spread((int64_t)(end - at));
        at = end;
    }
    return variance;
}

/* (|S| - 1)^2 > z^2 variance, without a root and without fractions. */
static enum trend_direction direction_of(int64_t s, int64_t variance)
{
    int64_t distance = (s < 0 ? -s : s) - 1;
    if (distance <= 0 || distance * distance * 18 * 1000 <= Z_SQUARED_MILLI * variance)
        return TREND_FLAT;
    return s > 0 ? TREND_RISING : TREND_FALLING;
}

struct trend trend_of(const struct trend_point *points, size_t count)
{
    ASSERT(count <= TREND_POINTS_MAX);
    for (size_t at = 1; at < count; at++)
        ASSERT(points[at].day > points[at - 1].day);
    int64_t s = rises_less_falls(points, count);
    return (struct trend){.direction = direction_of(s, variance_18(points, count)),
                          .slope_milli = slope_of(points, count),
                          .rises_less_falls = s};
}
