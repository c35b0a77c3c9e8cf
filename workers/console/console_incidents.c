/*
 * Incidents: the open ones, one with its log, and what a person does about it; the same acts
 * as `parstock incidents`.
 */
#include "common/base/check.h"
#include "common/io/store_incident_life.h"
#include "workers/console/console.h"

#include <stdio.h>

#define PATH_MAX_BYTES 320

struct verb {
    const char *word;
    enum incident_verb verb;
    const char *label;
};

static const struct verb VERBS[] = {
    {"ack", INCIDENT_ACKNOWLEDGE, "Acknowledge"},
    {"approve", INCIDENT_APPROVE, "Approve"},
    {"reject", INCIDENT_REJECT, "Reject"},
    {"resolve", INCIDENT_RESOLVE, "Resolve"},
    {"reopen", INCIDENT_REOPEN, "Reopen"},
};

/* ---- the list ------------------------------------------------------------------------------------- */

struct listing {
    struct console_call *call;
    size_t count;
};

/* Only ids of ours become part of an address. */
static bool path_of(struct span id, char room[PATH_MAX_BYTES])
{
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (size_t at = 0; at < id.length; at++)
        if (strchr(PLAIN, id.bytes[at]) == NULL)
            return false;
    int length = snprintf(room, PATH_MAX_BYTES, "/incidents/%.*s", SPAN_ARGS(id));
    return id.length > 0 && length > 0 && length < PATH_MAX_BYTES;
}

void cell_incident(struct console_call *call, struct span id, struct span text)
{
    char path[PATH_MAX_BYTES];
    if (!path_of(id, path)) {
        cell_text(call, text);
        return;
    }
    html_open(&call->html, HTML_TAG_TD);
    html_open(&call->html, HTML_TAG_A);
    html_attr(&call->html, HTML_ATTR_HREF, span_from(path));
    html_outside(&call->html, text);
    html_close(&call->html, HTML_TAG_A);
    html_close(&call->html, HTML_TAG_TD);
}

static enum status show_row(void *self, const struct incident_view *view,
                            struct error *error)
{
    struct listing *listing = self;
    struct console_call *call = listing->call;
    const struct incident *incident = &view->incident;
    (void)error;
    if (listing->count++ >= CONSOLE_ROWS_MAX)
        return STATUS_OK;
    html_open(&call->html, HTML_TAG_TR);
    cell_incident(call, incident->id, incident->id);
    cell_text(call, incident->severity);
    cell_text(call, span_from(incident_state_name(incident->state)));
    cell_text(call, incident->class);
    cell_text(call, view->about);
    cell_number(call, true, incident->occurrences);
    cell_time(call, true, incident->opened_at_us);
    html_close(&call->html, HTML_TAG_TR);
    return STATUS_OK;
}

static void end_list(struct console_call *call, const struct listing *listing)
{
    table_end(call);
    html_open(&call->html, HTML_TAG_P);
    if (listing->count == 0)
        html_say(&call->html, "No incident is open.");
    else if (listing->count > CONSOLE_ROWS_MAX)
        html_say(&call->html, "%zu are open; the newest %d are shown.", listing->count,
                 CONSOLE_ROWS_MAX);
    html_close(&call->html, HTML_TAG_P);
}

void console_incidents(struct console_call *call)
{
    static const char *const COLUMNS[] = {"Incident", "Severity", "State",       "Class",
                                          "About",    "Seen",     "Opened (UTC)"};
    struct postgres *postgres = NULL;
    struct error error = {0};
    struct listing listing = {.call = call};
    const struct incident_filter filter = {0};
    const struct incident_visitor visitor = {.each = show_row, .self = &listing};
    page_begin(call, "Incidents");
    table_begin(call, "Open incidents", COLUMNS, COUNT_OF(COLUMNS));
    enum status status = console_postgres(call, &postgres, &error);
    if (status == STATUS_OK)
        status = store_incidents_list(postgres, &filter, &visitor, &error);
    if (status != STATUS_OK) {
        console_away(call, &error);
        return;
    }
    end_list(call, &listing);
    page_send(call, 200);
}

/* ---- one ------------------------------------------------------------------------------------------- */

static enum status show_whole(void *self, const struct incident_view *view,
                              struct error *error)
{
    struct listing *listing = self;
    struct console_call *call = listing->call;
    const struct incident *incident = &view->incident;
    (void)error;
    listing->count++;
    html_open(&call->html, HTML_TAG_DL);
    field_text(call, "Incident", incident->id);
    field_text(call, "State", span_from(incident_state_name(incident->state)));
    field_text(call, "Class", incident->class);
    field_text(call, "Severity", incident->severity);
    field_text(call, "Cause", incident->cause);
    field_text(call, "About", view->about);
    field_text(call, "Location", incident->location);
    field_text(call, "Root cause", incident->root_cause);
    field_text(call, "To do", incident->remediation);
    field_text(call, "Hand-off", incident->handoff);
    field_text(call, "Evidence", incident->evidence);
    html_close(&call->html, HTML_TAG_DL);
    return STATUS_OK;
}

