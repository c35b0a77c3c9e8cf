/*
 * One connection: bytes come in, a request is made of them, its time runs.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/web_state.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

void web_conn_open(struct web_server *server, struct web_conn *conn, int fd)
{
    *conn = (struct web_conn){.fd = fd, .state = WEB_HEAD};
    buf_init(&conn->in, HTTP_HEAD_MAX + 1);
    buf_init(&conn->rest, WEB_SCRATCH);
    buf_init(&conn->out, WEB_ANSWER_MAX);
    web_list_put(server, conn, WEB_LIST_READING,
                 web_now_us() + (int64_t)server->options.request_ms * 1000);
    web_watch(server, conn, EPOLLIN);
}

void web_conn_refuse(struct web_server *server, struct web_conn *conn,
                     const struct web_refusal *refusal)
{
    SCOPED(buf_free) struct buf body;
    buf_init(&body, HTTP_HEAD_MAX);
    http_problem_begin(&body, refusal->status, refusal->detail);
    http_problem_end(&body);
    const struct http_answer answer = {.status = refusal->status,
                                       .content_type = HTTP_PROBLEM_TYPE,
                                       .body = buf_view(&body),
                                       .retry_after_s = refusal->retry_after_s,
                                       .challenge = refusal->challenge,
                                       .closes = true};
    http_answer_write(&answer, (int64_t)time(NULL), &conn->out);
    conn->closes = true;
    if (server->options.seen != NULL) {
        const struct web_exchange *exchange = conn->exchange;
        const struct web_seen seen = {
            .route = exchange != NULL ? exchange->request.route : NULL,
            .status = refusal->status,
            .body_bytes = exchange != NULL ? exchange->body_length : 0,
            .took_us = conn->began_us > 0 ? web_now_us() - conn->began_us : 0};
        server->options.seen(server->options.self, &seen);
    }
    web_exchange_end(server, conn);
    web_send(server, conn);
}

static void refuse(struct web_server *server, struct web_conn *conn,
                   const struct http_refusal *refusal)
{
    const struct web_refusal told = {.status = refusal->status, .detail = refusal->why};
    web_conn_refuse(server, conn, &told);
}

/* ---- bytes ------------------------------------------------------------------------------ */

/* From idle to a request under way: its time begins. */
static void begin(struct web_server *server, struct web_conn *conn)
{
    if (conn->state == WEB_IDLE) {
        conn->state = WEB_HEAD;
        web_list_put(server, conn, WEB_LIST_READING,
                     web_now_us() + (int64_t)server->options.request_ms * 1000);
    }
    if (conn->in.length == 0)
        conn->began_us = web_now_us();
}

static void feed_head(struct web_server *server, struct web_conn *conn,
                      struct span *bytes)
{
    struct http_refusal refusal = {0};
    begin(server, conn);
    size_t before = conn->in.length;
    size_t room = HTTP_HEAD_MAX + 1 - before;
    size_t length = bytes->length < room ? bytes->length : room;
    buf_add(&conn->in, bytes->bytes, length);
    if (conn->in.failed) {
        refuse(server, conn, &(struct http_refusal){503, "out of memory"});
        return;
    }
    switch (http_head_scan(buf_view(&conn->in), &conn->scanned, &refusal)) {
    case HTTP_REFUSED:
        refuse(server, conn, &refusal);
        return;
    case HTTP_MORE:
        bytes->bytes += length;
        bytes->length -= length;
        return;
    case HTTP_COMPLETE:
        break;
    }
    bytes->bytes += conn->scanned - before;
    bytes->length -= conn->scanned - before;
    const struct span head = {conn->in.bytes, conn->scanned};
    conn->ahead = bytes->length > 0;
    (void)web_exchange_begin(server, conn, head);
    if (conn->state != WEB_FREE) {
        buf_free(&conn->in);
        conn->scanned = 0;
    }
}

