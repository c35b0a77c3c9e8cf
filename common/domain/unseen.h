/*
 * Units that left the shops and that a source's number cannot know of: they are taken off
 * before a level is shown, or they would be sold again.
 *
 * Two witnesses speak of every sale. The shop's order arrives as an event, late or never;
 * the shop's own level is found lower than it was left, whenever it is read. Each sees what
 * the other may miss, and a sale that both have seen must count once: per shop the larger of
 * the two sums counts.
 *
 *     mode available   orders and missing units of every shop count
 *     mode on_hand     the shop itself keeps ordered units from being sold (committed); only
 *                      units that left its on_hand (shipped) count, and what other shops sold
 *
 * A compare-and-set proves that the shop we write to sold nothing since it was read. Of
 * another shop nothing is proven: there orders since its last read come on top.
 *
 * A cancellation is taken off known orders only. What was missing at a read is never put
 * back by it: it may be of an order that the source had seen, of one whose event was lost,
 * or be in the source's number already. So an error of these rules shows too little, until
 * the source's next number.
 *
 * Pure. Source: design rules 6 and 7.
 */
#ifndef PARSTOCK_DOMAIN_UNSEEN_H
#define PARSTOCK_DOMAIN_UNSEEN_H

#include "common/domain/reading.h"

/* What is known of one shop after the source's watermark, in units of one place. */
struct shop_units {
    int64_t ordered;   /* by events; >= 0 */
    int64_t cancelled; /* by events; >= 0 */
    int64_t gone;      /* missing in the shop's level when it was read; >= 0 */
    int64_t recent;    /* of `ordered`: placed after the last read, so not in `gone` */
};

/* How a row of the table shop_units came about. Stored: only add. */
enum units_kind {
    UNITS_ORDERED = 1, /* negative: cancelled */
    UNITS_GONE = 2,
};

/*
 * The moment up to which the reading has seen what the shops sold. What a source says of
 * orders (sees_orders_until) says nothing of shipments: for on_hand its lag counts alone.
 */
int64_t unseen_after_us(enum level_state mode, const struct source *source,
                        const struct reading *reading);

/* Who asks. */
enum unseen_view {
    UNSEEN_KEPT, /* the shop whose level it is; it keeps ordered units itself (on_hand) */
    UNSEEN_OWN,  /* the shop whose level it is, in mode available */
    UNSEEN_OTHER, /* another shop, or another SKU that takes from the same stock */
};

/* How the shop `at` is looked at for a level of `shop`. */
enum unseen_view unseen_view(const struct contract *contract, size_t shop, size_t at);

/* What one shop's sales take off. Never below 0. */
int64_t unseen_share(const struct shop_units *units, enum unseen_view view);

/* `units`: one a shop of the contract, of the SKU that the shop's level is of. Never below
 * 0. */
int64_t unseen_units(const struct contract *contract, size_t shop,
                     const struct shop_units *units);

#endif
