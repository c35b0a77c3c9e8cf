#include "workers/doctor/doctor.h"

#define SECRET_NAME_MAX 400

/* Is the shop's credential there? An unreadable file is a finding of its own. */
static bool has_secret(struct doctor *doctor, const struct shop *shop, const char *suffix)
{
    char name[SECRET_NAME_MAX];
    const char *value = NULL;
    struct error error = {0};
    config_shop_variable(shop->name, suffix, name, sizeof(name));
    if (config_secret(name, &value, &error) != STATUS_OK)
        (void)doctor_error(doctor, "shop", &error);
    return value != NULL;
}

static void check_shop(struct doctor *doctor, const struct shop *shop)
{
    char name[SECRET_NAME_MAX];
    bool token = has_secret(doctor, shop, "_TOKEN");
    bool id = has_secret(doctor, shop, "_CLIENT_ID");
    bool secret = has_secret(doctor, shop, "_CLIENT_SECRET");
    config_shop_variable(shop->name, "", name, sizeof(name));
    if (token || (id && secret)) {
        doctor_say(doctor, "shop", VERDICT_OK, "%.*s: credentials are set (%s)",
                   SPAN_ARGS(shop->name), token ? "token" : "client id and secret");
        return;
    }
    doctor_say(doctor, "shop", VERDICT_FAIL,
               "%.*s: no credentials: neither %s_TOKEN, nor %s_CLIENT_ID with "
               "%s_CLIENT_SECRET",
               SPAN_ARGS(shop->name), name, name, name)
        ->remedy = "set one or the other, or their _FILE";
}

void doctor_check_shops(struct doctor *doctor)
{
    if (doctor->contract == NULL)
        return;
    for (size_t i = 0; i < doctor->contract->shop_count; i++)
        check_shop(doctor, &doctor->contract->shops[i]);
}
