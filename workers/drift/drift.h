/*
 * drift: what a shop shows, held against what it should show. A thread a shop compares
 * everything at fixed intervals by an export, and pairs at risk in between by point reads;
 * what differs is looked at again after the settle time, and what stays is a finding with a
 * cause (common/domain/drift.h). Nothing is changed here: policy is for resolve.
 *
 * The order of work of a step: tell what was found, go on with a run that was left
 * unfinished, begin one that is due, wait. A run is rows in Postgres: whoever dies leaves
 * suspects behind, which the next one looks at. One comparison of a shop at a time, by a
 * lock of the connection.
 */
#ifndef PARSTOCK_WORKERS_DRIFT_DRIFT_H
#define PARSTOCK_WORKERS_DRIFT_DRIFT_H

#include "common/base/buf.h"
#include "common/codec/traceparent.h"
#include "common/io/kafka_out.h"
#include "common/runtime/drift_look.h"
#include "common/runtime/metrics.h"
#include "common/runtime/shop_access.h"

#include <pthread.h>
#include <stdatomic.h>

#define DRIFT_POOL_MAX ((size_t)64 << 20)
#define DRIFT_TELL_MAX 500 /* findings that are under way to the broker at once */

struct drift_settings {
    const struct config *config;
    const struct contract *contract;
    int64_t interval_ms;
    int64_t hot_ms; /* 0 = no hot runs */
    int64_t settle_ms;
    bool is_command; /* drift run: gives up where a worker waits */
};

struct drift_metrics {
    struct metric *runs[4]; /* finished, partial, failed, missed */
    struct metric *compared;
    struct metric *suspects;
    struct metric *in_flight;
    struct metric *findings[CAUSE_COUNT];
    struct metric *age_seconds; /* since the last full comparison began */
};

/* A finding whose trace is followed, as a span. */
struct drift_span {
    struct trace_context carried;
    struct trace_context own;
    struct drift_finding finding; /* without its evidence */
};

/* Findings on their way to subscribers. */
struct drift_tell {
    struct kafka_out *out;
    atomic_long pending;
    atomic_bool failed;
    size_t count;
    struct span ids[DRIFT_TELL_MAX]; /* of the pool below */
    struct span skus[DRIFT_TELL_MAX];
    size_t span_count;
    struct drift_span *spans; /* of those whose trace is followed; of the pool */
    struct pool pool;
    bool complained;
    int64_t again_us;
};

struct drifter {
    const struct drift_settings *settings;
    const struct shop *shop;
    char name[128];
    char part[140];
    struct shop_places places;
    struct drift_looker looker;
    struct drift_run run;
    int tries;
    char complaint[96];
    bool greeted;         /* the shop answered and has the scopes */
    bool is_resumed;      /* a run that was left unfinished was looked for */
    int64_t hot_us;       /* monotonic: when the next hot run is due */
    int64_t full_us;      /* monotonic: when it is asked again whether a full one is */
    struct buf after_sku; /* where hot runs go on in the order of pairs */
    struct buf after_location;
    struct drift_metrics metrics;
    struct drift_tell tell;
    pthread_t thread;
};

/* drift_loop.c */
void *drift_run_worker(void *drifter);
enum status drift_open(struct drifter *drifter, const struct drift_settings *settings,
                       const struct shop *shop, struct error *error);
void drift_close(struct drifter *drifter);
/* A connection that holds the shop's lock. *busy_out: another process compares. */
enum status drift_connect(struct drifter *drifter, bool *busy_out, struct error *error);
enum status drift_greet(struct drifter *drifter, struct error *error);

/* drift_compare.c: one run from its beginning, or from where it was left, to its end */
struct drift_wish {
    enum drift_kind kind;
    struct span sku;      /* bytes NULL: any; of an asked run */
    struct span location; /* bytes NULL: any; of an asked run */
};
enum status drift_compare(struct drifter *drifter, const struct drift_wish *wish,
                          struct error *error);
enum status drift_resume(struct drifter *drifter, struct error *error);
/* The one open incident of a shop that is not compared as it should be. */
enum status drift_uncompared(struct drifter *drifter, const char *detail,
                             struct error *error);

/* drift_settle.c: the second look's end, findings stored, suspects settled */
enum status drift_settle(struct drifter *drifter, struct error *error);
/* Calls of looks since the last time, into the run. */
void drift_count_calls(struct drifter *drifter);

/* drift_tell.c: what was found, to subscribers */
enum status drift_tell(struct drifter *drifter, struct error *error);
void drift_tell_end(struct drifter *drifter);

/* drift_trace.c: the finding goes on below its own span, where it has one, which leaves once
 * subscribers have it. The room is the caller's. False: out of memory. */
bool drift_trace(struct drift_tell *tell, struct drift_finding *finding,
                 char room[TRACEPARENT_MAX]);
void drift_trace_told(struct drift_tell *tell);

/* drift_show.c */
enum status drift_show(const struct config *config, struct postgres *postgres,
                       const struct drift_filter *filter, int64_t *findings_out,
                       struct error *error);
enum status drift_show_runs(const struct config *config, struct postgres *postgres,
                            struct span shop, struct error *error);

#endif
