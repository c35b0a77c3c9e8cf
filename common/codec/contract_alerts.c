#include "common/codec/contract_alerts.h"

#include "common/base/check.h"
#include "common/codec/contract_links.h"
#include "common/codec/json_shape.h"
#include "common/domain/alert.h"

#include <ctype.h>

#define RESEND_SECONDS 60
#define LATE_SECONDS 300
#define GIVE_UP_SECONDS 3600
#define MAX_MESSAGES 20
#define WINDOW_SECONDS 60

static int64_t number_of(json_t *object, const char *name, int64_t otherwise)
{
    json_t *number = json_object_get(object, name);
    if (json_is_integer(number))
        return json_integer_value(number);
    return number != NULL ? (int64_t)json_real_value(number) : otherwise;
}

/* False: out of memory. */
static bool keep(struct pool *pool, json_t *text, struct span *out)
{
    struct span given = json_span(text);
    *out = given.bytes != NULL ? pool_span(pool, given) : given;
    return given.bytes == NULL || out->bytes != NULL;
}

static bool keep_list(struct pool *pool, json_t *list, struct text_list *out)
{
    size_t count = json_array_size(list);
    struct span *texts = pool_take(pool, (count + 1) * sizeof(*texts));
    if (texts == NULL)
        return false;
    for (size_t at = 0; at < count; at++)
        if (!keep(pool, json_array_get(list, at), &texts[at]))
            return false;
    *out = (struct text_list){.texts = texts, .count = count};
    return true;
}

static unsigned severities_of(json_t *list)
{
    unsigned bits = 0;
    for (size_t at = 0; at < json_array_size(list); at++) {
        enum alert_severity severity = ALERT_INFO;
        bool known = alert_severity_parse(json_span(json_array_get(list, at)), &severity);
        ASSERT(known); /* the shape has seen to it */
        bits |= 1u << severity;
    }
    return bits;
}

static bool build_route(json_t *alert, struct pool *pool, struct alert_route *route)
{
    json_t *throttle = json_object_get(alert, "throttle");
    bool known =
        alert_kind_parse(json_span(json_object_get(alert, "kind")), &route->kind);
    ASSERT(known);
    route->severities = severities_of(json_object_get(alert, "severity"));
    route->repeat_seconds = number_of(alert, "repeat_seconds", 0);
    route->resend_seconds = number_of(alert, "resend_seconds", RESEND_SECONDS);
    route->late_seconds = number_of(alert, "late_seconds", LATE_SECONDS);
    route->give_up_seconds = number_of(alert, "give_up_seconds", GIVE_UP_SECONDS);
    route->max_messages = number_of(throttle, "max_messages", MAX_MESSAGES);
    route->window_seconds = number_of(throttle, "window_seconds", WINDOW_SECONDS);
    return keep(pool, json_object_get(alert, "name"), &route->name) &&
           keep(pool, json_object_get(alert, "url"), &route->url) &&
           keep_list(pool, json_object_get(alert, "causes"), &route->causes) &&
           keep_list(pool, json_object_get(alert, "classes"), &route->classes) &&
           keep_list(pool, json_object_get(alert, "shops"), &route->shops);
}

/* ---- relations ------------------------------------------------------------------------ */

static char variable_byte(char byte)
{
    unsigned char plain = (unsigned char)byte;
    return plain < 0x80 && isalnum(plain) ? (char)toupper(plain) : '_';
}

/* Do both names lead to the same setting? */
static bool share_variable(struct span left, struct span right)
{
    if (left.length != right.length)
        return false;
    for (size_t at = 0; at < left.length; at++)
        if (variable_byte(left.bytes[at]) != variable_byte(right.bytes[at]))
            return false;
    return true;
}

static enum status check_name(const struct alert_route *routes, size_t at,
                              struct error *error)
{
    for (size_t other = 0; other < at; other++)
        if (share_variable(routes[other].name, routes[at].name))
            return error_set(
                error, STATUS_FATAL,
                "/alerts/%zu/name: leads to the settings of /alerts/%zu too; "
                "give each route a name of its own",
                at, other);
    return STATUS_OK;
}

static enum status check_route(const struct contract *contract,
                               const struct alert_route *routes, size_t at,
                               struct error *error)
{
    const struct alert_route *route = &routes[at];
    for (size_t each = 0; each < route->shops.count; each++)
        if (contract_shop(contract, route->shops.texts[each]) < 0)
            return error_set(error, STATUS_FATAL,
                             "/alerts/%zu/shops/%zu: \"%.*s\" is no shop of /shops", at,
                             each, SPAN_ARGS(route->shops.texts[each]));
    for (size_t each = 0; each < route->classes.count; each++)
        if (!incident_class_is_known(route->classes.texts[each]))
            return error_set(
                error, STATUS_FATAL,
                "/alerts/%zu/classes/%zu: \"%.*s\" is no class of incidents; "
                "docs/runbooks/README.md lists them",
                at, each, SPAN_ARGS(route->classes.texts[each]));
    if (route->url.bytes != NULL && !contract_url_is_safe(route->url))
        return error_set(error, STATUS_FATAL,
                         "/alerts/%zu/url: plain http is for loopback hosts only; use "
                         "https",
                         at);
    return check_name(routes, at, error);
}

enum status contract_build_alerts(json_t *list, struct pool *pool,
                                  struct contract *contract, struct error *error)
{
    size_t count = json_array_size(list);
    struct alert_route *routes = pool_take(pool, (count + 1) * sizeof(*routes));
    if (routes == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    enum status status = STATUS_OK;
    for (size_t at = 0; at < count && status == STATUS_OK; at++) {
        routes[at] = (struct alert_route){0};
        if (!build_route(json_array_get(list, at), pool, &routes[at]))
            return error_set(error, STATUS_FATAL, "out of memory");
        status = check_route(contract, routes, at, error);
    }
    contract->alerts = routes;
    contract->alert_count = count;
    return status;
}
