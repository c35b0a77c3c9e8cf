/*
 * What happened to a SKU at all its locations, as lines in order of time: the ledger's events,
 * writes to the shops, findings and what was done about them, shelves that were counted, units
 * that were found missing, and incidents. The newest are kept, whatever the order in which they
 * come; texts are cut off where they are longer than a person reads.
 */
#include "common/base/check.h"
#include "common/domain/judge.h"
#include "common/io/store_drift.h"
#include "common/io/store_incidents.h"
#include "workers/console/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the newest ---------------------------------------------------------------------------- */

static int newest_first(const void *left, const void *right)
{
    const struct console_line *one = left;
    const struct console_line *other = right;
    if (one->at_us != other->at_us)
        return one->at_us > other->at_us ? -1 : 1;
    return one->order > other->order ? -1 : one->order < other->order;
}

size_t console_lines_sort(struct console_lines *lines)
{
    qsort(lines->lines, lines->count, sizeof(lines->lines[0]), newest_first);
    if (lines->count > CONSOLE_LINES_MAX)
        lines->count = CONSOLE_LINES_MAX;
    return lines->count;
}

const struct console_line *console_lines_at(const struct console_lines *lines, size_t at)
{
    ASSERT(at < lines->count);
    return &lines->lines[at];
}

struct console_line *console_line(struct console_lines *lines, int64_t at_us,
                                  const char *what)
{
    if (lines->count == COUNT_OF(lines->lines))
        (void)console_lines_sort(lines);
    struct console_line *line = &lines->lines[lines->count++];
    *line = (struct console_line){.at_us = at_us, .order = lines->taken++};
    (void)snprintf(line->what, sizeof(line->what), "%s", what);
    return line;
}

void console_line_say(struct console_line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line->said, sizeof(line->said), format, arguments);
    va_end(arguments);
}

static void name_place(struct console_line *line, struct span location, struct span by)
{
    (void)snprintf(line->location, sizeof(line->location), "%.*s", SPAN_ARGS(location));
    (void)snprintf(line->by, sizeof(line->by), "%.*s", SPAN_ARGS(by));
}

static void count_line(struct console_line *line, bool has_number, int64_t number)
{
    line->has_number = has_number;
    line->number = number;
}

/* ---- the ledger ---------------------------------------------------------------------------- */

enum status console_lines_event(void *self, const struct explain_event *event,
                                struct error *error)
{
    const struct rule *rule = judge_rule_by_number(event->rule);
    struct console_line *line = console_line(self, event->judged_at_us,
                                             outcome_name((enum outcome)event->outcome));
    (void)error;
    name_place(line, event->location, event->source);
    count_line(line, true, event->quantity);
    line->has_level = event->has_after;
    line->level = event->after;
    console_line_say(
        line, "%s; %s: %s; at %" PRId64 "/%" PRId64 "%s%.*s%s%.*s",
        event_type_name((enum event_type)event->type), rule != NULL ? rule->id : "?",
        rule != NULL ? rule->why : "", event->partition, event->offset,
        event->event_id.bytes != NULL ? ", id " : "", SPAN_ARGS(event->event_id),
        event->reference.bytes != NULL ? ", reference " : "",
        SPAN_ARGS(event->reference));
    return STATUS_OK;
}

/* ---- the shops ----------------------------------------------------------------------------- */

static void add_write(struct console_lines *lines, const struct explain_write *write)
{
    struct console_line *line = console_line(
        lines, write->has_settled_at ? write->settled_at_us : write->created_at_us,
        "write");
    name_place(line, write->location, write->shop);
    count_line(line, true, write->to);
    console_line_say(line, "%.*s; %" PRId64 " tries; write %" PRId64 "%s%.*s",
                     SPAN_ARGS(write->state), write->attempts, write->id,
                     write->detail.length > 0 ? "; " : "", SPAN_ARGS(write->detail));
}

/* An order stands in the ledger; what a read found missing stands nowhere else. */
static void add_movement(struct console_lines *lines, const struct explain_other *other)
{
    if (!span_is(other->word, "missing"))
        return;
    struct console_line *line = console_line(lines, other->at_us, "missing");
    name_place(line, other->location, other->shop);
    count_line(line, other->has_first, other->first);
    console_line_say(line, "units gone when the shop's level was read");
}

