/*
 * The general path of SKU normalisation: whole rounds over code points until one changes
 * nothing. common/codec/sku_unicode.c takes a short cut for printable ASCII; the two are
 * held against each other in tests.
 */
#ifndef PARSTOCK_CODEC_SKU_ROUNDS_H
#define PARSTOCK_CODEC_SKU_ROUNDS_H

#include "common/base/span.h"

/* Room for the longest normalised SKU in UTF-8. */
#define SKU_BYTES_MAX (255 * 4)

/*
 * `raw` is valid UTF-8 of 1 to 255 code points without control characters. Writes the
 * normalised SKU to `room` (SKU_BYTES_MAX bytes) and returns its length; 0 where it is
 * empty, longer than 255 code points, or never comes to rest.
 */
size_t sku_rounds(struct span raw, unsigned steps, char *room);

#endif
