/*
 * The walk over the past: rows come place by place, findings of drift among the events by
 * time. Both files judge each event; what each knows then decides about a finding.
 */
#include "common/base/check.h"
#include "workers/policy/simulate.h"

#include <inttypes.h>

/* ---- pairs of shops --------------------------------------------------------------------- */

int simulate_shop_now(const struct simulate *simulate, size_t shop)
{
    return contract_shop(simulate->contracts[SIMULATE_NOW],
                         simulate->contracts[SIMULATE_THEN]->shops[shop].name);
}

bool simulate_has_pair(const struct simulate *simulate, enum simulate_side side,
                       size_t shop)
{
    const struct contract *contract = simulate->contracts[side];
    int location = contract_location(contract, buf_view(&simulate->location));
    return location >= 0 && contract->shops[shop].gids[location].bytes != NULL;
}

static bool desired_equal(const struct desired *one, const struct desired *other)
{
    return one->known == other->known &&
           (!one->known || one->quantity == other->quantity);
}

bool simulate_pair_differs(const struct simulate *simulate, size_t shop)
{
    static const struct desired NONE = {.known = false};
    int now = simulate_shop_now(simulate, shop);
    bool has = now >= 0 && simulate_has_pair(simulate, SIMULATE_NOW, (size_t)now);
    const struct desired *before =
        has ? &simulate->views[SIMULATE_NOW].desired[now] : &NONE;
    return !desired_equal(before, &simulate->views[SIMULATE_THEN].desired[shop]);
}

bool simulate_level_differs(const struct simulate *simulate)
{
    const struct level *now = &simulate->views[SIMULATE_NOW].fold.level;
    const struct level *then = &simulate->views[SIMULATE_THEN].fold.level;
    if (now->exists != then->exists)
        return true;
    if (!now->exists)
        return false;
    return now->quantity != then->quantity ||
           !span_equal(simulate->contracts[SIMULATE_NOW]->sources[now->source].name,
                       simulate->contracts[SIMULATE_THEN]->sources[then->source].name);
}

/* ---- places ------------------------------------------------------------------------------ */

/* What the shops of one file should show now; counts what changed, within the span. */
static void decide(struct simulate *simulate, enum simulate_side side, bool counts)
{
    struct simulate_view *view = &simulate->views[side];
    const struct contract *contract = simulate->contracts[side];
    for (size_t shop = 0; shop < contract->shop_count; shop++) {
        if (!simulate_has_pair(simulate, side, shop))
            continue;
        const struct desired desired =
            fold_desired(&view->fold, shop, buf_view(&simulate->sku));
        if (counts && !desired_equal(&desired, &view->desired[shop]))
            simulate->counts.pushes[side]++;
        if (counts && desired.short_units > view->most_short)
            view->most_short = desired.short_units;
        view->desired[shop] = desired;
    }
}

static void count_pairs(struct simulate *simulate)
{
    const struct contract *then = simulate->contracts[SIMULATE_THEN];
    for (size_t shop = 0; shop < then->shop_count; shop++) {
        if (!simulate_has_pair(simulate, SIMULATE_THEN, shop))
            continue;
        simulate->counts.pairs++;
        simulate->counts.pairs_differ += simulate_pair_differs(simulate, shop) ? 1 : 0;
    }
}

static enum status close_place(struct simulate *simulate, struct error *error)
{
    struct simulate_counts *counts = &simulate->counts;
    if (!simulate->is_open)
        return STATUS_OK;
    simulate->is_open = false;
    for (int side = 0; side < SIMULATE_SIDES; side++)
        counts->oversold[side] += simulate->views[side].most_short;
    if (simulate->location.length == 0 ||
        (!simulate->views[SIMULATE_NOW].fold.level.exists &&
         !simulate->views[SIMULATE_THEN].fold.level.exists))
        return STATUS_OK;
    counts->levels++;
    counts->levels_differ += simulate_level_differs(simulate) ? 1 : 0;
    count_pairs(simulate);
    simulate_print_place(simulate);
    return simulate->line.failed ? error_set(error, STATUS_FATAL, "out of memory")
                                 : STATUS_OK;
}

