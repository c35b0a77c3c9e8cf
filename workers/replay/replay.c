/*
 * parstock replay: the history of the topic judged once more.
 */
#include "workers/replay/replay.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"
#include "workers/replay/replay_live.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define POOL_MAX ((size_t)8 * 1024 * 1024)
#define STATEMENT_MS (3600 * 1000)
#define LIMIT_DEFAULT 100
#define LIMIT_MAX 10000000
#define LAG_DEFAULT 20000
#define SAMPLE_DEFAULT 20000
#define RATE_NOT_SAID INT64_MIN
#define RATE_INTO_LIVE 2000

static const struct flag FLAGS[] = {
    {"into", FLAG_TEXT, offsetof(struct replay_flags, into), "shadow|live",
     "plan, run: where the records are judged (default shadow)"},
    {"name", FLAG_TEXT, offsetof(struct replay_flags, name), "NAME",
     "of the shadow, whose schema is <schema>_shadow_NAME (default main)"},
    {"since", FLAG_TEXT, offsetof(struct replay_flags, since), "TIME",
     "only records that the topic got at or after that time (RFC 3339)"},
    {"until", FLAG_TEXT, offsetof(struct replay_flags, until), "TIME",
     "only records that it got before that time"},
    {"from", FLAG_TEXT, offsetof(struct replay_flags, from), "P:OFFSET,..",
     "only these partitions, from these offsets on"},
    {"to", FLAG_TEXT, offsetof(struct replay_flags, to), "P:OFFSET,..",
     "of these partitions only what lies before the offset"},
    {"sku", FLAG_TEXT, offsetof(struct replay_flags, sku), "SKU",
     "only this SKU (any spelling: it is normalised)"},
    {"source", FLAG_TEXT, offsetof(struct replay_flags, source), "NAME",
     "only what this source or shop says"},
    {"from-file", FLAG_TEXT, offsetof(struct replay_flags, file), "FILE",
     "run --into live: the records of an archive that 'replay export' wrote"},
    {"out", FLAG_TEXT, offsetof(struct replay_flags, out), "FILE",
     "export: where to; JSON Lines, it must not exist"},
    {"rate", FLAG_INTEGER, offsetof(struct replay_flags, rate), "N",
     "run: records a second of each (default 2000 into live; 0 = as fast as it goes)"},
    {"fresh", FLAG_SWITCH, offsetof(struct replay_flags, fresh), NULL,
     "run: drop the shadow of that name (into live: give up the unfinished batch of this "
     "choice) and begin anew"},
    {"accept-gap", FLAG_SWITCH, offsetof(struct replay_flags, accept_gap), NULL,
     "run: also where the topic no longer holds all that was judged; such a shadow can be "
     "compared, not promoted"},
    {"sample", FLAG_INTEGER, offsetof(struct replay_flags, sample), "N",
     "plan: judge the first N records of the choice (default 20000; 0 = none)"},
    {"limit", FLAG_INTEGER, offsetof(struct replay_flags, limit), "N",
     "status: list the first N differences (default 100; 0 = none)"},
    {"confirm", FLAG_TEXT, offsetof(struct replay_flags, confirm), "NAME",
     "promote: the shadow's name, to say that it is meant"},
    {"max-lag", FLAG_INTEGER, offsetof(struct replay_flags, max_lag), "N",
     "promote: records that may be judged while the live state waits (default 20000)"},
    {"dry-run", FLAG_SWITCH, offsetof(struct replay_flags, dry_run), NULL,
     "promote: say what would change, change nothing"},
};

