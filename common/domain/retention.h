/*
 * Which days of the ledger get a partition, and which go. Days are counted from 1970-01-01
 * in UTC, times are microseconds since then. A row belongs to the day in which it was
 * judged (the database's time); the default partition holds the rows of days without one.
 * Source: design, rule 3; `retention` of the contract file.
 */
#ifndef PARSTOCK_DOMAIN_RETENTION_H
#define PARSTOCK_DOMAIN_RETENTION_H

#include "common/base/span.h"

#define RETENTION_AHEAD_DAYS 7
#define RETENTION_DAYS_MAX 4096 /* a contract keeps at most 3650 */
#define RETENTION_DAY_US INT64_C(86400000000)

/*
 * The ledger is kept a day longer than an event counts as a repeat: an event may claim to
 * have occurred some minutes after its record, clocks differ, and a record may wait in
 * Kafka for a while before it is judged.
 */
#define RETENTION_MARGIN_DAYS 1

/* What is kept beside the ledger, in days; 0 = for ever. Source: `retention`. */
struct retention_ages {
    int64_t keep_days; /* of the ledger */
    int64_t drift_days;
    int64_t incident_days;
};

/* A day that begins within this time is not quiet any more. */
#define RETENTION_QUIET_US INT64_C(3600000000)

/* More rows of a day that is still being written would block the writers for too long. */
#define RETENTION_MOVE_MAX INT64_C(200000)

enum retention_act {
    RETENTION_MAKE,  /* an empty partition for the day */
    RETENTION_MOVE,  /* the day's partition, with its rows of the default one */
    RETENTION_DEFER, /* too many rows are in the default one: when the day has passed */
    RETENTION_DROP,  /* the day's partition with its rows */
    RETENTION_PURGE, /* the day's rows of the default one */
    RETENTION_ACT_COUNT
};

const char *retention_act_name(enum retention_act act);

struct retention_day {
    int32_t day;
    int64_t rows;
};

/* What there is. Both lists in order of day, each day once. */
struct retention_found {
    int64_t now_us;
    int64_t keep_days;
    bool has_unsent;   /* the broker lacks something that the ledger says */
    int64_t unsent_us; /* judged then or later */
    size_t partition_count;
    size_t stray_count;
    int32_t partitions[RETENTION_DAYS_MAX];          /* days with a partition */
    struct retention_day strays[RETENTION_DAYS_MAX]; /* rows in the default one */
};

struct retention_step {
    enum retention_act act;
    int32_t day;
    int64_t rows;  /* to be moved or purged; 0 where it is not known */
    bool is_quiet; /* nothing is judged in the day while the step is done */
};

#define RETENTION_STEPS_MAX (2 * RETENTION_DAYS_MAX + RETENTION_AHEAD_DAYS + 1)

struct retention_plan {
    int32_t first_day; /* the oldest that is kept */
    bool is_held_back; /* older than need be, for what the broker still lacks */
    size_t count;
    struct retention_step steps[RETENTION_STEPS_MAX];
};

/*
 * Steps in the order in which they are to be done: past days out of the default partition
 * (the oldest first), partitions for today and the days ahead, then what goes (the oldest
 * first). A day goes once it has been over for keep_days and the margin.
 */
void retention_plan(const struct retention_found *found, struct retention_plan *plan_out);

/* Days of now; the day in which a time lies. */
int32_t retention_day_of(int64_t us);

#define RETENTION_NAME_MAX 24

/* "ledger_20261125", and back; false for every other name. */
void retention_name(int32_t day, char name_out[RETENTION_NAME_MAX]);
bool retention_name_parse(struct span name, int32_t *day_out);

#endif