static enum status open_place(struct simulate *simulate, const struct history_row *row,
                              struct error *error)
{
    bool same_sku = span_equal(buf_view(&simulate->sku), row->sku);
    if (simulate->is_open && same_sku &&
        span_equal(buf_view(&simulate->location), row->location))
        return STATUS_OK;
    enum status status = close_place(simulate, error);
    if (status != STATUS_OK)
        return status;
    for (int side = 0; side < SIMULATE_SIDES; side++) {
        struct simulate_view *view = &simulate->views[side];
        memset(view->desired, 0, sizeof(view->desired));
        view->most_short = 0;
        if (same_sku)
            fold_next_place(&view->fold);
        else
            fold_next_sku(&view->fold);
    }
    buf_clear(&simulate->sku);
    buf_span(&simulate->sku, row->sku);
    buf_clear(&simulate->location);
    buf_span(&simulate->location, row->location);
    simulate->is_open = true;
    return simulate->sku.failed || simulate->location.failed
               ? error_set(error, STATUS_FATAL, "out of memory")
               : STATUS_OK;
}

/* ---- events ------------------------------------------------------------------------------ */

static void count_event(struct simulate *simulate,
                        const struct verdict verdicts[SIMULATE_SIDES])
{
    struct simulate_counts *counts = &simulate->counts;
    counts->events++;
    for (int side = 0; side < SIMULATE_SIDES; side++)
        counts->outcomes[side][verdicts[side].outcome]++;
    counts->outcomes_differ +=
        verdicts[SIMULATE_NOW].outcome != verdicts[SIMULATE_THEN].outcome;
}

static bool is_as_recorded(const struct history_event *event,
                           const struct verdict *verdict)
{
    return verdict->outcome == event->outcome &&
           verdict->level.exists == event->has_after &&
           (!event->has_after || verdict->level.quantity == event->after);
}

static enum status take_event(struct simulate *simulate, const struct history_row *row,
                              struct error *error)
{
    const struct fold_row judged = {.event = row->event.event,
                                    .recorded_at_ms = row->event.recorded_at_ms};
    struct verdict verdicts[SIMULATE_SIDES];
    bool counts = row->at_us >= simulate->span.since_us;
    for (int side = 0; side < SIMULATE_SIDES; side++) {
        enum status status =
            fold_judge(&simulate->views[side].fold, &judged, &verdicts[side], error);
        if (status != STATUS_OK)
            return status;
        if (verdicts[side].recorded && row->location.length > 0)
            decide(simulate, (enum simulate_side)side, counts);
    }
    simulate->counts.rows++;
    simulate->counts.as_recorded +=
        is_as_recorded(&row->event, &verdicts[SIMULATE_NOW]) ? 1 : 0;
    if (counts)
        count_event(simulate, verdicts);
    return STATUS_OK;
}

/* ---- findings ---------------------------------------------------------------------------- */

/* Was something else desired there and then under the tried file? By what the files differ:
 * what was recorded knew of units that events do not tell of. */
static void desire_anew(const struct simulate *simulate, struct simulate_finding *found)
{
    const struct finding *finding = &found->row->finding;
    int now = contract_shop(simulate->contracts[SIMULATE_NOW], finding->shop);
    int then = contract_shop(simulate->contracts[SIMULATE_THEN], finding->shop);
    if (then < 0 || !simulate_has_pair(simulate, SIMULATE_THEN, (size_t)then)) {
        found->is_gone = true;
        return;
    }
    if (now < 0 || !finding->has_desired)
        return;
    const struct desired *before = &simulate->views[SIMULATE_NOW].desired[now];
    const struct desired *after = &simulate->views[SIMULATE_THEN].desired[then];
    if (!before->known)
        return;
    if (!after->known) {
        found->is_gone = true;
        return;
    }
    int64_t change = after->quantity - before->quantity;
    found->then.desired += change;
    found->then.residual -= change;
    found->is_gone = found->then.residual == 0;
    if (change != 0 && found->row->beside.has_price)
        found->then.value_micros =
            found->row->beside.price_micros *
            (found->then.residual < 0 ? -found->then.residual : found->then.residual);
}

