/*
 * Records of a topic, read once by nobody's group: the newest of each partition, or those of
 * ranges that are named. For operator commands that look at what is there; nothing is
 * committed.
 */
#ifndef PARSTOCK_IO_KAFKA_TAIL_H
#define PARSTOCK_IO_KAFKA_TAIL_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/span.h"
#include "common/io/kafka_options.h"

#define KAFKA_TAIL_PARTITIONS_MAX 4096

struct kafka_tail_record {
    void *message; /* the library's; for kafka_tail_headers */
    int32_t partition;
    int32_t partitions; /* of the topic */
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct span key;      /* bytes NULL = null */
    struct span value;    /* bytes NULL = null */
};

/* Offsets [first, end) of a partition. */
struct kafka_range {
    int32_t partition;
    int64_t first;
    int64_t end;
};

struct kafka_tail {
    struct kafka_options kafka;
    const char *topic;
    int64_t
        records; /* at most so many a partition, the newest; unless there are ranges */
    const struct kafka_range *ranges; /* one a partition; what is gone is passed over */
    size_t range_count;
    int timeout_ms; /* for all of it; what was read by then was visited */
    void (*each)(void *self, const struct kafka_tail_record *record);
    void *self;
};

/* Adds the record's headers as common/codec/headers.h writes them. */
void kafka_tail_headers(const struct kafka_tail_record *record, struct buf *out);

/* STATUS_OK also where the time was over before all was read; *whole_out says which. */
enum status kafka_tail_read(const struct kafka_tail *tail, bool *whole_out,
                            struct error *error);

#endif
