/*
 * What the keeper's files share: a connection, memory of one piece of work, and its pieces.
 * Each piece is one transaction of its own, begun and ended by it, and says whether there is
 * more of it.
 */
#ifndef PARSTOCK_WORKERS_RESOLVE_RESOLVE_KEEP_H
#define PARSTOCK_WORKERS_RESOLVE_RESOLVE_KEEP_H

#include "common/io/store_incident_life.h"
#include "common/runtime/incident_relay.h"
#include "workers/resolve/resolve.h"
#include "workers/resolve/resolve_watch.h"

struct keeper {
    struct resolve *resolve;
    struct postgres *postgres;
    struct incident_relay *relay;
    struct pool pool; /* of the piece of work in hand */
    struct watch watch;
    int tries;
};

/* A set, its changes and its ends: too large for a stack. From the keeper's pool. */
struct keeper_news {
    struct incident_set set;
    struct incident_changes changes;
    struct incident_ends ends;
};

struct keeper_news *keeper_news(struct keeper *keeper, struct error *error);

/* Opens or counts what the set has seen, and tells; resolves `ends`, and tells. */
enum status keeper_see(struct keeper *keeper, struct keeper_news *news,
                       struct error *error);
enum status keeper_end(struct keeper *keeper, struct keeper_news *news,
                       struct error *error);

/* resolve_approve.c: actions that a person approved, and stops that nobody can end */
enum status keeper_approved(struct keeper *keeper, bool *more_out, struct error *error);
enum status keeper_rejected(struct keeper *keeper, bool *more_out, struct error *error);

/* resolve_settle.c: resyncs read back */
enum status keeper_settle(struct keeper *keeper, bool *more_out, struct error *error);

/* resolve_close.c: ended runs held against open incidents */
enum status keeper_close(struct keeper *keeper, bool *more_out, struct error *error);

#endif
