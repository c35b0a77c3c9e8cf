/*
 * catalog sync: what a shop sells and shows, by one bulk export, into shop_items and
 * shop_levels. catalog check: is everything that a source has spoken of ready to be
 * written, and what is in the way? Memory is bounded: the export's batches and the names that
 * `limit` allows.
 */
#ifndef PARSTOCK_WORKERS_CATALOG_CATALOG_H
#define PARSTOCK_WORKERS_CATALOG_CATALOG_H

#include "common/io/store_catalog.h"
#include "common/io/store_catalog_check.h"
#include "common/runtime/output.h"
#include "common/runtime/shop_access.h"

struct catalog {
    const struct config *config;
    const struct contract *contract;
    struct postgres *postgres;
    enum output output;
    int64_t limit; /* names of offenders a line, at most */
    bool terminal; /* a progress line may be drawn on stderr */
};

/* One shop from its export to the tables. */
enum status catalog_sync(struct catalog *catalog, const struct shop *shop,
                         struct catalog_counts *counts_out, struct error *error);

/* *ready_out: nothing is in the way of any pair. */
struct buf;
enum status catalog_check(struct catalog *catalog, const struct shop *shop,
                          struct buf *out, bool *ready_out, struct error *error);

/* Counts the high-risk items and names the first of them. */
enum status catalog_risk(struct catalog *catalog, const struct catalog_question *question,
                         struct catalog_report *report,
                         const struct catalog_visitor *names, struct error *error);

#endif