static void add_action(struct console_lines *lines, const struct explain_other *other)
{
    struct console_line *line = console_line(lines, other->at_us, "action");
    name_place(line, other->location, other->actor);
    count_line(line, other->has_second, other->second);
    console_line_say(
        line, "%.*s in %.*s%s%.*s%s", SPAN_ARGS(other->word), SPAN_ARGS(other->shop),
        other->detail.length > 0 ? "; " : "", SPAN_ARGS(other->detail),
        other->has_second ? "; the number is what it left the shop showing" : "");
}

static void add_check(struct console_lines *lines, const struct explain_other *other)
{
    char books[32] = "nothing";
    struct console_line *line = console_line(lines, other->at_us, "counted");
    if (other->has_second)
        (void)snprintf(books, sizeof(books), "%" PRId64, other->second);
    name_place(line, other->location, other->actor);
    count_line(line, true, other->first);
    console_line_say(line, "on the shelf; %s in the books: %.*s%s%.*s", books,
                     SPAN_ARGS(other->word), other->detail.length > 0 ? "; " : "",
                     SPAN_ARGS(other->detail));
}

static void add_found(struct console_lines *lines, const struct explain_found *found)
{
    static void (*const ADD[EXPLAIN_KIND_COUNT])(struct console_lines * lines,
                                                 const struct explain_other *other) = {
        [EXPLAIN_MOVEMENT] = add_movement,
        [EXPLAIN_ACTION] = add_action,
        [EXPLAIN_CHECK] = add_check,
    };
    for (int row = 0; row < found->writes.count; row++) {
        const struct explain_write write = store_explain_write(found, row);
        add_write(lines, &write);
    }
    for (int row = 0; row < found->others.count; row++) {
        const struct explain_other other = store_explain_other(found, row);
        ADD[other.kind](lines, &other);
    }
}

/* ---- findings and incidents ---------------------------------------------------------------- */

static enum status add_finding(void *self, const struct drift_finding *finding,
                               struct error *error)
{
    char desired[32] = "nothing";
    struct console_line *line = console_line(self, finding->observed_at_us, "finding");
    (void)error;
    if (finding->desired.known)
        (void)snprintf(desired, sizeof(desired), "%" PRId64, finding->desired.units);
    name_place(line, finding->location, finding->shop);
    count_line(line, finding->shown.known, finding->shown.units);
    console_line_say(line, "shown, should be %s: %.*s (%.*s); %.*s", desired,
                     SPAN_ARGS(finding->cause), SPAN_ARGS(finding->rule),
                     SPAN_ARGS(finding->id));
    return STATUS_OK;
}

static void add_incident_at(struct console_lines *lines, const struct incident *incident,
                            int64_t at_us, const char *happened)
{
    struct console_line *line = console_line(lines, at_us, "incident");
    name_place(line, incident->location, incident->shop);
    count_line(line, true, incident->occurrences);
    console_line_say(line, "%s: %.*s, %.*s; the number is how often it was seen",
                     happened, SPAN_ARGS(incident->class), SPAN_ARGS(incident->severity));
    (void)snprintf(line->incident, sizeof(line->incident), "%.*s",
                   SPAN_ARGS(incident->id));
}

static enum status add_incident(void *self, const struct incident_view *view,
                                struct error *error)
{
    const struct incident *incident = &view->incident;
    (void)error;
    add_incident_at(self, incident, incident->opened_at_us, "opened");
    if (incident->state != INCIDENT_OPENED)
        add_incident_at(self, incident, incident->at_us,
                        incident_state_name(incident->state));
    return STATUS_OK;
}

enum status console_lines_gather(struct console_lines *lines, struct postgres *postgres,
                                 struct span sku, const struct explain_found *found,
                                 struct error *error)
{
    const struct drift_filter findings = {.sku = sku, .limit = CONSOLE_LINES_MAX};
    const struct drift_visitor each_finding = {.each = add_finding, .self = lines};
    const struct incident_filter incidents = {.resolved = true, .sku = sku};
    const struct incident_visitor each_incident = {.each = add_incident, .self = lines};
    add_found(lines, found);
    enum status status = store_drift_findings(postgres, &findings, &each_finding, error);
    if (status == STATUS_OK)
        status = store_incidents_list(postgres, &incidents, &each_incident, error);
    return status;
}
