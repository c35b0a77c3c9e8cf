/*
 * A look at up to 250 pairs of a shop: the tables, the shop by point reads, the tables again,
 * and the judgement of common/domain/drift.h. Whoever looks says which pairs and what became
 * of them before; what a look means for a run or a verification is its caller's.
 *
 * The caller fills the first fields, opens and closes the connections, and resets `pool`
 * between pairs in hand; the rest is the looker's. Statuses: STATUS_RETRY where the shop or
 * the database is away, or the shop's cost bucket stays empty ("throttled").
 */
#ifndef PARSTOCK_RUNTIME_DRIFT_LOOK_H
#define PARSTOCK_RUNTIME_DRIFT_LOOK_H

#include "common/io/kafka_admin.h"
#include "common/io/shopify.h"
#include "common/io/store_drift.h"
#include "common/runtime/config.h"

#define DRIFT_LOOKS_MAX 6 /* of a pair that is under way; then it is left so */

/* How far the stock changes had come when they were marked. */
struct drift_lag {
    struct kafka_admin *admin;
    char topic[256];
    int32_t partitions; /* 0: not known */
    int64_t *ends;      /* one a partition */
};

/* What a look at the pairs in hand brought, one each. */
struct drift_looked {
    struct drift_facts facts[DRIFT_BATCH_MAX];
    struct drift_context contexts[DRIFT_BATCH_MAX];
    struct drift_judgement judgements[DRIFT_BATCH_MAX];
    int64_t seen_until_us[DRIFT_BATCH_MAX]; /* of orders, by the pairs' sources */
};

struct drift_looker {
    const struct config *config;
    const struct contract *contract;
    const struct shop *shop;
    const char *name; /* the shop's, for logs */
    int64_t settle_ms;
    struct postgres *postgres;
    struct shopify *shopify;
    struct pool pool; /* texts of the pairs in hand */
    struct pool work;
    struct drift_pairs pairs; /* in hand */
    struct drift_looked looked;
    struct drift_lag lag;
    int64_t calls; /* to the shop; counted up, set back by the caller */
};

/* Looks at the pairs in hand and judges them. */
enum status drift_look(struct drift_looker *looker, struct error *error);

/* Waits until the shop's cost bucket has the points for a call, beside what push needs;
 * STATUS_RETRY with code "throttled" after two minutes. */
enum status drift_pay(struct drift_looker *looker, int64_t points, struct error *error);

/* Only the tables: desired levels of the pairs in hand as they are decided now. */
enum status drift_decide(struct drift_looker *looker, struct error *error);

/* drift_lag.c: events that apply has not judged, by what Kafka and the tables say. */
void drift_lag_mark(struct drift_looker *looker);
/* facts.unapplied of the pairs in hand. */
enum status drift_lag_fill(struct drift_looker *looker, struct error *error);
void drift_lag_end(struct drift_looker *looker);

#endif
