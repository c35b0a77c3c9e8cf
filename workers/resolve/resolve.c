/*
 * parstock resolve: findings of drift to what the policy says is done about them.
 */
#include "workers/resolve/resolve.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/trace.h"
#include "workers/commands.h"

#include <stddef.h>
#include <stdio.h>

#define PATIENCE_SECONDS 900
#define PATIENCE_SECONDS_MAX 86400
#define TICK_MS 500

struct resolve_flags {
    int64_t patience_seconds;
};

static const struct flag FLAGS[] = {
    {"patience-seconds", FLAG_INTEGER, offsetof(struct resolve_flags, patience_seconds),
     "N", "how long a resync may take until it counts as failed; default 900"},
};

static const struct command_spec SPEC = {
    .name = "resolve",
    .summary = "act on drift by the policy of the contract file",
    .usage = "[--patience-seconds N]",
    .detail =
        "Reads inventory.drift in order per SKU and does what the first fitting rule says "
        "('parstock policy explain' prints the rulebook): resync marks the pair, so that "
        "push reads it, decides its level anew and writes it; escalate opens an incident "
        "with an action that waits for a person. Each finding is acted on once, whatever "
        "dies. A resync is done only once the shop was read after it and shows what it "
        "should.\n\n"
        "Guards of the contract file stop the resyncs of a run or a pair, open one "
        "incident, and go on once it is approved: 'parstock incidents approve ID'. Two "
        "finished runs that find a pair clean end its incident.\n\n"
        "Any number may run. While Kafka or Postgres is away it waits, not ready.",
    .uses =
        CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES | CONFIG_ADMIN | CONFIG_TRACES,
    .needs = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct postgres_options resolve_postgres(const struct resolve *resolve)
{
    return (struct postgres_options){.dsn = resolve->config.postgres,
                                     .schema = resolve->config.schema,
                                     .application_name = "parstock resolve"};
}

static void make_metrics(struct resolve_metrics *metrics)
{
    for (int action = 0; action < POLICY_ACTION_COUNT; action++) {
        char labels[64];
        (void)snprintf(labels, sizeof labels, "action=\"%s\"",
                       policy_action_name((enum policy_action)action));
        metrics->actions[action] =
            metrics_counter("parstock_resolve_actions_total", labels,
                            "Findings acted on, by what is done about them.");
    }
    metrics->repeats = metrics_counter("parstock_resolve_repeats_total", "",
                                       "Findings that had been acted on before.");
    metrics->refused = metrics_counter("parstock_resolve_refused_total", "",
                                       "Records that are no finding of this contract.");
    metrics->held = metrics_counter("parstock_resolve_held_total", "",
                                    "Resyncs that a guard has stopped.");
    metrics->done = metrics_counter("parstock_resyncs_total", "outcome=\"done\"",
                                    "Resyncs read back, by what was read.");
    metrics->failed = metrics_counter("parstock_resyncs_total", "outcome=\"failed\"",
                                      "Resyncs read back, by what was read.");
    metrics->pending = metrics_gauge("parstock_resyncs_pending", "",
                                     "Resyncs that were not read back yet.");
    metrics->stopped = metrics_gauge("parstock_resolve_shops_stopped", "",
                                     "Shops whose resyncs a guard has stopped.");
}

static void prepare(struct resolve *resolve, const struct contract *contract)
{
    resolve->contract = contract;
    resolve->tick_ms = TICK_MS;
    (void)snprintf(resolve->topic, sizeof resolve->topic, "%sdrift",
                   resolve->config.topic_prefix);
    (void)snprintf(resolve->group, sizeof resolve->group, "%sresolve",
                   resolve->config.group_prefix);
    pool_init(&resolve->pool, RESOLVE_POOL_MAX);
    make_metrics(&resolve->metrics);
}

static enum status work(struct resolve *resolve, struct error *error)
{
    enum status status = resolve_reader_open(resolve, error);
    bool kept = status == STATUS_OK &&
                pthread_create(&resolve->keeper, NULL, resolve_keep, resolve) == 0;
    if (status == STATUS_OK && !kept)
        status = error_set(error, STATUS_FATAL, "no thread can be started");
    if (status == STATUS_OK)
        status = resolve_reader_run(resolve, error);
    life_end();
    if (kept)
        pthread_join(resolve->keeper, NULL);
    resolve_reader_close(resolve);
    return status;
}

static enum status serve(struct resolve *resolve, struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    SCOPED(admin_close) struct admin *admin = NULL;
    SCOPED(trace_close) struct trace_export *traces = NULL;
    enum status status = life_begin(error);
    if (status == STATUS_OK)
        status = log_open("resolve", resolve->config.log_level, error);
    if (status == STATUS_OK)
        status =
            contract_file_load(resolve->config.contract_path, &text, &contract, error);
    if (status == STATUS_OK)
        status = admin_open(&resolve->config, &admin, error);
    if (status == STATUS_OK)
        status = trace_open(&resolve->config, "resolve", &traces, error);
    if (status != STATUS_OK)
        return status;
    prepare(resolve, contract);
    status = work(resolve, error);
    pool_free(&resolve->pool);
    return status;
}

int resolve_main(int argc, char **argv)
{
    static struct resolve resolve; /* too large for a stack */
    struct error error = {0};
    struct resolve_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &resolve.config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    int64_t seconds =
        flags.patience_seconds > 0 ? flags.patience_seconds : PATIENCE_SECONDS;
    if (seconds > PATIENCE_SECONDS_MAX) {
        (void)error_set(&error, STATUS_REJECT, "--patience-seconds is at most %d",
                        PATIENCE_SECONDS_MAX);
        (void)error_exit(&error, EXIT_USAGE);
        return config_fail(&SPEC, &error);
    }
    resolve.patience_ms = seconds * 1000;
    if (serve(&resolve, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
