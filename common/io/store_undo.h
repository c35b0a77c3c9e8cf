/*
 * The SQL of `parstock undo`: which batches there are, what the ledger says of the pairs of
 * one, and what was sent to take it back.
 *
 * Statuses as in common/io/postgres.h. Texts of rows are valid during the call that brings
 * them, unless said otherwise.
 */
#ifndef PARSTOCK_IO_STORE_UNDO_H
#define PARSTOCK_IO_STORE_UNDO_H

#include "common/domain/undo.h"
#include "common/io/postgres.h"

/* ---- batches ------------------------------------------------------------------------------- */

struct undo_batch {
    struct span id;
    struct span kind;  /* import, resync, replay, promotion */
    struct span name;  /* the feed; who asked; the choice; the shadow */
    struct span file;  /* of an import; of a promotion who did it */
    struct span state; /* running, done */
    int64_t at_us;     /* when it last moved */
    int64_t undone;    /* pairs that were taken back */
};

struct undo_batch_visitor {
    enum status (*each)(void *self, const struct undo_batch *batch, struct error *error);
    void *self;
};

/* The newest `limit` of all kinds, the newest first. */
enum status store_undo_batches(struct postgres *postgres, int64_t limit,
                               const struct undo_batch_visitor *visitor,
                               struct error *error);

/* Those of which the id is `prefix` or begins with it; at most two. */
enum status store_undo_find(struct postgres *postgres, struct span prefix,
                            const struct undo_batch_visitor *visitor,
                            struct error *error);

/* ---- an import or a replay: what the ledger says -------------------------------------------- */

struct undo_scope {
    struct span trace;        /* BATCH_TRACE_DIGITS of hex: of the batch's records */
    struct span undo_id;      /* what the ids of events that took it back begin with */
    const struct span *shops; /* the contract's: their readings are no source's */
    size_t shop_count;
};

/* Notes the pairs that the batch speaks of, for this connection; *pairs_out of them. One look
 * at every page of the ledger. */
enum status store_undo_scope(struct postgres *postgres, const struct undo_scope *scope,
                             int64_t *pairs_out, struct error *error);

/* A row of the ledger at such a pair, and what is known of the pair now. */
struct undo_row_view {
    struct span sku;
    struct span location;
    struct span source; /* of the batch */
    struct undo_row row;
    struct span row_source;
    int64_t partition; /* where the row's record lay */
    int64_t offset;
    struct span topic;
    struct reading reading; /* of `source`, now */
    bool has_others;
    struct span ruling; /* the source that rules now */
    bool has_level;
    int64_t level;
    bool has_first_adjusted;
    int64_t first_adjusted_us;
    struct span kept; /* state of its row in undo_pairs; absent: none */
};

struct undo_row_visitor {
    enum status (*each)(void *self, const struct undo_row_view *view,
                        struct error *error);
    void *self;
};

/* By SKU, location and source, and within that in the order of judging. */
enum status store_undo_rows(struct postgres *postgres, const struct undo_scope *scope,
                            struct span batch, const struct undo_row_visitor *visitor,
                            struct error *error);

/* An order of the batch. */
struct undo_sale {
    struct span sku;
    struct span location; /* empty: the order had none */
    struct span shop;
    int64_t units; /* negative: given back */
    int64_t occurred_at_us;
    int64_t partition;
    int64_t offset;
    struct span kept; /* state of its pair in undo_pairs; absent: none */
};

struct undo_sale_visitor {
    enum status (*each)(void *self, const struct undo_sale *sale, struct error *error);
    void *self;
};

/* By SKU, location and shop, and within that in the order of judging. */
enum status store_undo_sales(struct postgres *postgres, struct span trace,
                             struct span batch, const struct undo_sale_visitor *visitor,
                             struct error *error);

/* From when on the ledger is whole; *dropped_out false: nothing of it was dropped. */
enum status store_undo_whole(struct postgres *postgres, bool *dropped_out,
                             int64_t *since_us_out, struct error *error);

