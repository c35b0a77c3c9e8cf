#include "common/domain/unseen.h"

#include "common/base/check.h"

#define SECOND_US 1000000LL

int64_t unseen_after_us(enum level_state mode, const struct source *source,
                        const struct reading *reading)
{
    ASSERT(reading->exists && source->order_lag_seconds >= 0);
    if (mode == LEVEL_AVAILABLE && reading->has_sees_orders_until)
        return reading->sees_orders_until_us;
    return reading_occurred_at_us(reading) - source->order_lag_seconds * SECOND_US;
}

static int64_t larger(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

int64_t unseen_share(const struct shop_units *units, enum unseen_view view)
{
    ASSERT(units->ordered >= units->recent && units->recent >= 0);
    ASSERT(units->cancelled >= 0 && units->gone >= 0);
    int64_t ordered = larger(units->ordered - units->cancelled, 0);
    switch (view) {
    case UNSEEN_KEPT:
        return units->gone;
    case UNSEEN_OWN:
        return larger(ordered, units->gone);
    case UNSEEN_OTHER:
        return larger(ordered, units->gone + units->recent);
    }
    UNREACHABLE("every view has its rule");
}

enum unseen_view unseen_view(const struct contract *contract, size_t shop, size_t at)
{
    ASSERT(shop < contract->shop_count && at < contract->shop_count);
    if (at != shop)
        return UNSEEN_OTHER;
    return contract->shops[at].mode == LEVEL_ON_HAND ? UNSEEN_KEPT : UNSEEN_OWN;
}

int64_t unseen_units(const struct contract *contract, size_t shop,
                     const struct shop_units *units)
{
    int64_t sum = 0;
    for (size_t at = 0; at < contract->shop_count; at++)
        sum += unseen_share(&units[at], unseen_view(contract, shop, at));
    return sum;
}
