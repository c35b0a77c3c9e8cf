/*
 * Verification weeks in Postgres: what the views of 0020_kpi.sql count, as the values that
 * common/domain/verdict judges; baselines and rulings, kept with what they rest on. A stored
 * document whose digest is not that of its bytes is refused: somebody changed it. Texts and
 * rows that come back are in the caller's pool. Statuses as in common/io/postgres.h.
 */
#ifndef PARSTOCK_IO_STORE_WEEK_H
#define PARSTOCK_IO_STORE_WEEK_H

#include "common/base/pool.h"
#include "common/domain/contract.h"
#include "common/domain/week.h"
#include "common/io/postgres.h"

/* ---- what was counted ------------------------------------------------------------------ */

/* Fills the places of a period whose days are given, in one moment of the database.
 * STATUS_FATAL where there are more than KPI_PLACES_MAX places. */
enum status store_kpi_period(struct postgres *postgres, struct kpi_period *period,
                             struct pool *pool, struct error *error);

/* What automation did in the days of a period. */
struct kpi_automation {
    int64_t resyncs; /* that rules asked for */
    int64_t writes;  /* levels that push wrote */
};
enum status store_kpi_automation(struct postgres *postgres,
                                 const struct kpi_period *period,
                                 struct kpi_automation *out, struct error *error);

/* ---- baselines -------------------------------------------------------------------------- */

/* Keeps it; its id and the moment, by the database's clock, are filled in. */
enum status store_baseline_put(struct postgres *postgres, struct week_baseline *baseline,
                               struct error *error);

/* The one with the id; id 0: the newest whose first day lies before `before_day`. What comes
 * back has the id 0 where there is none. */
struct baseline_wish {
    int64_t id;
    int32_t before_day;
};
enum status store_baseline(struct postgres *postgres, const struct baseline_wish *wish,
                           struct pool *pool, struct week_baseline *out,
                           struct error *error);

/* ---- weeks --------------------------------------------------------------------------------- */

struct week_question {
    const struct contract *contract; /* its limits and digest */
    int32_t monday;
    int64_t baseline; /* its id; 0: the newest from before the week's end */
};

/* All that the week is judged by, as the tables have it now. */
enum status store_week_inputs(struct postgres *postgres,
                              const struct week_question *question, struct pool *pool,
                              struct week_inputs *out, struct error *error);

struct week_ruling {
    const struct week_inputs *inputs;
    bool again;        /* the week may have a ruling already */
    struct pool *pool; /* of the digests */
};

/*
 * Keeps a ruling with its inputs; of the decision week, number, moment and digests are
 * filled in. STATUS_REJECT with the code "decided" where the week has one and `again` is
 * false: nothing was kept.
 */
enum status store_week_decide(struct postgres *postgres, const struct week_ruling *ruling,
                              struct week_decision *decision, struct error *error);

/* The ruling that holds of the week; number 0: there is none. */
enum status store_week_decision(struct postgres *postgres, int32_t monday,
                                struct pool *pool, struct week_decision *out,
                                struct error *error);

/* What a ruling rested on, byte for byte (canonical JSON). STATUS_REJECT: no such ruling. */
enum status store_week_decided_inputs(struct postgres *postgres,
                                      const struct week_decision *decision,
                                      struct pool *pool, struct span *json_out,
                                      struct error *error);

/* Texts are valid during the call that brings them. */
struct decision_visitor {
    enum status (*each)(void *self, const struct week_decision *decision,
                        struct error *error);
    void *self;
};

/* All rulings, the newest week first, in it the one that holds. */
enum status store_week_decisions(struct postgres *postgres, int64_t limit,
                                 const struct decision_visitor *visitor,
                                 struct error *error);

#endif
