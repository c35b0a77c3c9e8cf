/*
 * What is counted to say whether stock is kept at par: counters of a day (UTC), a shop and a
 * location, and the limits that a week is held against. Each counter is one column of a view
 * of schemas/postgres/0020_kpi.sql; docs/kpi.md says how to count it by hand. Pure values;
 * shares are in millionths. Source: outside interface, section 3 (`kpi`).
 */
#ifndef PARSTOCK_DOMAIN_KPI_H
#define PARSTOCK_DOMAIN_KPI_H

#include "common/base/span.h"
#include "common/domain/cause.h"

#define KPI_WHOLE INT64_C(1000000)
#define KPI_DAYS_MAX 35
#define KPI_PLACES_MAX 4096
#define KPI_NAME_MAX 400 /* bytes of a shop's or a location's name */

/* A sweep is a comparison of everything in a shop. Names are those of the views and of JSON. */
#define KPI_COUNTERS(X)                                                                  \
    X(SWEEPS, "sweeps", "comparisons of everything that ended well")                     \
    X(KNOWN, "known", "pairs that they should have compared")                            \
    X(COMPARED, "compared", "pairs that they compared")                                  \
    X(MISMATCHED, "mismatched", "of these, pairs that differed and stayed so")           \
    X(STALE, "stale", "known pairs whose source was older than it may be")               \
    X(RUNS_MISSED, "runs_missed", "sweeps that should have begun and did not")           \
    X(RUNS_BROKEN, "runs_broken", "sweeps that failed or ended early")                   \
    X(IN_FLIGHT, "in_flight", "pairs of sweeps that never came to rest")                 \
    X(FOUND, "found", "pairs that any comparison found, each once a day")                \
    X(FOUND_UNKNOWN, "found_unknown", "of these, pairs without a cause")                 \
    X(OVERSELLS, "oversells", "pairs of which more was sold than there is")              \
    X(OVERSOLD_UNITS, "oversold_units", "units of them")                                 \
    X(ORDERS, "orders", "order lines")                                                   \
    X(RESYNCS_DONE, "resyncs_done", "resyncs by a rule that were read back right")       \
    X(RESYNCS_FAILED, "resyncs_failed", "resyncs by a rule that were of no avail")       \
    X(RESYNCS_OPEN, "resyncs_open", "resyncs by a rule without an end")                  \
    X(INTERVENTIONS, "interventions", "what people had to do by hand")                   \
    X(EVENTS, "events", "stock changes that were judged")                                \
    X(DEAD_LETTERS, "dead_letters", "of these, refused ones")                            \
    X(ALERTS, "alerts", "alerts that were due")                                          \
    X(ALERTS_LATE, "alerts_late", "of these, told too late")                             \
    X(ALERTS_LOST, "alerts_lost", "of these, told to nobody")                            \
    X(GUARD_STOPS, "guard_stops", "times that a guard stopped the automation")           \
    X(GUARDS_STANDING, "guards_standing", "stops that nobody ended on that day")

enum kpi_counter {
#define X(id, name, what) KPI_##id,
    KPI_COUNTERS(X)
#undef X
        KPI_COUNTER_COUNT
};

const char *kpi_name(enum kpi_counter counter);
const char *kpi_what(enum kpi_counter counter); /* in words, for people */

/* False: there is no such counter. */
bool kpi_parse(struct span name, enum kpi_counter *counter_out);

/* GUARDS_STANDING is a level: of several days the last one counts, where others add up. */
bool kpi_is_level(enum kpi_counter counter);

struct kpi_day {
    int64_t counts[KPI_COUNTER_COUNT];
};

/* How long something took; count 0 = nothing of it was seen. */
struct kpi_time {
    int64_t count;
    int64_t p50_ms;
    int64_t p95_ms;
};

