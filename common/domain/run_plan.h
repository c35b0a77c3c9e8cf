/*
 * When the keys in memory become a run of the ledger, and when runs are merged, so that
 * few runs have to be asked for a key and every key is rewritten only a few times.
 *
 * Runs are of five sizes, each four times the one before. Four neighbours of a size become
 * one of the next; the largest are left alone. So of n keys there are about n / 256k runs,
 * and a key is written at most five times.
 */
#ifndef PARSTOCK_DOMAIN_RUN_PLAN_H
#define PARSTOCK_DOMAIN_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_FRESH_MAX ((size_t)32 * 1024)  /* keys of a partition kept in memory */
#define RUN_PAGES_MAX ((size_t)512)        /* pages without a run */
#define RUN_MERGE_MAX ((size_t)8)          /* runs merged at once */
#define RUN_KEYS_MAX ((size_t)1024 * 1024) /* keys of a run that is made by merging */

/* Is it time to write the keys in memory as a run? */
bool run_plan_seal(size_t keys, size_t pages);

/*
 * How many of the newest runs to merge; 0 = none. `entries`: of each run, oldest first.
 */
size_t run_plan_merge(const size_t *entries, size_t count);

#endif
