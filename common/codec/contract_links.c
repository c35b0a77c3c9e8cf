#include "common/codec/contract_links.h"

#include "common/codec/contract_shape.h"

#include <strings.h>

/* ---- given twice ------------------------------------------------------------------ */

static enum status check_ranks(json_t *sources, struct error *error)
{
    for (size_t at = 1; at < json_array_size(sources); at++) {
        double rank =
            json_number_value(json_object_get(json_array_get(sources, at), "rank"));
        for (size_t other = 0; other < at; other++) {
            json_t *before = json_array_get(sources, other);
            if (json_number_value(json_object_get(before, "rank")) != rank)
                continue;
            return error_set(
                error, STATUS_FATAL,
                "/sources/%zu/rank: is that of /sources/%zu too; ranks decide "
                "who rules, so give each source its own",
                at, other);
        }
    }
    return STATUS_OK;
}

struct named {
    const char *list;
    size_t at;
    struct span name;
};

static struct named named_at(json_t *root, size_t at)
{
    json_t *sources = json_object_get(root, "sources");
    size_t source_count = json_array_size(sources);
    bool is_source = at < source_count;
    size_t index = is_source ? at : at - source_count;
    json_t *list = is_source ? sources : json_object_get(root, "shops");
    json_t *name = json_object_get(json_array_get(list, index), "name");
    return (struct named){is_source ? "sources" : "shops", index, json_span(name)};
}

static enum status check_names_once(json_t *root, struct error *error)
{
    size_t count = json_array_size(json_object_get(root, "sources")) +
                   json_array_size(json_object_get(root, "shops"));
    for (size_t at = 1; at < count; at++) {
        struct named named = named_at(root, at);
        for (size_t other = 0; other < at; other++) {
            struct named before = named_at(root, other);
            if (!span_equal(before.name, named.name))
                continue;
            return error_set(error, STATUS_FATAL,
                             "/%s/%zu/name: \"%.*s\" is the name of /%s/%zu too; sources "
                             "and shops share one set of names",
                             named.list, named.at, SPAN_ARGS(named.name), before.list,
                             before.at);
        }
    }
    return STATUS_OK;
}

enum status contract_check_names(json_t *root, const struct contract *contract,
                                 struct error *error)
{
    enum status status = check_ranks(json_object_get(root, "sources"), error);
    if (status == STATUS_OK)
        status = check_names_once(root, error);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 1; at < contract->name_count; at++) {
        const struct location_name *name = &contract->names[at];
        if (!span_equal(name[-1].name, name->name))
            continue;
        return error_set(error, STATUS_FATAL,
                         "/locations/%d: the code or alias \"%.*s\" is one of "
                         "/locations/%d too; a name must mean one location, once",
                         name->location, SPAN_ARGS(name->name), name[-1].location);
    }
    return STATUS_OK;
}

/* ---- pointing at something -------------------------------------------------------- */

int contract_location_by_code(const struct contract *contract, struct span code)
{
    int location = contract_location(contract, code);
    if (location < 0 || !span_equal(contract->locations[location].code, code))
        return -1;
    return location;
}

static enum status refuse_location(const char *list, size_t at, struct span code,
                                   struct error *error)
{
    return error_set(error, STATUS_FATAL,
                     "/%s/%zu/locations: \"%.*s\" is no code of /locations; add it there "
                     "or take it out here (an alias will not do)",
                     list, at, SPAN_ARGS(code));
}

static enum status check_source(json_t *source, size_t at,
                                const struct contract *contract, struct error *error)
{
    json_t *locations = json_object_get(source, "locations");
    for (size_t each = 0; each < json_array_size(locations); each++) {
        struct span code = json_span(json_array_get(locations, each));
        if (contract_location_by_code(contract, code) < 0)
            return refuse_location("sources", at, code, error);
    }
    return STATUS_OK;
}

