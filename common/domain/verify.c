#include "common/domain/verify.h"

#include "common/base/check.h"

static const char *const ASPECT_NAMES[VERIFY_ASPECT_COUNT] = {
    [VERIFY_ITEM] = "item",      [VERIFY_TRACKED] = "tracked",
    [VERIFY_SELLING] = "policy", [VERIFY_STOCKED] = "stocked",
    [VERIFY_TRUTH] = "truth",    [VERIFY_DESIRED] = "desired",
    [VERIFY_SHOWN] = "shown",
};

static const char *const VERDICT_NAMES[VERIFY_VERDICT_COUNT] = {
    [VERIFY_EXPLAINED] = "explained",
    [VERIFY_KNOWN] = "known",
    [VERIFY_UNDECIDED] = "undecided",
    [VERIFY_WRONG] = "wrong",
};

const char *verify_aspect_name(enum verify_aspect aspect)
{
    ASSERT((size_t)aspect < VERIFY_ASPECT_COUNT);
    return ASPECT_NAMES[aspect];
}

const char *verify_verdict_name(enum verify_verdict verdict)
{
    ASSERT((size_t)verdict < VERIFY_VERDICT_COUNT);
    return VERDICT_NAMES[verdict];
}

static bool is_same(struct quantity left, struct quantity right)
{
    return left.known == right.known && (!left.known || left.units == right.units);
}

/* ---- the item ------------------------------------------------------------------------- */

/* Both answers are of an item that was there. */
static bool is_comparable(const struct verify_input *input)
{
    return input->before.is_read && input->after.is_read && input->before.item_there &&
           input->after.item_there;
}

static bool item_not_read(const struct verify_input *input)
{
    return input->before.is_read && !input->after.is_read;
}

static bool item_gone(const struct verify_input *input)
{
    return input->before.item_there && input->after.is_read && !input->after.item_there;
}

static bool sku_changed(const struct verify_input *input)
{
    return is_comparable(input) &&
           !span_equal(input->before.raw_sku, input->after.raw_sku);
}

/* Another item took the SKU, or a second one has it now. */
static bool is_mixed_up(const struct verify_input *input)
{
    return input->judgement.verdict == DRIFT_FOUND &&
           input->judgement.rule->cause == CAUSE_IDENTITY && !input->before.is_off;
}

static bool tracked_changed(const struct verify_input *input)
{
    return is_comparable(input) && input->before.tracked != input->after.tracked;
}

static bool selling_changed(const struct verify_input *input)
{
    return is_comparable(input) && input->before.sells_on != input->after.sells_on;
}

static bool is_unstocked(const struct verify_input *input)
{
    return is_comparable(input) && !sku_changed(input) && input->before.stocked &&
           !input->after.stocked;
}

static bool is_stocked(const struct verify_input *input)
{
    return is_comparable(input) && !input->before.stocked && input->after.stocked;
}

/* ---- the ruling level ------------------------------------------------------------------ */

static bool truth_moved(const struct verify_input *input)
{
    return !is_same(input->before.truth, input->after.truth);
}

static bool truth_led(const struct verify_input *input)
{
    return truth_moved(input) && input->after.truth.known && input->between.events_lead;
}

static bool truth_gone(const struct verify_input *input)
{
    return input->before.truth.known && !input->after.truth.known;
}

/* An older copy of the tables, with the same number by chance. */
static bool truth_went_back(const struct verify_input *input)
{
    return input->after.truth.known && input->after.revision < input->before.revision;
}

/* ---- what should be shown --------------------------------------------------------------- */

static bool desired_moved(const struct verify_input *input)
{
    return !is_same(input->before.desired, input->after.desired);
}

static bool desired_by_contract(const struct verify_input *input)
{
    return desired_moved(input) && input->between.other_contract;
}

static bool desired_gone(const struct verify_input *input)
{
    return input->before.desired.known && !input->after.desired.known;
}

static bool desired_by_events(const struct verify_input *input)
{
    return desired_moved(input) && input->between.events > 0;
}

static bool desired_by_orders(const struct verify_input *input)
{
    return desired_moved(input) && input->between.units > 0;
}

/* ---- what is shown ---------------------------------------------------------------------- */

static bool shown_moved(const struct verify_input *input)
{
    return input->after.is_read && input->after.shown.known &&
           !is_same(input->before.shown, input->after.shown);
}

static bool is_found(const struct verify_input *input)
{
    return input->judgement.verdict == DRIFT_FOUND;
}

/* Rows of the aspects above say what became of the item itself. */
static bool is_of_item(const struct verify_input *input)
{
    return is_found(input) && !input->judgement.rule->is_of_quantity &&
           input->judgement.rule->cause != CAUSE_OVERSOLD;
}

static bool is_under_way(const struct verify_input *input)
{
    return input->judgement.verdict == DRIFT_UNDER_WAY;
}

static bool was_off_before(const struct verify_input *input)
{
    return is_found(input) && input->before.is_off &&
           input->before.residual == input->after.residual && !shown_moved(input);
}

static bool is_order_untold(const struct verify_input *input)
{
    return is_found(input) && input->judgement.rule->cause == CAUSE_MISSED_EVENT;
}

static bool is_shown_wrong(const struct verify_input *input)
{
    return is_found(input) && !is_of_item(input);
}

static bool by_our_writes(const struct verify_input *input)
{
    return !is_found(input) && shown_moved(input) && input->between.writes > 0;
}

static bool by_orders(const struct verify_input *input)
{
    return !is_found(input) && shown_moved(input) && input->between.units > 0;
}

