#include "common/io/shopify.h"

#include "common/base/check.h"
#include "common/base/embedded.h"
#include "common/base/scope.h"
#include "common/io/shopify_account.h"
#include "common/io/shopify_call.h"

#include <stdio.h>
#include <stdlib.h>

#define URL_MAX 4096
#define DOWNLOAD_TIMEOUT_MS (30 * 60 * 1000)

struct shopify {
    struct shopify_options options;
    struct http *http;
    struct account *account;
    int64_t set_aside;          /* points for the next call */
    struct shopify_token token; /* as last used, where it is not fixed */
    char served_version[32];
    char graphql_url[URL_MAX];
    char token_url[URL_MAX];
    struct buf request;
};

/* "https://x/", "https://x" and "https://x/admin" are all taken. */
static bool make_urls(struct shopify *shopify, const struct shopify_options *options)
{
    struct span base = options->endpoint;
    while (base.length > 0 && base.bytes[base.length - 1] == '/')
        base.length--;
    if (base.length > 6 && memcmp(base.bytes + base.length - 6, "/admin", 6) == 0)
        base.length -= 6;
    int url = snprintf(shopify->graphql_url, URL_MAX, "%.*s/admin/api/%.*s/graphql.json",
                       SPAN_ARGS(base), SPAN_ARGS(options->api_version));
    int token = snprintf(shopify->token_url, URL_MAX, "%.*s/admin/oauth/access_token",
                         SPAN_ARGS(base));
    return url > 0 && url < URL_MAX && token > 0 && token < URL_MAX;
}

