/*
 * One pass of retention: find, plan, do. What could not be done for want of a lock is
 * reported and left to the next pass; everything else ends the pass.
 */
#ifndef PARSTOCK_WORKERS_RETENTION_RETENTION_H
#define PARSTOCK_WORKERS_RETENTION_RETENTION_H

#include "common/domain/retention.h"
#include "common/io/store_retention.h"

enum step_state { STEP_PLANNED, STEP_DONE, STEP_DEFERRED, STEP_BUSY };

struct pass {
    bool dry_run;
    bool is_elsewhere; /* another process is at it: nothing was done */
    struct retention_found found;
    struct retention_plan plan;
    enum step_state states[RETENTION_STEPS_MAX];
    size_t busy; /* steps that got no lock */
    int64_t runs_removed;
    int64_t units_removed; /* of shop_units */
    struct retention_ages ages;
    int64_t history_removed[RETENTION_HISTORY_COUNT];
    int64_t seals_made;      /* of closed weeks of the ledger, and of days that go */
    int64_t imports_removed; /* of imports: how far feeds are that nobody goes on with */
};

const char *step_state_name(enum step_state state);

/* `pass` keeps its dry_run, ages and found.keep_days; the rest is filled. */
enum status pass_run(struct postgres *postgres, struct pass *pass, struct error *error);

#endif
