/*
 * parstock week: how a week went, what it comes to, and the one decision on it.
 */
#include "workers/week/week.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/utf8.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/login.h"
#include "common/runtime/verb.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

#define LIMIT 52
#define LIMIT_MAX 10000
#define POOL_BYTES_MAX ((size_t)512 << 20)
#define STATEMENT_TIMEOUT_MS (600 * 1000)

static const struct flag FLAGS[] = {
    {"by", FLAG_TEXT, offsetof(struct week_flags, by), "NAME",
     "decide: who decides; default: the login name"},
    {"why", FLAG_TEXT, offsetof(struct week_flags, why), "TEXT",
     "decide: what there is to say to it"},
    {"again", FLAG_SWITCH, offsetof(struct week_flags, again), NULL,
     "decide: rule anew on a week that is decided; both rulings are kept"},
    {"dry-run", FLAG_SWITCH, offsetof(struct week_flags, dry_run), NULL,
     "decide: say what it comes to, and keep nothing"},
    {"baseline", FLAG_INTEGER, offsetof(struct week_flags, baseline), "ID",
     "show, decide: hold it against this one; default: the newest"},
    {"limit", FLAG_INTEGER, offsetof(struct week_flags, limit), "N",
     "list: the newest N rulings; default 52"},
};

static const struct command_spec SPEC = {
    .name = "week",
    .summary = "is stock sync working? the week's numbers, verdict and decision",
    .usage =
        "show [WEEK] | decide [WEEK] --why TEXT [--by NAME] [--dry-run] | list | rules",
    .detail =
        "WEEK is an ISO week such as 2026-W48, or a day of it; default: the running one. "
        "Days are days of UTC.\n\n"
        "show prints the KPIs by shop and location beside the baseline, every rule with the "
        "number that it looks at, and the ruling if there is one. decide keeps one decision "
        "a week: verdict, the rule that decided, who takes it from here, who decided, when "
        "and why, with all numbers and the digests of them and of the contract file. The "
        "verdict is the rules', not the caller's: pass, fail or not_decidable; the same "
        "numbers always give the same one. list prints rulings, rules the table that "
        "verdicts come from. show derives a kept ruling again from its inputs, and exits "
        "with 1 where they do not come to it.\n\n"
        "Exit codes of decide, also with --dry-run: 0 pass, 1 fail, 75 not decidable: try "
        "again when there is more to go by; 77: the week is decided already. Rules and "
        "definitions: docs/kpi.md.",
    .operands = 2,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = 0, /* the rules are the same everywhere */
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status no_settings(struct error *error)
{
    (void)error_set(
        error, STATUS_FATAL,
        "PARSTOCK_CONTRACT and PARSTOCK_POSTGRES are not both set; set them or "
        "give --contract and --postgres");
    return error_exit(error, EXIT_CONFIG);
}

/* ---- show --------------------------------------------------------------------------------- */

/* The one that was named is missed, where none of that number was found. */
static enum status check_baseline(const struct week_job *job,
                                  const struct week_inputs *inputs, struct error *error)
{
    if (job->flags->baseline == 0 || inputs->baseline.id != 0)
        return STATUS_OK;
    return error_usage(error, "--baseline: there is none of that number; 'parstock "
                              "baseline show' names the newest");
}

static struct week_question question_of(const struct week_job *job)
{
    return (struct week_question){.contract = job->contract,
                                  .monday = job->monday,
                                  .baseline = job->flags->baseline};
}

enum status week_show(struct week_job *job, struct error *error)
{
    struct week_view view;
    const struct week_question question = question_of(job);
    enum status status =
        week_view_read(job->postgres, &question, job->pool, &view, error);
    if (status == STATUS_OK)
        status = check_baseline(job, &view.inputs, error);
    if (status == STATUS_OK)
        status = week_view_check(job->postgres, &view.decision, job->pool, error);
    return status == STATUS_OK ? week_print(job, &view, error) : status;
}

/* ---- decide ------------------------------------------------------------------------------- */

static const int EXITS[WEEK_VERDICT_COUNT] = {
    [WEEK_PASS] = 0, [WEEK_FAIL] = EXIT_FOUND, [WEEK_NOT_DECIDABLE] = EXIT_AGAIN};

static bool is_text(struct span text, size_t least, size_t most)
{
    struct utf8_facts facts;
    return utf8_measure(text, &facts) && !facts.control && facts.code_points >= least &&
           facts.code_points <= most;
}

static enum status check_texts(const struct week_flags *flags, struct span by,
                               struct error *error)
{
    if (!is_text(by, 1, WEEK_ACTOR_MAX))
        return error_usage(error,
                           "--by: say who decides, in up to 200 characters of one line");
    if (flags->why == NULL && !flags->dry_run)
        return error_usage(error, "--why: say why, for those who read it in a year");
    if (flags->why != NULL && !is_text(span_from(flags->why), 1, WEEK_TEXT_MAX))
        return error_usage(error, "--why: up to 2000 characters of one line");
    return STATUS_OK;
}

static enum status keep(const struct week_job *job, const struct week_inputs *inputs,
                        struct week_decision *decision, struct error *error)
{
    const struct week_ruling ruling = {
        .inputs = inputs, .again = job->flags->again, .pool = job->pool};
    enum status status = store_week_decide(job->postgres, &ruling, decision, error);
    if (status == STATUS_REJECT && strcmp(error->code, "decided") == 0)
        (void)error_exit(error, EXIT_NOT_ALLOWED);
    return status;
}

enum status week_decide(struct week_job *job, struct error *error)
{
    char login[LOGIN_NAME_MAX_BYTES];
    struct week_view view;
    const struct week_question question = question_of(job);
    login_name(login);
    struct span by = span_from(job->flags->by != NULL ? job->flags->by : login);
    enum status status = check_texts(job->flags, by, error);
    if (status == STATUS_OK)
        status =
            store_week_inputs(job->postgres, &question, job->pool, &view.inputs, error);
    if (status == STATUS_OK)
        status = check_baseline(job, &view.inputs, error);
    if (status != STATUS_OK)
        return status;
    view.verdict = verdict_judge(&view.inputs);
    view.decision = (struct week_decision){.monday = job->monday,
                                           .verdict = view.verdict.verdict,
                                           .rule = span_from(view.verdict.look.rule->id),
                                           .handoff = span_from(view.verdict.handoff.to),
                                           .by = by,
                                           .why = span_from(job->flags->why)};
    if (!job->flags->dry_run)
        status = keep(job, &view.inputs, &view.decision, error);
    if (status != STATUS_OK)
        return status;
    job->exit_code = EXITS[view.verdict.verdict];
    return week_print_verdict(job, &view, error);
}

/* ---- the command --------------------------------------------------------------------------- */

struct verb {
    struct verb_words words;
    enum status (*run)(struct week_job *job, struct error *error); /* NULL: the rules */
};

static const struct verb VERBS[] = {{{"show", 0, 1}, week_show},
                                    {{"decide", 0, 1}, week_decide},
                                    {{"list", 0, 0}, week_list},
                                    {{"rules", 0, 0}, NULL}};

static enum status work(struct week_job *job, const struct verb *verb, const char *name,
                        struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(job->config, "parstock week", STATEMENT_TIMEOUT_MS);
    enum status status = output_parse(job->config, &job->output, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    job->postgres = postgres;
    status = week_view_find(postgres, span_from(name), &job->monday, error);
    return status == STATUS_OK ? verb->run(job, error) : status;
}

static enum status week_run(struct week_job *job, const struct parsed *parsed,
                            struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    const struct verb *verb = VERB_FIND(VERBS, parsed);
    int words = parsed->argc - parsed->first;
    if (verb == NULL)
        return error_usage(error, "say 'show' or 'decide', and a week or none; 'list' or "
                                  "'rules'");
    if (verb->run == NULL)
        return week_print_rules(job, error);
    if (job->config->contract_path == NULL || job->config->postgres == NULL)
        return no_settings(error);
    if (job->flags->limit < 1 || job->flags->limit > LIMIT_MAX)
        return error_usage(error, "--limit is 1 to 10000");
    enum status status =
        contract_file_load(job->config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    job->contract = contract;
    return work(job, verb, words > 1 ? parsed->argv[parsed->first + 1] : NULL, error);
}

int week_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct week_flags flags = {.limit = LIMIT};
    struct parsed parsed = {.argc = argc, .argv = argv};
    SCOPED(pool_free) struct pool pool;
    struct week_job job = {.config = &config, .flags = &flags, .pool = &pool};
    pool_init(&pool, POOL_BYTES_MAX);
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (week_run(&job, &parsed, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return job.exit_code;
}
