#include "common/domain/reading.h"

#include "common/base/check.h"

int64_t reading_quantity(const struct reading *reading)
{
    ASSERT(reading->exists);
    return (reading->has_count ? reading->count : 0) + reading->adjusted;
}

/* An adjustment at or before the count is inside the count, so it does not date it. */
int64_t reading_occurred_at_us(const struct reading *reading)
{
    ASSERT(reading->exists);
    if (!reading->has_count)
        return reading->adjusted_at_us;
    if (reading->has_adjusted && reading->adjusted_at_us > reading->counted_at_us)
        return reading->adjusted_at_us;
    return reading->counted_at_us;
}

bool reading_needs_later(const struct reading *reading, const struct event *event)
{
    return event->type == EVENT_COUNTED && reading->has_adjusted &&
           reading->adjusted_at_us > event->occurred_at_us;
}

static struct reading after_count(const struct reading *reading,
                                  const struct event *event, int64_t adjusted_later)
{
    struct reading next = *reading;
    next.exists = true;
    next.has_count = true;
    next.count = event->quantity;
    next.counted_at_us = event->occurred_at_us;
    next.has_version = event->has_version;
    next.version = event->has_version ? event->version : 0;
    next.adjusted = adjusted_later;
    next.has_sees_orders_until = event->has_sees_orders_until;
    next.sees_orders_until_us = event->sees_orders_until_us;
    return next;
}

static struct reading after_adjustment(const struct reading *reading,
                                       const struct event *event)
{
    struct reading next = *reading;
    next.exists = true;
    next.adjusted += event->quantity;
    if (!next.has_adjusted || event->occurred_at_us > next.adjusted_at_us)
        next.adjusted_at_us = event->occurred_at_us;
    next.has_adjusted = true;
    if (event->has_sees_orders_until) {
        next.has_sees_orders_until = true;
        next.sees_orders_until_us = event->sees_orders_until_us;
    }
    return next;
}

struct reading reading_after(const struct reading *reading, const struct event *event,
                             int64_t adjusted_later, bool level_exists)
{
    switch (event->type) {
    case EVENT_COUNTED:
        return after_count(reading, event, adjusted_later);
    case EVENT_OBSERVED:
        return after_count(reading, event, reading->adjusted);
    case EVENT_ADJUSTED:
        if (event->quantity == 0 && !reading->exists && level_exists)
            return *reading;
        return after_adjustment(reading, event);
    case EVENT_ORDERED:
        return after_adjustment(reading, event);
    }
    UNREACHABLE("every type changes the reading in its own way");
}

int level_ruling_source(const struct contract *contract, const struct reading *readings)
{
    int best = -1;
    for (size_t at = 0; at < contract->source_count; at++) {
        if (!readings[at].exists)
            continue;
        if (best < 0 || contract->sources[at].rank < contract->sources[best].rank)
            best = (int)at;
    }
    return best;
}

struct level level_ruling(const struct contract *contract, const struct reading *readings)
{
    int source = level_ruling_source(contract, readings);
    if (source < 0)
        return (struct level){.source = -1};
    const struct reading *reading = &readings[source];
    return (struct level){.exists = true,
                          .quantity = reading_quantity(reading),
                          .source = source,
                          .occurred_at_us = reading_occurred_at_us(reading),
                          .has_version = reading->has_version,
                          .version = reading->has_version ? reading->version : 0};
}

bool level_equal(const struct level *left, const struct level *right)
{
    if (left->exists != right->exists)
        return false;
    return left->quantity == right->quantity && left->source == right->source &&
           left->occurred_at_us == right->occurred_at_us &&
           left->has_version == right->has_version &&
           (!left->has_version || left->version == right->version);
}
