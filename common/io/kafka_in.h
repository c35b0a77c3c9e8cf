/*
 * The consumer: membership of a group, and the records of the partitions that it holds,
 * handed out through lanes. A lane is one queue, read by one thread; every partition is
 * forwarded to one lane, so that its records arrive in order.
 *
 * Offsets live in Postgres. On assignment the owner says where to begin (`taken`); what is
 * committed to Kafka afterwards is a hint for lag tools. Back-pressure is not reading: the
 * library's fetching stops by itself when its bounded queues are full.
 *
 * Protocol of the group: the operator's group.protocol; without it, `consumer` (KIP-848)
 * where the broker has it and classic otherwise. Texts of the options live as long as the
 * consumer. kafka_in_poll runs on one thread, kafka_in_take on one thread a lane.
 */
#ifndef PARSTOCK_IO_KAFKA_IN_H
#define PARSTOCK_IO_KAFKA_IN_H

#include "common/base/error.h"
#include "common/base/span.h"
#include "common/io/kafka_options.h"

#define KAFKA_LANES_MAX 16
#define KAFKA_OFFSET_START (-1) /* begin at the first record there is */

struct kafka_in;

/*
 * One record; valid until kafka_record_release. Bytes NULL = null in Kafka. Or, in order
 * among them, the news that the partition is read to its end, `offset`: every record below it
 * was handed out before. Markers of transactions, and records of aborted ones, take offsets
 * too; nothing is handed out for them.
 */
struct kafka_record {
    void *message;
    bool is_end; /* no record; nothing is to be released */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct span key;
    struct span value;
};

/* Records [wanted, first) of a partition are gone; wanted > end: it is another topic. */
struct kafka_gap {
    int32_t partition;
    int64_t wanted; /* the offset to go on at */
    int64_t first;  /* the first offset that there is */
    int64_t end;    /* the offset of the next record to come */
};

/*
 * What the owner does about partitions, called from kafka_in_poll. `taken` sets the offset
 * to begin at and returns STATUS_OK, or STATUS_RETRY when it cannot say yet (asked again at
 * a later poll). `dropped` must return only when no more effect of the partition can follow.
 */
struct kafka_in_owner {
    void *self;
    enum status (*taken)(void *self, int32_t partition, int lane, int64_t *offset_out);
    void (*dropped)(void *self, int32_t partition, int lane);
    /*
     * The place to begin at is not in the topic: retention has passed over it, or the topic
     * is not the one it was. True: go on at `gap->first`. False: the partition stays stopped.
     */
    bool (*gap)(void *self, const struct kafka_gap *gap);
    /* A line from the library or a passing trouble, for the log. */
    void (*trouble)(void *self, const struct error *error);
};

struct kafka_in_options {
    struct kafka_options kafka;
    const char *group;
    const char *topic;
    int lanes;
    struct kafka_in_owner owner;
};

enum status kafka_in_open(const struct kafka_in_options *options, struct kafka_in **out,
                          struct error *error);

/* Drops all partitions and leaves the group, so that another may take them at once. */
void kafka_in_leave(struct kafka_in *in);

/* Leaves the group if that was not done, and closes. */
void kafka_in_close(struct kafka_in **slot);

/*
 * Serves the group for up to `timeout_ms`. A consumer that the library has given up is
 * opened anew where that can help; STATUS_FATAL where a person must change something.
 */
enum status kafka_in_poll(struct kafka_in *in, int timeout_ms, struct error *error);

/* STATUS_RETRY with the reason while the group cannot be served. On poll's thread. */
enum status kafka_in_health(const struct kafka_in *in, struct error *error);

/* How many partitions stand still for a gap, and one of them. On poll's thread. */
int kafka_in_gaps(const struct kafka_in *in, struct kafka_gap *first_out);

/* Waits up to `timeout_ms` for the lane to have something to take; takes nothing. */
void kafka_in_wait(struct kafka_in *in, int lane, int timeout_ms);

/* Ends the waits of all lanes. */
void kafka_in_wake(struct kafka_in *in);

/* Takes what is there, up to `max`, without waiting. Errors go to owner.trouble. */
size_t kafka_in_take(struct kafka_in *in, int lane, struct kafka_record *records,
                     size_t max);

/* The n-th header of a record; false past the last. Value bytes NULL = null. */
bool kafka_record_header(const struct kafka_record *record, size_t at,
                         struct span *name_out, struct span *value_out);
void kafka_record_release(struct kafka_record *record);

/* Partitions of the topic as last seen; 0 until the broker has answered. */
int32_t kafka_in_partitions(struct kafka_in *in);

/* Asks the broker for the count again; keeps the old one where it does not answer. */
void kafka_in_refresh(struct kafka_in *in, int timeout_ms);

/* The offset of the next record to come, as the broker said last; -1: it has not said yet.
 * Asks nobody. On poll's thread. */
int64_t kafka_in_end(struct kafka_in *in, int32_t partition);

/* Tells Kafka, without waiting, that everything below `offset` is done. */
void kafka_in_hint(struct kafka_in *in, int32_t partition, int64_t offset);

/* Begins anew at `offset` in a partition that is held. */
enum status kafka_in_seek(struct kafka_in *in, int32_t partition, int64_t offset,
                          struct error *error);

#endif
