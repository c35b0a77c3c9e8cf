/*
 * Limits at which automation stops itself: a mistake of a source or of ours must not be
 * carried into a whole shop, and a fight with a second writer must end. A guard that fires
 * stops what it guards, one incident is opened, and a person lets it go on. Pure.
 * Source: `policy.guards` of the contract file; design, rule 8.
 */
#ifndef PARSTOCK_DOMAIN_GUARD_H
#define PARSTOCK_DOMAIN_GUARD_H

#include "common/base/span.h"

/* Shares are in millionths of the shop's levels. */
struct guard_limits {
    int64_t changed_levels; /* that one run may change */
    int64_t changed_share;
    int64_t zeroed_levels; /* that one run may set to zero or less */
    int64_t zeroed_share;
    int64_t
        drifting_share; /* of a run's levels that may differ before it is mistrusted */
    int64_t rewrites_per_day; /* repairs of one pair */
    /* Of push, in the time between two comparisons: as for a run where the file gives these
     * limits; without it they are wider, since sources take levels to zero all day. */
    int64_t window_levels;
    int64_t window_share;
    int64_t window_few;
};

#define GUARD_WHOLE INT64_C(1000000)

/* Where the file says nothing. */
extern const struct guard_limits GUARD_DEFAULTS;

/* A share is not asked about below so many levels: two of the ten of a small shop are no
 * mass mistake. */
#define GUARD_FEW_CHANGED 25
#define GUARD_FEW_ZEROED 10
#define GUARD_FEW_DRIFTING 50

enum guard {
    GUARD_DRIFTING,
    GUARD_ZEROED_LEVELS,
    GUARD_ZEROED_SHARE,
    GUARD_CHANGED_LEVELS,
    GUARD_CHANGED_SHARE,
    GUARD_SECOND_WRITER, /* of one pair */
    GUARD_COUNT
};

struct guard_kind {
    const char *id;
    const char *runbook; /* path in the project */
    const char *why;
};

const struct guard_kind *guard_kind(enum guard guard);

/* What a run would do, before anything of it is done. */
struct guard_run {
    int64_t compared; /* levels of the shop that the run looked at */
    int64_t findings;
    int64_t changes; /* resyncs that the policy asks for */
    int64_t zeroes;  /* of these, to a level of zero or less */
};

/* True and the first guard that fires. */
bool guard_of_run(const struct guard_limits *limits, const struct guard_run *run,
                  enum guard *guard_out);

/* What push has done and would do within a window. */
struct guard_window {
    int64_t levels; /* of the shop */
    int64_t zeroed; /* in the window, with what is asked this time */
};

bool guard_of_window(const struct guard_limits *limits, const struct guard_window *window,
                     enum guard *guard_out);

/* May the pair be repaired once more, after so many repairs in a day? */
bool guard_of_pair(const struct guard_limits *limits, int64_t rewrites);

#endif
