#include "common/io/admin_http.h"

#include "common/base/scope.h"
#include "common/io/listen.h"

#include <stdlib.h>
#include <unistd.h>

#include <microhttpd.h>

#define CONNECTIONS_MAX 16u
#define CONNECTION_MEMORY ((size_t)16 * 1024)
#define IDLE_SECONDS 5u
#define BODY_MAX ((size_t)4 * 1024 * 1024)

struct admin_http {
    struct MHD_Daemon *daemon;
    const struct admin_page *pages;
    size_t count;
    char address[LISTEN_TEXT_MAX];
};

static const struct admin_page *page_find(const struct admin_http *http, const char *path)
{
    for (size_t i = 0; i < http->count; i++) {
        if (strcmp(http->pages[i].path, path) == 0)
            return &http->pages[i];
    }
    return NULL;
}

static int not_found(const struct admin_http *http, struct buf *body)
{
    buf_text(body, "not found; there is:");
    for (size_t i = 0; i < http->count; i++)
        buf_format(body, " %s", http->pages[i].path);
    buf_byte(body, '\n');
    return MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result reply(struct MHD_Connection *connection, int code,
                             const char *content_type, const struct buf *body)
{
    struct span text = buf_view(body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text.length, (void *)(uintptr_t)text.bytes, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)code, response);
    MHD_destroy_response(response);
    return result;
}

static bool is_read(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
           strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static enum MHD_Result answer(void *self, struct MHD_Connection *connection,
                              const char *path, const char *method, const char *version,
                              const char *upload, size_t *upload_length, void **request)
{
    (void)version;
    (void)upload;
    (void)upload_length;
    (void)request;
    const struct admin_http *http = self;
    const struct admin_page *page = page_find(http, path);
    const char *content_type = page != NULL ? page->content_type : "text/plain";
    SCOPED(buf_free) struct buf body;
    buf_init(&body, BODY_MAX);
    int code = MHD_HTTP_METHOD_NOT_ALLOWED;
    if (page == NULL)
        code = not_found(http, &body);
    else if (is_read(method))
        code = page->write(&body);
    if (body.failed)
        code = MHD_HTTP_INTERNAL_SERVER_ERROR;
    return reply(connection, code, content_type, &body);
}

static struct MHD_Daemon *daemon_start(struct admin_http *http, int socket)
{
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
                            answer, http, MHD_OPTION_LISTEN_SOCKET, socket,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
}

enum status admin_http_open(const char *address, const struct admin_page *pages,
                            size_t count, struct admin_http **out, struct error *error)
{
    int socket = -1;
    enum status status = listen_open(address, &socket, error);
    if (status != STATUS_OK)
        return status;
    struct admin_http *http = calloc(1, sizeof(*http));
    if (http != NULL) {
        http->pages = pages;
        http->count = count;
        listen_text(socket, http->address, sizeof(http->address));
        http->daemon = daemon_start(http, socket);
    }
    if (http == NULL || http->daemon == NULL) {
        (void)close(socket);
        free(http);
        return error_set(error, STATUS_RETRY, "admin endpoint: no memory or no thread");
    }
    *out = http;
    return STATUS_OK;
}

const char *admin_http_address(const struct admin_http *http)
{
    return http->address;
}

void admin_http_close(struct admin_http **slot)
{
    struct admin_http *http = TAKE(*slot);
    if (http == NULL)
        return;
    MHD_stop_daemon(http->daemon); /* closes the socket too */
    free(http);
}
