/*
 * parstock doctor: checks everything outside that parstock depends on.
 */
#include "workers/doctor/doctor.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/json_text.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <stdarg.h>
#include <stdio.h>

#define OUTPUT_MAX ((size_t)1024 * 1024)

static const struct command_spec SPEC = {
    .name = "doctor",
    .summary = "check everything that parstock depends on",
    .usage = "[-o table|json|jsonl]",
    .detail =
        "Checks the contract file, the brokers and their topics, that producers put each SKU on "
        "one partition, Postgres and its schema, "
        "this machine's clock against Postgres', that each shop answers, takes the token, grants the scopes and (where it has a webhook secret) sends all webhooks, that the gateway's address can be listened on and which source has a token for it, and that no "
        "file with a secret can be read by everybody. It changes nothing. One line a check: "
        "ok, warn, fail or unreachable, with what to do about it.\n"
        "\n"
        "Ends with 0 where nothing failed (warnings allowed), 1 where a check failed, 69 "
        "where something could not be reached.",
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_WEBHOOKS |
            CONFIG_TOPICS | CONFIG_OUTPUT | CONFIG_GATEWAY,
};

static const char *const VERDICT_NAMES[] = {
    [VERDICT_OK] = "ok",
    [VERDICT_WARN] = "warn",
    [VERDICT_FAIL] = "fail",
    [VERDICT_UNREACHABLE] = "unreachable",
};

/* In the order of the output; the shops need the contract. */
static void (*const CHECKS[])(struct doctor *doctor) = {
    doctor_check_contract, doctor_check_kafka,   doctor_check_postgres,
    doctor_check_shops,    doctor_check_gateway, doctor_check_files,
};

struct finding *doctor_say(struct doctor *doctor, const char *check, enum verdict verdict,
                           const char *format, ...)
{
    va_list arguments;
    size_t at = doctor->count < FINDINGS_MAX ? doctor->count++ : FINDINGS_MAX - 1;
    struct finding *finding = &doctor->findings[at];
    *finding = (struct finding){.check = check, .verdict = verdict};
    va_start(arguments, format);
    (void)vsnprintf(finding->text, sizeof(finding->text), format, arguments);
    va_end(arguments);
    return finding;
}

struct finding *doctor_error(struct doctor *doctor, const char *check,
                             const struct error *error)
{
    bool away = error->status == STATUS_RETRY;
    return doctor_say(doctor, check, away ? VERDICT_UNREACHABLE : VERDICT_FAIL, "%s",
                      error->text);
}

/* ---- output --------------------------------------------------------------------------- */

static void finding_text(const struct finding *finding, struct buf *out)
{
    buf_format(out, "%-12s %-9s %s\n", VERDICT_NAMES[finding->verdict], finding->check,
               finding->text);
    if (finding->remedy != NULL)
        buf_format(out, "%-22s -> %s\n", "", finding->remedy);
}

static void finding_json(const struct finding *finding, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "check", span_from(finding->check));
    json_member_text(out, "verdict", span_from(VERDICT_NAMES[finding->verdict]));
    json_member_text(out, "text", span_from(finding->text));
    json_member_text(out, "remedy", span_from(finding->remedy));
    buf_byte(out, '}');
}

static size_t verdict_count(const struct doctor *doctor, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < doctor->count; i++)
        count += doctor->findings[i].verdict == verdict ? 1 : 0;
    return count;
}

static int exit_code(const struct doctor *doctor)
{
    if (verdict_count(doctor, VERDICT_UNREACHABLE) > 0)
        return EXIT_UNAVAILABLE;
    return verdict_count(doctor, VERDICT_FAIL) > 0 ? EXIT_FOUND : 0;
}

static void write_json(const struct doctor *doctor, struct buf *out)
{
    buf_byte(out, '{');
    json_name(out, "ok");
    buf_text(out, exit_code(doctor) == 0 ? "true" : "false");
    json_name(out, "checks");
    buf_byte(out, '[');
    for (size_t i = 0; i < doctor->count; i++) {
        if (i > 0)
            buf_byte(out, ',');
        finding_json(&doctor->findings[i], out);
    }
    buf_text(out, "]}\n");
}

static void write_lines(const struct doctor *doctor, bool json, struct buf *out)
{
    for (size_t i = 0; i < doctor->count; i++) {
        if (!json) {
            finding_text(&doctor->findings[i], out);
            continue;
        }
        finding_json(&doctor->findings[i], out);
        buf_byte(out, '\n');
    }
    if (!json)
        buf_format(out, "%zu ok, %zu warnings, %zu failed, %zu unreachable\n",
                   verdict_count(doctor, VERDICT_OK), verdict_count(doctor, VERDICT_WARN),
                   verdict_count(doctor, VERDICT_FAIL),
                   verdict_count(doctor, VERDICT_UNREACHABLE));
}

static void doctor_print(const struct doctor *doctor, enum output output)
{
    SCOPED(buf_free) struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (output == OUTPUT_JSON)
        write_json(doctor, &out);
    else
        write_lines(doctor, output == OUTPUT_JSONL, &out);
    fwrite(out.bytes, 1, out.length, stdout);
}

/* ---- the command ------------------------------------------------------------------------ */

static int doctor_run(const struct config *config, enum output output)
{
    static struct doctor doctor; /* too large for a stack */
    doctor.config = config;
    for (size_t i = 0; i < COUNT_OF(CHECKS) && !life_ending(); i++)
        CHECKS[i](&doctor);
    doctor_print(&doctor, output);
    contract_free(&doctor.contract);
    buf_free(&doctor.contract_text);
    return exit_code(&doctor);
}

int doctor_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    enum output output = OUTPUT_TABLE;
    enum status status = config_parse(&SPEC, &parsed, &config, NULL, &error);
    if (parsed.done)
        return 0;
    if (status == STATUS_OK && parsed.first < argc) {
        status = error_set(&error, STATUS_REJECT, "takes no arguments");
        error_exit(&error, EXIT_USAGE);
    }
    if (status == STATUS_OK)
        status = output_parse(&config, &output, &error);
    if (status == STATUS_OK)
        status = log_open("doctor", config.log_level, &error);
    if (status == STATUS_OK)
        status = life_begin(&error);
    return status == STATUS_OK ? doctor_run(&config, output) : config_fail(&SPEC, &error);
}
