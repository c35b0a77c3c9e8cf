/*
 * Some items of the catalogue anew, after a webhook said that they may have changed: their
 * facts, the SKUs that they have now, and which pairs follow. One transaction.
 *
 * Levels are not taken from here: pairs whose item moved are marked as not seen, and push
 * reads them before it writes. A pair that has a write under way stops the whole, which is
 * then tried again: nobody knows yet which item that write was for.
 */
#ifndef PARSTOCK_IO_STORE_CATALOG_SOME_H
#define PARSTOCK_IO_STORE_CATALOG_SOME_H

#include "common/io/store_catalog.h"

/* What the shop said of one item at one location. */
struct some_level {
    struct span item;
    struct span location; /* code */
    bool active;
};

struct some_items {
    struct span shop;
    const struct shop_places *places;
    int64_t asked_at_us;               /* the database's clock, before the shop was */
    const struct catalog_items *items; /* as they are */
    const struct catalog_variants *variants; /* what sells them */
    const struct span *gone;                 /* items that the shop has no more */
    size_t gone_count;
    const struct some_level *levels; /* of those that need them (store_catalog_moved) */
    size_t level_count;
};

/* The database's clock. */
enum status store_catalog_now(struct postgres *postgres, int64_t *now_us_out,
                              struct error *error);

/* Which of the items are new or have another SKU than the catalogue says: `moved`, one a
 * place of items. */
enum status store_catalog_moved(struct postgres *postgres, struct span shop,
                                const struct catalog_items *items, bool *moved,
                                struct error *error);

/* *busy_out: nothing was changed, a write is under way. */
enum status store_catalog_some(struct postgres *postgres, const struct some_items *some,
                               bool *busy_out, struct error *error);

#endif
