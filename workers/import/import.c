/*
 * parstock import: CSV and JSON Lines feeds into stock-changes.
 */
#include "workers/import/import.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/utf8.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"
#include "workers/import/import_mapping.h"

#include <stddef.h>
#include <stdlib.h>

#define FILES_MAX 10000
#define SETTLE_SECONDS 5
#define SETTLE_SECONDS_MAX 3600

static const struct flag FLAGS[] = {
    {"mapping", FLAG_TEXT, offsetof(struct import_flags, mapping), "FILE",
     "how the feed is written and which column is which field "
     "(schemas/feed-mapping.schema.json)"},
    {"feed", FLAG_TEXT, offsetof(struct import_flags, feed), "NAME",
     "the feed's name, part of the ids of rows that have none; default: the mapping's, or "
     "the file's name"},
    {"rejects", FLAG_TEXT, offsetof(struct import_flags, rejects), "FILE",
     "where refused rows are written; default: FILE.rejects beside each file"},
    {"confirm", FLAG_TEXT, offsetof(struct import_flags, confirm), "FEED",
     "publish although the guard stopped it; the feed's name (or a shop's)"},
    {"watch", FLAG_TEXT, offsetof(struct import_flags, watch), "DIR",
     "import what is dropped there, until SIGTERM or SIGINT"},
    {"settle-seconds", FLAG_INTEGER, offsetof(struct import_flags, settle_seconds), "N",
     "of --watch: a file is taken once it has not changed for so long (1 to 3600, default "
     "5)"},
    {"snapshot", FLAG_SWITCH, offsetof(struct import_flags, snapshot), NULL,
     "the feed is complete: report the levels of its sources, at its locations, that it "
     "does not name; they stay as they are"},
    {"all-or-nothing", FLAG_SWITCH, offsetof(struct import_flags, all_or_nothing), NULL,
     "publish nothing if a single row is refused"},
    {"dry-run", FLAG_SWITCH, offsetof(struct import_flags, dry_run), NULL,
     "judge the rows and say what would change, publish nothing; needs no broker"},
};

