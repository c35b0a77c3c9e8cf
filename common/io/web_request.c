/*
 * From a whole head to a request: which route, who it is, room for its body.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/domain/fair_share.h"
#include "common/io/web_state.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define BODY_FIRST ((size_t)2048)

static const char WHY_SHARE[] =
    "too much of yours is under way: wait for answers before sending more";
static const char WHY_FULL[] = "no room at this moment: try again";

static bool refuse(struct web_server *server, struct web_conn *conn, int status,
                   const char *detail)
{
    const struct web_refusal refusal = {.status = status, .detail = detail};
    web_conn_refuse(server, conn, &refusal);
    return false;
}

static bool refuse_share(struct web_server *server, struct web_conn *conn,
                         enum share_answer answer)
{
    const struct web_refusal refusal = {.status = answer == SHARE_EXCEEDED ? 429 : 503,
                                        .detail = answer == SHARE_EXCEEDED ? WHY_SHARE
                                                                           : WHY_FULL,
                                        .retry_after_s = WEB_RETRY_AFTER_S};
    web_conn_refuse(server, conn, &refusal);
    return false;
}

/* ---- room ------------------------------------------------------------------------------- */

/* Sets what the exchange is charged with. */
void web_charge(struct web_server *server, struct web_exchange *exchange, size_t amount)
{
    struct web_owner *owner = &server->owners[exchange->request.owner];
    ASSERT(owner->bytes >= exchange->charged && server->room_taken >= exchange->charged);
    owner->bytes += amount - exchange->charged;
    server->room_taken += amount - exchange->charged;
    exchange->charged = amount;
}

static bool grow(struct web_server *server, struct web_exchange *exchange, size_t needed)
{
    size_t capacity = exchange->body_capacity > 0 ? exchange->body_capacity : BODY_FIRST;
    while (capacity < needed)
        capacity *= 2;
    bool known = exchange->framing.framing == HTTP_LENGTH;
    if (known && capacity > exchange->request.head.content_length)
        capacity = (size_t)exchange->request.head.content_length;
    const struct share_use use = {.total = server->options.body_room,
                                  .used = server->room_taken,
                                  .own = server->owners[exchange->request.owner].bytes};
    enum share_answer answer = share_ask(&use, capacity - exchange->charged);
    if (answer != SHARE_GRANTED)
        return refuse_share(server, exchange->conn, answer);
    char *bytes = realloc(exchange->body, capacity);
    if (bytes == NULL)
        return refuse_share(server, exchange->conn, SHARE_FULL);
    exchange->body = bytes;
    exchange->body_capacity = capacity;
    web_charge(server, exchange, capacity);
    return true;
}

bool web_body_add(struct web_server *server, struct web_exchange *exchange,
                  struct span data)
{
    size_t needed = exchange->body_length + data.length;
    if (needed > exchange->body_capacity && !grow(server, exchange, needed))
        return false;
    if (data.length > 0)
        memcpy(exchange->body + exchange->body_length, data.bytes, data.length);
    exchange->body_length = needed;
    return true;
}

/* ---- routes ----------------------------------------------------------------------------- */

/* A path that ends in "{}" takes one segment there, which must not be empty. */
static bool path_fits(const struct web_route *route, struct web_exchange *exchange)
{
    struct span path = exchange->request.head.path;
    size_t fixed = strlen(route->path);
    if (fixed < 2 || memcmp(route->path + fixed - 2, "{}", 2) != 0)
        return span_is(path, route->path);
    fixed -= 2;
    if (path.length <= fixed || memcmp(path.bytes, route->path, fixed) != 0)
        return false;
    struct span rest = {path.bytes + fixed, path.length - fixed};
    return memchr(rest.bytes, '/', rest.length) == NULL &&
           http_percent_decode(rest, exchange->name, sizeof(exchange->name),
                               &exchange->request.name);
}

/* The route, or in *other_out one of the same path for another method. */
static const struct web_route *find_route(struct web_server *server,
                                          struct web_exchange *exchange,
                                          const struct web_route **other_out)
{
    for (size_t at = 0; at < server->options.route_count; at++) {
        const struct web_route *route = &server->options.routes[at];
        if (!path_fits(route, exchange))
            continue;
        if (span_is(exchange->request.head.method, route->method))
            return route;
        *other_out = route;
    }
    return NULL;
}

