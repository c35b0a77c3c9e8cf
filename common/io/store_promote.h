/*
 * A shadow in the live state's place, which is kept as a shadow of its own: at the offsets at
 * which it was, so that it can judge what came since and come back. All functions are given a
 * connection to the live schema.
 */
#ifndef PARSTOCK_IO_STORE_PROMOTE_H
#define PARSTOCK_IO_STORE_PROMOTE_H

#include "common/io/postgres.h"

#define PROMOTE_FORMER_MAX 32

struct promotion {
    struct span shadow_schema;
    struct span former_schema;
    struct span former; /* its name as a shadow */
    struct span topic;
    struct span actor;
    int64_t id;
    int64_t levels; /* that changed, came or went */
    int64_t pairs;  /* to be decided anew */
};

/* A name for the state that goes that no promotion has used. */
enum status store_promote_name(struct postgres *live, char name_out[PROMOTE_FORMER_MAX],
                               struct error *error);

/* The pages of the ledger that there are by now, into the former schema: apply works on. */
enum status store_promote_pages(struct postgres *live, struct span former_schema,
                                struct error *error);

/* Opens the transaction and holds the fence of every live partition: apply waits. */
enum status store_promote_begin(struct postgres *live, struct span topic,
                                struct error *error);

/* Keeps the former state, swaps and commits: every owner of a live partition is fenced out,
 * and goes on from where the shadow is. The caller has seen that both are at the same
 * offsets. */
enum status store_promote_commit(struct postgres *live, struct promotion *promotion,
                                 struct error *error);

#endif
