#include "common/domain/drift.h"

#include "common/base/check.h"

/* ---- what is said of a pair in numbers ------------------------------------------------ */

static int64_t residual_of(const struct drift_facts *facts)
{
    if (!facts->desired.known || !facts->look.shown.known)
        return 0;
    return facts->look.shown.units - facts->desired.units;
}

/* How far the shop moved from where we knew it to be; 0 where that is not known. */
static int64_t moved(const struct drift_facts *facts)
{
    if (!facts->known.known || !facts->look.shown.known)
        return 0;
    return facts->look.shown.units - facts->known.units;
}

/* Units that were ordered or shipped since all was well (> 0 ordered, < 0 shipped or
 * cancelled). */
static int64_t committed_more(const struct drift_facts *facts)
{
    if (!facts->look.committed.known || !facts->committed_before.known)
        return 0;
    return facts->look.committed.units - facts->committed_before.units;
}

static bool is_where_we_left_it(const struct drift_facts *facts)
{
    return !facts->known.known || moved(facts) == 0;
}

/* ---- the tests ------------------------------------------------------------------------ */

static bool is_gone(const struct drift_facts *facts)
{
    return facts->was_mapped && (!facts->look.item_there || facts->look.items == 0);
}

static bool is_doubled(const struct drift_facts *facts)
{
    return facts->look.items > 1;
}

static bool is_new(const struct drift_facts *facts)
{
    return !facts->was_mapped && facts->look.items == 1;
}

static bool is_untracked(const struct drift_facts *facts)
{
    return facts->look.item_there && !facts->look.tracked;
}

/* Nothing to sell and nothing shown is no difference that anybody sees. */
static bool is_not_stocked(const struct drift_facts *facts)
{
    return facts->look.item_there && !facts->look.is_stocked && facts->desired.units > 0;
}

static bool is_refused(const struct drift_facts *facts)
{
    return facts->is_refused;
}

static bool is_oversold(const struct drift_facts *facts)
{
    bool below = facts->mode == LEVEL_AVAILABLE && facts->look.shown.known &&
                 facts->look.shown.units < 0;
    return below && !facts->sells_below_zero;
}

static bool has_other_policy(const struct drift_facts *facts)
{
    return facts->follows_other_contract && facts->noted.known &&
           facts->noted.units != facts->desired.units &&
           facts->look.shown.units == facts->noted.units;
}

static bool is_throttled(const struct drift_facts *facts)
{
    return facts->is_waiting && facts->is_throttled && is_where_we_left_it(facts);
}

static bool waits_for_push(const struct drift_facts *facts)
{
    return facts->is_waiting && is_where_we_left_it(facts);
}

static bool waits_for_apply(const struct drift_facts *facts)
{
    return facts->unapplied > 0;
}

/* The shop said that it was done, and shows what it showed before. */
static bool lost_our_write(const struct drift_facts *facts)
{
    const struct drift_write *write = &facts->write;
    return write->is_there && write->was_applied && write->change_from.known &&
           write->change_from.units != write->quantity && facts->known.known &&
           facts->known.units == write->quantity &&
           facts->look.shown.units == write->change_from.units;
}

/* The change that we made, made once more. */
static bool doubled_our_write(const struct drift_facts *facts)
{
    const struct drift_write *write = &facts->write;
    if (!write->is_there || !write->change_from.known || !facts->known.known)
        return false;
    int64_t change = write->quantity - write->change_from.units;
    return change != 0 && facts->known.units == write->quantity && moved(facts) == change;
}

/*
 * Orders that we know of moved the shop, and the source can not know any of them: the shop is
 * ahead of what should be shown, not beside it. (What was missing at a read stands for sales
 * too, the larger of the two counts, so that not every order moves the desired level.)
 */
static bool is_ahead(const struct drift_facts *facts)
{
    return facts->mode == LEVEL_AVAILABLE && facts->ordered_since != 0 &&
           moved(facts) == -facts->ordered_since &&
           facts->ordered_fresh == facts->ordered_since;
}

/* Orders that we know of took the units, and by its watermark the source should know. */
static bool is_order_unseen(const struct drift_facts *facts)
{
    return facts->mode == LEVEL_AVAILABLE && residual_of(facts) < 0 &&
           facts->ordered_since > 0 && moved(facts) == -facts->ordered_since;
}

/* What left the shelf by a parcel leaves `committed` as well. */
static bool is_shipment_unseen(const struct drift_facts *facts)
{
    return facts->mode == LEVEL_ON_HAND && residual_of(facts) < 0 && moved(facts) < 0 &&
           moved(facts) == committed_more(facts);
}

/* What an order takes off `available` is in `committed`, and comes back the same way. */
static bool is_order_untold(const struct drift_facts *facts)
{
    if (facts->mode != LEVEL_AVAILABLE || moved(facts) == 0)
        return false;
    return committed_more(facts) != facts->ordered_since &&
           moved(facts) == -committed_more(facts);
}

static bool is_rivals_number(const struct drift_facts *facts)
{
    return facts->rival.known && facts->rival.units != facts->desired.units &&
           facts->rival.units == facts->look.shown.units;
}

static bool repeats_an_event(const struct drift_facts *facts)
{
    return facts->repeats_event && moved(facts) != 0;
}