/* Joins the account, or opens one where there is none. */
static enum status open_handle(const struct shopify_options *options,
                               struct account *account, struct shopify **out,
                               struct error *error)
{
    SCOPED(shopify_close) struct shopify *shopify = calloc(1, sizeof *shopify);
    if (shopify == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    shopify->options = *options;
    buf_init(&shopify->request, SHOPIFY_BODY_MAX);
    if (!make_urls(shopify, options))
        return error_set(error, STATUS_FATAL, "the shop's endpoint is too long");
    struct http_options web = {
        .connect_timeout_ms = options->connect_timeout_ms,
        .total_timeout_ms = options->total_timeout_ms,
        .body_max = SHOPIFY_BODY_MAX,
    };
    enum status status = http_open(&web, &shopify->http, error);
    if (status == STATUS_OK && account != NULL)
        shopify->account = account_join(account);
    else if (status == STATUS_OK)
        status = account_open(options, shopify->token_url, &shopify->account, error);
    if (status == STATUS_OK)
        *out = TAKE(shopify);
    return status;
}

enum status shopify_open(const struct shopify_options *options, struct shopify **out,
                         struct error *error)
{
    *out = NULL;
    bool fixed = options->token != NULL;
    if (!fixed && (options->client_id == NULL || options->client_secret == NULL))
        return error_set(error, STATUS_FATAL, "the shop has no credentials");
    return open_handle(options, NULL, out, error);
}

enum status shopify_open_beside(struct shopify *first, struct shopify **out,
                                struct error *error)
{
    *out = NULL;
    return open_handle(&first->options, first->account, out, error);
}

/* The next call, if any, has ended: its points are the shop's to count. */
static void settle_cost(struct shopify *shopify, const struct cost_status *cost)
{
    account_settle(shopify->account, shopify->set_aside, cost);
    shopify->set_aside = 0;
}

void shopify_close(struct shopify **slot)
{
    struct shopify *shopify = TAKE(*slot);
    if (shopify == NULL)
        return;
    if (shopify->account != NULL)
        settle_cost(shopify, &(struct cost_status){0});
    account_leave(&shopify->account);
    http_close(&shopify->http);
    buf_free(&shopify->request);
    explicit_bzero(&shopify->token, sizeof shopify->token);
    free(shopify);
}

struct span shopify_document(const char *name)
{
    for (size_t at = 0; at < EMBEDDED_GRAPHQL_COUNT; at++)
        if (strcmp(EMBEDDED_GRAPHQL[at].name, name) == 0)
            return (struct span){.bytes = EMBEDDED_GRAPHQL[at].text,
                                 .length = EMBEDDED_GRAPHQL[at].length};
    UNREACHABLE("every document that is asked for is in schemas/graphql");
}

int64_t shopify_wait_ms(struct shopify *shopify, int64_t points)
{
    if (shopify->set_aside == points)
        return 0;
    settle_cost(shopify, &(struct cost_status){0}); /* of a call that was not made */
    int64_t wait_ms = account_pay_ms(shopify->account, points);
    if (wait_ms == 0)
        shopify->set_aside = points;
    return wait_ms;
}

int64_t shopify_bucket(const struct shopify *shopify, int64_t *limit_out)
{
    return account_bucket(shopify->account, limit_out);
}

int64_t shopify_throttled_ms(struct shopify *shopify, int64_t points)
{
    return account_throttled_ms(shopify->account, points);
}

const char *shopify_served_version(const struct shopify *shopify)
{
    return shopify->served_version;
}

/* ---- calls --------------------------------------------------------------------------
 */

static bool has_fixed_token(const struct shopify *shopify)
{
    return account_token_is_fixed(shopify->account);
}

static enum status send_once(struct shopify *shopify, struct http_request *request,
                             struct http_outcome *outcome, struct error *error)
{
    request->token =
        has_fixed_token(shopify) ? shopify->options.token : shopify->token.text;
    enum status status = http_send(shopify->http, request, outcome, error);
    if (outcome->served_version[0] != '\0')
        memcpy(shopify->served_version, outcome->served_version,
               sizeof shopify->served_version);
    return status;
}

/* The same bytes again after a 401, once, with a fresh token. */
static enum status send_with_token(struct shopify *shopify, struct http_request *request,
                                   struct http_outcome *outcome, struct error *error)
{
    enum status status =
        account_token(shopify->account, shopify->http, "", &shopify->token, error);
    if (status == STATUS_OK)
        status = send_once(shopify, request, outcome, error);
    if (status != STATUS_OK || outcome->code != 401)
        return status;
    const struct shopify_token refused = shopify->token;
    *outcome = (struct http_outcome){.transport = HTTP_NOT_SENT, .retry_after_ms = -1};
    status = account_token(shopify->account, shopify->http, refused.text, &shopify->token,
                           error);
    return status == STATUS_OK ? send_once(shopify, request, outcome, error) : status;
}

static enum status send_graphql(struct shopify *shopify, struct http_request *request,
                                struct http_outcome *outcome, struct error *error)
{
    *outcome = (struct http_outcome){.transport = HTTP_NOT_SENT, .retry_after_ms = -1};
    request->url = shopify->graphql_url;
    request->content_type = "application/json";
    return has_fixed_token(shopify) ? send_once(shopify, request, outcome, error)
                                    : send_with_token(shopify, request, outcome, error);
}

static bool version_is_too_old(const struct shopify *shopify)
{
    return shopify->served_version[0] != '\0' &&
           strcmp(shopify->served_version, SHOPIFY_VERSION_MIN) < 0;
}

static void take_answer(struct shopify_set_call *call, const struct http_outcome *outcome,
                        struct error *error)
{
    if (outcome->transport == HTTP_NO_ANSWER)
        call->answer.transport = PUSH_TRANSPORT_LOST;
    if (outcome->transport != HTTP_ANSWERED)
        return;
    call->answer.transport = 0;
    call->answer.http_status = outcome->code;
    call->retry_after_ms = outcome->retry_after_ms;
    if (outcome->code == 200 && shopify_decode_set(outcome->body, &call->reply,
                                                   &call->answer, error) != STATUS_OK)
        call->answer.transport = PUSH_TRANSPORT_GARBLED;
}

enum status shopify_set(struct shopify *shopify, struct shopify_set_call *call,
                        struct error *error)
{
    call->answer.transport = PUSH_TRANSPORT_NOT_SENT;
    call->answer.http_status = 0;
    call->retry_after_ms = -1;
    call->reply = (struct shopify_reply){0};
    const struct http_own_header trace = {"traceparent", call->traceparent};
    struct http_request request = {.headers = &trace,
                                   .header_count = call->traceparent != NULL ? 1 : 0,
                                   .body = call->body,
                                   .may_send = call->may_send,
                                   .self = call->self};
    struct http_outcome outcome;
    enum status status = send_graphql(shopify, &request, &outcome, error);
    if (status != STATUS_FATAL)
        take_answer(call, &outcome, error);
    settle_cost(shopify, &call->reply.cost);
    return status == STATUS_FATAL ? status : STATUS_OK;
}

static enum status by_rule(const struct push_rule *rule, const char *message,
                           struct error *error)
{
    bool fatal = rule->verdict == PUSH_CONFIGURATION || rule->verdict == PUSH_RENEW_TOKEN;
    return error_set_code(error, fatal ? STATUS_FATAL : STATUS_RETRY, rule->id, "%s%s%s",
                          rule->why, message[0] != '\0' ? "; the shop says: " : "",
                          message);
}

struct buf *shopify_request(struct shopify *shopify)
{
    buf_clear(&shopify->request);
    return &shopify->request;
}

enum status shopify_ask(struct shopify *shopify, struct span *body_out,
                        struct error *error)
{
    if (shopify->request.failed)
        return error_set(error, STATUS_FATAL, "the request is too large");
    struct http_request request = {.body = buf_view(&shopify->request)};
    struct http_outcome outcome;
    enum status status = send_graphql(shopify, &request, &outcome, error);
    if (status != STATUS_OK || outcome.code != 200)
        settle_cost(shopify, &(struct cost_status){0});
    if (status != STATUS_OK)
        return status;
    if (outcome.code != 200)
        return by_rule(push_rule_by_number(PUSH_MATCH_HTTP, outcome.code), "", error);
    if (version_is_too_old(shopify))
        return error_set_code(
            error, STATUS_FATAL, "version",
            "the shop answers as version %s, older than " SHOPIFY_VERSION_MIN
            ": it has no idempotency keys; raise api_version",
            shopify->served_version);
    *body_out = outcome.body;
    return STATUS_OK;
}

enum status shopify_judge(struct shopify *shopify, enum status decoded,
                          const struct shopify_reply *reply, struct error *error)
{
    static const struct cost_status NOT_SAID = {0};
    settle_cost(shopify, decoded == STATUS_OK ? &reply->cost : &NOT_SAID);
    if (decoded != STATUS_OK) {
        error->status = STATUS_RETRY;
        return STATUS_RETRY;
    }
    if (!reply->has_top_error)
        return STATUS_OK;
    return by_rule(push_rule_by_code(PUSH_MATCH_TOP_CODE, span_from(reply->top_code)),
                   reply->message, error);
}

enum status shopify_read_levels(struct shopify *shopify,
                                const struct levels_wanted *wanted, struct span location,
                                struct shopify_level *levels, struct error *error)
{
    shopify_encode_read(shopify_document("read_levels.graphql"), wanted->items,
                        wanted->count, location, shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_levels(body, wanted, &reply, levels, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_activate(struct shopify *shopify, const struct activate_call *call,
                             struct shopify_activated *out, struct error *error)
{
    shopify_encode_activate(
        &(struct activate_request){shopify_document("inventory_activate.graphql"),
                                   call->item, call->location, call->key},
        shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_activate(body, &reply, out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_locations(struct shopify *shopify, struct shopify_locations *out,
                              struct error *error)
{
    shopify_encode_plain(shopify_document("locations.graphql"), NULL, (struct span){0},
                         shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_locations(body, &reply, out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_scopes(struct shopify *shopify, unsigned *scopes_out,
                           struct error *error)
{
    shopify_encode_plain(shopify_document("access_scopes.graphql"), NULL,
                         (struct span){0}, shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_scopes(body, &reply, scopes_out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_bulk_run(struct shopify *shopify, struct shopify_bulk *out,
                             struct error *error)
{
    shopify_encode_plain(shopify_document("bulk_run.graphql"), "query",
                         shopify_document("catalog_bulk.graphql"),
                         shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_bulk_run(body, &reply, out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_bulk_status(struct shopify *shopify, const char *id,
                                struct shopify_bulk *out, struct error *error)
{
    shopify_encode_plain(shopify_document("bulk_status.graphql"), "id", span_from(id),
                         shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_bulk_status(body, &reply, out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_download(struct shopify *shopify, const char *url, http_sink sink,
                             void *self, struct error *error)
{
    struct http_request request = {
        .url = url, .sink = sink, .self = self, .total_timeout_ms = DOWNLOAD_TIMEOUT_MS};
    struct http_outcome outcome;
    enum status status = http_send(shopify->http, &request, &outcome, error);
    if (status == STATUS_OK && outcome.code != 200)
        return error_set_code(
            error, STATUS_RETRY, "download",
            "the result of the bulk operation can not be read (HTTP %d)", outcome.code);
    return status;
}
