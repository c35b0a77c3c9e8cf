/*
 * The shops of a location for people: what each should show, step by step, and shows; of a
 * past moment, what was written down of them.
 */
#include "common/base/check.h"
#include "workers/explain/explain_table.h"

#include <inttypes.h>

#define STEP_INDENT 19

/* ---- steps --------------------------------------------------------------------------------- */

static void add_claim(struct explain *explain, size_t shop,
                      const struct pair_claim *claim)
{
    struct lines lines = table_lines(explain, STEP_INDENT + 2);
    for (size_t at = 0; at < explain->contract->shop_count; at++) {
        const struct shop_units *units = &claim->units[at];
        if (units->ordered == 0 && units->cancelled == 0 && units->gone == 0)
            continue;
        lines_piece_format(&lines, "%.*s in %.*s:", SPAN_ARGS(claim->sku),
                           SPAN_ARGS(explain->contract->shops[at].name));
        lines_piece_format(&lines, "%" PRId64 " ordered", units->ordered);
        lines_piece_format(&lines, "(%" PRId64 " after the last read),", units->recent);
        lines_piece_format(&lines, "%" PRId64 " missing at reads,", units->gone);
        lines_piece_format(&lines, "%" PRId64 " cancelled:", units->cancelled);
        lines_piece_format(&lines, "%" PRId64 " count",
                           pair_claim_share(explain->contract, shop, claim, at));
        lines_end(&lines);
    }
}

static void add_stocks(struct explain *explain, size_t shop,
                       const struct pair_decision *decision)
{
    for (size_t at = 0; at < decision->stock_count; at++) {
        struct lines lines = table_lines(explain, STEP_INDENT);
        const struct pair_stock *stock = &decision->stocks[at];
        bool exists = stock->level.source >= 0;
        lines_piece_format(&lines, "%.*s", SPAN_ARGS(stock->sku));
        if (explain_is_kit(explain))
            lines_piece_format(&lines, "(%" PRId64 " a kit): level %s", stock->per_unit,
                               table_number(exists, stock->level.quantity).text);
        lines_piece_format(&lines, "sales after %s count,",
                           table_moment(exists, stock->unseen_after_us).text);
        lines_piece_format(&lines, "%" PRId64 " units",
                           pair_unseen(explain->contract, shop, stock));
        lines_end(&lines);
        for (size_t claim = 0; claim < stock->claim_count; claim++)
            add_claim(explain, shop, &stock->claims[claim]);
    }
}

static void add_step(struct explain *explain, const struct desired_step *step)
{
    struct lines lines = table_lines(explain, STEP_INDENT);
    lines_format(&lines, "  %+11" PRId64 "  %s:", step->change,
                 desired_rule_id(step->rule));
    lines_words(&lines, span_from(explain_step_why(explain, step->rule)));
    lines_end(&lines);
}

static void add_steps(struct explain *explain, struct span shop)
{
    struct desired_step steps[DESIRED_STEPS_MAX];
    struct lines lines = table_lines(explain, STEP_INDENT);
    const struct pair_decision *decision = explain_decision(explain, shop);
    if (decision == NULL || !decision->is_decided)
        return;
    size_t count = desired_steps(&decision->input, steps);
    for (size_t at = 0; at < count; at++) {
        add_step(explain, &steps[at]);
        if (steps[at].rule == explain_stock_rule(explain, steps))
            add_stocks(explain, (size_t)contract_shop(explain->contract, shop), decision);
    }
    if (count > 0) {
        lines_format(&lines, "  %11" PRId64 "  in all", steps[count - 1].result);
    } else {
        lines_format(&lines,
                     "            -  %s:", desired_rule_id(decision->desired.rule));
        lines_words(&lines, span_from(explain_step_why(explain, decision->desired.rule)));
    }
    lines_end(&lines);
}

/* ---- shops ------------------------------------------------------------------------------------ */

static void add_shop(struct explain *explain, const struct explain_shop *shop)
{
    struct lines lines = table_lines(explain, 2);
    bool is_par = span_is(shop->view.state, "at_par");
    lines_end(&lines);
    lines_paint(&lines, PAINT_BOLD);
    lines_format(&lines, "shop %.*s: desired %s, shown %s", SPAN_ARGS(shop->view.shop),
                 table_number(shop->view.has_desired, shop->view.desired).text,
                 table_number(shop->view.has_shown, shop->view.shown).text);
    lines_paint(&lines, PAINT_PLAIN);
    lines_piece_format(&lines,
                       "(%s):", table_moment(shop->has_shown_at, shop->shown_at_us).text);
    lines_paint(&lines, is_par ? PAINT_GOOD : PAINT_WARN);
    lines_piece_format(&lines, "%.*s,", SPAN_ARGS(shop->view.state));
    lines_paint(&lines, PAINT_PLAIN);
    lines_words(&lines, span_from(explain_state_why(shop->view.state)));
    lines_end(&lines);
    add_steps(explain, shop->view.shop);
    lines_words(&lines, span_from(explain_shop_note(explain, shop)));
    if (lines.column > 0)
        lines_end(&lines);
}

static void add_said(struct lines *lines, const char *name,
                     const struct explain_said *said)
{
    if (!said->exists) {
        lines_piece_format(lines, "%s: nothing was written down", name);
        return;
    }
    lines_piece_format(lines, "%s %" PRId64, name, said->quantity);
    lines_piece_format(lines, "(%s,", table_moment(true, said->at_us).text);
    lines_piece_format(lines, "%.*s)", SPAN_ARGS(said->by));
}

static void add_past(struct explain *explain, const struct explain_past *past)
{
    struct lines lines = table_lines(explain, 2);
    lines_end(&lines);
    lines_paint(&lines, PAINT_BOLD);
    lines_format(&lines, "shop %.*s", SPAN_ARGS(past->shop));
    lines_paint(&lines, PAINT_PLAIN);
    lines_words(&lines, SPAN_OF("as it was written down last:"));
    lines_end(&lines);
    add_said(&lines, "desired", &past->desired);
    lines_end(&lines);
    add_said(&lines, "shown", &past->shown);
    lines_end(&lines);
}

void explain_table_shops(struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    for (int row = told->past.first; row < told->past.end; row++) {
        const struct explain_past past = store_explain_past(&explain->found, row);
        add_past(explain, &past);
    }
    for (int row = told->shops.first; !explain->question.has_at && row < told->shops.end;
         row++) {
        const struct explain_shop shop = store_explain_shop(&explain->found, row);
        add_shop(explain, &shop);
    }
}
