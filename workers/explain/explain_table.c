/*
 * A location for people, in 80 columns: what happened, in order; the level that it leaves, and
 * the readings behind it; then the shops (explain_shops.c) and incidents. Times are UTC.
 */
#include "workers/explain/explain_table.h"

#include "common/base/check.h"
#include "common/codec/traceparent.h"
#include "common/domain/judge.h"

#include <inttypes.h>
#include <stdio.h>

#define DETAIL_INDENT 21 /* under the words, past the time */

struct moment table_moment(bool present, int64_t us)
{
    struct moment moment = {"never"};
    if (!present)
        return moment;
    rfc3339_format(us, moment.text);
    moment.text[10] = ' ';
    moment.text[19] = '\0';
    return moment;
}

struct number table_number(bool present, int64_t value)
{
    struct number number = {"none"};
    if (present)
        (void)snprintf(number.text, sizeof(number.text), "%" PRId64, value);
    return number;
}

struct lines table_lines(struct explain *explain, size_t indent)
{
    return (struct lines){
        .out = &explain->line, .colour = explain->colour, .indent = indent};
}

void table_title(struct lines *lines, const char *text)
{
    lines_end(lines);
    lines_paint(lines, PAINT_BOLD);
    lines_text(lines, span_from(text));
    lines_paint(lines, PAINT_PLAIN);
    lines_end(lines);
}

static void open_table(struct explain *explain)
{
    struct lines lines = table_lines(explain, 4);
    const struct span location = explain->told.location;
    if (explain->places_told > 0)
        lines_end(&lines);
    lines_paint(&lines, PAINT_BOLD);
    lines_format(&lines, "SKU %.*s", SPAN_ARGS(explain->question.sku));
    if (location.length > 0)
        lines_piece_format(&lines, "at %.*s", SPAN_ARGS(location));
    else
        lines_words(&lines,
                    SPAN_OF("without a location (its orders count at every one)"));
    if (explain->question.has_at)
        lines_piece_format(&lines, "as it was known at %s",
                           table_moment(true, explain->question.at_us).text);
    lines_paint(&lines, PAINT_PLAIN);
    lines_end(&lines);
    table_title(&lines, "history");
    if (explain->found.has_dropped)
        buf_format(&explain->line, "(rows judged before %s are gone: retention)\n",
                   table_moment(true, explain->found.whole_since_us).text);
}

/* ---- what happened ------------------------------------------------------------------------- */

static void begin_entry(struct lines *lines, int64_t at_us, const char *word,
                        enum paint paint)
{
    lines_format(lines, "%s  ", table_moment(true, at_us).text);
    lines_paint(lines, paint);
    lines_format(lines, "%-10s", word);
    lines_paint(lines, PAINT_PLAIN);
}

static enum paint paint_of(int outcome)
{
    if (outcome == OUTCOME_APPLIED)
        return PAINT_GOOD;
    return outcome == OUTCOME_UNCHANGED ? PAINT_PLAIN : PAINT_WARN;
}

static void add_trace(struct lines *lines, struct span traceparent)
{
    struct span id = traceparent_trace_id(traceparent);
    if (id.bytes != NULL)
        lines_piece_format(lines, "trace %.*s", SPAN_ARGS(id));
}

static void add_origin(struct lines *lines, const struct explain_event *event)
{
    lines_piece_format(lines, "%.*s/%" PRId64 "/%" PRId64, SPAN_ARGS(event->topic),
                       event->partition, event->offset);
    if (event->has_version)
        lines_piece_format(lines, "version %" PRId64, event->version);
    if (event->event_id.bytes != NULL)
        lines_piece_format(lines, "id %.*s", SPAN_ARGS(event->event_id));
    if (event->reference.bytes != NULL)
        lines_piece_format(lines, "reference %.*s", SPAN_ARGS(event->reference));
    add_trace(lines, event->traceparent);
}

static void event_table(struct explain *explain, const struct explain_event *event)
{
    struct lines lines = table_lines(explain, DETAIL_INDENT);
    const struct rule *rule = judge_rule_by_number(event->rule);
    begin_entry(&lines, event->judged_at_us, outcome_name((enum outcome)event->outcome),
                paint_of(event->outcome));
    lines_piece_format(&lines, "%s -> %s",
                       table_number(event->has_before, event->before).text,
                       table_number(event->has_after, event->after).text);
    lines_piece_format(&lines, "%s %" PRId64,
                       event_type_name((enum event_type)event->type), event->quantity);
    lines_piece_format(&lines, "of %.*s", SPAN_ARGS(event->source));
    lines_end(&lines);
    lines_paint(&lines, PAINT_DIM);
    lines_piece_format(&lines, "rule %d %s:", event->rule, rule != NULL ? rule->id : "?");
    lines_words(&lines,
                span_from(rule != NULL ? rule->why : "a rule of a newer parstock"));
    lines_end(&lines);
    lines_piece_format(&lines, "occurred %s",
                       table_moment(true, event->occurred_at_us).text);
    add_origin(&lines, event);
    lines_paint(&lines, PAINT_PLAIN);
    lines_end(&lines);
}

