/*
 * parstock baseline: how things stood while automation was off, for weeks to be held against.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/rfc3339.h"
#include "common/codec/utf8.h"
#include "common/codec/week_json.h"
#include "common/io/store_clock.h"
#include "common/io/store_week.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/database.h"
#include "common/runtime/kpi_table.h"
#include "common/runtime/login.h"
#include "common/runtime/output.h"
#include "common/runtime/verb.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

#define DAYS 7
#define POOL_BYTES_MAX ((size_t)512 << 20)
#define STATEMENT_TIMEOUT_MS (600 * 1000)

struct baseline_flags {
    int64_t days;
    const char *since;
    const char *until;
    const char *by;
    const char *note;
    bool force;
    bool dry_run;
};

static const struct flag FLAGS[] = {
    {"days", FLAG_INTEGER, offsetof(struct baseline_flags, days), "N",
     "capture: so many days up to the last one; default 7, at most 35"},
    {"since", FLAG_TEXT, offsetof(struct baseline_flags, since), "DAY",
     "capture: the first day (UTC), such as 2026-11-16; instead of --days"},
    {"until", FLAG_TEXT, offsetof(struct baseline_flags, until), "DAY",
     "capture: the last day, counted too; default: today"},
    {"by", FLAG_TEXT, offsetof(struct baseline_flags, by), "NAME",
     "capture: who captures it; default: the login name"},
    {"note", FLAG_TEXT, offsetof(struct baseline_flags, note), "TEXT",
     "capture: what there is to say to it"},
    {"force", FLAG_SWITCH, offsetof(struct baseline_flags, force), NULL,
     "capture: also of days on which rules mended the shop"},
    {"dry-run", FLAG_SWITCH, offsetof(struct baseline_flags, dry_run), NULL,
     "capture: print it, and keep nothing"},
};

static const struct command_spec SPEC = {
    .name = "baseline",
    .summary = "mismatch and oversell rate before automation, to hold weeks against",
    .usage = "capture [--days N | --since DAY --until DAY] [--note TEXT] | show [ID]",
    .detail =
        "Before push and resolve are switched on, let apply and drift run for some days: "
        "events are applied, the shop is compared, and nothing is written to it. capture "
        "then keeps how much differed by location, and how much was oversold, with all "
        "numbers and their digest. Weeks are held against the newest baseline.\n\n"
        "Days on which rules resynced pairs are no baseline and are refused (77) unless "
        "--force; a week that is held against such a one is not decidable. Where nothing "
        "was compared yet, it exits with 75: let drift run first.",
    .operands = 2,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_OUTPUT,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct baseline_job {
    const struct config *config;
    const struct contract *contract;
    const struct baseline_flags *flags;
    struct postgres *postgres;
    struct pool *pool;
    enum output output;
    const char *word; /* behind the verb; NULL = none */
};

/* ---- printing ------------------------------------------------------------------------------- */

static enum status print_json(const struct week_baseline *baseline, struct error *error)
{
    SCOPED(buf_free) struct buf out = {0};
    char digest[WEEK_DIGEST_MAX];
    if (!week_json_baseline_digest(baseline, digest))
        return error_set(error, STATUS_RETRY, "baseline: out of memory");
    buf_init(&out, WEEK_JSON_MAX);
    buf_byte(&out, '{');
    json_member_text(&out, "digest", span_from(digest));
    json_name(&out, "baseline");
    week_json_baseline(baseline, &out);
    buf_byte(&out, '}');
    if (out.failed)
        return error_set(error, STATUS_FATAL, "baseline: out of memory");
    puts(out.bytes);
    return STATUS_OK;
}

static void print_oversells(const struct kpi_period *period)
{
    char share[KPI_TEXT_MAX];
    int64_t oversells = kpi_period_sum(period, KPI_OVERSELLS);
    int64_t orders = kpi_period_sum(period, KPI_ORDERS);
    kpi_share_text(kpi_share(oversells, orders), share);
    printf("oversold: %lld pairs in %lld order lines (%s)\n", (long long)oversells,
           (long long)orders, share);
}

