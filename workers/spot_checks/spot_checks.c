/*
 * parstock spot-checks: which shelves to count, and what was counted.
 */
#include "workers/spot_checks/spot_checks.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "workers/commands.h"

#include <stddef.h>

#define LIMIT 25
#define LIMIT_MAX 10000

static const struct flag FLAGS[] = {
    {"location", FLAG_TEXT, offsetof(struct spot_flags, location), "L",
     "list: only this location; record: where it was counted; code or alias"},
    {"limit", FLAG_INTEGER, offsetof(struct spot_flags, limit), "N",
     "list: at most so many; default 25"},
    {"sample", FLAG_INTEGER, offsetof(struct spot_flags, sample), "N",
     "list: so many more, drawn at random"},
    {"counted", FLAG_TEXT, offsetof(struct spot_flags, counted), "N",
     "record: how many units lie on the shelf"},
    {"at", FLAG_TEXT, offsetof(struct spot_flags, at), "TIME",
     "record: when it was counted (RFC 3339); default: now"},
    {"actor", FLAG_TEXT, offsetof(struct spot_flags, actor), "NAME",
     "record: who counted; default: the login name"},
    {"note", FLAG_TEXT, offsetof(struct spot_flags, note), "TEXT",
     "record: what else there is to say"},
    {"source", FLAG_TEXT, offsetof(struct spot_flags, source), "NAME",
     "record: source of the contract that the count is an event of; default: the one "
     "named spot-checks, if there is one"},
};

static const struct command_spec SPEC = {
    .name = "spot-checks",
    .summary = "which shelves to count, and what was counted",
    .usage = "list [--location L] [--sample N] | record SKU --location L --counted N",
    .detail =
        "list names shelves by what speaks for counting them: oversold items, incidents "
        "handed to inventory, sources that disagree or are stale, pairs that are found "
        "often, high-risk ones. What was counted since is left out. --sample draws more at "
        "random: where n of n agree, fewer than 3 in n shelves are wrong, with 95 percent "
        "confidence.\n\n"
        "record writes down what a person counted, what the books said, and which is "
        "higher. Where the contract has a source named spot-checks (or --source names "
        "one), the count is published as its stock.counted event too, and judged like any "
        "other; where it has none, it is written down and changes no level.",
    .operands = 2,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_OUTPUT | CONFIG_KAFKA,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status check_words(const struct parsed *parsed, bool *records_out,
                               struct error *error)
{
    int words = parsed->argc - parsed->first;
    const char *verb = words > 0 ? parsed->argv[parsed->first] : "";
    *records_out = strcmp(verb, "record") == 0;
    if ((*records_out && words == 2) || (strcmp(verb, "list") == 0 && words == 1))
        return STATUS_OK;
    return error_usage(error, "say 'list', or 'record' and a SKU");
}

static enum status prepare(struct spot_job *job, struct error *error)
{
    const struct spot_flags *flags = job->flags;
    if (flags->limit < 0 || flags->limit > LIMIT_MAX || flags->sample < 0 ||
        flags->sample > LIMIT_MAX)
        return error_usage(error, "--limit and --sample are up to 10000");
    if (flags->location != NULL) {
        int location = contract_location(job->contract, span_from(flags->location));
        if (location < 0)
            return error_usage(error, "--location is none of the contract's");
        job->location = job->contract->locations[location].code;
    }
    return output_parse(job->config, &job->output, error);
}

static enum status work(struct spot_job *job, const struct parsed *parsed, bool records,
                        struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(job->config, "parstock spot-checks", 0);
    enum status status = prepare(job, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    job->postgres = postgres;
    return records ? spot_record(job, parsed->argv[parsed->first + 1], error)
                   : spot_list(job, error);
}

static enum status spot_run(const struct config *config, const struct parsed *parsed,
                            struct spot_flags *flags, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    bool records = false;
    enum status status = check_words(parsed, &records, error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    if (flags->limit == 0)
        flags->limit = LIMIT;
    struct spot_job job = {.config = config, .contract = contract, .flags = flags};
    return work(&job, parsed, records, error);
}

int spot_checks_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct spot_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (spot_run(&config, &parsed, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
