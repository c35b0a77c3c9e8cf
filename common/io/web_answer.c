/*
 * What goes out on a connection, and what becomes of it afterwards.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/web_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define IDLE_US (60 * 1000000LL)
#define ANSWER_US (30 * 1000000LL)
#define LINGER_US (3 * 1000000LL)

void web_exchange_end(struct web_server *server, struct web_conn *conn)
{
    struct web_exchange *exchange = TAKE(conn->exchange);
    if (exchange == NULL)
        return;
    web_charge(server, exchange, 0);
    if (exchange->admitted) {
        server->owners[exchange->request.owner].requests--;
        server->admitted--;
    }
    buf_free(&exchange->out);
    free(exchange->body);
    free(exchange);
}

/* The client may still be sending: a plain close would make its system throw our answer
 * away unread. */
void web_linger(struct web_server *server, struct web_conn *conn)
{
    (void)shutdown(conn->fd, SHUT_WR);
    buf_free(&conn->in);
    buf_free(&conn->rest);
    buf_free(&conn->out);
    conn->state = WEB_LINGER;
    web_list_put(server, conn, WEB_LIST_LINGER, web_now_us() + LINGER_US);
    web_watch(server, conn, EPOLLIN);
}

static void after_answer(struct web_server *server, struct web_conn *conn)
{
    web_exchange_end(server, conn);
    buf_free(&conn->out);
    buf_init(&conn->out, WEB_ANSWER_MAX);
    conn->sent = 0;
    if (conn->closes || web_is_draining(server)) {
        web_linger(server, conn);
        return;
    }
    conn->state = WEB_IDLE;
    web_list_put(server, conn, WEB_LIST_IDLE, web_now_us() + IDLE_US);
    web_watch(server, conn, EPOLLIN);
    web_next(server, conn);
}

static void tell_seen(struct web_server *server, const struct web_exchange *exchange)
{
    if (server->options.seen == NULL || exchange == NULL)
        return;
    const struct web_seen seen = {.route = exchange->request.route,
                                  .status = exchange->status,
                                  .body_bytes = exchange->body_length,
                                  .took_us = web_now_us() - exchange->request.began_us};
    server->options.seen(server->options.self, &seen);
}

void web_send(struct web_server *server, struct web_conn *conn)
{
    if (conn->state != WEB_ANSWER) {
        conn->state = WEB_ANSWER;
        web_list_put(server, conn, WEB_LIST_ANSWER, web_now_us() + ANSWER_US);
    }
    while (conn->sent < conn->out.length) {
        ssize_t done = send(conn->fd, conn->out.bytes + conn->sent,
                            conn->out.length - conn->sent, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN) {
            web_watch(server, conn, EPOLLOUT);
            return;
        }
        if (done < 0 && errno != EINTR) {
            web_close(server, conn);
            return;
        }
        conn->sent += done > 0 ? (size_t)done : 0;
    }
    tell_seen(server, conn->exchange);
    after_answer(server, conn);
}

/* The body is no longer needed; an answer of any size is charged in its place. */
void web_conn_answered(struct web_server *server, struct web_exchange *exchange)
{
    struct web_conn *conn = exchange->conn;
    ASSERT(conn->state == WEB_WORK && conn->exchange == exchange);
    atomic_fetch_sub(&server->in_work, 1);
    free(TAKE(exchange->body));
    buf_free(&conn->out);
    conn->out = exchange->out;
    exchange->out = (struct buf){0};
    web_charge(server, exchange, conn->out.capacity);
    conn->closes = conn->closes || exchange->closes || conn->out.failed;
    conn->sent = 0;
    web_send(server, conn);
}
