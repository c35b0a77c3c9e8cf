/*
 * parstock push: keeps the shops at the newest desired level.
 */
#include "workers/push/push.h"

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
#include <sys/random.h>
#include <unistd.h>

#define LEASE_SECONDS 20
#define CALLERS 4
#define TIMEOUT_SECONDS 8

struct push_flags {
    const char *shop;
    int64_t lease_seconds;
    int64_t timeout_seconds;
    int64_t calls;
};

static const struct flag FLAGS[] = {
    {"shop", FLAG_TEXT, offsetof(struct push_flags, shop), "NAME",
     "only this shop of the contract; default: all of them"},
    {"lease-seconds", FLAG_INTEGER, offsetof(struct push_flags, lease_seconds), "N",
     "how long a silent writer keeps a shop; default 20"},
    {"timeout-seconds", FLAG_INTEGER, offsetof(struct push_flags, timeout_seconds), "N",
     "of one call to a shop, less than half of the lease; default 8"},
    {"calls", FLAG_INTEGER, offsetof(struct push_flags, calls), "N",
     "calls under way to one shop while it has a backlog, up to 32; default 4"},
};

static const struct command_spec SPEC = {
    .name = "push",
    .summary = "the newest desired levels to the shops",
    .usage = "[--shop NAME]",
    .detail =
        "Writes to each shop what it should show and does not show yet, up to 250 "
        "pairs of "
        "item and location a call, always as compare-and-set under an idempotency "
        "key that "
        "is stored with the exact bytes before they are sent. One process at a "
        "time writes "
        "to a shop; others stand by and take over within --lease-seconds. It makes "
        "up to --calls calls beside each other, as the shop's cost bucket allows; a "
        "pair is in one of them at a time.\n\n"
        "Credentials of shop NAME come from PARSTOCK_SHOP_<NAME>_TOKEN, or from "
        "PARSTOCK_SHOP_<NAME>_CLIENT_ID and PARSTOCK_SHOP_<NAME>_CLIENT_SECRET; "
        "each may be "
        "a file named by the same variable with _FILE at its end. 'parstock "
        "catalog sync' "
        "must have run before.\n\n"
        "A pair that the shop refuses is left alone and has an incident until it "
        "is written: 'parstock incidents list'. Subscribers of the topic incidents "
        "are told where --kafka-brokers is given; where it is not, the incidents "
        "are kept in the table.",
    .uses =
        CONFIG_CONTRACT | CONFIG_POSTGRES | CONFIG_ADMIN | CONFIG_KAFKA | CONFIG_TRACES,
    .needs = CONFIG_CONTRACT | CONFIG_POSTGRES,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

struct fleet {
    struct push_settings settings;
    struct push_crew *crews; /* one a shop */
    struct pusher *pushers;  /* settings.calls a shop */
    size_t count;            /* shops */
};

static struct metric *counter(const struct pusher *pusher, const char *name,
                              const char *verdict, const char *help)
{
    char labels[256];
    if (verdict != NULL)
        (void)snprintf(labels, sizeof labels, "shop=\"%s\",verdict=\"%s\"", pusher->name,
                       verdict);
    else
        (void)snprintf(labels, sizeof labels, "shop=\"%s\"", pusher->name);
    return metrics_counter(name, labels, help);
}

static void make_metrics(struct pusher *pusher)
{
    struct push_metrics *metrics = &pusher->metrics;
    char labels[256];
    (void)snprintf(labels, sizeof labels, "shop=\"%s\"", pusher->name);
    for (int verdict = 0; verdict < PUSH_VERDICT_COUNT; verdict++)
        metrics->verdicts[verdict] =
            counter(pusher, "parstock_push_writes_total",
                    push_verdict_name((enum push_verdict)verdict),
                    "Calls that write to a shop, by verdict.");
    metrics->pairs_written = counter(pusher, "parstock_push_pairs_written_total", NULL,
                                     "Pairs of item and location written to a shop.");
    metrics->pairs_read = counter(pusher, "parstock_push_pairs_read_total", NULL,
                                  "Pairs read back from a shop.");
    metrics->throttle = metrics_counter_seconds(
        "parstock_push_throttle_wait_seconds_total", labels,
        "Time spent waiting for a shop's cost bucket, added up over callers.");
    metrics->oldest =
        metrics_gauge_seconds("parstock_push_oldest_dirty_seconds", labels,
                              "How long the longest waiting pair has been waiting.");
    metrics->bucket = metrics_gauge("parstock_push_bucket_points", labels,
                                    "Points that the shop's cost bucket holds.");
    metrics->bucket_limit = metrics_gauge("parstock_push_bucket_limit_points", labels,
                                          "Points that it holds when it is full.");
    metrics->call_seconds = histogram_labelled(
        "parstock_push_call_seconds", labels,
        "Calls that write to a shop, from the first byte to the answer.");
    metrics->pairs_dirty = metrics_gauge("parstock_push_pairs_dirty", labels,
                                         "Pairs that wait to be written.");
    metrics->pairs_faulted = metrics_gauge("parstock_push_pairs_faulted", labels,
                                           "Pairs left alone for a fault.");
}

static void name_owner(struct push_crew *crew)
{
    char host[64] = "";
    uint64_t dice = 0;
    (void)gethostname(host, sizeof host - 1);
    ASSERT(getrandom(&dice, sizeof dice, 0) == (ssize_t)sizeof dice);
    (void)snprintf(crew->owner, sizeof crew->owner, "%s:%ld:%016llx", host,
                   (long)getpid(), (unsigned long long)dice);
}

static void prepare_caller(struct pusher *pusher, const struct push_settings *settings,
                           const struct shop *shop, struct push_crew *crew)
{
    pusher->settings = settings;
    pusher->shop = shop;
    pusher->crew = crew;
    metrics_plain_name(shop->name, pusher->name, sizeof pusher->name);
    (void)snprintf(pusher->part, sizeof pusher->part, "shop %.100s", pusher->name);
    pusher->lease = (struct push_lease){.shop = shop->name,
                                        .owner = span_from(crew->owner),
                                        .length_ms = settings->lease_ms,
                                        .caller = pusher->number};
    pool_init(&pusher->pool, PUSH_POOL_MAX);
    buf_init(&pusher->body, SHOPIFY_BODY_MAX);
}

static enum status prepare_leader(struct pusher *pusher, struct error *error)
{
    const struct push_settings *settings = pusher->settings;
    make_metrics(pusher);
    life_ready(pusher->part, false, "starting");
    enum status status =
        shop_access_places(settings->contract, pusher->shop, &pusher->places, error);
    if (status == STATUS_OK)
        status =
            shop_access_open(pusher->shop, settings->timeout_ms, &pusher->shopify, error);
    return status;
}

static enum status prepare_helper(struct pusher *pusher, const struct pusher *leader,
                                  struct error *error)
{
    pusher->metrics = leader->metrics;
    pusher->places = leader->places;
    pusher->adopted = true; /* the leader's to do */
    pusher->greeted = true;
    return shopify_open_beside(leader->shopify, &pusher->shopify, error);
}

/* The callers of a shop lie side by side; the first leads. */
static enum status prepare(struct fleet *fleet, const struct shop *shop,
                           struct error *error)
{
    const struct push_settings *settings = &fleet->settings;
    struct push_crew *crew = &fleet->crews[fleet->count];
    struct pusher *leader = &fleet->pushers[fleet->count * settings->calls];
    fleet->count++;
    atomic_init(&crew->limit, PUSH_PAIRS_MAX);
    name_owner(crew);
    for (size_t at = 0; at < settings->calls; at++) {
        leader[at].number = (int16_t)at;
        prepare_caller(&leader[at], settings, shop, crew);
    }
    leader->helpers = leader + 1;
    leader->helper_count = settings->calls - 1;
    enum status status = prepare_leader(leader, error);
    for (size_t at = 1; at < settings->calls && status == STATUS_OK; at++)
        status = prepare_helper(&leader[at], leader, error);
    return status;
}

static enum status choose_shops(struct fleet *fleet, const char *only,
                                struct error *error)
{
    const struct contract *contract = fleet->settings.contract;
    int wanted = only != NULL ? contract_shop(contract, span_from(only)) : -1;
    if (only != NULL && wanted < 0) {
        error_set(error, STATUS_FATAL, "no shop '%s' in the contract", only);
        return error_exit(error, EXIT_USAGE);
    }
    size_t room = contract->shop_count + 1;
    fleet->crews = calloc(room, sizeof *fleet->crews);
    fleet->pushers = calloc(room * fleet->settings.calls, sizeof *fleet->pushers);
    if (fleet->pushers == NULL || fleet->crews == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < contract->shop_count && status == STATUS_OK; at++)
        if (wanted < 0 || (size_t)wanted == at)
            status = prepare(fleet, &contract->shops[at], error);
    return status;
}

static void close_fleet(struct fleet *fleet)
{
    size_t callers = fleet->pushers != NULL ? fleet->count * fleet->settings.calls : 0;
    for (size_t at = 0; at < callers; at++) {
        struct pusher *pusher = &fleet->pushers[at];
        postgres_close(&pusher->postgres);
        shopify_close(&pusher->shopify);
        pool_free(&pusher->pool);
        buf_free(&pusher->body);
        if (pusher->number == 0)
            shop_access_places_free(&pusher->places);
    }
    free(fleet->pushers);
    free(fleet->crews);
}

static struct pusher *leader_of(const struct fleet *fleet, size_t shop)
{
    return &fleet->pushers[shop * fleet->settings.calls];
}

static enum status run_threads(struct fleet *fleet, struct error *error)
{
    size_t started = 0;
    while (started < fleet->count &&
           pthread_create(&leader_of(fleet, started)->thread, NULL, push_run,
                          leader_of(fleet, started)) == 0)
        started++;
    enum status status = STATUS_OK;
    if (started < fleet->count) {
        status = error_set(error, STATUS_FATAL, "no thread for a shop can be started");
        life_end();
    }
    for (size_t at = 0; at < started; at++)
        pthread_join(leader_of(fleet, at)->thread, NULL);
    if (fleet->count == 0) /* whoever supervises us would start us again and again */
        admin_idle("shops", "the contract has none: nothing to do");
    return status;
}

static enum status refuse(const char *why, struct error *error)
{
    error_set(error, STATUS_FATAL, "%s", why);
    return error_exit(error, EXIT_USAGE);
}

static enum status check_flags(const struct push_flags *flags, struct fleet *fleet,
                               struct error *error)
{
    int64_t lease = flags->lease_seconds > 0 ? flags->lease_seconds : LEASE_SECONDS;
    int64_t timeout =
        flags->timeout_seconds > 0 ? flags->timeout_seconds : TIMEOUT_SECONDS;
    if (lease > 3600 || timeout * 2 >= lease)
        return refuse("--timeout-seconds must be less than half of --lease-seconds, and "
                      "that at most 3600",
                      error);
    if (flags->calls < 0 || flags->calls > PUSH_CALLERS_MAX)
        return refuse("--calls is 1 to 32", error);
    fleet->settings.lease_ms = lease * 1000;
    fleet->settings.timeout_ms = timeout * 1000;
    fleet->settings.calls = flags->calls > 0 ? (size_t)flags->calls : CALLERS;
    return STATUS_OK;
}

static enum status serve(struct fleet *fleet, const struct push_flags *flags,
                         struct error *error)
{
    const struct config *config = fleet->settings.config;
    SCOPED(admin_close) struct admin *admin = NULL;
    SCOPED(trace_close) struct trace_export *traces = NULL;
    enum status status = life_begin(error);
    if (status == STATUS_OK)
        status = admin_open(config, &admin, error);
    if (status == STATUS_OK)
        status = trace_open(config, "push", &traces, error);
    if (status == STATUS_OK)
        status = push_news_check(fleet->settings.config, error);
    if (status == STATUS_OK)
        status = choose_shops(fleet, flags->shop, error);
    if (status == STATUS_OK)
        status = run_threads(fleet, error);
    return status;
}

static enum status run(const struct config *config, const struct push_flags *flags,
                       struct error *error)
{
    SCOPED(buf_free) struct buf text = {0};
    SCOPED(contract_free) struct contract *contract = NULL;
    struct fleet fleet = {.settings = {.config = config}};
    enum status status = log_open("push", config->log_level, error);
    if (status == STATUS_OK)
        status = check_flags(flags, &fleet, error);
    if (status == STATUS_OK)
        status = contract_file_load(config->contract_path, &text, &contract, error);
    fleet.settings.contract = contract;
    if (status == STATUS_OK)
        status = serve(&fleet, flags, error);
    close_fleet(&fleet);
    return status;
}

int push_main(int argc, char **argv)
{
    struct error error = {0};
    struct config config = {0};
    struct push_flags flags = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (run(&config, &flags, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
