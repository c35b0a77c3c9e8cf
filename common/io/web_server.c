/*
 * The server's thread: connections that come, events, deadlines, answers that are ready.
 */
#include "common/io/web_server.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/web_state.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 256
#define ACCEPTS_AT_ONCE 64
#define WAIT_MAX_MS 1000
#define FILES_FOR_OTHERS 128 /* brokers, logs, the admin endpoint */
#define ENDING_WAIT_US 1000000

enum phase { PHASE_SERVING, PHASE_DRAINING, PHASE_ENDING };

int64_t web_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool web_is_draining(struct web_server *server)
{
    return atomic_load(&server->phase) != PHASE_SERVING;
}

/* ---- lists ------------------------------------------------------------------------------ */

void web_list_leave(struct web_server *server, struct web_conn *conn)
{
    struct web_line *line = &server->lists[conn->list];
    if (!conn->listed)
        return;
    if (conn->earlier != NULL)
        conn->earlier->later = conn->later;
    else
        line->first = conn->later;
    if (conn->later != NULL)
        conn->later->earlier = conn->earlier;
    else
        line->last = conn->earlier;
    conn->earlier = NULL;
    conn->later = NULL;
    conn->listed = false;
}

void web_list_put(struct web_server *server, struct web_conn *conn, enum web_list list,
                  int64_t deadline_us)
{
    web_list_leave(server, conn);
    struct web_line *line = &server->lists[list];
    ASSERT(line->last == NULL || line->last->deadline_us <= deadline_us);
    conn->list = list;
    conn->listed = true;
    conn->deadline_us = deadline_us;
    conn->earlier = line->last;
    if (line->last != NULL)
        line->last->later = conn;
    else
        line->first = conn;
    line->last = conn;
}

/* ---- connections ------------------------------------------------------------------------ */

void web_watch(struct web_server *server, struct web_conn *conn, unsigned events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = conn}};
    if (conn->watched && events == conn->events)
        return;
    /* one that hung up is reported whatever is watched for: so it is taken out */
    int what = events == 0     ? EPOLL_CTL_DEL
               : conn->watched ? EPOLL_CTL_MOD
                               : EPOLL_CTL_ADD;
    if (events != 0 || conn->watched)
        (void)epoll_ctl(server->epoll, what, conn->fd, &event);
    conn->watched = events != 0;
    conn->events = events;
}

void web_close(struct web_server *server, struct web_conn *conn)
{
    ASSERT(conn->state != WEB_FREE && conn->state != WEB_WORK);
    web_exchange_end(server, conn);
    web_list_leave(server, conn);
    web_watch(server, conn, 0);
    (void)close(conn->fd);
    buf_free(&conn->in);
    buf_free(&conn->rest);
    buf_free(&conn->out);
    *conn = (struct web_conn){.fd = -1, .later = server->free};
    server->free = conn;
    atomic_fetch_sub(&server->connections, 1);
}

/* Whoever has not said who he is, for the longest time. */
static struct web_conn *dispensable(struct web_server *server)
{
    static const enum web_list ORDER[] = {WEB_LIST_LINGER, WEB_LIST_IDLE};
    for (size_t at = 0; at < COUNT_OF(ORDER); at++)
        if (server->lists[ORDER[at]].first != NULL)
            return server->lists[ORDER[at]].first;
    struct web_conn *conn = server->lists[WEB_LIST_READING].first;
    while (conn != NULL && conn->state != WEB_HEAD)
        conn = conn->later;
    return conn;
}

static struct web_conn *take_place(struct web_server *server)
{
    if (server->free == NULL) {
        struct web_conn *conn = dispensable(server);
        if (conn == NULL)
            return NULL;
        atomic_fetch_add(&server->evicted, 1);
        web_close(server, conn);
    }
    struct web_conn *place = server->free;
    server->free = place->later;
    return place;
}

