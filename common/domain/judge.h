/*
 * The outcome of one event: the first row of RULES that fits. The row's number and id
 * travel in ledger rows, log lines and metrics; `parstock apply --explain` prints the
 * table. Source: outside interface, section 1, "Outcome of an event".
 */
#ifndef PARSTOCK_DOMAIN_JUDGE_H
#define PARSTOCK_DOMAIN_JUDGE_H

#include "common/domain/outcome.h"
#include "common/domain/reading.h"
#include "common/domain/reason.h"

/* What the ledger says of the event's key. */
enum seen {
    SEEN_NEVER,
    SEEN_SAME,  /* with this content */
    SEEN_OTHER, /* with other content */
};

struct question {
    enum reason reason; /* of decoding; unless NONE nothing below but this is set */
    bool misplaced;     /* another key or partition than the SKU's */
    enum seen seen;
    const struct event *event;
    const struct contract *contract;
    /* One a source of the contract, then one a shop. */
    const struct reading *readings;
    const struct level *level; /* ruling before the event */
    int64_t adjusted_later;    /* see reading_after */
    int64_t recorded_at_ms;    /* the record's Kafka timestamp; -1: none */
};

struct verdict {
    enum outcome outcome;
    enum reason reason; /* for rejected */
    int rule;           /* number of the row */
    int slot;           /* which of the readings changed */
    bool recorded;      /* reading and level below are to be kept */
    struct reading reading;
    struct level level; /* ruling after the event, also where nothing was recorded */
};

struct verdict judge(const struct question *question);

/* Slot of the event's source (or shop) among the readings. */
int judge_slot(const struct contract *contract, const struct event *event);

struct rule {
    int number; /* stands in ledger rows: never change one, only add */
    const char *id;
    enum outcome outcome;
    const char *why;
};

/* Row by position, in order of judgement; NULL past the end. */
const struct rule *judge_rule(size_t at);
const struct rule *judge_rule_by_number(int number);

#endif
