/*
 * The admin endpoint of a worker: /livez, /readyz, /metrics on PARSTOCK_ADMIN_LISTEN.
 * A default port that is taken is a warning and the worker goes on without; a port that
 * was asked for is STATUS_FATAL (exit code 69). Port 0 takes a free one and logs it
 * ("admin endpoint", field listen).
 */
#ifndef PARSTOCK_RUNTIME_ADMIN_H
#define PARSTOCK_RUNTIME_ADMIN_H

#include "common/runtime/config.h"

struct admin;

enum status admin_open(const struct config *config, struct admin **out,
                       struct error *error);
void admin_close(struct admin **slot);

/* The worker's loop calls this; /livez fails when it was silent for 60 s. */
void admin_alive(void);

/* For a worker that has nothing to do: alive and ready, saying why, until the process is
 * asked to end. */
void admin_idle(const char *part, const char *why);

#endif
