/* Findings on any bytes: what is taken is whole, what is refused names a member. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/finding_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(pool_free) struct pool pool;
    struct error error = {0};
    struct finding finding;
    pool_init(&pool, (size_t)1 << 20);
    if (finding_decode((struct span){(const char *)data, size}, &pool, &finding,
                       &error) == STATUS_OK) {
        ASSERT(finding.id.length > 0 && finding.run_id.length > 0);
        ASSERT(finding.shop.length > 0 && finding.sku.length > 0);
        ASSERT(finding.location.length > 0 && (unsigned)finding.cause < CAUSE_COUNT);
        ASSERT(finding.value_micros >= 0);
        ASSERT(memchr(finding.sku.bytes, '\0', finding.sku.length) == NULL);
    } else {
        ASSERT(error.status == STATUS_REJECT && error.text[0] != '\0');
    }
    return 0;
}
