/*
 * The diff: a row a place and a row a finding, in order of (SKU, location), then the sums.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "workers/policy/simulate.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const SIDES[SIMULATE_SIDES] = {"now", "then"};

/* ---- pieces ------------------------------------------------------------------------------ */

struct number {
    char text[24];
};

static struct number number_of(bool exists, int64_t value)
{
    struct number number = {"none"};
    if (exists)
        (void)snprintf(number.text, sizeof(number.text), "%" PRId64, value);
    return number;
}

static const struct level *level_of(const struct simulate *simulate, int side)
{
    return &simulate->views[side].fold.level;
}

static struct span source_of(const struct simulate *simulate, int side)
{
    const struct level *level = level_of(simulate, side);
    return level->exists ? simulate->contracts[side]->sources[level->source].name
                         : (struct span){0};
}

/* Of a shop of the tried file, what it should show under the one in force. */
static struct desired desired_now(const struct simulate *simulate, size_t shop)
{
    int now = simulate_shop_now(simulate, shop);
    if (now < 0 || !simulate_has_pair(simulate, SIMULATE_NOW, (size_t)now))
        return (struct desired){.known = false};
    return simulate->views[SIMULATE_NOW].desired[now];
}

static void put_row(struct simulate *simulate)
{
    if (simulate->line.failed)
        return;
    if (simulate->output == OUTPUT_JSON && simulate->printed > 0)
        putchar(',');
    puts(simulate->line.bytes);
    simulate->printed++;
    buf_clear(&simulate->line);
}

static void member_bool(struct buf *line, const char *name, bool value)
{
    json_name(line, name);
    buf_text(line, value ? "true" : "false");
}

static void open_object(struct buf *line, const char *name)
{
    json_name(line, name);
    buf_byte(line, '{');
}

/* ---- a place ------------------------------------------------------------------------------ */

static void add_level(struct simulate *simulate, int side)
{
    struct buf *line = &simulate->line;
    const struct level *level = level_of(simulate, side);
    open_object(line, SIDES[side]);
    json_member_number_or_null(line, "quantity", level->exists, level->quantity);
    json_member_text(line, "source", source_of(simulate, side));
    buf_byte(line, '}');
}

static void add_pairs(struct simulate *simulate)
{
    struct buf *line = &simulate->line;
    const struct contract *then = simulate->contracts[SIMULATE_THEN];
    bool any = false;
    json_name(line, "shops");
    buf_byte(line, '[');
    for (size_t shop = 0; shop < then->shop_count; shop++) {
        if (!simulate_has_pair(simulate, SIMULATE_THEN, shop))
            continue;
        const struct desired before = desired_now(simulate, shop);
        const struct desired *after = &simulate->views[SIMULATE_THEN].desired[shop];
        buf_text(line, any ? ",{" : "{");
        any = true;
        json_member_text(line, "shop", then->shops[shop].name);
        json_member_number_or_null(line, "now", before.known, before.quantity);
        json_member_number_or_null(line, "then", after->known, after->quantity);
        buf_byte(line, '}');
    }
    buf_byte(line, ']');
}

static void place_json(struct simulate *simulate, bool differs)
{
    struct buf *line = &simulate->line;
    buf_byte(line, '{');
    json_member_text(line, "kind", SPAN_OF("level"));
    json_member_text(line, "sku", buf_view(&simulate->sku));
    json_member_text(line, "location", buf_view(&simulate->location));
    member_bool(line, "differs", differs);
    add_level(simulate, SIMULATE_NOW);
    add_level(simulate, SIMULATE_THEN);
    add_pairs(simulate);
    buf_byte(line, '}');
}

