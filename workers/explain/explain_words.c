/*
 * Why, in words: states of a pair, what stands beside its numbers, and which reading rules.
 */
#include "common/base/check.h"
#include "common/domain/push_rules.h"
#include "workers/explain/explain.h"

#include <inttypes.h>

#define QUARANTINED "quarantined: "

/* States as in common/io/store_pairs_sql.h and workers/push. */
static const struct {
    const char *state;
    const char *why;
} STATES[] = {
    {"at_par", "the shop shows what it should"},
    {"pending", "a write is due"},
    {"in_flight", "a write awaits its answer"},
    {"not_seen", "the shop's level is not known: it is read before it is written"},
    {"excluded",
     "nothing is to be written: the contract excludes the SKU from this shop, or "
     "no source has spoken"},
    {"unmapped", "no item of the shop has this SKU, or the shop lacks the location: see "
                 "'parstock catalog check'"},
    {"duplicate_sku", "several items of the shop have this SKU: none of them is written"},
    {"bundle", "a bundle of the shop: its stock is that of its parts and is not written"},
    {"untracked", "the shop does not track the item's stock"},
    {"not_stocked", "the item is not stocked at this location of the shop"},
    {QUARANTINED "ACTIVATION_REFUSED", "the shop refused to stock the item there"},
    {QUARANTINED "USER_ERROR", "the shop refused the write and named no code"},
};

const char *explain_state_why(struct span state)
{
    const size_t skipped = strlen(QUARANTINED);
    for (size_t at = 0; at < COUNT_OF(STATES); at++)
        if (span_is(state, STATES[at].state))
            return STATES[at].why;
    if (state.length < skipped || memcmp(state.bytes, QUARANTINED, skipped) != 0)
        return "a state that this parstock does not know";
    const struct span code = {state.bytes + skipped, state.length - skipped};
    return push_rule_by_code(PUSH_MATCH_USER_CODE, code)->why;
}

/* ---- steps --------------------------------------------------------------------------------- */

bool explain_is_kit(const struct explain *explain)
{
    return explain->contract != NULL &&
           contract_kit(explain->contract, explain->question.sku) != NULL;
}

const char *explain_step_why(const struct explain *explain, enum desired_rule rule)
{
    if (!explain_is_kit(explain))
        return desired_rule_why(rule);
    switch ((int)rule) {
    case DESIRED_LEVEL:
        return "a kit: as many as its parts make, less what left them unseen";
    case DESIRED_NO_LEVEL:
        return "a kit, and a part of it has no level here";
    case DESIRED_ORDERS:
        return "already off the parts";
    default:
        return desired_rule_why(rule);
    }
}

enum desired_rule explain_stock_rule(const struct explain *explain,
                                     const struct desired_step *first)
{
    return explain_is_kit(explain) ? first->rule : DESIRED_ORDERS;
}

static bool differs(const struct explain_shop *shop, const struct desired *desired)
{
    if (shop->view.has_desired != desired->known)
        return true;
    return desired->known && shop->view.desired != desired->quantity;
}

static const char *note_of_difference(const struct explain *explain,
                                      const struct explain_shop *shop)
{
    if (shop->undecided)
        return "desired is decided anew before it is written";
    if (shop->has_lease && !span_is(shop->contract, explain->contract->digest))
        return "push follows another contract file than this one";
    return "desired is a first word: push decides it once more before it writes";
}

/* As PAIR_IS_OFF of common/io/store_pairs_sql.h. */
static bool rests_below_zero(const struct explain_shop *shop)
{
    return shop->short_units > 0 && shop->view.has_desired && shop->view.desired == 0 &&
           shop->view.has_shown && shop->view.shown < 0;
}

const char *explain_shop_note(const struct explain *explain,
                              const struct explain_shop *shop)
{
    if (rests_below_zero(shop))
        return "more was sold than there is: it rests below zero, as raising it would hide "
               "the debt";
    if (explain->contract == NULL)
        return "the steps need the contract file: give --contract";
    if (contract_shop(explain->contract, shop->view.shop) < 0)
        return "the contract has no shop of this name";
    const struct pair_decision *decision = explain_decision(explain, shop->view.shop);
    if (decision == NULL || !decision->is_decided)
        return "no source of the contract rules here: what was decided before stands";
    return differs(shop, &decision->desired) ? note_of_difference(explain, shop) : "";
}

/* ---- readings ------------------------------------------------------------------------------- */

bool explain_is_shop(const struct explain *explain, struct span source)
{
    const struct explain_told *told = &explain->told;
    if (explain->contract != NULL)
        return contract_shop(explain->contract, source) >= 0;
    for (int row = told->shops.first; row < told->shops.end; row++)
        if (span_equal(store_explain_shop(&explain->found, row).view.shop, source))
            return true;
    return false;
}

bool explain_rank(const struct explain *explain, struct span source, int64_t *rank_out)
{
    int at = explain->contract != NULL ? contract_source(explain->contract, source) : -1;
    if (at >= 0)
        *rank_out = explain->contract->sources[at].rank;
    return at >= 0;
}

/* The level follows the ranks of the contract that its last event was judged under. */
static void add_comparison(const struct explain *explain, int64_t rank, struct buf *out)
{
    const struct span ruler = explain_level(explain).source;
    int64_t ruling = 0;
    if (!explain_rank(explain, ruler, &ruling))
        buf_format(out, "rank %" PRId64 "; %.*s rules, which the contract has no more",
                   rank, SPAN_ARGS(ruler));
    else if (ruling < rank)
        buf_format(out, "rank %" PRId64 ": %.*s rules by rank %" PRId64, rank,
                   SPAN_ARGS(ruler), ruling);
    else
        buf_format(out,
                   "rank %" PRId64 " is better than that of %.*s: it rules from the "
                   "next event here on",
                   rank, SPAN_ARGS(ruler));
}

void explain_reading_why(const struct explain *explain,
                         const struct explain_reading *reading, struct buf *out)
{
    const struct explain_level level = explain_level(explain);
    bool rules = level.exists && span_equal(level.source, reading->source);
    int64_t rank = 0;
    if (explain_is_shop(explain, reading->source))
        buf_text(out,
                 "a shop never rules: what it was last seen to show as available, and "
                 "the units ordered there");
    else if (explain->contract == NULL)
        buf_text(out, rules ? "it rules" : "another one rules; ranks need --contract");
    else if (!explain_rank(explain, reading->source, &rank))
        buf_text(out,
                 rules ? "it rules until the next event here: the contract has no such "
                         "source any more"
                       : "the contract has no such source");
    else if (rules)
        buf_format(out, "it rules: rank %" PRId64 " of those that have spoken here",
                   rank);
    else
        add_comparison(explain, rank, out);
}
