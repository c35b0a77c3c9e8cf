/*
 * What one source says of one (SKU, location), and the level that rules there.
 *
 * A reading is the source's last count plus its adjustments that occurred after that
 * count; with no count yet, the sum of its adjustments. The ruling level is the reading
 * of the best-ranked source (lowest rank) that has one: rank decides, not arrival.
 * Source: outside interface, section 1, "Outcome of an event".
 *
 * For a shop the same struct holds what is known of the shop: `count` is the available
 * last observed, `adjusted` the units ordered. A shop never rules.
 */
#ifndef PARSTOCK_DOMAIN_READING_H
#define PARSTOCK_DOMAIN_READING_H

#include "common/domain/contract.h"
#include "common/domain/event.h"

struct reading {
    bool exists;
    bool has_count;
    bool has_version;  /* of the count */
    bool has_adjusted; /* any adjustment was ever recorded */
    bool has_sees_orders_until;
    int64_t count;
    int64_t counted_at_us;
    int64_t version;
    int64_t adjusted;       /* sum of the adjustments after the count */
    int64_t adjusted_at_us; /* newest adjustment ever recorded, also before the count */
    int64_t sees_orders_until_us;
};

struct level {
    bool exists;
    bool has_version;
    int64_t quantity;
    int source; /* index into contract.sources; -1: one that the contract lost */
    int64_t occurred_at_us;
    int64_t version;
};

int64_t reading_quantity(const struct reading *reading);
int64_t reading_occurred_at_us(const struct reading *reading);

/* Does a count at this moment need the adjustments recorded after it? */
bool reading_needs_later(const struct reading *reading, const struct event *event);

/*
 * The reading after the event, which must not be stale. `adjusted_later` counts for a
 * count only: the sum of recorded adjustments that occurred after it. `level_exists`: an
 * adjustment by 0 from a source without reading tells nothing, so that it makes none
 * where another source rules.
 */
struct reading reading_after(const struct reading *reading, const struct event *event,
                             int64_t adjusted_later, bool level_exists);

/* The level by the readings, one a source of the contract. */
struct level level_ruling(const struct contract *contract,
                          const struct reading *readings);

/* Index of the source that rules, -1 = none has a reading. */
int level_ruling_source(const struct contract *contract, const struct reading *readings);

/* Would a reader of the level see a difference? */
bool level_equal(const struct level *left, const struct level *right);

#endif
