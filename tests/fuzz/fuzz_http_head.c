/*
 * The head of a request on any bytes: in pieces as at once; what is taken keeps its promises,
 * and holds nothing that another reader could understand differently.
 */
#include "common/base/check.h"
#include "common/codec/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_progress scan_in_steps(struct span bytes, size_t step, size_t *at)
{
    struct http_refusal refusal = {0};
    enum http_progress progress = HTTP_MORE;
    for (size_t length = 0; progress == HTTP_MORE; length += step) {
        size_t seen = length < bytes.length ? length : bytes.length;
        progress = http_head_scan((struct span){bytes.bytes, seen}, at, &refusal);
        if (seen == bytes.length)
            break;
    }
    ASSERT(progress != HTTP_REFUSED || refusal.status >= 400);
    return progress;
}

static bool is_within(struct span part, struct span whole)
{
    return part.bytes >= whole.bytes &&
           part.bytes + part.length <= whole.bytes + whole.length;
}

static void check_head(const struct http_head *head, struct span bytes)
{
    size_t lengths = 0;
    size_t codings = 0;
    (void)http_head_value(head, "content-length", &lengths);
    (void)http_head_value(head, "transfer-encoding", &codings);
    ASSERT(lengths + codings <= 1);
    ASSERT(head->has_length == (lengths + codings == 1));
    ASSERT((head->framing == HTTP_CHUNKED) == (codings == 1));
    ASSERT(head->framing != HTTP_LENGTH || (lengths == 1 && head->content_length > 0));
    ASSERT(head->path.length > 0 && head->path.bytes[0] == '/');
    ASSERT(is_within(head->path, bytes) && is_within(head->method, bytes));
    for (size_t at = 0; at < head->header_count; at++) {
        const struct http_header *header = &head->headers[at];
        ASSERT(is_within(header->name, bytes) && is_within(header->value, bytes));
        ASSERT(header->name.length > 0);
        ASSERT(header->value.length == 0 ||
               memchr(header->value.bytes, '\n', header->value.length) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    static struct http_head head;
    struct http_refusal refusal = {0};
    size_t at = 0;
    size_t slow_at = 0;
    enum http_progress whole = http_head_scan(bytes, &at, &refusal);
    enum http_progress slow = scan_in_steps(bytes, 1 + size / 7, &slow_at);
    ASSERT(whole == slow && at == slow_at);
    if (whole != HTTP_COMPLETE)
        return 0;
    struct span exact = {bytes.bytes, at};
    refusal = (struct http_refusal){0};
    if (http_head_parse(exact, &head, &refusal))
        check_head(&head, exact);
    else
        ASSERT(refusal.status >= 400 && refusal.status <= 505 && refusal.why != NULL);
    char room[64];
    struct span decoded;
    if (head.path.bytes != NULL &&
        http_percent_decode(head.path, room, sizeof(room), &decoded))
        ASSERT(decoded.length <= head.path.length);
    return 0;
}