static bool is_stale(const struct drift_facts *facts)
{
    return facts->is_stale;
}

static bool was_moved_by_others(const struct drift_facts *facts)
{
    return moved(facts) != 0;
}

static bool always(const struct drift_facts *facts)
{
    (void)facts;
    return true;
}

const struct drift_rule DRIFT_RULES[] = {
    {"identity_doubled", CAUSE_IDENTITY, false, is_doubled,
     "several items of the shop have this SKU: none of them can be kept at par"},
    {"identity_gone", CAUSE_IDENTITY, false, is_gone,
     "the shop has no item with this SKU any more: it was renamed or deleted"},
    {"identity_new", CAUSE_IDENTITY, false, is_new,
     "the shop has an item with this SKU that the catalogue does not know yet"},
    {"untracked", CAUSE_UNTRACKED, false, is_untracked,
     "the shop does not track the item: it sells without end"},
    {"not_stocked", CAUSE_NOT_STOCKED, false, is_not_stocked,
     "the shop does not stock the item at this location, where there is some"},
    {"oversold_below_zero", CAUSE_OVERSOLD, false, is_oversold,
     "the shop shows less than nothing of an item that it does not sell on"},
    {"write_refused", CAUSE_REJECTED_WRITE, true, is_refused,
     "the shop refused the write of this pair for good"},
    {"policy_not_followed", CAUSE_POLICY_CHANGED, true, has_other_policy,
     "the shop shows what the contract file before this one said"},
    {"write_throttled", CAUSE_THROTTLED, true, is_throttled,
     "the write waits for the shop's cost bucket"},
    {"write_waits", CAUSE_QUEUE_DELAY, true, waits_for_push,
     "the write waits for longer than differences are given to settle"},
    {"event_waits", CAUSE_QUEUE_DELAY, true, waits_for_apply,
     "events of the SKU wait in Kafka for longer than differences are given to settle"},
    {"write_lost", CAUSE_LOST_WRITE, true, lost_our_write,
     "the shop said that our write was done, and shows the level from before it"},
    {"write_doubled", CAUSE_DOUBLE_APPLY, true, doubled_our_write,
     "the change that our write made was made once more"},
    {"order_not_in_source", CAUSE_ORDER_NOT_IN_SOURCE, true, is_order_unseen,
     "orders that the source says it has seen are not in its number"},
    {"shipment_not_in_source", CAUSE_ORDER_NOT_IN_SOURCE, true, is_shipment_unseen,
     "units were shipped, and the source's number still holds them"},
    {"order_not_told", CAUSE_MISSED_EVENT, true, is_order_untold,
     "the shop's committed units moved by as much, and no event told of an order"},
    {"rival_source", CAUSE_SOURCE_CONFLICT, true, is_rivals_number,
     "the shop shows what a source of lower rank says"},
    {"event_doubled", CAUSE_DOUBLE_APPLY, true, repeats_an_event,
     "the shop moved by what one applied event changed: it was applied once more"},
    {"source_stale", CAUSE_STALE_SOURCE, true, is_stale,
     "the ruling number is older than the contract allows its source"},
    {"moved_by_others", CAUSE_EXTERNAL_WRITER, true, was_moved_by_others,
     "the shop's level moved since we knew it, and neither an order nor a write of ours did "
     "that"},
    {"unknown", CAUSE_UNKNOWN, true, always, "no test fits"},
};

const size_t DRIFT_RULES_COUNT = COUNT_OF(DRIFT_RULES);

/* A write that was only just asked for, or that was not waited for yet. */
static bool is_settling(const struct drift_facts *facts)
{
    return facts->is_waiting &&
           (facts->looks < 1 ||
            facts->now_us - facts->waiting_since_us < facts->settle_us);
}

static bool is_same(struct quantity left, struct quantity right)
{
    return left.known == right.known && (!left.known || left.units == right.units);
}

/* It differs as it did before, and nothing happened to it meanwhile. */
static bool has_stayed(const struct drift_facts *facts)
{
    return facts->was_looked_at && is_same(facts->look.shown, facts->shown_before) &&
           is_same(facts->noted, facts->noted_before);
}

/* Sold beyond what there is: the pair rests below zero, and its own incident tells of it. */
static bool rests_in_debt(const struct drift_facts *facts)
{
    return facts->short_units > 0 && facts->desired.units == 0 &&
           facts->look.shown.units < 0;
}

struct drift_judgement drift_judge(const struct drift_facts *facts)
{
    struct drift_judgement judgement = {.verdict = DRIFT_CLEAN,
                                        .residual = residual_of(facts)};
    if (!facts->desired.known)
        return judgement;
    if (facts->is_in_flight || (is_settling(facts) && judgement.residual != 0)) {
        judgement.verdict = DRIFT_UNDER_WAY;
        return judgement;
    }
    bool differs = judgement.residual != 0 && !rests_in_debt(facts) && !is_ahead(facts);
    for (size_t at = 0; at < DRIFT_RULES_COUNT; at++) {
        const struct drift_rule *rule = &DRIFT_RULES[at];
        if ((rule->is_of_quantity && !differs) || !rule->fits(facts))
            continue;
        judgement.verdict = has_stayed(facts) ? DRIFT_FOUND : DRIFT_UNDER_WAY;
        judgement.rule = rule;
        return judgement;
    }
    return judgement;
}
