/*
 * `policy` of a contract file: its rules as values, lists normalised and sorted, and its
 * guards over the defaults. `policy` has the shape of CONTRACT_SHAPE, or is NULL.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_POLICY_H
#define PARSTOCK_CODEC_CONTRACT_POLICY_H

#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/domain/contract.h"

#include <jansson.h>

/* Memory from the pool; contract->sku_steps is known. STATUS_FATAL names the place that is
 * wrong. */
enum status contract_build_policy(json_t *policy, struct pool *pool,
                                  struct contract *contract, struct error *error);

/* Money in millionths, the nearest one; what is more than int64 holds stays its greatest. */
int64_t contract_micros(json_t *number);

#endif
