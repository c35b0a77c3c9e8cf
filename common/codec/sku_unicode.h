/*
 * SKU normalisation. The normalised SKU is the record key and the identity of a row, so
 * that two spellings of one SKU are one SKU. Source: outside interface, section 1.
 * Idempotent; NFC, NFD, NFKC and NFKD spellings agree. Unicode as in utf8proc (>= 15).
 */
#ifndef PARSTOCK_CODEC_SKU_UNICODE_H
#define PARSTOCK_CODEC_SKU_UNICODE_H

#include "common/base/pool.h"
#include "common/domain/reason.h"

/*
 * REASON_NONE and *sku_out (in the pool, or `raw` itself where nothing changes), or
 * REASON_NOT_UTF8, REASON_BAD_TEXT (raw: 1 to 255 code points, no control characters),
 * REASON_BAD_SKU (empty or longer than 255 code points once normalised).
 * `steps` is contract.sku_steps. A full pool gives REASON_BAD_SKU only after ASSERT.
 */
enum reason sku_normalise(struct span raw, unsigned steps, struct pool *pool,
                          struct span *sku_out);

/* The same with the SKU always in the pool, so that it outlasts `raw`. */
enum reason sku_normalise_kept(struct span raw, unsigned steps, struct pool *pool,
                               struct span *sku_out);

#endif
