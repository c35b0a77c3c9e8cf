#include "common/domain/guard.h"

#include "common/base/check.h"

#define PAGE(name) "docs/runbooks/" name ".md"
#define PERCENT(number) ((number) * (GUARD_WHOLE / 100))

const struct guard_limits GUARD_DEFAULTS = {
    .changed_levels = 10000,
    .changed_share = PERCENT(10),
    .zeroed_levels = 500,
    .zeroed_share = PERCENT(2),
    .drifting_share = PERCENT(20),
    .rewrites_per_day = 3,
    .window_levels = INT64_MAX,
    .window_share = PERCENT(20),
    .window_few = 100,
};

static const struct guard_kind KINDS[GUARD_COUNT] = {
    [GUARD_DRIFTING] = {"drifting_share", PAGE("guard-drifting-share"),
                        "so much of the shop differs that what should be shown is more "
                        "likely wrong than the shop"},
    [GUARD_ZEROED_LEVELS] = {"zeroed_levels", PAGE("guard-zeroed-levels"),
                             "so many levels would be set to zero that a source is more "
                             "likely broken than sold out"},
    [GUARD_ZEROED_SHARE] = {"zeroed_percent", PAGE("guard-zeroed-percent"),
                            "such a share of the shop would be set to zero that a source "
                            "is more likely broken than sold out"},
    [GUARD_CHANGED_LEVELS] =
        {"changed_levels", PAGE("guard-changed-levels"),
         "one run would change more levels than a machine may alone"},
    [GUARD_CHANGED_SHARE] = {"changed_percent", PAGE("guard-changed-percent"),
                             "one run would change a larger share of the shop than a "
                             "machine may alone"},
    [GUARD_SECOND_WRITER] =
        {"second_writer", PAGE("second-writer"),
         "the pair was repaired and changed back again and again: "
         "somebody else writes it, and writing against them ends never"},
};

const struct guard_kind *guard_kind(enum guard guard)
{
    ASSERT((unsigned)guard < GUARD_COUNT);
    return &KINDS[guard];
}

/* Is `part` of `whole` more than the share? Exact, without a product that overflows. */
static bool is_above(int64_t part, int64_t whole, int64_t share)
{
    ASSERT(part >= 0 && whole >= 0 && share >= 0);
    if (whole == 0)
        return part > 0;
    if (part > INT64_MAX / GUARD_WHOLE)
        return part / whole >= 1 || share < GUARD_WHOLE;
    return part * GUARD_WHOLE / whole > share ||
           (part * GUARD_WHOLE / whole == share && part * GUARD_WHOLE % whole != 0);
}

bool guard_of_run(const struct guard_limits *limits, const struct guard_run *run,
                  enum guard *guard_out)
{
    const struct {
        enum guard guard;
        bool fires;
    } ROWS[] = {
        {GUARD_DRIFTING,
         run->findings >= GUARD_FEW_DRIFTING &&
             is_above(run->findings, run->compared, limits->drifting_share)},
        {GUARD_ZEROED_LEVELS, run->zeroes > limits->zeroed_levels},
        {GUARD_ZEROED_SHARE,
         run->zeroes >= GUARD_FEW_ZEROED &&
             is_above(run->zeroes, run->compared, limits->zeroed_share)},
        {GUARD_CHANGED_LEVELS, run->changes > limits->changed_levels},
        {GUARD_CHANGED_SHARE,
         run->changes >= GUARD_FEW_CHANGED &&
             is_above(run->changes, run->compared, limits->changed_share)},
    };
    for (size_t at = 0; at < COUNT_OF(ROWS); at++) {
        if (!ROWS[at].fires)
            continue;
        *guard_out = ROWS[at].guard;
        return true;
    }
    return false;
}

bool guard_of_window(const struct guard_limits *limits, const struct guard_window *window,
                     enum guard *guard_out)
{
    if (window->zeroed > limits->window_levels) {
        *guard_out = GUARD_ZEROED_LEVELS;
        return true;
    }
    *guard_out = GUARD_ZEROED_SHARE;
    return window->zeroed >= limits->window_few &&
           is_above(window->zeroed, window->levels, limits->window_share);
}

bool guard_of_pair(const struct guard_limits *limits, int64_t rewrites)
{
    return rewrites < limits->rewrites_per_day;
}
