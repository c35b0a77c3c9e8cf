/*
 * parstock gateway: stock changes by HTTP into Kafka.
 */
#include "workers/gateway/gateway.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/runtime/admin.h"
#include "common/runtime/contract_file.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/commands.h"
#include "workers/gateway/post.h"
#include "workers/gateway/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS 4096
#define BODY_MIB 64
#define REQUEST_SECONDS 30
#define JOBS_MAX 512
#define JOB_WAIT_MS 5000
#define TICK_MS 200
#define DRAIN_MS 12000

static const struct flag FLAGS[] = {
    {"connections", FLAG_INTEGER, offsetof(struct gateway_flags, connections), "N",
     "open at the same time, 16 to 100000; default 4096"},
    {"body-mib", FLAG_INTEGER, offsetof(struct gateway_flags, body_mib), "N",
     "MiB for the bodies of all requests together, 32 to 65536; default 64"},
    {"request-seconds", FLAG_INTEGER, offsetof(struct gateway_flags, request_seconds),
     "N", "for a request to come in, 1 to 30; default 30"},
};

static const struct command_spec SPEC = {
    .name = "gateway",
    .summary = "stock changes by HTTP, and the shops' webhooks, into Kafka",
    .usage = "[--gateway-listen HOST:PORT] [--connections N] [--body-mib N]",
    .detail =
        "Takes POST /v1/stock-changes: one event, an array, or JSON Lines, with the bearer "
        "token of a source, which may speak only for itself and its locations. A post is one "
        "Kafka transaction: 202 once the broker has committed all of it; any other answer "
        "means that nothing of it was published. A bad event is named by its line and code, "
        "as apply would judge it.\n"
        "\n"
        "The token of source NAME comes from PARSTOCK_SOURCE_<NAME>_TOKEN (upper case, '-' "
        "as '_'), or from the file that the same variable with _FILE at its end names. A "
        "source without one cannot post.\n"
        "\n"
        "Limits: 8 MiB a post, 64 KiB an event, 99999 events, 30 s for a request to come in. "
        "Beyond a source's fair share of memory and connections the answer is 429, while the "
        "broker is away 503, both with Retry-After. TLS is for a proxy in front.\n"
        "\n"
        "Takes POST /shopify/webhooks/NAME of each shop that has a secret "
        "(PARSTOCK_SHOP_<NAME>_WEBHOOK_SECRET, and .._OLD while it rotates): 200 once the "
        "broker has what follows from it. That needs Postgres, and the shop's token for "
        "look-ups. 'parstock webhooks ensure' asks the shops to send them.\n"
        "\n"
        "The transactional id is PARSTOCK_GROUP_PREFIX, 'gateway-', the host's name and the "
        "listen address: no two gateways may share it. The embedded dev-broker knows no "
        "transactions: there a post that fails may be half published.",
    .uses = CONFIG_CONTRACT | CONFIG_KAFKA | CONFIG_ADMIN | CONFIG_GATEWAY |
            CONFIG_POSTGRES | CONFIG_WEBHOOKS | CONFIG_WEBHOOK_CHECK,
    .needs = CONFIG_CONTRACT | CONFIG_KAFKA,
    .flags = FLAGS,
    .flag_count = COUNT_OF(FLAGS),
};

/* ---- settings ----------------------------------------------------------------------------- */

struct range {
    const char *name;
    size_t offset;
    int64_t least;
    int64_t most;
    int64_t otherwise;
};

static const struct range RANGES[] = {
    {"--connections", offsetof(struct gateway_flags, connections), 16, 100000,
     CONNECTIONS},
    {"--body-mib", offsetof(struct gateway_flags, body_mib), 32, 65536, BODY_MIB},
    {"--request-seconds", offsetof(struct gateway_flags, request_seconds), 1,
     REQUEST_SECONDS, REQUEST_SECONDS},
};

static enum status check_flags(struct gateway_flags *flags, struct error *error)
{
    for (size_t at = 0; at < COUNT_OF(RANGES); at++) {
        const struct range *range = &RANGES[at];
        int64_t *value = (int64_t *)(void *)((char *)flags + range->offset);
        if (*value == 0)
            *value = range->otherwise;
        if (*value >= range->least && *value <= range->most)
            continue;
        (void)error_set(error, STATUS_FATAL, "%s is %lld to %lld", range->name,
                        (long long)range->least, (long long)range->most);
        return error_exit(error, EXIT_USAGE);
    }
    return STATUS_OK;
}

