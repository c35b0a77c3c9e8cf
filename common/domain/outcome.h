/*
 * The seven ways in which an input ends. Every record read ends in exactly one; the
 * counts of the seven add up to what was read. Source: design rule 10; outside interface,
 * section 1.
 */
#ifndef PARSTOCK_DOMAIN_OUTCOME_H
#define PARSTOCK_DOMAIN_OUTCOME_H

#include <stdbool.h>

/* The numbers stand in ledger rows: never change one, only add. */
#define OUTCOMES(X)                                                                      \
    X(APPLIED, 0, "applied")                                                             \
    X(UNCHANGED, 1, "unchanged")                                                         \
    X(DUPLICATE, 2, "duplicate")                                                         \
    X(STALE, 3, "stale")                                                                 \
    X(SHADOWED, 4, "shadowed")                                                           \
    X(REKEYED, 5, "rekeyed")                                                             \
    X(REJECTED, 6, "rejected")

enum outcome {
#define X(name, number, text) OUTCOME_##name = (number),
    OUTCOMES(X)
#undef X
        OUTCOME_COUNT
};

const char *outcome_name(enum outcome outcome);

/* Does the event's key stay in the ledger? A rejected event leaves no trace, so that its id
 * is free for a corrected retry; a copy is judged where it lands; a duplicate stands there. */
bool outcome_leaves_ledger_row(enum outcome outcome);

#endif
