/*
 * The producer: idempotent, acks=all, murmur2. Sends without waiting; a thread of its own
 * serves the broker and calls `acked` once for every record that was accepted. Never gives
 * up by itself: while the broker is away records stay in the bounded queue and
 * kafka_out_send says STATUS_RETRY when that is full.
 */
#ifndef PARSTOCK_IO_KAFKA_OUT_H
#define PARSTOCK_IO_KAFKA_OUT_H

#include "common/base/error.h"
#include "common/base/span.h"
#include "common/io/kafka_options.h"

struct kafka_out; /* may be shared between threads */

/* Called from the producer's thread; `error` is NULL when the broker has the record. */
typedef void kafka_acked(void *opaque, const struct error *error);

enum status kafka_out_open(const struct kafka_options *options, kafka_acked *acked,
                           struct kafka_out **out, struct error *error);

/* Waits up to `wait_ms` for what is under way. */
void kafka_out_flush(struct kafka_out *out, int wait_ms);

/* Gives up what is still under way: its rows stay in the outbox. */
void kafka_out_close(struct kafka_out **slot);

/* How long after it was given a record may still reach the broker; with some to spare. */
int64_t kafka_out_expiry_us(const struct kafka_out *out);

/* Records that have no answer yet. */
size_t kafka_out_waiting(const struct kafka_out *out);

#define KAFKA_PARTITION_BY_KEY (-1)

struct kafka_send {
    const char *topic;
    int32_t partition;    /* KAFKA_PARTITION_BY_KEY: murmur2 of the key */
    struct span key;      /* bytes NULL = null */
    struct span value;    /* bytes NULL = a tombstone */
    struct span headers;  /* as common/codec/headers.h encodes them; any number */
    int64_t timestamp_ms; /* 0 = now */
    void *opaque;         /* for `acked` */
};

/* Everything is copied. STATUS_RETRY: the queue is full; STATUS_REJECT: not to be sent. */
enum status kafka_out_send(struct kafka_out *out, const struct kafka_send *send,
                           struct error *error);

#endif
