/*
 * Incidents in Postgres: seen again within somebody's open transaction, so that an incident
 * and the record that tells of it commit with the work that found it; and read for people.
 * Problems are taken in one order, so that two transactions never wait for each other here;
 * the rows stay locked until the caller commits: call it late.
 */
#ifndef PARSTOCK_IO_STORE_INCIDENTS_H
#define PARSTOCK_IO_STORE_INCIDENTS_H

#include "common/base/pool.h"
#include "common/domain/incident.h"
#include "common/io/postgres.h"

/* A change that subscribers are to be told, and the sighting that brought it. */
struct incident_change {
    struct incident incident;
    const struct incident_sighting *sighting; /* of the caller's set; empty for an end */
};

struct incident_changes {
    size_t count;
    struct incident_change items[INCIDENT_SET_MAX];
};

/*
 * Opens an incident for each problem of the set that has none open, or reopens the one that
 * ended a short while ago (incident_return); counts the sightings of those that have; and
 * writes the log for what is to be told: what opens or reopens, what has a new cause or
 * severity or a newly proposed action, and otherwise by incident_is_told. Texts live
 * in the pool. To be called within a transaction; nothing happens for an empty set.
 */
enum status store_incidents_see(struct postgres *postgres, const struct incident_set *set,
                                struct pool *pool, struct incident_changes *changes_out,
                                struct error *error);

/* Incidents that are over. Texts belong to the caller. */
struct incident_ends {
    const char *actor;
    size_t count;
    struct span ids[INCIDENT_SET_MAX];
    struct span skus[INCIDENT_SET_MAX];    /* '' where the incident has none */
    struct span reasons[INCIDENT_SET_MAX]; /* how it ended, for people */
};

/* Takes id, SKU and reason from the first columns of rows; texts in the pool. */
enum status store_incidents_take_ends(const struct rows *rows, struct pool *pool,
                                      struct incident_ends *ends_out,
                                      struct error *error);

/* Resolves those that are open; how they ended is in the log's note and evidence.ended. To
 * be called within a transaction. */
enum status store_incidents_resolve(struct postgres *postgres,
                                    const struct incident_ends *ends, struct pool *pool,
                                    struct incident_changes *changes_out,
                                    struct error *error);

/* ---- reading ------------------------------------------------------------------------------ */

struct incident_view {
    struct incident incident; /* state: as it stands */
    int64_t last_seen_at_us;
    struct span about; /* the SKU, shop or source that it concerns; "-" = neither */
};

struct incident_filter {
    bool resolved;     /* also those */
    struct span id;    /* bytes NULL = any */
    struct span class; /* bytes NULL = any */
    struct span sku;   /* that it is about, or that it was first or last seen with */
    struct span state; /* as it stands; bytes NULL = any that `resolved` lets through */
    struct span shop;
    struct span severity;
    bool has_since;
    int64_t since_us; /* changed at or after this moment */
};

/* Newest first. Texts are valid during the call that brings them. */
struct incident_visitor {
    enum status (*each)(void *self, const struct incident_view *view,
                        struct error *error);
    void *self;
};
enum status store_incidents_list(struct postgres *postgres,
                                 const struct incident_filter *filter,
                                 const struct incident_visitor *visitor,
                                 struct error *error);

/* A row of the log, oldest first: state, at, actor, what was known then, and a note. */
struct incident_log_view {
    struct incident
        incident; /* id, state, at, actor, revision, occurrences, evidence, .. */
    struct span note;
};

struct incident_log_visitor {
    enum status (*each)(void *self, const struct incident_log_view *view,
                        struct error *error);
    void *self;
};
enum status store_incidents_log(struct postgres *postgres, struct span id,
                                const struct incident_log_visitor *visitor,
                                struct error *error);

#endif
