/*
 * parstock incidents: what needs a person, and what happened to it.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/incident_json.h"
#include "common/codec/rfc3339.h"
#include "common/io/store_incidents.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024)

struct incidents_flags {
    bool all;
    const char *class;
};

static const struct flag FLAGS[] = {
    {"all", FLAG_SWITCH, offsetof(struct incidents_flags, all), NULL,
     "list: also those that are resolved"},
    {"class", FLAG_TEXT, offsetof(struct incidents_flags, class), "CLASS",
     "list: only this class, e.g. id_reused"},
};

static const struct command_spec SPEC = {
    .name = "incidents",
    .summary = "what needs a person, and what happened to it",
    .usage = "list [--all] [--class CLASS] | show ID  [-o table|json|jsonl]",
    .detail =
        "list prints the open incidents, newest first; show prints one with its evidence "
        "and its log. One incident is open a problem, however often it is seen; seen is "
        "the exact number. Exit code 1 where show finds no incident of that id.\n\n"
        "In JSON an incident has the members of topic inventory.incidents, and "
        "occurrences, revision and last_seen_at; show adds log.",
    .operands = 2,
    .uses = CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

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

/* ---- list ---------------------------------------------------------------------------------- */

static enum status list(struct postgres *postgres, const struct incidents_flags *flags,
                        struct printer *printer, struct error *error)
{
    const struct incident_filter filter = {.resolved = flags->all,
                                           .class = span_from(flags->class)};
    bool table = printer->output == OUTPUT_TABLE;
    const struct incident_visitor visitor = {.each = table ? print_row : print_json,
                                             .self = printer};
    if (printer->output == OUTPUT_JSON)
        puts("[");
    enum status status = store_incidents_list(postgres, &filter, &visitor, error);
    if (printer->output == OUTPUT_JSON && status == STATUS_OK)
        puts("]");
    if (table && status == STATUS_OK && printer->printed == 0)
        puts(flags->all ? "no incident was ever opened" : "no incident is open");
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
    enum status status = store_incidents_log(postgres, id, &visitor, error);
    if (status != STATUS_OK || table)
        return status;
    buf_text(&printer->line, "]}");
    if (printer->line.failed)
        return error_set(error, STATUS_FATAL, "incidents: out of memory");
    puts(printer->line.bytes);
    return STATUS_OK;
}

static enum status show(struct postgres *postgres, const char *id,
                        struct printer *printer, struct error *error)
{
    struct shown shown = {.printer = printer};
    const struct incident_filter filter = {.resolved = true, .id = span_from(id)};
    const struct incident_visitor visitor = {.each = show_one, .self = &shown};
    enum status status = store_incidents_list(postgres, &filter, &visitor, error);
    if (status != STATUS_OK)
        return status;
    if (shown.found)
        return show_log(postgres, filter.id, printer, error);
    (void)error_set(error, STATUS_REJECT,
                    "no incident '%s'; 'parstock incidents list --all' names all", id);
    return error_exit(error, EXIT_FOUND);
}

/* ---- the command ---------------------------------------------------------------------------- */

static enum status usage(struct error *error)
{
    (void)error_set(error, STATUS_REJECT, "say 'list', or 'show' and an incident's id");
    return error_exit(error, EXIT_USAGE);
}

static enum status check_words(const struct parsed *parsed, struct error *error)
{
    int words = parsed->argc - parsed->first;
    const char *verb = words > 0 ? parsed->argv[parsed->first] : "";
    bool fits = (strcmp(verb, "list") == 0 && words == 1) ||
                (strcmp(verb, "show") == 0 && words == 2);
    return fits ? STATUS_OK : usage(error);
}

static enum status incidents_run(const struct config *config, const struct parsed *parsed,
                                 const struct incidents_flags *flags, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    struct printer printer = {0};
    const struct postgres_options options = {.dsn = config->postgres,
                                             .schema = config->schema,
                                             .application_name = "parstock incidents",
                                             .statement_timeout_ms = 60 * 1000};
    enum status status = check_words(parsed, error);
    if (status == STATUS_OK)
        status = output_parse(config, &printer.output, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    buf_init(&printer.line, LINE_MAX_BYTES);
    if (strcmp(parsed->argv[parsed->first], "list") == 0)
        status = list(postgres, flags, &printer, error);
    else
        status = show(postgres, parsed->argv[parsed->first + 1], &printer, error);
    buf_free(&printer.line);
    return status;
}

int incidents_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct incidents_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (incidents_run(&config, &parsed, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
