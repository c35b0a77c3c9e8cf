/*
 * The shop's cost bucket as a value: what it said it holds, and what it must hold now.
 * Follows the answers, never a table of plans: a shop may lower its limits at any time.
 * Points are whole (fractions cut off, which errs on the side of waiting). Times are
 * microseconds of a clock that never goes back. Pure.
 */
#ifndef PARSTOCK_DOMAIN_COST_H
#define PARSTOCK_DOMAIN_COST_H

#include <stdbool.h>
#include <stdint.h>

#define COST_WAIT_MAX_MS 60000
#define COST_THROTTLED_MIN_MS 1000 /* the shop's own recommendation */

/* extensions.cost of one answer. */
struct cost_status {
    bool known;
    int64_t requested;
    int64_t maximum;
    int64_t available;
    int64_t restore_rate; /* points a second */
};

struct cost_bucket {
    struct cost_status last;
    int64_t seen_at_us;
    int64_t set_aside; /* points of calls that are under way */
};

/* Takes the newest answer; one without a status leaves the bucket as it was. */
void cost_observe(struct cost_bucket *bucket, const struct cost_status *status,
                  int64_t now_us);

/* Points that the bucket holds now, as far as we know. */
int64_t cost_available(const struct cost_bucket *bucket, int64_t now_us);

/*
 * Points for a call that is about to be made, until it has ended. An answer counts what the
 * shop had taken by then for calls beside it; taking those off once more, while they are
 * under way, errs on the side of waiting and costs no rate.
 */
void cost_set_aside(struct cost_bucket *bucket, int64_t points);
void cost_release(struct cost_bucket *bucket, int64_t points);

/* Milliseconds until `points` can be paid: 0 = now, at most COST_WAIT_MAX_MS. */
int64_t cost_wait_ms(const struct cost_bucket *bucket, int64_t points, int64_t now_us);

/* The same after the shop has refused: at least COST_THROTTLED_MIN_MS. */
int64_t cost_throttled_ms(const struct cost_bucket *bucket, int64_t points,
                          int64_t now_us);

#endif
