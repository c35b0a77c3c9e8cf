/*
 * parstock drift: compares the shops with what they should show; drift run: once; drift
 * show: what was found.
 */
#include "workers/drift/drift.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/sku_unicode.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/trace.h"
#include "workers/commands.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOW_LIMIT 100
#define SHOW_LIMIT_MAX 1000000
#define SKU_POOL_MAX ((size_t)64 * 1024)

struct drift_flags {
    const char *shop;
    const char *sku;
    const char *location;
    const char *cause;
    int64_t run;
    int64_t limit;
    int64_t settle_seconds;
    bool runs;
};

static const struct flag FLAGS[] = {
    {"shop", FLAG_TEXT, offsetof(struct drift_flags, shop), "NAME",
     "only this shop of the contract; default: all of them"},
    {"sku", FLAG_TEXT, offsetof(struct drift_flags, sku), "SKU",
     "run, show: only this SKU"},
    {"location", FLAG_TEXT, offsetof(struct drift_flags, location), "L",
     "run: only this location"},
    {"cause", FLAG_TEXT, offsetof(struct drift_flags, cause), "CAUSE",
     "show: only findings of this cause"},
    {"run", FLAG_INTEGER, offsetof(struct drift_flags, run), "N",
     "show: only findings of this run"},
    {"limit", FLAG_INTEGER, offsetof(struct drift_flags, limit), "N",
     "show: the newest N (default 100)"},
    {"runs", FLAG_SWITCH, offsetof(struct drift_flags, runs), NULL,
     "show: the comparisons themselves"},
    {"settle-seconds", FLAG_INTEGER, offsetof(struct drift_flags, settle_seconds), "N",
     "between the two looks at a difference; default: the contract's"},
};

