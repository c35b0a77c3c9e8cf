/*
 * Incidents as people and scripts read them.
 */
#include "common/base/check.h"
#include "common/codec/incident_json.h"
#include "common/codec/rfc3339.h"
#include "common/io/store_alerts.h"
#include "workers/incidents/incidents.h"

#include <stdio.h>

#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024)

struct printer {
    enum output output;
    struct buf line;
    size_t printed;
};

/* ---- JSON ------------------------------------------------------------------------------- */

static void open_json(struct printer *printer, const struct incident_view *view)
{
    struct buf *line = &printer->line;
    buf_clear(line);
    buf_byte(line, '{');
    incident_json_members(&view->incident, line);
    json_member_number(line, "occurrences", view->incident.occurrences);
    json_member_number(line, "revision", view->incident.revision);
    json_member_time(line, "last_seen_at", view->last_seen_at_us);
}

static enum status print_json(void *self, const struct incident_view *view,
                              struct error *error)
{
    struct printer *printer = self;
    open_json(printer, view);
    buf_byte(&printer->line, '}');
    if (printer->line.failed)
        return error_set(error, STATUS_FATAL, "incidents: out of memory");
    printf("%s%s\n", printer->output == OUTPUT_JSON && printer->printed++ > 0 ? "," : "",
           printer->line.bytes);
    return STATUS_OK;
}

static enum status add_log_json(void *self, const struct incident_log_view *view,
                                struct error *error)
{
    (void)error;
    struct buf *line = &((struct printer *)self)->line;
    const struct incident *incident = &view->incident;
    if (incident->revision > 1)
        buf_byte(line, ',');
    buf_byte(line, '{');
    json_member_text(line, "state", span_from(incident_state_name(incident->state)));
    json_member_time(line, "at", incident->at_us);
    json_member_text(line, "actor", incident->actor);
    json_member_number(line, "occurrences", incident->occurrences);
    json_member_text(line, "root_cause", incident->root_cause);
    json_member_text(line, "remediation", incident->remediation);
    json_member_text(line, "note", view->note);
    buf_byte(line, '}');
    return STATUS_OK;
}

/* ---- table ------------------------------------------------------------------------------- */

/* "2026-11-25 12:00", in UTC. */
static void time_text(int64_t us, char room[RFC3339_TEXT_MAX])
{
    rfc3339_format(us, room);
    room[10] = ' ';
    room[16] = '\0';
}

static enum status print_row(void *self, const struct incident_view *view,
                             struct error *error)
{
    (void)error;
    struct printer *printer = self;
    const struct incident *incident = &view->incident;
    char opened[RFC3339_TEXT_MAX];
    time_text(incident->opened_at_us, opened);
    if (printer->printed++ == 0)
        printf("%-20s %-8s %-12s %6s %-16s %s\n", "INCIDENT", "SEVERITY", "STATE", "SEEN",
               "OPENED (UTC)", "WHAT");
    printf("%-20.*s %-8.*s %-12s %6lld %-16s %.*s %.*s\n", SPAN_ARGS(incident->id),
           SPAN_ARGS(incident->severity), incident_state_name(incident->state),
           (long long)incident->occurrences, opened, SPAN_ARGS(incident->class),
           SPAN_ARGS(view->about));
    return STATUS_OK;
}

static void print_field(const char *name, struct span text)
{
    if (text.bytes != NULL)
        printf("%-12s %.*s\n", name, SPAN_ARGS(text));
}

static void print_time(const char *name, int64_t us)
{
    char text[RFC3339_TEXT_MAX];
    rfc3339_format(us, text);
    print_field(name, span_from(text));
}

static void print_whole(const struct incident_view *view)
{
    const struct incident *incident = &view->incident;
    print_field("incident", incident->id);
    print_field("state", span_from(incident_state_name(incident->state)));
    print_field("class", incident->class);
    print_field("severity", incident->severity);
    print_field("cause", incident->cause);
    print_field("about", view->about);
    print_field("location", incident->location);
    print_field("root cause", incident->root_cause);
    print_field("to do", incident->remediation);
    print_field("runbook", incident->runbook_url);
    print_field("hand-off", incident->handoff);
    printf("%-12s %lld\n", "seen", (long long)incident->occurrences);
    print_time("opened", incident->opened_at_us);
    print_time("last seen", view->last_seen_at_us);
    print_field("evidence", incident->evidence);
}

static enum status print_log_row(void *self, const struct incident_log_view *view,
                                 struct error *error)
{
    (void)error;
    struct printer *printer = self;
    const struct incident *incident = &view->incident;
    char at[RFC3339_TEXT_MAX];
    time_text(incident->at_us, at);
    if (printer->printed++ == 0)
        printf("\n%-16s %-12s %-12s %8s %s\n", "AT (UTC)", "STATE", "BY", "SEEN", "NOTE");
    printf("%-16s %-12s %-12.*s %8lld %.*s\n", at, incident_state_name(incident->state),
           SPAN_ARGS(incident->actor), (long long)incident->occurrences,
           SPAN_ARGS(view->note));
    return STATUS_OK;
}

