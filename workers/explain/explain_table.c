/*
 * A location for people: the rows of the ledger, two lines each, then readings, shops,
 * writes and incidents. Times are UTC.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/rfc3339.h"
#include "common/domain/judge.h"
#include "workers/explain/explain.h"

#include <inttypes.h>

struct moment {
    char text[RFC3339_TEXT_MAX];
};

/* "2026-11-25 12:00:00" */
static struct moment moment_of(bool present, int64_t us)
{
    struct moment moment = {"never"};
    if (!present)
        return moment;
    rfc3339_format(us, moment.text);
    moment.text[10] = ' ';
    moment.text[19] = '\0';
    return moment;
}

static void add_number(struct buf *line, bool present, int64_t number)
{
    if (present)
        buf_number(line, number);
    else
        buf_text(line, "none");
}

/* Location and name of the whole table's part. */
static void open_table(struct explain *explain)
{
    struct buf *line = &explain->line;
    const struct span location = explain->told.location;
    buf_format(line, "%sSKU %.*s ", explain->places_told > 0 ? "\n" : "",
               SPAN_ARGS(explain->question.sku));
    if (location.length > 0)
        buf_format(line, "at %.*s", SPAN_ARGS(location));
    else
        buf_text(line, "without a location (its orders count at every one)");
    if (explain->question.has_at)
        buf_format(line, ", as it was known at %s",
                   moment_of(true, explain->question.at_us).text);
    buf_text(line, "\n\nledger\n");
    if (explain->found.has_dropped)
        buf_format(line, "  (rows judged before %s are gone: retention)\n",
                   moment_of(true, explain->found.whole_since_us).text);
}

/* ---- the ledger -------------------------------------------------------------------------------- */

static void add_origin(struct buf *line, const struct explain_event *event)
{
    buf_format(line, "%.*s/%" PRId64 "/%" PRId64, SPAN_ARGS(event->topic),
               event->partition, event->offset);
    if (event->has_version)
        buf_format(line, ", version %" PRId64, event->version);
    if (event->event_id.bytes != NULL)
        buf_format(line, ", id %.*s", SPAN_ARGS(event->event_id));
    if (event->reference.bytes != NULL)
        buf_format(line, ", reference %.*s", SPAN_ARGS(event->reference));
    buf_byte(line, '\n');
}

static void event_table(struct explain *explain, const struct explain_event *event)
{
    struct buf *line = &explain->line;
    const struct rule *rule = judge_rule_by_number(event->rule);
    buf_format(line, "  %s  %-12.*s %-14s %10" PRId64 "  %-9s  ",
               moment_of(true, event->judged_at_us).text, SPAN_ARGS(event->source),
               event_type_name((enum event_type)event->type), event->quantity,
               outcome_name((enum outcome)event->outcome));
    add_number(line, event->has_before, event->before);
    buf_text(line, " -> ");
    add_number(line, event->has_after, event->after);
    buf_format(line, "\n      rule %d %s: %s; occurred %s\n      ", event->rule,
               rule != NULL ? rule->id : "?",
               rule != NULL ? rule->why : "a rule of a newer parstock",
               moment_of(true, event->occurred_at_us).text);
    add_origin(line, event);
}

/* ---- the level and its readings ----------------------------------------------------------------- */

static void add_sum(struct explain *explain)
{
    struct buf *line = &explain->line;
    const struct explain_told *told = &explain->told;
    const struct explain_level level = explain_level(explain);
    if (told->events == 0)
        buf_text(line, "  no row\n");
    buf_text(line, "\nlevel ");
    add_number(line, level.exists, level.quantity);
    if (level.exists && level.source.bytes != NULL)
        buf_format(line, " of %.*s", SPAN_ARGS(level.source));
    buf_text(line, told->problem_count == 0 ? ": the lines sum to it\n"
                                            : ": THE LINES DO NOT SUM TO IT\n");
    for (size_t at = 0; at < told->problem_count && at < EXPLAIN_PROBLEMS_MAX; at++)
        buf_format(line, "  %.*s\n", SPAN_ARGS(told->problems[at]));
    if (told->problem_count > EXPLAIN_PROBLEMS_MAX)
        buf_format(line, "  and %zu more\n", told->problem_count - EXPLAIN_PROBLEMS_MAX);
}

