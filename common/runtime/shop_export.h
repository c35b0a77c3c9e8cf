/*
 * A shop's bulk export, from the request to rows in the staging tables of a connection
 * (common/io/store_catalog.h). Waits while the shop is busy or throttles; a process that
 * is told to end stops waiting.
 *
 * STATUS_RETRY with exit code 75: the shop is busy, or the export came to nothing. Source:
 * Shopify's bulk operations.
 */
#ifndef PARSTOCK_RUNTIME_SHOP_EXPORT_H
#define PARSTOCK_RUNTIME_SHOP_EXPORT_H

#include "common/io/postgres.h"
#include "common/io/shopify.h"

struct shop_export {
    struct shopify *shopify;
    struct postgres *postgres;
    struct span shop;                                              /* its name */
    unsigned sku_steps;                                            /* of the contract */
    void (*progress)(void *self, const char *what, int64_t count); /* NULL: not told */
    void *self;
    struct shopify_bulk
        bulk; /* set by shop_export_begin; bulk.id names it to go on with */
};

enum status shop_export_begin(struct shop_export *export, struct error *error);

/* Until it has completed. */
enum status shop_export_await(struct shop_export *export, struct error *error);

/* Downloads it, a batch of lines at a time. */
enum status shop_export_stage(struct shop_export *export, struct error *error);

#endif