/* ---- ways in ------------------------------------------------------------------------------- */

struct way {
    struct web_route (*route)(struct gateway *gateway);
    gateway_work *work;
};

static const struct way WAYS[] = {
    {changes_route, changes_work},
};

_Static_assert(COUNT_OF(WAYS) < GATEWAY_ROUTES_MAX, "each has its place, and webhooks");

static void open_ways(struct gateway *gateway)
{
    for (size_t at = 0; at < COUNT_OF(WAYS); at++) {
        gateway->routes[at] = WAYS[at].route(gateway);
        gateway->works[at] = WAYS[at].work;
        gateway->route_count++;
    }
    gateway->routes[gateway->route_count++] = webhook_door_route(gateway->webhooks);
}

void gateway_take(void *self, struct web_request *request)
{
    struct gateway *gateway = self;
    desk_put(gateway->desk, request);
}

static void work(void *self, void *room, struct web_request *request)
{
    struct gateway *gateway = self;
    size_t way = (size_t)(request->route - gateway->routes);
    ASSERT(way < gateway->route_count);
    gateway->works[way](gateway, room, request);
}

static void close_room(void *self)
{
    struct gateway_room *room = self;
    post_judge_free(&room->judge);
    free(room);
}

static void *open_room(void *self)
{
    const struct gateway *gateway = self;
    struct gateway_room *room = calloc(1, sizeof(*room));
    if (room == NULL)
        return NULL;
    room->judge = post_judge_new(gateway->contract);
    if (room->judge != NULL)
        return room;
    free(room);
    return NULL;
}

/* ---- preparing ----------------------------------------------------------------------------- */

