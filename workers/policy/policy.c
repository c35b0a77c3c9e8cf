/*
 * parstock policy: is the rulebook of the contract file sound, and what does it say?
 */
#include "workers/policy/policy.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "workers/commands.h"

#include <stddef.h>

#define GIVEN_BYTES_MAX ((size_t)1024 * 1024)

static const struct flag FLAGS[] = {
    {"finding", FLAG_TEXT, offsetof(struct policy_flags, finding), "ID",
     "explain: which rule takes this finding of drift (needs --postgres)"},
    {"cause", FLAG_TEXT, offsetof(struct policy_flags, cause), "CAUSE",
     "explain: which rule takes a finding with this cause, and what is given beside it"},
    {"risk", FLAG_TEXT, offsetof(struct policy_flags, risk), "low|high",
     "explain: its risk; default: by the contract"},
    {"shop", FLAG_TEXT, offsetof(struct policy_flags, shop), "NAME", "explain: its shop"},
    {"location", FLAG_TEXT, offsetof(struct policy_flags, location), "L",
     "explain: its location, by code or alias"},
    {"sku", FLAG_TEXT, offsetof(struct policy_flags, sku), "SKU", "explain: its SKU"},
    {"tag", FLAG_TEXT, offsetof(struct policy_flags, tag), "TAG",
     "explain: a tag of its product"},
    {"desired", FLAG_TEXT, offsetof(struct policy_flags, desired), "N",
     "explain: the level that should be shown"},
    {"shown", FLAG_TEXT, offsetof(struct policy_flags, shown), "N",
     "explain: the level that the shop shows"},
    {"value", FLAG_TEXT, offsetof(struct policy_flags, value), "N",
     "explain: value of the difference, in whole units of the shop's currency"},
    {"drifted", FLAG_INTEGER, offsetof(struct policy_flags, drifted), "N",
     "explain: findings of the pair in the 24 hours before; default 0"},
    {"since", FLAG_TEXT, offsetof(struct policy_flags, since), "TIME",
     "simulate: from this time on (RFC 3339); default: 7 days before the end"},
    {"until", FLAG_TEXT, offsetof(struct policy_flags, until), "TIME",
     "simulate: up to this time; default: now"},
    {"all", FLAG_SWITCH, offsetof(struct policy_flags, all), NULL,
     "simulate: also the levels and findings that do not differ"},
};

static const struct command_spec SPEC = {
    .name = "policy",
    .summary = "check, explain and try the rules of the contract file",
    .usage = "lint | simulate | explain [--finding ID | --cause NAME] "
             "[-o table|json|jsonl]",
    .detail =
        "lint looks for rules that no finding reaches, that contradict one another, that "
        "do nothing, or that name what the contract does not have; and for guards that "
        "can not do what they say. Exit code 1 where it finds something, 78 where the file "
        "can not be used at all.\n\n"
        "explain prints the rulebook as it is applied: the bars that stand above all rules, "
        "the file's rules, the built-in ones behind them, and the guards. With --finding, "
        "or --cause and more, it says which rule takes such a finding, and why.\n\n"
        "simulate says what the contract file (give the new one as --contract) would have "
        "made of what was recorded: every event of the ledger and every finding of drift "
        "of the span is judged again by the same rules, under this file and under the one "
        "that was in force. It prints the levels, the numbers of shops and the findings "
        "that differ, in order of SKU and location, and the sums: what would have been "
        "resynced, escalated, observed or ignored, what would have been pushed, and units "
        "sold beyond what there was. It writes nothing. What shops should show is worked "
        "out from events alone, as by 'replay --into shadow'; rejected records are not in "
        "the ledger, so that an event that only the new file accepts is not seen.",
    .operands = 1,
    .uses = CONFIG_CONTRACT | CONFIG_OUTPUT | CONFIG_POSTGRES,
    .needs = CONFIG_CONTRACT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status explain(const struct config *config, const struct policy_flags *flags,
                           const struct contract *contract, enum output output,
                           struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    struct policy_facts facts;
    pool_init(&pool, GIVEN_BYTES_MAX);
    if (!policy_is_asked(flags)) {
        policy_print_rules(contract, output);
        return STATUS_OK;
    }
    const struct policy_asked asked = {config, flags, contract, &pool};
    enum status status = policy_given(&asked, &facts, error);
    if (status == STATUS_OK)
        policy_print_verdict(contract, &facts, output);
    return status;
}

static enum status check_words(const struct parsed *parsed, const char **verb_out,
                               struct error *error)
{
    *verb_out = parsed->first < parsed->argc ? parsed->argv[parsed->first] : "";
    if (strcmp(*verb_out, "lint") == 0 || strcmp(*verb_out, "explain") == 0 ||
        strcmp(*verb_out, "simulate") == 0)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "say 'lint', 'explain' or 'simulate'");
    return error_exit(error, EXIT_USAGE);
}

static enum status policy_run(const struct config *config, const struct parsed *parsed,
                              const struct policy_flags *flags, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    enum output output = OUTPUT_TABLE;
    const char *verb = NULL;
    enum status status = check_words(parsed, &verb, error);
    if (status == STATUS_OK)
        status = output_parse(config, &output, error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    if (strcmp(verb, "lint") == 0)
        return policy_print_lint(contract, output, error);
    if (strcmp(verb, "explain") == 0)
        return explain(config, flags, contract, output, error);
    const struct policy_asked asked = {config, flags, contract, NULL};
    return policy_simulate(&asked, output, error);
}

int policy_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct policy_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (policy_run(&config, &parsed, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
