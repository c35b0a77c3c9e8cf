/*
 * A listening TCP socket from "host:port" ("[::1]:port" for IPv6, ":port" for every
 * address, port 0 for a free one). The caller closes it, or hands it to its server.
 */
#ifndef PARSTOCK_IO_LISTEN_H
#define PARSTOCK_IO_LISTEN_H

#include "common/base/error.h"

#include <stddef.h>

#define LISTEN_TEXT_MAX 320

/*
 * STATUS_FATAL (78): the text is no address, or the host is none of this machine.
 * STATUS_RETRY with code "EADDRINUSE": the port is taken by another program.
 */
enum status listen_open(const char *address, int *socket_out, struct error *error);

/* The address it got, "127.0.0.1:40123", for logs and for port 0. */
void listen_text(int socket, char *room, size_t size);

#endif