static enum status prepare(struct gateway *gateway, struct error *error)
{
    const struct config *config = &gateway->config;
    (void)snprintf(gateway->topic, sizeof(gateway->topic), "%sstock-changes",
                   config->topic_prefix);
    enum status status = contract_file_load(
        config->contract_path, &gateway->contract_text, &gateway->contract, error);
    if (status == STATUS_OK)
        status = source_tokens_load(gateway->contract, &gateway->tokens, error);
    if (status == STATUS_OK && gateway->tokens.speaking == 0)
        log_warn("no source has a token: every post is refused",
                 LOG_TEXT("remedy", "set PARSTOCK_SOURCE_<NAME>_TOKEN"), LOG_END);
    if (status == STATUS_OK)
        status = webhook_door_open(config, gateway->contract, GATEWAY_SHOP_OWNERS,
                                   &gateway->webhooks, error);
    if (status == STATUS_OK)
        open_ways(gateway);
    return status;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The default port may be somebody else's: then it is waited for. One that was asked for
 * must be free. */
static enum status listen_first(struct gateway *gateway, struct error *error)
{
    const char *wanted = gateway->config.gateway_listen;
    (void)snprintf(gateway->address, sizeof(gateway->address), "%.300s", wanted);
    enum status status = listen_open(wanted, &gateway->listener, error);
    if (status == STATUS_OK)
        listen_text(gateway->listener, gateway->address, sizeof(gateway->address));
    if (status == STATUS_OK || strcmp(error->code, "EADDRINUSE") != 0)
        return status;
    if (gateway->config.gateway_listen_asked) {
        error->status = STATUS_FATAL;
        return error_exit(error, EXIT_UNAVAILABLE);
    }
    log_warn("the default port is taken; PARSTOCK_GATEWAY_LISTEN chooses another",
             LOG_TEXT("listen", wanted), LOG_END);
    /* nobody is missed who could not post anyway */
    life_ready("listen", gateway->tokens.speaking == 0, error->text);
    return STATUS_OK;
}

static enum status open_publisher(struct gateway *gateway, struct error *error)
{
    char host[128] = "";
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(gateway->id, sizeof(gateway->id), "%.100sgateway-%s-%s",
                   gateway->config.group_prefix, host, gateway->address);
    const struct publisher_options options = {
        .kafka = config_kafka(&gateway->config, "parstock-gateway"),
        .id = gateway->id,
        .topic = gateway->topic,
        .jobs_max = JOBS_MAX,
        .wait_ms = JOB_WAIT_MS};
    life_ready("kafka", false, "the broker has not answered yet");
    return publisher_open(&options, &gateway->publisher, error);
}

static enum status open_server(struct gateway *gateway, struct error *error)
{
    const struct web_options options = {
        .listener = gateway->listener,
        .routes = gateway->routes,
        .route_count = gateway->route_count,
        .connections_max = (size_t)gateway->flags.connections,
        .body_room = (size_t)gateway->flags.body_mib * 1024 * 1024,
        .request_ms = (int)gateway->flags.request_seconds * 1000,
        .seen = gateway_seen,
        .self = gateway};
    gateway->listener = -1;
    enum status status = web_server_open(&options, &gateway->server, error);
    if (status != STATUS_OK)
        return status;
    life_ready("listen", true, "");
    log_info("gateway endpoint", LOG_TEXT("listen", gateway->address),
             LOG_INT("connections", (int64_t)web_server_connections_max(gateway->server)),
             LOG_END);
    return STATUS_OK;
}

/* The address first, since the transactional id names it; the server last, so that there is
 * somebody to hand requests to. */
static enum status open_all(struct gateway *gateway, struct error *error)
{
    const struct desk_work crew = {
        .self = gateway, .open_room = open_room, .close_room = close_room, .work = work};
    enum status status = listen_first(gateway, error);
    if (status == STATUS_OK)
        status = open_publisher(gateway, error);
    if (status == STATUS_OK)
        status = desk_open(&crew, &gateway->desk, error);
    if (status == STATUS_OK && gateway->listener >= 0)
        status = open_server(gateway, error);
    return status;
}

/* ---- running -------------------------------------------------------------------------------- */

static void tick(struct gateway *gateway)
{
    struct error why = {0};
    admin_alive();
    gateway_gauges(gateway);
    bool healthy = publisher_health(gateway->publisher, &why) == STATUS_OK;
    life_ready("kafka", healthy, why.text);
    if (healthy && !gateway->told_of_mock && publisher_is_mock(gateway->publisher)) {
        gateway->told_of_mock = true;
        log_warn("the embedded broker has no transactions: a post that fails may be half "
                 "published",
                 LOG_END);
    }
    if (gateway->server == NULL && listen_open(gateway->config.gateway_listen,
                                               &gateway->listener, &why) == STATUS_OK)
        (void)open_server(gateway, &why); /* tried again */
}

static enum status serve(struct gateway *gateway, struct error *error)
{
    enum status status = prepare(gateway, error);
    if (status == STATUS_OK)
        status = open_all(gateway, error);
    while (status == STATUS_OK && !life_ending()) {
        tick(gateway);
        life_wait_ms(TICK_MS);
    }
    return status;
}

/* What is in hand is finished first: requests, then what they publish, then their answers. */
static void close_all(struct gateway *gateway)
{
    if (gateway->server != NULL)
        web_server_drain(gateway->server, DRAIN_MS);
    webhook_door_close(&gateway->webhooks);
    desk_close(&gateway->desk);
    publisher_close(&gateway->publisher);
    web_server_close(&gateway->server);
    if (gateway->listener >= 0)
        (void)close(gateway->listener);
    contract_free(&gateway->contract);
    buf_free(&gateway->contract_text);
}

static enum status run(struct gateway *gateway, struct error *error)
{
    SCOPED(admin_close) struct admin *admin = NULL;
    enum status status = log_open("gateway", gateway->config.log_level, error);
    if (status == STATUS_OK)
        status = check_flags(&gateway->flags, error);
    if (status == STATUS_OK)
        status = life_begin(error);
    if (status == STATUS_OK)
        status = admin_open(&gateway->config, &admin, error);
    if (status == STATUS_OK)
        status = serve(gateway, error);
    close_all(gateway);
    return status;
}

int gateway_main(int argc, char **argv)
{
    static struct gateway gateway = {.listener = -1}; /* too large for a stack */
    struct error error = {0};
    struct parsed parsed = {.argc = argc, .argv = argv};
    if (config_parse(&SPEC, &parsed, &gateway.config, &gateway.flags, &error) !=
        STATUS_OK)
        return config_fail(&SPEC, &error);
    if (parsed.done)
        return 0;
    if (run(&gateway, &error) != STATUS_OK)
        return config_fail(&SPEC, &error);
    return 0;
}
