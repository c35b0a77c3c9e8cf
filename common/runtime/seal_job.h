/*
 * Seals all days of the ledger that are due: closed weeks, and days that are about to go.
 */
#ifndef PARSTOCK_RUNTIME_SEAL_JOB_H
#define PARSTOCK_RUNTIME_SEAL_JOB_H

#include "common/io/store_seal.h"

/* The newest day that is about to be dropped. */
struct seal_leaving {
    bool has_day;
    int32_t day;
};

/* Waits while another process seals. The number of seals made in *made_out. */
enum status seal_due(struct postgres *postgres, const struct seal_leaving *leaving,
                     int64_t *made_out, struct error *error);

#endif