static enum status print(const struct baseline_job *job,
                         const struct week_baseline *baseline, struct error *error)
{
    char first[WEEK_DAY_MAX];
    char last[WEEK_DAY_MAX];
    char at[RFC3339_TEXT_MAX] = "(not kept)";
    if (job->output != OUTPUT_TABLE)
        return print_json(baseline, error);
    const struct kpi_period *period = &baseline->period;
    week_day_text(period->first_day, first);
    week_day_text(period->first_day + period->day_count - 1, last);
    if (baseline->captured_at_us != 0)
        rfc3339_format(baseline->captured_at_us, at);
    printf("baseline %lld, %s to %s (UTC), by %.*s at %s\n", (long long)baseline->id,
           first, last, SPAN_ARGS(baseline->by), at);
    if (baseline->note.length > 0)
        printf("note: %.*s\n", SPAN_ARGS(baseline->note));
    kpi_table_print(period, NULL, job->contract->kpi.coverage_share);
    print_oversells(period);
    return STATUS_OK;
}

/* ---- capture -------------------------------------------------------------------------------- */

static enum status read_days(const struct baseline_job *job, struct kpi_period *out,
                             struct error *error)
{
    const struct baseline_flags *flags = job->flags;
    int64_t now_us = 0;
    int32_t first = 0;
    enum status status = store_clock_us(job->postgres, &now_us, error);
    if (status != STATUS_OK)
        return status;
    int32_t today = week_day(now_us);
    int32_t last = today;
    if (flags->until != NULL && !week_day_parse(span_from(flags->until), &last))
        return error_usage(error, "--until is a day such as 2026-11-22");
    first = last - (int32_t)(flags->days > 0 ? flags->days : DAYS) + 1;
    if (flags->since != NULL && !week_day_parse(span_from(flags->since), &first))
        return error_usage(error, "--since is a day such as 2026-11-16");
    if (first > last || last - first >= KPI_DAYS_MAX || last > today)
        return error_usage(error,
                           "a baseline is 1 to 35 days, and none of them lies ahead");
    *out = (struct kpi_period){.first_day = first, .day_count = last - first + 1};
    return STATUS_OK;
}

static enum status check_days(const struct baseline_job *job,
                              const struct week_baseline *baseline, struct error *error)
{
    if (kpi_period_sum(&baseline->period, KPI_COMPARED) == 0)
        return error_refuse(
            error, EXIT_AGAIN,
            "nothing was compared on these days: let 'parstock drift' run, or "
            "'parstock drift run' a few times, and try again");
    if (baseline->writes > 0)
        fprintf(
            stderr,
            "parstock baseline: push wrote %lld levels on these days: what is kept is "
            "not how things stood without it\n",
            (long long)baseline->writes);
    if (baseline->resyncs == 0 || job->flags->force)
        return STATUS_OK;
    (void)error_set(
        error, STATUS_REJECT,
        "rules resynced %lld pairs on these days: automation was on, and this "
        "is no baseline; choose days before with --until, or keep it with "
        "--force (no week can be decided against it)",
        (long long)baseline->resyncs);
    return error_exit(error, EXIT_NOT_ALLOWED);
}

static bool is_text(const char *text, size_t least, size_t most)
{
    struct utf8_facts facts;
    return utf8_measure(span_from(text), &facts) && !facts.control &&
           facts.code_points >= least && facts.code_points <= most;
}