static bool is_at_par(const struct verify_input *input)
{
    return !is_found(input) && shown_moved(input);
}

#define PAGE(name) "docs/runbooks/" name ".md"

const struct verify_rule VERIFY_RULES[] = {
    {"item_not_read", VERIFY_ITEM, VERIFY_UNDECIDED, PAGE("identity"), item_not_read,
     "the shop could not be asked of the item again: the contract maps its location no "
     "more, or the pair has no row"},
    {"item_gone", VERIFY_ITEM, VERIFY_WRONG, PAGE("identity"), item_gone,
     "the shop has no such item any more"},
    {"sku_changed", VERIFY_ITEM, VERIFY_WRONG, PAGE("identity"), sku_changed,
     "the item has another SKU than before"},
    {"sku_mixed_up", VERIFY_ITEM, VERIFY_WRONG, PAGE("identity"), is_mixed_up,
     "the SKU does not stand for one item of the shop any more"},
    {"tracked_changed", VERIFY_TRACKED, VERIFY_WRONG, PAGE("untracked"), tracked_changed,
     "whether the shop counts the item was changed"},
    {"policy_changed", VERIFY_SELLING, VERIFY_WRONG, PAGE("oversold"), selling_changed,
     "whether the item is sold on below zero was changed"},
    {"unstocked", VERIFY_STOCKED, VERIFY_WRONG, PAGE("not_stocked"), is_unstocked,
     "the shop does not stock the item at the location any more"},
    {"stocked", VERIFY_STOCKED, VERIFY_EXPLAINED, "", is_stocked,
     "the item is stocked at the location now"},
    {"truth_gone", VERIFY_TRUTH, VERIFY_WRONG, PAGE("double_apply"), truth_gone,
     "the ruling level is not there any more, and no event takes one away"},
    {"truth_went_back", VERIFY_TRUTH, VERIFY_WRONG, PAGE("double_apply"), truth_went_back,
     "the ruling level is of an earlier revision: the tables were put back"},
    {"truth_by_events", VERIFY_TRUTH, VERIFY_EXPLAINED, "", truth_led,
     "events in the ledger lead from the level of then to that of now"},
    {"truth_moved", VERIFY_TRUTH, VERIFY_WRONG, PAGE("double_apply"), truth_moved,
     "the ruling level moved, and the events in the ledger do not lead there"},
    {"desired_by_contract", VERIFY_DESIRED, VERIFY_EXPLAINED, "", desired_by_contract,
     "push follows another contract file than then"},
    {"desired_gone", VERIFY_DESIRED, VERIFY_WRONG, PAGE("policy_changed"), desired_gone,
     "nothing is to be shown any more, under the same contract file"},
    {"desired_by_events", VERIFY_DESIRED, VERIFY_EXPLAINED, "", desired_by_events,
     "events were judged since"},
    {"desired_by_orders", VERIFY_DESIRED, VERIFY_EXPLAINED, "", desired_by_orders,
     "units were ordered or found missing since"},
    {"desired_moved", VERIFY_DESIRED, VERIFY_WRONG, PAGE("policy_changed"), desired_moved,
     "what should be shown moved without an event, an order or another contract file"},
    {"under_way", VERIFY_SHOWN, VERIFY_UNDECIDED, PAGE("queue_delay"), is_under_way,
     "events or writes of the pair were under way at every look"},
    {"off_before", VERIFY_SHOWN, VERIFY_KNOWN, "", was_off_before,
     "the shop differed as much before"},
    {"order_untold", VERIFY_SHOWN, VERIFY_EXPLAINED, PAGE("missed_event"),
     is_order_untold, "the shop took an order that no event has told of yet"},
    {"shown_wrong", VERIFY_SHOWN, VERIFY_WRONG, "", is_shown_wrong,
     "the shop shows another level than it should, and nothing under way explains it"},
    {"shown_by_writes", VERIFY_SHOWN, VERIFY_EXPLAINED, "", by_our_writes,
     "we wrote it, and it is what should be shown"},
    {"shown_by_orders", VERIFY_SHOWN, VERIFY_EXPLAINED, "", by_orders,
     "units were ordered, and it is what should be shown"},
    {"shown_at_par", VERIFY_SHOWN, VERIFY_EXPLAINED, "", is_at_par,
     "the shop shows what it should"},
};

const size_t VERIFY_RULES_COUNT = COUNT_OF(VERIFY_RULES);

struct verify_result verify_judge(const struct verify_input *input)
{
    struct verify_result result = {0};
    for (size_t at = 0; at < VERIFY_RULES_COUNT; at++) {
        const struct verify_rule *rule = &VERIFY_RULES[at];
        ASSERT((size_t)rule->aspect < VERIFY_ASPECT_COUNT);
        if (result.rules[rule->aspect] == NULL && rule->fits(input))
            result.rules[rule->aspect] = rule;
    }
    return result;
}

enum verify_verdict verify_worst(const struct verify_result *result)
{
    enum verify_verdict worst = VERIFY_EXPLAINED;
    for (size_t at = 0; at < VERIFY_ASPECT_COUNT; at++)
        if (result->rules[at] != NULL && result->rules[at]->verdict > worst)
            worst = result->rules[at]->verdict;
    return worst;
}

const char *verify_outcome(const struct verify_counts *counts)
{
    if (counts->wrong > 0)
        return "failed";
    return counts->undecided > 0 || counts->pairs == 0 ? "undecided" : "ok";
}
