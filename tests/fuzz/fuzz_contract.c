/* The contract file on any bytes: what is accepted is whole, what is refused says why. */
#include "common/base/check.h"
#include "common/codec/contract_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_kits(const struct contract *contract)
{
    size_t uses = 0;
    for (size_t at = 0; at < contract->kit_count; at++) {
        const struct kit *kit = &contract->kits[at];
        ASSERT(contract_kit(contract, kit->sku) == kit && kit->part_count >= 1);
        uses += kit->part_count;
        for (size_t part = 0; part < kit->part_count; part++) {
            size_t count = 0;
            ASSERT(kit->parts[part].quantity >= 1);
            ASSERT(contract_kit(contract, kit->parts[part].sku) == NULL);
            ASSERT(contract_kits_of(contract, kit->parts[part].sku, &count) != NULL);
            ASSERT(count >= 1 && count <= contract->kit_count);
        }
    }
    ASSERT(uses == contract->kit_use_count);
}

static void check_contract(const struct contract *contract)
{
    ASSERT(contract->source_count >= 1 && contract->location_count >= 1);
    for (size_t at = 0; at < contract->source_count; at++)
        ASSERT(contract_source(contract, contract->sources[at].name) == (int)at);
    for (size_t at = 0; at < contract->shop_count; at++)
        ASSERT(contract_shop(contract, contract->shops[at].name) == (int)at);
    for (size_t at = 0; at < contract->location_count; at++)
        ASSERT(contract_location(contract, contract->locations[at].code) == (int)at);
    for (size_t at = 0; at < contract->name_count; at++)
        ASSERT(contract_location(contract, contract->names[at].name) ==
               contract->names[at].location);
    for (size_t at = 0; at < contract->shop_count; at++) {
        const struct shop *shop = &contract->shops[at];
        for (size_t each = 0; each < shop->excluded_count; each++)
            ASSERT(shop_excludes(shop, shop->excluded[each]));
        ASSERT(shop->buffer.percent >= 0 && shop->buffer.percent <= 100);
    }
    check_kits(contract);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct contract *contract = NULL;
    struct span text = {(const char *)data, size};
    if (contract_decode(text, &contract, &error) == STATUS_OK) {
        check_contract(contract);
    } else {
        ASSERT(error.text[0] != '\0' && contract == NULL);
        ASSERT(error_exit_code(&error) == EXIT_CONFIG);
    }
    contract_free(&contract);
    return 0;
}
