/*
 * parstock troubleshoot: one bundle of evidence of a synchronisation that went wrong.
 */
#include "workers/troubleshoot/troubleshoot.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/json_text.h"
#include "common/io/file_write.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/output.h"
#include "common/runtime/secrets.h"
#include "workers/commands.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define POOL_BYTES_MAX ((size_t)64 << 20)
#define FILE_BYTES_MAX ((size_t)64 << 20)
#define HOURS 24
#define HOURS_MAX 2400
#define HOUR_US INT64_C(3600000000)
#define SHOWN_SUSPECTS 5

struct trouble_flags {
    const char *out;
    int64_t hours;
};

static const struct flag FLAGS[] = {
    {"out", FLAG_TEXT, offsetof(struct trouble_flags, out), "FOLDER",
     "where to write; made if it is missing; default: parstock-troubleshoot-TIME here"},
    {"hours", FLAG_INTEGER, offsetof(struct trouble_flags, hours), "N",
     "what changed in the last N hours; default 24"},
};

static const struct command_spec SPEC = {
    .name = "troubleshoot",
    .summary = "one bundle of evidence: what changed, what waits, what failed, suspects",
    .usage = "[--out FOLDER] [--hours N] [-o table|json]",
    .detail =
        "Reads the contract file, Postgres, Kafka and the shops, and writes report.txt for "
        "people and bundle.json for programs: what changed (contract files, migrations, "
        "feeds, resyncs, catalogues, writes), how far everything is behind, what failed, "
        "when all was well last, the suspects in order, each with the reason, the next "
        "commands and its page. It changes nothing.\n\n"
        "Secrets and what customers wrote are left out: values of settings are not "
        "copied, of messages nothing is, and every text is searched for the secrets of "
        "the environment. What is away leaves a gap that the bundle names; it ends with "
        "69 only where nothing could be read at all.",
    .uses =
        CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_KAFKA | CONFIG_TOPICS | CONFIG_OUTPUT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* ---- files ------------------------------------------------------------------------------------------ */

static void name_folder(const struct trouble_flags *flags, int64_t now_us,
                        char room[PATH_MAX])
{
    struct tm utc = {0};
    time_t now = (time_t)(now_us / 1000000);
    if (flags->out != NULL) {
        (void)snprintf(room, PATH_MAX, "%s", flags->out);
        return;
    }
    (void)gmtime_r(&now, &utc);
    size_t length =
        strftime(room, PATH_MAX, "parstock-troubleshoot-%Y%m%dT%H%M%SZ", &utc);
    ASSERT(length > 0);
}

static enum status cannot(const char *folder, const char *name, int code,
                          struct error *error)
{
    (void)error_set(error, STATUS_REJECT, "%.300s/%s: %s%s", folder, name, strerror(code),
                    code == EEXIST ? ": a bundle is there already, name another --out"
                                   : "");
    return error_exit(error, EXIT_USAGE);
}

static enum status
write_file(const char *folder, const char *name, const struct trouble *trouble,
           void (*make)(const struct trouble *trouble, struct buf *out),
           struct error *error)
{
    SCOPED(buf_free) struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    make(trouble, &text);
    if (text.failed)
        return error_set(error, STATUS_FATAL, "out of memory");
    int code = file_write_new(folder, name, buf_view(&text));
    return code == 0 ? STATUS_OK : cannot(folder, name, code, error);
}

static enum status write_files(const char *folder, const struct trouble *trouble,
                               struct error *error)
{
    int code = file_folder(folder);
    if (code != 0)
        return cannot(folder, "", code, error);
    enum status status = write_file(folder, "bundle.json", trouble, trouble_json, error);
    if (status == STATUS_OK)
        status = write_file(folder, "report.txt", trouble, trouble_report, error);
    return status;
}

static enum status say(const struct trouble *trouble, const char *folder,
                       enum output output, struct error *error)
{
    SCOPED(buf_free) struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    if (output == OUTPUT_TABLE) {
        trouble_summary(trouble, SHOWN_SUSPECTS, &text);
        buf_format(&text, "all of it: %s/report.txt, %s/bundle.json\n", folder, folder);
    } else {
        buf_byte(&text, '{');
        json_member_text(&text, "folder", span_from(folder));
        json_member_number(&text, "suspects", (int64_t)trouble->suspects.count);
        json_member_text(&text, "first",
                         trouble->suspects.count > 0
                             ? span_from(trouble->suspects.all[0].rule->id)
                             : (struct span){0});
        json_member_number(&text, "gaps", (int64_t)trouble->gap_count);
        buf_text(&text, "}\n");
    }
    if (text.failed)
        return error_set(error, STATUS_FATAL, "out of memory");
    (void)fwrite(text.bytes, 1, text.length, stdout);
    return STATUS_OK;
}

/* ---- the command -------------------------------------------------------------------------------------- */

/* A file that can not be used is itself evidence. */
static void load_contract(struct trouble *trouble, struct buf *text,
                          struct contract **contract)
{
    struct error error = {0};
    if (trouble->config->contract_path == NULL)
        (void)error_set(&error, STATUS_REJECT, "PARSTOCK_CONTRACT is not set");
    else
        (void)contract_file_load(trouble->config->contract_path, text, contract, &error);
    trouble->contract = *contract;
    if (*contract == NULL)
        trouble_gap(trouble, "contract", &error);
}

static enum status bundle(struct trouble *trouble, const struct trouble_flags *flags,
                          struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    char folder[PATH_MAX];
    enum output output = OUTPUT_TABLE;
    enum status status = output_parse(trouble->config, &output, error);
    if (status == STATUS_OK && (flags->hours < 1 || flags->hours > HOURS_MAX))
        status = error_usage(error, "--hours is 1 to 2400");
    if (status == STATUS_OK)
        status = log_open("troubleshoot", trouble->config->log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = secrets_load(&trouble->redact, &trouble->pool, error);
    if (status != STATUS_OK)
        return status;
    trouble->now_us = clock_now_us();
    trouble->since_us = trouble->now_us - flags->hours * HOUR_US;
    name_folder(flags, trouble->now_us, folder);
    load_contract(trouble, &text, &contract);
    trouble_gather(trouble);
    status = write_files(folder, trouble, error);
    return status == STATUS_OK ? say(trouble, folder, output, error) : status;
}

int troubleshoot_main(int argc, char **argv)
{
    static struct trouble trouble; /* too large for a stack */
    struct error error = {0};
    struct config config = {0};
    struct trouble_flags flags = {.hours = HOURS};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    trouble.config = &config;
    pool_init(&trouble.pool, POOL_BYTES_MAX);
    enum status status = bundle(&trouble, &flags, &error);
    size_t answers = trouble.answers;
    pool_free(&trouble.pool);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return answers > 0 ? 0 : EXIT_UNAVAILABLE;
}
