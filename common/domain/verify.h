/*
 * A pair before a change of the system and after it: which differences are the ordinary
 * course of things, and which are not.
 *
 * Seven things are compared of each pair: the item, whether it is tracked, whether it is
 * sold on below zero, whether it is stocked, the ruling level, what should be shown, and
 * what the shop shows. Of each the first row that fits says what became of it: explained
 * (by events, orders, writes of ours, another contract file), known (so it was before),
 * undecided (still under way), or wrong. What no row fits has not changed.
 *
 * Pure. Source: design, rules 4, 7 and 8.
 */
#ifndef PARSTOCK_DOMAIN_VERIFY_H
#define PARSTOCK_DOMAIN_VERIFY_H

#include "common/domain/drift.h"

enum verify_aspect {
    VERIFY_ITEM,
    VERIFY_TRACKED,
    VERIFY_SELLING,
    VERIFY_STOCKED,
    VERIFY_TRUTH,
    VERIFY_DESIRED,
    VERIFY_SHOWN,
    VERIFY_ASPECT_COUNT
};

const char *verify_aspect_name(enum verify_aspect aspect);

/* What was found of an item or level, at one moment. */
struct verify_state {
    bool is_read;    /* the shop was asked of the pair's item */
    bool item_there; /* the item that the SKU had at the first moment */
    struct span raw_sku;
    bool tracked;
    bool sells_on; /* below zero */
    bool stocked;
    struct quantity shown;
    struct quantity truth;
    int64_t revision; /* of the ruling level; it only rises */
    struct quantity desired;
    int64_t residual; /* shown less what should be, where both are known */
    bool is_off;      /* a test of drift fits; at the first moment of one look alone */
};

/* What happened between the two moments. */
struct verify_between {
    bool other_contract; /* push follows another file than then */
    int64_t events;   /* judged, of the SKU or of a kit or part that shares its stock */
    bool events_lead; /* from the ruling level of then to that of now, without a gap */
    int64_t units;    /* orders, and units found missing, of the same SKUs */
    int64_t writes;   /* of ours, of the pair, with a verdict */
};

struct verify_input {
    struct verify_state before;
    struct verify_state after;
    struct verify_between between;
    struct drift_judgement judgement; /* of the last look */
};

enum verify_verdict {
    VERIFY_EXPLAINED,
    VERIFY_KNOWN,
    VERIFY_UNDECIDED,
    VERIFY_WRONG,
    VERIFY_VERDICT_COUNT
};

const char *verify_verdict_name(enum verify_verdict verdict);

struct verify_rule {
    const char *id;
    enum verify_aspect aspect;
    enum verify_verdict verdict;
    const char *runbook; /* "" = that of the drift's cause, or none is needed */
    bool (*fits)(const struct verify_input *input);
    const char *why;
};

extern const struct verify_rule VERIFY_RULES[];
extern const size_t VERIFY_RULES_COUNT;

/* One row at most an aspect; NULL: unchanged. */
struct verify_result {
    const struct verify_rule *rules[VERIFY_ASPECT_COUNT];
};

struct verify_result verify_judge(const struct verify_input *input);

/* The worst verdict of a pair; VERIFY_EXPLAINED where nothing fits. */
enum verify_verdict verify_worst(const struct verify_result *result);

/* All pairs by their worst verdict. */
struct verify_counts {
    int64_t pairs;
    int64_t wrong;
    int64_t undecided;
    int64_t known;
    int64_t moved; /* changed, and explained */
};

/* ok, failed, or undecided: a check that could not look at everything proves nothing. */
const char *verify_outcome(const struct verify_counts *counts);

#endif