static void place_table(struct simulate *simulate)
{
    struct buf *line = &simulate->line;
    const struct contract *then = simulate->contracts[SIMULATE_THEN];
    buf_format(line, "level    %.*s at %.*s: ", SPAN_ARGS(buf_view(&simulate->sku)),
               SPAN_ARGS(buf_view(&simulate->location)));
    for (int side = 0; side < SIMULATE_SIDES; side++) {
        const struct level *level = level_of(simulate, side);
        buf_format(line, "%s%s", side > 0 ? " -> " : "",
                   number_of(level->exists, level->quantity).text);
        if (level->exists)
            buf_format(line, " of %.*s", SPAN_ARGS(source_of(simulate, side)));
    }
    for (size_t shop = 0; shop < then->shop_count; shop++) {
        if (!simulate_has_pair(simulate, SIMULATE_THEN, shop))
            continue;
        const struct desired before = desired_now(simulate, shop);
        const struct desired *after = &simulate->views[SIMULATE_THEN].desired[shop];
        buf_format(line, "; %.*s %s -> %s", SPAN_ARGS(then->shops[shop].name),
                   number_of(before.known, before.quantity).text,
                   number_of(after->known, after->quantity).text);
    }
}

void simulate_print_place(struct simulate *simulate)
{
    bool differs = simulate_level_differs(simulate);
    for (size_t shop = 0; shop < simulate->contracts[SIMULATE_THEN]->shop_count; shop++)
        differs = differs || (simulate_has_pair(simulate, SIMULATE_THEN, shop) &&
                              simulate_pair_differs(simulate, shop));
    if (!differs && !simulate->all)
        return;
    if (simulate->output == OUTPUT_TABLE)
        place_table(simulate);
    else
        place_json(simulate, differs);
    put_row(simulate);
}

/* ---- a finding ----------------------------------------------------------------------------- */

/* Nulls where the shop showed what it would have had to. */
static void add_decision(struct buf *line, const struct simulate_finding *found)
{
    struct span action = {0};
    struct span rule = {0};
    struct span bar = {0};
    if (!found->is_gone) {
        action = span_from(policy_action_name(found->decision.action));
        rule = found->decision.verdict.rule->id;
        if (found->decision.bar[0] != '\0')
            bar = span_from(found->decision.bar);
    }
    json_member_text(line, "do", action);
    json_member_text(line, "rule", rule);
    json_member_text(line, "bar", bar);
}

static void finding_json(struct simulate *simulate, const struct simulate_finding *found,
                         bool differs)
{
    struct buf *line = &simulate->line;
    const struct finding *finding = &found->row->finding;
    const struct finding *then = &found->then;
    buf_byte(line, '{');
    json_member_text(line, "kind", SPAN_OF("finding"));
    json_member_text(line, "sku", finding->sku);
    json_member_text(line, "location", finding->location);
    json_member_text(line, "finding_id", finding->id);
    json_member_text(line, "shop", finding->shop);
    json_member_text(line, "cause", span_from(cause_kind(finding->cause)->name));
    json_member_time(line, "observed_at", finding->observed_at_us);
    member_bool(line, "differs", differs);
    open_object(line, SIDES[SIMULATE_NOW]);
    json_member_text(line, "do", span_from(policy_action_name(found->now)));
    json_member_text(line, "rule", found->now_rule);
    json_member_number_or_null(line, "desired", finding->has_desired, finding->desired);
    json_member_number(line, "residual", finding->residual);
    buf_byte(line, '}');
    open_object(line, SIDES[SIMULATE_THEN]);
    add_decision(line, found);
    json_member_number_or_null(line, "desired", then->has_desired, then->desired);
    json_member_number(line, "residual", then->residual);
    buf_text(line, "}}");
}

static void finding_table(struct simulate *simulate, const struct simulate_finding *found)
{
    struct buf *line = &simulate->line;
    const struct finding *finding = &found->row->finding;
    buf_format(line, "finding  %.*s at %.*s in %.*s, %s %+" PRId64 ": %s (%.*s) -> ",
               SPAN_ARGS(finding->sku), SPAN_ARGS(finding->location),
               SPAN_ARGS(finding->shop), cause_kind(finding->cause)->name,
               finding->residual, policy_action_name(found->now),
               SPAN_ARGS(found->now_rule));
    if (found->is_gone) {
        buf_text(line, "no difference");
        return;
    }
    buf_format(line, "%s (%.*s", policy_action_name(found->decision.action),
               SPAN_ARGS(found->decision.verdict.rule->id));
    if (found->decision.bar[0] != '\0')
        buf_format(line, ", barred: %s", found->decision.bar);
    buf_byte(line, ')');
    if (found->then.residual != finding->residual)
        buf_format(line, ", %+" PRId64, found->then.residual);
}

