/*
 * The SQL of `catalog check`: how ready a shop is to be written, and who is in the way.
 * Pairs are those that a source has spoken of; faults are found anew, not as the last sync
 * left them.
 */
#ifndef PARSTOCK_IO_STORE_CATALOG_CHECK_H
#define PARSTOCK_IO_STORE_CATALOG_CHECK_H

#include "common/io/store_push.h"

/* What is counted. The statements give their columns in this order. */
enum catalog_line {
    CATALOG_ITEMS,
    CATALOG_ITEMS_WITHOUT_SKU,
    CATALOG_ITEMS_UNTRACKED,
    CATALOG_ITEMS_DUPLICATE,
    CATALOG_ITEMS_BUNDLE,
    CATALOG_ITEMS_CONTINUE,
    CATALOG_ITEMS_WITHOUT_LEVEL, /* tracked, of no source; neither bundle nor excluded */
    CATALOG_ITEMS_HIGH_RISK,     /* this and the next three: not counted here */
    CATALOG_ITEMS_RISK_LISTED,
    CATALOG_ITEMS_RISK_TAGGED,
    CATALOG_ITEMS_RISK_VALUED,
    CATALOG_PAIRS_READY,
    CATALOG_PAIRS_UNMAPPED,
    CATALOG_PAIRS_DUPLICATE,
    CATALOG_PAIRS_BUNDLE,
    CATALOG_PAIRS_UNTRACKED,
    CATALOG_PAIRS_NOT_STOCKED,
    CATALOG_PAIRS_INACTIVE, /* of these, those whose level is there but switched off */
    CATALOG_PAIRS_QUARANTINED,
    CATALOG_LINE_COUNT
};

struct catalog_question {
    struct span shop;
    int64_t limit; /* names a line at most */
    const struct shop_places *places;
    const struct span *excluded; /* normalised SKUs that the shop is not to show */
    size_t excluded_count;
};

struct catalog_report {
    int64_t synced_at_us; /* 0: never */
    int64_t counts[CATALOG_LINE_COUNT];
};

enum status store_catalog_report(struct postgres *postgres,
                                 const struct catalog_question *question,
                                 struct catalog_report *report_out, struct error *error);

/* One that a line counts; what a line has no use for is absent. */
struct catalog_offender {
    struct span sku;
    struct span location;
    struct span item;
    struct span detail; /* the SKU as it is written, or the reason */
};

struct catalog_visitor {
    void (*each)(void *self, const struct catalog_offender *offender);
    void *self;
};

/* Is there a list of them? Not of all items, of the ready ones, nor of the risky ones. */
bool store_catalog_names(enum catalog_line line);

/* The first of a line, in order of SKU and location. */
enum status store_catalog_offenders(struct postgres *postgres,
                                    const struct catalog_question *question,
                                    enum catalog_line line,
                                    const struct catalog_visitor *visitor,
                                    struct error *error);

/* An item with what makes it risky. */
struct catalog_item {
    struct span sku;
    struct span item;
    struct span tags; /* one a line */
    bool has_price;
    int64_t price_micros;
};

struct catalog_item_visitor {
    enum status (*each)(void *self, const struct catalog_item *item, struct error *error);
    void *self;
};

/* All items of the shop, one at a time, in order of SKU. */
enum status store_catalog_items(struct postgres *postgres, struct span shop,
                                const struct catalog_item_visitor *visitor,
                                struct error *error);

#endif
