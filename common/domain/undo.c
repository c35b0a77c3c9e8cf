#include "common/domain/undo.h"

#include "common/base/check.h"
#include "common/domain/unseen.h"

/* ---- what the ledger says -------------------------------------------------------------- */

static bool is_recorded(enum outcome outcome)
{
    return outcome == OUTCOME_APPLIED || outcome == OUTCOME_UNCHANGED ||
           outcome == OUTCOME_SHADOWED;
}

/* Sums of adjustments may be short here: what is older may be gone. Counts, moments,
 * versions and watermarks are exact. */
static void note_prior(struct undo_past *past, const struct undo_row *row)
{
    if (!row->is_own || !is_recorded(row->outcome))
        return;
    past->before = reading_after(&past->before, &row->event, 0, true);
    past->has_prior = true;
}

static void note_batch(struct undo_past *past, const struct undo_row *row)
{
    past->is_begun = true;
    if (!is_recorded(row->outcome)) {
        past->stale++;
        return;
    }
    if (past->counts + past->adjustments == 0) {
        past->has_level_before = row->has_before;
        past->level_before = row->before;
    }
    past->is_shadowed = row->outcome == OUTCOME_SHADOWED;
    if (row->event.type == EVENT_COUNTED) {
        past->counts++;
        return;
    }
    if (past->adjustments < UNDO_ADJUSTMENTS_MAX)
        past->moves[past->adjustments] =
            (struct undo_move){row->event.quantity, row->event.occurred_at_us};
    past->adjustments++;
}

bool undo_past_add(struct undo_past *past, const struct undo_row *row)
{
    if (row->is_batch) {
        note_batch(past, row);
        return false;
    }
    if (row->is_undo) {
        past->is_undone = true;
        return false;
    }
    if (row->is_beside) /* another source of the batch: its pair is a line of its own */
        return false;
    if (!past->is_begun) {
        note_prior(past, row);
        return false;
    }
    bool moves = !past->is_moved && (row->is_own || row->rules);
    past->is_moved = past->is_moved || moves;
    return moves;
}

/* ---- may it be taken back? -------------------------------------------------------------- */

struct facts {
    const struct undo_past *past;
    const struct undo_now *now;
};

typedef bool fits(const struct facts *facts);

static bool is_undone(const struct facts *facts)
{
    return facts->past->is_undone;
}

static bool has_no_effect(const struct facts *facts)
{
    return facts->past->counts + facts->past->adjustments == 0;
}

static bool is_source_lost(const struct facts *facts)
{
    return facts->now->source == NULL;
}

static bool is_mixed(const struct facts *facts)
{
    return facts->past->counts > 0 && facts->past->adjustments > 0;
}

static bool is_too_many(const struct facts *facts)
{
    return facts->past->adjustments > UNDO_ADJUSTMENTS_MAX;
}

static bool is_moved(const struct facts *facts)
{
    return facts->past->is_moved || !facts->now->reading.exists ||
           (facts->past->counts > 0 && !facts->now->reading.has_count);
}

static bool is_first_seen(const struct facts *facts)
{
    return !facts->past->has_prior &&
           (facts->now->is_ledger_whole || !facts->past->has_level_before);
}

/* Of a source that alone speaks there, the level was its reading. */
static bool is_before_unknown(const struct facts *facts)
{
    return !facts->past->has_prior &&
           (facts->past->is_shadowed || facts->now->has_others);
}

/* The last count before is gone with the ledger, and the level is of somebody else. */
static bool is_count_unknown(const struct facts *facts)
{
    const struct undo_past *past = facts->past;
    if (past->counts == 0 || !past->has_prior || past->before.has_count ||
        facts->now->is_ledger_whole)
        return false;
    return past->is_shadowed || facts->now->has_others || !past->has_level_before;
}

static bool is_too_old(const struct facts *facts)
{
    const struct undo_past *past = facts->past;
    for (int64_t at = 0; at < past->adjustments; at++)
        if (past->moves[at].occurred_at_us < facts->now->now_us - facts->now->horizon_us)
            return true;
    return false;
}

/* A shop on on_hand goes by moments alone: no watermark can lead those back. */
static bool has_gone(const struct facts *facts)
{
    return facts->past->counts == 0 && facts->now->has_gone_between;
}

static bool has_counts(const struct facts *facts)
{
    return facts->past->counts > 0;
}

static bool is_any(const struct facts *facts)
{
    (void)facts;
    return true;
}

struct row {
    struct undo_rule rule;
    fits *fits;
};

static const struct row RULES[] = {
    {{10, "undone", UNDO_SKIP, "it was taken back before"}, is_undone},
    {{20, "no_effect", UNDO_SKIP,
      "none of its events was recorded: there is nothing to take back"},
     has_no_effect},
    {{30, "source_lost", UNDO_REFUSE,
      "its source may not speak of this location by today's contract file"},
     is_source_lost},
    {{40, "mixed", UNDO_REFUSE,
      "counts and adjustments of one pair in one batch: which of them stands in which "
      "number can't be told apart; correct it by a count"},
     is_mixed},
    {{50, "too_many", UNDO_REFUSE,
      "more than 200 adjustments of one pair in one batch; correct it by a count"},
     is_too_many},
    {{60, "moved", UNDO_REFUSE,
      "the pair has moved since: taking the batch back would undo that as well"},
     is_moved},
    {{70, "first_seen", UNDO_REFUSE,
      "nothing was known of the pair before, and what is known can't be made unknown: say "
      "the right number by a count"},
     is_first_seen},
    {{80, "unknown_before", UNDO_REFUSE,
      "what its source said before is older than the ledger remembers"},
     is_before_unknown},
    {{81, "count_unknown", UNDO_REFUSE,
      "its source's last count before is older than the ledger remembers"},
     is_count_unknown},
    {{90, "too_old", UNDO_REFUSE,
      "its adjustments are older than the ledger remembers, so that their opposites would "
      "be refused; correct it by a count"},
     is_too_old},
    {{91, "units_between", UNDO_REFUSE,
      "units left a shop between what its source said before and the batch: after the "
      "opposite adjustments nobody would take them off; correct it by a count"},
     has_gone},
    {{100, "counts", UNDO_DO, "the source's reading is led back to what it was"},
     has_counts},
    {{110, "adjustments", UNDO_DO, "every adjustment gets its opposite"}, is_any},
};