static void write_table(struct explain *explain, const struct explain_write *write)
{
    struct lines lines = table_lines(explain, DETAIL_INDENT);
    bool applied = span_is(write->state, "applied");
    begin_entry(&lines,
                write->has_settled_at ? write->settled_at_us : write->created_at_us,
                "write", applied ? PAINT_GOOD : PAINT_WARN);
    lines_piece_format(&lines, "%s -> %" PRId64,
                       table_number(write->has_from, write->from).text, write->to);
    lines_piece_format(&lines, "in %.*s", SPAN_ARGS(write->shop));
    lines_piece_format(&lines, "%.*s,", SPAN_ARGS(write->state));
    lines_piece_format(&lines, "%" PRId64 " tries", write->attempts);
    lines_words(&lines, write->detail);
    lines_end(&lines);
    lines_paint(&lines, PAINT_DIM);
    lines_piece_format(&lines, "write %" PRId64 " of %s", write->id,
                       table_moment(true, write->created_at_us).text);
    lines_piece_format(&lines, "key %.*s", SPAN_ARGS(write->key));
    add_trace(&lines, write->traceparent);
    lines_paint(&lines, PAINT_PLAIN);
    lines_end(&lines);
}

static void movement_words(struct lines *lines, const struct explain_other *other)
{
    lines_piece_format(lines, "%" PRId64 " units", other->first);
    lines_piece_format(lines, "in %.*s,", SPAN_ARGS(other->shop));
    lines_words(lines, SPAN_OF("gone when its level was read"));
}

static void action_words(struct lines *lines, const struct explain_other *other)
{
    lines_piece_format(lines, "%.*s", SPAN_ARGS(other->word));
    lines_piece_format(lines, "in %.*s", SPAN_ARGS(other->shop));
    lines_piece_format(lines, "by %.*s", SPAN_ARGS(other->actor));
    if (other->detail.length > 0)
        lines_piece_format(lines, "(%.*s)", SPAN_ARGS(other->detail));
    if (other->has_second)
        lines_piece_format(lines, "left it showing %" PRId64, other->second);
    lines_piece_format(lines, "%.*s", SPAN_ARGS(other->id));
}

static void check_words(struct lines *lines, const struct explain_other *other)
{
    lines_piece_format(lines, "%" PRId64 " on the shelf,", other->first);
    lines_piece_format(
        lines, "%s in the books:", table_number(other->has_second, other->second).text);
    lines_piece_format(lines, "%.*s", SPAN_ARGS(other->word));
    lines_piece_format(lines, "by %.*s", SPAN_ARGS(other->actor));
}

static void other_table(struct explain *explain, const struct explain_other *other)
{
    static const struct {
        const char *word;
        enum paint paint;
        void (*words)(struct lines *lines, const struct explain_other *other);
    } KINDS[EXPLAIN_KIND_COUNT] = {
        [EXPLAIN_MOVEMENT] = {"missing", PAINT_WARN, movement_words},
        [EXPLAIN_ACTION] = {"action", PAINT_PLAIN, action_words},
        [EXPLAIN_CHECK] = {"counted", PAINT_PLAIN, check_words},
    };
    struct lines lines = table_lines(explain, DETAIL_INDENT);
    begin_entry(&lines, other->at_us, KINDS[other->kind].word, KINDS[other->kind].paint);
    KINDS[other->kind].words(&lines, other);
    lines_end(&lines);
}

static void finding_table(struct explain *explain, const struct drift_finding *finding)
{
    struct lines lines = table_lines(explain, DETAIL_INDENT);
    begin_entry(&lines, finding->observed_at_us, "finding", PAINT_BAD);
    lines_piece_format(&lines, "%.*s shows %s,", SPAN_ARGS(finding->shop),
                       table_number(finding->shown.known, finding->shown.units).text);
    lines_piece_format(&lines, "should %s,",
                       table_number(finding->desired.known, finding->desired.units).text);
    lines_piece_format(&lines, "%+" PRId64 ":", finding->residual);
    lines_piece_format(&lines, "%.*s (%.*s)", SPAN_ARGS(finding->cause),
                       SPAN_ARGS(finding->rule));
    lines_piece_format(&lines, "%.*s", SPAN_ARGS(finding->id));
    lines_end(&lines);
}

/* ---- the level and its readings ----------------------------------------------------------------- */

static void add_problems(struct lines *lines, const struct explain_told *told)
{
    for (size_t at = 0; at < told->problem_count && at < EXPLAIN_PROBLEMS_MAX; at++)
        buf_format(lines->out, "  %.*s\n", SPAN_ARGS(told->problems[at]));
    if (told->problem_count > EXPLAIN_PROBLEMS_MAX)
        buf_format(lines->out, "  and %zu more\n",
                   told->problem_count - EXPLAIN_PROBLEMS_MAX);
}

