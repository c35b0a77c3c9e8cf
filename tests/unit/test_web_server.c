/* The server over real sockets: requests in any cut, limits, slow clients, the end. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/listen.h"
#include "common/io/web_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY_MAX ((size_t)256 * 1024)
#define ROOM ((size_t)1024 * 1024)
#define WAIT_MS 20000

static struct web_server *server;
static int port;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct web_request *held; /* by the handler of /hold */
static int seen_408;

/* ---- handlers ---------------------------------------------------------------------------- */

static void echo(void *self, struct web_request *request)
{
    (void)self;
    struct span body = request->body;
    const struct http_answer answer = {
        .status = 200, .content_type = "text/plain", .body = body};
    web_answer(request, &answer);
}

static void name(void *self, struct web_request *request)
{
    (void)self;
    const struct http_answer answer = {
        .status = 200, .content_type = "text/plain", .body = request->name};
    web_answer(request, &answer);
}

static bool admit(void *self, struct web_request *request, struct web_refusal *refusal)
{
    (void)self;
    struct span token = http_head_value(&request->head, "authorization", NULL);
    request->owner = 7;
    *refusal =
        (struct web_refusal){.status = 401, .detail = "no token", .challenge = "Bearer"};
    return span_is(token, "Bearer good");
}

static void hold(void *self, struct web_request *request)
{
    (void)self;
    (void)pthread_mutex_lock(&held_lock);
    request->next = held;
    held = request;
    (void)pthread_mutex_unlock(&held_lock);
}

static void release_held(void)
{
    (void)pthread_mutex_lock(&held_lock);
    struct web_request *list = TAKE(held);
    (void)pthread_mutex_unlock(&held_lock);
    while (list != NULL) {
        struct web_request *next = list->next;
        web_answer_problem(list, 503, "released", 3);
        list = next;
    }
}

static void seen(void *self, const struct web_seen *what)
{
    (void)self;
    __atomic_add_fetch(&seen_408, what->status == 408, __ATOMIC_SEQ_CST);
}

static const struct web_route ROUTES[] = {
    {"POST", "/echo", BODY_MAX, NULL, echo, NULL},
    {"POST", "/hooks/{}", BODY_MAX, NULL, name, NULL},
    {"POST", "/closed", BODY_MAX, admit, echo, NULL},
    {"POST", "/hold", BODY_MAX, admit, hold, NULL},
};

static int start(int request_ms, size_t connections)
{
    struct error error = {0};
    char address[LISTEN_TEXT_MAX];
    int listener = -1;
    if (listen_open("127.0.0.1:0", &listener, &error) != STATUS_OK)
        return -1;
    listen_text(listener, address, sizeof(address));
    const struct web_options options = {.listener = listener,
                                        .routes = ROUTES,
                                        .route_count = COUNT_OF(ROUTES),
                                        .connections_max = connections,
                                        .body_room = ROOM,
                                        .request_ms = request_ms,
                                        .seen = seen};
    if (web_server_open(&options, &server, &error) != STATUS_OK)
        return -1;
    port = (int)strtol(strrchr(address, ':') + 1, NULL, 10);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return start(30000, 64);
}

static int set_up_hasty(void **state)
{
    (void)state;
    return start(300, 8);
}

static int tear_down(void **state)
{
    (void)state;
    release_held();
    web_server_drain(server, 200);
    web_server_close(&server);
    return 0;
}

/* ---- a client ----------------------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, struct span bytes)
{
    while (bytes.length > 0) {
        ssize_t done = send(fd, bytes.bytes, bytes.length, MSG_NOSIGNAL);
        if (done <= 0)
            return; /* the answer says why */
        bytes.bytes += done;
        bytes.length -= (size_t)done;
    }
}

static char heard[2 * BODY_MAX];

/* Reads until the text has come, or the end. */
static bool hear(int fd, const char *until)
{
    size_t length = strlen(heard);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (until == NULL || strstr(heard, until) == NULL) {
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        ssize_t got = recv(fd, heard + length, sizeof(heard) - length - 1, 0);
        if (got <= 0)
            return until == NULL;
        length += (size_t)got;
        heard[length] = '\0';
    }
    return true;
}

static int count(const char *text)
{
    int times = 0;
    for (const char *at = heard; (at = strstr(at, text)) != NULL; at++)
        times++;
    return times;
}

