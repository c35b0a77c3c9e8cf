/*
 * What the files of `parstock resync` share.
 */
#ifndef PARSTOCK_WORKERS_RESYNC_RESYNC_H
#define PARSTOCK_WORKERS_RESYNC_RESYNC_H

#include "common/io/store_resync.h"
#include "common/runtime/output.h"

#define RESYNC_BATCH_MAX 32
#define RESYNC_FEW 25 /* pairs that need no --confirm */

struct resync_flags {
    bool all;
    const char *location;
    const char *shop;
    const char *confirm;
    bool dry_run;
    const char *actor;
    int64_t wait;
};

struct resync_job {
    struct postgres *postgres;
    enum output output;
    struct resync_filter filter;
    struct resync_shop shops[RESYNC_SHOPS_MAX]; /* with pairs to resync */
    size_t shop_count;
    struct rows shop_rows; /* the names above lie in it */
    int64_t pairs;
    int64_t left_alone;
    char batch[RESYNC_BATCH_MAX];
    struct span actor;
};

/* resync_plan.c: prints what would be done, pair by pair, and counts what is left alone. */
enum status resync_print_plan(struct resync_job *job, struct error *error);

/* resync_mark.c: does it; then waits for what was read back, where asked to. */
enum status resync_do(struct resync_job *job, struct error *error);
enum status resync_wait(struct resync_job *job, int64_t seconds, struct error *error);
void resync_print_result(const struct resync_job *job,
                         const struct resync_standing *standing);

#endif
