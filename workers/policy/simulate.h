/*
 * parstock policy simulate, inside: the past judged again under two contract files side by
 * side, the one that was in force (`now`) and the one that is tried (`then`).
 */
#ifndef PARSTOCK_WORKERS_POLICY_SIMULATE_H
#define PARSTOCK_WORKERS_POLICY_SIMULATE_H

#include "common/domain/resolve.h"
#include "common/io/store_history.h"
#include "common/runtime/fold.h"
#include "common/runtime/output.h"

#define SIMULATE_RUNS_MAX 200000

enum simulate_side { SIMULATE_NOW, SIMULATE_THEN, SIMULATE_SIDES };

/* A comparison of drift, and what the guards of the tried file would say of it. */
struct simulate_run {
    int64_t id;
    struct span shop; /* in the rows that it was read from */
    struct guard_run run;
};

struct simulate_counts {
    int64_t events; /* of the span */
    int64_t
        as_recorded; /* rows whose judgement under the file in force is the recorded one */
    int64_t rows;
    int64_t outcomes[SIMULATE_SIDES][OUTCOME_COUNT];
    int64_t outcomes_differ;
    int64_t levels; /* places with a level under either file */
    int64_t levels_differ;
    int64_t pairs; /* of a shop */
    int64_t pairs_differ;
    int64_t pushes[SIMULATE_SIDES];   /* changes of what a shop should show */
    int64_t oversold[SIMULATE_SIDES]; /* units, the most of each place */
    int64_t findings;
    int64_t findings_gone; /* what the shop showed is what it would have had to */
    int64_t actions[SIMULATE_SIDES][POLICY_ACTION_COUNT];
    int64_t actions_differ;
};

/* What is known of the open place under one file. */
struct simulate_view {
    struct fold fold;
    struct desired desired[CONTRACT_SHOPS_MAX]; /* of the file's shops */
    int64_t most_short;
};

struct simulate {
    enum output output;
    bool all; /* also what does not differ */
    struct history_span span;
    bool has_dropped;
    int64_t whole_since_us;
    const struct contract *contracts[SIMULATE_SIDES];
    struct simulate_view *views; /* one a side */
    struct simulate_counts counts;
    struct simulate_run *runs; /* by id */
    size_t run_count;
    struct buf line;
    struct buf sku; /* of the open place */
    struct buf location;
    bool is_open;
    size_t printed;
};

/* A finding under both files. */
struct simulate_finding {
    const struct history_row *row;
    enum policy_action now;
    struct span now_rule;
    bool is_gone;
    struct finding then; /* with what would have been desired */
    struct resolve_decision decision;
};

/* ---- simulate_walk.c -------------------------------------------------------------------- */

/* Reads the span and prints what differs, row by row. */
enum status simulate_walk(struct simulate *simulate, struct postgres *postgres,
                          struct error *error);

/* ---- simulate_print.c ------------------------------------------------------------------- */

void simulate_print_place(struct simulate *simulate);
void simulate_print_finding(struct simulate *simulate,
                            const struct simulate_finding *finding);
void simulate_print_begin(struct simulate *simulate);
void simulate_print_end(struct simulate *simulate);

/* Does the place's level, or what a shop of it should show, differ? */
bool simulate_level_differs(const struct simulate *simulate);
/* The shop of the file in force with the name of a shop of the tried one; -1 = none. */
int simulate_shop_now(const struct simulate *simulate, size_t shop);
/* Has the shop the open place, and so a pair? */
bool simulate_has_pair(const struct simulate *simulate, enum simulate_side side,
                       size_t shop);
bool simulate_pair_differs(const struct simulate *simulate, size_t shop);

#endif
