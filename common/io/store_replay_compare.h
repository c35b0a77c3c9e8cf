/*
 * One side of a comparison of two states: tables row by row, in order, in one snapshot. The
 * live state and a shadow are each such a side, on a connection of its own.
 */
#ifndef PARSTOCK_IO_STORE_REPLAY_COMPARE_H
#define PARSTOCK_IO_STORE_REPLAY_COMPARE_H

#include "common/io/postgres.h"

enum compared { COMPARED_LEVELS, COMPARED_READINGS, COMPARED_DESIRED, COMPARED_COUNT };
const char *compared_name(enum compared what);

/* Opens the snapshot; `sku`: only its rows (bytes NULL: all). */
enum status store_compare_begin(struct postgres *postgres, struct span sku,
                                struct error *error);
enum status store_compare_open(struct postgres *postgres, enum compared what,
                               struct error *error);

/* Some more rows in order of SKU, location and part, byte by byte; none = that was all. */
enum status store_compare_fetch(struct postgres *postgres, enum compared what,
                                struct rows *rows, struct error *error);

struct compared_row {
    struct span sku;
    struct span location;
    struct span part;   /* source of a reading, shop of a desired level; "" for a level */
    bool has_number;    /* false: undecided, or nothing known */
    int64_t number;     /* the level; what the reading says; what the shop should show */
    struct span source; /* that rules the level; "" elsewhere */
    struct span rest;   /* everything else of the row, as text */
};
struct compared_row store_compare_row(const struct rows *rows, int row);

enum status store_compare_end(struct postgres *postgres, struct error *error);

#endif
