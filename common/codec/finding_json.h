/*
 * The record of topic inventory.drift to a finding; value as in
 * schemas/topics/inventory.drift.v1.json. Members that are not known are passed over.
 */
#ifndef PARSTOCK_CODEC_FINDING_JSON_H
#define PARSTOCK_CODEC_FINDING_JSON_H

#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/domain/finding.h"

/* Texts in the pool. STATUS_REJECT: it is no finding, the text says which member is wrong;
 * STATUS_RETRY: out of memory. A cause that is not known is CAUSE_UNKNOWN. */
enum status finding_decode(struct span value, struct pool *pool,
                           struct finding *finding_out, struct error *error);

#endif
