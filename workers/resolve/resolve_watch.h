/*
 * What the keeper shows of the tables, for whoever watches: open incidents, and records that
 * wait for the broker. Of several processes each shows the same.
 */
#ifndef PARSTOCK_WORKERS_RESOLVE_RESOLVE_WATCH_H
#define PARSTOCK_WORKERS_RESOLVE_RESOLVE_WATCH_H

#include "common/io/store_figures.h"
#include "common/runtime/metrics.h"

#define WATCH_STATES 3 /* opened, reopened, acknowledged */
#define WATCH_SEVERITIES 4

struct watch {
    struct metric *incidents[WATCH_STATES][WATCH_SEVERITIES];
    struct metric *rows[OUTBOX_NAME_COUNT];
    struct metric *waiting[OUTBOX_NAME_COUNT];
    int64_t first[OUTBOX_NAME_COUNT];    /* the oldest row at the last look; 0: none */
    int64_t since_us[OUTBOX_NAME_COUNT]; /* monotonic: when it was first seen there */
    int64_t next_us;                     /* monotonic: not before */
};

void watch_open(struct watch *watch);

/* Looks again if it is time. */
enum status watch_look(struct watch *watch, struct postgres *postgres,
                       struct error *error);

#endif
