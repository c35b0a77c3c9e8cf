/*
 * The level of a kit at one location: as many as its parts make there. Nobody counts a kit;
 * its level is that of the part that runs out first. Pure.
 */
#ifndef PARSTOCK_DOMAIN_KIT_H
#define PARSTOCK_DOMAIN_KIT_H

#include "common/domain/contract.h"

/* What is known of one part at the location. */
struct kit_stock {
    bool exists;
    int64_t quantity; /* the ruling level; may be negative */
};

struct kit_level {
    bool exists; /* false: a part has no level there, so nothing is known of the kit */
    int64_t quantity;
    size_t
        limiting; /* the part that decides: the first without a level, or of the least */
};

/*
 * The least of floor(level / quantity) over the parts. A negative level is units owed, and
 * the kit that they were meant for is owed whole: the floor goes towards minus infinity.
 * `stock` has one entry a part, in the kit's order.
 */
struct kit_level kit_level(const struct kit *kit, const struct kit_stock *stock);

#endif
