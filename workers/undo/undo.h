/*
 * What the parts of 'parstock undo' share.
 */
#ifndef PARSTOCK_WORKERS_UNDO_UNDO_H
#define PARSTOCK_WORKERS_UNDO_UNDO_H

#include "common/base/pool.h"
#include "common/domain/event.h"
#include "common/io/store_undo.h"
#include "common/runtime/config.h"
#include "common/runtime/output.h"

#define UNDO_FEW 25 /* pairs; more are taken back only where that is confirmed */
#define UNDO_BATCH_MAX 200
#define UNDO_BYTES_MAX ((size_t)2 * 1024 * 1024 * 1024)

struct undo_flags {
    bool list;
    bool dry_run;
    const char *by;
    const char *why;
    const char *confirm;
    int64_t limit;
};

struct undo {
    const struct config *config;
    const struct undo_flags *flags;
    const struct contract *contract;
    struct postgres *postgres;
    struct postgres *side; /* for looks while rows stream from the other */
    enum output output;
    struct pool pool;
    struct span by;
    struct span why;
    /* the batch */
    struct span id;
    struct span kind;
    struct span name; /* the feed, who asked, the choice, the shadow */
    struct span file;
    char former[32]; /* of a promotion: the shadow that holds the state of before */
};

/* One pair of the plan; texts and events in the pool. */
struct undo_line {
    struct span sku;
    struct span location;
    struct span source; /* or the shop, of a resync */
    const char *rule;
    const char *why;
    enum undo_fate fate;
    bool has_level;
    int64_t level; /* ruling, or shown, now */
    bool has_back;
    int64_t back;         /* what it is led back to */
    struct span moved_by; /* absent: nothing */
    struct span events;   /* one a line */
    struct undo_line *next;
};

struct undo_plan {
    struct undo_line *first;
    struct undo_line **end;
    int64_t pairs;
    int64_t to_do;
    int64_t skipped;
    int64_t refused;
    int64_t unfinished; /* of an earlier try: sent once more */
};

void undo_plan_begin(struct undo_plan *plan);
/* A line of the pool, counted once its fate is set; NULL: out of memory. */
struct undo_line *undo_plan_add(struct undo *self, struct undo_plan *plan);
void undo_plan_count(struct undo_plan *plan, const struct undo_line *line);

/* undo_import.c: the pairs that the batch's counts and adjustments speak of; none is fine. */
enum status undo_plan_stock(struct undo *self, struct undo_plan *plan,
                            struct error *error);
void undo_reference(const struct undo *self, char room[EVENT_REFERENCE_MAX]);

/* undo_orders.c: the orders of the batch, each with its opposite. */
enum status undo_plan_orders(struct undo *self, struct undo_plan *plan,
                             struct error *error);

/* undo_kinds.c, undo_promotion.c, undo_resync.c: what would be done. */
enum status undo_plan_import(struct undo *self, struct undo_plan *plan,
                             struct error *error);
enum status undo_plan_replay(struct undo *self, struct undo_plan *plan,
                             struct error *error);
enum status undo_plan_resync(struct undo *self, struct undo_plan *plan,
                             struct error *error);

enum status undo_plan_promotion(struct undo *self, struct undo_plan *plan,
                                struct error *error);

/* undo_send.c: doing it; nothing where there is nothing to do. */
enum status undo_send(struct undo *self, struct undo_plan *plan, struct error *error);
/* undo_promotion.c: the same, by the state of before. */
enum status undo_promote(struct undo *self, struct undo_plan *plan, struct error *error);

/* undo_print.c */
void undo_print(const struct undo *self, const struct undo_plan *plan, bool is_done);
enum status undo_list(struct undo *self, struct error *error);

/* The ids of the batch's compensating events begin with this; in the pool. */
struct span undo_prefix(struct undo *self);

#endif
