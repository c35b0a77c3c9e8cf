/*
 * Incidents: problems that a person must know of, one open incident a problem however often
 * it is seen. A class says what makes two sightings the same problem, how severe it is, who
 * takes it over and which page says what to do. Texts belong to the caller; times are
 * microseconds since 1970 in UTC. Source: outside interface, section 2; design, rules 4, 10.
 */
#ifndef PARSTOCK_DOMAIN_INCIDENT_H
#define PARSTOCK_DOMAIN_INCIDENT_H

#include "common/domain/contract.h"

enum incident_class {
    INCIDENT_ID_REUSED = 0,      /* a source used an id again for other content */
    INCIDENT_PUSH_REFUSED = 1,   /* a shop refused the level of one pair for good */
    INCIDENT_SHOP_OVERSOLD = 2,  /* a shop shows less than nothing of one pair */
    INCIDENT_STOCK_OVERSOLD = 3, /* more was ordered of one pair than there is */
    INCIDENT_WEBHOOKS_LOST = 4,  /* a shop does not send what it is to send */
    INCIDENT_UNINSTALLED = 5,    /* a shop has thrown the app out */
    INCIDENT_DRIFT = 6,          /* a shop shows another level than it should, for good */
    INCIDENT_ALERT_UNDELIVERED = 7, /* a route of alerts can not be reached */
    INCIDENT_ALERT_LATE = 8,        /* a route of alerts told too late */
    INCIDENT_IMPORT_GUARD = 9,   /* a feed was stopped: it would change too many levels */
    INCIDENT_GUARD_STOPPED = 10, /* a guard has stopped the resyncs of a shop */
    INCIDENT_SECOND_WRITER = 11, /* a pair was repaired and changed back, repeatedly */
    INCIDENT_RESYNC_FAILED = 12, /* read back, a resync was of no avail */
    INCIDENT_RESYNC_LATE = 13,   /* push does not come to the resyncs of a shop */
    INCIDENT_ZEROING_STOPPED = 14, /* a guard keeps push from taking a shop to zero */
    INCIDENT_UNCOMPARED = 15, /* comparisons of a shop were missed or came to nothing */
    INCIDENT_CLASS_COUNT
};

/* What happened to an incident. The newest but `updated` is how it stands. */
#define INCIDENT_STATES(X)                                                               \
    X(OPENED, "opened")                                                                  \
    X(UPDATED, "updated")                                                                \
    X(ACKNOWLEDGED, "acknowledged")                                                      \
    X(RESOLVED, "resolved")                                                              \
    X(REOPENED, "reopened")

enum incident_state {
#define X(name, text) INCIDENT_##name,
    INCIDENT_STATES(X)
#undef X
        INCIDENT_STATE_COUNT
};

const char *incident_state_name(enum incident_state state);

/* Which fields of the subject make two sightings the same problem. */
#define INCIDENT_BY_SOURCE 0x1u
#define INCIDENT_BY_SHOP 0x2u
#define INCIDENT_BY_SKU 0x4u
#define INCIDENT_BY_LOCATION 0x8u
/* The subject's `source` may name any speaker: of alerts' incidents it is the route. */

/* A class is a row: texts are those of the topic. */
struct incident_kind {
    const char *id;
    const char *cause;    /* of the causes of a drift finding */
    const char *severity; /* critical, error, warning, info */
    const char *handoff;
    unsigned subject;        /* INCIDENT_BY_* */
    const char *remediation; /* what is to be done first */
    const char *runbook;     /* path of the page in the project */
    const char *why;
    bool tells_all;         /* a sighting is always news: see incident_is_told */
    int64_t reopen_seconds; /* back within this time after its end: the same incident */
    bool ends_by_runs;      /* later runs that find it clean end it: incident_life.h */
};

const struct incident_kind *incident_kind(enum incident_class class);
bool incident_class_is_known(struct span id);

/* What an incident is about; bytes NULL = it concerns many. */
struct incident_subject {
    struct span source;
    struct span shop;
    struct span sku;
    struct span location;
};

/* The record that showed the problem. */
struct incident_origin {
    struct span topic;
    int32_t partition;
    int64_t offset;
    int64_t recorded_at_us;
    struct span sku; /* of the event, also where the problem concerns many */
    struct span location;
    struct span event_id;
    struct span traceparent; /* bytes NULL = none */
};

/* What a single problem has of its own; NULL = as its class says. */
struct incident_finding {
    const char *cause;
    const char *severity;
    const char *root_cause; /* NULL = not known */
    const char *remediation;
    const char *handoff;
};

/* One problem, as often as it was seen in one piece of work. */
struct incident_sighting {
    enum incident_class class;
    struct incident_subject subject; /* only the fields that the class goes by */
    struct incident_origin first;
    struct incident_origin latest;
    int64_t occurrences;
    struct incident_finding finding;
    struct span evidence; /* a JSON object; bytes NULL = made of first and latest */
    struct span
        proposal; /* a JSON object, an action for a person to approve; or absent */
};

/* A batch can raise one problem a speaker of the contract. */
#define INCIDENT_SET_MAX (CONTRACT_SOURCES_MAX + CONTRACT_SHOPS_MAX)

struct incident_set {
    const char *actor; /* who saw them, e.g. "apply" */
    size_t count;
    struct incident_sighting items[INCIDENT_SET_MAX];
};

/* Adds a sighting, in the order of the log. False: the set is full and it was not taken. */
bool incident_set_add(struct incident_set *set, enum incident_class class,
                      const struct incident_subject *subject,
                      const struct incident_origin *origin);

/*
 * The name of the problem apart from its SKU (which has a column of its own): two sightings
 * with the same name and SKU belong to one open incident. Returns the length.
 */
#define INCIDENT_PROBLEM_MAX 2048
size_t incident_problem(const struct incident_sighting *sighting,
                        char room[INCIDENT_PROBLEM_MAX]);

/* Bytes whose digest names the incident that this sighting opens: the problem and the
 * record that showed it first, so that the same work done again finds the same name. */
#define INCIDENT_NAME_MAX (INCIDENT_PROBLEM_MAX + 2048)
size_t incident_name_bytes(const struct incident_sighting *sighting,
                           char room[INCIDENT_NAME_MAX]);

/*
 * Is the growth from `before` to `after` sightings told to subscribers? The first is, and
 * every power of ten: a thousand times as many sightings are three messages more. (Classes
 * that are only seen when something changed tell all.)
 */
bool incident_is_told(int64_t before, int64_t after);

/* An incident after a change, as subscribers get it. Texts as in the topic. */
struct incident {
    struct span id;
    enum incident_state state;
    struct span class;
    struct span cause;
    struct span root_cause;  /* bytes NULL = not known */
    struct span remediation; /* bytes NULL = nothing yet */
    struct span severity;
    struct span shop;     /* bytes NULL = many */
    struct span sku;      /* bytes NULL = many */
    struct span location; /* bytes NULL = many */
    struct span evidence; /* a JSON object */
    struct span runbook_url;
    struct span handoff;
    struct span actor;
    int64_t opened_at_us;
    int64_t at_us;
    int64_t occurrences;
    int64_t revision; /* rises by one a change told; 1 = opened */
};

#endif
