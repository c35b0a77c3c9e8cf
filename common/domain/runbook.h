/*
 * What has a page for people, and which: causes of drift and the rules that tell them,
 * classes of incident, guards, refusals of a shop, and the procedures. Read from the tables
 * that the program itself goes by, so that no page can be forgotten. Pure.
 * Source: outside interface, section 2 (`runbook_url`).
 */
#ifndef PARSTOCK_DOMAIN_RUNBOOK_H
#define PARSTOCK_DOMAIN_RUNBOOK_H

#include "common/base/span.h"

#define RUNBOOK_FOLDER "docs/runbooks/"
#define RUNBOOK_SOP_FOLDER "docs/sops/"

enum runbook_kind {
    RUNBOOK_CAUSE,
    RUNBOOK_DRIFT_RULE, /* its page is that of its cause */
    RUNBOOK_CLASS,
    RUNBOOK_GUARD,
    RUNBOOK_FEED_GUARD,
    RUNBOOK_REFUSAL,     /* a rule of push that leaves a pair alone */
    RUNBOOK_VERIFY_RULE, /* it links a page of something else, as the next does */
    RUNBOOK_SUSPECT,
    RUNBOOK_SOP,
    RUNBOOK_POLICY_RULE, /* of a contract file: not listed here */
    RUNBOOK_ALERT,       /* of a file of alert rules: not listed here */
    RUNBOOK_KIND_COUNT
};

const char *runbook_kind_name(enum runbook_kind kind);

struct runbook_subject {
    enum runbook_kind kind;
    struct span id;
    struct span page; /* path in the project */
};

/* All that the program has; false past the last. */
bool runbook_subject(size_t at, struct runbook_subject *out);

#endif
