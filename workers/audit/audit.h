/*
 * parstock audit, inside.
 */
#ifndef PARSTOCK_WORKERS_AUDIT_AUDIT_H
#define PARSTOCK_WORKERS_AUDIT_AUDIT_H

#include "common/base/buf.h"
#include "common/io/store_levels.h"
#include "common/io/store_seal.h"
#include "common/runtime/output.h"

struct audit {
    struct audit_counts counts;
    enum output output;
    int most; /* offenders that are named of each invariant */
    bool has_at;
    int64_t at_us;
    const char *check; /* id of the one that runs */
    size_t found;      /* by it */
    size_t violations;
    struct buf list;       /* JSON members of "violations" */
    struct buf partitions; /* of "partitions", or rows of the table */
    struct seal_checked seals;
    int64_t seals_made;
    int64_t levels;            /* at the moment that is asked about */
    char digest[SEAL_HEX_MAX]; /* of them */
};

/* Names what breaks the check that runs. */
enum status audit_offender(struct audit *audit, struct span offender,
                           struct error *error);

/* Says how a check went that found audit->found. */
void audit_print_check(const struct audit *audit, const char *id, const char *promise);

/* ---- audit_at.c: the ledger at a moment of the past --------------------------------------- */

enum status audit_at(struct audit *audit, struct postgres *postgres, struct error *error);
void audit_at_print(const struct audit *audit);

/* ---- audit_seals.c ------------------------------------------------------------------------- */

enum status audit_seals(struct audit *audit, struct postgres *postgres,
                        struct error *error);

#endif
