#include "workers/notify/notify.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/alert_json.h"

#include <stdio.h>

#define CONNECT_TIMEOUT_MS 5000
#define TOTAL_TIMEOUT_MS 10000
#define ANSWER_BYTES_MAX ((size_t)64 * 1024)
#define BODY_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define VARIABLE_MAX 256
#define HEADERS_MAX 4
#define SAID_MAX 120
#define ALERTMANAGER_PATH "/api/v2/alerts"

/* ---- settings --------------------------------------------------------------------------- */

static enum status wants(const struct alert_route *route, const char *suffix,
                         const char *what, struct error *error)
{
    char name[VARIABLE_MAX];
    config_alert_variable(route->name, suffix, name, sizeof(name));
    (void)error_set(error, STATUS_FATAL, "route %.*s: %s or %s_FILE must hold %s",
                    SPAN_ARGS(route->name), name, name, what);
    return error_exit(error, EXIT_CONFIG);
}

static enum status setting(const struct alert_route *route, const char *suffix,
                           const char **value_out, struct error *error)
{
    char name[VARIABLE_MAX];
    config_alert_variable(route->name, suffix, name, sizeof(name));
    return config_secret(name, value_out, error);
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && memcmp(text + length - size, end, size) == 0;
}

/* The setting, else the contract's, else the public one. Kept until the process ends. */
static enum status find_url(struct notify_way *way, const char *set, struct error *error)
{
    static struct pool kept = {.max = (size_t)1 << 20};
    const struct alert_route *route = way->route;
    const struct alert_trait *trait = alert_trait(route->kind);
    struct span url = span_from(set);
    if (url.bytes == NULL)
        url = route->url.bytes != NULL ? route->url : span_from(trait->url);
    if (url.bytes == NULL)
        return wants(route, "_URL", "its address", error);
    bool is_base = route->kind == ALERT_ALERTMANAGER &&
                   !ends_with(url.bytes, url.length, ALERTMANAGER_PATH);
    while (is_base && url.length > 0 && url.bytes[url.length - 1] == '/')
        url.length--;
    char *whole = pool_take(&kept, url.length + sizeof(ALERTMANAGER_PATH));
    if (whole == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    (void)snprintf(whole, url.length + sizeof(ALERTMANAGER_PATH), "%.*s%s",
                   SPAN_ARGS(url), is_base ? ALERTMANAGER_PATH : "");
    way->url = whole;
    return STATUS_OK;
}

static enum status check_url(struct notify_way *way, struct error *error)
{
    struct error wrong = {0};
    if (http_check(way->http, way->url, &wrong) == STATUS_OK)
        return STATUS_OK;
    (void)error_set(error, STATUS_FATAL, "route %.*s: its address: %s",
                    SPAN_ARGS(way->route->name), wrong.text);
    return error_exit(error, EXIT_CONFIG);
}

enum status notify_way_open(struct notify_way *way, const struct alert_route *route,
                            struct error *error)
{
    const struct http_options options = {.connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                         .total_timeout_ms = TOTAL_TIMEOUT_MS,
                                         .body_max = ANSWER_BYTES_MAX};
    const char *url = NULL;
    *way = (struct notify_way){.route = route};
    buf_init(&way->body, BODY_BYTES_MAX);
    enum status status = setting(route, "_URL", &url, error);
    if (status == STATUS_OK)
        status = setting(route, "_SECRET", &way->secret, error);
    if (status == STATUS_OK)
        status = find_url(way, url, error);
    if (status != STATUS_OK)
        return status;
    if (way->secret == NULL && alert_trait(route->kind)->needs_secret)
        return wants(route, "_SECRET",
                     route->kind == ALERT_PAGERDUTY ? "the routing key"
                                                    : "the secret that signs messages",
                     error);
    status = http_open(&options, &way->http, error);
    return status == STATUS_OK ? check_url(way, error) : status;
}

void notify_way_close(struct notify_way *way)
{
    http_close(&way->http);
    buf_free(&way->body);
}

/* ---- sending ----------------------------------------------------------------------------- */

/* Texts of a request's headers. */
struct headers {
    struct http_own_header list[HEADERS_MAX];
    size_t count;
    char signature[ALERT_SIGNATURE_MAX];
    char id[ALERT_MESSAGE_ID_MAX];
    char bearer[2048];
};

static void add_header(struct headers *headers, const char *name, const char *value)
{
    ASSERT(headers->count < HEADERS_MAX);
    headers->list[headers->count++] = (struct http_own_header){name, value};
}

static void make_headers(const struct notify_way *way,
                         const struct alert_message *message, struct headers *headers)
{
    headers->count = 0;
    if (way->traceparent != NULL)
        add_header(headers, "traceparent", way->traceparent);
    if (way->route->kind == ALERT_WEBHOOK) {
        alert_sign(way->secret, message->now_us, buf_view(&way->body),
                   headers->signature);
        alert_message_id(message, headers->id);
        add_header(headers, "Parstock-Signature", headers->signature);
        add_header(headers, "Parstock-Delivery", headers->id);
    }
    if (way->route->kind == ALERT_ALERTMANAGER && way->secret != NULL) {
        (void)snprintf(headers->bearer, sizeof(headers->bearer), "Bearer %s",
                       way->secret);
        add_header(headers, "Authorization", headers->bearer);
    }
}

/* What the receiver said, on one line; nothing of ours that it repeats. */
static void say_answer(const struct notify_way *way, const struct http_outcome *outcome,
                       char detail[NOTIFY_DETAIL_MAX])
{
    char said[SAID_MAX + 1];
    size_t length = 0;
    for (size_t at = 0; at < outcome->body.length && length < SAID_MAX; at++) {
        char byte = outcome->body.bytes[at];
        said[length++] = byte >= 0x20 && byte < 0x7f ? byte : ' ';
    }
    said[length] = '\0';
    bool repeats = way->secret != NULL && strstr(said, way->secret) != NULL;
    (void)snprintf(detail, NOTIFY_DETAIL_MAX, "HTTP %d%s%s", outcome->code,
                   length > 0 && !repeats ? ": " : "", repeats ? "" : said);
}

static void make_body(struct notify_way *way, const struct alert_message *messages,
                      size_t count)
{
    buf_clear(&way->body);
    if (alert_trait(way->route->kind)->batch > 1)
        alert_json_batch(messages, count, &way->body);
    else
        alert_json_body(&messages[0], &way->body);
}

const struct alert_verdict *notify_way_send(struct notify_way *way,
                                            const struct alert_message *messages,
                                            size_t count, int64_t *retry_after_ms_out,
                                            char detail[NOTIFY_DETAIL_MAX])
{
    static const struct alert_verdict TOO_LARGE = {
        "too_large", ALERT_REFUSED, "The message is larger than any receiver takes."};
    struct headers headers;
    struct http_outcome outcome = {.retry_after_ms = -1};
    struct error error = {0};
    make_body(way, messages, count);
    *retry_after_ms_out = -1;
    (void)snprintf(detail, NOTIFY_DETAIL_MAX, "the message is too large");
    if (way->body.failed)
        return &TOO_LARGE;
    make_headers(way, &messages[0], &headers);
    const struct http_request request = {
        .url = way->url,
        .headers = headers.list,
        .header_count = headers.count,
        .content_type = way->route->kind == ALERT_WEBHOOK
                            ? "application/cloudevents+json; charset=utf-8"
                            : "application/json; charset=utf-8",
        .body = buf_view(&way->body)};
    bool answered = http_send(way->http, &request, &outcome, &error) == STATUS_OK;
    explicit_bzero(&headers, sizeof(headers));
    if (answered)
        say_answer(way, &outcome, detail);
    else
        (void)snprintf(detail, NOTIFY_DETAIL_MAX, "%.200s", error.text);
    *retry_after_ms_out = outcome.retry_after_ms;
    return alert_verdict(
        &(struct alert_answer){answered, outcome.code, outcome.retry_after_ms});
}