static const struct command_spec SPEC = {
    .name = "replay",
    .summary = "judge the history of the topic once more",
    .usage = "plan|run|status|promote|drop|export [--into shadow|live] [--name NAME]",
    .detail =
        "plan says how many records a choice holds, what judging a sample of them comes "
        "to, and how long all of it would take. Nothing stays of it.\n\n"
        "run --into shadow judges the choice (all of the topic where none is given) with "
        "the contract file of --contract into a schema of its own beside the live state: "
        "readings, levels, ledger, what shops should show. Nothing is pushed and nothing "
        "emitted. It ends where the live state was when it began, goes on where it was "
        "when it is started again, and shares the partitions with every other run of the "
        "same shadow.\n\n"
        "status holds the shadow against the live state, by digest and row by row, and "
        "ends with 1 where they differ. promote lets it take the live state's place: in "
        "one transaction, under the fence of every partition, so that apply goes on from "
        "the same offsets. What was live is kept as a shadow named former_N, which "
        "'parstock undo promotion-N' brings back. drop removes either.\n\n"
        "run --into live publishes the choice once more, behind what is on the topic, at "
        "--rate: what the ledger knows is a duplicate, what it does not know (a source or "
        "location that the contract file got since, an archive) is judged as any event. "
        "Changes older than the ledger remembers are left out: they could be repeats. It "
        "goes on where it was; several may run.\n\n"
        "export writes the choice to a file of JSON Lines, from which --from-file reads.\n\n"
        "Large replays take Postgres and the broker from live traffic: where KEDA scales "
        "apply, pause it (annotation autoscaling.keda.sh/paused), and see "
        "docs/replay.md.",
    .operands = 1,
    .uses =
        CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_OUTPUT | CONFIG_LANES,
    .needs = CONFIG_KAFKA | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct verb {
    const char *name;
    enum status (*run)(struct replay *replay, struct error *error);
    bool needs_contract;
};

static const struct verb VERBS[] = {
    {"plan", replay_plan_verb, true},      {"run", replay_run_verb, true},
    {"status", replay_status_verb, false}, {"promote", replay_promote_verb, true},
    {"drop", replay_drop_verb, false},     {"export", replay_export_verb, true},
};

enum status replay_refuse(struct error *error, int exit_code, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    enum status status = exit_code == EXIT_AGAIN ? STATUS_RETRY : STATUS_REJECT;
    (void)error_set(error, status, "%s", text);
    return error_exit(error, exit_code);
}

enum status replay_contract(struct replay *replay, struct error *error)
{
    return contract_file_load(replay->config->contract_path, &replay->contract_text,
                              &replay->contract, error);
}

enum status replay_connect(const struct replay *replay, const char *schema,
                           struct postgres **slot, struct error *error)
{
    const struct postgres_options options = {.dsn = replay->config->postgres,
                                             .schema = schema,
                                             .application_name = "parstock replay",
                                             .statement_timeout_ms = STATEMENT_MS};
    return *slot != NULL ? STATUS_OK : postgres_open(&options, slot, error);
}

enum status replay_live(struct replay *replay, struct error *error)
{
    return replay_connect(replay, replay->config->schema, &replay->live, error);
}

enum status replay_shadow(struct replay *replay, struct error *error)
{
    return replay_connect(replay, replay->shadow_schema, &replay->shadow, error);
}

static void replay_close(struct replay *replay)
{
    kafka_span_close(&replay->span);
    postgres_close(&replay->shadow);
    postgres_close(&replay->live);
    contract_free(&replay->contract);
    buf_free(&replay->contract_text);
    pool_free(&replay->pool);
}

static enum status check_way(const struct replay_flags *flags, struct error *error)
{
    bool is_live = strcmp(flags->into, "live") == 0;
    if (!is_live && strcmp(flags->into, "shadow") != 0)
        return replay_refuse(error, EXIT_USAGE, "--into is shadow or live");
    if (flags->file != NULL && !is_live)
        return replay_refuse(error, EXIT_USAGE, "--from-file goes with --into live");
    if (flags->file != NULL && (flags->since != NULL || flags->until != NULL ||
                                flags->from != NULL || flags->to != NULL))
        return replay_refuse(error, EXIT_USAGE,
                             "of a file --sku and --source choose, not offsets or times");
    return STATUS_OK;
}

static enum status check_flags(struct replay_flags *flags, struct error *error)
{
    if (flags->into == NULL)
        flags->into = "shadow";
    if (flags->name == NULL)
        flags->name = "main";
    if (flags->limit < 0 || flags->limit > LIMIT_MAX)
        return replay_refuse(error, EXIT_USAGE, "--limit is 0 to %d", LIMIT_MAX);
    if (flags->sample < 0 || flags->max_lag < 0)
        return replay_refuse(error, EXIT_USAGE,
                             "--sample and --max-lag are not below zero");
    if (flags->rate == RATE_NOT_SAID)
        flags->rate = strcmp(flags->into, "live") == 0 ? RATE_INTO_LIVE : 0;
    if (flags->rate < 0)
        return replay_refuse(error, EXIT_USAGE, "--rate is not below zero");
    if (flags->fresh && replay_is_former(flags->name))
        return replay_refuse(
            error, EXIT_USAGE,
            "a former state can't be made anew; 'replay drop' removes it");
    return check_way(flags, error);
}

static enum status run_verb(struct replay *replay, const struct verb *verb,
                            struct error *error)
{
    ASSERT(verb != NULL);
    pool_init(&replay->pool, POOL_MAX);
    (void)snprintf(replay->topic, sizeof(replay->topic), "%sstock-changes",
                   replay->config->topic_prefix);
    replay->kafka = config_kafka(replay->config, "parstock-replay");
    enum status status = output_parse(replay->config, &replay->output, error);
    if (status == STATUS_OK)
        status = shadow_schema(replay->config->schema, replay->flags->name,
                               replay->shadow_schema, error);
    if (status == STATUS_OK && verb->needs_contract)
        status = replay_contract(replay, error);
    if (status == STATUS_OK)
        status = replay_live(replay, error);
    if (status == STATUS_OK)
        status = verb->run(replay, error);
    return status;
}

static const struct verb *find_verb(int count, char **words)
{
    for (size_t at = 0; count == 1 && at < COUNT_OF(VERBS); at++)
        if (strcmp(words[0], VERBS[at].name) == 0)
            return &VERBS[at];
    return NULL;
}

static enum status check(const struct verb *verb, const struct config *config,
                         struct replay_flags *flags, struct error *error)
{
    if (verb == NULL)
        return replay_refuse(
            error, EXIT_USAGE,
            "say one of: replay plan, run, status, promote, drop, export");
    if (verb->needs_contract && config->contract_path == NULL)
        return replay_refuse(error, EXIT_CONFIG, "PARSTOCK_CONTRACT is not set");
    return check_flags(flags, error);
}

int replay_main(int argc, char **argv)
{
    static struct replay replay; /* large, and there is one */
    struct error error = {0};
    struct config config = {0};
    struct replay_flags flags = {.limit = LIMIT_DEFAULT,
                                 .max_lag = LAG_DEFAULT,
                                 .sample = SAMPLE_DEFAULT,
                                 .rate = RATE_NOT_SAID};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    const struct verb *verb = find_verb(argc - parsed.first, argv + parsed.first);
    enum status status = check(verb, &config, &flags, &error);
    if (status == STATUS_OK)
        status = log_open("replay", config.log_level, &error);
    if (status == STATUS_OK)
        status = life_begin(&error);
    replay.config = &config;
    replay.flags = &flags;
    if (status == STATUS_OK)
        status = run_verb(&replay, verb, &error);
    replay_close(&replay);
    return status == STATUS_OK ? 0 : config_fail(&SPEC, &error);
}
