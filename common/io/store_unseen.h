/*
 * The table shop_units: what was ordered, and what was found missing in the shops.
 * Statuses as in common/io/postgres.h.
 */
#ifndef PARSTOCK_IO_STORE_UNSEEN_H
#define PARSTOCK_IO_STORE_UNSEEN_H

#include "common/domain/unseen.h"
#include "common/io/postgres.h"
#include "common/io/store_apply.h"

/* Asks what left the shops at a place after a moment; orders without a location count at
 * every location of their SKU. */
struct unseen_question {
    struct place place;
    int64_t after_us;
    struct shop_units *units; /* out; the caller's, one a shop of the contract */
};

enum status store_unseen(struct postgres *postgres, const struct contract *contract,
                         const struct unseen_question *questions, size_t count,
                         struct error *error);

#endif