const struct undo_rule *undo_rule_at(size_t at)
{
    return at < COUNT_OF(RULES) ? &RULES[at].rule : NULL;
}

const struct undo_rule *undo_rule(const struct undo_past *past,
                                  const struct undo_now *now)
{
    const struct facts facts = {.past = past, .now = now};
    for (size_t at = 0; at < COUNT_OF(RULES); at++)
        if (RULES[at].fits(&facts))
            return &RULES[at].rule;
    UNREACHABLE("the last row fits always");
}

/* ---- the steps --------------------------------------------------------------------------- */

static struct undo_step step_to(const struct reading *reading)
{
    return (struct undo_step){.type = EVENT_COUNTED,
                              .quantity = reading->count,
                              .occurred_at_us = reading->counted_at_us,
                              .has_sees_orders_until = reading->has_sees_orders_until,
                              .sees_orders_until_us = reading->sees_orders_until_us};
}

static struct undo_step versioned(struct undo_step step, int64_t version)
{
    step.has_version = true;
    step.version = version;
    return step;
}

size_t undo_chain(const struct reading *standing, const struct reading *before,
                  struct undo_step steps[UNDO_CHAIN_MAX])
{
    ASSERT(standing->has_count && before->has_count);
    const struct undo_step stay = step_to(standing);
    const struct undo_step back = step_to(before);
    bool has_version = standing->has_version;
    int64_t version = standing->version;
    size_t count = 0;
    if (has_version && version == INT64_MAX) {
        steps[count++] = stay;
        has_version = false;
    }
    if (!has_version) {
        bool can = before->has_version && before->version < INT64_MAX;
        version = can ? before->version : 0;
        steps[count++] = versioned(stay, version);
    }
    steps[count++] = versioned(back, version + 1);
    steps[count++] = back;
    if (before->has_version)
        steps[count++] = versioned(back, before->version);
    ASSERT(count <= UNDO_CHAIN_MAX);
    return count;
}

/*
 * The count before. Where the ledger never had one, all adjustments are counted from zero
 * just before the first; where it is gone, the level stands for it at the moment from which
 * on the ledger is whole: orders since then are taken off, which shows too little rather
 * than too much.
 */
static struct reading count_before(const struct undo_past *past,
                                   const struct undo_now *now)
{
    struct reading before = past->before;
    if (before.has_count)
        return before;
    before.exists = true;
    before.has_count = true;
    before.count = 0;
    if (past->has_prior && now->is_ledger_whole) {
        ASSERT(now->has_first_adjusted);
        before.counted_at_us = now->first_adjusted_us - 1;
        return before;
    }
    before.count = past->level_before - now->adjusted_since;
    before.counted_at_us = now->whole_since_us;
    return before;
}

static int64_t smaller(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

static int64_t larger(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

/* Up to where the source had seen orders, at the least; whatever the shops' modes. */
static int64_t seen_before(const struct undo_past *past, const struct undo_now *now)
{
    if (!past->has_prior)
        return now->whole_since_us;
    return smaller(unseen_after_us(LEVEL_AVAILABLE, now->source, &past->before),
                   unseen_after_us(LEVEL_ON_HAND, now->source, &past->before));
}

bool undo_span(const struct undo_past *past, const struct undo_now *now,
               struct undo_span *span_out)
{
    if (past->counts > 0 || past->adjustments == 0 || now->source == NULL ||
        !now->reading.exists)
        return false;
    span_out->from_us = seen_before(past, now);
    span_out->to_us = larger(unseen_after_us(LEVEL_AVAILABLE, now->source, &now->reading),
                             unseen_after_us(LEVEL_ON_HAND, now->source, &now->reading));
    return span_out->to_us > span_out->from_us;
}

static size_t opposite_steps(const struct undo_past *past, const struct undo_now *now,
                             struct undo_step *steps)
{
    const struct reading *before = &past->before;
    bool says = now->has_units_between || before->has_sees_orders_until;
    int64_t until_us =
        now->has_units_between ? seen_before(past, now) : before->sees_orders_until_us;
    ASSERT(past->adjustments <= UNDO_STEPS_MAX);
    size_t count = 0;
    for (int64_t at = 0; at < past->adjustments; at++) {
        const struct undo_move *move = &past->moves[at];
        steps[count++] = (struct undo_step){.type = EVENT_ADJUSTED,
                                            .quantity = -move->quantity,
                                            .occurred_at_us = move->occurred_at_us,
                                            .has_sees_orders_until = says,
                                            .sees_orders_until_us = until_us};
    }
    return count;
}

size_t undo_steps(const struct undo_past *past, const struct undo_now *now,
                  struct undo_step steps[UNDO_STEPS_MAX])
{
    ASSERT(undo_rule(past, now)->fate == UNDO_DO);
    if (past->counts == 0)
        return opposite_steps(past, now, steps);
    const struct reading before = count_before(past, now);
    return undo_chain(&now->reading, &before, steps);
}
