#include "common/codec/page_filter.h"

#include "common/base/check.h"
#include "common/base/hash.h"

#define BITS_A_ROW 12

int64_t page_filter_hash(struct span sku)
{
    return (int64_t)(hash_murmur2(sku) & 0x7fffffffU);
}

/* The SKUs of a page agree in their hash modulo the partitions; mixed, every bit counts. */
static uint64_t mix(uint64_t hash)
{
    hash += 0x9e3779b97f4a7c15U;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
    return hash ^ (hash >> 31);
}

struct page_probes page_filter_probes(struct span sku)
{
    struct page_probes probes;
    uint64_t mixed = mix(hash_murmur2(sku));
    uint32_t low = (uint32_t)mixed;
    uint32_t high = (uint32_t)(mixed >> 32);
    for (uint32_t at = 0; at < PAGE_FILTER_PROBES; at++)
        probes.at[at] = (int64_t)(uint32_t)(low + at * high);
    return probes;
}

size_t page_filter_size(size_t row_count)
{
    return (row_count * BITS_A_ROW + 7) / 8;
}

void page_filter_add(unsigned char *bytes, size_t size, struct span sku)
{
    ASSERT(size > 0);
    const struct page_probes probes = page_filter_probes(sku);
    for (size_t at = 0; at < PAGE_FILTER_PROBES; at++) {
        size_t bit = (size_t)probes.at[at] % (size * 8);
        bytes[bit / 8] |= (unsigned char)(1U << bit % 8);
    }
}

bool page_filter_may_have(const unsigned char *bytes, size_t size, struct span sku)
{
    ASSERT(size > 0);
    const struct page_probes probes = page_filter_probes(sku);
    for (size_t at = 0; at < PAGE_FILTER_PROBES; at++) {
        size_t bit = (size_t)probes.at[at] % (size * 8);
        if ((bytes[bit / 8] & 1U << bit % 8) == 0)
            return false;
    }
    return true;
}
