/*
 * The inside of the server, shared by web_*.c only.
 *
 * A connection is in one state, and where the state has a deadline, in that state's list,
 * which is in the order of deadlines, since all of a list get the same time. While a handler
 * has the request nothing is read: what a client sends meanwhile waits in the kernel.
 */
#ifndef PARSTOCK_IO_WEB_STATE_H
#define PARSTOCK_IO_WEB_STATE_H

#include "common/codec/http_body.h"
#include "common/io/web_server.h"

#include <pthread.h>
#include <stdatomic.h>

enum web_state {
    WEB_FREE = 0,
    WEB_IDLE,   /* between two requests */
    WEB_HEAD,   /* the head is coming in, or has not begun */
    WEB_BODY,   /* the body is coming in */
    WEB_WORK,   /* a handler has the request */
    WEB_ANSWER, /* the answer goes out */
    WEB_LINGER, /* what the client still sends is thrown away, so that it sees the answer */
};

enum web_list {
    WEB_LIST_IDLE,
    WEB_LIST_READING,
    WEB_LIST_ANSWER,
    WEB_LIST_LINGER,
    WEB_LISTS
};

struct web_conn;

/* A request from its head to the last byte of its answer. */
struct web_exchange {
    struct web_request request; /* first: handlers have its address */
    struct web_server *server;
    struct web_conn *conn;
    struct http_body framing;
    char *body;
    size_t body_length;
    size_t body_capacity;
    size_t charged; /* to the owner: of the body, then of the answer */
    bool admitted;  /* counts among the owner's requests */
    struct buf out;
    int status;
    bool closes;
    char name[WEB_NAME_MAX];
    char head[]; /* its bytes, as sent */
};

struct web_conn {
    int fd;
    enum web_state state;
    bool listed;
    bool watched; /* registered with epoll, for `events` */
    bool closes;  /* after the answer */
    bool ahead;   /* something of the body came with the head */
    unsigned events;
    enum web_list list;
    struct web_conn *earlier;
    struct web_conn *later;
    int64_t deadline_us;
    int64_t began_us;
    struct buf in;   /* of a head that is not whole yet */
    size_t scanned;  /* of it */
    struct buf rest; /* what came behind a request that is being answered */
    struct buf out;
    size_t sent;
    size_t thrown_away;
    struct web_exchange *exchange;
};

struct web_line {
    struct web_conn *first;
    struct web_conn *last;
};

struct web_owner {
    size_t bytes;
    size_t requests;
};

#define WEB_SCRATCH ((size_t)64 * 1024)
#define WEB_READ_MAX ((size_t)16 * 1024) /* where the end of the request is not known */

struct web_server {
    struct web_options options;
    int listener; /* -1 once it drains */
    int epoll;
    int wake; /* readable: there are answers, or the phase has changed */
    pthread_t thread;
    bool started;
    atomic_int phase;
    struct web_conn *conns;
    struct web_conn *free; /* chained by `later` */
    struct web_line lists[WEB_LISTS];
    struct web_owner owners[WEB_OWNERS_MAX];
    size_t admitted;   /* requests of all owners */
    size_t room_taken; /* bytes of all owners */
    pthread_mutex_t done_lock;
    struct web_request *done; /* answered, newest first; chained by `next` */
    atomic_long connections;
    atomic_long in_work;
    atomic_long room_shown;
    atomic_long evicted;
    char scratch[WEB_SCRATCH];
};

int64_t web_now_us(void); /* monotonic */

/* web_server.c: a place in the list of its new state, and what epoll watches for */
void web_list_put(struct web_server *server, struct web_conn *conn, enum web_list list,
                  int64_t deadline_us);
void web_list_leave(struct web_server *server, struct web_conn *conn);
void web_watch(struct web_server *server, struct web_conn *conn, unsigned events);
void web_close(struct web_server *server, struct web_conn *conn);
bool web_is_draining(struct web_server *server);

/* web_conn.c */
void web_conn_open(struct web_server *server, struct web_conn *conn, int fd);
void web_conn_ready(struct web_server *server, struct web_conn *conn);
void web_conn_late(struct web_server *server, struct web_conn *conn);
void web_conn_answered(struct web_server *server, struct web_exchange *exchange);
void web_conn_refuse(struct web_server *server, struct web_conn *conn,
                     const struct web_refusal *refusal);

/* web_answer.c: what goes out */
void web_send(struct web_server *server, struct web_conn *conn);
void web_linger(struct web_server *server, struct web_conn *conn);
void web_exchange_end(struct web_server *server, struct web_conn *conn);
void web_next(struct web_server *server, struct web_conn *conn);

/* web_request.c: a whole head becomes an exchange; its body is kept within the room */
bool web_exchange_begin(struct web_server *server, struct web_conn *conn,
                        struct span head);
/* False: refused, which is being told. */
bool web_body_add(struct web_server *server, struct web_exchange *exchange,
                  struct span data);
void web_charge(struct web_server *server, struct web_exchange *exchange, size_t amount);

#endif
