/*
 * The SQL of apply. One transaction a batch: fence, probe, read, write, commit. The fence
 * is the row of `progress`: a batch that does not find its own epoch and offset there is a
 * zombie's, and changes nothing.
 *
 *     store_take       a new owner of a partition: bumps the epoch, says where to begin
 *     store_begin      opens the transaction, locks the fences, reads what judging needs
 *     store_later      sums of adjustments after late counts (rare; between the two)
 *     store_commit     writes all effects and commits
 *     store_abort      rolls back
 */
#ifndef PARSTOCK_IO_STORE_APPLY_H
#define PARSTOCK_IO_STORE_APPLY_H

#include "common/codec/event_key.h"
#include "common/domain/judge.h"
#include "common/domain/outbox.h"
#include "common/io/postgres.h"

#define STORE_FENCES_MAX 256 /* partitions that one batch may touch */

/* Remembers the contract file; the id stands in ledger rows. */
enum status store_contract(struct postgres *postgres, const struct contract *contract,
                           struct span text, int32_t *id_out, struct error *error);

struct take {
    int64_t epoch;
    int64_t next_offset; /* -1: nothing read yet */
};

struct partition_ref {
    struct span topic;
    int32_t partition;
};

enum status store_take(struct postgres *postgres, const struct partition_ref *ref,
                       struct span owner, struct take *take_out, struct error *error);

/* All rows of `progress` for the topic: partition, epoch, next_offset. */
enum status store_progress(struct postgres *postgres, struct span topic,
                           struct rows *rows, struct error *error);

/* One (SKU, location) of the batch. */
struct place {
    struct span sku;
    struct span location; /* code; "" for an order without one */
};

struct fence {
    int32_t partition;
    int64_t epoch;
    int64_t next_offset; /* expected now */
};

struct store_question {
    struct span topic;
    const struct fence *fences;
    size_t fence_count;
    const unsigned char (*keys)[16]; /* idempotency keys of the batch */
    size_t key_count;
    const struct place *places; /* distinct */
    size_t place_count;
};

/* What the database knew; read with the functions below; released by store_found_release. */
struct store_found {
    struct rows fences;
    struct rows seen;
    struct rows readings;
    struct rows levels;
};

void store_found_release(struct store_found *found);

/* STATUS_OK with the transaction open. The caller counts found->fences.count: fewer than
 * fence_count means that a partition was lost (store_fence_row says which are held). */
enum status store_begin(struct postgres *postgres, const struct store_question *question,
                        struct store_found *found, struct error *error);

int32_t store_fence_row(const struct store_found *found, int row);

struct seen_row {
    const unsigned char *key; /* 16 bytes */
    int64_t fingerprint;
};
struct seen_row store_seen_row(const struct store_found *found, int row);

struct reading_row {
    size_t place;
    struct span source;
    struct reading reading;
};
struct reading_row store_reading_row(const struct store_found *found, int row);

struct level_row {
    size_t place;
    struct span source; /* level.source is not set: the caller knows the contract */
    struct level level;
    int64_t revision;
};
struct level_row store_level_row(const struct store_found *found, int row);

/* Asks for the sum of the adjustments of (place, source) recorded after `after_us`. */
struct later_question {
    struct place place;
    struct span source;
    int64_t after_us;
    int64_t sum; /* the answer */
};
enum status store_later(struct postgres *postgres, struct later_question *questions,
                        size_t count, struct error *error);

/* ---- effects ------------------------------------------------------------------------------ */

struct ledger_row {
    const struct event *event;
    const struct event_identity *identity;
    enum outcome outcome;
    int rule;
    int32_t partition;
    int64_t offset;
    int64_t recorded_at_ms;
    bool has_before;
    bool has_after;
    int64_t before;
    int64_t after;
};

struct adjustment_row {
    const struct event *event;
};

struct reading_write {
    struct place place;
    struct span source;
    struct reading reading;
};

struct level_write {
    struct place place;
    struct span source;
    struct level level;
    int64_t revision;
};

struct desired_write {
    struct span shop;
    struct place place;
    bool known;
    int64_t quantity;
};

struct progress_write {
    struct fence fence; /* next_offset = the old one */
    int64_t next_offset;
    int64_t first_offset; /* of this batch; kept when the partition was new */
    int64_t counts[OUTCOME_COUNT];
    int64_t relayed_below; /* outbox rows below this offset are at the broker; 0 = none */
};

struct store_effects {
    struct span topic;
    int32_t contract;
    const struct ledger_row *ledger;
    size_t ledger_count;
    const struct adjustment_row *adjustments;
    size_t adjustment_count;
    const struct outbox_row *outbox;
    size_t outbox_count;
    const struct reading_write *readings;
    size_t reading_count;
    const struct level_write *levels;
    size_t level_count;
    const struct desired_write *desired;
    size_t desired_count;
    const struct progress_write *progress;
    size_t progress_count;
};

/* STATUS_OK: all of it is durable. *fenced_out: another owner came between; nothing is. */
enum status store_commit(struct postgres *postgres, const struct store_effects *effects,
                         bool *fenced_out, struct error *error);

void store_abort(struct postgres *postgres);

/* ---- outbox ------------------------------------------------------------------------------- */

#define STORE_OUTBOX_PAGE 200

/* Rows of a partition from `from_offset` on, in order, at most STORE_OUTBOX_PAGE. */
enum status store_outbox_read(struct postgres *postgres, const struct partition_ref *ref,
                              int64_t from_offset, struct rows *rows,
                              struct error *error);
struct outbox_row store_outbox_row(const struct rows *rows, int row);

/* Removes the rows below `below`, which the broker has acknowledged. */
enum status store_outbox_trim(struct postgres *postgres, const struct partition_ref *ref,
                              int64_t below, struct error *error);

#endif