static void add_reading(struct explain *explain, const struct explain_reading *item)
{
    struct buf *line = &explain->line;
    const struct reading *reading = &item->reading;
    buf_format(line, "  %-12.*s ", SPAN_ARGS(item->source));
    if (explain_is_shop(explain, item->source))
        buf_format(line, "saw %" PRId64 " at %s, %" PRId64 " ordered", reading->count,
                   moment_of(reading->has_count, reading->counted_at_us).text,
                   reading->adjusted);
    else if (reading->has_count)
        buf_format(line,
                   "%" PRId64 " = %" PRId64 " counted at %s %+" PRId64
                   " adjusted after it",
                   reading_quantity(reading), reading->count,
                   moment_of(true, reading->counted_at_us).text, reading->adjusted);
    else
        buf_format(line, "%" PRId64 " = its adjustments; no count yet",
                   reading_quantity(reading));
    buf_text(line, "\n      ");
    explain_reading_why(explain, item, line);
    buf_byte(line, '\n');
}

static void add_readings(struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    if (told->readings.first == told->readings.end)
        return;
    buf_text(&explain->line, "\nreadings\n");
    for (int row = told->readings.first; row < told->readings.end; row++) {
        const struct explain_reading reading =
            store_explain_reading(&explain->found, row);
        add_reading(explain, &reading);
    }
}

/* ---- shops ---------------------------------------------------------------------------------------- */

static void add_claim(struct explain *explain, size_t shop,
                      const struct pair_claim *claim)
{
    struct buf *line = &explain->line;
    for (size_t at = 0; at < explain->contract->shop_count; at++) {
        const struct shop_units *units = &claim->units[at];
        if (units->ordered == 0 && units->cancelled == 0 && units->gone == 0)
            continue;
        buf_format(line,
                   "%18s%.*s in %.*s: %" PRId64 " ordered (%" PRId64
                   " after the last read), %" PRId64 " missing at reads, %" PRId64
                   " cancelled: %" PRId64 " count\n",
                   "", SPAN_ARGS(claim->sku),
                   SPAN_ARGS(explain->contract->shops[at].name), units->ordered,
                   units->recent, units->gone, units->cancelled,
                   pair_claim_share(explain->contract, shop, claim, at));
    }
}

static void add_stocks(struct explain *explain, size_t shop,
                       const struct pair_decision *decision)
{
    struct buf *line = &explain->line;
    for (size_t at = 0; at < decision->stock_count; at++) {
        const struct pair_stock *stock = &decision->stocks[at];
        bool exists = stock->level.source >= 0;
        buf_format(line, "%16s%.*s", "", SPAN_ARGS(stock->sku));
        if (explain_is_kit(explain)) {
            buf_format(line, " (%" PRId64 " a kit): level ", stock->per_unit);
            add_number(line, exists, stock->level.quantity);
        }
        buf_format(line, "; sales after %s count, %" PRId64 " units\n",
                   moment_of(exists, stock->unseen_after_us).text,
                   pair_unseen(explain->contract, shop, stock));
        for (size_t claim = 0; claim < stock->claim_count; claim++)
            add_claim(explain, shop, &stock->claims[claim]);
    }
}

static void add_steps(struct explain *explain, struct span shop)
{
    struct buf *line = &explain->line;
    struct desired_step steps[DESIRED_STEPS_MAX];
    const struct pair_decision *decision = explain_decision(explain, shop);
    if (decision == NULL || !decision->is_decided)
        return;
    size_t count = desired_steps(&decision->input, steps);
    for (size_t at = 0; at < count; at++) {
        buf_format(line, "    %+11" PRId64 "  %-13s  %s\n", steps[at].change,
                   desired_rule_id(steps[at].rule),
                   explain_step_why(explain, steps[at].rule));
        if (steps[at].rule == explain_stock_rule(explain, steps))
            add_stocks(explain, (size_t)contract_shop(explain->contract, shop), decision);
    }
    if (count > 0)
        buf_format(line, "    %11" PRId64 "  in all\n", steps[count - 1].result);
    else
        buf_format(line, "              -  %-13s  %s\n",
                   desired_rule_id(decision->desired.rule),
                   explain_step_why(explain, decision->desired.rule));
}

