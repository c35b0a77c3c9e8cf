/* SKU normalisation on any bytes and steps: idempotent, bounded, never a control
 * character; the short cut for ASCII says what the general path says. */
#include "common/base/check.h"
#include "common/codec/sku_rounds.h"
#include "common/codec/sku_unicode.h"
#include "common/codec/utf8.h"
#include "common/domain/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pool pool;

static void check(struct span raw, unsigned steps)
{
    struct span sku;
    struct span again;
    struct utf8_facts facts;
    char room[SKU_BYTES_MAX];
    pool_reset(&pool);
    enum reason reason = sku_normalise(raw, steps, &pool, &sku);
    if (reason == REASON_NOT_UTF8 || reason == REASON_BAD_TEXT)
        return;
    ASSERT(reason == REASON_NONE || reason == REASON_BAD_SKU);
    size_t length = sku_rounds(raw, steps, room);
    ASSERT((length == 0) == (reason == REASON_BAD_SKU));
    if (reason != REASON_NONE)
        return;
    ASSERT(span_equal(sku, (struct span){room, length}));
    ASSERT(utf8_measure(sku, &facts) && !facts.control);
    ASSERT(facts.code_points >= 1 && facts.code_points <= 255);
    ASSERT(sku_normalise(sku, steps, &pool, &again) == REASON_NONE);
    ASSERT(again.bytes == sku.bytes && again.length == sku.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (pool.max == 0)
        pool_init(&pool, (size_t)1 << 20);
    struct span raw = {(const char *)data, size};
    check(raw, SKU_ALL_STEPS);
    if (size < 2)
        return 0;
    check((struct span){raw.bytes + 1, size - 1}, data[0] & SKU_ALL_STEPS);
    return 0;
}
