/*
 * Incidents that a batch opens or counts: within its transaction, after the judging. What is
 * to be told becomes outbox rows of the batch.
 */
#ifndef PARSTOCK_WORKERS_APPLY_INCIDENTS_H
#define PARSTOCK_WORKERS_APPLY_INCIDENTS_H

#include "workers/apply/batch.h"

/* Fills batch->incidents; costs nothing where nothing was seen. The incident's row stays
 * locked until the commit: call it late. */
enum status batch_incidents(struct batch *batch, struct postgres *postgres,
                            struct span topic, struct error *error);

#endif
