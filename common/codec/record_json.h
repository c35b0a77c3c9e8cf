/*
 * A record of a topic as one line of JSON, for archives, and back. Text stays text; what is
 * no UTF-8 (or holds NUL) is {"base64": ".."}, null is null. schemas/record.schema.json.
 */
#ifndef PARSTOCK_CODEC_RECORD_JSON_H
#define PARSTOCK_CODEC_RECORD_JSON_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/pool.h"

/* Absent key or value: bytes == NULL. headers: as common/codec/headers.h encodes them. */
struct archived_record {
    struct span topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct span key;
    struct span value;
    struct span headers;
};

/* The line without its end; overflow shows in buf.failed. */
void record_json_write(const struct archived_record *record, struct buf *out);

/* STATUS_REJECT names the member at fault; everything lies in the pool. */
enum status record_json_read(struct span line, struct pool *pool,
                             struct archived_record *record_out, struct error *error);

#endif
