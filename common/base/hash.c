#include "common/base/hash.h"

#include "common/base/check.h"

#define MURMUR2_SEED 0x9747b28cU
#define MURMUR2_M 0x5bd1e995U
#define MURMUR2_R 24

static uint32_t murmur2_word(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint32_t murmur2_tail(uint32_t hash, const unsigned char *tail, size_t length)
{
    if (length >= 3)
        hash ^= (uint32_t)tail[2] << 16;
    if (length >= 2)
        hash ^= (uint32_t)tail[1] << 8;
    if (length >= 1)
        hash = (hash ^ tail[0]) * MURMUR2_M;
    return hash;
}

uint32_t hash_murmur2(struct span key)
{
    const unsigned char *bytes = (const unsigned char *)key.bytes;
    size_t whole = key.length / 4 * 4;
    uint32_t hash = MURMUR2_SEED ^ (uint32_t)key.length;
    for (size_t at = 0; at < whole; at += 4) {
        uint32_t word = murmur2_word(bytes + at) * MURMUR2_M;
        word ^= word >> MURMUR2_R;
        hash = (hash * MURMUR2_M) ^ (word * MURMUR2_M);
    }
    if (key.length > whole)
        hash = murmur2_tail(hash, bytes + whole, key.length - whole);
    hash ^= hash >> 13;
    hash *= MURMUR2_M;
    hash ^= hash >> 15;
    return hash;
}

int32_t hash_partition(struct span key, int32_t partition_count)
{
    ASSERT(partition_count > 0);
    return (int32_t)(hash_murmur2(key) & 0x7fffffffU) % partition_count;
}

uint64_t hash_bytes(struct span bytes, uint64_t seed)
{
    const uint64_t prime = 0x9e3779b97f4a7c15U;
    uint64_t hash = (seed ^ bytes.length) * prime;
    size_t at = 0;
    for (; at + 8 <= bytes.length; at += 8) {
        uint64_t word;
        memcpy(&word, bytes.bytes + at, 8);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
    }
    uint64_t tail = 0;
    if (bytes.length > at)
        memcpy(&tail, bytes.bytes + at, bytes.length - at);
    hash = (hash ^ tail) * prime;
    hash ^= hash >> 32;
    hash *= prime;
    return hash ^ (hash >> 29);
}
