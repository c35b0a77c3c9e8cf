#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/life.h"
#include "common/runtime/log.h"
#include "common/runtime/shop_access.h"
#include "common/runtime/shop_incident.h"
#include "common/runtime/shop_webhooks.h"
#include "workers/gateway/webhook.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_MS 200
#define CALL_TIMEOUT_MS 15000
#define POOL_MAX ((size_t)64 << 20)
#define PRUNE_EVERY_US (600LL * 1000000)
#define COUNT_EVERY_US (5LL * 1000000)
#define CHECK_AGAIN_US (10LL * 1000000)
/* The shop sends a webhook for 4 hours, and may be a day late with the first. */
#define SEEN_SECONDS (3LL * 24 * 3600)

struct webhook_watch {
    struct webhook_door *door;
    const struct webhook_shop *shop;
    struct postgres *postgres;
    struct shopify *shopify;
    struct shop_places places;
    struct pool pool;
    int64_t check_us; /* when the subscriptions are looked at next; monotonic */
    int64_t prune_us;
    int64_t count_us;
    int tries;
    char complaint[96]; /* what was said last, so that it is said once */
    pthread_t thread;
    bool running;
};

static void complain(struct webhook_watch *watch, const char *what,
                     const struct error *error)
{
    char complaint[sizeof watch->complaint];
    (void)snprintf(complaint, sizeof complaint, "%s %s", what, error->code);
    bool news = strcmp(complaint, watch->complaint) != 0;
    memcpy(watch->complaint, complaint, sizeof complaint);
    log_write(news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, what,
              LOG_FIELDS(LOG_TEXT("shop", watch->shop->name),
                         LOG_TEXT("code", error->code), LOG_TEXT("error", error->text),
                         LOG_END));
}

static enum status have_postgres(struct webhook_watch *watch, struct error *error)
{
    if (watch->postgres != NULL && postgres_alive(watch->postgres))
        return STATUS_OK;
    postgres_close(&watch->postgres);
    const struct postgres_options options = {
        .dsn = watch->door->config->postgres,
        .schema = watch->door->config->schema,
        .application_name = "parstock gateway",
    };
    return postgres_open(&options, &watch->postgres, error);
}

/* ---- subscriptions -------------------------------------------------------------------- */

/* All is sent: whatever was wrong with the shop as a whole is over. */
static enum status all_well(struct webhook_watch *watch, struct error *error)
{
    static const enum incident_class CLASSES[] = {INCIDENT_WEBHOOKS_LOST,
                                                  INCIDENT_UNINSTALLED};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(CLASSES) && status == STATUS_OK; at++) {
        bool news = false;
        const struct shop_incident incident = {.class = CLASSES[at],
                                               .shop = watch->shop->shop->name,
                                               .actor = "gateway",
                                               .detail =
                                                   "the shop sends all webhooks again",
                                               .at_us = clock_now_us()};
        status = shop_incident_end(watch->postgres, &incident, &news, error);
        if (status == STATUS_OK && news)
            log_info("the shop sends all webhooks again",
                     LOG_TEXT("shop", watch->shop->name), LOG_END);
    }
    return status;
}

static enum status not_well(struct webhook_watch *watch,
                            const struct shop_webhooks *found, struct error *error)
{
    char topics[512];
    char detail[600];
    bool news = false;
    shop_webhooks_list(found, topics, sizeof topics);
    (void)snprintf(detail, sizeof detail, "not sent: %s", topics);
    const struct shop_incident incident = {.class = INCIDENT_WEBHOOKS_LOST,
                                           .shop = watch->shop->shop->name,
                                           .actor = "gateway",
                                           .detail = detail,
                                           .at_us = clock_now_us()};
    enum status status = shop_incident_raise(watch->postgres, &incident, &news, error);
    if (status == STATUS_OK && news)
        log_warn(
            "the shop does not send what it is to send; run 'parstock webhooks ensure'",
            LOG_TEXT("shop", watch->shop->name), LOG_TEXT("topics", topics), LOG_END);
    return status;
}

static enum status check(struct webhook_watch *watch, struct error *error)
{
    struct shop_webhooks found = {.address = watch->door->config->webhook_address,
                                  .pool = &watch->pool};
    enum status status =
        shop_webhooks_look(watch->shopify, watch->shop->shop, &found, error);
    if (status != STATUS_OK)
        return status;
    metric_set(watch->shop->missing, (int64_t)found.missing);
    return found.missing == 0 ? all_well(watch, error) : not_well(watch, &found, error);
}

