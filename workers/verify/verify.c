/*
 * parstock verify pre|post|list|show: before and after a release, a migration or a bulk
 * change.
 */
#include "workers/verify/verify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/io/store_migrate.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/login.h"
#include "common/runtime/verb.h"
#include "workers/commands.h"

#define POOL_BYTES_MAX ((size_t)512 << 20)
#define STATEMENT_TIMEOUT_MS (600 * 1000)
#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 10000
#define NAME_MAX_BYTES 200

static const struct flag FLAGS[] = {
    {"name", FLAG_TEXT, offsetof(struct verify_flags, name), "NAME",
     "pre: what to call the sample; default: made of the time"},
    {"shop", FLAG_TEXT, offsetof(struct verify_flags, shop), "NAME",
     "only this shop of the contract; default: all of them"},
    {"confidence", FLAG_TEXT, offsetof(struct verify_flags, confidence), "PERCENT",
     "pre: how sure to notice; default 95"},
    {"share", FLAG_TEXT, offsetof(struct verify_flags, share), "PERCENT",
     "pre: what share of wrong pairs to notice; default 1"},
    {"sample", FLAG_INTEGER, offsetof(struct verify_flags, sample), "N",
     "pre: so many at random of each shop, instead of --share; 0: only high-risk ones"},
    {"seed", FLAG_INTEGER, offsetof(struct verify_flags, seed), "N",
     "pre: the same seed draws the same of the same pairs; default: of the time"},
    {"settle-seconds", FLAG_INTEGER, offsetof(struct verify_flags, settle_seconds), "N",
     "post: between two looks at a difference; default: the contract's"},
    {"actor", FLAG_TEXT, offsetof(struct verify_flags, actor), "NAME",
     "who asks; default: the login name"},
    {"limit", FLAG_INTEGER, offsetof(struct verify_flags, limit), "N",
     "list: the newest N (default 50)"},
};

