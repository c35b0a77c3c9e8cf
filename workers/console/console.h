/*
 * What the parts of the console share. A page is a row of PAGES in console_door.c and a
 * function here, which runs on one of the crew's threads with a connection of its own.
 */
#ifndef PARSTOCK_WORKERS_CONSOLE_CONSOLE_H
#define PARSTOCK_WORKERS_CONSOLE_CONSOLE_H

#include "common/base/pool.h"
#include "common/codec/html_write.h"
#include "common/codec/session.h"
#include "common/domain/contract.h"
#include "common/io/listen.h"
#include "common/io/store_explain.h"
#include "common/io/web_server.h"
#include "common/runtime/config.h"
#include "common/runtime/desk.h"

#include <pthread.h>

#define CONSOLE_PAGES_MAX 12
#define CONSOLE_FIELD_MAX 2048
#define CONSOLE_ROWS_MAX 200 /* of one list */

struct console {
    struct config config;
    struct buf contract_text;
    struct contract *contract;
    struct span secret; /* the token that people log in with */
    int listener;
    char address[LISTEN_TEXT_MAX];
    struct web_route routes[CONSOLE_PAGES_MAX];
    size_t route_count;
    struct web_server *server;
    struct desk *desk;
    pthread_mutex_t lock; /* guards the two below */
    int64_t failures_s;   /* when the present minute of failed logins began */
    int failures;
};

/* Of one thread of the crew. */
struct console_room {
    const struct console *console;
    struct postgres *postgres; /* NULL: not open */
    struct pool pool;          /* of one request */
    struct buf page;
};

/* A request on its way to its answer. */
struct console_call {
    struct console *console;
    struct console_room *room;
    struct web_request *request;
    const struct session *session; /* NULL: nobody is logged in */
    struct html html;
};

/* ---- console_page.c ------------------------------------------------------------------------ */

/* The frame of a page up to its main part. */
void page_begin(struct console_call *call, const char *title);
/* The rest of it, and the answer. */
void page_send(struct console_call *call, int status);
/* Instead of a page that was begun or not: what is in the way, for people. */
void page_trouble(struct console_call *call, int status, const char *what);
/* To another page; `cookie` may be NULL. 303: the browser asks with GET. */
void page_go(struct console_call *call, const char *path, const char *cookie);

/* A form that posts to `path`, with the session's token in it; html_close(FORM) ends it. */
void form_begin(struct console_call *call, const char *path);
void form_input(struct console_call *call, const char *name, const char *type,
                const char *label);
/* A form that asks its page for something by one field. */
void form_ask(struct console_call *call, const char *path, const char *name,
              const char *label);
void form_button(struct console_call *call, const char *name, const char *value,
                 const char *label);

/* Table rows: header cells of a head row; a cell of text from outside, of a number, a time. */
void table_begin(struct console_call *call, const char *caption,
                 const char *const *columns, size_t count);
void table_end(struct console_call *call);
void cell_text(struct console_call *call, struct span text);
/* The same with a link to the incident of this id. */
void cell_incident(struct console_call *call, struct span id, struct span text);
void cell_number(struct console_call *call, bool present, int64_t number);
void cell_figure(struct console_call *call,
                 const char *text); /* of ours, with its unit */
void cell_time(struct console_call *call, bool present, int64_t us);

/* A pair of a list of terms; nothing where the text is empty. */
void field_text(struct console_call *call, const char *name, struct span text);

/* The connection of the thread, opened anew where it was lost. */
enum status console_postgres(struct console_call *call, struct postgres **out,
                             struct error *error);
/* A failed statement: 503 with what is in the way; the connection is closed. */
void console_away(struct console_call *call, const struct error *error);

/* A field of the request's form (POST) or query (GET); absent: it has none. False: it can't
 * be read. The room is CONSOLE_FIELD_MAX bytes. */
bool console_field(const struct console_call *call, const char *name, char *room,
                   struct span *value_out);

/* ---- console_lines.c: what happened to a SKU, in order of time ------------------------------ */

#define CONSOLE_LINES_MAX 200 /* shown: the newest of all locations */

struct console_line {
    int64_t at_us;
    size_t order; /* of those of one moment */
    char location[404];
    char what[24];
    char by[204];
    bool has_number;
    int64_t number;
    bool has_level;
    int64_t level; /* that it left */
    char said[512];
    char incident[200]; /* "" = it is of none */
};

/* Room for twice as many as are shown: the older half goes whenever it is full. */
struct console_lines {
    struct console_line lines[2 * CONSOLE_LINES_MAX];
    size_t count;
    size_t taken; /* ever */
};

/* A line to be filled; valid until the next one is asked for. */
struct console_line *console_line(struct console_lines *lines, int64_t at_us,
                                  const char *what);
void console_line_say(struct console_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* All but the ledger's events. */
enum status console_lines_gather(struct console_lines *lines, struct postgres *postgres,
                                 struct span sku, const struct explain_found *found,
                                 struct error *error);
/* explain_visitor.each */
enum status console_lines_event(void *self, const struct explain_event *event,
                                struct error *error);
/* The newest first; how many there are to be shown. */
size_t console_lines_sort(struct console_lines *lines);
const struct console_line *console_lines_at(const struct console_lines *lines, size_t at);

/* ---- the pages ------------------------------------------------------------------------------ */

typedef void console_page(struct console_call *call);

console_page console_overview;  /* GET / */
console_page console_incidents; /* GET /incidents */
console_page console_incident;  /* GET /incidents/{} */
console_page console_act;       /* POST /incidents/{} */
console_page console_sku;       /* GET /sku */
console_page console_week;      /* GET /week */

/* ---- console_door.c ------------------------------------------------------------------------- */

void console_open_routes(struct console *console);
/* desk_work.work */
void console_work(void *self, void *room, struct web_request *request);

#endif
