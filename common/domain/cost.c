#include "common/domain/cost.h"

#include "common/base/check.h"

#define US_PER_SECOND 1000000LL
#define POINTS_MAX 1000000000000LL

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void cost_observe(struct cost_bucket *bucket, const struct cost_status *status,
                  int64_t now_us)
{
    if (!status->known)
        return;
    bucket->last = (struct cost_status){
        .known = true,
        .requested = within(status->requested, 0, POINTS_MAX),
        .maximum = within(status->maximum, 0, POINTS_MAX),
        .available = within(status->available, -POINTS_MAX, POINTS_MAX),
        .restore_rate = within(status->restore_rate, 0, 1000000),
    };
    bucket->seen_at_us = now_us;
}

int64_t cost_available(const struct cost_bucket *bucket, int64_t now_us)
{
    const struct cost_status *last = &bucket->last;
    int64_t elapsed_us = within(now_us - bucket->seen_at_us, 0, 3600 * US_PER_SECOND);
    int64_t restored = elapsed_us * last->restore_rate / US_PER_SECOND;
    return within(last->available + restored, -POINTS_MAX, last->maximum);
}

void cost_set_aside(struct cost_bucket *bucket, int64_t points)
{
    ASSERT(points >= 0 && bucket->set_aside <= POINTS_MAX - points);
    bucket->set_aside += points;
}

void cost_release(struct cost_bucket *bucket, int64_t points)
{
    ASSERT(points >= 0 && points <= bucket->set_aside);
    bucket->set_aside -= points;
}

int64_t cost_wait_ms(const struct cost_bucket *bucket, int64_t points, int64_t now_us)
{
    ASSERT(points >= 0);
    if (!bucket->last.known)
        return 0;
    /* A bucket smaller than the price is refused by the shop, not waited for here. */
    int64_t price = within(points, 0, bucket->last.maximum);
    int64_t free = cost_available(bucket, now_us) - bucket->set_aside;
    int64_t missing = price - free;
    if (missing <= 0)
        return 0;
    int64_t rate = bucket->last.restore_rate;
    if (rate <= 0)
        return COST_THROTTLED_MIN_MS;
    return within((missing * 1000 + rate - 1) / rate, 1, COST_WAIT_MAX_MS);
}

int64_t cost_throttled_ms(const struct cost_bucket *bucket, int64_t points,
                          int64_t now_us)
{
    int64_t wait_ms = cost_wait_ms(bucket, points, now_us);
    return wait_ms < COST_THROTTLED_MIN_MS ? COST_THROTTLED_MIN_MS : wait_ms;
}
