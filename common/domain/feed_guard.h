/*
 * When a feed is stopped before any of it is published: it would change or empty so many
 * levels that a person should look first. Pure. Source: `policy.guards` of the contract file;
 * design, rule 8.
 */
#ifndef PARSTOCK_DOMAIN_FEED_GUARD_H
#define PARSTOCK_DOMAIN_FEED_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_GUARD_WHOLE INT64_C(1000000) /* shares are in millionths */
#define FEED_GUARD_CHANGED (FEED_GUARD_WHOLE * 30 / 100)
#define FEED_GUARD_ZEROED (FEED_GUARD_WHOLE * 10 / 100)

/* A share is not asked about below so many levels: two of the ten of a small shop are no
 * mass mistake. */
#define FEED_GUARD_FEW 20

struct feed_limits {
    int64_t changed_levels; /* that one feed may change; < 0 = any number */
    int64_t changed_share;
    int64_t zeroed_levels; /* that it may take from something to nothing; < 0 = any */
    int64_t zeroed_share;
};

/* Where the contract says nothing. */
struct feed_limits feed_limits_default(void);

/* What a feed would do to the ruling levels, had all of it been applied. */
struct feed_effect {
    int64_t named;   /* pairs of SKU and location in the feed */
    int64_t fresh;   /* of these, those that have no level yet */
    int64_t changed; /* level becomes another number */
    int64_t zeroed;  /* of these, from above zero to zero or less */
    int64_t stocked; /* named levels that are above zero now */
    int64_t known;   /* levels that the feed's sources have spoken of, named or not */
};

enum feed_guard {
    FEED_GUARD_NONE = 0,
    FEED_GUARD_ZEROED_LEVELS,
    FEED_GUARD_ZEROED_SHARE, /* of the named levels that are above zero */
    FEED_GUARD_CHANGED_LEVELS,
    FEED_GUARD_CHANGED_SHARE, /* of the levels that its sources have spoken of */
    FEED_GUARD_COUNT
};

struct feed_guard_row {
    const char *id;
    const char *runbook; /* path in the project; "" = needs none */
    const char *why;
};

const struct feed_guard_row *feed_guard_row(enum feed_guard guard);

/* The first guard that fires. */
enum feed_guard feed_guard_judge(const struct feed_limits *limits,
                                 const struct feed_effect *effect);

#endif
