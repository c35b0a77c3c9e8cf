/*
 * notify: incidents to whoever is to be told of them.
 *
 *     take     records of inventory.incidents into the table alerts: what each route is to be
 *              told, in one fenced transaction a batch, so that a record counts once
 *     speak    a thread a route: what is due is sent, and what came of it is committed. The
 *              route's row is locked meanwhile, so that one process speaks to it; a silent
 *              receiver holds up its own route and no other
 *     relay    records of changes that nobody else tells the broker (incident_relay.h)
 *
 * Everything is in Postgres: a kill at any instruction loses nothing. Between an answer and
 * its commit it may say one message again, under the same id.
 */
#ifndef PARSTOCK_WORKERS_NOTIFY_NOTIFY_H
#define PARSTOCK_WORKERS_NOTIFY_NOTIFY_H

#include "common/codec/traceparent.h"
#include "common/domain/alert.h"
#include "common/io/http.h"
#include "common/io/kafka_in.h"
#include "common/io/postgres.h"
#include "common/io/store_alert_send.h"
#include "common/io/store_alerts.h"
#include "common/runtime/config.h"
#include "common/runtime/histogram.h"
#include "common/runtime/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#define NOTIFY_DETAIL_MAX 240

/* What happened to alerts of a route. */
enum notify_outcome {
    NOTIFY_DELIVERED,
    NOTIFY_SUMMARISED,
    NOTIFY_UNSAID,
    NOTIFY_REFUSED,
    NOTIFY_UNDELIVERED,
    NOTIFY_OUTCOME_COUNT
};

struct notify_metrics {
    struct metric *outcomes[NOTIFY_OUTCOME_COUNT];
    struct metric *failures; /* requests that were not taken */
    struct metric *waiting;
    struct metric *late;
    struct histogram *delay; /* of crossings that were delivered */
};

/* How a route is reached: settings and contract put together. */
struct notify_way {
    const struct alert_route *route;
    const char *url;    /* whole; may be a secret */
    const char *secret; /* NULL = none */
    struct http *http;
    struct buf body;
    const char *traceparent; /* of the next request; NULL = none */
};

struct notify;

/* One route's thread. */
struct notify_speaker {
    struct notify *notify;
    struct notify_way way;
    char name[128]; /* the route's, for log lines and labels */
    struct postgres *postgres;
    struct alert_speaker state; /* of the pass that runs */
    struct pool pool;           /* of the pass that runs */
    struct notify_metrics metrics;
    int64_t close_us;   /* when summaries are looked at next; monotonic */
    int64_t wait_us;    /* when the waiting are counted next; monotonic */
    int64_t look_us;    /* when the table is looked at next, without news; monotonic */
    unsigned long news; /* of the intake that was seen */
    size_t singly;      /* so many messages one by one, after a batch was refused */
    bool complained;
    int tries; /* of Postgres */
    pthread_t thread;
};

struct notify {
    const struct config *config;
    const struct contract *contract;
    char topic[256];
    char group[256];
    struct kafka_in *in;
    struct postgres *postgres;       /* of the intake */
    struct notify_speaker *speakers; /* one a route */
    size_t speaker_count;
    atomic_ulong news; /* grows when something is to be said */
};

/* notify_way.c */
enum status notify_way_open(struct notify_way *way, const struct alert_route *route,
                            struct error *error);
void notify_way_close(struct notify_way *way);

/* Sends; `detail` says what came of it, without secrets. */
const struct alert_verdict *notify_way_send(struct notify_way *way,
                                            const struct alert_message *messages,
                                            size_t count, int64_t *retry_after_ms_out,
                                            char detail[NOTIFY_DETAIL_MAX]);

/* notify_take.c: on the caller's thread, until life_ending */
enum status notify_take(struct notify *notify, struct error *error);

/* notify_speak.c: a thread's main function, until life_ending */
void *notify_speak(void *speaker);

/* notify_plan.c: what a page of due rows comes to */
struct notify_send {
    const struct alert_due *due;
    enum alert_action action;
    struct alert_incident incident;
};

struct notify_plan {
    size_t send_count;
    struct notify_send sends[ALERT_DUE_MAX];
    size_t mark_count;
    struct alert_mark marks[ALERT_DUE_MAX];
    size_t entry_count;
    struct alert_entry entries[ALERT_DUE_MAX];
};

enum status notify_plan(struct notify_speaker *speaker, const struct alert_due_page *page,
                        struct notify_plan *plan, struct error *error);

/* When a row is to be looked at again, once it stands like this; 0 = not by itself. */
int64_t notify_next_due(const struct alert_route *route,
                        const struct alert_standing *standing, int64_t now_us);

/* notify_take.c: bytes NULL = the record has no such header. */
struct span notify_header(const struct kafka_record *record, const char *wanted);

/* notify_trace.c */

/* What the record carries on, for its alerts; below the span of the change where that is
 * exported. In the pool; bytes NULL = nothing. */
struct span notify_trace_carried(const struct kafka_record *record, struct span incident,
                                 int64_t revision, struct pool *pool);

/* The traceparent of a request: that of its one alert; "" = none. */
void notify_trace_begin(const struct notify_speaker *speaker,
                        const struct notify_plan *plan, char room[TRACEPARENT_MAX]);
/* A span for each alert of a trace that is followed. */
void notify_trace_end(const struct notify_speaker *speaker,
                      const struct notify_plan *plan, const struct alert_verdict *verdict,
                      int64_t took_us);

/* notify_report.c: incidents about routes, within the pass's transaction */
enum status notify_report_undelivered(struct notify_speaker *speaker, int64_t count,
                                      struct span first, const char *detail,
                                      struct error *error);
enum status notify_report_late(struct notify_speaker *speaker, struct span incident,
                               int64_t waited_ms, struct error *error);
enum status notify_report_over(struct notify_speaker *speaker, enum incident_class class,
                               const char *how, struct error *error);

/* notify_relay.c: a thread's main function, until life_ending */
void *notify_relay(void *notify);

/* notify_test.c */
enum status notify_test(const struct contract *contract, const char *name,
                        struct error *error);

#endif
