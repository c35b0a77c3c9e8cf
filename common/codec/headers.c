#include "common/codec/headers.h"

#include "common/base/check.h"

#define NO_VALUE UINT32_MAX

void headers_add(struct buf *buf, struct span name, struct span value)
{
    ASSERT(name.length < NO_VALUE && value.length < NO_VALUE);
    buf_be32(buf, (uint32_t)name.length);
    buf_be32(buf, value.bytes != NULL ? (uint32_t)value.length : NO_VALUE);
    buf_span(buf, name);
    if (value.bytes != NULL)
        buf_span(buf, value);
}

static uint32_t length_at(struct span bytes, size_t at)
{
    uint32_t length;
    memcpy(&length, bytes.bytes + at, sizeof(length));
    return __builtin_bswap32(length);
}

bool headers_next(struct span *bytes, struct span *name_out, struct span *value_out)
{
    if (bytes->length < 8)
        return false;
    size_t name = length_at(*bytes, 0);
    uint32_t value_length = length_at(*bytes, 4);
    size_t value = value_length == NO_VALUE ? 0 : value_length;
    if (name > bytes->length - 8 || value > bytes->length - 8 - name)
        return false;
    *name_out = (struct span){.bytes = bytes->bytes + 8, .length = name};
    *value_out =
        (struct span){.bytes = value_length == NO_VALUE ? NULL : bytes->bytes + 8 + name,
                      .length = value};
    size_t used = 8 + name + value;
    *bytes = (struct span){.bytes = bytes->bytes + used, .length = bytes->length - used};
    return true;
}
