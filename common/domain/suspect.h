/*
 * What is most likely behind a synchronisation that went wrong: facts of a span of time in,
 * suspects out, the most suspicious first. A change shortly before the first symptom weighs
 * more than one after it or long before; what stands still weighs more than what is slow.
 * Each suspect is a row with an id, a why, the command to type next and its page. Pure.
 */
#ifndef PARSTOCK_DOMAIN_SUSPECT_H
#define PARSTOCK_DOMAIN_SUSPECT_H

#include "common/domain/incident.h"

/* Times in microseconds since 1970; 0: none, or not known. Counts of the span, or of now. */
struct trouble_facts {
    int64_t now_us;
    int64_t since_us;
    int64_t symptom_at_us; /* the first finding of drift or incident of the span */
    bool database_away;
    bool broker_away;
    int64_t shops_away;

    /* What changed. */
    int64_t contract_at_us; /* the newest contract file was first used */
    bool other_contract;    /* the file in hand is not the one that levels follow */
    int64_t schema_at_us;   /* the newest migration */
    int64_t schema_behind;  /* migrations that this program has and the schema has not */
    int64_t schema_ahead;   /* of which this program does not know */
    int64_t import_at_us;   /* the newest feed */
    int64_t resync_at_us;   /* the newest resync that a person asked for */
    int64_t catalog_at_us;  /* the newest catalogue */
    bool other_build;       /* than at the newest verification */
    bool verify_failed;     /* the newest verification did */

    /* What waits. */
    int64_t unapplied;       /* events in Kafka that are not judged */
    int64_t judged_at_us;    /* the newest batch */
    int64_t dirty;           /* pairs that wait to be written */
    int64_t dirty_since_us;  /* the oldest of them */
    int64_t written_at_us;   /* the newest write that succeeded, of the slowest shop */
    int64_t throttled_shops; /* within the last minutes */
    int64_t untold;          /* records that wait to be told to subscribers */

    /* What failed. */
    int64_t writes;
    int64_t writes_refused;
    int64_t writes_unknown;
    int64_t dead_letters;
    int64_t read; /* records judged, of all time, and those refused */
    int64_t rejected;
    int64_t guard_stops;
    int64_t undelivered;                /* alerts */
    int64_t open[INCIDENT_CLASS_COUNT]; /* incidents that are open */
    int64_t findings;
    int64_t findings_unknown;
};

struct suspect_rule {
    const char *id;
    int (*weigh)(const struct trouble_facts *facts); /* 0: not suspected .. 100 */
    const char *why;
    const char *next;    /* commands, one a line */
    const char *runbook; /* path in the project */
};

extern const struct suspect_rule SUSPECT_RULES[];
extern const size_t SUSPECT_RULES_COUNT;

#define SUSPECTS_MAX 40

struct suspect {
    const struct suspect_rule *rule;
    int weight;
};

struct suspects {
    size_t count;
    struct suspect all[SUSPECTS_MAX]; /* the heaviest first; alike ones as in the table */
};

struct suspects suspects_rank(const struct trouble_facts *facts);

#endif
