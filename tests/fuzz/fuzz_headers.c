/* Headers on any bytes: what is read is written again byte for byte. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_free) struct buf copy;
    struct span bytes = {(const char *)data, size};
    struct span name;
    struct span value;
    buf_init(&copy, size + 1);
    while (headers_next(&bytes, &name, &value))
        headers_add(&copy, name, value);
    ASSERT(!copy.failed && copy.length + bytes.length == size);
    ASSERT(memcmp(buf_view(&copy).bytes, data, copy.length) == 0);
    return 0;
}
