/*
 * The workers as child processes: started, looked after, ended. Each is in one of three
 * states: running, waiting for its next start, or ended for good.
 */
#ifndef PARSTOCK_WORKERS_UP_CHILDREN_H
#define PARSTOCK_WORKERS_UP_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILDREN_MAX 16

struct metric;

struct child_kind {
    const char *name;     /* of the command */
    const char *argument; /* that makes it a worker; NULL = none */
};

struct child {
    const char *name;
    const char *argument;
    pid_t pid;             /* 0: not running */
    int deaths;            /* in a row */
    int64_t started_us;    /* when it was started last */
    int64_t next_start_us; /* when to start it, while it is not running */
    struct metric *restarts;
};

struct children {
    struct child list[CHILDREN_MAX];
    size_t count;
};

/* False where the worker is in the list already. Its texts must live on. */
bool children_add(struct children *children, const struct child_kind *kind);

/* Takes note of deaths and of readiness (messages on `socket`), starts whose time it is. */
void children_look(struct children *children, int socket);

/* SIGTERM to all, up to 30 s, then SIGKILL; returns when none is left. */
void children_end(struct children *children);

#endif