void simulate_print_finding(struct simulate *simulate,
                            const struct simulate_finding *found)
{
    bool differs = found->is_gone || found->now != found->decision.action ||
                   found->then.residual != found->row->finding.residual;
    if (!differs && !simulate->all)
        return;
    if (simulate->output == OUTPUT_TABLE)
        finding_table(simulate, found);
    else
        finding_json(simulate, found, differs);
    put_row(simulate);
}

/* ---- the sums ------------------------------------------------------------------------------ */

static void add_pair_of_numbers(struct buf *line, const char *name,
                                const int64_t numbers[SIMULATE_SIDES])
{
    open_object(line, name);
    for (int side = 0; side < SIMULATE_SIDES; side++)
        json_member_number(line, SIDES[side], numbers[side]);
    buf_byte(line, '}');
}

static void add_outcomes(struct buf *line, const struct simulate_counts *counts)
{
    open_object(line, "outcomes");
    for (int side = 0; side < SIMULATE_SIDES; side++) {
        open_object(line, SIDES[side]);
        for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
            json_member_number(line, outcome_name((enum outcome)outcome),
                               counts->outcomes[side][outcome]);
        buf_byte(line, '}');
    }
    json_member_number(line, "differ", counts->outcomes_differ);
    buf_byte(line, '}');
}

static void add_findings(struct buf *line, const struct simulate_counts *counts)
{
    open_object(line, "findings");
    json_member_number(line, "count", counts->findings);
    for (int side = 0; side < SIMULATE_SIDES; side++) {
        open_object(line, SIDES[side]);
        for (int action = 0; action < POLICY_ACTION_COUNT; action++)
            json_member_number(line, policy_action_name((enum policy_action)action),
                               counts->actions[side][action]);
        buf_byte(line, '}');
    }
    json_member_number(line, "gone", counts->findings_gone);
    json_member_number(line, "differ", counts->actions_differ);
    buf_byte(line, '}');
}

/* Comparisons of which a guard of the tried file would have stopped the repairs. */
static void add_stops(struct simulate *simulate)
{
    struct buf *line = &simulate->line;
    bool any = false;
    json_name(line, "stopped_runs");
    buf_byte(line, '[');
    for (size_t at = 0; at < simulate->run_count; at++) {
        const struct simulate_run *run = &simulate->runs[at];
        enum guard guard = GUARD_COUNT;
        if (!guard_of_run(&simulate->contracts[SIMULATE_THEN]->guards, &run->run, &guard))
            continue;
        buf_text(line, any ? ",{" : "{");
        any = true;
        json_member_number(line, "run", run->id);
        json_member_text(line, "shop", run->shop);
        json_member_text(line, "guard", span_from(guard_kind(guard)->id));
        json_member_number(line, "changes", run->run.changes);
        buf_byte(line, '}');
    }
    buf_byte(line, ']');
}

