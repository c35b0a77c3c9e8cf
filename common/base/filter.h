/*
 * A set of random keys in two bytes a key: "certainly not in it" or "maybe" (about one in
 * a thousand that are not in it). A split block Bloom filter: a key lies in one block of 32
 * bytes, so that asking touches one line of the cache, and sets one bit in each of the
 * block's eight words. The keys must be random already (a digest). The bytes are the
 * caller's, and may be stored: the layout is fixed and the same on every machine.
 * Source of the shape: Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom
 * filters" (2007); the Parquet format's description of its filter.
 */
#ifndef PARSTOCK_BASE_FILTER_H
#define PARSTOCK_BASE_FILTER_H

#include "common/base/span.h"

#define FILTER_KEY_BYTES 16
#define FILTER_BLOCK_BYTES 32

/* Bytes of a filter for so many keys: a multiple of FILTER_BLOCK_BYTES, at least one. */
size_t filter_size(size_t key_count);

/* `bytes` starts as zeroes; `size` as filter_size gave it. */
void filter_add(unsigned char *bytes, size_t size,
                const unsigned char key[FILTER_KEY_BYTES]);
bool filter_may_have(const unsigned char *bytes, size_t size,
                     const unsigned char key[FILTER_KEY_BYTES]);

#endif