static struct resolve_decision decide_finding(const struct contract *contract,
                                              const struct finding *finding,
                                              const struct finding_beside *beside)
{
    const struct resolve_question question = {.contract = contract,
                                              .finding = finding,
                                              .beside = beside,
                                              .run = RESOLVE_RUN_PASSES};
    return resolve_decide(&question);
}

/* What was done, as it was recorded; where nothing was, what the file in force asks for. */
static void look_back(const struct simulate *simulate, struct simulate_finding *found)
{
    const struct history_row *row = found->row;
    const struct resolve_decision decision =
        decide_finding(simulate->contracts[SIMULATE_NOW], &row->finding, &row->beside);
    found->now = decision.action;
    found->now_rule = decision.verdict.rule->id;
    for (int action = 0; row->action.bytes != NULL && action < POLICY_ACTION_COUNT;
         action++) {
        if (!span_is(row->action, policy_action_name((enum policy_action)action)))
            continue;
        found->now = (enum policy_action)action;
        found->now_rule = row->rule;
    }
}

static struct simulate_run *run_of(struct simulate *simulate, struct span id)
{
    int64_t wanted = 0;
    size_t low = 0;
    size_t high = simulate->run_count;
    if (!span_to_int64(id, &wanted))
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (simulate->runs[middle].id == wanted)
            return &simulate->runs[middle];
        if (simulate->runs[middle].id < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void count_finding(struct simulate *simulate, const struct simulate_finding *found)
{
    struct simulate_counts *counts = &simulate->counts;
    struct simulate_run *run = run_of(simulate, found->row->finding.run_id);
    counts->findings++;
    counts->actions[SIMULATE_NOW][found->now]++;
    if (found->is_gone) {
        counts->findings_gone++;
        counts->actions_differ++;
        return;
    }
    counts->actions[SIMULATE_THEN][found->decision.action]++;
    counts->actions_differ += found->now != found->decision.action;
    if (run == NULL)
        return;
    run->run.findings++;
    if (found->decision.action != POLICY_RESYNC)
        return;
    run->run.changes++;
    run->run.zeroes += finding_zeroes(&found->then) ? 1 : 0;
}

static void take_finding(struct simulate *simulate, const struct history_row *row)
{
    struct simulate_finding found = {.row = row, .then = row->finding};
    desire_anew(simulate, &found);
    look_back(simulate, &found);
    if (!found.is_gone)
        found.decision =
            decide_finding(simulate->contracts[SIMULATE_THEN], &found.then, &row->beside);
    count_finding(simulate, &found);
    simulate_print_finding(simulate, &found);
}

/* ---- the walk ----------------------------------------------------------------------------- */

static enum status take_row(void *self, const struct history_row *row,
                            struct error *error)
{
    struct simulate *simulate = self;
    enum status status = open_place(simulate, row, error);
    if (status != STATUS_OK)
        return status;
    switch (row->kind) {
    case HISTORY_READING:
        for (int side = 0; side < SIMULATE_SIDES; side++) {
            fold_know(&simulate->views[side].fold, row->source, &row->reading);
            decide(simulate, (enum simulate_side)side, false);
        }
        return STATUS_OK;
    case HISTORY_EVENT:
        return take_event(simulate, row, error);
    case HISTORY_FINDING:
        take_finding(simulate, row);
        return simulate->line.failed ? error_set(error, STATUS_FATAL, "out of memory")
                                     : STATUS_OK;
    }
    return error_set(error, STATUS_FATAL, "history: a row of a kind that is not known");
}

enum status simulate_walk(struct simulate *simulate, struct postgres *postgres,
                          struct error *error)
{
    const struct history_visitor visitor = {.each = take_row, .self = simulate};
    simulate_print_begin(simulate);
    enum status status = store_history(postgres, &simulate->span, &visitor, error);
    if (status == STATUS_OK)
        status = close_place(simulate, error);
    if (status == STATUS_OK)
        simulate_print_end(simulate);
    return status;
}
