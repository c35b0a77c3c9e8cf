/*
 * What is done about one finding: the policy's verdict, and over it the guards. Pure.
 */
#ifndef PARSTOCK_DOMAIN_RESOLVE_H
#define PARSTOCK_DOMAIN_RESOLVE_H

#include "common/domain/finding.h"

/* How the guards see the run that a finding belongs to. */
enum resolve_run {
    RESOLVE_RUN_PASSES,
    RESOLVE_RUN_STOPPED,  /* a guard fired: what it asks for waits for a person */
    RESOLVE_RUN_RELEASED, /* a person let it go on */
    RESOLVE_RUN_REJECTED, /* a person did not */
    RESOLVE_RUN_COUNT
};

const char *resolve_run_name(enum resolve_run run);
bool resolve_run_parse(struct span name, enum resolve_run *run_out);

enum resolve_state {
    RESOLVE_NONE,    /* nothing is to be done */
    RESOLVE_HELD,    /* by a guard */
    RESOLVE_PENDING, /* the pair is marked for push */
    RESOLVE_DROPPED, /* a person did not want it */
};

const char *resolve_state_name(enum resolve_state state);

struct resolve_decision {
    struct policy_verdict verdict;
    enum policy_action action;
    enum resolve_state state;
    const char *bar;          /* id of the bar or guard in the way; "" = none */
    const char *bar_why;      /* "" = none */
    bool is_of_second_writer; /* the incident to open is that */
};

struct resolve_question {
    const struct contract *contract;
    const struct finding *finding;
    const struct finding_beside *beside;
    enum resolve_run run;
    bool shop_is_stopped; /* by an earlier run */
};

struct resolve_decision resolve_decide(const struct resolve_question *question);

#endif
