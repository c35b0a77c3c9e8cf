/*
 * A small HTTP server for pages that are written on demand (health, metrics): GET and
 * HEAD only, one thread of its own, bounded in connections, memory and time. The only
 * file that knows libmicrohttpd.
 */
#ifndef PARSTOCK_IO_ADMIN_HTTP_H
#define PARSTOCK_IO_ADMIN_HTTP_H

#include "common/base/buf.h"
#include "common/base/error.h"

struct admin_page {
    const char *path;
    const char *content_type;
    /* Writes the body, returns the HTTP status. Called on the server's thread. */
    int (*write)(struct buf *body);
};

struct admin_http;

/* Serves `pages` (kept by the caller, as long as the server lives) on `address`; see
 * listen_open for the errors. */
enum status admin_http_open(const char *address, const struct admin_page *pages,
                            size_t count, struct admin_http **out, struct error *error);

/* The address it got. */
const char *admin_http_address(const struct admin_http *http);

/* Ends after the requests in hand. */
void admin_http_close(struct admin_http **slot);

#endif
