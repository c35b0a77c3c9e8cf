/*
 * All SQL of `verify`: samples of pairs as they were, what happened since, and what was
 * found when a sample was held against. Statuses as in common/io/postgres.h; texts of rows
 * are copied into the caller's pool.
 */
#ifndef PARSTOCK_IO_STORE_VERIFY_H
#define PARSTOCK_IO_STORE_VERIFY_H

#include "common/domain/verify.h"
#include "common/io/store_drift.h"

#define VERIFY_RUNS_KEPT                                                                 \
    200 /* samples; older ones are dropped with what was found of them */
#define VERIFY_RELATED_MAX 32 /* SKUs that share a pair's stock, its own among them */

/* ---- samples ---------------------------------------------------------------------------- */

struct verify_run {
    int64_t id; /* 0: there is none */
    struct span name;
    struct span state;
    struct span actor;
    int64_t taken_at_us;
    struct span build;
    int64_t schema_version;
    struct span contract;
    int64_t confidence;
    int64_t share;
    int64_t sample;
    int64_t seed;
    int64_t pairs;
    int64_t high_risk;
};

/* A row in state `taking`; sets id and taken_at_us. Drops the oldest samples beyond
 * VERIFY_RUNS_KEPT. */
enum status store_verify_begin(struct postgres *postgres, struct verify_run *run,
                               struct error *error);

/* The pairs of one shop: all high-risk ones (at most `limit` + 1 are taken, so that too many
 * can be told), and run->sample others. Counts are added to the run. */
struct verify_draw {
    struct span shop;
    const struct shop_places *places;
    const struct risk_rules *risk;
    int64_t limit;
};
enum status store_verify_draw(struct postgres *postgres, struct verify_run *run,
                              const struct verify_draw *draw, struct error *error);

/* state: taken or failed. */
enum status store_verify_end(struct postgres *postgres, const struct verify_run *run,
                             const char *state, const char *detail, struct error *error);

/* The newest sample that was taken: of that id or name; bytes NULL: of all. */
enum status store_verify_find(struct postgres *postgres, struct span name,
                              struct pool *pool, struct verify_run *run_out,
                              struct error *error);

/* ---- pairs of a sample ------------------------------------------------------------------ */

struct verify_pair {
    struct drift_pair pair; /* as the catalogue has it now */
    bool is_high_risk;
    struct span item;     /* that it had; empty: none */
    struct span contract; /* digest that push followed */
    struct verify_state before;
};

struct verify_page {
    int64_t run_id;
    struct span shop;
    const struct shop_places *places;
    struct pool *pool;
    struct span after_location; /* go on behind this pair; bytes NULL: from the start */
    struct span after_sku;
};

/* Up to DRIFT_BATCH_MAX of them, by location and SKU. */
enum status store_verify_pairs(struct postgres *postgres, const struct verify_page *page,
                               struct verify_pair *pairs, size_t *count_out,
                               struct error *error);

/* Notes what was found before; `count` up to DRIFT_BATCH_MAX. */
struct verify_notes {
    int64_t run_id;
    struct span shop;
    const struct verify_pair *pairs;
    const struct verify_state *states;
    const struct span *contracts; /* digest that push follows, a pair */
    size_t count;
};
enum status store_verify_note(struct postgres *postgres, const struct verify_notes *notes,
                              struct error *error);

/* ---- what happened since ------------------------------------------------------------------ */

struct verify_question {
    int64_t run_id;
    struct span shop;
    int64_t since_us;
    const struct verify_pair *pairs;
    size_t count;
    const int64_t *places; /* of `related`: which pair, from 0 */
    const struct span *related;
    size_t related_count;
};

/* Fills truth and revision of states[], and betweens[] but other_contract. */
enum status store_verify_between(struct postgres *postgres,
                                 const struct verify_question *question,
                                 struct verify_state *states,
                                 struct verify_between *betweens, struct error *error);

/* ---- checks -------------------------------------------------------------------------------- */

struct verify_check {
    int64_t id;
    int64_t run_id;
    struct span actor;
    int64_t began_at_us;
    int64_t ended_at_us; /* out, of a list */
    struct span outcome;
    struct span build;
    int64_t schema_version;
    struct span contract;
    struct verify_counts counts;
    struct span explained; /* a JSON object: how often by each rule */
};

struct verify_finding {
    struct span shop;
    struct span sku;
    struct span location;
    struct span aspect;
    struct span verdict;
    struct span rule;
    bool is_high_risk;
    struct span before;
    struct span after;
    struct span expected;
    struct span cause;
    struct span reason;
    struct span runbook;
};

/* One transaction; sets check->id. */
enum status store_verify_save(struct postgres *postgres, struct verify_check *check,
                              const struct verify_finding *findings, size_t count,
                              struct error *error);

/* A sample and its newest check (check->id 0: none), the newest sample first. */
struct verify_list_visitor {
    enum status (*each)(void *self, const struct verify_run *run,
                        const struct verify_check *check, struct error *error);
    void *self;
};
enum status store_verify_list(struct postgres *postgres, int64_t limit,
                              const struct verify_list_visitor *visitor,
                              struct error *error);

/* The newest check of a sample; id 0: it was never held against. */
enum status store_verify_check_of(struct postgres *postgres, int64_t run_id,
                                  struct pool *pool, struct verify_check *check_out,
                                  struct error *error);

struct verify_finding_visitor {
    enum status (*each)(void *self, const struct verify_finding *finding,
                        struct error *error);
    void *self;
};
enum status store_verify_findings(struct postgres *postgres, int64_t check_id,
                                  const struct verify_finding_visitor *visitor,
                                  struct error *error);

#endif