static void summary_json(struct simulate *simulate)
{
    struct buf *line = &simulate->line;
    const struct simulate_counts *counts = &simulate->counts;
    buf_byte(line, '{');
    json_member_text(line, "kind", SPAN_OF("summary"));
    json_member_text(line, "now", span_from(simulate->contracts[SIMULATE_NOW]->digest));
    json_member_text(line, "then", span_from(simulate->contracts[SIMULATE_THEN]->digest));
    json_member_time(line, "since", simulate->span.since_us);
    json_name(line, "until");
    if (simulate->span.has_until)
        json_time(line, simulate->span.until_us);
    else
        buf_text(line, "null");
    json_name(line, "ledger_whole_since");
    if (simulate->has_dropped)
        json_time(line, simulate->whole_since_us);
    else
        buf_text(line, "null");
    json_member_number(line, "rows", counts->rows);
    json_member_number(line, "as_recorded", counts->as_recorded);
    json_member_number(line, "events", counts->events);
    add_outcomes(line, counts);
    json_member_number(line, "levels", counts->levels);
    json_member_number(line, "levels_differ", counts->levels_differ);
    json_member_number(line, "pairs", counts->pairs);
    json_member_number(line, "pairs_differ", counts->pairs_differ);
    add_pair_of_numbers(line, "pushes", counts->pushes);
    add_pair_of_numbers(line, "oversold_units", counts->oversold);
    add_findings(line, counts);
    add_stops(simulate);
    buf_byte(line, '}');
}

static void print_row(const char *name, int64_t now, int64_t then)
{
    printf("%-26s %12" PRId64 " %12" PRId64 "%s\n", name, now, then,
           now == then ? "" : "  *");
}

static void print_stops(const struct simulate *simulate)
{
    for (size_t at = 0; at < simulate->run_count; at++) {
        const struct simulate_run *run = &simulate->runs[at];
        enum guard guard = GUARD_COUNT;
        if (guard_of_run(&simulate->contracts[SIMULATE_THEN]->guards, &run->run, &guard))
            printf("run %" PRId64 " of %.*s would have been stopped: %s\n", run->id,
                   SPAN_ARGS(run->shop), guard_kind(guard)->why);
    }
}

static void summary_table(const struct simulate *simulate)
{
    const struct simulate_counts *counts = &simulate->counts;
    char name[64];
    printf("%s%-26s %12s %12s\n", simulate->printed > 0 ? "\n" : "", "", "NOW", "THEN");
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        if (counts->outcomes[SIMULATE_NOW][outcome] == 0 &&
            counts->outcomes[SIMULATE_THEN][outcome] == 0)
            continue;
        (void)snprintf(name, sizeof name, "events %s",
                       outcome_name((enum outcome)outcome));
        print_row(name, counts->outcomes[SIMULATE_NOW][outcome],
                  counts->outcomes[SIMULATE_THEN][outcome]);
    }
    for (int action = 0; action < POLICY_ACTION_COUNT; action++) {
        (void)snprintf(name, sizeof name, "findings to %s",
                       policy_action_name((enum policy_action)action));
        print_row(name, counts->actions[SIMULATE_NOW][action],
                  counts->actions[SIMULATE_THEN][action]);
    }
    print_row("findings", counts->findings, counts->findings - counts->findings_gone);
    print_row("numbers to push", counts->pushes[SIMULATE_NOW],
              counts->pushes[SIMULATE_THEN]);
    print_row("units oversold", counts->oversold[SIMULATE_NOW],
              counts->oversold[SIMULATE_THEN]);
    printf("\n%" PRId64 " of %" PRId64 " levels differ, %" PRId64 " of %" PRId64
           " numbers of shops\n",
           counts->levels_differ, counts->levels, counts->pairs_differ, counts->pairs);
    print_stops(simulate);
    if (counts->as_recorded < counts->rows)
        printf("%" PRId64 " of %" PRId64 " rows of the ledger were judged as the newest "
               "file judges them: the others are older than it, or than the ledger\n",
               counts->as_recorded, counts->rows);
}

void simulate_print_begin(struct simulate *simulate)
{
    if (simulate->output == OUTPUT_JSON)
        puts("{\"rows\":[");
}

void simulate_print_end(struct simulate *simulate)
{
    if (simulate->output == OUTPUT_TABLE) {
        summary_table(simulate);
        return;
    }
    summary_json(simulate);
    if (simulate->line.failed)
        return;
    if (simulate->output == OUTPUT_JSON)
        printf("],\"summary\":%s}\n", simulate->line.bytes);
    else
        puts(simulate->line.bytes);
}
