/*
 * An HTTP/1.1 server for requests that come from outside: one thread, any number of slow
 * clients in flat memory. A table of routes says what there is. A handler gets the head as
 * soon as it is in (to say who it is, before any of the body is kept) and the request once
 * the body is; it answers at once or later, from any thread.
 *
 * Bounds: connections; room for bodies and large answers, shared fairly by owner; 30 s for a
 * whole request (408); 16 KiB of head. When connections run out those that wait the longest
 * without having said who they are make place. A request whose end is in doubt is refused
 * and its connection closed. TLS belongs to a proxy in front. The socket comes from
 * listen_open.
 */
#ifndef PARSTOCK_IO_WEB_SERVER_H
#define PARSTOCK_IO_WEB_SERVER_H

#include "common/base/error.h"
#include "common/codec/http_answer.h"
#include "common/codec/http_head.h"

#define WEB_OWNERS_MAX 128 /* who room and connections are shared between */
#define WEB_NAME_MAX 256
#define WEB_ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define WEB_RETRY_AFTER_S 1

struct web_route;

/* Valid until it is answered. */
struct web_request {
    const struct web_route *route;
    struct http_head head;
    struct span name;         /* what the "{}" of the route's path stands for, decoded */
    struct span body;         /* as sent, chunks joined; empty until `take` */
    int owner;                /* below WEB_OWNERS_MAX; set by `admit`, 0 otherwise */
    int64_t began_us;         /* when its first byte came; monotonic */
    void *state;              /* the handler's own */
    struct web_request *next; /* the handler's own */
};

/* Refused before its body is kept; the connection is closed then if a body would follow. */
struct web_refusal {
    int status;
    const char *detail; /* one sentence, kept by whoever gives it */
    int retry_after_s;
    const char *challenge; /* WWW-Authenticate */
};

struct web_route {
    const char *method; /* "POST" */
    const char *path;   /* exact; with "{}" as its last segment it takes any one there */
    size_t body_max;    /* bytes; more is 413 */
    /* The head is in. Sets request->owner and returns true, or fills the refusal. Called on
     * the server's thread: must not wait. May be NULL. */
    bool (*admit)(void *self, struct web_request *request, struct web_refusal *refusal);
    /* All is in: the request is the handler's, which must call web_answer once, here or
     * later on any thread. Called on the server's thread: must not wait. */
    void (*take)(void *self, struct web_request *request);
    void *self;
};

/* One request, answered; for metrics. */
struct web_seen {
    const struct web_route *route; /* NULL: none, or the head was refused */
    int status;
    size_t body_bytes;
    int64_t took_us; /* from its first byte to the last of the answer */
};

struct web_figures {
    int64_t connections;
    int64_t in_work;    /* requests that handlers have */
    int64_t body_bytes; /* room taken */
    int64_t evicted;    /* connections that made place, ever */
};

struct web_options {
    int listener; /* listen_open's; the server closes it, also when it cannot be opened */
    const struct web_route *routes;
    size_t route_count;
    size_t connections_max; /* lowered to what the process may open */
    size_t body_room;       /* bytes for all bodies together */
    int request_ms;         /* for a whole request to come in */
    void (*seen)(void *self, const struct web_seen *seen); /* on the server's thread */
    void *self;
};

struct web_server;

/* The routes are kept by the caller. */
enum status web_server_open(const struct web_options *options, struct web_server **out,
                            struct error *error);

size_t web_server_connections_max(const struct web_server *server);
struct web_figures web_server_figures(struct web_server *server);

/* Takes no new connection and no further request on old ones; waits up to `wait_ms` for
 * those that are in to be answered. */
void web_server_drain(struct web_server *server, int wait_ms);

/* Every request must be answered by now. */
void web_server_close(struct web_server **slot);

/* Answers; the request is gone afterwards. Everything is copied. Any thread. */
void web_answer(struct web_request *request, const struct http_answer *answer);

/* The same with a problem document; `detail` is one sentence. */
void web_answer_problem(struct web_request *request, int status, const char *detail,
                        int retry_after_s);

#endif
