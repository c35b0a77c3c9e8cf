/*
 * Causes of a difference between a shop and what it should show, by name, and what a write
 * of the desired level does about each. The test that decides a cause is not here.
 * Source: outside interface, section 2.
 */
#ifndef PARSTOCK_DOMAIN_CAUSE_H
#define PARSTOCK_DOMAIN_CAUSE_H

#include "common/base/span.h"

/* Numbers stand in no table and no file: the order is that of the outside interface. */
enum finding_cause {
    CAUSE_MISSED_EVENT,
    CAUSE_LOST_WRITE,
    CAUSE_REJECTED_WRITE,
    CAUSE_QUEUE_DELAY,
    CAUSE_THROTTLED,
    CAUSE_EXTERNAL_WRITER,
    CAUSE_ORDER_NOT_IN_SOURCE,
    CAUSE_SOURCE_CONFLICT,
    CAUSE_STALE_SOURCE,
    CAUSE_IDENTITY,
    CAUSE_NOT_STOCKED,
    CAUSE_UNTRACKED,
    CAUSE_POLICY_CHANGED,
    CAUSE_DOUBLE_APPLY,
    CAUSE_OVERSOLD,
    CAUSE_UNKNOWN,
    CAUSE_COUNT
};

/* What writing the desired level does. */
enum cause_write {
    CAUSE_WRITE_MENDS, /* the desired level is right, the shop's is not */
    CAUSE_WRITE_LOWERS, /* the desired level is in doubt: it may be lowered to, not raised */
    CAUSE_WRITE_NOTHING, /* the level is not what is wrong */
};

struct cause_kind {
    const char *name;
    enum cause_write write;
    const char *handoff; /* of an incident of it */
    const char *runbook; /* path in the project */
    const char *why;     /* of `write` */
};

const struct cause_kind *cause_kind(enum finding_cause cause);

/* False: no such cause. */
bool cause_parse(struct span name, enum finding_cause *cause_out);

#endif
