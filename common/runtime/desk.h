/*
 * Requests of a web server that are in, worked on by a small crew: each judged, acted on, then
 * answered. Sources take turns, so that one with many posts does not keep another waiting.
 */
#ifndef PARSTOCK_RUNTIME_DESK_H
#define PARSTOCK_RUNTIME_DESK_H

#include "common/io/web_server.h"

struct desk;

/* Works on one request: answers it, or sees to it that it will be. `room` is the thread's
 * own, as `open_room` made it. */
struct desk_work {
    void *self;
    void *(*open_room)(void *self); /* NULL: out of memory */
    void (*close_room)(void *room);
    void (*work)(void *self, void *room, struct web_request *request);
};

enum status desk_open(const struct desk_work *work, struct desk **out,
                      struct error *error);

/* Never waits; any thread. */
void desk_put(struct desk *desk, struct web_request *request);

/* What is there is worked on first. */
void desk_close(struct desk **slot);

#endif
