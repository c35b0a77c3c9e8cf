/*
 * Levels that changed and were not told to Kafka yet: a place stands here once, with its
 * newest level. Under a backlog many batches change the same places; they are told once a
 * while (outgoing.h), and the topic gets what its readers would keep anyway.
 *
 * Bounded: PENDING_MAX places, PENDING_BYTES_MAX of texts. What does not fit is told first.
 */
#ifndef PARSTOCK_WORKERS_APPLY_PENDING_H
#define PARSTOCK_WORKERS_APPLY_PENDING_H

#include "common/base/pool.h"
#include "common/codec/level_json.h"

#define PENDING_MAX 8192
#define PENDING_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct pending_level {
    uint64_t hash; /* of the place */
    int32_t partition;
    struct level_record record; /* source: a text that lives as long as the contract */
    int64_t offset;             /* of the record that changed it last */
    struct span traceparent;    /* bytes NULL = none */
};

struct pending {
    struct pending_level *levels; /* PENDING_MAX; in the order of their first change */
    size_t count;
    uint16_t *slots; /* index plus one; 0 = free */
    struct pool pool;
};

/* False: out of memory. */
bool pending_open(struct pending *pending);
void pending_close(struct pending *pending);
void pending_clear(struct pending *pending);

/* Takes a copy of the texts. False: no room, nothing was taken. */
bool pending_add(struct pending *pending, const struct pending_level *level);

/* Forgets the levels of a partition that is not ours any more. */
void pending_forget(struct pending *pending, int32_t partition);

#endif
