/*
 * All SQL of the catalogue: what a shop sells and shows, staged in temporary tables while
 * it streams in, then merged in bounded transactions.
 *
 * What a newer write or an open write knows of a pair is never overwritten: a level is
 * taken only if no write holds the pair and nothing was learnt of it since the run began
 * (the database's clock).
 */
#ifndef PARSTOCK_IO_STORE_CATALOG_H
#define PARSTOCK_IO_STORE_CATALOG_H

#include "common/domain/contract.h"
#include "common/io/store_push.h"

struct catalog_run {
    struct span shop;
    int64_t id;
    int64_t started_at_us;
};

/*
 * Locks the shop's catalogue for this connection (*busy_out: another run has it), begins a
 * run, and empties the staging tables of the connection.
 */
enum status store_catalog_begin(struct postgres *postgres, struct catalog_run *run,
                                bool *busy_out, struct error *error);

/* The staging tables of the connection, empty; without a run of the catalogue. */
enum status store_catalog_staging(struct postgres *postgres, struct error *error);

#define CATALOG_BATCH_MAX 1000

struct catalog_items {
    size_t count;
    struct span items[CATALOG_BATCH_MAX];
    struct span raw_skus[CATALOG_BATCH_MAX];
    struct span skus[CATALOG_BATCH_MAX]; /* normalised; empty = none, or a bad one */
    bool tracked[CATALOG_BATCH_MAX];
};

/* What sells the items: none, one or several of each. */
struct catalog_variants {
    size_t count;
    struct span items[CATALOG_BATCH_MAX];
    struct span tags[CATALOG_BATCH_MAX]; /* one a line */
    bool continues[CATALOG_BATCH_MAX];
    bool bundle[CATALOG_BATCH_MAX];
    bool has_price[CATALOG_BATCH_MAX];
    int64_t price_micros[CATALOG_BATCH_MAX];
};

struct catalog_levels {
    size_t count;
    struct span items[CATALOG_BATCH_MAX];
    struct span gids[CATALOG_BATCH_MAX];
    bool active[CATALOG_BATCH_MAX];
    int64_t available[CATALOG_BATCH_MAX];
    int64_t on_hand[CATALOG_BATCH_MAX];
    bool has_available[CATALOG_BATCH_MAX];
    bool has_on_hand[CATALOG_BATCH_MAX];
    int64_t committed[CATALOG_BATCH_MAX];
};

enum status store_catalog_stage_items(struct postgres *postgres,
                                      const struct catalog_items *items,
                                      struct error *error);
enum status store_catalog_stage_variants(struct postgres *postgres,
                                         const struct catalog_variants *variants,
                                         struct error *error);
enum status store_catalog_stage_levels(struct postgres *postgres,
                                       const struct catalog_levels *levels,
                                       struct error *error);

struct catalog_counts {
    int64_t items_before; /* of the shop, before the merge */
    int64_t items;        /* staged */
    int64_t levels;
};

enum status store_catalog_counts(struct postgres *postgres, const struct catalog_run *run,
                                 struct catalog_counts *counts_out, struct error *error);

/* Staged items become shop_items; those not seen go, duplicates are marked. Pairs whose SKU
 * gets or loses an item forget what was left in the old one. */
enum status store_catalog_merge_items(struct postgres *postgres,
                                      const struct catalog_run *run, struct error *error);

/* Where staged levels go. */
struct catalog_target {
    const struct catalog_run *run;
    const struct shop_places *places;
    enum level_state mode; /* which quantity is shown */
};

/* Staged levels after `from` up to `to` (numbers from 1 to counts.levels). */
enum status store_catalog_merge_levels(struct postgres *postgres,
                                       const struct catalog_target *target, int64_t from,
                                       int64_t to, struct error *error);

/* Levels that vanished, pairs whose item moved, faults of all pairs, the end of the run. */
enum status store_catalog_finish(struct postgres *postgres, const struct catalog_run *run,
                                 const struct shop_places *places,
                                 const struct catalog_counts *counts,
                                 struct error *error);

#endif