/* ---- alerts ------------------------------------------------------------------------------ */

static enum status print_alert(void *self, const struct alert_log_view *view,
                               struct error *error)
{
    (void)error;
    struct printer *printer = self;
    char at[RFC3339_TEXT_MAX];
    time_text(view->at_us, at);
    if (printer->printed++ == 0)
        printf("\n%-16s %-16s %-12s %-12s %8s %s\n", "AT (UTC)", "ROUTE", "SAID", "HOW",
               "AFTER S", "NOTE");
    printf("%-16s %-16.*s %-12.*s %-12.*s %8lld %s%s%.*s\n", at, SPAN_ARGS(view->route),
           SPAN_ARGS(view->action), SPAN_ARGS(view->how),
           (long long)(view->waited_ms / 1000), view->is_late ? "late" : "",
           view->is_late && view->detail.length > 0 ? ", " : "", SPAN_ARGS(view->detail));
    return STATUS_OK;
}

static enum status add_alert_json(void *self, const struct alert_log_view *view,
                                  struct error *error)
{
    (void)error;
    struct printer *printer = self;
    struct buf *line = &printer->line;
    if (printer->printed++ > 0)
        buf_byte(line, ',');
    buf_byte(line, '{');
    json_member_text(line, "route", view->route);
    json_member_text(line, "action", view->action);
    json_member_text(line, "how", view->how);
    json_member_time(line, "at", view->at_us);
    json_member_number(line, "waited_ms", view->waited_ms);
    json_name(line, "late");
    buf_text(line, view->is_late ? "true" : "false");
    json_member_number(line, "attempts", view->attempts);
    json_member_text(line, "detail", view->detail);
    buf_byte(line, '}');
    return STATUS_OK;
}

/* ---- list ---------------------------------------------------------------------------------- */

/* Told apart, so that nobody takes a filter that fits nothing for "all is well". */
static const char *nothing(const struct incidents_flags *flags)
{
    struct incidents_flags others = *flags;
    others.all = false;
    if (incidents_is_filtered(&others))
        return "no incident fits";
    return flags->all ? "no incident was ever opened" : "no incident is open";
}

enum status incidents_list(struct incidents *self, struct error *error)
{
    struct printer printer = {.output = self->output};
    bool table = printer.output == OUTPUT_TABLE;
    const struct incident_visitor visitor = {.each = table ? print_row : print_json,
                                             .self = &printer};
    buf_init(&printer.line, LINE_MAX_BYTES);
    if (printer.output == OUTPUT_JSON)
        puts("[");
    enum status status =
        store_incidents_list(self->postgres, &self->filter, &visitor, error);
    if (printer.output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    if (table && status == STATUS_OK && printer.printed == 0)
        puts(nothing(self->flags));
    buf_free(&printer.line);
    return status;
}

/* ---- show ---------------------------------------------------------------------------------- */

struct shown {
    struct printer *printer;
    bool found;
};

static enum status show_one(void *self, const struct incident_view *view,
                            struct error *error)
{
    (void)error;
    struct shown *shown = self;
    shown->found = true;
    if (shown->printer->output == OUTPUT_TABLE) {
        print_whole(view);
        return STATUS_OK;
    }
    open_json(shown->printer, view);
    json_name(&shown->printer->line, "log");
    buf_byte(&shown->printer->line, '[');
    return STATUS_OK;
}

static enum status show_log(struct postgres *postgres, struct span id,
                            struct printer *printer, struct error *error)
{
    bool table = printer->output == OUTPUT_TABLE;
    const struct incident_log_visitor visitor = {
        .each = table ? print_log_row : add_log_json, .self = printer};
    const struct alert_log_visitor alerts = {.each = table ? print_alert : add_alert_json,
                                             .self = printer};
    enum status status = store_incidents_log(postgres, id, &visitor, error);
    buf_text(&printer->line, "],\"alerts\":[");
    printer->printed = 0;
    if (status == STATUS_OK)
        status = store_alerts_log(postgres, id, &alerts, error);
    if (status != STATUS_OK || table)
        return status;
    buf_text(&printer->line, "]}");
    if (printer->line.failed)
        return error_set(error, STATUS_FATAL, "incidents: out of memory");
    puts(printer->line.bytes);
    return STATUS_OK;
}

enum status incidents_show(struct incidents *self, struct error *error)
{
    struct printer printer = {.output = self->output};
    struct shown shown = {.printer = &printer};
    const struct incident_filter filter = {.resolved = true,
                                           .id = span_from(self->words[0])};
    const struct incident_visitor visitor = {.each = show_one, .self = &shown};
    buf_init(&printer.line, LINE_MAX_BYTES);
    enum status status = store_incidents_list(self->postgres, &filter, &visitor, error);
    if (status == STATUS_OK && shown.found)
        status = show_log(self->postgres, filter.id, &printer, error);
    buf_free(&printer.line);
    if (status != STATUS_OK || shown.found)
        return status;
    (void)error_set(error, STATUS_REJECT,
                    "no incident '%.80s'; 'parstock incidents list --all' names all",
                    self->words[0]);
    return error_exit(error, EXIT_FOUND);
}
