/*
 * What the files of `parstock spot-checks` share.
 */
#ifndef PARSTOCK_WORKERS_SPOT_CHECKS_SPOT_CHECKS_H
#define PARSTOCK_WORKERS_SPOT_CHECKS_SPOT_CHECKS_H

#include "common/io/store_spot_checks.h"
#include "common/runtime/output.h"

#define SPOT_SOURCE "spot-checks"

struct spot_flags {
    const char *location;
    int64_t limit;
    int64_t sample;
    const char *counted;
    const char *at;
    const char *actor;
    const char *note;
    const char *source;
};

struct spot_job {
    const struct config *config;
    const struct contract *contract;
    const struct spot_flags *flags;
    struct postgres *postgres;
    enum output output;
    struct span location; /* code; bytes NULL = not given */
};

enum status spot_list(struct spot_job *job, struct error *error);
enum status spot_record(struct spot_job *job, const char *sku, struct error *error);

#endif