static struct span host_of(struct span endpoint)
{
    const char *start = strstr(endpoint.bytes, "://") + 3;
    const char *end = start + strcspn(start, "/?#");
    const char *bracket =
        *start == '[' ? memchr(start, ']', (size_t)(end - start)) : NULL;
    if (bracket != NULL)
        return (struct span){start, (size_t)(bracket + 1 - start)};
    const char *colon = memchr(start, ':', (size_t)(end - start));
    return (struct span){start, (size_t)((colon != NULL ? colon : end) - start)};
}

/* 127.a.b.c, each part a decimal number below 256 */
static bool is_loopback_address(struct span host)
{
    int parts = 1;
    int digits = 0;
    int value = 0;
    if (host.length < 4 || memcmp(host.bytes, "127.", 4) != 0)
        return false;
    for (size_t at = 4; at < host.length; at++) {
        char byte = host.bytes[at];
        if (byte == '.') {
            if (digits == 0 || ++parts > 3)
                return false;
            digits = value = 0;
            continue;
        }
        if (byte < '0' || byte > '9' || ++digits > 3)
            return false;
        value = value * 10 + (byte - '0');
        if (value > 255)
            return false;
    }
    return parts == 3 && digits > 0;
}

static bool is_loopback(struct span host)
{
    const char *name = "localhost";
    if (host.length == strlen(name) && strncasecmp(host.bytes, name, host.length) == 0)
        return true;
    return span_is(host, "[::1]") || is_loopback_address(host);
}

bool contract_url_is_safe(struct span url)
{
    bool plain = memcmp(url.bytes, "http:", 5) == 0;
    return !plain || is_loopback(host_of(url));
}

/* Two codes of one place of the shop would overwrite each other's level there. */
static enum status check_gid(json_t *locations, void *each, size_t at,
                             struct error *error)
{
    const char *gid = json_string_value(json_object_iter_value(each));
    for (void *before = json_object_iter(locations); before != each;
         before = json_object_iter_next(locations, before))
        if (strcmp(json_string_value(json_object_iter_value(before)), gid) == 0)
            return error_set(error, STATUS_FATAL,
                             "/shops/%zu/locations: %s and %s are the same place of the "
                             "shop (%s); give each code its own",
                             at, json_object_iter_key(before), json_object_iter_key(each),
                             gid);
    return STATUS_OK;
}

static enum status check_places(json_t *shop, size_t at, const struct contract *contract,
                                struct error *error)
{
    json_t *locations = json_object_get(shop, "locations");
    enum status status = STATUS_OK;
    for (void *each = json_object_iter(locations); each != NULL && status == STATUS_OK;
         each = json_object_iter_next(locations, each)) {
        struct span code = span_from(json_object_iter_key(each));
        if (contract_location_by_code(contract, code) < 0)
            return refuse_location("shops", at, code, error);
        status = check_gid(locations, each, at, error);
    }
    return status;
}

static enum status check_shop(json_t *shop, size_t at, const struct contract *contract,
                              struct error *error)
{
    enum status status = check_places(shop, at, contract, error);
    if (status != STATUS_OK)
        return status;
    const char *version = json_string_value(json_object_get(shop, "api_version"));
    if (version != NULL && strcmp(version, CONTRACT_API_VERSION_LEAST) < 0)
        return error_set(error, STATUS_FATAL,
                         "/shops/%zu/api_version: %s lacks idempotency keys; "
                         "use %s or newer",
                         at, version, CONTRACT_API_VERSION_LEAST);
    struct span endpoint = json_span(json_object_get(shop, "endpoint"));
    if (!contract_url_is_safe(endpoint))
        return error_set(
            error, STATUS_FATAL,
            "/shops/%zu/endpoint: plain http carries the shop's token in the "
            "clear and is for loopback hosts only; use https",
            at);
    return STATUS_OK;
}

enum status contract_check_links(json_t *root, const struct contract *contract,
                                 struct error *error)
{
    json_t *sources = json_object_get(root, "sources");
    json_t *shops = json_object_get(root, "shops");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < json_array_size(sources) && status == STATUS_OK; at++)
        status = check_source(json_array_get(sources, at), at, contract, error);
    for (size_t at = 0; at < json_array_size(shops) && status == STATUS_OK; at++)
        status = check_shop(json_array_get(shops, at), at, contract, error);
    return status;
}