static enum status show_log(void *self, const struct incident_log_view *view,
                            struct error *error)
{
    struct console_call *call = self;
    (void)error;
    html_open(&call->html, HTML_TAG_TR);
    cell_time(call, true, view->incident.at_us);
    cell_text(call, span_from(incident_state_name(view->incident.state)));
    cell_text(call, view->incident.actor);
    cell_text(call, view->note);
    html_close(&call->html, HTML_TAG_TR);
    return STATUS_OK;
}

/* Only what its state allows has a button. */
static enum status show_acts(struct console_call *call, struct postgres *postgres,
                             struct span id, struct error *error)
{
    char path[PATH_MAX_BYTES];
    enum status status = STATUS_OK;
    if (!path_of(id, path))
        return STATUS_OK;
    form_begin(call, path);
    form_input(call, "note", "text", "Why, for the log");
    for (size_t at = 0; at < COUNT_OF(VERBS); at++) {
        const struct incident_deed deed = {
            .verb = VERBS[at].verb, .id = id, .actor = span_from(call->session->name)};
        status = store_incident_may(postgres, &deed, error);
        if (status == STATUS_OK)
            form_button(call, "verb", VERBS[at].word, VERBS[at].label);
        else if (status != STATUS_REJECT)
            return status;
    }
    html_close(&call->html, HTML_TAG_FORM);
    return STATUS_OK;
}

static enum status show_one(struct console_call *call, struct postgres *postgres,
                            struct listing *listing, struct error *error)
{
    static const char *const COLUMNS[] = {"At (UTC)", "State", "By", "Note"};
    struct span id = call->request->name;
    const struct incident_filter filter = {.resolved = true, .id = id};
    const struct incident_visitor visitor = {.each = show_whole, .self = listing};
    const struct incident_log_visitor log = {.each = show_log, .self = call};
    enum status status = store_incidents_list(postgres, &filter, &visitor, error);
    if (status != STATUS_OK || listing->count == 0)
        return status;
    status = show_acts(call, postgres, id, error);
    if (status != STATUS_OK)
        return status;
    table_begin(call, "What happened to it", COLUMNS, COUNT_OF(COLUMNS));
    status = store_incidents_log(postgres, id, &log, error);
    if (status == STATUS_OK)
        table_end(call);
    return status;
}

void console_incident(struct console_call *call)
{
    struct postgres *postgres = NULL;
    struct error error = {0};
    struct listing listing = {.call = call};
    page_begin(call, "Incident");
    enum status status = console_postgres(call, &postgres, &error);
    if (status == STATUS_OK)
        status = show_one(call, postgres, &listing, &error);
    if (status != STATUS_OK)
        console_away(call, &error);
    else if (listing.count == 0)
        page_trouble(call, 404, "There is no such incident.");
    else
        page_send(call, 200);
}

/* ---- acts ---------------------------------------------------------------------------------------- */

static const struct verb *verb_of(const struct console_call *call)
{
    char room[CONSOLE_FIELD_MAX];
    struct span word;
    if (!console_field(call, "verb", room, &word))
        return NULL;
    for (size_t at = 0; at < COUNT_OF(VERBS); at++)
        if (span_is(word, VERBS[at].word))
            return &VERBS[at];
    return NULL;
}

static bool is_note(struct span note)
{
    for (size_t at = 0; at < note.length; at++)
        if ((unsigned char)note.bytes[at] < 0x20 || note.bytes[at] == 0x7f)
            return false;
    return note.length <= INCIDENT_NOTE_MAX;
}

static enum status act(struct console_call *call, struct postgres *postgres,
                       const struct incident_deed *deed, struct error *error)
{
    struct incident after;
    struct error ignored = {0};
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = store_incident_do(postgres, deed, &call->room->pool, &after, error);
    if (status == STATUS_OK)
        return postgres_script(postgres, "COMMIT", error);
    if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

void console_act(struct console_call *call)
{
    struct postgres *postgres = NULL;
    struct error error = {0};
    char room[CONSOLE_FIELD_MAX];
    char path[PATH_MAX_BYTES];
    struct span note;
    const struct verb *verb = verb_of(call);
    if (verb == NULL || !console_field(call, "note", room, &note) || !is_note(note) ||
        !path_of(call->request->name, path)) {
        page_trouble(call, 400,
                     "The form can't be understood: a button of it, and a note "
                     "of up to 2000 bytes on one line.");
        return;
    }
    const struct incident_deed deed = {.verb = verb->verb,
                                       .id = call->request->name,
                                       .actor = span_from(call->session->name),
                                       .note = note.length > 0 ? note : (struct span){0}};
    enum status status = console_postgres(call, &postgres, &error);
    if (status == STATUS_OK)
        status = act(call, postgres, &deed, &error);
    if (status == STATUS_REJECT)
        page_trouble(call, strcmp(error.code, "unknown_incident") == 0 ? 404 : 409,
                     error.text);
    else if (status != STATUS_OK)
        console_away(call, &error);
    else
        page_go(call, path, NULL);
}
