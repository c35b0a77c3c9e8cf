/*
 * The headers of a Kafka record as bytes, for the outbox: each one is two big-endian
 * 32-bit lengths (name, value; value 0xffffffff = null) and the bytes. Order and repeats
 * are kept.
 */
#ifndef PARSTOCK_CODEC_HEADERS_H
#define PARSTOCK_CODEC_HEADERS_H

#include "common/base/buf.h"

void headers_add(struct buf *buf, struct span name, struct span value);
void headers_add_text(struct buf *buf, const char *name, const char *value);

/* The identity of a record that we emit, as CloudEvents 1.0 in binary mode has it. */
struct cloud_identity {
    struct span id;
    const char *source;
    const char *type;
};
void headers_add_cloud(struct buf *buf, const struct cloud_identity *identity);

/* What a record with a JSON value has besides; traceparent: bytes NULL = none. */
void headers_add_json(struct buf *buf, struct span subject, struct span traceparent);

/*
 * Takes the first header off the bytes: false at the end, and on bytes that no
 * headers_add wrote (`bytes` is then left as it is: not empty).
 */
bool headers_next(struct span *bytes, struct span *name_out, struct span *value_out);

#endif