/* A shop and location; an empty location: what concerns the shop; both empty: all shops. */
struct kpi_place {
    struct span shop;
    struct span location;
    int64_t pairs;              /* that should be at par there when it was written down */
    const struct kpi_day *days; /* one a day of the period, oldest first */
    struct kpi_time detect; /* from the last time that it was not found to its finding */
    struct kpi_time repair; /* from the finding to its end */
    int64_t causes[CAUSE_COUNT]; /* pairs found, by cause, each once a day */
};

/* Whole days; places sorted by shop, then location, each once. Memory is the caller's. */
struct kpi_period {
    int32_t first_day; /* days since 1970-01-01 */
    int32_t day_count; /* 1 to KPI_DAYS_MAX */
    const struct kpi_place *places;
    size_t place_count; /* at most KPI_PLACES_MAX */
};

/* `kpi` of the contract file. Shares in millionths; -1 = not asked about. */
struct kpi_limits {
    int64_t mismatch_share;  /* that is as good as it need be: the target */
    int64_t oversells;       /* in a week that are still a pass */
    int64_t unknown_share;   /* of what was found */
    int64_t detect_ms;       /* 95th percentile */
    int64_t repair_ms;       /* 95th percentile */
    int64_t coverage_share;  /* of known pairs that a day must have compared, at least */
    int64_t covered_days;    /* of a week, at least */
    int64_t compared;        /* pairs in a week, at least */
    int64_t baseline_days;   /* with a sweep, at least */
    int64_t better_share;    /* of the baseline's rate that must be gone to be better */
    int64_t broken_share;    /* of sweeps that may be missed, fail or end early */
    int64_t in_flight_share; /* of compared pairs */
    int64_t stale_share;     /* of known pairs */
    int64_t dead_share;      /* of events */
    int64_t late_share;      /* of alerts */
    int64_t alerts_lost;     /* in a week */
    int64_t guard_stops;     /* in a week */
    int64_t resync_share;    /* of ended resyncs that must have been of avail, at least */
    int64_t open_share;      /* of resyncs that may have no end */
};

/* Where the file says nothing. */
extern const struct kpi_limits KPI_DEFAULTS;

/* A row a member of kpi_limits, in their order: how JSON and people call it. */
enum kpi_limit_kind { KPI_LIMIT_SHARE, KPI_LIMIT_COUNT, KPI_LIMIT_TIME };
struct kpi_limit {
    const char *key;  /* in the contract file, in percent, counts or seconds */
    const char *name; /* in JSON of a week, in millionths, counts or milliseconds */
    size_t offset;    /* in struct kpi_limits */
    enum kpi_limit_kind kind;
};
const struct kpi_limit *kpi_limits_table(size_t *count_out);
int64_t kpi_limit_value(const struct kpi_limits *limits, const struct kpi_limit *row);
void kpi_limit_set(struct kpi_limits *limits, const struct kpi_limit *row, int64_t value);

/* ---- adding up ------------------------------------------------------------------------- */

/* Numbers of a packet may be anything: sums and shares stay at this where they would be
 * more, so that a few of them can still be added up. */
#define KPI_SUM_MAX (INT64_C(1) << 58)
int64_t kpi_plus(int64_t left, int64_t right);

/* All days of a place. */
int64_t kpi_place_sum(const struct kpi_period *period, const struct kpi_place *place,
                      enum kpi_counter counter);
/* .. of all places. */
int64_t kpi_period_sum(const struct kpi_period *period, enum kpi_counter counter);

/* One day of all places. */
int64_t kpi_day_sum(const struct kpi_period *period, int32_t day,
                    enum kpi_counter counter);

/* Pairs found by the cause, in all places. */
int64_t kpi_cause_sum(const struct kpi_period *period, enum finding_cause cause);

/* part of whole in millionths, rounded down; -1 = of nothing. */
int64_t kpi_share(int64_t part, int64_t whole);

/* The place; NULL = the period has none of that name. */
const struct kpi_place *kpi_find(const struct kpi_period *period, struct span shop,
                                 struct span location);

#endif
