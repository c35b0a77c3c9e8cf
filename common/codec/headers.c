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

void headers_add_text(struct buf *buf, const char *name, const char *value)
{
    headers_add(buf, span_from(name), span_from(value));
}

void headers_add_cloud(struct buf *buf, const struct cloud_identity *identity)
{
    headers_add_text(buf, "ce_specversion", "1.0");
    headers_add(buf, SPAN_OF("ce_id"), identity->id);
    headers_add_text(buf, "ce_source", identity->source);
    headers_add_text(buf, "ce_type", identity->type);
}

void headers_add_json(struct buf *buf, struct span subject, struct span traceparent)
{
    headers_add(buf, SPAN_OF("ce_subject"), subject);
    headers_add_text(buf, "content-type", "application/json");
    if (traceparent.bytes != NULL)
        headers_add(buf, SPAN_OF("traceparent"), traceparent);
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
