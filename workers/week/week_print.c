#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/rfc3339.h"
#include "common/codec/verdict_json.h"
#include "common/codec/week_json.h"
#include "common/runtime/kpi_table.h"
#include "workers/week/week.h"

#include <stdio.h>

/* ---- JSON ---------------------------------------------------------------------------------- */

static void member_decision(const struct week_decision *decision, struct buf *out)
{
    json_name(out, "decision");
    if (decision->number == 0)
        buf_text(out, "null");
    else
        week_json_decision(decision, out);
}

static enum status flush(struct buf *out, struct error *error)
{
    if (out->failed)
        return error_set(error, STATUS_FATAL, "week: out of memory");
    puts(out->bytes);
    return STATUS_OK;
}

/* One object, in both forms of JSON: there is one week. */
static enum status print_json(const struct week_view *view, bool whole,
                              struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    char name[WEEK_NAME_MAX];
    char digest[WEEK_DIGEST_MAX];
    if (!week_json_inputs_digest(&view->inputs, digest))
        return error_set(error, STATUS_RETRY, "week: out of memory");
    week_name(view->inputs.period.first_day, name);
    buf_init(&out, 2 * WEEK_JSON_MAX);
    buf_byte(&out, '{');
    json_member_text(&out, "week", span_from(name));
    json_name(&out, "judged");
    verdict_json(&view->verdict, &out);
    json_member_text(&out, "digest", span_from(digest));
    member_decision(&view->decision, &out);
    if (whole) {
        json_name(&out, "rules");
        verdict_json_rules(&view->inputs, &out);
        json_name(&out, "inputs");
        week_json_inputs(&view->inputs, &out);
    }
    buf_byte(&out, '}');
    return flush(&out, error);
}

/* ---- text ---------------------------------------------------------------------------------- */

static void print_rule(const struct verdict_look *look, bool decides)
{
    char value[KPI_TEXT_MAX];
    char limit[KPI_TEXT_MAX];
    kpi_value_text(look->rule->unit, look->value, value);
    kpi_value_text(look->rule->unit, look->limit, limit);
    printf("%-2s %-22s %12s %12s  %s\n",
           decides       ? "=>"
           : look->holds ? "!"
                         : "",
           look->rule->id, value, limit, week_verdict_name(look->rule->verdict));
}

static void print_rules(const struct week_view *view)
{
    printf("\n%-2s %-22s %12s %12s  %s\n", "", "RULE", "NUMBER", "AGAINST", "MEANS");
    for (size_t at = 0; at < verdict_rule_count(); at++) {
        struct verdict_look look = verdict_look(&view->inputs, at);
        print_rule(&look, look.rule == view->verdict.look.rule);
    }
}

/* The sentences of week_view.h, a line each. */
static enum status print_verdict(const struct week_view *view, struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, WEEK_JSON_MAX);
    buf_text(&out, "verdict: ");
    week_view_verdict(&view->verdict, &out);
    buf_text(&out, "\n         ");
    week_view_look(&view->verdict.look, &out);
    buf_text(&out, "\nhand-off: ");
    week_view_handoff(&view->verdict.handoff, &out);
    buf_text(&out, "\ndecision: ");
    week_view_decision(&view->decision, &out);
    if (view->decision.number != 0)
        buf_format(&out, "\n          inputs %.*s\n          contract %.*s",
                   SPAN_ARGS(view->decision.inputs), SPAN_ARGS(view->decision.contract));
    return flush(&out, error);
}

static enum status print_head(const struct week_view *view, struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    buf_init(&out, WEEK_JSON_MAX);
    week_view_head(&view->inputs, &out);
    return flush(&out, error);
}

enum status week_print(const struct week_job *job, const struct week_view *view,
                       struct error *error)
{
    const struct week_inputs *inputs = &view->inputs;
    if (job->output != OUTPUT_TABLE)
        return print_json(view, true, error);
    enum status status = print_head(view, error);
    if (status != STATUS_OK)
        return status;
    kpi_table_print(&inputs->period,
                    inputs->baseline.id != 0 ? &inputs->baseline.period : NULL,
                    inputs->limits.coverage_share);
    print_rules(view);
    putchar('\n');
    return print_verdict(view, error);
}

