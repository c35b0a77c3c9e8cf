/*
 * Hashes that are part of a promise (murmur2 decides on which partition a SKU lies) or of
 * a table in memory (hash_bytes). Neither is for secrets.
 */
#ifndef PARSTOCK_BASE_HASH_H
#define PARSTOCK_BASE_HASH_H

#include "common/base/span.h"

/* The 32-bit murmur2 that Kafka's Java producer uses (seed 0x9747b28c). */
uint32_t hash_murmur2(struct span key);

/* Partition of a key: murmur2 without the sign bit, modulo the count (count > 0). */
int32_t hash_partition(struct span key, int32_t partition_count);

/* A fast 64-bit hash for tables in memory; not stable between versions. */
uint64_t hash_bytes(struct span bytes, uint64_t seed);

#endif
