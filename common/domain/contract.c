#include "common/domain/contract.h"

#include "common/base/check.h"

int contract_source(const struct contract *contract, struct span name)
{
    ASSERT(contract->source_count <= CONTRACT_SOURCES_MAX);
    for (size_t at = 0; at < contract->source_count; at++)
        if (span_equal(contract->sources[at].name, name))
            return (int)at;
    return -1;
}

int contract_shop(const struct contract *contract, struct span name)
{
    ASSERT(contract->shop_count <= CONTRACT_SHOPS_MAX);
    for (size_t at = 0; at < contract->shop_count; at++)
        if (span_equal(contract->shops[at].name, name))
            return (int)at;
    return -1;
}

int contract_location(const struct contract *contract, struct span name)
{
    size_t low = 0;
    size_t high = contract->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(contract->names[middle].name, name);
        if (order == 0)
            return contract->names[middle].location;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

const struct kit *contract_kit(const struct contract *contract, struct span sku)
{
    size_t low = 0;
    size_t high = contract->kit_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(contract->kits[middle].sku, sku);
        if (order == 0)
            return &contract->kits[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The place of the first entry that is not below the SKU. */
static size_t first_use(const struct contract *contract, struct span sku)
{
    size_t low = 0;
    size_t high = contract->kit_use_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(contract->kit_uses[middle].sku, sku) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct kit_use *contract_kits_of(const struct contract *contract, struct span sku,
                                       size_t *count_out)
{
    size_t first = first_use(contract, sku);
    size_t end = first;
    while (end < contract->kit_use_count && span_equal(contract->kit_uses[end].sku, sku))
        end++;
    *count_out = end - first;
    return end > first ? &contract->kit_uses[first] : NULL;
}

bool source_speaks_for(const struct source *source, int location)
{
    ASSERT(location >= 0);
    return source->speaks == NULL || source->speaks[location] != 0;
}

bool shop_excludes(const struct shop *shop, struct span sku)
{
    size_t low = 0;
    size_t high = shop->excluded_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(shop->excluded[middle], sku);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