static const struct command_spec SPEC = {
    .name = "verify",
    .summary = "hold the levels after a release or bulk change against those before it",
    .usage =
        "pre [--name NAME] | post [NAME] | show [NAME] | list  [-o table|json|jsonl]",
    .detail =
        "pre takes a sample and notes it: all high-risk pairs of SKU and location, and of "
        "the others as many at random as it takes to notice, with --confidence, that "
        "--share of them are wrong (95 and 1: 299). Of each it reads the ruling level, "
        "what should be shown, what the shop shows now, and the item itself: SKU, tracked, "
        "stocked, sold on below zero.\n\n"
        "post reads the same pairs again, the newest sample's or NAME's (a number is a "
        "run's). What events, orders, writes of ours or another contract file explain is "
        "only counted. What differs otherwise is looked at again after "
        "drift.settle_seconds; what stays is listed with before, after, what was expected "
        "and why. Nothing is changed in any shop.\n\n"
        "post ends with 0 where all is explained; 1: it is not; 75: pairs were under way "
        "to the end, ask again; 69: a shop or the database is away, so that nothing is "
        "proven. show prints the newest result of a sample again, list all samples.",
    .operands = 2,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_KAFKA | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* ---- verbs --------------------------------------------------------------------------------------- */

static enum status pre(struct verify_job *job, struct span name, const char **outcome_out,
                       struct error *error)
{
    *outcome_out = "ok";
    if (name.bytes != NULL)
        return error_usage(error, "the sample's name is given with --name");
    return verify_pre(job, error);
}

static enum status show(struct verify_job *job, struct span name,
                        const char **outcome_out, struct error *error)
{
    struct verify_check check = {0};
    *outcome_out = "ok";
    enum status status =
        store_verify_find(job->postgres, name, &job->pool, &job->run, error);
    if (status == STATUS_OK && job->run.id == 0)
        return error_usage(error,
                           "there is no such sample: 'parstock verify list' lists them");
    if (status == STATUS_OK)
        status =
            store_verify_check_of(job->postgres, job->run.id, &job->pool, &check, error);
    if (status != STATUS_OK)
        return status;
    return check.id != 0 ? verify_print_check(job, &check, error)
                         : verify_print_run(job, error);
}

static enum status list(struct verify_job *job, struct span name,
                        const char **outcome_out, struct error *error)
{
    *outcome_out = "ok";
    if (name.bytes != NULL)
        return error_usage(error, "list takes no name");
    return verify_print_list(job, error);
}

struct verb {
    struct verb_words words;
    enum status (*run)(struct verify_job *job, struct span name, const char **outcome_out,
                       struct error *error);
};

static const struct verb VERBS[] = {{{"pre", 0, 1}, pre},
                                    {{"post", 0, 1}, verify_post},
                                    {{"show", 0, 1}, show},
                                    {{"list", 0, 1}, list}};

/* ---- the command ---------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
    size_t length = text != NULL ? strlen(text) : 1;
    for (size_t at = 0; text != NULL && at < length; at++)
        if ((unsigned char)text[at] < 0x20 || text[at] == 0x7f)
            return false;
    return length > 0 && length <= NAME_MAX_BYTES;
}

static enum status check_flags(struct verify_job *job, struct error *error)
{
    const struct verify_flags *flags = job->flags;
    if (!is_plain(flags->name) || !is_plain(flags->actor))
        return error_usage(error,
                           "--name and --actor are one line of up to 200 bytes each");
    if (flags->settle_seconds > 86400 || flags->limit < 1 ||
        flags->limit > LIST_LIMIT_MAX)
        return error_usage(error, "--settle-seconds is up to 86400, --limit 1 to 10000");
    job->settle_ms = (flags->settle_seconds >= 0 ? flags->settle_seconds
                                                 : job->contract->drift_settle_seconds) *
                     1000;
    job->only_shop =
        flags->shop != NULL ? contract_shop(job->contract, span_from(flags->shop)) : -1;
    if (flags->shop != NULL && job->only_shop < 0)
        return error_usage(error, "--shop: the contract has no shop of that name");
    return output_parse(job->config, &job->output, error);
}

static enum status with_database(struct verify_job *job, const struct verb *verb,
                                 struct span name, const char **outcome_out,
                                 struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(job->config, "parstock verify", STATEMENT_TIMEOUT_MS);
    enum status status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    job->postgres = postgres;
    status = store_schema_version(postgres, &job->schema_version, error);
    return status == STATUS_OK ? verb->run(job, name, outcome_out, error) : status;
}

static enum status run(struct verify_job *job, const struct parsed *parsed,
                       const char **outcome_out, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    const struct verb *verb = VERB_FIND(VERBS, parsed);
    struct span name = {0};
    if (verb == NULL)
        return error_usage(error, "say 'pre', 'post', 'show' or 'list'");
    if (parsed->argc - parsed->first > 1)
        name = span_from(parsed->argv[parsed->first + 1]);
    enum status status = log_open("verify", job->config->log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = contract_file_load(job->config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    job->contract = contract;
    status = check_flags(job, error);
    return status == STATUS_OK ? with_database(job, verb, name, outcome_out, error)
                               : status;
}

static int exit_code_of(const char *outcome)
{
    if (strcmp(outcome, "failed") == 0)
        return EXIT_FOUND;
    return strcmp(outcome, "undecided") == 0 ? EXIT_AGAIN : 0;
}

int verify_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct verify_flags flags = {
        .sample = -1, .seed = -1, .settle_seconds = -1, .limit = LIST_LIMIT};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct verify_job job = {.config = &config, .flags = &flags};
    char login[LOGIN_NAME_MAX_BYTES];
    const char *outcome = "ok";
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    login_name(login);
    job.actor = span_from(flags.actor != NULL ? flags.actor : login);
    pool_init(&job.pool, POOL_BYTES_MAX);
    enum status status = run(&job, &parsed, &outcome, &error);
    pool_free(&job.pool);
    if (status == STATUS_RETRY && strcmp(error.code, "throttled") == 0)
        (void)error_exit(&error, EXIT_AGAIN);
    return status == STATUS_OK ? exit_code_of(outcome) : config_fail(&SPEC, &error);
}
