/*
 * The life of an incident in Postgres: what people and workers do with it, by the tables of
 * common/domain/incident_life.h. Each function is to be called within a transaction of the
 * caller and leaves all of its effect there: the incident's row, the log, and the record for
 * the topic (store_incident_outbox.h). Texts of results live in the pool.
 */
#ifndef PARSTOCK_IO_STORE_INCIDENT_LIFE_H
#define PARSTOCK_IO_STORE_INCIDENT_LIFE_H

#include "common/domain/incident_life.h"
#include "common/io/store_incidents.h"

/* ---- acts ------------------------------------------------------------------------------- */

struct incident_deed {
    enum incident_verb verb;
    struct span id;
    struct span actor;
    struct span note;        /* why; bytes NULL = not said */
    struct span root_cause;  /* bytes NULL = as it was */
    struct span remediation; /* bytes NULL = as it was */
};

/*
 * STATUS_REJECT: nothing was changed; error.code is "unknown_incident" or the id of the rule
 * that forbids it, error.text says why.
 */
enum status store_incident_do(struct postgres *postgres, const struct incident_deed *deed,
                              struct pool *pool, struct incident *after_out,
                              struct error *error);

/* The same checks, and nothing changed: for --dry-run. */
enum status store_incident_may(struct postgres *postgres,
                               const struct incident_deed *deed, struct error *error);

/* ---- actions that were approved ----------------------------------------------------------- */

struct incident_approved {
    struct span id;
    struct span class;
    struct span cause;
    struct span shop;     /* bytes NULL = many */
    struct span sku;      /* bytes NULL = many */
    struct span location; /* bytes NULL = many */
    struct span proposal; /* the JSON object that was proposed */
    struct span approved_by;
    int64_t approved_at_us;
};

#define INCIDENT_APPROVED_MAX 64

struct incident_approved_page {
    size_t count;
    struct incident_approved items[INCIDENT_APPROVED_MAX];
};

/*
 * Takes up to a page of approved actions, the longest approved first, and marks them taken.
 * Others that take at the same time get others. What the caller does about them belongs into
 * the same transaction: committed, it is done once; rolled back, they are approved still.
 */
enum status store_incidents_take_approved(struct postgres *postgres, struct span actor,
                                          struct pool *pool,
                                          struct incident_approved_page *page_out,
                                          struct error *error);

/* What came of an action that was taken: verb DONE or FAIL, the note says how (read back).
 * STATUS_REJECT where it stands otherwise, e.g. said already. It is store_incident_do. */

/* ---- runs ----------------------------------------------------------------------------------- */

/* An open incident of a class that clean runs end. */
struct incident_of_pair {
    struct span id;
    struct span class;
    struct span cause;
    struct span sku;
    struct span location;
};

struct incident_run {
    struct span shop;
    struct span id;      /* of the run; the same when it is resumed */
    struct span actor;   /* e.g. "drift" */
    int64_t began_at_us; /* by the database's clock, before its first read */
    /* What the run says of this pair. Asked for every open incident of the shop. */
    enum incident_finding_of_run (*says)(void *self, const struct incident_of_pair *pair);
    void *self;
};

struct incident_run_report {
    size_t looked_at; /* open incidents of the shop */
    size_t clean;     /* counted, and not enough yet */
    size_t resolved;
};

/*
 * Holds a run that has ended against the shop's open incidents: found clean twice in a row
 * they are resolved, and their log says by which runs. Saying the same run again changes
 * nothing. The incidents of findings that are on their way still must be told RUN_FOUND.
 */
enum status store_incidents_run(struct postgres *postgres, const struct incident_run *run,
                                struct incident_run_report *report_out,
                                struct error *error);

#endif
