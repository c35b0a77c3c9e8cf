/*
 * parstock retention: makes the ledger's partitions of the days ahead, drops the old ones.
 */
#include "workers/retention/retention.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/json_text.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/metrics.h"
#include "common/runtime/output.h"
#include "workers/commands.h"

#include <stdio.h>
#include <stdlib.h>

#define INTERVAL_SECONDS 3600
#define REPORT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define ALIVE_EVERY_MS 5000

struct retention_flags {
    bool dry_run;
    bool watch;
    int64_t interval_seconds;
};

static const struct flag FLAGS[] = {
    {"dry-run", FLAG_SWITCH, offsetof(struct retention_flags, dry_run), NULL,
     "say what would be done, change nothing"},
    {"watch", FLAG_SWITCH, offsetof(struct retention_flags, watch), NULL,
     "run until SIGTERM or SIGINT, a pass every --interval-seconds"},
    {"interval-seconds", FLAG_INTEGER, offsetof(struct retention_flags, interval_seconds),
     "N", "of --watch, 1 to 86400; default 3600"},
};

static const struct command_spec SPEC = {
    .name = "retention",
    .summary = "the ledger's partitions: make those ahead, drop the old",
    .usage = "[--dry-run | --watch] [-o table|json]",
    .detail =
        "The ledger has a partition a day (UTC). A pass makes those of today and the next 7 "
        "days, with the rows that came while they were missing, and drops those that have "
        "been over for a day more than retention.idempotency_days of the contract file "
        "(default 35); what is dropped is counted, so that audit still adds up. It never "
        "holds apply up for long: it waits 200 ms for a lock, up to 10 times, and leaves "
        "the rest to the next pass. One pass a database at a time.\n\n"
        "What happened beside the ledger goes too: comparisons, findings, what was done "
        "about them, spot checks, dead letters that were sent again and what was sent to take "
        "batches back (neither before 35 days) after retention.drift_days (default 400), writes "
        "to the shops with the ledger (the newest of each pair stays), closed incidents with "
        "their log and alerts, and who took what back, after "
        "retention.incident_days (absent: never).\n\n"
        "Weeks that are over are sealed: their digests stand in a chain that audit checks. "
        "Nothing is dropped before it is sealed.\n\n"
        "Adjustments are kept whatever their age: a count may arrive as late as it likes, "
        "and those that occurred after it are added to it.\n\n"
        "Exit code 75 where something is left to the next pass: a lock was not to be had, or "
        "another process is at it. migrate makes the partitions of the first week; after "
        "that run this once a day at least, or keep it running with --watch.",
    .uses = CONFIG_POSTGRES | CONFIG_CONTRACT | CONFIG_OUTPUT | CONFIG_ADMIN,
    .needs = CONFIG_POSTGRES | CONFIG_CONTRACT,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

static struct postgres_options options_of(const struct config *config)
{
    return (struct postgres_options){.dsn = config->postgres,
                                     .schema = config->schema,
                                     .application_name = "parstock retention",
                                     .statement_timeout_ms = 3600 * 1000};
}

/* ---- the report --------------------------------------------------------------------------- */

/* "2026-11-25" */
static void date_text(int32_t day, char text_out[RETENTION_NAME_MAX])
{
    char name[RETENTION_NAME_MAX];
    retention_name(day, name);
    const char *digits = name + strlen("ledger_");
    (void)snprintf(text_out, RETENTION_NAME_MAX, "%.4s-%.2s-%.2s", digits, digits + 4,
                   digits + 6);
}

static void add_step_json(struct buf *out, const struct pass *pass, size_t at)
{
    const struct retention_step *step = &pass->plan.steps[at];
    char name[RETENTION_NAME_MAX];
    char day[RETENTION_NAME_MAX];
    retention_name(step->day, name);
    date_text(step->day, day);
    bool purged = step->act == RETENTION_PURGE;
    buf_text(out, at > 0 ? ",{" : "{");
    json_member_text(out, "act", span_from(retention_act_name(step->act)));
    json_member_text(out, "day", span_from(day));
    json_member_text(out, "partition", span_from(purged ? "ledger_default" : name));
    json_member_number(out, "rows", step->rows);
    json_member_text(out, "state", span_from(step_state_name(pass->states[at])));
    buf_byte(out, '}');
}

static void add_history_json(struct buf *out, const struct pass *pass)
{
    json_name(out, "history_removed");
    for (size_t at = 0; at < RETENTION_HISTORY_COUNT; at++) {
        buf_text(out, at > 0 ? "," : "{");
        buf_format(out, "\"%s\":%lld", retention_history_name(at),
                   (long long)pass->history_removed[at]);
    }
    buf_byte(out, '}');
}

static enum status print_json(const struct pass *pass, struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    char first[RETENTION_NAME_MAX] = "";
    if (!pass->is_elsewhere)
        date_text(pass->plan.first_day, first);
    buf_init(&out, REPORT_BYTES_MAX);
    buf_format(&out, "{\"dry_run\":%s,\"elsewhere\":%s,\"keep_days\":%lld",
               pass->dry_run ? "true" : "false", pass->is_elsewhere ? "true" : "false",
               (long long)pass->found.keep_days);
    json_member_text(&out, "first_day", span_from(first[0] != '\0' ? first : NULL));
    json_name(&out, "held_back");
    buf_text(&out, pass->plan.is_held_back ? "true" : "false");
    json_member_number(&out, "partitions_before", (int64_t)pass->found.partition_count);
    json_member_number(&out, "runs_removed", pass->runs_removed);
    json_member_number(&out, "units_removed", pass->units_removed);
    json_member_number(&out, "imports_removed", pass->imports_removed);
    add_history_json(&out, pass);
    json_member_number(&out, "seals_made", pass->seals_made);
    json_name(&out, "steps");
    buf_byte(&out, '[');
    for (size_t at = 0; at < pass->plan.count; at++)
        add_step_json(&out, pass, at);
    buf_text(&out, "]}");
    if (out.failed)
        return error_set(error, STATUS_FATAL, "retention: out of memory");
    puts(out.bytes);
    return STATUS_OK;
}

static void print_table(const struct pass *pass)
{
    for (size_t at = 0; at < pass->plan.count; at++) {
        const struct retention_step *step = &pass->plan.steps[at];
        char day[RETENTION_NAME_MAX];
        date_text(step->day, day);
        if (at == 0)
            printf("%-8s %-10s %12s %s\n", "ACT", "DAY", "STRAY ROWS", "STATE");
        printf("%-8s %-10s %12lld %s\n", retention_act_name(step->act), day,
               (long long)step->rows, step_state_name(pass->states[at]));
    }
    if (pass->is_elsewhere)
        puts("retention: another process is at it; nothing was done");
    else if (pass->plan.count == 0)
        printf("retention: nothing to do; %zu partitions\n", pass->found.partition_count);
    if (pass->plan.is_held_back)
        puts("old days are kept: the broker lacks records that the ledger says; is apply "
             "running?");
    if (pass->seals_made > 0)
        printf("%lld seals of the ledger made\n", (long long)pass->seals_made);
    if (pass->runs_removed > 0)
        printf("%lld runs of keys removed\n", (long long)pass->runs_removed);
    if (pass->units_removed > 0)
        printf("%lld sold units that every source has seen removed\n",
               (long long)pass->units_removed);
    for (size_t at = 0; at < RETENTION_HISTORY_COUNT; at++)
        if (pass->history_removed[at] > 0)
            printf("%lld rows of %s removed\n", (long long)pass->history_removed[at],
                   retention_history_name(at));
}

static enum status check_left(const struct pass *pass, struct error *error)
{
    if (pass->busy == 0 && !pass->is_elsewhere)
        return STATUS_OK;
    (void)error_set(error, STATUS_RETRY,
                    pass->is_elsewhere
                        ? "another process is at it; try again when it is done"
                        : "%zu steps got no lock; try again, or when apply is less busy",
                    pass->busy);
    return error_exit(error, EXIT_AGAIN);
}

static enum status run_once(const struct config *config, struct pass *pass,
                            struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    enum output output = OUTPUT_TABLE;
    const struct postgres_options options = options_of(config);
    enum status status = output_parse(config, &output, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK)
        status = pass_run(postgres, pass, error);
    if (status != STATUS_OK)
        return status;
    if (output == OUTPUT_TABLE)
        print_table(pass);
    else
        status = print_json(pass, error);
    return status == STATUS_OK ? check_left(pass, error) : status;
}

/* ---- the worker ------------------------------------------------------------------------------ */

struct watch_metrics {
    struct metric *acts[RETENTION_ACT_COUNT];
    struct metric *failures;
    struct metric *succeeded_at;
    struct metric *partitions;
};

static void make_metrics(struct watch_metrics *metrics)
{
    for (int act = 0; act < RETENTION_ACT_COUNT; act++) {
        char labels[32];
        (void)snprintf(labels, sizeof(labels), "act=\"%s\"",
                       retention_act_name((enum retention_act)act));
        metrics->acts[act] = metrics_counter("parstock_retention_steps_total", labels,
                                             "Steps of retention that were done.");
    }
    metrics->failures = metrics_counter("parstock_retention_failures_total", "",
                                        "Passes that left something undone.");
    metrics->succeeded_at =
        metrics_gauge("parstock_retention_last_success_timestamp_seconds", "",
                      "When a pass last left nothing undone.");
    metrics->partitions =
        metrics_gauge("parstock_retention_partitions", "",
                      "Partitions of the ledger that the last pass found.");
}

static void count_pass(const struct watch_metrics *metrics, const struct pass *pass)
{
    for (size_t at = 0; at < pass->plan.count; at++)
        if (pass->states[at] == STEP_DONE)
            metric_add(metrics->acts[pass->plan.steps[at].act], 1);
    metric_set(metrics->partitions, (int64_t)pass->found.partition_count);
    if (pass->busy > 0)
        metric_add(metrics->failures, 1);
    else if (!pass->is_elsewhere)
        metric_set(metrics->succeeded_at, clock_now_us() / 1000000);
}

static void log_pass(const struct pass *pass)
{
    for (size_t at = 0; at < pass->plan.count; at++) {
        const struct retention_step *step = &pass->plan.steps[at];
        char day[RETENTION_NAME_MAX];
        date_text(step->day, day);
        log_info("retention step", LOG_TEXT("act", retention_act_name(step->act)),
                 LOG_TEXT("day", day), LOG_INT("rows", step->rows),
                 LOG_TEXT("state", step_state_name(pass->states[at])), LOG_END);
    }
    if (pass->plan.is_held_back)
        log_warn("old days are kept: the broker lacks records that the ledger says",
                 LOG_END);
    for (size_t at = 0; at < RETENTION_HISTORY_COUNT; at++)
        if (pass->history_removed[at] > 0)
            log_info("history removed", LOG_TEXT("kind", retention_history_name(at)),
                     LOG_INT("rows", pass->history_removed[at]), LOG_END);
    log_info("retention pass", LOG_INT("steps", (int64_t)pass->plan.count),
             LOG_INT("busy", (int64_t)pass->busy),
             LOG_INT("partitions", (int64_t)pass->found.partition_count),
             LOG_INT("seals_made", pass->seals_made),
             LOG_INT("runs_removed", pass->runs_removed),
             LOG_INT("units_removed", pass->units_removed),
             LOG_INT("imports_removed", pass->imports_removed),
             LOG_TEXT("elsewhere", pass->is_elsewhere ? "yes" : "no"), LOG_END);
}

/* A connection a pass: an hour between two is too long to keep one. */
static enum status watch_pass(const struct config *config, struct pass *pass,
                              struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options = options_of(config);
    enum status status = postgres_open(&options, &postgres, error);
    if (status == STATUS_OK)
        status = pass_run(postgres, pass, error);
    return status;
}

static void wait_interval(int64_t seconds)
{
    int64_t end_us = clock_monotonic_us() + seconds * 1000000;
    while (!life_ending()) {
        int64_t left_ms = (end_us - clock_monotonic_us()) / 1000;
        if (left_ms <= 0)
            return;
        admin_alive();
        life_wait_ms(left_ms < ALIVE_EVERY_MS ? left_ms : ALIVE_EVERY_MS);
    }
}

static enum status watch(const struct config *config, struct pass *pass, int64_t seconds,
                         struct error *error)
{
    SCOPED(admin_close) struct admin *admin = NULL;
    struct watch_metrics metrics;
    int tries = 0;
    enum status status = log_open("retention", config->log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = admin_open(config, &admin, error);
    if (status != STATUS_OK)
        return status;
    make_metrics(&metrics);
    life_ready("postgres", false, "starting");
    while (!life_ending()) {
        admin_alive();
        status = watch_pass(config, pass, error);
        if (status == STATUS_FATAL)
            return status;
        life_ready("postgres", status == STATUS_OK, error->text);
        if (status != STATUS_OK) {
            metric_add(metrics.failures, 1);
            life_back_off(&tries);
            continue;
        }
        tries = 0;
        count_pass(&metrics, pass);
        log_pass(pass);
        wait_interval(seconds);
    }
    return STATUS_OK;
}

/* ---- the command ------------------------------------------------------------------------------ */

static enum status check_flags(struct retention_flags *flags, struct error *error)
{
    if (flags->interval_seconds == 0)
        flags->interval_seconds = INTERVAL_SECONDS;
    if (flags->interval_seconds >= 1 && flags->interval_seconds <= 86400 &&
        !(flags->watch && flags->dry_run))
        return STATUS_OK;
    (void)error_set(
        error, STATUS_REJECT,
        "--interval-seconds is 1 to 86400, and --dry-run goes without --watch");
    return error_exit(error, EXIT_USAGE);
}

static enum status run(const struct config *config, struct retention_flags *flags,
                       struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    static struct pass pass; /* large, and there is one */
    enum status status = check_flags(flags, error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    pass.dry_run = flags->dry_run;
    pass.found.keep_days = contract->idempotency_days;
    pass.ages = (struct retention_ages){.keep_days = contract->idempotency_days,
                                        .drift_days = contract->drift_days,
                                        .incident_days = contract->incident_days};
    return flags->watch ? watch(config, &pass, flags->interval_seconds, error)
                        : run_once(config, &pass, error);
}

int retention_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct retention_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (run(&config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