/* An answer that ends the request early; the connection lives on where no body follows. */
static void answer_early(struct web_server *server, struct web_conn *conn,
                         const struct web_refusal *refusal, const char *allow)
{
    struct web_exchange *exchange = conn->exchange;
    SCOPED(buf_free) struct buf body;
    buf_init(&body, HTTP_HEAD_MAX);
    http_problem_begin(&body, refusal->status, refusal->detail);
    http_problem_end(&body);
    bool is_head = span_is(exchange->request.head.method, "HEAD");
    const struct http_answer answer = {
        .status = refusal->status,
        .content_type = HTTP_PROBLEM_TYPE,
        .body = is_head ? (struct span){"", 0} : buf_view(&body),
        .retry_after_s = refusal->retry_after_s,
        .challenge = refusal->challenge,
        .allow = allow,
        .closes = exchange->request.head.framing != HTTP_NO_BODY || is_head ||
                  !exchange->request.head.keeps_alive};
    conn->closes = answer.closes;
    exchange->status = refusal->status;
    http_answer_write(&answer, (int64_t)time(NULL), &conn->out);
    web_send(server, conn);
}

static bool route_of(struct web_server *server, struct web_conn *conn)
{
    struct web_exchange *exchange = conn->exchange;
    const struct web_route *other = NULL;
    exchange->request.route = find_route(server, exchange, &other);
    if (exchange->request.route != NULL)
        return true;
    struct web_refusal refusal = {.status = 404, .detail = "there is nothing here"};
    if (other != NULL)
        refusal =
            (struct web_refusal){.status = 405, .detail = "another method is needed"};
    answer_early(server, conn, &refusal, other != NULL ? other->method : NULL);
    return false;
}

/* ---- admission ---------------------------------------------------------------------------- */

static bool admit(struct web_server *server, struct web_conn *conn)
{
    struct web_exchange *exchange = conn->exchange;
    const struct web_route *route = exchange->request.route;
    struct web_refusal refusal = {0};
    if (route->admit != NULL &&
        !route->admit(route->self, &exchange->request, &refusal)) {
        exchange->request.owner = 0;
        answer_early(server, conn, &refusal, NULL);
        return false;
    }
    ASSERT(exchange->request.owner >= 0 && exchange->request.owner < WEB_OWNERS_MAX);
    struct web_owner *owner = &server->owners[exchange->request.owner];
    const struct share_use use = {.total = server->options.connections_max,
                                  .used = server->admitted,
                                  .own = owner->requests};
    enum share_answer answer = share_ask(&use, 1);
    if (answer != SHARE_GRANTED)
        return refuse_share(server, conn, answer);
    exchange->admitted = true;
    owner->requests++;
    server->admitted++;
    return true;
}

/* The client waits for a word before it sends the body. */
static void say_continue(const struct web_conn *conn)
{
    static const char WORD[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (conn->exchange->request.head.expects_continue && !conn->ahead)
        (void)send(conn->fd, WORD, sizeof(WORD) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool expect_body(struct web_server *server, struct web_conn *conn)
{
    struct web_exchange *exchange = conn->exchange;
    const struct web_route *route = exchange->request.route;
    struct http_refusal refusal = {0};
    if (!exchange->request.head.has_length && strcmp(route->method, "POST") == 0)
        return refuse(server, conn, 411,
                      "say how long the body is: Content-Length, or chunks");
    enum http_progress progress = http_body_begin(
        &exchange->framing, &exchange->request.head, route->body_max, &refusal);
    if (progress == HTTP_REFUSED)
        return refuse(server, conn, refusal.status, refusal.why);
    if (progress == HTTP_MORE)
        say_continue(conn);
    return true;
}

bool web_exchange_begin(struct web_server *server, struct web_conn *conn,
                        struct span head)
{
    struct http_refusal refusal = {0};
    struct web_exchange *exchange = calloc(1, sizeof(*exchange) + head.length);
    if (exchange == NULL)
        return refuse(server, conn, 503, WHY_FULL);
    memcpy(exchange->head, head.bytes, head.length);
    exchange->server = server;
    exchange->conn = conn;
    exchange->request.began_us = conn->began_us;
    buf_init(&exchange->out, WEB_ANSWER_MAX + HTTP_HEAD_MAX);
    conn->exchange = exchange;
    if (!http_head_parse((struct span){exchange->head, head.length},
                         &exchange->request.head, &refusal))
        return refuse(server, conn, refusal.status, refusal.why);
    if (!route_of(server, conn) || !admit(server, conn) || !expect_body(server, conn))
        return false;
    conn->closes = !exchange->request.head.keeps_alive;
    conn->state = WEB_BODY;
    return true;
}
