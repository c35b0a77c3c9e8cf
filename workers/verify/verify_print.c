#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "workers/verify/verify.h"

#include <stdio.h>

#define LINE_BYTES_MAX ((size_t)1 << 20)

struct printer {
    enum output output;
    struct buf line;
    size_t printed;
};

static void time_text(int64_t us, char room[RFC3339_TEXT_MAX])
{
    rfc3339_format(us, room);
    room[10] = ' ';
    room[19] = '\0';
}

static enum status put(struct printer *printer, const char *end, struct error *error)
{
    if (printer->line.failed)
        return error_set(error, STATUS_FATAL, "verify: out of memory");
    printf("%s%s", printer->line.bytes, end);
    return STATUS_OK;
}

/* ---- a sample --------------------------------------------------------------------------------- */

static void run_members(const struct verify_run *run, struct buf *out)
{
    SCOPED(buf_free) struct buf proves;
    buf_init(&proves, LINE_BYTES_MAX);
    verify_wish_text(run, &proves);
    json_member_number(out, "run", run->id);
    json_member_text(out, "name", run->name);
    json_member_time(out, "taken_at", run->taken_at_us);
    json_member_text(out, "taken_by", run->actor);
    json_member_text(out, "taken_build", run->build);
    json_member_number(out, "taken_schema_version", run->schema_version);
    json_member_text(out, "taken_contract", run->contract);
    json_member_number(out, "pairs", run->pairs);
    json_member_number(out, "high_risk", run->high_risk);
    json_member_number(out, "random", run->pairs - run->high_risk);
    json_member_number(out, "seed", run->seed);
    json_member_text(out, "proves", buf_view(&proves));
}

static void run_text(const struct verify_run *run, struct buf *out)
{
    char at[RFC3339_TEXT_MAX];
    time_text(run->taken_at_us, at);
    buf_format(out,
               "%.*s (run %lld of %s UTC): %lld pairs, %lld of them high-risk, %lld at "
               "random (seed %lld): ",
               SPAN_ARGS(run->name), (long long)run->id, at, (long long)run->pairs,
               (long long)run->high_risk, (long long)(run->pairs - run->high_risk),
               (long long)run->seed);
    verify_wish_text(run, out);
}

enum status verify_print_run(const struct verify_job *job, struct error *error)
{
    struct printer printer = {.output = job->output};
    const struct verify_run *run = &job->run;
    buf_init(&printer.line, LINE_BYTES_MAX);
    if (job->output == OUTPUT_TABLE) {
        run_text(run, &printer.line);
        buf_format(&printer.line, "\nmake the change, then: parstock verify post %.*s",
                   SPAN_ARGS(run->name));
    } else {
        buf_byte(&printer.line, '{');
        run_members(run, &printer.line);
        buf_byte(&printer.line, '}');
    }
    enum status status = put(&printer, "\n", error);
    buf_free(&printer.line);
    return status;
}

/* ---- a check ---------------------------------------------------------------------------------- */

static void finding_json(const struct verify_finding *finding, struct buf *line)
{
    buf_byte(line, '{');
    json_member_text(line, "shop", finding->shop);
    json_member_text(line, "sku", finding->sku);
    json_member_text(line, "location", finding->location);
    json_member_text(line, "what", finding->aspect);
    json_member_text(line, "verdict", finding->verdict);
    json_member_text(line, "before", finding->before);
    json_member_text(line, "after", finding->after);
    json_member_text(line, "expected", finding->expected);
    json_member_text(line, "rule", finding->rule);
    json_member_text(line, "reason", finding->reason);
    json_member_text(line, "cause",
                     finding->cause.length > 0 ? finding->cause : (struct span){0});
    json_member_text(line, "risk",
                     finding->is_high_risk ? SPAN_OF("high") : SPAN_OF("low"));
    json_member_text(line, "runbook",
                     finding->runbook.length > 0 ? finding->runbook : (struct span){0});
    buf_byte(line, '}');
}

static void finding_row(struct printer *printer, const struct verify_finding *finding)
{
    if (printer->printed == 0)
        printf("%-9s %-4s %-10s %-20s %-8s %-8s %12s %12s %12s  %s\n", "VERDICT", "RISK",
               "SHOP", "SKU", "LOCATION", "WHAT", "BEFORE", "AFTER", "EXPECTED", "WHY");
    printf("%-9.*s %-4s %-10.*s %-20.*s %-8.*s %-8.*s %12.*s %12.*s %12.*s  %.*s\n",
           SPAN_ARGS(finding->verdict), finding->is_high_risk ? "high" : "low",
           SPAN_ARGS(finding->shop), SPAN_ARGS(finding->sku),
           SPAN_ARGS(finding->location), SPAN_ARGS(finding->aspect),
           SPAN_ARGS(finding->before), SPAN_ARGS(finding->after),
           SPAN_ARGS(finding->expected), SPAN_ARGS(finding->reason));
    if (finding->runbook.length > 0)
        printf("%14s page: %.*s\n", "", SPAN_ARGS(finding->runbook));
}

static enum status print_finding(void *self, const struct verify_finding *finding,
                                 struct error *error)
{
    struct printer *printer = self;
    enum status status = STATUS_OK;
    if (printer->output == OUTPUT_TABLE) {
        finding_row(printer, finding);
    } else {
        buf_clear(&printer->line);
        if (printer->output == OUTPUT_JSON && printer->printed > 0)
            buf_byte(&printer->line, ',');
        finding_json(finding, &printer->line);
        status = put(printer, printer->output == OUTPUT_JSONL ? "\n" : "", error);
    }
    printer->printed++;
    return status;
}

