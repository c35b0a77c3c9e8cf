/*
 * Pairs of which more was sold than there is, held against their open incidents, as in
 * store_refused.h: level-triggered, within a transaction that holds the shop's lease.
 *
 * Items that the shop does not track, or sells on below zero, are none of it.
 */
#ifndef PARSTOCK_IO_STORE_OVERSOLD_H
#define PARSTOCK_IO_STORE_OVERSOLD_H

#include "common/domain/contract.h"
#include "common/io/store_incidents.h"

struct oversold_pair {
    enum incident_class class; /* INCIDENT_SHOP_OVERSOLD or INCIDENT_STOCK_OVERSOLD */
    struct span sku;
    struct span location;
    int64_t units;           /* sold beyond what there is */
    int64_t found_at_us;     /* the database's clock */
    struct span traceparent; /* of the event behind its number; bytes NULL = none */
};

struct oversold {
    struct span shop;
    enum level_state mode; /* what `shown` of its levels means */
    struct pool *pool;
    /* out */
    size_t count;
    struct oversold_pair pairs[INCIDENT_SET_MAX];
};

/* The first of those that have no open incident. */
enum status store_oversold(struct postgres *postgres, struct oversold *oversold,
                           struct error *error);

/* Open incidents of which nothing is left. Texts in the pool. */
enum status store_oversold_over(struct postgres *postgres,
                                const struct oversold *oversold,
                                struct incident_ends *ends_out, struct error *error);

#endif
