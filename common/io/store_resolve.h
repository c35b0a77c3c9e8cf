/*
 * The SQL of resolve: what is known of findings' pairs, what is decided about them, and what
 * came of it. One transaction a batch of findings holds the rows of what is done, the pairs
 * that are marked for push, and the incidents: a finding whose row is there already was acted
 * on, and is passed over.
 *
 * Marking a pair makes push read it in the shop, decide its level anew, and write by
 * compare-and-set: nothing is written here, and no unit can be sold twice by it.
 */
#ifndef PARSTOCK_IO_STORE_RESOLVE_H
#define PARSTOCK_IO_STORE_RESOLVE_H

#include "common/base/pool.h"
#include "common/domain/resolve.h"
#include "common/io/postgres.h"

#define RESOLVE_BATCH_MAX                                                                \
    64 /* findings; each and its run may open an incident of one set */

/* ---- where reading goes on -------------------------------------------------------------- */

/* The next offset of a partition; -1: nothing was read yet. */
enum status store_resolve_next(struct postgres *postgres, struct span topic,
                               int32_t partition, int64_t *offset_out,
                               struct error *error);

/* Within the batch's transaction; never goes back. */
enum status store_resolve_reached(struct postgres *postgres, struct span topic,
                                  int32_t partition, int64_t offset, struct error *error);

/* ---- deciding --------------------------------------------------------------------------- */

/* What is known beside a batch's findings; texts in the pool. */
struct resolve_beside {
    const struct finding *findings;
    size_t count;
    /* out */
    struct finding_beside beside[RESOLVE_BATCH_MAX];
    bool is_done[RESOLVE_BATCH_MAX]; /* acted on already */
};

enum status store_resolve_beside(struct postgres *postgres, struct resolve_beside *beside,
                                 struct pool *pool, struct error *error);

/* A run as the guards have it; the row stays locked until the transaction ends. */
struct resolve_run_row {
    bool is_there;
    enum resolve_run state;
    bool is_planned; /* its numbers are of the whole run; else of what has come so far */
    struct guard_run numbers;
    bool shop_is_stopped; /* a guard has stopped the shop, be it in another run */
};

enum status store_resolve_run(struct postgres *postgres, struct span run_id,
                              struct span shop, struct resolve_run_row *out,
                              struct error *error);

/* Levels of the shop that a run of this id has compared, or that there are. */
enum status store_resolve_compared(struct postgres *postgres, struct span run_id,
                                   struct span shop, int64_t *compared_out,
                                   struct error *error);

struct resolve_run_write {
    struct span run_id;
    struct span shop;
    struct resolve_run_row row;
    const char *guard; /* that stopped it; NULL = none did */
};

enum status store_resolve_run_write(struct postgres *postgres,
                                    const struct resolve_run_write *write,
                                    struct error *error);

/* ---- acting ----------------------------------------------------------------------------- */

/* A row of drift_actions. */
struct resolve_act {
    struct span id; /* of the finding, or a name of its own */
    struct span sku;
    struct span shop;
    struct span location;
    struct span run_id; /* "" = none */
    struct span batch;  /* "" = none */
    enum policy_action action;
    bool is_rule;
    struct span rule;
    struct span bar;
    struct span actor;
    struct span incident; /* bytes NULL = none */
    enum resolve_state state;
};

/* Writes the rows that are not there; is_new_out says which. Pairs of those that are pending
 * are marked for push. Any number of rows. */
enum status store_resolve_act(struct postgres *postgres, const struct resolve_act *acts,
                              size_t count, bool *is_new_out, struct error *error);

#endif
