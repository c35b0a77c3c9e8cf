/*
 * Rows of the ledger judged again, one place at a time: what each would have come to under
 * another contract, or what the readings were at a moment. The rules are those of apply
 * (common/domain/judge.h); what is remembered between two rows is what the tables hold for it.
 *
 * A place is one (SKU, location). Its rows come in the order in which they were judged;
 * orders without a location come before all places of their SKU and count at each.
 *
 * Memory: some bytes an adjustment and an order of one place, FOLD_CHANGES_MAX of each at most.
 */
#ifndef PARSTOCK_RUNTIME_FOLD_H
#define PARSTOCK_RUNTIME_FOLD_H

#include "common/base/error.h"
#include "common/domain/desired.h"
#include "common/domain/judge.h"

#define FOLD_SLOTS_MAX (CONTRACT_SOURCES_MAX + CONTRACT_SHOPS_MAX)
#define FOLD_CHANGES_MAX ((size_t)4000000)

/* So many units at a moment, by the source or shop of the slot. */
struct fold_change {
    int64_t at_us;
    int64_t units;
    int slot;
};

struct fold_changes {
    struct fold_change *items;
    size_t count;
    size_t capacity;
};

struct fold {
    const struct contract *contract;
    struct reading readings[FOLD_SLOTS_MAX]; /* sources, then shops */
    struct level level;                      /* that rules */
    struct fold_changes adjustments;         /* that were recorded */
    struct fold_changes orders;              /* at the place */
    struct fold_changes everywhere;          /* of the SKU, without a location */
};

void fold_open(struct fold *fold, const struct contract *contract);
void fold_close(struct fold *fold);

void fold_next_sku(struct fold *fold);
void fold_next_place(struct fold *fold); /* of the same SKU */

/* What a source or shop was known to say before the first row; a name that the contract does
 * not have is passed over. Before any row of the place. */
void fold_know(struct fold *fold, struct span source, const struct reading *reading);

/* A row of the ledger: `event` as it was, with names; its indexes are looked up here. */
struct fold_row {
    struct event event;
    int64_t recorded_at_ms; /* 0 = none */
};

/* Judges the row and remembers what came of it. A source or location that the contract does
 * not have is a rejection, as it would be on arrival. STATUS_FATAL: out of memory. */
enum status fold_judge(struct fold *fold, const struct fold_row *row,
                       struct verdict *verdict_out, struct error *error);

/* What the shop should show of the place by events alone: units that a read found missing
 * are not in it. Of a kit, or with no level, .known is false. */
struct desired fold_desired(const struct fold *fold, size_t shop, struct span sku);

#endif
