#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/drift_json.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "common/runtime/output.h"
#include "workers/drift/drift.h"

#include <stdio.h>

#define LINE_MAX_BYTES ((size_t)1 << 20)

struct printer {
    enum output output;
    struct buf line;
    int64_t printed;
};

/* "2026-11-25 12:00:07", in UTC; "-" for none. */
static void time_text(int64_t us, char room[RFC3339_TEXT_MAX])
{
    (void)snprintf(room, RFC3339_TEXT_MAX, "-");
    if (us == 0)
        return;
    rfc3339_format(us, room);
    room[10] = ' ';
    room[19] = '\0';
}

static const char *number_text(struct quantity quantity, char room[24])
{
    if (quantity.known)
        (void)snprintf(room, 24, "%lld", (long long)quantity.units);
    else
        (void)snprintf(room, 24, "-");
    return room;
}

static void begin(struct printer *printer)
{
    if (printer->output == OUTPUT_JSON)
        fputs("[", stdout);
}

static void end(struct printer *printer)
{
    if (printer->output == OUTPUT_JSON)
        fputs("]\n", stdout);
}

static enum status print_line(struct printer *printer, struct error *error)
{
    buf_byte(&printer->line, '}');
    if (printer->line.failed)
        return error_set(error, STATUS_FATAL, "drift: out of memory");
    printf("%s%s%s", printer->output == OUTPUT_JSON && printer->printed > 0 ? "," : "",
           printer->line.bytes, printer->output == OUTPUT_JSONL ? "\n" : "");
    printer->printed++;
    return STATUS_OK;
}

/* ---- findings ------------------------------------------------------------------------- */

static enum status print_finding_json(void *self, const struct drift_finding *finding,
                                      struct error *error)
{
    struct printer *printer = self;
    buf_clear(&printer->line);
    buf_byte(&printer->line, '{');
    drift_json_members(finding, &printer->line);
    json_member_text(&printer->line, "rule", finding->rule);
    return print_line(printer, error);
}

static enum status print_finding_row(void *self, const struct drift_finding *finding,
                                     struct error *error)
{
    (void)error;
    struct printer *printer = self;
    char at[RFC3339_TEXT_MAX];
    char desired[24];
    char shown[24];
    time_text(finding->observed_at_us, at);
    if (printer->printed++ == 0)
        printf("%-19s %-10s %-16s %-8s %8s %8s %6s %-4s %s\n", "FOUND (UTC)", "SHOP",
               "SKU", "LOCATION", "SHOULD", "SHOWS", "OFF", "RISK", "CAUSE");
    printf("%-19s %-10.*s %-16.*s %-8.*s %8s %8s %+6lld %-4s %.*s (%.*s)\n", at,
           SPAN_ARGS(finding->shop), SPAN_ARGS(finding->sku),
           SPAN_ARGS(finding->location), number_text(finding->desired, desired),
           number_text(finding->shown, shown), (long long)finding->residual,
           finding->is_high_risk ? "high" : "low", SPAN_ARGS(finding->cause),
           SPAN_ARGS(finding->rule));
    return STATUS_OK;
}

enum status drift_show(const struct config *config, struct postgres *postgres,
                       const struct drift_filter *filter, int64_t *findings_out,
                       struct error *error)
{
    struct printer printer = {0};
    enum status status = output_parse(config, &printer.output, error);
    if (status != STATUS_OK)
        return status;
    buf_init(&printer.line, LINE_MAX_BYTES);
    const struct drift_visitor visitor = {
        printer.output == OUTPUT_TABLE ? print_finding_row : print_finding_json,
        &printer};
    begin(&printer);
    status = store_drift_findings(postgres, filter, &visitor, error);
    end(&printer);
    buf_free(&printer.line);
    *findings_out = printer.printed;
    if (status == STATUS_OK && printer.output == OUTPUT_TABLE && printer.printed == 0)
        puts("nothing drifted");
    return status;
}

/* ---- runs ----------------------------------------------------------------------------- */

static enum status print_run_json(void *self, const struct drift_run_view *view,
                                  struct error *error)
{
    struct printer *printer = self;
    struct buf *line = &printer->line;
    const struct drift_run *run = &view->run;
    buf_clear(line);
    buf_byte(line, '{');
    json_member_number(line, "run", run->id);
    json_member_text(line, "shop", run->shop);
    json_member_text(line, "kind", span_from(drift_kind_name(run->kind)));
    json_member_text(line, "state", view->state);
    json_member_time(line, "started_at", run->started_at_us);
    if (view->finished_at_us != 0)
        json_member_time(line, "finished_at", view->finished_at_us);
    json_member_number(line, "compared", run->compared);
    json_member_number(line, "suspects", run->suspects);
    json_member_number(line, "in_flight", run->in_flight);
    json_member_number(line, "findings", run->findings);
    json_member_number(line, "unknown", run->unknown);
    json_member_number(line, "calls", run->calls);
    json_member_text(line, "detail", view->detail);
    return print_line(printer, error);
}

static enum status print_run_row(void *self, const struct drift_run_view *view,
                                 struct error *error)
{
    (void)error;
    struct printer *printer = self;
    const struct drift_run *run = &view->run;
    char at[RFC3339_TEXT_MAX];
    time_text(run->started_at_us, at);
    if (printer->printed++ == 0)
        printf("%6s %-10s %-5s %-8s %-19s %9s %8s %9s %8s %s\n", "RUN", "SHOP", "KIND",
               "STATE", "STARTED (UTC)", "COMPARED", "SUSPECTS", "IN FLIGHT", "FINDINGS",
               "DETAIL");
    printf("%6lld %-10.*s %-5s %-8.*s %-19s %9lld %8lld %9lld %8lld %.*s\n",
           (long long)run->id, SPAN_ARGS(run->shop), drift_kind_name(run->kind),
           SPAN_ARGS(view->state), at, (long long)run->compared, (long long)run->suspects,
           (long long)run->in_flight, (long long)run->findings, SPAN_ARGS(view->detail));
    return STATUS_OK;
}

enum status drift_show_runs(const struct config *config, struct postgres *postgres,
                            struct span shop, struct error *error)
{
    struct printer printer = {0};
    enum status status = output_parse(config, &printer.output, error);
    if (status != STATUS_OK)
        return status;
    buf_init(&printer.line, LINE_MAX_BYTES);
    const struct drift_run_visitor visitor = {
        printer.output == OUTPUT_TABLE ? print_run_row : print_run_json, &printer};
    begin(&printer);
    status = store_drift_runs(postgres, shop, 50, &visitor, error);
    end(&printer);
    buf_free(&printer.line);
    return status;
}
