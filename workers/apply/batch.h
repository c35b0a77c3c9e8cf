/*
 * One batch of apply: records of the partitions that one lane holds, from bytes to effects.
 *
 *     batch_add        a record joins: decoded, placed, keyed
 *     batch_recall     what the batches before left in memory
 *     batch_learn      what the database answered of the rest
 *     batch_decide     every record in order: question, judge, remember
 *     shops_ask        what the shops' levels depend on (shops.h)
 *     batch_effects    what the transaction writes
 *     batch_retain     once that is durable
 *     batch_clear      for the next batch, or the same records once more
 *
 * Everything lives in the batch's pool until batch_clear. No I/O here.
 */
#ifndef PARSTOCK_WORKERS_APPLY_BATCH_H
#define PARSTOCK_WORKERS_APPLY_BATCH_H

#include "common/base/pool.h"
#include "common/codec/event_json.h"
#include "common/codec/event_key.h"
#include "common/io/kafka_in.h"
#include "common/io/store_apply.h"
#include "common/io/store_unseen.h"
#include "workers/apply/pending.h"

#define BATCH_ITEMS_MAX 8192
#define BATCH_SLOTS (2 * BATCH_ITEMS_MAX) /* of the hash tables; a power of two */
#define BATCH_POOL_MAX ((size_t)192 * 1024 * 1024)
#define BATCH_PARTS_MAX STORE_FENCES_MAX

/* A record and all that was found out about it. */
struct item {
    struct kafka_record record;
    struct span traceparent; /* bytes NULL = none */
    enum reason reason;
    bool misplaced;
    const char *detail; /* field at fault; "" = none */
    struct event event; /* unless reason */
    struct event_identity identity;
    uint32_t seen;       /* slot of its key */
    uint32_t place;      /* index of its place */
    int32_t before_item; /* the item before it at the same place; -1 = first */
    int32_t later;       /* index of its later_question; -1 = none */
    struct verdict verdict;
    bool has_before;
    int64_t before;
};

/* A key of the batch, and what the ledger or an earlier item knows of it. */
struct seen_key {
    unsigned char key[16];
    int64_t fingerprint;
    int32_t partition;
    bool used;
    bool known;
};

/* State of one (SKU, location), as the batch goes through it. */
struct place_state {
    struct place place;
    uint64_t hash;
    int32_t partition;
    int location;             /* index into the contract; -1 = none */
    struct reading *readings; /* one a source, then one a shop */
    bool *touched;            /* which of them changed */
    struct level level;
    struct level level_was;
    struct span lost_source; /* that ruled, and is not in the contract any more */
    struct reading lost_reading;
    int64_t revision;
    int64_t revision_after; /* once the effects are durable */
    int32_t last_item;
    bool level_touched;
};

struct part_count {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    int64_t counts[OUTCOME_COUNT];
    int64_t epoch; /* under which the lane holds it */
};

/* A place whose shops are to get their level anew; units by the mode of a shop. */
struct shop_place {
    uint32_t place;
    struct shop_units *units[2]; /* NULL: no shop there has this mode */
};

struct place_cache;
struct incident_changes;

/* Events that a shadow leaves out are as if they had never been; all absent: none is. */
struct batch_choice {
    struct span sku;    /* normalised; only its events */
    struct span source; /* only what it says */
};

struct batch {
    const struct contract *contract;
    const struct batch_choice *choice; /* NULL: every event */
    int32_t partition_count;           /* of the topic; 0 = not known */
    struct place_cache *cache;
    struct event_decoder *decoder;
    struct event_hasher *hasher;
    struct pool pool;
    struct item *items;
    size_t count;
    struct seen_key *keys; /* BATCH_SLOTS */
    uint32_t *key_list;    /* slots in use */
    size_t key_count;
    int32_t *place_slots; /* BATCH_SLOTS; -1 = free */
    struct place_state *places;
    size_t place_count;
    struct place *asked_list; /* places to read, and which they are */
    uint32_t *asked_places;
    size_t asked_count;
    struct later_question *later;
    size_t later_count;
    struct unseen_question *unseen; /* shops.h */
    size_t unseen_count;
    struct shop_place *shop_places;
    size_t shop_place_count;
    struct part_count parts[BATCH_PARTS_MAX];
    size_t part_count;
    struct outbox_row *incidents; /* what subscribers are told of them */
    size_t incident_count;
    bool is_traced; /* a record has a traceparent */
    bool exports;   /* of sampled traces spans leave: it goes on below our own */
    const struct incident_changes *incident_changes; /* NULL = none */
    bool out_of_memory;
};

enum status batch_open(struct batch *batch, const struct contract *contract,
                       struct error *error);
void batch_close(struct batch *batch);
void batch_clear(struct batch *batch);

/* What is counted of a partition; NULL: the batch has no record of it. */
struct part_count *batch_part(struct batch *batch, int32_t partition);

/* The record stays the caller's and must outlive the batch. STATUS_RETRY: out of memory, the batch is to be dropped. */
enum status batch_add(struct batch *batch, const struct kafka_record *record,
                      struct error *error);

/* Once the epochs of batch.parts are set: places that the cache knows, and those to read. */
void batch_recall(struct batch *batch);

/* `found`: of readings and levels; what is known of the keys is noted in batch.keys. */
void batch_learn(struct batch *batch, const struct store_found *found);
void batch_decide(struct batch *batch); /* after batch.later has its sums */

/* The place's level as subscribers get it; false where they see no difference. */
bool batch_told_level(const struct batch *batch, size_t at, struct pending_level *out);

void batch_retain(struct batch *batch); /* it is committed: for the batches to come */

/* Everything but progress, contract and topic of the effects. */
enum status batch_effects(struct batch *batch, struct store_effects *effects,
                          struct error *error);

#endif
