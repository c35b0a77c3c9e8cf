#include "common/codec/http_answer.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"

#include <inttypes.h>
#include <time.h>

struct status_text {
    int status;
    const char *text;
};

static const struct status_text TEXTS[] = {
    {100, "Continue"},
    {200, "OK"},
    {202, "Accepted"},
    {303, "See Other"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_text(int status)
{
    for (size_t at = 0; at < COUNT_OF(TEXTS); at++)
        if (TEXTS[at].status == status)
            return TEXTS[at].text;
    return "";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT"; the C locale is the only one here. */
static void write_date(int64_t now_s, struct buf *out)
{
    struct tm parts;
    char text[64];
    time_t now = (time_t)now_s;
    if (gmtime_r(&now, &parts) == NULL ||
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
        return;
    buf_format(out, "Date: %s\r\n", text);
}

static void write_named(const char *name, const char *value, struct buf *out)
{
    if (value != NULL)
        buf_format(out, "%s: %s\r\n", name, value);
}

void http_answer_write(const struct http_answer *answer, int64_t now_s, struct buf *out)
{
    buf_format(out, "HTTP/1.1 %d %s\r\n", answer->status,
               http_status_text(answer->status));
    write_date(now_s, out);
    write_named("Content-Type", answer->content_type, out);
    buf_format(out, "Content-Length: %zu\r\n", answer->body.length);
    write_named("Allow", answer->allow, out);
    write_named("WWW-Authenticate", answer->challenge, out);
    if (answer->retry_after_s > 0)
        buf_format(out, "Retry-After: %d\r\n", answer->retry_after_s);
    buf_span(out, answer->headers);
    write_named("Connection", answer->closes ? "close" : NULL, out);
    buf_text(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n");
    buf_span(out, answer->body);
}

void http_problem_begin(struct buf *out, int status, const char *detail)
{
    buf_byte(out, '{');
    json_member_text(out, "title", span_from(http_status_text(status)));
    json_member_number(out, "status", status);
    json_member_text(out, "detail", span_from(detail));
}

void http_problem_end(struct buf *out)
{
    buf_byte(out, '}');
}