static void add_sum(struct explain *explain)
{
    struct lines lines = table_lines(explain, 2);
    const struct explain_told *told = &explain->told;
    const struct explain_level level = explain_level(explain);
    bool sums = told->problem_count == 0;
    if (told->events == 0)
        buf_text(&explain->line, "no row of the ledger\n");
    lines_end(&lines);
    lines_paint(&lines, PAINT_BOLD);
    lines_format(&lines, "level %s", table_number(level.exists, level.quantity).text);
    if (level.exists && level.source.bytes != NULL)
        lines_format(&lines, " of %.*s", SPAN_ARGS(level.source));
    lines_paint(&lines, PAINT_PLAIN);
    lines_paint(&lines, sums ? PAINT_GOOD : PAINT_BAD);
    lines_format(&lines, sums ? ": the lines sum to it" : ": THE LINES DO NOT SUM TO IT");
    lines_paint(&lines, PAINT_PLAIN);
    lines_end(&lines);
    add_problems(&lines, told);
}

static void add_quantities(struct lines *lines, const struct explain_reading *item)
{
    const struct reading *reading = &item->reading;
    if (!reading->has_count) {
        lines_piece_format(lines, "%" PRId64, reading_quantity(reading));
        lines_words(lines, SPAN_OF("= its adjustments; no count yet"));
        return;
    }
    lines_piece_format(lines, "%" PRId64 " = %" PRId64 " counted",
                       reading_quantity(reading), reading->count);
    lines_piece_format(lines, "at %s", table_moment(true, reading->counted_at_us).text);
    lines_piece_format(lines, "%+" PRId64 " adjusted after it", reading->adjusted);
}

static void add_reading(struct explain *explain, const struct explain_reading *item)
{
    struct lines lines = table_lines(explain, 4);
    const struct reading *reading = &item->reading;
    struct buf why;
    buf_init(&why, 4096);
    explain_reading_why(explain, item, &why);
    lines_format(&lines, "  %.*s", SPAN_ARGS(item->source));
    if (explain_is_shop(explain, item->source)) {
        lines_piece_format(&lines, "saw %" PRId64 " at %s,", reading->count,
                           table_moment(reading->has_count, reading->counted_at_us).text);
        lines_piece_format(&lines, "%" PRId64 " ordered", reading->adjusted);
    } else {
        add_quantities(&lines, item);
    }
    lines_end(&lines);
    lines_paint(&lines, PAINT_DIM);
    lines_words(&lines, buf_view(&why));
    lines_paint(&lines, PAINT_PLAIN);
    lines_end(&lines);
    buf_free(&why);
}

static void add_readings(struct explain *explain)
{
    struct lines lines = table_lines(explain, 0);
    struct explain_reading reading;
    bool any = false;
    for (size_t at = 0; at < explain_reading_count(explain); at++) {
        if (!explain_reading_at(explain, at, &reading))
            continue;
        if (!any)
            table_title(&lines, "readings");
        any = true;
        add_reading(explain, &reading);
    }
}

/* ---- incidents -------------------------------------------------------------------------------------- */

static void incident_table(struct explain *explain, const struct incident_view *view)
{
    const struct incident *incident = &view->incident;
    struct lines lines = table_lines(explain, 4);
    lines_format(&lines, "  %.*s", SPAN_ARGS(incident->id));
    lines_paint(&lines, PAINT_BAD);
    lines_piece_format(&lines, "%.*s", SPAN_ARGS(incident->severity));
    lines_paint(&lines, PAINT_PLAIN);
    lines_piece_format(&lines, "%.*s", SPAN_ARGS(incident->class));
    lines_words(&lines, SPAN_OF("of"));
    lines_words(&lines, view->about);
    lines_piece_format(&lines, "(%s)", incident_state_name(incident->state));
    lines_piece_format(&lines, "seen %" PRId64 " times since %s", incident->occurrences,
                       table_moment(true, incident->opened_at_us).text);
    lines_end(&lines);
    lines_words(&lines, incident->remediation);
    if (incident->remediation.length > 0)
        lines_end(&lines);
}

static void add_incidents(struct explain *explain)
{
    struct lines lines = table_lines(explain, 0);
    bool any = false;
    for (const struct explain_note *at = explain->incidents; at != NULL; at = at->next) {
        if (at->location.bytes != NULL &&
            !span_equal(at->location, explain->told.location))
            continue;
        if (!any)
            table_title(&lines, "incidents");
        buf_span(&explain->line, at->text);
        any = true;
    }
}

static void close_table(struct explain *explain)
{
    add_sum(explain);
    add_readings(explain);
    explain_table_shops(explain);
    add_incidents(explain);
}

const struct explain_writer EXPLAIN_TABLE = {.open = open_table,
                                             .event = event_table,
                                             .close = close_table,
                                             .incident = incident_table,
                                             .finding = finding_table,
                                             .write = write_table,
                                             .other = other_table};