/* The request is whole: from here it is the handler's. */
static void hand_over(struct web_server *server, struct web_conn *conn)
{
    struct web_exchange *exchange = conn->exchange;
    const struct web_route *route = exchange->request.route;
    exchange->request.body = (struct span){exchange->body != NULL ? exchange->body : "",
                                           exchange->body_length};
    conn->state = WEB_WORK;
    web_list_leave(server, conn);
    web_watch(server, conn, 0);
    atomic_fetch_add(&server->in_work, 1);
    route->take(route->self, &exchange->request);
}

static void feed_body(struct web_server *server, struct web_conn *conn,
                      struct span *bytes)
{
    struct http_refusal refusal = {0};
    struct span data;
    struct web_exchange *exchange = conn->exchange;
    enum http_progress progress =
        http_body_eat(&exchange->framing, bytes, &data, &refusal);
    if (progress == HTTP_REFUSED)
        refuse(server, conn, &refusal);
    else if (web_body_add(server, exchange, data) && progress == HTTP_COMPLETE)
        hand_over(server, conn);
}

static void feed(struct web_server *server, struct web_conn *conn, struct span bytes)
{
    bool reads = true;
    while (bytes.length > 0 && reads) {
        if (conn->state == WEB_BODY)
            feed_body(server, conn, &bytes);
        else
            feed_head(server, conn, &bytes);
        if (conn->state == WEB_BODY && conn->exchange->framing.at == HTTP_AT_END)
            hand_over(server, conn); /* a request without a body */
        reads =
            conn->state == WEB_HEAD || conn->state == WEB_BODY || conn->state == WEB_IDLE;
    }
    if (bytes.length > 0 && (conn->state == WEB_WORK || conn->state == WEB_ANSWER) &&
        !conn->closes)
        buf_span(&conn->rest, bytes);
}

/* ---- events ------------------------------------------------------------------------------ */

/* Not past the request's end where that is known, so that little is kept for later. */
static size_t to_read(const struct web_conn *conn)
{
    if (conn->state != WEB_BODY || conn->exchange->framing.framing != HTTP_LENGTH)
        return WEB_READ_MAX;
    uint64_t left = conn->exchange->framing.left;
    return left < WEB_SCRATCH ? (size_t)left : WEB_SCRATCH;
}

static void ended(struct web_server *server, struct web_conn *conn)
{
    bool nothing = conn->state != WEB_BODY && conn->in.length == 0;
    if (nothing || conn->state == WEB_LINGER) {
        web_close(server, conn);
        return;
    }
    refuse(server, conn,
           &(struct http_refusal){400, "the connection ended inside the request"});
}

#define THROWN_AWAY_MAX ((size_t)64 * 1024 * 1024)

static void read_some(struct web_server *server, struct web_conn *conn)
{
    ssize_t got = recv(conn->fd, server->scratch, to_read(conn), 0);
    if (got == 0) {
        ended(server, conn);
        return;
    }
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            web_close(server, conn);
        return;
    }
    if (conn->state != WEB_LINGER) {
        feed(server, conn, (struct span){server->scratch, (size_t)got});
        return;
    }
    conn->thrown_away += (size_t)got;
    if (conn->thrown_away > THROWN_AWAY_MAX)
        web_close(server, conn);
}

void web_conn_ready(struct web_server *server, struct web_conn *conn)
{
    if (conn->state == WEB_ANSWER)
        web_send(server, conn);
    else if (conn->state != WEB_WORK)
        read_some(server, conn);
}

void web_conn_late(struct web_server *server, struct web_conn *conn)
{
    if (conn->list == WEB_LIST_READING)
        refuse(server, conn,
               &(struct http_refusal){408, "the request was not in within its time"});
    else
        web_close(server, conn);
}

/* What was sent behind the request that is answered now. */
void web_next(struct web_server *server, struct web_conn *conn)
{
    SCOPED(buf_free) struct buf rest = conn->rest;
    buf_init(&conn->rest, WEB_SCRATCH);
    if (rest.length > 0)
        feed(server, conn, buf_view(&rest));
}
