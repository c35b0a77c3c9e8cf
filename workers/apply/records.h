/*
 * What the records that apply emits look like: keys, values, headers. The identity of a
 * record is that of its cause (topic, partition, offset) and its kind: the same in every
 * repeat, whether built while judging or again from the tables.
 */
#ifndef PARSTOCK_WORKERS_APPLY_RECORDS_H
#define PARSTOCK_WORKERS_APPLY_RECORDS_H

#include "common/base/pool.h"
#include "common/codec/level_json.h"
#include "common/domain/outbox.h"
#include "common/domain/reason.h"
#include "common/io/kafka_in.h"

struct cause {
    struct span topic;
    int32_t partition;
    int64_t offset;
    struct span traceparent; /* bytes NULL = none */
};

/* What records are built in, and the pool where they stay. */
struct record_room {
    struct pool *pool;
    struct buf bytes;
    struct buf scratch;
};
void record_room_init(struct record_room *room, struct pool *pool);
void record_room_free(struct record_room *room);

/* Of inventory.levels. Bytes lie in the pool; false: no room. */
bool record_level(const struct level_record *level, const struct cause *cause,
                  struct record_room *room, struct outbox_row *row_out);

/* Headers as they came, in their order. */
void record_received_headers(const struct kafka_record *record, struct buf *out);

struct dead_letter {
    const struct kafka_record *record;
    enum reason reason;
    const char *detail; /* the field at fault, "" = none */
};
void record_dead_letter_headers(const struct dead_letter *letter,
                                const struct cause *cause, struct buf *out);

#endif
