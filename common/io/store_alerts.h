/*
 * Alerts in Postgres, the intake: how far the topic of incidents is read, and how each
 * incident stands with each route. A batch of one partition is one transaction, fenced by the
 * partition's epoch: read twice, it counts once.
 */
#ifndef PARSTOCK_IO_STORE_ALERTS_H
#define PARSTOCK_IO_STORE_ALERTS_H

#include "common/base/pool.h"
#include "common/domain/alert.h"
#include "common/io/postgres.h"

#define ALERT_BATCH_MAX 128

struct alert_partition {
    struct span topic;
    int32_t partition;
    int64_t epoch;
    int64_t next_offset; /* -1: from the start */
    bool lost;           /* another holds it: nothing was changed */
};

/* Takes a partition: a new epoch, and where to go on. */
enum status store_alerts_take(struct postgres *postgres,
                              struct alert_partition *partition, struct error *error);

/* Moves the fence to `next_offset`; sets `lost` where another has it. In a transaction. */
enum status store_alerts_advance(struct postgres *postgres,
                                 struct alert_partition *partition, int64_t next_offset,
                                 struct error *error);

/* How one incident of a batch stands with one route, and what is known of it. */
struct alert_cell {
    struct alert_standing standing;
    bool is_changed;
    bool is_wanted; /* something is to be said */
    struct span value;
    struct span
        traceparent; /* of the newest change that has one; bytes NULL = none came */
    int64_t since_us;
};

/* Incidents of a batch, each once, and their cells: one a route, side by side. */
struct alert_board {
    const struct alert_route *routes;
    size_t route_count;
    size_t count;
    struct span ids[ALERT_BATCH_MAX];
    struct span skus[ALERT_BATCH_MAX]; /* '' where it has none */
    /* As the incident's own table has it; revision 0 = it is not there. */
    int64_t revisions[ALERT_BATCH_MAX];
    bool is_resolved[ALERT_BATCH_MAX];
    struct alert_cell *cells; /* count * route_count, made by store_alerts_load */
};

/* Fills the cells and what the incidents' table says; memory from the pool. */
enum status store_alerts_load(struct postgres *postgres, struct alert_board *board,
                              struct pool *pool, struct error *error);

/* Writes the cells that are changed. In a transaction. */
enum status store_alerts_save(struct postgres *postgres, const struct alert_board *board,
                              struct pool *pool, struct error *error);

/* Makes the routes' rows that are missing. */
enum status store_alerts_routes(struct postgres *postgres,
                                const struct alert_route *routes, size_t count,
                                struct error *error);

/* ---- for people ------------------------------------------------------------------------ */

/* What became of an incident's alerts, oldest first. Texts are valid during the call. */
struct alert_log_view {
    struct span route;
    struct span action;
    struct span how;
    struct span detail;
    int64_t revision;
    int64_t at_us;
    int64_t waited_ms;
    int64_t attempts;
    bool is_late;
};

struct alert_log_visitor {
    enum status (*each)(void *self, const struct alert_log_view *view,
                        struct error *error);
    void *self;
};

enum status store_alerts_log(struct postgres *postgres, struct span incident_id,
                             const struct alert_log_visitor *visitor,
                             struct error *error);

#endif
