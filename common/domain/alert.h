/*
 * Alerts: which incidents a route carries, what is to be said of one next, how fast, and what
 * an answer means. Level over event: a route knows of each incident what it was told and what
 * is so, and says what is missing; a repeat says nothing, and what opened and ended while a
 * route was away is not said. A crossing (opened, reopened, grown worse) is said once. Each is
 * a table of rows with an id and a why. Times are microseconds since 1970 in UTC.
 */
#ifndef PARSTOCK_DOMAIN_ALERT_H
#define PARSTOCK_DOMAIN_ALERT_H

#include "common/domain/contract.h"
#include "common/domain/incident.h"

/* ---- kinds -------------------------------------------------------------------------- */

/* What a kind of receiver is like. */
struct alert_trait {
    const char *name;
    const char *url;    /* public address; NULL = the user's own */
    bool needs_secret;  /* PARSTOCK_ALERT_<NAME>_SECRET */
    bool url_is_secret; /* whoever knows it may speak */
    bool says_acknowledged;
    bool is_resent;    /* forgets what is not sent again */
    bool is_throttled; /* it does not group by itself */
    bool ends_each;    /* an end must reach it, whatever the pace */
    size_t batch;      /* alerts a request */
};

const struct alert_trait *alert_trait(enum alert_kind kind);
bool alert_kind_parse(struct span text, enum alert_kind *kind_out);
bool alert_severity_parse(struct span text, enum alert_severity *severity_out);
const char *alert_severity_name(enum alert_severity severity);

/* ---- which route carries it --------------------------------------------------------- */

struct alert_facts {
    struct span class;
    struct span cause;
    struct span shop; /* bytes NULL = it concerns all */
    enum alert_severity severity;
    struct span route; /* of an incident about a route; bytes NULL = it is about none */
};

struct alert_carry {
    const char *id;
    bool carries;
    const char *why;
};

const struct alert_carry *alert_carry(const struct alert_route *route,
                                      const struct alert_facts *facts);

/* Is it about alerts themselves? Such an incident never causes another. */
bool alert_is_own(struct span class);

/* ---- what came in ------------------------------------------------------------------- */

enum alert_level { ALERT_SILENT, ALERT_TRIGGERED, ALERT_ACKNOWLEDGED, ALERT_OVER };

/* How an incident stands with a route. */
struct alert_standing {
    bool exists;
    int64_t revision; /* newest that was taken in */
    enum alert_level wanted;
    int64_t crossing;             /* revision of the crossing that is to be told */
    enum alert_severity severity; /* at the crossing */
    enum alert_level told;
    int64_t told_crossing;
    bool in_summary; /* told as one of many */
};

/* A change of an incident. */
struct alert_news {
    int64_t revision;
    enum incident_state state;
    enum alert_severity severity;
    bool carried; /* by this route */
    bool is_past; /* the incident is resolved by now, by a later change */
};

enum alert_effect {
    ALERT_DROPS, /* nothing is changed */
    ALERT_NOTES, /* newer numbers, nothing to say */
    ALERT_WANTS, /* another level or crossing is to be told */
};

struct alert_intake {
    const char *id;
    enum alert_effect effect;
    const char *why;
};

/* Changes `standing` as the rule says. */
const struct alert_intake *alert_take(struct alert_standing *standing,
                                      const struct alert_news *news);

/* ---- what is said next ---------------------------------------------------------------- */

enum alert_action {
    ALERT_REST, /* nothing */
    ALERT_PASS, /* nothing to say, but noted as told */
    ALERT_TRIGGER,
    ALERT_ACK,
    ALERT_END,
    ALERT_AGAIN, /* the same once more */
};

const char *alert_action_name(enum alert_action action);

struct alert_rule {
    const char *id;
    enum alert_action action;
    const char *why;
};

/* `again`: the time for saying it once more has come. */
const struct alert_rule *alert_next(enum alert_kind kind,
                                    const struct alert_standing *standing, bool again);

/* The standing once the action has been delivered, or passed over. */
void alert_said(struct alert_standing *standing, enum alert_action action);

/* Seconds after which what was just said is to be said again; 0 = never. */
int64_t alert_again_seconds(const struct alert_route *route,
                            const struct alert_standing *standing);

/* ---- how fast ------------------------------------------------------------------------- */

/* Messages of a route in the window that runs. */
struct alert_window {
    int64_t began_us; /* 0 = none yet */
    int64_t sent;
    bool holds; /* some are held back for a summary */
};

enum alert_pace {
    ALERT_SENDS,
    ALERT_HOLDS,   /* for the summary */
    ALERT_WAITS,   /* sent in a later window */
    ALERT_SUMS_UP, /* the window is over: what was held is told as one */
};

struct alert_tempo {
    const char *id;
    enum alert_pace pace;
    const char *why;
};

/* For the next message, which says `action`; ALERT_REST asks whether a summary is due. */
const struct alert_tempo *alert_tempo(const struct alert_route *route,
                                      const struct alert_window *window,
                                      enum alert_action action, int64_t now_us);

/* A message was sent; a window that is over gives way to a new one. */
void alert_window_count(const struct alert_route *route, struct alert_window *window,
                        int64_t now_us);

/* ---- what an answer means ---------------------------------------------------------------- */

enum alert_fate {
    ALERT_DELIVERED,
    ALERT_REFUSED, /* this message alone: sending it again would end alike */
    ALERT_AWAY,    /* the receiver takes nothing at present: again, later */
};

struct alert_answer {
    bool answered;
    int code;               /* of HTTP */
    int64_t retry_after_ms; /* -1 = not said */
};

struct alert_verdict {
    const char *id;
    enum alert_fate fate;
    const char *why;
};

const struct alert_verdict *alert_verdict(const struct alert_answer *answer);

/* How long a route rests after `tries` failures in a row (from 1); `dice` is random. */
int64_t alert_wait_ms(int64_t tries, int64_t retry_after_ms, uint32_t dice);

#endif
