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

/* A SKU whose sales take from a stock: the stock's own, and every kit that holds it. */
struct pair_claim {
    struct span sku;
    bool is_own;      /* the pair's own: its shop may keep what was ordered itself */
    int64_t per_unit; /* units of the stock in one of it */
    const struct shop_units *units; /* one a shop of the contract */
};

/*
 * A SKU's stock at a location, as one pair draws on it: a pair of a kit has one a part, any
 * other pair has one, its own.
 */
struct pair_stock {
    size_t pair;
    struct span sku;
    int64_t per_unit;   /* units of it in one of the pair's */
    struct level level; /* source -1: none that the contract has */
    struct reading reading;
    int64_t unseen_after_us; /* what left the shops until then, the source has seen */
    const struct pair_claim *claims;
    size_t claim_count; /* 0 without a source */
};

struct pair_decision {
    bool failed;     /* out of memory; never handed out */
    bool is_decided; /* false: no ruling level, so that whatever was said before stands */
    struct desired desired;
    /* What it rests on, for whoever has to say why; only where it is decided. */
    struct desired_input input;
    const struct pair_stock *stocks; /* one, or the parts of a kit in its order */
    size_t stock_count;
};

struct pair_question {
    const struct contract *contract;
    size_t shop; /* index into the contract */
    const struct place *places;
    size_t count;
};

/* `pool`: for work; afterwards a decision's stocks lie in it. STATUS_RETRY: away, or no
 * memory. */
enum status pair_decide(struct postgres *postgres, const struct pair_question *question,
                        struct pool *pool, struct pair_decision *decisions,
                        struct error *error);

/* Units of the stock that sales unseen by its source take off for the shop: all, and those
 * that shop `at` sold of one SKU. */
int64_t pair_unseen(const struct contract *contract, size_t shop,
                    const struct pair_stock *stock);
int64_t pair_claim_share(const struct contract *contract, size_t shop,
                         const struct pair_claim *claim, size_t at);

#endif