static enum status check_flags(const struct baseline_flags *flags, const char *by,
                               struct error *error)
{
    if (!is_text(by, 1, WEEK_ACTOR_MAX))
        return error_usage(error, "--by is up to 200 characters of one line");
    if (flags->note != NULL && !is_text(flags->note, 0, WEEK_TEXT_MAX))
        return error_usage(error, "--note is up to 2000 characters of one line");
    if (flags->since != NULL && flags->days != 0)
        return error_usage(error, "--since or --days, not both");
    if (flags->days < 0 || flags->days > KPI_DAYS_MAX)
        return error_usage(error, "--days is 1 to 35");
    return STATUS_OK;
}

static enum status count_days(const struct baseline_job *job,
                              struct week_baseline *baseline, struct error *error)
{
    struct kpi_automation automation = {0};
    enum status status = read_days(job, &baseline->period, error);
    if (status == STATUS_OK)
        status = store_kpi_period(job->postgres, &baseline->period, job->pool, error);
    if (status == STATUS_OK)
        status =
            store_kpi_automation(job->postgres, &baseline->period, &automation, error);
    baseline->resyncs = automation.resyncs;
    baseline->writes = automation.writes;
    return status == STATUS_OK ? check_days(job, baseline, error) : status;
}

static enum status capture(struct baseline_job *job, struct error *error)
{
    char login[LOGIN_NAME_MAX_BYTES];
    login_name(login);
    const char *by = job->flags->by != NULL ? job->flags->by : login;
    struct week_baseline baseline = {
        .by = span_from(by),
        .note = span_from(job->flags->note != NULL ? job->flags->note : ""),
        .contract = span_from(job->contract->digest)};
    if (job->word != NULL)
        return error_usage(error, "capture takes flags only");
    enum status status = check_flags(job->flags, by, error);
    if (status == STATUS_OK)
        status = count_days(job, &baseline, error);
    if (status == STATUS_OK && !job->flags->dry_run)
        status = store_baseline_put(job->postgres, &baseline, error);
    return status == STATUS_OK ? print(job, &baseline, error) : status;
}

/* ---- show ----------------------------------------------------------------------------------- */

static enum status show(struct baseline_job *job, struct error *error)
{
    struct baseline_wish wish = {.before_day = INT32_MAX / 2};
    struct week_baseline baseline;
    if (job->word != NULL &&
        (!span_to_int64(span_from(job->word), &wish.id) || wish.id < 1))
        return error_usage(error, "a baseline is called by its number");
    enum status status =
        store_baseline(job->postgres, &wish, job->pool, &baseline, error);
    if (status != STATUS_OK)
        return status;
    if (baseline.id == 0)
        return error_refuse(error, EXIT_FOUND,
                            "there is none: 'parstock baseline capture' keeps one");
    return print(job, &baseline, error);
}

/* ---- the command ----------------------------------------------------------------------------- */

struct verb {
    struct verb_words words;
    enum status (*run)(struct baseline_job *job, struct error *error);
};

static const struct verb VERBS[] = {{{"capture", 0, 1}, capture}, {{"show", 0, 1}, show}};

static enum status work(struct baseline_job *job, const struct verb *verb,
                        struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    const struct postgres_options options =
        database_options(job->config, "parstock baseline", STATEMENT_TIMEOUT_MS);
    enum status status = output_parse(job->config, &job->output, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    job->postgres = postgres;
    return verb->run(job, error);
}

static enum status baseline_run(struct baseline_job *job, const struct parsed *parsed,
                                struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    int words = parsed->argc - parsed->first;
    const struct verb *verb = VERB_FIND(VERBS, parsed);
    if (verb == NULL)
        return error_usage(error, "say 'capture', or 'show' and a number or none");
    enum status status =
        contract_file_load(job->config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    job->contract = contract;
    job->word = words > 1 ? parsed->argv[parsed->first + 1] : NULL;
    return work(job, verb, error);
}

int baseline_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct baseline_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    SCOPED(pool_free) struct pool pool;
    struct baseline_job job = {.config = &config, .flags = &flags, .pool = &pool};
    pool_init(&pool, POOL_BYTES_MAX);
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (baseline_run(&job, &parsed, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