enum status week_print_verdict(const struct week_job *job, const struct week_view *view,
                               struct error *error)
{
    if (job->output != OUTPUT_TABLE)
        return print_json(view, false, error);
    enum status status = print_head(view, error);
    return status == STATUS_OK ? print_verdict(view, error) : status;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void add_rule(const struct verdict_rule *rule, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "rule", span_from(rule->id));
    json_member_text(out, "verdict", span_from(week_verdict_name(rule->verdict)));
    json_member_text(out, "unit", span_from(verdict_json_unit(rule->unit)));
    json_member_text(out, "why", span_from(rule->why));
    buf_byte(out, '}');
}

static enum status print_rules_json(enum output output, struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    bool lines = output == OUTPUT_JSONL;
    buf_init(&out, WEEK_JSON_MAX);
    buf_text(&out, lines ? "" : "[");
    for (size_t at = 0; at < verdict_rule_count(); at++) {
        if (at > 0)
            buf_byte(&out, lines ? '\n' : ',');
        add_rule(verdict_rule(at), &out);
    }
    buf_text(&out, lines ? "" : "]");
    return flush(&out, error);
}

enum status week_print_rules(struct week_job *job, struct error *error)
{
    enum status status = output_parse(job->config, &job->output, error);
    if (status != STATUS_OK)
        return status;
    if (job->output != OUTPUT_TABLE)
        return print_rules_json(job->output, error);
    puts("| rule | verdict | why |\n|---|---|---|");
    for (size_t at = 0; at < verdict_rule_count(); at++) {
        const struct verdict_rule *rule = verdict_rule(at);
        printf("| %s | %s | %s |\n", rule->id, week_verdict_name(rule->verdict),
               rule->why);
    }
    return STATUS_OK;
}

/* ---- list ----------------------------------------------------------------------------------- */

struct printer {
    const struct week_job *job;
    int64_t printed;
};

static void print_row(const struct printer *printer, const struct week_decision *decision)
{
    char name[WEEK_NAME_MAX];
    char at[RFC3339_TEXT_MAX];
    week_name(decision->monday, name);
    rfc3339_format(decision->at_us, at);
    at[16] = '\0';
    at[10] = ' ';
    if (printer->printed == 0)
        printf("%-8s %2s %-13s %-20s %-22s %-16s %s\n", "WEEK", "NO", "VERDICT", "RULE",
               "HAND-OFF", "AT (UTC)", "BY, WHY");
    printf("%-8s %2lld %-13s %-20.*s %-22.*s %-16s %.*s: %.*s\n", name,
           (long long)decision->number, week_verdict_name(decision->verdict),
           SPAN_ARGS(decision->rule), SPAN_ARGS(decision->handoff), at,
           SPAN_ARGS(decision->by), SPAN_ARGS(decision->why));
}

static enum status each(void *self, const struct week_decision *decision,
                        struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    struct printer *printer = self;
    enum status status = STATUS_OK;
    if (printer->job->output == OUTPUT_TABLE) {
        print_row(printer, decision);
    } else {
        buf_init(&out, WEEK_JSON_MAX);
        if (printer->job->output == OUTPUT_JSON && printer->printed > 0)
            buf_byte(&out, ',');
        week_json_decision(decision, &out);
        status = flush(&out, error);
    }
    printer->printed++;
    return status;
}

enum status week_list(struct week_job *job, struct error *error)
{
    struct printer printer = {.job = job};
    const struct decision_visitor visitor = {each, &printer};
    if (job->output == OUTPUT_JSON)
        puts("[");
    enum status status =
        store_week_decisions(job->postgres, job->flags->limit, &visitor, error);
    if (job->output == OUTPUT_JSON)
        puts("]");
    if (status == STATUS_OK && job->output == OUTPUT_TABLE && printer.printed == 0)
        puts("no week is decided yet: 'parstock week decide'");
    return status;
}
