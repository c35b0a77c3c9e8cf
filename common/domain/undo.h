/*
 * Taking a batch of stock changes back: what of one (SKU, location, source) can be, and the
 * events that do it. A correction is an event like any other, so that it is ordered, judged
 * and seen in the ledger.
 *
 * A count is taken back by counts that lead the source's reading to exactly what it was: its
 * number, its moment, its version, its watermark. The order of counts is by version where
 * both have one and by time otherwise, so no single count can go back in both; a chain can:
 *
 *     lift        the standing count once more, with a low version: nothing changes but that
 *                 versions decide from now on (only where the standing count has none)
 *     turn back   the former number at its own moment, one version higher: this alone
 *                 changes the level, and brings the former watermark with it, so that orders
 *                 since then are taken off again
 *     let go      the same without a version
 *     hand back   the same with the version that the former count had, if it had one
 *
 * The source's next own count is then judged as if the batch had never been. One that comes
 * between the steps wins against all of them: each step is stale after it.
 *
 * An adjustment is taken back by its opposite at its own moment: every count that holds the
 * one holds the other. The source's watermark can't be led back by it; where units left the
 * shops in between, the opposite says up to where the source had seen orders.
 *
 * Pure. Source: design rules 1 and 6.
 */
#ifndef PARSTOCK_DOMAIN_UNDO_H
#define PARSTOCK_DOMAIN_UNDO_H

#include "common/domain/outcome.h"
#include "common/domain/reading.h"

#define UNDO_ADJUSTMENTS_MAX 200 /* of one pair in one batch */

/* A row of the ledger that speaks of the pair, in the order of judging. */
struct undo_row {
    struct event event; /* type, quantity, times, version; texts may be absent */
    enum outcome outcome;
    bool is_own;    /* of the batch's source */
    bool is_batch;  /* one of those to be taken back */
    bool is_undo;   /* one that took them back before */
    bool is_beside; /* either of them, whatever its source */
    bool rules;     /* of the source that rules now */
    bool has_before;
    int64_t before; /* ruling level */
    int64_t recorded_at_us;
};

/* An adjustment of the batch. */
struct undo_move {
    int64_t quantity;
    int64_t occurred_at_us;
};

/* What the rows so far say; zero at first. */
struct undo_past {
    struct reading before; /* of the source, when the batch began */
    bool has_prior;        /* a row of the source before the batch is in the ledger */
    bool is_begun;
    bool is_undone;
    bool is_moved;
    bool is_shadowed; /* another source ruled at the batch's last event */
    bool has_level_before;
    int64_t level_before; /* ruling, at the batch's first event that was recorded */
    int64_t counts;       /* events of the batch that were recorded */
    int64_t adjustments;
    int64_t stale;                                /* and that were not */
    struct undo_move moves[UNDO_ADJUSTMENTS_MAX]; /* while there is room */
};

/* True: with this row the pair has moved since (the first such row only). */
bool undo_past_add(struct undo_past *past, const struct undo_row *row);

/* What is known now, and of the ledger. */
struct undo_now {
    const struct source
        *source;            /* NULL: by the contract it may not speak of the location */
    struct reading reading; /* of the source */
    bool has_others;        /* another source has a reading there */
    bool is_ledger_whole;   /* nothing of it was dropped */
    int64_t whole_since_us; /* what was judged before may be gone */
    bool has_first_adjusted;
    int64_t first_adjusted_us; /* the oldest adjustment of the source */
    int64_t adjusted_since;    /* sum of those after whole_since_us */
    bool has_units_between;    /* units left the shops within undo_span */
    bool has_gone_between;     /* .. of a level that a shop on on_hand shows */
    int64_t now_us;
    int64_t horizon_us; /* adjustments older than that are refused */
};

/*
 * The moments after which orders were taken off before the batch, and now: what left the
 * shops in between is taken off by the one reading and not by the other. False: there is
 * nothing between, or the batch's own counts lead the moment back.
 */
struct undo_span {
    int64_t from_us;
    int64_t to_us;
};
bool undo_span(const struct undo_past *past, const struct undo_now *now,
               struct undo_span *span_out);

enum undo_fate { UNDO_DO, UNDO_SKIP, UNDO_REFUSE };

struct undo_rule {
    int number; /* may be stored: only add */
    const char *id;
    enum undo_fate fate;
    const char *why;
};

/* The first row that fits. */
const struct undo_rule *undo_rule(const struct undo_past *past,
                                  const struct undo_now *now);
const struct undo_rule *undo_rule_at(size_t at); /* NULL past the end */

/* One event of the compensation. */
struct undo_step {
    enum event_type type;
    int64_t quantity;
    int64_t occurred_at_us;
    bool has_version;
    int64_t version;
    bool has_sees_orders_until;
    int64_t sees_orders_until_us;
};

#define UNDO_STEPS_MAX UNDO_ADJUSTMENTS_MAX

/* The steps where the rule says UNDO_DO; in the order in which they must be judged. */
size_t undo_steps(const struct undo_past *past, const struct undo_now *now,
                  struct undo_step steps[UNDO_STEPS_MAX]);

/* The chain alone: from the reading as it stands to the one before; both have a count. */
#define UNDO_CHAIN_MAX 5
size_t undo_chain(const struct reading *standing, const struct reading *before,
                  struct undo_step steps[UNDO_CHAIN_MAX]);

#endif
