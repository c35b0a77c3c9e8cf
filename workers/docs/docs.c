/*
 * parstock docs check: every cause, rule, class of incident, guard, refusal, alert and
 * procedure has its page, and no link is dead.
 */
#include "workers/docs/docs.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/json_text.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <stdio.h>
#include <stdlib.h>

#define OUTPUT_MAX ((size_t)8 << 20)

static const struct command_spec SPEC = {
    .name = "docs",
    .summary =
        "check that every cause, guard and alert has its page, and no link is dead",
    .usage = "check [FOLDER] [-o table|json|jsonl]",
    .detail =
        "check reads README.md and docs/ of the project's folder (default: the current "
        "one) and the alert rules of helm/. It proves that whatever parstock sends people "
        "to a page for has that page and is named there: causes and rules of drift, "
        "classes of incident, guards, refusals of a shop, alerts, procedures, and the "
        "rules of the contract file if one is given; that runbooks and procedures link "
        "each other; that every page is found from docs/README.md; that no link or anchor "
        "within the project is dead. Links that leave the project are counted, not "
        "followed.\n\n"
        "A team that keeps its own copy of the pages checks it the same way, with its "
        "contract file. Ends with 1 where something was found.",
    .operands = 2,
    .uses = CONFIG_CONTRACT | CONFIG_OUTPUT,
};

/* ---- output --------------------------------------------------------------------------- */

struct printer {
    enum output output;
    size_t count;
    struct buf out;
};

static void printer_free(struct printer *printer)
{
    buf_free(&printer->out);
}

static void print_line(const struct docs_problem *problem, struct buf *out)
{
    buf_format(out, "%.*s", SPAN_ARGS(problem->path));
    if (problem->line > 0)
        buf_format(out, ":%lld", (long long)problem->line);
    buf_format(out, ": %s: %s%s%.*s: %s\n", docs_rule_row(problem->rule)->id,
               problem->kind, problem->kind[0] != '\0' ? " " : "",
               SPAN_ARGS(problem->about), docs_rule_row(problem->rule)->why);
}

static void print_json(const struct docs_problem *problem, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "rule", span_from(docs_rule_row(problem->rule)->id));
    json_member_text_lossy(out, "page", problem->path);
    json_member_number_or_null(out, "line", problem->line > 0, problem->line);
    json_member_text(out, "kind",
                     span_from(problem->kind[0] != '\0' ? problem->kind : NULL));
    json_member_text_lossy(out, "about", problem->about);
    json_member_text(out, "why", span_from(docs_rule_row(problem->rule)->why));
    buf_byte(out, '}');
}

static void print_problem(void *self, const struct docs_problem *problem)
{
    struct printer *printer = self;
    if (printer->output == OUTPUT_TABLE) {
        print_line(problem, &printer->out);
    } else {
        if (printer->output == OUTPUT_JSON && printer->count > 0)
            buf_byte(&printer->out, ',');
        print_json(problem, &printer->out);
        if (printer->output == OUTPUT_JSONL)
            buf_byte(&printer->out, '\n');
    }
    printer->count++;
}

static size_t subjects_of(const struct docs *docs)
{
    struct runbook_subject subject;
    size_t count = 0;
    while (runbook_subject(count, &subject))
        count++;
    return count + docs->more_count;
}

static void print_end(struct printer *printer, const struct docs *docs)
{
    struct buf *out = &printer->out;
    if (printer->output == OUTPUT_TABLE)
        buf_format(out,
                   "%zu pages, %zu links (%zu more lead outside), %zu causes, rules, "
                   "guards, alerts and procedures: %zu problems\n",
                   docs->page_count, docs->link_count, docs->outside_count,
                   subjects_of(docs), printer->count);
    if (printer->output != OUTPUT_JSON)
        return;
    buf_byte(out, ']');
    json_member_number(out, "pages", (int64_t)docs->page_count);
    json_member_number(out, "links", (int64_t)docs->link_count);
    json_member_number(out, "outside", (int64_t)docs->outside_count);
    json_member_number(out, "subjects", (int64_t)subjects_of(docs));
    buf_text(out, "}\n");
}

static enum status report(struct docs *docs, enum output output, size_t *found_out,
                          struct error *error)
{
    SCOPED(printer_free) struct printer printer = {.output = output};
    const struct docs_visitor visitor = {print_problem, &printer};
    const struct docs_graph graph = docs_graph(docs);
    struct buf *out = &printer.out;
    buf_init(out, OUTPUT_MAX);
    if (output == OUTPUT_JSON)
        buf_text(out, "{\"problems\":[");
    docs_check(&graph, &visitor);
    print_end(&printer, docs);
    if (out->failed)
        return error_set(error, STATUS_FATAL, "out of memory");
    (void)fwrite(out->bytes, 1, out->length, stdout);
    *found_out = printer.count;
    return STATUS_OK;
}

/* ---- the command ---------------------------------------------------------------------- */

static void docs_free(struct docs **slot)
{
    if (*slot != NULL)
        pool_free(&(*slot)->pool);
    free(*slot);
    *slot = NULL;
}

static enum status check(const struct config *config, const char *root, size_t *found_out,
                         struct error *error)
{
    SCOPED(docs_free) struct docs *docs = calloc(1, sizeof *docs);
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    enum output output = OUTPUT_TABLE;
    if (docs == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    docs->root = root;
    pool_init(&docs->pool, DOCS_BYTES_MAX);
    enum status status = output_parse(config, &output, error);
    if (status == STATUS_OK && config->contract_path != NULL)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    if (status == STATUS_OK)
        status = docs_read(docs, contract, error);
    return status == STATUS_OK ? report(docs, output, found_out, error) : status;
}

static enum status check_words(const struct parsed *parsed, const char **root_out,
                               struct error *error)
{
    int words = parsed->argc - parsed->first;
    *root_out = words > 1 ? parsed->argv[parsed->first + 1] : ".";
    if (words > 0 && strcmp(parsed->argv[parsed->first], "check") == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "say 'docs check'");
    return error_exit(error, EXIT_USAGE);
}

int docs_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    const char *root = NULL;
    size_t found = 0;
    enum status status = config_parse(&SPEC, &parsed, &config, NULL, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK)
        status = check_words(&parsed, &root, &error);
    if (status == STATUS_OK)
        status = check(&config, root, &found, &error);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return found > 0 ? EXIT_FOUND : 0;
}
