/*
 * Readiness told to whoever supervises this process, in systemd's protocol: a datagram
 * READY=1 to the socket that NOTIFY_SOCKET names ("@" for an abstract one). 'parstock up'
 * is such a supervisor, and so is a unit with Type=notify. X_READY=0 says that readiness
 * was lost, which systemd ignores. Without the variable nothing happens.
 */
#ifndef PARSTOCK_RUNTIME_NOTIFY_H
#define PARSTOCK_RUNTIME_NOTIFY_H

#include "common/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define NOTIFY_NAME_MAX 64

void notify_ready(bool ready);

/* The supervisor's side: a socket and its name for NOTIFY_SOCKET. The caller closes it. */
enum status notify_listen(int *socket_out, char name[NOTIFY_NAME_MAX],
                          struct error *error);

/* The next message, without waiting: who is or is no longer ready; false when none. */
bool notify_next(int socket, pid_t *pid_out, bool *ready_out);

#endif
