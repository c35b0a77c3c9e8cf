/*
 * The alert routes of a contract file, with their defaults; and what no schema can say of
 * them: names that share a setting, shops that are not in the contract, plain http.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_ALERTS_H
#define PARSTOCK_CODEC_CONTRACT_ALERTS_H

#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/domain/contract.h"

#include <jansson.h>

/* Fills contract->alerts; memory from the pool. `list` has the shape of CONTRACT_SHAPE, or
 * is NULL; contract->shops is known. STATUS_FATAL names the place that is wrong. */
enum status contract_build_alerts(json_t *list, struct pool *pool,
                                  struct contract *contract, struct error *error);

#endif
