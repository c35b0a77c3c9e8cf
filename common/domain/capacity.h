/*
 * How much of everything a user's own figures ask for. Every result is a row of a table: an
 * id, a formula in words, and a function of the inputs; the rates in it were measured
 * (docs/scaling.md says where) and can be replaced by one's own. Pure.
 *
 * Results are estimates: they are doubles, and pods, partitions and nodes are whole.
 */
#ifndef PARSTOCK_DOMAIN_CAPACITY_H
#define PARSTOCK_DOMAIN_CAPACITY_H

#include "common/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Points a second that the shop's cost bucket gets back. */
struct capacity_plan {
    const char *id;
    int64_t points;
};

extern const struct capacity_plan CAPACITY_PLANS[];
extern const size_t CAPACITY_PLAN_COUNT;

/* NULL: there is no such plan. */
const struct capacity_plan *capacity_plan_find(struct span id);

struct capacity_inputs {
    int64_t pairs;  /* SKU-locations */
    int64_t events; /* a day */
    int64_t event_bytes;
    int64_t peak;   /* the busiest minute over the mean of a day */
    int64_t orders; /* a day, of all shops */
    int64_t shops;
    const struct capacity_plan *plan; /* of each shop */
    int64_t idempotency_days;         /* that the ledger keeps */
    int64_t topic_days;               /* that the topic keeps */
    int64_t topic_replicas;
    int64_t outage_seconds; /* that is to be caught up with */
    int64_t pod_events;     /* a second, that one pod of apply is planned with */
};

/* What holds where nothing else is said; every field is set. */
struct capacity_inputs capacity_defaults(void);

struct capacity_rule {
    const char *id;
    const char *unit;
    const char *formula;
    double (*value)(const struct capacity_inputs *inputs);
};

extern const struct capacity_rule CAPACITY_RULES[];
extern const size_t CAPACITY_RULE_COUNT;

/* By id; asserts that there is one. */
double capacity_value(const char *id, const struct capacity_inputs *inputs);

/* What these figures run into, and what is to be done about it. */
struct capacity_limit {
    const char *id;
    bool (*holds)(const struct capacity_inputs *inputs);
    const char *why;
};

extern const struct capacity_limit CAPACITY_LIMITS[];
extern const size_t CAPACITY_LIMIT_COUNT;

#endif
