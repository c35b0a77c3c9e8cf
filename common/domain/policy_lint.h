/*
 * What is wrong with a rulebook that can be read: rules that no finding reaches, that
 * contradict one another, that do nothing, that name what the contract does not have. Pure.
 * Source: outside interface, section 3 (`parstock policy lint`).
 */
#ifndef PARSTOCK_DOMAIN_POLICY_LINT_H
#define PARSTOCK_DOMAIN_POLICY_LINT_H

#include "common/domain/contract.h"

enum policy_fault_kind {
    POLICY_FAULT_SAME_ID,       /* its id is that of `other` too */
    POLICY_FAULT_CONTRADICTION, /* `other` before it has the same conditions, but does else */
    POLICY_FAULT_REPETITION,  /* .. and does the same */
    POLICY_FAULT_UNREACHABLE, /* `other` before it takes whatever fits it */
    POLICY_FAULT_NEVER,       /* its conditions can not hold together */
    POLICY_FAULT_BARRED,      /* asks for a resync of what is never resynced by a rule */
    POLICY_FAULT_NO_SHOP,     /* names a shop that the contract lacks */
    POLICY_FAULT_NO_LOCATION, /* names a location that no shop of it has */
    POLICY_FAULT_ALIAS,       /* names a location by an alias; findings carry codes */
    POLICY_FAULT_RUNBOOK,     /* neither an https URL nor a path below docs/ */
    POLICY_FAULT_GUARD_ABOVE, /* a limit of zeroed levels above that of changed ones */
    POLICY_FAULT_GUARD_STOPS, /* rules resync, and a guard lets no level be changed */
    POLICY_FAULT_UNHEARD,     /* incidents of a class, error or worse, reach no route */
    POLICY_FAULT_KPI_IDLE,    /* a limit of the week that no week can break */
    POLICY_FAULT_KPI_NEVER,   /* .. that every week breaks */
    POLICY_FAULT_KIND_COUNT
};

enum policy_fault_place {
    POLICY_OF_RULE,
    POLICY_OF_GUARDS,
    POLICY_OF_ALERTS,
    POLICY_OF_KPI
};

struct policy_fault {
    enum policy_fault_kind kind;
    size_t rule;      /* its place; of guards: meaningless */
    size_t other;     /* place of the rule that is in the way, where there is one */
    struct span name; /* what is named, where that is the fault */
};

const char *policy_fault_id(enum policy_fault_kind kind);
const char *policy_fault_text(enum policy_fault_kind kind); /* what to do about it */
bool policy_fault_has_other(enum policy_fault_kind kind);
enum policy_fault_place policy_fault_place(enum policy_fault_kind kind);

/* In order of the rules; then guards, alerts, `kpi`. Returns how many there are, of which at
 * most `max` are written. */
size_t policy_lint(const struct contract *contract, struct policy_fault *faults,
                   size_t max);

/* Does `wide` hold wherever `narrow` does? */
bool policy_covers(const struct policy_when *wide, const struct policy_when *narrow);

#endif
