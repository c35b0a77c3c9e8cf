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

#include "common/base/pool.h"
#include "common/codec/level_json.h"
#include "common/domain/judge.h"
#include "common/domain/outbox.h"
#include "common/io/postgres.h"

#define STORE_FENCES_MAX 256 /* partitions that one batch may touch */

/* Remembers the contract file; the id stands in ledger rows. */
enum status store_contract(struct postgres *postgres, const struct contract *contract,
                           struct span text, int32_t *id_out, struct error *error);

struct take {
    int64_t epoch;
    int64_t next_offset;    /* -1: nothing read yet */
    int64_t relayed_offset; /* the broker has all that records below it cause */
    int64_t until_offset;   /* of a shadow: judge records below it; INT64_MAX: all */
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

/* Offsets of a partition that hold no record. */
struct passed {
    struct span topic;
    struct fence fence;
    int64_t next_offset; /* behind them */
};

/* Moves the partition on over them. *fenced_out: the fence is another owner's by now, and
 * nothing was moved. */
enum status store_pass(struct postgres *postgres, const struct passed *passed,
                       bool *fenced_out, struct error *error);

/* Part of a run of `ledger_runs` that may hold a key. */
struct run_slice {
    int64_t run;
    int32_t first; /* entry */
    int32_t entries;
};

/* Memory that the statements of batch after batch are built in; one a lane. */
struct store_room {
    struct buf data;
    struct pg_params params;
    struct pool pool;
};

void store_room_init(struct store_room *room);
void store_room_free(struct store_room *room);

struct store_question {
    struct store_room *room;
    struct span topic;
    int32_t partitions; /* of the topic, as this owner knows it */
    const struct fence *fences;
    size_t fence_count;
    const struct run_slice *slices;
    size_t slice_count;
    const struct place *places; /* distinct */
    size_t place_count;
};

/* What the database knew; read with the functions below; released by store_found_release. */
struct store_found {
    int64_t judged_at_us; /* the database's time, never less than the batch before's */
    struct rows fences;
    struct rows slices;
    struct rows readings;
    struct rows levels;
};

void store_found_release(struct store_found *found);

/* STATUS_OK with the transaction open. The caller counts found->fences.count: fewer than
 * fence_count means that a partition was lost (store_fence_row says which are held). */
enum status store_begin(struct postgres *postgres, const struct store_question *question,
                        struct store_found *found, struct error *error);

int32_t store_fence_row(const struct store_found *found, int row);

struct slice_row {
    size_t slice; /* index into the question's */
    struct span entries;
};
struct slice_row store_slice_row(const struct store_found *found, int row);

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
    struct reading reading; /* of that source */
    int64_t revision;
};
struct level_row store_level_row(const struct store_found *found, int row);

/* The levels alone, outside a batch: found->levels. */
enum status store_levels_at(struct postgres *postgres, const struct place *places,
                            size_t count, struct store_found *found, struct error *error);

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

/* The rows that a batch adds to the ledger, a partition. */
struct page_write {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    int32_t entries;
    struct span keys;  /* see common/codec/key_run.h */
    struct span lines; /* see common/codec/ledger_line.h */
    struct span skus;  /* see common/codec/page_filter.h; bytes NULL = none */
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
    struct reading reading; /* of that source */
    int64_t revision;
};

/* A pair of a shop; one may come more than once in a batch. */
struct desired_write {
    struct span shop;
    struct place place;
    bool undecided; /* no number yet: whoever writes the pair decides it */
    bool known;
    int64_t quantity;
    int64_t short_units; /* sold beyond what there is */
    bool is_observed;    /* the shop says what it shows: if that is news, it is read */
    int64_t observed;
    struct span traceparent; /* of the event behind it; bytes NULL = none */
};

/* An order, for the table shop_units. */
struct units_write {
    const struct event *event;
};

struct progress_write {
    struct fence fence; /* next_offset = the old one */
    int64_t next_offset;
    int64_t first_offset; /* of this batch; kept when the partition was new */
    int64_t counts[OUTCOME_COUNT];
    int64_t relayed_offset; /* as in struct take, as far as is known now */
    bool trims;             /* the table holds outbox rows below relayed_offset */
};

struct store_effects {
    struct store_room *room;
    struct span topic;
    int32_t partitions; /* of the topic */
    int32_t contract;
    int64_t judged_at_us;
    const struct page_write *pages;
    size_t page_count;
    const struct adjustment_row *adjustments;
    size_t adjustment_count;
    const struct outbox_row *outbox;
    size_t outbox_count;
    const struct reading_write *readings;
    size_t reading_count;
    const struct level_write *new_levels; /* that had no row */
    size_t new_level_count;
    const struct level_write *levels; /* that had */
    size_t level_count;
    const struct units_write *units;
    size_t units_count;
    const struct desired_write *desired;
    size_t desired_count;
    bool is_traced; /* some of them have a traceparent */
    const struct span
        *everywhere; /* SKUs of which all pairs that there are are undecided */
    size_t everywhere_count;
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

/* The broker has everything below: noted, and the rows below are removed. */
struct relayed {
    struct partition_ref ref;
    int64_t epoch;
    int64_t offset;
    bool trims;
};
enum status store_relayed(struct postgres *postgres, const struct relayed *relayed,
                          struct error *error);

/*
 * Levels that the records of a span have changed, as they are now: what
 * `inventory.levels` may still lack. One a level, with the newest record that changed it.
 */
struct changed_level {
    struct level_record record;
    int64_t offset; /* of the record that changed it */
    struct span traceparent;
};

/* Records from `from` on, below `until`, where a page of the ledger ends. */
struct changed_span {
    int64_t from;
    int64_t until;
};

/* Records that are asked about at once: a worker that takes over from one that was killed
 * within a backlog owes the levels of millions, and new records wait behind the question. */
#define STORE_CHANGED_STEP 16384

/* The first piece of a span: it ends where the page of the ledger ends that is the first to
 * reach STORE_CHANGED_STEP records, or with the span. */
enum status store_changed_step(struct postgres *postgres, const struct partition_ref *ref,
                               const struct changed_span *span, int64_t *until_out,
                               struct error *error);

struct changed_visitor {
    enum status (*each)(void *self, const struct changed_level *changed,
                        struct error *error);
    void *self;
};
enum status store_changed_levels(struct postgres *postgres,
                                 const struct partition_ref *ref,
                                 const struct changed_span *span,
                                 const struct changed_visitor *visitor,
                                 struct error *error);

#endif
