/*
 * Chunks on any bytes: the first byte says how they are cut; the result is the same as byte
 * by byte, and never more than the limit.
 */
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 1024

struct eaten {
    enum http_progress progress;
    int status;
    size_t left;
};

static struct eaten eat(struct span bytes, size_t step, struct buf *body)
{
    static const struct http_head CHUNKS = {.framing = HTTP_CHUNKED};
    struct http_body reader;
    struct http_refusal refusal = {0};
    struct eaten eaten = {.left = bytes.length};
    eaten.progress = http_body_begin(&reader, &CHUNKS, BODY_MAX, &refusal);
    while (eaten.progress == HTTP_MORE && eaten.left > 0) {
        struct span piece = {bytes.bytes + bytes.length - eaten.left,
                             eaten.left < step ? eaten.left : step};
        size_t length = piece.length;
        while (piece.length > 0 && eaten.progress == HTTP_MORE) {
            struct span part;
            size_t before = piece.length;
            eaten.progress = http_body_eat(&reader, &piece, &part, &refusal);
            ASSERT(piece.length < before || eaten.progress != HTTP_MORE);
            buf_span(body, part);
        }
        eaten.left -= length - piece.length;
    }
    eaten.status = refusal.status;
    ASSERT((eaten.progress == HTTP_REFUSED) == (eaten.status != 0));
    return eaten;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    SCOPED(buf_free) struct buf body;
    SCOPED(buf_free) struct buf slow_body;
    buf_init(&body, BODY_MAX + 1);
    buf_init(&slow_body, BODY_MAX + 1);
    struct span bytes = {(const char *)data + 1, size - 1};
    struct eaten once = eat(bytes, 1 + (size_t)data[0], &body);
    struct eaten slow = eat(bytes, 1, &slow_body);
    ASSERT(!body.failed && body.length <= BODY_MAX);
    ASSERT(once.progress == slow.progress && once.status == slow.status);
    ASSERT(once.left == slow.left || once.progress == HTTP_REFUSED);
    ASSERT(span_equal(buf_view(&body), buf_view(&slow_body)) ||
           once.progress == HTTP_REFUSED);
    return 0;
}