static void accept_one(struct web_server *server, int fd)
{
    int on = 1;
    struct web_conn *conn = take_place(server);
    if (conn == NULL) { /* each of them has a request in hand */
        static const char FULL[] =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n";
        (void)send(fd, FULL, sizeof(FULL) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    atomic_fetch_add(&server->connections, 1);
    web_conn_open(server, conn, fd);
}

static void accept_all(struct web_server *server)
{
    for (int times = 0; times < ACCEPTS_AT_ONCE && server->listener >= 0; times++) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(server, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            struct web_conn *conn = dispensable(server);
            if (conn != NULL)
                web_close(server, conn);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* ---- answers ---------------------------------------------------------------------------- */

static void take_done(struct web_server *server)
{
    uint64_t count;
    ssize_t got = read(server->wake, &count, sizeof(count));
    (void)got;
    (void)pthread_mutex_lock(&server->done_lock);
    struct web_request *done = TAKE(server->done);
    (void)pthread_mutex_unlock(&server->done_lock);
    while (done != NULL) {
        struct web_request *next = done->next;
        web_conn_answered(server, (struct web_exchange *)(void *)done);
        done = next;
    }
}

static void wake(struct web_server *server)
{
    uint64_t one = 1;
    ssize_t written = write(server->wake, &one, sizeof(one));
    (void)written; /* full = readable already */
}

void web_answer(struct web_request *request, const struct http_answer *answer)
{
    struct web_exchange *exchange = (struct web_exchange *)(void *)request;
    struct web_server *server = exchange->server;
    struct http_answer copy = *answer;
    copy.closes = copy.closes || !request->head.keeps_alive || web_is_draining(server);
    exchange->status = copy.status;
    exchange->closes = copy.closes;
    http_answer_write(&copy, (int64_t)time(NULL), &exchange->out);
    (void)pthread_mutex_lock(&server->done_lock);
    request->next = server->done;
    server->done = request;
    (void)pthread_mutex_unlock(&server->done_lock);
    wake(server);
}

void web_answer_problem(struct web_request *request, int status, const char *detail,
                        int retry_after_s)
{
    SCOPED(buf_free) struct buf body;
    buf_init(&body, HTTP_HEAD_MAX);
    http_problem_begin(&body, status, detail);
    http_problem_end(&body);
    const struct http_answer answer = {.status = status,
                                       .content_type = HTTP_PROBLEM_TYPE,
                                       .body = buf_view(&body),
                                       .retry_after_s = retry_after_s};
    web_answer(request, &answer);
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void look_at_deadlines(struct web_server *server)
{
    int64_t now_us = web_now_us();
    for (int list = 0; list < WEB_LISTS; list++) {
        struct web_conn *conn = server->lists[list].first;
        while (conn != NULL && conn->deadline_us <= now_us) {
            web_conn_late(server, conn);
            conn = server->lists[list].first;
        }
    }
}

static int wait_ms(const struct web_server *server)
{
    int64_t now_us = web_now_us();
    int64_t ms = WAIT_MAX_MS;
    for (int list = 0; list < WEB_LISTS; list++) {
        const struct web_conn *conn = server->lists[list].first;
        if (conn == NULL)
            continue;
        int64_t left_ms = (conn->deadline_us - now_us + 999) / 1000;
        ms = left_ms < ms ? left_ms : ms;
    }
    return ms > 0 ? (int)ms : 0;
}

static void serve_event(struct web_server *server, void *what)
{
    if (what == &server->listener)
        accept_all(server);
    else if (what == &server->wake)
        take_done(server);
    else if (((struct web_conn *)what)->state != WEB_FREE)
        web_conn_ready(server, what);
}

/* No further request is begun: who has none in hand is told so by a close. */
static void drain(struct web_server *server)
{
    if (server->listener >= 0) {
        (void)close(server->listener);
        server->listener = -1;
    }
    while (server->lists[WEB_LIST_IDLE].first != NULL)
        web_close(server, server->lists[WEB_LIST_IDLE].first);
    struct web_conn *conn = server->lists[WEB_LIST_READING].first;
    while (conn != NULL) {
        struct web_conn *later = conn->later;
        if (conn->state == WEB_HEAD && conn->in.length == 0)
            web_close(server, conn);
        conn = later;
    }
}

static void *run(void *self)
{
    struct web_server *server = self;
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t end_us = INT64_MAX;
    while (atomic_load(&server->connections) > 0 ||
           atomic_load(&server->phase) < PHASE_ENDING) {
        int count = epoll_wait(server->epoll, events, EVENTS_AT_ONCE, wait_ms(server));
        for (int at = 0; at < count; at++)
            serve_event(server, events[at].data.ptr);
        look_at_deadlines(server);
        atomic_store(&server->room_shown, (long)server->room_taken);
        if (web_is_draining(server))
            drain(server);
        if (atomic_load(&server->phase) < PHASE_ENDING)
            continue;
        if (end_us == INT64_MAX)
            end_us = web_now_us() + ENDING_WAIT_US;
        if (web_now_us() >= end_us)
            break;
    }
    take_done(server);
    return NULL;
}

/* ---- opening and closing ------------------------------------------------------------------- */

/* Every connection is a file; the soft limit of a service is often too low by default. */
static size_t files_allow(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    rlim_t needed = wanted + FILES_FOR_OTHERS;
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= needed)
        return wanted;
    return limit.rlim_cur > 2 * FILES_FOR_OTHERS ? limit.rlim_cur - FILES_FOR_OTHERS
                                                 : FILES_FOR_OTHERS;
}

static bool listen_to(struct web_server *server, void *mark, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = mark}};
    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool make_places(struct web_server *server)
{
    size_t count = files_allow(server->options.connections_max);
    server->options.connections_max = count;
    server->conns = calloc(count, sizeof(*server->conns));
    for (size_t at = count; server->conns != NULL && at-- > 0;) {
        server->conns[at].fd = -1;
        server->conns[at].later = server->free;
        server->free = &server->conns[at];
    }
    return server->conns != NULL;
}

static enum status start(struct web_server *server, struct error *error)
{
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int flags = fcntl(server->listener, F_GETFL);
    bool ready = server->epoll >= 0 && server->wake >= 0 && flags >= 0 &&
                 fcntl(server->listener, F_SETFL, flags | O_NONBLOCK) == 0 &&
                 make_places(server) &&
                 listen_to(server, &server->listener, server->listener) &&
                 listen_to(server, &server->wake, server->wake);
    if (ready && pthread_create(&server->thread, NULL, run, server) == 0)
        server->started = true;
    return server->started
               ? STATUS_OK
               : error_set(error, STATUS_RETRY, "HTTP server: no memory, file or thread");
}

enum status web_server_open(const struct web_options *options, struct web_server **out,
                            struct error *error)
{
    SCOPED(web_server_close) struct web_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        (void)close(options->listener);
        return error_set(error, STATUS_RETRY, "HTTP server: out of memory");
    }
    server->options = *options;
    server->listener = options->listener;
    server->epoll = server->wake = -1;
    (void)pthread_mutex_init(&server->done_lock, NULL);
    enum status status = start(server, error);
    if (status == STATUS_OK)
        *out = TAKE(server);
    return status;
}

size_t web_server_connections_max(const struct web_server *server)
{
    return server->options.connections_max;
}

struct web_figures web_server_figures(struct web_server *server)
{
    return (struct web_figures){.connections = atomic_load(&server->connections),
                                .in_work = atomic_load(&server->in_work),
                                .body_bytes = atomic_load(&server->room_shown),
                                .evicted = atomic_load(&server->evicted)};
}

void web_server_drain(struct web_server *server, int wait_ms_max)
{
    int64_t end_us = web_now_us() + (int64_t)wait_ms_max * 1000;
    atomic_store(&server->phase, PHASE_DRAINING);
    wake(server);
    while (atomic_load(&server->connections) > 0 && web_now_us() < end_us) {
        const struct timespec pause = {.tv_nsec = 5000000};
        (void)nanosleep(&pause, NULL);
    }
}

static void close_file(int *file)
{
    if (*file >= 0)
        (void)close(*file);
    *file = -1;
}

void web_server_close(struct web_server **slot)
{
    struct web_server *server = TAKE(*slot);
    if (server == NULL)
        return;
    if (server->started) {
        atomic_store(&server->phase, PHASE_ENDING);
        wake(server);
        (void)pthread_join(server->thread, NULL);
        ASSERT(atomic_load(&server->in_work) == 0);
    }
    for (size_t at = 0; server->conns != NULL && at < server->options.connections_max;
         at++)
        if (server->conns[at].state != WEB_FREE)
            web_close(server, &server->conns[at]);
    close_file(&server->listener);
    close_file(&server->epoll);
    close_file(&server->wake);
    (void)pthread_mutex_destroy(&server->done_lock);
    free(server->conns);
    free(server);
}
