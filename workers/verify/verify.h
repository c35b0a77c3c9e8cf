/*
 * parstock verify: a frozen sample of pairs, read before a change of the system and held
 * against what is there after it.
 */
#ifndef PARSTOCK_WORKERS_VERIFY_VERIFY_H
#define PARSTOCK_WORKERS_VERIFY_VERIFY_H

#include "common/io/store_verify.h"
#include "common/runtime/drift_look.h"
#include "common/runtime/output.h"
#include "common/runtime/shop_access.h"

struct verify_flags {
    const char *name;
    const char *shop;
    const char *confidence;
    const char *share;
    const char *actor;
    int64_t sample; /* -1: by confidence and share */
    int64_t seed;   /* -1: by the time */
    int64_t settle_seconds;
    int64_t limit;
};

struct verify_job {
    const struct config *config;
    const struct contract *contract;
    const struct verify_flags *flags;
    struct postgres *postgres;
    enum output output;
    int only_shop; /* index into the contract; -1: all */
    int64_t settle_ms;
    int64_t schema_version;
    struct span actor;
    struct pool pool; /* texts of the run, of pairs and of findings */
    struct verify_run run;
};

/* What a pair came to, at its last look. */
struct verify_seen {
    struct verify_state after;
    struct verify_result result;
    const struct drift_rule *rule; /* of the drift; NULL: none */
    struct quantity expected;      /* that the shop should show, as decided then */
    bool is_under_way;
};

/* A sample's pairs in one shop. */
struct verify_shop {
    struct verify_job *job;
    const struct shop *shop;
    struct shop_places places;
    char name[128];
    struct drift_looker looker;
    struct verify_pair *pairs;
    struct verify_seen *seen; /* one a pair */
    size_t count;
    size_t room;
};

/* What a look at some pairs brought, beside looker.looked. */
struct verify_looked {
    struct verify_state states[DRIFT_BATCH_MAX];
    struct verify_between betweens[DRIFT_BATCH_MAX];
};

/* verify_wish.c: how many pairs, and what they prove; into job->run. */
enum status verify_wish(struct verify_job *job, struct error *error);
/* "95 % sure to notice if 1 % of pairs are wrong" */
void verify_wish_text(const struct verify_run *run, struct buf *out);

/* verify_shop.c: one shop, and all of its pairs in memory; released by verify_shop_close. The
 * shop itself is not spoken to before verify_shop_greet. */
enum status verify_shop_open(struct verify_job *job, const struct shop *shop,
                             struct verify_shop **out, struct error *error);
enum status verify_shop_load(struct verify_shop *shop, struct error *error);
enum status verify_shop_greet(struct verify_shop *shop, struct error *error);
void verify_shop_close(struct verify_shop **slot);
bool verify_takes_shop(const struct verify_job *job, size_t at);

/* verify_look.c: pairs[places[0]], ..; up to DRIFT_BATCH_MAX of them. */
enum status verify_look(struct verify_shop *shop, const size_t *places, size_t count,
                        struct verify_looked *looked, struct error *error);

enum status verify_pre(struct verify_job *job, struct error *error);
/* *outcome_out as verify_outcome says. */
enum status verify_post(struct verify_job *job, struct span name,
                        const char **outcome_out, struct error *error);

/* verify_print.c */
enum status verify_print_run(const struct verify_job *job, struct error *error);
enum status verify_print_check(const struct verify_job *job,
                               const struct verify_check *check, struct error *error);
enum status verify_print_list(struct verify_job *job, struct error *error);

#endif