/* The shop may be away: that is push's to say, and no reason to be idle here. */
static bool check_when_due(struct webhook_watch *watch)
{
    struct error error = {0};
    int64_t now_us = clock_monotonic_us();
    if (now_us < watch->check_us || watch->shopify == NULL)
        return true;
    enum status status = check(watch, &error);
    watch->check_us = now_us + watch->door->config->webhook_check_seconds * 1000000;
    if (status == STATUS_OK)
        return true;
    if (watch->check_us > now_us + CHECK_AGAIN_US)
        watch->check_us = now_us + CHECK_AGAIN_US;
    complain(watch, "the webhooks of the shop can not be checked", &error);
    return postgres_alive(watch->postgres);
}

/* ---- the rest -------------------------------------------------------------------------- */

static enum status tidy_when_due(struct webhook_watch *watch, struct error *error)
{
    int64_t now_us = clock_monotonic_us();
    int64_t number = 0;
    enum status status = STATUS_OK;
    if (now_us >= watch->count_us) {
        status =
            store_looks_count(watch->postgres, watch->shop->shop->name, &number, error);
        metric_set(watch->shop->owed, number);
        watch->count_us = now_us + COUNT_EVERY_US;
    }
    if (status == STATUS_OK && now_us >= watch->prune_us) {
        status = store_webhook_prune(watch->postgres, SEEN_SECONDS, &number, error);
        watch->prune_us = now_us + PRUNE_EVERY_US;
    }
    return status;
}

static enum status look(struct webhook_watch *watch, bool *any_out, struct error *error)
{
    if (watch->shopify == NULL)
        return STATUS_OK;
    struct webhook_looker looker = {.door = watch->door,
                                    .shop = watch->shop,
                                    .postgres = watch->postgres,
                                    .shopify = watch->shopify,
                                    .places = &watch->places,
                                    .pool = &watch->pool};
    return webhook_look(&looker, any_out, error);
}

/* False: something is away. */
static bool step(struct webhook_watch *watch, bool *any_out)
{
    struct error error = {0};
    *any_out = false;
    enum status status = have_postgres(watch, &error);
    if (status == STATUS_OK)
        status = look(watch, any_out, &error);
    if (status == STATUS_OK)
        status = tidy_when_due(watch, &error);
    if (status != STATUS_OK) {
        complain(watch, "look-ups of webhooks wait", &error);
        postgres_close(&watch->postgres);
        return false;
    }
    return check_when_due(watch);
}

static void *run(void *self)
{
    struct webhook_watch *watch = self;
    while (!life_ending() && !atomic_load(&watch->door->closing)) {
        bool any = false;
        pool_reset(&watch->pool);
        if (!step(watch, &any)) {
            postgres_close(&watch->postgres);
            life_back_off(&watch->tries);
            continue;
        }
        watch->tries = 0;
        if (!any)
            life_wait_ms(IDLE_MS);
    }
    return NULL;
}

static enum status open_watch(struct webhook_door *door, struct webhook_watch *watch,
                              const struct webhook_shop *shop, struct error *error)
{
    watch->door = door;
    watch->shop = shop;
    pool_init(&watch->pool, POOL_MAX);
    enum status status =
        shop_access_places(door->contract, shop->shop, &watch->places, error);
    if (status != STATUS_OK)
        return status;
    struct error away = {0};
    if (shop_access_open(shop->shop, CALL_TIMEOUT_MS, &watch->shopify, &away) !=
        STATUS_OK)
        complain(watch, "nothing can be asked of the shop: look-ups wait", &away);
    watch->running = pthread_create(&watch->thread, NULL, run, watch) == 0;
    return watch->running ? STATUS_OK
                          : error_set(error, STATUS_FATAL, "a thread can not be started");
}

enum status webhook_watches_open(struct webhook_door *door, struct error *error)
{
    door->watches = calloc(door->watch_count, sizeof *door->watches);
    if (door->watches == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    size_t count = 0;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < door->contract->shop_count && status == STATUS_OK; at++)
        if (door->shops[at].secrets.current.bytes != NULL)
            status = open_watch(door, &door->watches[count++], &door->shops[at], error);
    return status;
}

void webhook_watches_close(struct webhook_door *door)
{
    atomic_store(&door->closing, true);
    for (size_t at = 0; door->watches != NULL && at < door->watch_count; at++) {
        struct webhook_watch *watch = &door->watches[at];
        if (watch->door == NULL)
            continue;
        if (watch->running)
            (void)pthread_join(watch->thread, NULL);
        postgres_close(&watch->postgres);
        shopify_close(&watch->shopify);
        shop_access_places_free(&watch->places);
        pool_free(&watch->pool);
    }
    free(door->watches);
    door->watches = NULL;
}
