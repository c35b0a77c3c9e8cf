#include "common/runtime/shop_access.h"

#include "common/runtime/config.h"
#include "common/runtime/life.h"

#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 5000
#define VARIABLE_MAX 256
#define THROTTLED_TRIES_MAX 60 /* each waits a second or more */

static enum status secret(const struct shop *shop, const char *suffix,
                          const char **value_out, struct error *error)
{
    char name[VARIABLE_MAX];
    config_shop_variable(shop->name, suffix, name, sizeof name);
    return config_secret(name, value_out, error);
}

static enum status no_credentials(const struct shop *shop, struct error *error)
{
    char name[VARIABLE_MAX];
    config_shop_variable(shop->name, "_TOKEN", name, sizeof name);
    error_set(
        error, STATUS_FATAL,
        "shop %.*s has no credentials: set %s (or .._CLIENT_ID and .._CLIENT_SECRET)",
        SPAN_ARGS(shop->name), name);
    return error_exit(error, EXIT_CONFIG);
}

enum status shop_access_open(const struct shop *shop, int64_t timeout_ms,
                             struct shopify **out, struct error *error)
{
    struct shopify_options options = {
        .endpoint = shop->endpoint,
        .api_version = shop->api_version,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .total_timeout_ms = (int)timeout_ms,
    };
    enum status status = secret(shop, "_TOKEN", &options.token, error);
    if (status == STATUS_OK)
        status = secret(shop, "_CLIENT_ID", &options.client_id, error);
    if (status == STATUS_OK)
        status = secret(shop, "_CLIENT_SECRET", &options.client_secret, error);
    if (status != STATUS_OK)
        return status;
    bool pair = options.client_id != NULL && options.client_secret != NULL;
    if (options.token == NULL && !pair)
        return no_credentials(shop, error);
    return shopify_open(&options, out, error);
}

enum status shop_access_places(const struct contract *contract, const struct shop *shop,
                               struct shop_places *places, struct error *error)
{
    struct span *codes = calloc(contract->location_count + 1, sizeof *codes);
    struct span *gids = calloc(contract->location_count + 1, sizeof *gids);
    *places = (struct shop_places){.codes = codes, .gids = gids};
    if (codes == NULL || gids == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    for (size_t at = 0; at < contract->location_count; at++) {
        if (shop->gids[at].bytes == NULL)
            continue;
        codes[places->count] = contract->locations[at].code;
        gids[places->count++] = shop->gids[at];
    }
    return STATUS_OK;
}

void shop_access_places_free(struct shop_places *places)
{
    free(places->codes);
    free(places->gids);
    *places = (struct shop_places){0};
}

bool shop_access_again(struct shopify *shopify, enum status status,
                       const struct error *error, int *tries)
{
    if (status != STATUS_RETRY || strcmp(error->code, "throttled") != 0 ||
        ++*tries > THROTTLED_TRIES_MAX || life_ending())
        return false;
    life_wait_ms(shopify_throttled_ms(shopify, SHOPIFY_SET_POINTS));
    return true;
}

enum status shop_access_check(struct shopify *shopify, unsigned needed,
                              struct error *error)
{
    unsigned scopes = 0;
    int tries = 0;
    enum status status = STATUS_OK;
    do {
        status = shopify_scopes(shopify, &scopes, error);
    } while (shop_access_again(shopify, status, error, &tries));
    if (status != STATUS_OK)
        return status;
    for (unsigned bit = 1; bit <= SCOPES_NEEDED; bit <<= 1)
        if ((needed & bit & ~scopes) != 0) {
            error_set_code(error, STATUS_FATAL, "scope",
                           "the token lacks the scope %s: grant it to the app",
                           shopify_scope_name(bit));
            return error_exit(error, EXIT_NOT_ALLOWED);
        }
    return STATUS_OK;
}
