/*
 * The state that goes when a shadow is promoted, kept as a shadow of its own.
 */
#ifndef PARSTOCK_WORKERS_REPLAY_FORMER_H
#define PARSTOCK_WORKERS_REPLAY_FORMER_H

#include "common/io/store_promote.h"
#include "workers/replay/replay.h"

struct replay_former {
    char name[PROMOTE_FORMER_MAX];
    char schema[SHADOW_SCHEMA_MAX];
};

/* Makes its schema, and copies what of the ledger there is while apply works on. One promotion
 * at a time: the others wait until the connection to the live state is closed. */
enum status replay_former_begin(struct replay *replay, struct replay_former *former,
                                struct error *error);

/* After a promotion that came to nothing. */
void replay_former_drop(struct replay *replay, const struct replay_former *former);

#endif