/* Sum of the source's adjustments that occurred after the moment. */
enum status store_undo_adjusted(struct postgres *postgres, const struct event *event,
                                int64_t after_us, int64_t *sum_out, struct error *error);

/* Did units of one of the SKUs leave a shop within the span? gone: by a level found lower. */
struct undo_units {
    const struct span *skus;
    size_t sku_count;
    struct span location;
    struct undo_span span;
    bool any;
    bool gone;
};
enum status store_undo_units(struct postgres *postgres, struct undo_units *units,
                             struct error *error);

/* Records that apply has not judged yet; `ends`: of the topic's partitions. */
struct undo_ends {
    struct span topic;
    const int64_t *ends;
    size_t count;
};
enum status store_undo_unjudged(struct postgres *postgres, const struct undo_ends *ends,
                                int64_t *records_out, struct error *error);

/* ---- what is sent --------------------------------------------------------------------------- */

struct undo_order {
    struct span batch;
    struct span kind;
    struct span actor;
    struct span why;
};
enum status store_undo_begin(struct postgres *postgres, const struct undo_order *order,
                             int64_t *id_out, struct error *error);

struct undo_pair {
    struct span batch;
    struct span sku;
    struct span location;
    struct span source;
    int64_t undo_id;
    const char *rule;
    struct span events;
};
/* Nothing where the pair has a row already. */
enum status store_undo_intend(struct postgres *postgres, const struct undo_pair *pair,
                              struct error *error);

struct undo_kept {
    struct span sku;
    struct span events;
};
struct undo_kept_visitor {
    enum status (*each)(void *self, const struct undo_kept *kept, struct error *error);
    void *self;
};
/* Pairs of the batch whose events may not have been sent: up to `limit`. */
enum status store_undo_open(struct postgres *postgres, struct span batch, int64_t limit,
                            const struct undo_kept_visitor *visitor, struct error *error);

/* The same pairs: the broker has all of them. To be called with the same limit. */
enum status store_undo_sent(struct postgres *postgres, struct span batch, int64_t limit,
                            struct error *error);

enum status store_undo_end(struct postgres *postgres, int64_t id, int64_t done,
                           int64_t refused, struct error *error);

/* ---- a promotion ----------------------------------------------------------------------------- */

struct undo_promotion {
    char former[32];  /* name of the shadow that holds the state of before; "" = none */
    bool is_kept;     /* it is still there */
    bool is_back;     /* it was taken back before */
    int64_t standing; /* a later one that was not taken back; 0 = none */
};

/* `id` as store_undo_batches tells it; there is one. */
enum status store_undo_promotion(struct postgres *postgres, struct span id,
                                 struct undo_promotion *out, struct error *error);

struct undo_apart {
    struct span sku;
    struct span location;
    struct span source; /* that would rule; where none would, that rules now */
    bool has_level;
    int64_t level;
    bool has_back;
    int64_t back;
};
struct undo_apart_visitor {
    enum status (*each)(void *self, const struct undo_apart *apart, struct error *error);
    void *self;
};

/* Levels that differ in the former state, as far as it has judged what the live state has. */
enum status store_undo_apart(struct postgres *postgres, struct span former,
                             const struct undo_apart_visitor *visitor,
                             struct error *error);

/* ---- a resync -------------------------------------------------------------------------------- */

/* A pair of the resync, and its first write after it was asked for. */
struct undo_write {
    struct span shop;
    struct span sku;
    struct span location;
    bool was_written;
    bool has_from;
    int64_t from; /* what the shop showed before */
    int64_t to;
    bool is_moved; /* anything has happened to the pair since */
    struct span moved_by;
};
struct undo_write_visitor {
    enum status (*each)(void *self, const struct undo_write *write, struct error *error);
    void *self;
};
enum status store_undo_writes(struct postgres *postgres, struct span batch,
                              const struct undo_write_visitor *visitor,
                              struct error *error);

#endif
