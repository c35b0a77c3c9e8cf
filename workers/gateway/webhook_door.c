#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "workers/gateway/webhook.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- shops and their secrets ---------------------------------------------------------- */

static enum status read_secret(struct span shop, const char *suffix, struct span *out,
                               struct error *error)
{
    char variable[256];
    const char *value = NULL;
    config_shop_variable(shop, suffix, variable, sizeof variable);
    enum status status = config_secret(variable, &value, error);
    if (status != STATUS_OK || (value == NULL && getenv(variable) == NULL))
        return status;
    *out = span_from(value);
    if (value != NULL && value[0] != '\0')
        return STATUS_OK;
    error_set(error, STATUS_FATAL, "%s is empty: everybody could sign", variable);
    return error_exit(error, EXIT_CONFIG);
}

static const char *const OUTCOMES[WEBHOOK_OUTCOME_COUNT] = {
    [WEBHOOK_TAKEN] = "taken",         [WEBHOOK_REPEATED] = "repeated",
    [WEBHOOK_UNNEEDED] = "unneeded",   [WEBHOOK_FORGED] = "forged",
    [WEBHOOK_MALFORMED] = "malformed", [WEBHOOK_BUSY] = "busy",
};

static void register_metrics(struct webhook_shop *shop)
{
    char labels[256];
    for (int outcome = 0; outcome < WEBHOOK_OUTCOME_COUNT; outcome++) {
        (void)snprintf(labels, sizeof labels, "shop=\"%s\",outcome=\"%s\"", shop->name,
                       OUTCOMES[outcome]);
        shop->outcomes[outcome] = metrics_counter("parstock_webhooks_total", labels,
                                                  "Webhooks by how they ended.");
    }
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++) {
        (void)snprintf(labels, sizeof labels, "shop=\"%s\",topic=\"%s\"", shop->name,
                       webhook_kind((enum webhook_topic)topic)->id);
        shop->topics[topic] = metrics_counter("parstock_webhook_topics_total", labels,
                                              "Webhooks that were the shop's, by topic.");
    }
    (void)snprintf(labels, sizeof labels, "shop=\"%s\"", shop->name);
    shop->missing = metrics_gauge("parstock_webhook_subscriptions_missing", labels,
                                  "Topics that the shop is to send and does not.");
    shop->owed = metrics_gauge("parstock_webhook_lookups_owed", labels,
                               "Look-ups that webhooks asked for and that are not done.");
}

static enum status open_shop(struct webhook_door *door, size_t at, struct error *error)
{
    struct webhook_shop *shop = &door->shops[at];
    shop->shop = &door->contract->shops[at];
    shop->index = at;
    metrics_plain_name(shop->shop->name, shop->name, sizeof shop->name);
    enum status status =
        read_secret(shop->shop->name, "_WEBHOOK_SECRET", &shop->secrets.current, error);
    if (status == STATUS_OK)
        status = read_secret(shop->shop->name, "_WEBHOOK_SECRET_OLD", &shop->secrets.old,
                             error);
    if (status != STATUS_OK || shop->secrets.current.bytes == NULL)
        return status;
    register_metrics(shop);
    door->watch_count++;
    return STATUS_OK;
}

/* ---- the route ------------------------------------------------------------------------ */

static const struct webhook_shop *shop_named(const struct webhook_door *door,
                                             struct span name)
{
    int at = contract_shop(door->contract, name);
    if (at < 0 || door->shops[at].secrets.current.bytes == NULL)
        return NULL;
    return &door->shops[at];
}

static bool admit(void *self, struct web_request *request, struct web_refusal *refusal)
{
    const struct webhook_door *door = self;
    const struct webhook_shop *shop = shop_named(door, request->name);
    size_t signatures = 0;
    (void)http_head_value(&request->head, "X-Shopify-Hmac-Sha256", &signatures);
    if (shop == NULL) {
        *refusal = (struct web_refusal){.status = 404, .detail = "there is nothing here"};
        return false;
    }
    if (signatures != 1) {
        metric_add(shop->outcomes[WEBHOOK_FORGED], 1);
        *refusal = (struct web_refusal){
            .status = 401, .detail = "exactly one X-Shopify-Hmac-Sha256 is needed"};
        return false;
    }
    request->owner = door->first_owner + (int)shop->index;
    return true;
}

