#include "workers/doctor/doctor.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/runtime/shop_access.h"

#define SHOP_WAIT_MS 15000

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

void doctor_check_shops(struct doctor *doctor)
{
    if (doctor->contract == NULL)
        return;
    for (size_t i = 0; i < doctor->contract->shop_count; i++)
        check_shop(doctor, &doctor->contract->shops[i]);
}
