/*
 * The kits of a contract file: their SKUs normalised, and how they relate. A kit is given
 * once, a part once a kit, and no part is a kit: a kit's level follows from levels that
 * sources count, never from another kit's.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_KITS_H
#define PARSTOCK_CODEC_CONTRACT_KITS_H

#include "common/base/error.h"
#include "common/base/pool.h"
#include "common/domain/contract.h"

#include <jansson.h>

/*
 * Fills the contract's kits and the index of their parts; memory from the pool. `list` has
 * the shape of CONTRACT_SHAPE, or is NULL; contract->sku_steps is known. STATUS_FATAL names
 * the place that is wrong.
 */
enum status contract_build_kits(json_t *list, struct pool *pool,
                                struct contract *contract, struct error *error);

#endif
