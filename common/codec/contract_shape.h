/*
 * The shape of the contract file as tables: the same rules as
 * schemas/contract.schema.json, held against it by tests.
 */
#ifndef PARSTOCK_CODEC_CONTRACT_SHAPE_H
#define PARSTOCK_CODEC_CONTRACT_SHAPE_H

#include "common/codec/json_shape.h"

extern const struct shape CONTRACT_SHAPE;

/* Shopify's Admin API versions before this one lack idempotency keys. */
#define CONTRACT_API_VERSION_LEAST "2026-04"
#define CONTRACT_API_VERSION_DEFAULT "2026-10"
#define CONTRACT_REASON_DEFAULT "correction"

#endif
