/*
 * All SQL of drift: comparisons (drift_runs), pairs that differed at the first look
 * (drift_suspects), what the tables hold of a pair when it is judged, and the findings.
 *
 * One comparison of a shop at a time, by an advisory lock of the connection. Nothing here
 * changes a level or what push believes of the shop. Statuses as in common/io/postgres.h;
 * texts of rows are copied into the caller's pool.
 */
#ifndef PARSTOCK_IO_STORE_DRIFT_H
#define PARSTOCK_IO_STORE_DRIFT_H

#include "common/base/pool.h"
#include "common/domain/drift.h"
#include "common/io/postgres.h"
#include "common/io/store_push.h"

#define DRIFT_BATCH_MAX 250 /* pairs of a look; what one read of the shop takes */

/* ---- runs ----------------------------------------------------------------------------- */

enum drift_kind {
    DRIFT_FULL = 0,  /* everything, by an export */
    DRIFT_HOT = 1,   /* pairs at risk, by point reads */
    DRIFT_ASKED = 2, /* by a person */
};

const char *drift_kind_name(enum drift_kind kind);

struct drift_run {
    struct span shop;
    enum drift_kind kind;
    int64_t id; /* 0 = none */
    int64_t started_at_us;
    int64_t compared;
    int64_t suspects;
    int64_t in_flight;
    int64_t findings;
    int64_t unknown;
    int64_t calls; /* by this process, since they were last added */
};

/* *busy_out: another process compares this shop. The lock lasts as long as the connection
 * does. */
enum status store_drift_lock(struct postgres *postgres, struct span shop, bool *busy_out,
                             struct error *error);

/* Lets the next one in without waiting for the connection's end. */
enum status store_drift_unlock(struct postgres *postgres, struct span shop,
                               struct error *error);

/* Begins a run; `digest` of the contract file. */
enum status store_drift_begin(struct postgres *postgres, struct drift_run *run,
                              const char *digest, struct error *error);

/* The run of the shop that somebody left unfinished; run->id 0 = none. *staged_out: its
 * first look was over. */
enum status store_drift_resume(struct postgres *postgres, struct drift_run *run,
                               bool *staged_out, struct error *error);

/* Ends a run as finished, partial or failed, with a word for people. */
enum status store_drift_end(struct postgres *postgres, struct drift_run *run,
                            const char *state, const char *detail, struct error *error);

/* Notes that a full comparison did not begin when it should have. */
enum status store_drift_missed(struct postgres *postgres, struct span shop,
                               const char *detail, struct error *error);

/* How long ago the newest full comparison began; -1 = there was none. */
enum status store_drift_last_full(struct postgres *postgres, struct span shop,
                                  int64_t *age_ms_out, struct error *error);

/* ---- the first look ------------------------------------------------------------------- */

struct drift_target {
    struct drift_run *run;
    const struct shop_places *places;
    enum level_state mode;
    int64_t settle_ms;
    const struct contract *contract; /* its sources' ages */
};

/* Staged export against shop_levels, in the database: suspects and counts, and what was
 * known and compared by location (drift_sweeps). */
enum status store_drift_compare(struct postgres *postgres,
                                const struct drift_target *target, struct error *error);

/* A pair that is looked at. */
struct drift_pair {
    struct span sku;
    struct span location;
    struct span item; /* empty: the shop has none */
    struct span gid;
    struct span raw_sku; /* as the catalogue has it; empty: not known there */
    int64_t items;
    bool was_mapped;
    int64_t tries; /* looks at which it was under way */
    bool was_looked_at;
    struct quantity shown_before; /* at that look */
    struct quantity noted_before;
};

struct drift_pairs {
    struct pool *pool; /* of their texts; set by the caller */
    size_t count;
    struct drift_pair all[DRIFT_BATCH_MAX];
};

/* What hot and asked runs look at. */
struct drift_choice {
    struct span shop;
    const struct shop_places *places;
    struct span sku;       /* bytes NULL: any */
    struct span location;  /* bytes NULL: any */
    size_t limit;          /* at most DRIFT_BATCH_MAX */
    struct span after_sku; /* go on behind this pair; bytes NULL: from the start */
    struct span after_location;
};

/* Pairs at risk: recently found, little stock, changed lately, high-risk by the catalogue. */
enum status store_drift_hot(struct postgres *postgres, const struct drift_choice *choice,
                            struct drift_pairs *out, struct error *error);
/* Pairs of a SKU or a location, in their order. */
enum status store_drift_chosen(struct postgres *postgres,
                               const struct drift_choice *choice, struct drift_pairs *out,
                               struct error *error);

/* ---- the second look ------------------------------------------------------------------ */

