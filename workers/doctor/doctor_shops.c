#include "workers/doctor/doctor.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/shop_access.h"
#include "common/runtime/shop_webhooks.h"

#define SHOP_WAIT_MS 15000
#define POOL_MAX ((size_t)8 << 20)

struct advice {
    int exit_code; /* 0: any other */
    const char *remedy;
};

static const struct advice ADVICE[] = {
    {EXIT_CONFIG, "set the credentials, or their _FILE"},
    {EXIT_NOT_ALLOWED, "grant the scope to the app, then install it anew"},
    {0, "is the token that of this shop, and the app still installed?"},
};

static const char *shop_advice(const struct error *error)
{
    size_t at = 0;
    while (ADVICE[at].exit_code != 0 && ADVICE[at].exit_code != error->exit_code)
        at++;
    return ADVICE[at].remedy;
}

/* Reached, token accepted, scopes granted: the first that fails is the finding. */
static enum status shop_ask(const struct shop *shop, struct error *error)
{
    SCOPED(shopify_close) struct shopify *shopify = NULL;
    enum status status = shop_access_open(shop, SHOP_WAIT_MS, &shopify, error);
    if (status != STATUS_OK)
        return status;
    return shop_access_check(shopify, SCOPES_NEEDED, error);
}

static void check_shop(struct doctor *doctor, const struct shop *shop)
{
    struct error error = {0};
    if (shop_ask(shop, &error) == STATUS_OK) {
        doctor_say(doctor, "shop", VERDICT_OK, "%.*s: answers, token and scopes are good",
                   SPAN_ARGS(shop->name));
        return;
    }
    bool away = error.status == STATUS_RETRY;
    doctor_say(doctor, "shop", away ? VERDICT_UNREACHABLE : VERDICT_FAIL, "%.*s: %s",
               SPAN_ARGS(shop->name), error.text)
        ->remedy =
        away ? "is the endpoint in the contract file right?" : shop_advice(&error);
}

/* ---- webhooks ------------------------------------------------------------------------- */

/* A shop whose webhooks nobody could tell from forged ones sends none that are taken. */
static bool has_secret(const struct shop *shop, struct error *error)
{
    char name[256];
    const char *value = NULL;
    config_shop_variable(shop->name, "_WEBHOOK_SECRET", name, sizeof name);
    return config_secret(name, &value, error) == STATUS_OK && value != NULL;
}

static enum status webhooks_ask(const struct shop *shop, struct shop_webhooks *found,
                                struct error *error)
{
    SCOPED(shopify_close) struct shopify *shopify = NULL;
    enum status status = shop_access_open(shop, SHOP_WAIT_MS, &shopify, error);
    return status == STATUS_OK ? shop_webhooks_look(shopify, shop, found, error) : status;
}

static void check_webhooks(struct doctor *doctor, const struct shop *shop)
{
    struct error error = {0};
    char missing[400];
    SCOPED(pool_free) struct pool pool;
    struct shop_webhooks found = {.address = doctor->config->webhook_address,
                                  .pool = &pool};
    pool_init(&pool, POOL_MAX);
    if (!has_secret(shop, &error)) {
        doctor_say(doctor, "webhooks", VERDICT_OK, "%.*s: not used (no secret is set)",
                   SPAN_ARGS(shop->name));
        return;
    }
    if (webhooks_ask(shop, &found, &error) != STATUS_OK) {
        doctor_error(doctor, "webhooks", &error);
        return;
    }
    shop_webhooks_list(&found, missing, sizeof missing);
    if (found.missing == 0)
        doctor_say(doctor, "webhooks", VERDICT_OK, "%.*s: all %d are sent",
                   SPAN_ARGS(shop->name), WEBHOOK_TOPIC_COUNT);
    else
        doctor_say(doctor, "webhooks", VERDICT_FAIL, "%.*s: the shop does not send %s",
                   SPAN_ARGS(shop->name), missing)
            ->remedy = "run 'parstock webhooks ensure', and see why deliveries failed";
}

void doctor_check_shops(struct doctor *doctor)
{
    if (doctor->contract == NULL)
        return;
    for (size_t i = 0; i < doctor->contract->shop_count; i++) {
        check_shop(doctor, &doctor->contract->shops[i]);
        check_webhooks(doctor, &doctor->contract->shops[i]);
    }
}
