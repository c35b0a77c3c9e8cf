/*
 * parstock explain: every event, write and finding that made a SKU's numbers what they are.
 */
#include "workers/explain/explain.h"
#include "workers/explain/explain_lines.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/rfc3339.h"
#include "common/codec/sku_unicode.h"
#include "common/runtime/contract_file.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

struct explain_flags {
    const char *location;
    const char *at;
};

static const struct flag FLAGS[] = {
    {"location", FLAG_TEXT, offsetof(struct explain_flags, location), "L",
     "only this location (code, or with --contract an alias)"},
    {"at", FLAG_TEXT, offsetof(struct explain_flags, at), "TIME",
     "as it was known at this time (RFC 3339, e.g. 2026-11-25T12:00:00Z)"},
};

static const struct command_spec SPEC = {
    .name = "explain",
    .summary = "every event, write and finding that made a SKU's numbers",
    .usage = "SKU [--location L] [--at TIME] [-o table|json|jsonl]",
    .detail =
        "Any spelling of the SKU: it is normalised. For each of its locations: the rows of "
        "the ledger in order of judging, with the rule that decided and the level before "
        "and after; the reading of each source, and which one rules; for each shop the "
        "steps from the level to what it should show, what it shows, and why it is left "
        "alone if it is; the newest writes; findings of drift; the open incidents. Ranks and steps need the "
        "contract file.\n\n"
        "It checks that the lines sum to the level: that each row starts from the level "
        "that the row before it left, that the last one leaves the level, and that the "
        "level is the reading of its source. Exit code 1 where they do not.\n\n"
        "Duplicates, rejected and rekeyed records leave no row in the ledger: 'audit' "
        "counts them, and the rejected are on the topic dead-letters. Rows that retention "
        "has dropped are gone; from when on the ledger is whole is said. An order without "
        "a location stands under none and counts at every one.\n\n"
        "With --at: what was judged and settled up to then; the level is the one that the "
        "last row left. What the shops should have shown and showed is what was written "
        "down last: by a write, a comparison or a repair. Readings are worked out again "
        "from the rows, by the contract file that is given. Incidents are those that were "
        "open then, as they stand now.\n\n"
        "For a person it tells everything in order of time, in 80 columns, and in colour "
        "on a terminal unless NO_COLOR is set. In JSON a location is an object with sku, "
        "location, quantity, source, occurred_at, version, sums and problems, and the lists "
        "events, readings, shops, steps, writes, movements, actions, spot_checks, findings "
        "and incidents. A SKU of which nothing is known gives none, and exit code 0.",
    .operands = 1,
    .uses = CONFIG_POSTGRES | CONFIG_OUTPUT | CONFIG_CONTRACT,
    .needs = CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* ---- the question --------------------------------------------------------------------------- */

static enum status ask_sku(struct explain *explain, const char *raw, struct error *error)
{
    unsigned steps =
        explain->contract != NULL ? explain->contract->sku_steps : SKU_ALL_STEPS;
    enum reason reason =
        sku_normalise(span_from(raw), steps, &explain->pool, &explain->question.sku);
    if (reason == REASON_NONE)
        return STATUS_OK;
    (void)error_set(error, STATUS_REJECT, "the SKU: %s: %s", reason_code(reason),
                    reason_remedy(reason));
    return error_exit(error, EXIT_DATA);
}

static void ask_location(struct explain *explain, const char *name)
{
    const struct contract *contract = explain->contract;
    explain->question.location = span_from(name);
    if (name == NULL || contract == NULL)
        return;
    int location = contract_location(contract, span_from(name));
    if (location >= 0)
        explain->question.location = contract->locations[location].code;
}

static enum status ask_at(struct explain *explain, const char *at, struct error *error)
{
    explain->question.has_at = at != NULL;
    if (at == NULL || rfc3339_parse(span_from(at), &explain->question.at_us))
        return STATUS_OK;
    (void)error_set(
        error, STATUS_REJECT,
        "--at %.60s: not a time as RFC 3339 has it; e.g. 2026-11-25T12:00:00Z", at);
    return error_exit(error, EXIT_USAGE);
}

static enum status ask(struct explain *explain, const struct parsed *parsed,
                       const struct explain_flags *flags, struct error *error)
{
    if (parsed->argc - parsed->first != 1) {
        (void)error_set(error, STATUS_REJECT, "say which SKU");
        return error_exit(error, EXIT_USAGE);
    }
    enum status status = ask_at(explain, flags->at, error);
    if (status == STATUS_OK)
        status = ask_sku(explain, parsed->argv[parsed->first], error);
    ask_location(explain, flags->location);
    return status;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void say_unknown(const struct explain *explain)
{
    const struct explain_question *question = &explain->question;
    fprintf(stderr, "parstock explain: nothing is known of SKU %.*s",
            SPAN_ARGS(question->sku));
    if (question->location.bytes != NULL)
        fprintf(stderr, " at %.*s", SPAN_ARGS(question->location));
    if (question->has_at)
        fputs(" at that time", stderr);
    if (explain->incident_count > 0)
        fprintf(stderr, "; %zu open incidents name it: 'parstock incidents list'",
                explain->incident_count);
    fputc('\n', stderr);
}

static enum status answer(struct explain *explain, const struct config *config,
                          struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options = {.dsn = config->postgres,
                                             .schema = config->schema,
                                             .application_name = "parstock explain",
                                             .statement_timeout_ms = 3600 * 1000};
    enum status status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK)
        status = store_explain_begin(postgres, error);
    if (status == STATUS_OK)
        status = explain_gather(explain, postgres, error);
    if (status == STATUS_OK)
        status = explain_tell(explain, postgres, error);
    if (status == STATUS_OK && explain->places_told == 0)
        say_unknown(explain);
    return status;
}

/* Readings of a past moment come from its rows, by the contract's rules. */
static enum status open_fold(struct explain *explain, struct error *error)
{
    if (!explain->question.has_at || explain->contract == NULL)
        return STATUS_OK;
    explain->fold = pool_take(&explain->pool, sizeof(*explain->fold));
    if (explain->fold == NULL)
        return error_set(error, STATUS_FATAL, "explain: out of memory");
    fold_open(explain->fold, explain->contract);
    return STATUS_OK;
}

static void begin(struct explain *explain)
{
    explain->colour = lines_want_colour();
    pool_init(&explain->pool, EXPLAIN_POOL_MAX);
    buf_init(&explain->line, EXPLAIN_LINE_MAX);
    buf_init(&explain->told.location_text, EXPLAIN_LINE_MAX);
    buf_init(&explain->told.last_source, EXPLAIN_LINE_MAX);
}

static void end(struct explain *explain)
{
    store_explain_release(&explain->found);
    if (explain->fold != NULL)
        fold_close(explain->fold);
    buf_free(&explain->told.last_source);
    buf_free(&explain->told.location_text);
    buf_free(&explain->line);
    pool_free(&explain->pool);
}

static enum status explain_run(struct explain *explain, const struct config *config,
                               const struct parsed *parsed,
                               const struct explain_flags *flags, struct error *error)
{
    begin(explain);
    enum status status = output_parse(config, &explain->output, error);
    if (status == STATUS_OK)
        status = ask(explain, parsed, flags, error);
    if (status == STATUS_OK)
        status = open_fold(explain, error);
    if (status == STATUS_OK)
        status = answer(explain, config, error);
    end(explain);
    return status;
}

int explain_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct explain_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct buf text = {0};
    struct explain explain = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    enum status status = STATUS_OK;
    if (config.contract_path != NULL)
        status = contract_file_load(config.contract_path, &text, &contract, &error);
    explain.contract = contract;
    if (status == STATUS_OK)
        status = explain_run(&explain, &config, &parsed, &flags, &error);
    buf_free(&text);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return explain.problems == 0 ? 0 : EXIT_FOUND;
}