static const struct command_spec SPEC = {
    .name = "drift",
    .summary = "compares the shops with what they should show",
    .usage = "[run|show] [--shop NAME] [--sku SKU] [--location L] [-o table|json|jsonl]",
    .detail =
        "Without a verb it is a worker: every drift.interval_seconds of the contract file "
        "it exports each shop's catalogue and compares all of it, and every "
        "drift.hot_seconds pairs at risk. A difference counts once it is there after "
        "drift.settle_seconds too, is not explained by writes, events and orders under "
        "way, and gets a cause. It changes nothing in a shop. Findings go to the topic "
        "drift when a comparison has ended.\n\n"
        "run compares once, everything or the given SKU or location, prints what it found "
        "and exits with 1 if there was anything. One comparison of a shop runs at a time: "
        "75 says that another one does. show prints findings that were stored, or with "
        "--runs the comparisons: those that were missed or ended early too.",
    .operands = 1,
    .uses = CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_ADMIN | CONFIG_KAFKA |
            CONFIG_OUTPUT | CONFIG_TRACES,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct drift_command {
    const struct config *config;
    const struct drift_flags *flags;
    struct drift_settings settings;
    struct drifter *drifters; /* one a shop */
    size_t count;
    int64_t findings;
};

static enum status refuse(struct error *error, const char *why)
{
    error_set(error, STATUS_REJECT, "%s", why);
    return error_exit(error, EXIT_USAGE);
}

/* ---- shops ---------------------------------------------------------------------------- */

static enum status open_shops(struct drift_command *command, struct error *error)
{
    const struct contract *contract = command->settings.contract;
    const char *only = command->flags->shop;
    int wanted = only != NULL ? contract_shop(contract, span_from(only)) : -1;
    if (only != NULL && wanted < 0)
        return refuse(error, "--shop: the contract has no shop of that name");
    command->drifters = calloc(contract->shop_count + 1, sizeof *command->drifters);
    if (command->drifters == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < contract->shop_count && status == STATUS_OK; at++)
        if (wanted < 0 || (size_t)wanted == at)
            status = drift_open(&command->drifters[command->count++], &command->settings,
                                &contract->shops[at], error);
    return status;
}

static void close_shops(struct drift_command *command)
{
    for (size_t at = 0; at < command->count; at++)
        drift_close(&command->drifters[at]);
    free(command->drifters);
}

/* ---- the worker ----------------------------------------------------------------------- */

static void make_metrics(struct drifter *drifter)
{
    static const char *const ENDS[] = {"finished", "partial", "failed", "missed"};
    struct drift_metrics *metrics = &drifter->metrics;
    char labels[256];
    for (size_t end = 0; end < COUNT_OF(ENDS); end++) {
        (void)snprintf(labels, sizeof labels, "shop=\"%s\",state=\"%s\"", drifter->name,
                       ENDS[end]);
        metrics->runs[end] = metrics_counter("parstock_drift_runs_total", labels,
                                             "Comparisons of a shop by how they ended.");
    }
    (void)snprintf(labels, sizeof labels, "shop=\"%s\"", drifter->name);
    metrics->compared = metrics_counter("parstock_drift_pairs_compared_total", labels,
                                        "Pairs of which the shop's level was compared.");
    metrics->suspects = metrics_counter("parstock_drift_suspects_total", labels,
                                        "Pairs that differed at the first look.");
    metrics->in_flight =
        metrics_counter("parstock_drift_in_flight_total", labels,
                        "Suspects that were under way until they were given up.");
    metrics->age_seconds =
        metrics_gauge("parstock_drift_last_full_age_seconds", labels,
                      "Time since the last comparison of everything began; -1: none.");
    for (int cause = 0; cause < CAUSE_COUNT; cause++) {
        (void)snprintf(labels, sizeof labels, "shop=\"%s\",cause=\"%s\"", drifter->name,
                       cause_kind((enum finding_cause)cause)->name);
        metrics->findings[cause] = metrics_counter("parstock_drift_findings_total",
                                                   labels, "Findings by cause.");
    }
}

static enum status run_threads(struct drift_command *command, struct error *error)
{
    size_t started = 0;
    for (size_t at = 0; at < command->count; at++) {
        make_metrics(&command->drifters[at]);
        life_ready(command->drifters[at].part, false, "starting");
    }
    while (started < command->count &&
           pthread_create(&command->drifters[started].thread, NULL, drift_run_worker,
                          &command->drifters[started]) == 0)
        started++;
    enum status status = STATUS_OK;
    if (started < command->count) {
        status = error_set(error, STATUS_FATAL, "no thread for a shop can be started");
        life_end();
    }
    for (size_t at = 0; at < started; at++)
        pthread_join(command->drifters[at].thread, NULL);
    if (command->count == 0) /* whoever supervises us would start us again and again */
        admin_idle("shops", "the contract has none: nothing to do");
    return status;
}

static enum status serve(struct drift_command *command, struct error *error)
{
    SCOPED(admin_close) struct admin *admin = NULL;
    SCOPED(trace_close) struct trace_export *traces = NULL;
    if (command->config->kafka_brokers == NULL)
        log_warn("PARSTOCK_KAFKA_BROKERS is not set: findings are kept in the table and "
                 "nobody is told of them",
                 LOG_END);
    enum status status = admin_open(command->config, &admin, error);
    if (status == STATUS_OK)
        status = trace_open(command->config, "drift", &traces, error);
    return status == STATUS_OK ? run_threads(command, error) : status;
}

/* ---- run ------------------------------------------------------------------------------ */

static enum status show_found(struct drift_command *command, struct drifter *drifter,
                              struct error *error)
{
    int64_t findings = 0;
    const struct drift_filter filter = {
        .shop = drifter->shop->name, .run_id = drifter->run.id, .limit = SHOW_LIMIT_MAX};
    enum status status =
        drift_show(command->config, drifter->looker.postgres, &filter, &findings, error);
    command->findings += findings;
    return status;
}

static enum status compare_shop(struct drift_command *command, struct drifter *drifter,
                                const struct drift_wish *wish, struct error *error)
{
    bool busy = false;
    enum status status = drift_connect(drifter, &busy, error);
    if (status == STATUS_OK && busy) {
        error_set(error, STATUS_RETRY,
                  "another process compares shop %.*s (the drift worker, perhaps): try "
                  "again when it has ended",
                  SPAN_ARGS(drifter->shop->name));
        return error_exit(error, EXIT_AGAIN);
    }
    if (status == STATUS_OK)
        status = drift_greet(drifter, error);
    if (status == STATUS_OK)
        status = drift_compare(drifter, wish, error);
    if (status == STATUS_OK)
        status = drift_tell(drifter, error);
    if (status == STATUS_OK)
        status = show_found(command, drifter, error);
    if (status == STATUS_OK)
        status = store_drift_unlock(drifter->looker.postgres, drifter->shop->name, error);
    return status;
}

/* SKU and location as the tables have them. */
static enum status read_wish(const struct drift_command *command, struct pool *pool,
                             struct drift_wish *wish, struct error *error)
{
    const struct contract *contract = command->settings.contract;
    *wish = (struct drift_wish){.kind = DRIFT_ASKED};
    if (command->flags->sku != NULL &&
        sku_normalise(span_from(command->flags->sku), contract->sku_steps, pool,
                      &wish->sku) != REASON_NONE)
        return refuse(error, "--sku: that can't be a SKU");
    if (command->flags->location == NULL)
        return STATUS_OK;
    int place = contract_location(contract, span_from(command->flags->location));
    if (place < 0)
        return refuse(error, "--location: the contract has no location of that name");
    wish->location = contract->locations[place].code;
    return STATUS_OK;
}

static enum status compare_once(struct drift_command *command, struct error *error)
{
    SCOPED(pool_free) struct pool pool;
    struct drift_wish wish;
    pool_init(&pool, SKU_POOL_MAX);
    command->settings.is_command = true;
    enum status status = read_wish(command, &pool, &wish, error);
    for (size_t at = 0; at < command->count && status == STATUS_OK; at++)
        status = compare_shop(command, &command->drifters[at], &wish, error);
    return status;
}

/* ---- show ----------------------------------------------------------------------------- */

static enum status show(struct drift_command *command, struct error *error)
{
    SCOPED(postgres_close) struct postgres *postgres = NULL;
    SCOPED(pool_free) struct pool pool;
    const struct drift_flags *flags = command->flags;
    struct drift_wish wish;
    pool_init(&pool, SKU_POOL_MAX);
    const struct postgres_options options = {.dsn = command->config->postgres,
                                             .schema = command->config->schema,
                                             .application_name = "parstock drift"};
    enum status status = read_wish(command, &pool, &wish, error);
    if (status == STATUS_OK)
        status = postgres_open(&options, &postgres, error);
    if (status != STATUS_OK)
        return status;
    struct span shop = flags->shop != NULL ? span_from(flags->shop) : (struct span){0};
    if (flags->runs)
        return drift_show_runs(command->config, postgres, shop, error);
    const struct drift_filter filter = {
        .shop = shop,
        .sku = wish.sku,
        .cause = flags->cause != NULL ? span_from(flags->cause) : (struct span){0},
        .run_id = flags->run,
        .limit = flags->limit};
    int64_t findings = 0;
    return drift_show(command->config, postgres, &filter, &findings, error);
}

/* ---- the command ---------------------------------------------------------------------- */

struct verb {
    const char *name; /* NULL: the worker */
    enum status (*run)(struct drift_command *command, struct error *error);
    bool opens_shops;
};

static const struct verb VERBS[] = {
    {NULL, serve, true}, {"run", compare_once, true}, {"show", show, false}};

static const struct verb *verb_of(const struct parsed *parsed)
{
    const char *name = parsed->first < parsed->argc ? parsed->argv[parsed->first] : NULL;
    for (size_t at = 0; at < COUNT_OF(VERBS); at++)
        if (name == NULL ? VERBS[at].name == NULL
                         : VERBS[at].name != NULL && strcmp(VERBS[at].name, name) == 0)
            return &VERBS[at];
    return NULL;
}

static void fill_settings(struct drift_command *command, const struct contract *contract)
{
    int64_t asked = command->flags->settle_seconds;
    command->settings = (struct drift_settings){
        .config = command->config,
        .contract = contract,
        .interval_ms = contract->drift_interval_seconds * 1000,
        .hot_ms = contract->drift_hot_seconds * 1000,
        .settle_ms = (asked >= 0 ? asked : contract->drift_settle_seconds) * 1000};
}

static enum status run(struct drift_command *command, const struct verb *verb,
                       struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    const struct config *config = command->config;
    enum status status = log_open("drift", config->log_level, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    if (status != STATUS_OK)
        return status;
    fill_settings(command, contract);
    if (verb->opens_shops)
        status = open_shops(command, error);
    if (status == STATUS_OK)
        status = verb->run(command, error);
    close_shops(command);
    return status;
}

int drift_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct drift_flags flags = {.limit = SHOW_LIMIT, .settle_seconds = -1};
    struct parsed parsed = {.argc = argc, .argv = argv};
    struct drift_command command = {.config = &config, .flags = &flags};
    enum status status = config_parse(&SPEC, &parsed, &config, &flags, &error);
    if (parsed.done)
        return 0;
    const struct verb *verb = status == STATUS_OK ? verb_of(&parsed) : NULL;
    if (status == STATUS_OK && verb == NULL)
        status = refuse(&error, "say 'drift', 'drift run' or 'drift show'");
    if (status == STATUS_OK &&
        (flags.limit < 1 || flags.limit > SHOW_LIMIT_MAX || flags.settle_seconds > 86400))
        status = refuse(&error, "--limit is 1 to 1000000, --settle-seconds 0 to 86400");
    if (status == STATUS_OK)
        status = run(&command, verb, &error);
    if (status != STATUS_OK)
        return config_fail(&SPEC, &error);
    return command.findings > 0 ? EXIT_FOUND : 0;
}