static void check_members(const struct verify_job *job, const struct verify_check *check,
                          struct buf *line)
{
    run_members(&job->run, line);
    json_member_number(line, "check", check->id);
    json_member_text(line, "verdict", check->outcome);
    json_name(line, "ok");
    buf_text(line, span_is(check->outcome, "ok") ? "true" : "false");
    json_member_time(line, "checked_at", check->began_at_us);
    json_member_text(line, "checked_by", check->actor);
    json_member_text(line, "build", check->build);
    json_member_number(line, "schema_version", check->schema_version);
    json_member_text(line, "contract", check->contract);
    json_member_number(line, "compared", check->counts.pairs);
    json_member_number(line, "wrong", check->counts.wrong);
    json_member_number(line, "undecided", check->counts.undecided);
    json_member_number(line, "known", check->counts.known);
    json_member_number(line, "moved", check->counts.moved);
    json_name(line, "explained");
    buf_span(line, check->explained);
}

/* Above the findings in JSON, below them for people, who read the end. */
static enum status print_head(const struct verify_job *job,
                              const struct verify_check *check, struct printer *printer,
                              struct error *error)
{
    buf_clear(&printer->line);
    if (printer->output != OUTPUT_JSON)
        return STATUS_OK;
    buf_byte(&printer->line, '{');
    check_members(job, check, &printer->line);
    json_name(&printer->line, "findings");
    buf_byte(&printer->line, '[');
    return put(printer, "", error);
}

static enum status print_foot(const struct verify_job *job,
                              const struct verify_check *check, struct printer *printer,
                              struct error *error)
{
    const struct verify_counts *counts = &check->counts;
    buf_clear(&printer->line);
    if (printer->output == OUTPUT_JSON) {
        puts("]}");
        return STATUS_OK;
    }
    if (printer->output == OUTPUT_JSONL)
        return STATUS_OK;
    run_text(&job->run, &printer->line);
    buf_format(&printer->line,
               "\nchanged and explained: %lld pairs %.*s\n"
               "%.*s: %lld of %lld pairs wrong, %lld undecided, %lld differed as much "
               "before",
               (long long)counts->moved, SPAN_ARGS(check->explained),
               SPAN_ARGS(check->outcome), (long long)counts->wrong,
               (long long)counts->pairs, (long long)counts->undecided,
               (long long)counts->known);
    return put(printer, "\n", error);
}

enum status verify_print_check(const struct verify_job *job,
                               const struct verify_check *check, struct error *error)
{
    struct printer printer = {.output = job->output};
    const struct verify_finding_visitor visitor = {print_finding, &printer};
    buf_init(&printer.line, LINE_BYTES_MAX);
    enum status status = print_head(job, check, &printer, error);
    if (status == STATUS_OK)
        status = store_verify_findings(job->postgres, check->id, &visitor, error);
    if (status == STATUS_OK)
        status = print_foot(job, check, &printer, error);
    buf_free(&printer.line);
    return status;
}

/* ---- all samples ------------------------------------------------------------------------------- */

static void list_row(struct printer *printer, const struct verify_run *run,
                     const struct verify_check *check)
{
    char taken[RFC3339_TEXT_MAX];
    char checked[RFC3339_TEXT_MAX] = "-";
    time_text(run->taken_at_us, taken);
    if (check->id != 0)
        time_text(check->ended_at_us, checked);
    if (printer->printed == 0)
        printf("%5s %-24s %-19s %-8s %8s %-19s %-9s %6s %s\n", "RUN", "NAME",
               "TAKEN (UTC)", "STATE", "PAIRS", "CHECKED (UTC)", "VERDICT", "WRONG",
               "BY");
    printf("%5lld %-24.*s %-19s %-8.*s %8lld %-19s %-9.*s %6lld %.*s\n",
           (long long)run->id, SPAN_ARGS(run->name), taken, SPAN_ARGS(run->state),
           (long long)run->pairs, checked,
           SPAN_ARGS(check->id != 0 ? check->outcome : SPAN_OF("-")),
           (long long)check->counts.wrong, SPAN_ARGS(run->actor));
}

static void list_json(struct printer *printer, const struct verify_run *run,
                      const struct verify_check *check)
{
    struct buf *line = &printer->line;
    if (printer->output == OUTPUT_JSON && printer->printed > 0)
        buf_byte(line, ',');
    buf_byte(line, '{');
    run_members(run, line);
    json_member_text(line, "state", run->state);
    json_member_text(line, "verdict", check->id != 0 ? check->outcome : (struct span){0});
    json_member_number_or_null(line, "wrong", check->id != 0, check->counts.wrong);
    if (check->id != 0)
        json_member_time(line, "checked_at", check->ended_at_us);
    buf_byte(line, '}');
}

static enum status print_listed(void *self, const struct verify_run *run,
                                const struct verify_check *check, struct error *error)
{
    struct printer *printer = self;
    enum status status = STATUS_OK;
    buf_clear(&printer->line);
    if (printer->output == OUTPUT_TABLE) {
        list_row(printer, run, check);
    } else {
        list_json(printer, run, check);
        status = put(printer, printer->output == OUTPUT_JSONL ? "\n" : "", error);
    }
    printer->printed++;
    return status;
}

enum status verify_print_list(struct verify_job *job, struct error *error)
{
    struct printer printer = {.output = job->output};
    const struct verify_list_visitor visitor = {print_listed, &printer};
    buf_init(&printer.line, LINE_BYTES_MAX);
    if (job->output == OUTPUT_JSON)
        fputs("[", stdout);
    enum status status =
        store_verify_list(job->postgres, job->flags->limit, &visitor, error);
    if (job->output == OUTPUT_JSON)
        puts("]");
    if (job->output == OUTPUT_TABLE && status == STATUS_OK && printer.printed == 0)
        puts("no sample was taken yet: 'parstock verify pre' takes one");
    buf_free(&printer.line);
    return status;
}