static void add_shop(struct explain *explain, const struct explain_shop *shop)
{
    struct buf *line = &explain->line;
    const char *note = explain_shop_note(explain, shop);
    buf_format(line, "\nshop %.*s: desired ", SPAN_ARGS(shop->view.shop));
    add_number(line, shop->view.has_desired, shop->view.desired);
    buf_text(line, ", shown ");
    add_number(line, shop->view.has_shown, shop->view.shown);
    buf_format(line, " (%s): %.*s, %s\n",
               moment_of(shop->has_shown_at, shop->shown_at_us).text,
               SPAN_ARGS(shop->view.state), explain_state_why(shop->view.state));
    add_steps(explain, shop->view.shop);
    if (note[0] != '\0')
        buf_format(line, "    %s\n", note);
}

static void add_write(struct buf *line, const struct explain_write *write)
{
    buf_format(line, "  %-12.*s ", SPAN_ARGS(write->shop));
    add_number(line, write->has_from, write->from);
    buf_format(line,
               " -> %" PRId64 "  %.*s %s  %" PRId64 " tries  %.*s\n      write %" PRId64
               " of %s, key %.*s\n",
               write->to, SPAN_ARGS(write->state),
               moment_of(write->has_settled_at, write->settled_at_us).text,
               write->attempts, SPAN_ARGS(write->detail), write->id,
               moment_of(true, write->created_at_us).text, SPAN_ARGS(write->key));
}

static void add_shops(struct explain *explain)
{
    const struct explain_told *told = &explain->told;
    struct buf *line = &explain->line;
    for (int row = told->shops.first; !explain->question.has_at && row < told->shops.end;
         row++) {
        const struct explain_shop shop = store_explain_shop(&explain->found, row);
        add_shop(explain, &shop);
    }
    if (told->writes.first < told->writes.end)
        buf_format(line, "\nwrites, the newest first (at most %d a shop)\n",
                   EXPLAIN_WRITES_MAX);
    for (int row = told->writes.first; row < told->writes.end; row++) {
        const struct explain_write write = store_explain_write(&explain->found, row);
        add_write(line, &write);
    }
}

/* ---- incidents -------------------------------------------------------------------------------------- */

static void incident_table(struct buf *out, const struct incident_view *view)
{
    const struct incident *incident = &view->incident;
    buf_format(out, "  %.*s  %.*s  %.*s of %.*s, %s, seen %" PRId64 " times since %s\n",
               SPAN_ARGS(incident->id), SPAN_ARGS(incident->severity),
               SPAN_ARGS(incident->class), SPAN_ARGS(view->about),
               incident_state_name(incident->state), incident->occurrences,
               moment_of(true, incident->opened_at_us).text);
    if (incident->remediation.bytes != NULL)
        buf_format(out, "      %.*s\n", SPAN_ARGS(incident->remediation));
}

static void add_incidents(struct explain *explain)
{
    bool any = false;
    for (const struct explain_incident *at = explain->incidents; at != NULL;
         at = at->next) {
        if (at->location.bytes != NULL &&
            !span_equal(at->location, explain->told.location))
            continue;
        if (!any)
            buf_text(&explain->line, "\nincidents\n");
        buf_span(&explain->line, at->text);
        any = true;
    }
}

static void close_table(struct explain *explain)
{
    add_sum(explain);
    if (explain->question.has_at)
        buf_text(&explain->line,
                 "readings, and what the shops should show, are not worked "
                 "out again for the past\n");
    else
        add_readings(explain);
    add_shops(explain);
    add_incidents(explain);
}

const struct explain_writer EXPLAIN_TABLE = {.open = open_table,
                                             .event = event_table,
                                             .close = close_table,
                                             .incident = incident_table};
