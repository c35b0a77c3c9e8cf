#include "common/io/listen.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/base/span.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_MAX 253
#define BACKLOG 1024 /* the system lowers it to what it allows */

struct address {
    char host[HOST_MAX + 1];
    char port[6];
};

static enum status address_fail(const char *text, const char *what, struct error *error)
{
    error_set(error, STATUS_FATAL, "cannot listen on '%.200s': %s", text, what);
    return error_exit(error, EXIT_CONFIG);
}

/* "host:port", "[v6]:port", ":port" */
static enum status address_split(const char *text, struct address *address,
                                 struct error *error)
{
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    if (colon == NULL || !span_to_int64(span_from(colon + 1), &port) || port < 0 ||
        port > 65535)
        return address_fail(text, "it must be host:port, port 0 to 65535", error);
    struct span host = {.bytes = text, .length = (size_t)(colon - text)};
    if (host.length >= 2 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']') {
        host.bytes++;
        host.length -= 2;
    } else if (memchr(host.bytes, ':', host.length) != NULL) {
        return address_fail(text, "an IPv6 address belongs in [brackets]", error);
    }
    if (host.length > HOST_MAX)
        return address_fail(text, "the host is too long", error);
    (void)snprintf(address->host, sizeof(address->host), "%.*s", SPAN_ARGS(host));
    (void)snprintf(address->port, sizeof(address->port), "%d", (int)port);
    return STATUS_OK;
}

static void addresses_release(struct addrinfo **slot)
{
    if (*slot != NULL)
        freeaddrinfo(TAKE(*slot));
}

static void socket_release(int *slot)
{
    if (*slot >= 0)
        (void)close(*slot);
}

static enum status bind_fail(const char *text, int number, struct error *error)
{
    if (number == EADDRINUSE)
        return error_set_code(
            error, STATUS_RETRY, "EADDRINUSE",
            "cannot listen on %.200s: the port is taken; choose another, "
            "or port 0 for a free one",
            text);
    return address_fail(text, strerror(number), error);
}

static enum status socket_bind(const char *text, const struct addrinfo *where,
                               int *socket_out, struct error *error)
{
    int on = 1;
    SCOPED(socket_release)
    int file = socket(where->ai_family, where->ai_socktype | SOCK_CLOEXEC, 0);
    if (file < 0)
        return bind_fail(text, errno, error);
    /* A restart must not wait for the closing connections of the process before it. */
    (void)setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(file, where->ai_addr, where->ai_addrlen) != 0 || listen(file, BACKLOG) != 0)
        return bind_fail(text, errno, error);
    *socket_out = file;
    file = -1;
    return STATUS_OK;
}

enum status listen_open(const char *address, int *socket_out, struct error *error)
{
    struct address parts;
    enum status status = address_split(address, &parts, error);
    if (status != STATUS_OK)
        return status;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    SCOPED(addresses_release) struct addrinfo *found = NULL;
    int failed = getaddrinfo(parts.host[0] != '\0' ? parts.host : NULL, parts.port,
                             &hints, &found);
    if (failed != 0)
        return address_fail(address, gai_strerror(failed), error);
    return socket_bind(address, found, socket_out, error);
}

void listen_text(int socket, char *room, size_t size)
{
    struct sockaddr_storage at;
    socklen_t length = sizeof(at);
    char host[HOST_MAX + 1];
    char port[8];
    ASSERT(getsockname(socket, (struct sockaddr *)&at, &length) == 0);
    int failed = getnameinfo((struct sockaddr *)&at, length, host, sizeof(host), port,
                             sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    ASSERT(failed == 0);
    (void)snprintf(room, size, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host,
                   port);
}