static const struct command_spec SPEC = {
    .name = "import",
    .summary = "CSV or JSON Lines feeds into stock changes",
    .usage =
        "FILE... [--mapping FILE] [--dry-run] [--all-or-nothing] [-o table|json|jsonl]",
    .detail =
        "A file named .jsonl, .ndjson or .json is JSON Lines, any other one CSV as in RFC "
        "4180; the first line names the columns, and columns with the names of an event's "
        "fields are those fields. A mapping file says otherwise: other columns, constants, "
        "what values mean, how numbers and times are written, delimiter, quote, encoding.\n\n"
        "Every row is judged as apply will judge it. Good rows are published beside bad "
        "ones, unless --all-or-nothing. A bad row is named by file, physical line, reason "
        "and remedy, and written to FILE.rejects. A quote that is never closed costs its "
        "own row, not those after it.\n\n"
        "A row without an id gets one from the feed's name, its number in the file and "
        "its content: the same file imported twice changes nothing twice.\n\n"
        "With Postgres the feed is first held against the levels that are known. One that "
        "would change or empty too many (policy.guards of the contract) is stopped: nothing "
        "is published, an incident is opened, --confirm lets it pass. A run that was killed "
        "goes on where it was when it is started again.\n\n"
        "--watch takes files that have not changed for --settle-seconds and whose name "
        "does not say that they are still on their way (.tmp, .part, a dot at the front), "
        "moves each to DIR/working, and in the end to DIR/done, or to DIR/failed with its "
        "rejects if a row was refused or the guard stopped it.\n\n"
        "Ends with 0; 65 if a row or file was refused; 69 if a service is away; 75 if a "
        "signal stopped it or another process imports the file: run it again; 77 if the "
        "guard stopped it.",
    .operands = FILES_MAX,
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static enum status wrong_use(struct error *error, const char *text)
{
    (void)error_set(error, STATUS_REJECT, "%s", text);
    return error_exit(error, EXIT_USAGE);
}

static enum status missing_setting(struct error *error, const char *text)
{
    (void)error_set(error, STATUS_FATAL, "%s", text);
    return error_exit(error, EXIT_CONFIG);
}

static enum status check_usage(const struct config *config, struct import_flags *flags,
                               size_t files, struct error *error)
{
    if (flags->settle_seconds == 0)
        flags->settle_seconds = SETTLE_SECONDS;
    if (flags->settle_seconds < 1 || flags->settle_seconds > SETTLE_SECONDS_MAX)
        return wrong_use(error, "--settle-seconds is 1 to 3600");
    if ((files == 0) == (flags->watch == NULL))
        return wrong_use(error, "name the files to import, or a directory with --watch");
    if (flags->watch != NULL && (flags->dry_run || flags->confirm != NULL))
        return wrong_use(error, "--watch goes without --dry-run and --confirm");
    if (!flags->dry_run && config->kafka_brokers == NULL)
        return missing_setting(error,
                               "PARSTOCK_KAFKA_BROKERS is not set; --dry-run needs none");
    if (flags->snapshot && config->postgres == NULL)
        return missing_setting(error, "--snapshot needs PARSTOCK_POSTGRES: it says which "
                                      "known levels the feed does not name");
    return STATUS_OK;
}

/* Of the flag, the mapping, or the file. It stands in ids, tables and incidents. */
static enum status name_feed(const struct import_run *run, struct import_file *file,
                             struct error *error)
{
    struct utf8_facts facts;
    if (run->flags->feed != NULL)
        file->feed = span_from(run->flags->feed);
    else if (run->context.mapping->name.bytes != NULL)
        file->feed = run->context.mapping->name;
    if (utf8_measure(file->feed, &facts) && !facts.control && facts.code_points > 0 &&
        facts.code_points <= FEED_NAME_MAX)
        return STATUS_OK;
    return wrong_use(error, "the feed's name must be 1 to 200 characters without control "
                            "characters; --feed gives it one");
}

static void release_files(struct import_file **slot)
{
    free(*slot);
    *slot = NULL;
}

enum status import_files(struct import_run *run, const char *const *paths, size_t count,
                         struct error *error)
{
    SCOPED(release_files) struct import_file *files = calloc(count, sizeof(*files));
    enum status status = STATUS_OK;
    if (files == NULL)
        return error_set(error, STATUS_FATAL, "import: out of memory");
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        status = import_file_find(paths[at], &files[at], error);
        if (status == STATUS_OK)
            status = name_feed(run, &files[at], error);
    }
    if (status != STATUS_OK)
        return status;
    run->files = files;
    run->file_count = count;
    run->context.now_us = clock_now_us();
    return import_run(run, error);
}

static enum status once(struct import_run *run, enum output output,
                        const char *const *paths, size_t count, struct error *error)
{
    report_init(&run->report, output);
    rejects_init(&run->rejects, run->flags->rejects);
    enum status status = import_files(run, paths, count, error);
    if (run->file_count > 0)
        report_print(&run->report);
    rejects_free(&run->rejects);
    report_free(&run->report);
    return status;
}

static enum status import(struct import_run *run, const char *const *paths, size_t count,
                          struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    SCOPED(feed_mapping_free) struct feed_mapping *mapping = NULL;
    enum output output = OUTPUT_TABLE;
    enum status status = output_parse(run->config, &output, error);
    if (status == STATUS_OK)
        status = contract_file_load(run->config->contract_path, &text, &contract, error);
    if (status == STATUS_OK)
        status = import_mapping_load(run->flags->mapping, &mapping, error);
    if (status != STATUS_OK)
        return status;
    run->context.contract = contract;
    run->context.mapping = mapping;
    return run->flags->watch != NULL ? import_watch(run, error)
                                     : once(run, output, paths, count, error);
}

int import_main(int argc, char **argv)
{
    static struct import_run run; /* large, and there is one */
    struct error error = {0};
    struct config config = {0};
    struct import_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    size_t count = (size_t)(argc - parsed.first);
    enum status status = check_usage(&config, &flags, count, &error);
    if (status == STATUS_OK)
        status = log_open("import", config.log_level, &error);
    if (status == STATUS_OK)
        status = life_begin(&error);
    run.config = &config;
    run.flags = &flags;
    if (status == STATUS_OK)
        status = import(&run, (const char *const *)(argv + parsed.first), count, &error);
    return status == STATUS_OK ? import_exit_code(&run) : config_fail(&SPEC, &error);
}
