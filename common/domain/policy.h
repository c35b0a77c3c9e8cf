/*
 * What is done about a difference that drift found. The rules of the contract file are tried
 * in their order, then the built-in ones; the first that fits decides. Bars stand above all
 * rules: a resync that a rule asks for and a bar forbids becomes an escalation. Every rule
 * and bar has an id and a why, which travel with what is done. Pure.
 * Source: `policy` of the contract file.
 */
#ifndef PARSTOCK_DOMAIN_POLICY_H
#define PARSTOCK_DOMAIN_POLICY_H

#include "common/domain/cause.h"

enum policy_action {
    POLICY_RESYNC = 0, /* the desired level is written again, and read back */
    POLICY_ESCALATE,   /* an incident, with an action that waits for a person */
    POLICY_OBSERVE,    /* recorded */
    POLICY_IGNORE,     /* counted */
    POLICY_ACTION_COUNT
};

const char *policy_action_name(enum policy_action action);

enum policy_direction {
    POLICY_EITHER = 0,
    POLICY_OVER,  /* the shop shows more than it should: it may oversell */
    POLICY_UNDER, /* less */
};

#define POLICY_RISK_LOW 0x1u
#define POLICY_RISK_HIGH 0x2u

/* Any of these; a count of 0 = whatever it is. Sorted by span_compare, tags by
 * risk_tag_compare. */
struct policy_list {
    const struct span *items;
    size_t count;
};

/* Both ends belong to it. */
struct policy_range {
    bool has_least;
    bool has_most;
    int64_t least;
    int64_t most;
};

/* Conditions, all of which must hold; zeroed: it always does. */
struct policy_when {
    uint32_t causes; /* bit 1 << cause; 0 = any */
    unsigned risks;  /* POLICY_RISK_*; 0 = any */
    struct policy_list shops;
    struct policy_list locations; /* codes */
    struct policy_list skus;      /* normalised */
    struct policy_list tags;
    enum policy_direction direction;
    struct policy_range units;   /* of the difference, whatever its sign */
    struct policy_range percent; /* of the desired level, in millionths of it */
    struct policy_range value;   /* in micros of the shop's currency */
    struct policy_range
        drifted; /* findings of the pair in POLICY_LATELY_SECONDS before */
};

#define POLICY_LATELY_SECONDS 86400
#define POLICY_WHOLE INT64_C(1000000) /* 100 percent */

struct policy_rule {
    struct span id;
    struct policy_when when;
    enum policy_action action;
    struct span why;
    struct span runbook; /* bytes NULL = that of the cause */
};

struct policy {
    const struct policy_rule *rules;
    size_t count;
};

/* A finding, as far as rules ask. */
struct policy_facts {
    enum finding_cause cause;
    bool is_high_risk;
    struct span shop;
    struct span location; /* code */
    struct span sku;      /* normalised */
    struct span tags;     /* one a line */
    bool has_desired;
    bool has_shown;
    int64_t desired;
    int64_t residual; /* > 0: the shop shows more */
    bool has_value;
    int64_t value_micros;
    int64_t drifted_lately; /* findings of this pair before this one */
};

/* Why a write is not for a rule to ask for. */
struct policy_bar {
    const char *id;
    bool (*holds)(const struct policy_facts *facts);
    const char *why;
};

struct policy_verdict {
    enum policy_action action;
    const struct policy_rule *rule; /* that took it; of the contract or built in */
    bool is_builtin;
    const struct policy_bar
        *bar; /* NULL = none; else what made of a resync an escalation */
    struct span runbook;
};

struct policy_verdict policy_judge(const struct policy *policy,
                                   const struct policy_facts *facts);

bool policy_fits(const struct policy_when *when, const struct policy_facts *facts);

/* The built-in rules and the bars, in order; NULL past the last. */
const struct policy_rule *policy_builtin(size_t at);
const struct policy_bar *policy_bar(size_t at);

#endif
