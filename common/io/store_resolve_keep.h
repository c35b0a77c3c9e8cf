/*
 * The SQL of resolve's keeper: what came of resyncs, what a guard had stopped, and which runs
 * have ended. Every function is to be called within a transaction of the caller; rows that
 * another process is at are passed over.
 */
#ifndef PARSTOCK_IO_STORE_RESOLVE_KEEP_H
#define PARSTOCK_IO_STORE_RESOLVE_KEEP_H

#include "common/base/pool.h"
#include "common/domain/readback.h"
#include "common/io/store_resolve.h"

/* ---- reading back ----------------------------------------------------------------------- */

/* A resync under way; its row is locked. Texts in the pool. */
struct resync {
    struct span id;
    struct span sku;
    struct span shop;
    struct span location;
    struct span rule;
    struct span incident; /* bytes NULL = none */
    bool is_rule;
    struct readback_look look;
    const struct readback_rule *verdict; /* the caller's, for store_resyncs_settle */
};

struct resync_page {
    size_t count;
    struct resync items[RESOLVE_BATCH_MAX];
};

/* Resyncs of which there is something to say; the longest waiting first. */
enum status store_resyncs_look(struct postgres *postgres, int64_t patience_ms,
                               struct pool *pool, struct resync_page *page_out,
                               struct error *error);

/* Writes what was said of each; those to be read once more are marked again. */
enum status store_resyncs_settle(struct postgres *postgres,
                                 const struct resync_page *page, struct error *error);

struct resync_totals {
    int64_t pending;
    int64_t held;
    int64_t stopped; /* shops */
};

enum status store_resync_totals(struct postgres *postgres, struct resync_totals *out,
                                struct error *error);

/* Incidents that are over because of something else. */
struct resolve_over {
    const char *class;
    const struct span *shops;
    size_t count;
    const char *reason;
};

/* The open ones among them: id, SKU and reason, as store_incidents_take_ends wants them. */
enum status store_resolve_ends(struct postgres *postgres, const struct resolve_over *over,
                               struct rows *rows, struct error *error);

/* ---- guards ----------------------------------------------------------------------------- */

#define RESOLVE_SHOPS_MAX 64

/* Shops that stand still and whose incident nobody can approve any more; in the pool. */
enum status store_stops_over(struct postgres *postgres, struct pool *pool,
                             struct span shops_out[RESOLVE_SHOPS_MAX], size_t *count_out,
                             struct error *error);

/* The shop goes on. What was held is done, the newest of each pair; or it is dropped. */
enum status store_stop_end(struct postgres *postgres, struct span shop, bool approved,
                           int64_t *held_out, struct error *error);

/* ---- runs ------------------------------------------------------------------------------- */

struct ended_run {
    bool is_there;
    bool is_finished; /* everything that it should look at was compared */
    int64_t id;
    struct span shop; /* in the pool */
    int64_t began_at_us;
};

/* The oldest run that has ended and was not held against incidents; locked. */
enum status store_run_ended(struct postgres *postgres, struct pool *pool,
                            struct ended_run *out, struct error *error);

/* What the run says of a pair with an open incident. */
struct run_word {
    struct span sku;
    struct span location;
    bool is_found;
    bool is_clean; /* it was looked at, and nothing is under way to it */
};

#define RUN_WORDS_MAX 200000

struct run_words {
    struct run_word *items; /* sorted by SKU and location; in the pool */
    size_t count;
};

enum status store_run_words(struct postgres *postgres, const struct ended_run *run,
                            struct pool *pool, struct run_words *words_out,
                            struct error *error);

enum status store_run_closed(struct postgres *postgres, int64_t run_id,
                             struct error *error);

#endif
