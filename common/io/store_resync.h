/*
 * The SQL of `parstock resync`: which pairs a person asks for, and the marks that make push
 * read and write them. Filters go by what is given; texts belong to the caller.
 */
#ifndef PARSTOCK_IO_STORE_RESYNC_H
#define PARSTOCK_IO_STORE_RESYNC_H

#include "common/io/postgres.h"

struct resync_filter {
    const struct span *shops; /* at least one */
    size_t shop_count;
    const struct span *skus; /* normalised; a count of 0 = all */
    size_t sku_count;
    struct span location; /* code; bytes NULL = all */
};

/* A pair that the filter takes; texts are valid during the call that brings it. */
struct resync_pair {
    struct span shop;
    struct span sku;
    struct span location;
    struct span state; /* as in `parstock levels` */
    bool may;          /* something is desired of it and push does not leave it alone */
    bool has_desired;
    int64_t desired;
    bool has_shown;
    int64_t shown;
};

struct resync_visitor {
    enum status (*each)(void *self, const struct resync_pair *pair, struct error *error);
    void *self;
};

/* In order of shop, SKU and location. */
enum status store_resync_plan(struct postgres *postgres,
                              const struct resync_filter *filter,
                              const struct resync_visitor *visitor, struct error *error);

struct resync_shop {
    struct span shop;
    int64_t pairs; /* that may */
};

#define RESYNC_SHOPS_MAX 64

enum status store_resync_count(struct postgres *postgres,
                               const struct resync_filter *filter, struct rows *rows_out,
                               struct error *error);

/* One page of one shop, as one transaction: rows of drift_actions under the batch, and the
 * pairs marked. `after_*`: where the page before ended; "" at the beginning. */
struct resync_page_order {
    const struct resync_filter *filter;
    struct span shop;
    struct span batch;
    struct span actor;
    struct span after_sku;
    struct span after_location;
};

/* count, and the last SKU and location; 0 rows of count 0 = nothing is left. */
enum status store_resync_mark(struct postgres *postgres,
                              const struct resync_page_order *order,
                              struct rows *rows_out, struct error *error);

struct resync_standing {
    int64_t waiting;
    int64_t done;
    int64_t failed;
};

enum status store_resync_standing(struct postgres *postgres, struct span batch,
                                  struct resync_standing *out, struct error *error);

#endif
