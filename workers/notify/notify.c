/*
 * parstock notify: tells people and other systems of incidents.
 */
#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/trace.h"
#include "workers/commands.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL_BYTES_MAX ((size_t)256 << 20)

static const struct command_spec SPEC = {
    .name = "notify",
    .summary = "incidents to Slack, PagerDuty, Alertmanager and webhooks",
    .usage = "[test ROUTE]",
    .detail =
        "Reads topic incidents and tells each route of the contract's alerts[] what it "
        "carries: once when an incident opens, comes back or grows worse, and when it is "
        "acknowledged and over. In a storm a route gets so many messages a window and then "
        "one summary. What can not be delivered is tried again with growing waits, and "
        "reported as an incident of its own once the route's time is up. A route that does "
        "not answer holds up no other.\n\n"
        "The address of route NAME is PARSTOCK_ALERT_<NAME>_URL or the contract's url, its "
        "secret PARSTOCK_ALERT_<NAME>_SECRET (PagerDuty: the routing key; webhook: what "
        "signs messages; Alertmanager: a bearer token, optional); each may be a file named "
        "by the same variable with _FILE at its end.\n\n"
        "It also tells the broker of changes that commands, drift and resolve made. "
        "'notify test ROUTE' sends an alert that is none, and takes it back; it needs the "
        "contract and the route's settings only.",
    .operands = 2,
    .uses =
        CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_KAFKA | CONFIG_ADMIN | CONFIG_TRACES,
    .needs = CONFIG_CONTRACT,
};

/* ---- metrics ---------------------------------------------------------------------------- */

static const char *const OUTCOMES[NOTIFY_OUTCOME_COUNT] = {
    [NOTIFY_DELIVERED] = "delivered",
    [NOTIFY_SUMMARISED] = "summarised",
    [NOTIFY_UNSAID] = "unsaid",
    [NOTIFY_REFUSED] = "refused",
    [NOTIFY_UNDELIVERED] = "undelivered"};
static void make_metrics(struct notify_speaker *speaker)
{
    struct notify_metrics *metrics = &speaker->metrics;
    char labels[256];
    for (int at = 0; at < NOTIFY_OUTCOME_COUNT; at++) {
        (void)snprintf(labels, sizeof(labels), "route=\"%s\",outcome=\"%s\"",
                       speaker->name, OUTCOMES[at]);
        metrics->outcomes[at] = metrics_counter("parstock_notify_alerts_total", labels,
                                                "What became of alerts.");
    }
    (void)snprintf(labels, sizeof(labels), "route=\"%s\"", speaker->name);
    metrics->delay = histogram_labelled("parstock_notify_delay_seconds", labels,
                                        "From an incident's crossing of a line to the "
                                        "delivery of its alert.");
    metrics->failures = metrics_counter("parstock_notify_failures_total", labels,
                                        "Requests that a route did not take.");
    metrics->late = metrics_counter("parstock_notify_late_total", labels,
                                    "Alerts that came later than the route promises.");
    metrics->waiting =
        metrics_gauge("parstock_notify_waiting", labels, "Alerts due or held back.");
}

/* ---- opening ---------------------------------------------------------------------------- */

static enum status open_routes(struct notify *notify, struct error *error)
{
    const struct contract *contract = notify->contract;
    notify->speakers = calloc(contract->alert_count + 1, sizeof(*notify->speakers));
    if (notify->speakers == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < contract->alert_count && status == STATUS_OK; at++) {
        struct notify_speaker *speaker = &notify->speakers[notify->speaker_count++];
        speaker->notify = notify;
        metrics_plain_name(contract->alerts[at].name, speaker->name,
                           sizeof(speaker->name));
        pool_init(&speaker->pool, POOL_BYTES_MAX);
        status = notify_way_open(&speaker->way, &contract->alerts[at], error);
        if (status == STATUS_OK)
            make_metrics(speaker);
    }
    if (status == STATUS_OK && contract->alert_count == 0)
        log_warn("the contract has no alerts[]: nobody is told of incidents", LOG_END);
    return status;
}

static void close_routes(struct notify *notify)
{
    for (size_t at = 0; at < notify->speaker_count; at++) {
        notify_way_close(&notify->speakers[at].way);
        pool_free(&notify->speakers[at].pool);
    }
    free(notify->speakers);
}

/* ---- running ---------------------------------------------------------------------------- */

static size_t start_routes(struct notify *notify)
{
    size_t started = 0;
    while (started < notify->speaker_count &&
           pthread_create(&notify->speakers[started].thread, NULL, notify_speak,
                          &notify->speakers[started]) == 0)
        started++;
    return started;
}

static enum status run(struct notify *notify, struct error *error)
{
    pthread_t relay;
    enum status status = STATUS_OK;
    bool relays = pthread_create(&relay, NULL, notify_relay, notify) == 0;
    size_t started = start_routes(notify);
    if (!relays || started < notify->speaker_count)
        status = error_set(error, STATUS_FATAL, "a thread can not be started");
    if (status == STATUS_OK)
        status = notify_take(notify, error);
    life_end();
    for (size_t at = 0; at < started; at++)
        (void)pthread_join(notify->speakers[at].thread, NULL);
    if (relays)
        (void)pthread_join(relay, NULL);
    return status;
}

static enum status need(const char *value, const char *variable, struct error *error)
{
    if (value != NULL)
        return STATUS_OK;
    (void)error_set(error, STATUS_FATAL, "%s is not set", variable);
    return error_exit(error, EXIT_CONFIG);
}

static enum status serve(struct notify *notify, struct error *error)
{
    const struct config *config = notify->config;
    SCOPED(admin_close) struct admin *admin = NULL;
    SCOPED(trace_close) struct trace_export *traces = NULL;
    enum status status = need(config->kafka_brokers, "PARSTOCK_KAFKA_BROKERS", error);
    if (status == STATUS_OK)
        status = need(config->postgres, "PARSTOCK_POSTGRES", error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = open_routes(notify, error);
    if (status == STATUS_OK)
        status = admin_open(config, &admin, error);
    if (status == STATUS_OK)
        status = trace_open(config, "notify", &traces, error);
    if (status == STATUS_OK)
        status = run(notify, error);
    return status;
}

static enum status work(const struct config *config, const struct parsed *parsed,
                        struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    struct notify notify = {.config = config};
    int words = parsed->argc - parsed->first;
    bool tests = words == 2 && strcmp(parsed->argv[parsed->first], "test") == 0;
    if (words != 0 && !tests) {
        (void)error_set(error, STATUS_REJECT, "say nothing, or 'test' and a route");
        return error_exit(error, EXIT_USAGE);
    }
    (void)snprintf(notify.topic, sizeof(notify.topic), "%sincidents",
                   config->topic_prefix);
    (void)snprintf(notify.group, sizeof(notify.group), "%snotify", config->group_prefix);
    enum status status = log_open("notify", config->log_level, error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    notify.contract = contract;
    if (status == STATUS_OK && tests)
        return notify_test(contract, parsed->argv[parsed->first + 1], error);
    if (status == STATUS_OK)
        status = serve(&notify, error);
    close_routes(&notify);
    return status;
}

int notify_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, NULL, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (work(&config, &parsed, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
