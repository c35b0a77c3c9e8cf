#include "common/domain/feed_guard.h"

#include "common/base/check.h"

#define PAGE(name) "docs/runbooks/guard-" name ".md"

static const struct feed_guard_row ROWS[FEED_GUARD_COUNT] = {
    [FEED_GUARD_NONE] = {"none", "", "within every limit"},
    [FEED_GUARD_ZEROED_LEVELS] = {"max_zeroed_levels", PAGE("zeroed-levels"),
                                  "it would empty more levels than the contract allows"},
    [FEED_GUARD_ZEROED_SHARE] = {"max_zeroed_percent", PAGE("zeroed-percent"),
                                 "it would empty too large a share of the stocked levels "
                                 "that it names: half a file, or a column gone empty, "
                                 "looks like this"},
    [FEED_GUARD_CHANGED_LEVELS] =
        {"max_changed_levels", PAGE("changed-levels"),
         "it would change more levels than the contract allows"},
    [FEED_GUARD_CHANGED_SHARE] = {"max_changed_percent", PAGE("changed-percent"),
                                  "it would change too large a share of its source's "
                                  "levels: another file, column or unit looks like this"},
};

struct feed_limits feed_limits_default(void)
{
    return (struct feed_limits){.changed_levels = -1,
                                .changed_share = FEED_GUARD_CHANGED,
                                .zeroed_levels = -1,
                                .zeroed_share = FEED_GUARD_ZEROED};
}

const struct feed_guard_row *feed_guard_row(enum feed_guard guard)
{
    ASSERT((size_t)guard < FEED_GUARD_COUNT);
    return &ROWS[guard];
}

static bool is_above_levels(int64_t limit, int64_t count)
{
    return limit >= 0 && count > limit;
}

/* Exactly the limit is allowed. Counts are of rows, far below 2^63 / 10^6. */
static bool is_above_share(int64_t limit, int64_t count, int64_t whole)
{
    return count >= FEED_GUARD_FEW && count * FEED_GUARD_WHOLE > limit * whole;
}

enum feed_guard feed_guard_judge(const struct feed_limits *limits,
                                 const struct feed_effect *effect)
{
    if (is_above_levels(limits->zeroed_levels, effect->zeroed))
        return FEED_GUARD_ZEROED_LEVELS;
    if (is_above_share(limits->zeroed_share, effect->zeroed, effect->stocked))
        return FEED_GUARD_ZEROED_SHARE;
    if (is_above_levels(limits->changed_levels, effect->changed))
        return FEED_GUARD_CHANGED_LEVELS;
    if (is_above_share(limits->changed_share, effect->changed, effect->known))
        return FEED_GUARD_CHANGED_SHARE;
    return FEED_GUARD_NONE;
}
