/*
 * What pairs of a shop should show, decided by what the tables hold at this moment: levels,
 * what left the shops, the contract. Within the caller's transaction, which holds the
 * pairs' rows, so that no later word of apply is overwritten.
 *
 * A kit's level is that of its parts, whatever a source says of the kit itself. Parts and
 * kits sell from one stock: what was sold of a kit and is unseen is off its parts' levels,
 * and what was sold of a part is off its kits'.
 */
#ifndef PARSTOCK_RUNTIME_PAIR_DECIDE_H
#define PARSTOCK_RUNTIME_PAIR_DECIDE_H

#include "common/base/pool.h"
#include "common/domain/desired.h"
#include "common/io/store_unseen.h"

struct pair_decision {
    bool failed;     /* out of memory; never handed out */
    bool is_decided; /* false: no ruling level, so that whatever was said before stands */
    struct desired desired;
};

struct pair_question {
    const struct contract *contract;
    size_t shop; /* index into the contract */
    const struct place *places;
    size_t count;
};

/* `pool`: for work; what it gives is not needed afterwards. STATUS_RETRY: away, or no
 * memory. */
enum status pair_decide(struct postgres *postgres, const struct pair_question *question,
                        struct pool *pool, struct pair_decision *decisions,
                        struct error *error);

#endif
