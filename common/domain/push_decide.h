/*
 * From an answer to a decision: what becomes of a write, and of each of its pairs.
 *
 * Works under every reading of what the shop does not document: whether one bad pair
 * refuses the whole call, whether a stale compare names its pair, whether a refusal after
 * an unknown outcome proves anything (it does not: the pairs are read again). Pure.
 */
#ifndef PARSTOCK_DOMAIN_PUSH_DECIDE_H
#define PARSTOCK_DOMAIN_PUSH_DECIDE_H

#include "common/domain/push_rules.h"

#define PUSH_PAIRS_MAX 250 /* the shop's limit of any input array */
#define PUSH_ERRORS_MAX 512
#define PUSH_CODE_MAX 64

struct push_user_error {
    char code[PUSH_CODE_MAX];
    int pair; /* index into the call's pairs; -1 = not said */
};

struct push_answer {
    enum push_transport transport; /* 0 = answered by the API */
    int http_status;
    bool has_top_error;
    char top_code[PUSH_CODE_MAX]; /* "" = an error without a code */
    struct push_user_error errors[PUSH_ERRORS_MAX];
    size_t error_count;
    bool errors_cut; /* more than fit */
    bool has_group;  /* the shop made an adjustment group: something was applied */
};

/* What the write becomes. */
enum push_next {
    PUSH_NEXT_SETTLE, /* over: the pairs' fates say what becomes of them */
    PUSH_NEXT_WAIT,   /* stays open: the same key and bytes later */
};

/* What a pair becomes once its write is over. */
enum push_fate {
    PUSH_FATE_KEEP = 0,       /* not written, what we know of it still holds */
    PUSH_FATE_APPLIED = 1,    /* shows what was written */
    PUSH_FATE_REREAD = 2,     /* must be read before its next write */
    PUSH_FATE_QUARANTINE = 3, /* left alone, with the rule's code */
};

struct push_decision {
    enum push_next next;
    const struct push_rule *rule; /* the one that decided */
    bool unknown;                 /* this try may have been applied */
    bool split; /* a pair is at fault and not named: write fewer at once */
    enum push_fate fates[PUSH_PAIRS_MAX];
    const struct push_rule *fate_rules[PUSH_PAIRS_MAX];
};

/*
 * `maybe_applied`: an earlier try of this write ended without a verdict, in this process
 * or in one before it.
 */
void push_decide(const struct push_answer *answer, size_t pair_count, bool maybe_applied,
                 struct push_decision *decision_out);

#endif
