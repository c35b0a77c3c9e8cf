/*
 * Alerts in Postgres, the sender: what is due at a route, and what became of it. Everything
 * here belongs into a transaction that begins with store_alert_hold: whoever holds the
 * route's row speaks to it, one process at a time; a process that dies lets go of it.
 */
#ifndef PARSTOCK_IO_STORE_ALERT_SEND_H
#define PARSTOCK_IO_STORE_ALERT_SEND_H

#include "common/base/pool.h"
#include "common/codec/alert_json.h"
#include "common/domain/alert.h"
#include "common/io/postgres.h"

/* How it stands with a route. Times are the database's. */
struct alert_speaker {
    struct span route;
    bool is_held; /* false: another process speaks to it */
    int64_t now_us;
    struct alert_window window;
    int64_t tries;
    int64_t retry_at_us; /* 0 = at once */
    int64_t since_us;
    int64_t summaries;
    bool sums_up; /* a summary is on its way already */
    bool is_reported;
    bool is_late;
};

enum status store_alert_hold(struct postgres *postgres, struct alert_speaker *speaker,
                             struct error *error);

/* Keeps what the speaker says of window, tries, retry_at_us, summaries and marks. */
enum status store_alert_keep(struct postgres *postgres,
                             const struct alert_speaker *speaker, struct error *error);

/* ---- what is due ------------------------------------------------------------------------ */

#define ALERT_DUE_MAX 256

struct alert_due {
    struct span incident_id;
    struct span sku; /* '' = none */
    struct alert_standing standing;
    enum alert_severity told_severity;
    struct span value;
    int64_t since_us;
    int64_t told_since_us;
    int64_t queued_at_us;
    int64_t due_at_us;
    int64_t attempts;
    struct span traceparent; /* bytes NULL = none */
};

struct alert_due_page {
    size_t count;
    struct alert_due items[ALERT_DUE_MAX];
};

/* The longest due first; texts in the pool. */
enum status store_alert_due(struct postgres *postgres,
                            const struct alert_speaker *speaker, struct pool *pool,
                            struct alert_due_page *page_out, struct error *error);

/* How many are due or held, for the metric. */
enum status store_alert_waiting(struct postgres *postgres, struct span route,
                                int64_t *count_out, struct error *error);

/* ---- what became of it -------------------------------------------------------------------- */

/* A row that was looked at, as it is to stand. */
struct alert_mark {
    const struct alert_due *due;
    struct alert_standing standing;
    enum alert_severity told_severity;
    int64_t told_since_us;
    int64_t due_at_us; /* 0 = nothing more to say */
    bool held;
    int64_t attempts;
};

/* Where another level or crossing is wanted by now the row stays due. */
enum status store_alert_marks(struct postgres *postgres, struct span route,
                              const struct alert_mark *marks, size_t count,
                              struct error *error);

struct alert_entry {
    const struct alert_due *due;
    const char *action;
    const char *how;
    int64_t waited_ms;
    bool is_late;
    int64_t attempts;
    struct span detail;
};

/* Said once: a repeat changes nothing. */
enum status store_alert_entries(struct postgres *postgres, struct span route,
                                const struct alert_entry *entries, size_t count,
                                struct error *error);

/* ---- storms and silence ---------------------------------------------------------------------- */

/* Makes one summary of what is held, due now. `summary` is filled but for its id, route and
 * times, which it must have; texts in the pool. opened = 0: nothing was held. */
enum status store_alert_sum_up(struct postgres *postgres, struct alert_summary *summary,
                               struct pool *pool, struct error *error);

/* Summaries of which all incidents are over are over. */
enum status store_alert_close(struct postgres *postgres, struct span route,
                              struct error *error);

struct alert_silence {
    struct span route;
    int64_t give_up_seconds;
    bool holds;         /* what was given up waits for a summary */
    struct span detail; /* why */
    /* out */
    int64_t count;
    struct span first; /* an incident; in the pool */
};

/* Notes as undelivered what has waited too long, each once. */
enum status store_alert_give_up(struct postgres *postgres, struct alert_silence *silence,
                                struct pool *pool, struct error *error);

/* The open incident of this class about the route: id and sku; count 0 = none. */
enum status store_alert_incident(struct postgres *postgres, struct span class,
                                 struct span route, struct rows *rows,
                                 struct error *error);

#endif