/* Suspects of the run that are due; *wait_ms_out: until the next is (0 = none is left). */
enum status store_drift_due(struct postgres *postgres, const struct drift_target *target,
                            struct drift_pairs *out, int64_t *wait_ms_out,
                            struct error *error);

/* What the tables hold of a pair beside the facts it is judged by. */
struct drift_context {
    bool is_there;          /* the pair has a row */
    struct span source;     /* of the ruling level; empty = none */
    int64_t occurred_at_us; /* of the ruling level */
    struct span rival;      /* a source whose number the shop shows; empty = none */
    struct span contract;   /* digest that push follows */
    int64_t write_id;       /* newest settled */
    struct span tags;       /* one a line */
    bool has_price;
    int64_t price_micros;
};

struct drift_question {
    struct span shop;
    const struct contract *contract;
    const struct drift_pairs *pairs;
    int64_t settle_ms; /* an open write older than that is one that waits */
    const int64_t
        *residuals; /* one a pair, for the tests that need them; NULL: none yet */
    const int64_t *moves;
    const int64_t *seen_until_us; /* one a pair: what the source has seen of orders */
};

struct drift_answer {
    struct pool *pool; /* of the contexts' texts; set by the caller */
    struct drift_facts *facts;
    struct drift_context *contexts;
};

/* Fills what the tables say into facts[] and contexts[], one a pair. */
enum status store_drift_facts(struct postgres *postgres,
                              const struct drift_question *question,
                              const struct drift_answer *answer, struct error *error);

struct drift_marks {
    struct span topic;
    int32_t partitions;
    const int64_t *ends; /* where each partition ended at the first look */
};

/* Records below the marks that apply has not judged, by partition; 0 for a partition that
 * it has never read. */
enum status store_drift_unapplied(struct postgres *postgres,
                                  const struct drift_marks *marks, int64_t *unapplied_out,
                                  struct error *error);

/* ---- findings ------------------------------------------------------------------------- */

/* What a look came to, a row a pair. */
struct drift_results {
    const struct drift_pairs *pairs;
    const enum drift_verdict *verdicts;
    const struct drift_finding *findings; /* used where found */
    const int64_t *committed;             /* kept where clean and known */
    const bool *keep_committed;
    const struct drift_facts *facts; /* kept for the next look of those under way */
    int64_t again_ms;                /* pairs under way are looked at again after this */
    int64_t tries_max; /* and are counted as in flight after so many looks */
};

/* One transaction: findings stored, suspects settled or put off, counts of the run. */
enum status store_drift_settle(struct postgres *postgres, struct drift_run *run,
                               const struct drift_results *results, struct error *error);

/* First look of hot and asked runs: pairs that are not clean become suspects; one entry of
 * suspected[] and facts[] a pair. */
struct drift_suspects {
    const struct drift_pairs *pairs;
    const bool *suspected;
    const struct drift_facts *facts;
};
enum status store_drift_suspect(struct postgres *postgres,
                                const struct drift_target *target,
                                const struct drift_suspects *suspects,
                                struct error *error);

struct drift_filter {
    struct span shop;  /* bytes NULL: any */
    struct span sku;   /* bytes NULL: any */
    struct span cause; /* bytes NULL: any */
    int64_t run_id;    /* 0: any */
    int64_t limit;
};

/* Texts are valid during the call that brings them. */
struct drift_visitor {
    enum status (*each)(void *self, const struct drift_finding *finding,
                        struct error *error);
    void *self;
};

/* Newest first. */
enum status store_drift_findings(struct postgres *postgres,
                                 const struct drift_filter *filter,
                                 const struct drift_visitor *visitor,
                                 struct error *error);

/* A run, for people. */
struct drift_run_view {
    struct drift_run run;
    struct span state;
    struct span detail;
    int64_t finished_at_us; /* 0: it has not */
};
struct drift_run_visitor {
    enum status (*each)(void *self, const struct drift_run_view *view,
                        struct error *error);
    void *self;
};
enum status store_drift_runs(struct postgres *postgres, struct span shop, int64_t limit,
                             const struct drift_run_visitor *visitor,
                             struct error *error);

/* Findings of ended runs that subscribers have not been told, oldest first, up to `limit`. */
enum status store_drift_untold(struct postgres *postgres, struct span shop, int64_t limit,
                               const struct drift_visitor *visitor, struct error *error);
/* The broker has them. */
enum status store_drift_told(struct postgres *postgres, const struct span *ids,
                             const struct span *skus, size_t count, struct error *error);

/* A column of a row; null = not known. */
struct quantity store_drift_quantity(const struct rows *rows, int row, int column);

#endif
