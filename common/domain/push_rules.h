/*
 * What an answer of the shop means for a write: one row a code, with an id and a why.
 * The ids travel in log lines, metrics and the rows of shop_writes. Pure.
 * Source: the userErrors enum of the Admin API 2026-10, its top-level codes and HTTP
 * statuses; the actions are ours.
 */
#ifndef PARSTOCK_DOMAIN_PUSH_RULES_H
#define PARSTOCK_DOMAIN_PUSH_RULES_H

#include "common/base/span.h"

enum push_verdict {
    PUSH_APPLIED = 0,        /* the shop says that it is done */
    PUSH_RETRY_SAME = 1,     /* wait, then the same key and the same bytes */
    PUSH_REREAD_NEW_KEY = 2, /* read the pair again, decide again, new key */
    PUSH_QUARANTINE_PAIR =
        3, /* leave the pair alone until a person or the catalogue acts */
    PUSH_CONFIGURATION = 4, /* no pair is at fault: settings or a bug of ours */
    PUSH_RENEW_TOKEN = 5,   /* new token once, then the same key and bytes */
    PUSH_THROTTLED = 6,     /* wait by the cost status, then the same key and bytes */
    PUSH_UNKNOWN = 7,       /* may have been applied: same key and bytes, or read back */
};

#define PUSH_VERDICT_COUNT 8

const char *push_verdict_name(enum push_verdict verdict);

/* Where the word or number that is looked up came from. */
enum push_match {
    PUSH_MATCH_OK,        /* answered without any error */
    PUSH_MATCH_USER_CODE, /* userErrors[].code */
    PUSH_MATCH_TOP_CODE,  /* errors[].extensions.code */
    PUSH_MATCH_HTTP,      /* status, low <= status <= high */
    PUSH_MATCH_TRANSPORT, /* no usable answer */
};

struct push_rule {
    const char *id;
    enum push_match match;
    const char *code; /* NULL: by number */
    int low;
    int high;
    enum push_verdict verdict;
    const char *why;
};

extern const struct push_rule PUSH_RULES[];
extern const size_t PUSH_RULES_COUNT;

/* How a request that has no usable answer ended; `low` of PUSH_MATCH_TRANSPORT rows. */
enum push_transport {
    PUSH_TRANSPORT_NOT_SENT = 1, /* certainly never reached the shop */
    PUSH_TRANSPORT_LOST = 2,     /* may have reached it */
    PUSH_TRANSPORT_GARBLED = 3,  /* an answer that is not of the API */
};

/* Always a row: a code or number that no row names ends at the last row of its kind. */
const struct push_rule *push_rule_by_code(enum push_match match, struct span code);
const struct push_rule *push_rule_by_number(enum push_match match, int number);
const struct push_rule *push_rule_applied(void);

#endif
