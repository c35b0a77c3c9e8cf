/*
 * A verification week as people look at it: what was counted beside its baseline, the verdict
 * that it comes to, and the ruling that is kept of it; and the sentences that say so. For
 * `parstock week` and the console alike.
 */
#ifndef PARSTOCK_RUNTIME_WEEK_VIEW_H
#define PARSTOCK_RUNTIME_WEEK_VIEW_H

#include "common/base/buf.h"
#include "common/domain/verdict.h"
#include "common/io/store_week.h"

struct week_view {
    struct week_inputs inputs;
    struct verdict verdict;        /* of these inputs */
    struct week_decision decision; /* number 0 = none is kept */
};

/* The Monday of the week that is named (2026-W48, or a day of it), or of the running one
 * (`name` absent), by the database's clock. STATUS_REJECT (64): there is no such week, or it
 * has not begun. */
enum status week_view_find(struct postgres *postgres, struct span name,
                           int32_t *monday_out, struct error *error);

/* All of it, in the caller's pool. */
enum status week_view_read(struct postgres *postgres,
                           const struct week_question *question, struct pool *pool,
                           struct week_view *out, struct error *error);

/* Derives the kept ruling once more from its own inputs. STATUS_REJECT (1) where they come to
 * another: the row was changed, or another version judged it. */
enum status week_view_check(struct postgres *postgres,
                            const struct week_decision *decision, struct pool *pool,
                            struct error *error);

/* ---- in words: appended, no line ends ------------------------------------------------------- */

/* "week 2026-W48, 2026-11-23 to 2026-11-29 (UTC); it is not over; baseline 3" */
void week_view_head(const struct week_inputs *inputs, struct buf *out);
/* "fail, by the rule dead_letters: too many .." */
void week_view_verdict(const struct verdict *verdict, struct buf *out);
/* "1.20 %, against 1.00 %, at demo BER": what the rule that decided saw. */
void week_view_look(const struct verdict_look *look, struct buf *out);
/* "none; missed_event leads with 3 of 5 (60.00 %): .." */
void week_view_handoff(const struct verdict_handoff *handoff, struct buf *out);
/* "pass, ruling 1, by jo at 2026-..: why"; "none is kept" */
void week_view_decision(const struct week_decision *decision, struct buf *out);

#endif