/* On the server's thread: only handed on. */
static void take(void *self, struct web_request *request)
{
    struct webhook_door *door = self;
    const struct webhook_shop *shop = shop_named(door, request->name);
    ASSERT(shop != NULL); /* admitted */
    request->state = &door->shops[shop->index];
    desk_put(door->desk, request);
}

struct web_route webhook_door_route(struct webhook_door *door)
{
    return (struct web_route){.method = "POST",
                              .path = WEBHOOK_PATH,
                              .body_max = WEBHOOK_BODY_MAX,
                              .admit = admit,
                              .take = take,
                              .self = door};
}

/* ---- the crew's rooms ------------------------------------------------------------------ */

static void *open_room(void *self)
{
    struct webhook_room *room = calloc(1, sizeof *room);
    if (room == NULL)
        return NULL;
    room->door = self;
    pool_init(&room->pool, WEBHOOK_POOL_MAX);
    return room;
}

static void close_room(void *self)
{
    struct webhook_room *room = self;
    postgres_close(&room->postgres);
    pool_free(&room->pool);
    free(room);
}

static void work(void *self, void *room, struct web_request *request)
{
    (void)self;
    webhook_take(room, request);
}

/* ---- opening and closing --------------------------------------------------------------- */

static void register_rules(struct webhook_door *door)
{
    char labels[64];
    for (int rule = 0; rule < WEBHOOK_RULE_COUNT; rule++) {
        (void)snprintf(labels, sizeof labels, "rule=\"%s\"",
                       webhook_rule((enum webhook_rule)rule)->id);
        door->rules[rule] =
            metrics_counter("parstock_webhook_rules_total", labels,
                            "Things that webhooks told of, by what follows from them.");
    }
}

static enum status start(struct webhook_door *door, struct error *error)
{
    const struct desk_work crew = {
        .self = door, .open_room = open_room, .close_room = close_room, .work = work};
    if (door->config->postgres == NULL) {
        error_set(error, STATUS_FATAL,
                  "PARSTOCK_POSTGRES is not set: webhooks are looked up there");
        return error_exit(error, EXIT_CONFIG);
    }
    register_rules(door);
    enum status status = webhook_send_open(door, error);
    if (status == STATUS_OK)
        status = desk_open(&crew, &door->desk, error);
    if (status == STATUS_OK)
        status = webhook_watches_open(door, error);
    return status;
}

static enum status open_shops(struct webhook_door *door, struct error *error)
{
    size_t count = door->contract->shop_count;
    door->shops = calloc(count + 1, sizeof *door->shops);
    if (door->shops == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at++)
        status = open_shop(door, at, error);
    if (status == STATUS_OK && door->watch_count > 0)
        status = start(door, error);
    return status;
}

enum status webhook_door_open(const struct config *config,
                              const struct contract *contract, int first_owner,
                              struct webhook_door **out, struct error *error)
{
    SCOPED(webhook_door_close) struct webhook_door *door = calloc(1, sizeof *door);
    if (door == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    door->config = config;
    door->contract = contract;
    door->first_owner = first_owner;
    (void)pthread_rwlock_init(&door->sending, NULL);
    (void)snprintf(door->topic, sizeof door->topic, "%sstock-changes",
                   config->topic_prefix);
    enum status status = open_shops(door, error);
    if (status != STATUS_OK)
        return status;
    *out = TAKE(door);
    return STATUS_OK;
}

void webhook_door_close(struct webhook_door **slot)
{
    struct webhook_door *door = TAKE(*slot);
    if (door == NULL)
        return;
    webhook_watches_close(door);
    desk_close(&door->desk);
    webhook_send_close(door);
    free(door->shops);
    free(door);
}
