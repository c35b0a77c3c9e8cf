/*
 * What pairs of a shop should show, decided by what the tables hold at this moment: levels,
 * what left the shops, the contract. Within the caller's transaction, which holds the
 * pairs' rows, so that no later word of apply is overwritten.
 */
#ifndef PARSTOCK_RUNTIME_PAIR_DECIDE_H
#define PARSTOCK_RUNTIME_PAIR_DECIDE_H

#include "common/base/pool.h"
#include "common/domain/desired.h"
#include "common/io/store_unseen.h"

struct pair_decision {
    bool is_decided; /* false: no ruling level, so that whatever was said before stands */
    struct desired desired;
    /* What it rests on, for whoever has to say why; only where it is decided. */
    struct desired_input input;
    int64_t unseen_after_us; /* the source has seen what left the shops up to here */
    const struct shop_units *units; /* one a shop of the contract; in the pool */
};

struct pair_question {
    const struct contract *contract;
    size_t shop; /* index into the contract */
    const struct place *places;
    size_t count;
};

/* `pool`: for work; afterwards only a decision's units lie in it. STATUS_RETRY: away, or no
 * memory. */
enum status pair_decide(struct postgres *postgres, const struct pair_question *question,
                        struct pool *pool, struct pair_decision *decisions,
                        struct error *error);

#endif