/* One connection, everything sent at once, everything read until its end. */
static void ask(const char *bytes)
{
    int fd = dial();
    heard[0] = '\0';
    say(fd, span_from(bytes));
    (void)shutdown(fd, SHUT_WR);
    assert_true(hear(fd, NULL));
    (void)close(fd);
}

#define HOST "Host: a\r\n"

/* ---- tests --------------------------------------------------------------------------------- */

static void test_pipelined(void **state)
{
    (void)state;
    ask("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nfirst"
        "GET /echo HTTP/1.1\r\n" HOST "\r\n"
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
        "3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"
        "POST /hooks/my%20shop HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    assert_int_equal(count("HTTP/1.1 200 OK"), 3);
    assert_int_equal(count("HTTP/1.1 405 Method Not Allowed"), 1);
    assert_int_equal(count("Allow: POST"), 1);
    assert_non_null(strstr(heard, "\r\n\r\nfirstHTTP/1.1 405"));
    assert_non_null(strstr(heard, "\r\n\r\nsecond"));
    assert_non_null(strstr(heard, "\r\n\r\nmy shop"));
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    static const char WIRE[] =
        "POST /echo HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    int fd = dial();
    heard[0] = '\0';
    for (size_t at = 0; WIRE[at] != '\0'; at++)
        say(fd, (struct span){WIRE + at, 1});
    assert_true(hear(fd, "\r\n\r\nhello"));
    assert_int_equal(count("Connection: close"), 0);
    (void)close(fd);
}

struct refused {
    const char *wire;
    const char *status;
};

static const struct refused REFUSED[] = {
    {"GET / HTTP/1.1\n\n", "400"},
    {"POST /echo HTTP/1.1\r\n" HOST "\r\n", "411"},
    {"POST /nothing HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "404"},
    {"POST /hooks/ HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "404"},
    {"POST /hooks/a/b HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "404"},
    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n", "413"},
    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n", "400"},
    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nshort", "400"},
    {"POST /ec", "400"},
    {"POST /closed HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\nabc", "401"},
    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nabc",
     "400"},
};

static void test_refused_and_closed(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(REFUSED); at++) {
        ask(REFUSED[at].wire);
        if (strncmp(heard + sizeof("HTTP/1.1"), REFUSED[at].status, 3) != 0 ||
            count("HTTP/1.1 ") != 1 || count("application/problem+json") != 1)
            fail_msg("%s: %s", REFUSED[at].wire, heard);
    }
    assert_int_equal(web_server_figures(server).body_bytes, 0);
}

/* The answer is seen although the client goes on sending for long. */
static void test_answer_to_a_client_that_does_not_listen_yet(void **state)
{
    (void)state;
    static char block[64 * 1024];
    int fd = dial();
    heard[0] = '\0';
    memset(block, 'x', sizeof(block));
    say(fd, SPAN_OF("POST /closed HTTP/1.1\r\n" HOST "Content-Length: 9000000\r\n\r\n"));
    for (int times = 0; times < 137; times++)
        say(fd, (struct span){block, sizeof(block)});
    assert_true(hear(fd, "401 Unauthorized"));
    assert_int_equal(count("WWW-Authenticate: Bearer"), 1);
    (void)close(fd);
}

static void test_continue(void **state)
{
    (void)state;
    int fd = dial();
    heard[0] = '\0';
    say(fd, SPAN_OF("POST /echo HTTP/1.1\r\n" HOST
                    "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    assert_true(hear(fd, "100 Continue\r\n\r\n"));
    say(fd, SPAN_OF("ok"));
    assert_true(hear(fd, "\r\n\r\nok"));
    (void)close(fd);
}

#define HOLD "POST /hold HTTP/1.1\r\n" HOST "Authorization: Bearer good\r\n"

/* An owner gets its share of connections, and no more; others still come in. */
static void test_share_of_requests(void **state)
{
    (void)state;
    int fds[40];
    heard[0] = '\0';
    for (size_t at = 0; at < COUNT_OF(fds); at++) {
        fds[at] = dial();
        say(fds[at], SPAN_OF(HOLD "Content-Length: 1\r\n\r\nx"));
    }
    assert_true(hear(fds[COUNT_OF(fds) - 1], "429 Too Many Requests"));
    assert_int_equal(count("Retry-After: 1"), 1);
    ask("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nok");
    assert_int_equal(count("200 OK"), 1);
    release_held();
    heard[0] = '\0';
    assert_true(hear(fds[0], "503 Service Unavailable"));
    assert_int_equal(count("Retry-After: 3"), 1);
    for (size_t at = 0; at < COUNT_OF(fds); at++)
        (void)close(fds[at]);
}

/* Half of the room for one owner; it is given back. */
static void test_share_of_room(void **state)
{
    (void)state;
    static char block[200 * 1024];
    int fds[4];
    int refused = 0;
    memset(block, 'x', sizeof(block));
    for (size_t at = 0; at < COUNT_OF(fds); at++) {
        fds[at] = dial();
        say(fds[at], SPAN_OF(HOLD "Content-Length: 204801\r\n\r\n"));
        say(fds[at], (struct span){block, sizeof(block)});
    }
    for (size_t at = 0; at < COUNT_OF(fds); at++) {
        heard[0] = '\0';
        say(fds[at], SPAN_OF("x"));
        struct pollfd ready = {.fd = fds[at], .events = POLLIN};
        if (poll(&ready, 1, 300) == 1 && hear(fds[at], "\r\n\r\n"))
            refused += count("HTTP/1.1 429");
    }
    assert_int_equal(refused, 2);
    release_held();
    for (size_t at = 0; at < COUNT_OF(fds); at++)
        (void)close(fds[at]);
    for (int tries = 0; web_server_figures(server).body_bytes > 0 && tries < 1000;
         tries++)
        (void)poll(NULL, 0, 10);
    assert_int_equal(web_server_figures(server).body_bytes, 0);
}

static void test_slow_requests_end_in_408(void **state)
{
    (void)state;
    int fds[3] = {dial(), dial(), dial()};
    say(fds[1], SPAN_OF("POST /echo HT"));
    say(fds[2], SPAN_OF("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"));
    for (int at = 0; at < 3; at++) {
        heard[0] = '\0';
        assert_true(hear(fds[at], NULL));
        assert_int_equal(count("HTTP/1.1 408 Request Timeout"), 1);
        (void)close(fds[at]);
    }
    assert_int_equal(__atomic_load_n(&seen_408, __ATOMIC_SEQ_CST), 3);
}

/* With all places taken by those who say nothing, one who speaks is served. */
static void test_silent_ones_make_place(void **state)
{
    (void)state;
    int fds[24];
    for (size_t at = 0; at < COUNT_OF(fds); at++)
        fds[at] = dial();
    ask("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nok");
    assert_int_equal(count("200 OK"), 1);
    assert_true(web_server_figures(server).evicted > 0);
    for (size_t at = 0; at < COUNT_OF(fds); at++)
        (void)close(fds[at]);
}

static void *release_later(void *nothing)
{
    (void)poll(NULL, 0, 100);
    release_held();
    return nothing;
}

/* What is in hand is answered, and nothing new is taken. */
static void test_drain(void **state)
{
    (void)state;
    pthread_t thread;
    int fd = dial();
    heard[0] = '\0';
    say(fd, SPAN_OF(HOLD "Content-Length: 1\r\n\r\nx"));
    while (web_server_figures(server).in_work == 0)
        (void)poll(NULL, 0, 1);
    assert_int_equal(pthread_create(&thread, NULL, release_later, NULL), 0);
    web_server_drain(server, 50);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(other, (struct sockaddr *)&at, sizeof(at)), -1);
    (void)close(other);
    assert_true(hear(fd, NULL));
    assert_int_equal(count("503 Service Unavailable"), 1);
    assert_int_equal(count("Connection: close"), 1);
    (void)close(fd);
    (void)pthread_join(thread, NULL);
}

#define ON_SERVER(test, begin) cmocka_unit_test_setup_teardown(test, begin, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SERVER(test_pipelined, set_up),
        ON_SERVER(test_byte_by_byte, set_up),
        ON_SERVER(test_refused_and_closed, set_up),
        ON_SERVER(test_answer_to_a_client_that_does_not_listen_yet, set_up),
        ON_SERVER(test_continue, set_up),
        ON_SERVER(test_share_of_requests, set_up),
        ON_SERVER(test_share_of_room, set_up),
        ON_SERVER(test_slow_requests_end_in_408, set_up_hasty),
        ON_SERVER(test_silent_ones_make_place, set_up_hasty),
        ON_SERVER(test_drain, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
