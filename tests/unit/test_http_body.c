/* Bodies by length and in chunks, whole and in every cut. */
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/http_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MAX 20

struct result {
    enum http_progress progress;
    int status;
    size_t left; /* bytes behind the body */
};

/* In pieces of `step` bytes. */
static struct result eat(const struct http_head *head, struct span bytes, size_t step,
                         struct buf *body)
{
    struct http_body reader;
    struct http_refusal refusal = {0};
    struct result result = {0};
    buf_clear(body);
    result.progress = http_body_begin(&reader, head, MAX, &refusal);
    result.left = bytes.length;
    while (result.progress == HTTP_MORE && result.left > 0) {
        struct span piece = {bytes.bytes + bytes.length - result.left,
                             result.left < step ? result.left : step};
        size_t length = piece.length;
        while (piece.length > 0 && result.progress == HTTP_MORE) {
            struct span data;
            result.progress = http_body_eat(&reader, &piece, &data, &refusal);
            buf_span(body, data);
        }
        result.left -= length - piece.length;
    }
    result.status = refusal.status;
    return result;
}

static const struct http_head CHUNKS = {.framing = HTTP_CHUNKED};

static void test_length(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf body;
    buf_init(&body, 100);
    const struct http_head head = {.framing = HTTP_LENGTH, .content_length = 5};
    for (size_t step = 1; step < 9; step++) {
        struct result result = eat(&head, SPAN_OF("helloGET"), step, &body);
        assert_int_equal(result.progress, HTTP_COMPLETE);
        assert_int_equal(result.left, 3);
        assert_true(span_is(buf_view(&body), "hello"));
    }
    assert_int_equal(eat(&head, SPAN_OF("hell"), 9, &body).progress, HTTP_MORE);
    const struct http_head large = {.framing = HTTP_LENGTH, .content_length = MAX + 1};
    assert_int_equal(eat(&large, SPAN_OF("x"), 1, &body).status, 413);
    const struct http_head none = {.framing = HTTP_NO_BODY};
    assert_int_equal(eat(&none, SPAN_OF("x"), 1, &body).progress, HTTP_COMPLETE);
}

static void test_chunks(void **state)
{
    (void)state;
    static const char WIRE[] = "5\r\nhello\r\n00a\r\n, w\xc3\xb6rld..\r\n0\r\n\r\nGET";
    SCOPED(buf_free) struct buf body;
    buf_init(&body, 100);
    for (size_t step = 1; step <= sizeof(WIRE); step++) {
        struct result result = eat(&CHUNKS, span_from(WIRE), step, &body);
        assert_int_equal(result.progress, HTTP_COMPLETE);
        assert_int_equal(result.left, 3);
        assert_true(span_is(buf_view(&body), "hello, w\xc3\xb6rld.."));
    }
}

struct shape {
    int status;
    const char *wire;
};

static const struct shape SHAPES[] = {
    {400, "5;name=value\r\nhello\r\n0\r\n\r\n"},
    {400, "5 \r\nhello\r\n0\r\n\r\n"},
    {400, " 5\r\nhello\r\n0\r\n\r\n"},
    {400, "0x5\r\nhello\r\n0\r\n\r\n"},
    {400, "+5\r\nhello\r\n0\r\n\r\n"},
    {400, "\r\nhello\r\n0\r\n\r\n"},
    {400, "5\nhello\r\n0\r\n\r\n"},
    {400, "5\r\rhello\r\n0\r\n\r\n"},
    {400, "5\r\nhelloX\r\n0\r\n\r\n"},
    {400, "5\r\nhell\r\n0\r\n\r\n"},
    {400, "5\r\nhello\n0\r\n\r\n"},
    {400, "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"},
    {400, "0\r\nx"},
    {400, "0\r\n\rx"},
    {400, "000000005\r\nhello\r\n0\r\n\r\n"},
    {413, "15\r\nx"},
    {413, "ffffffff\r\nx"},
    {413, "14\r\n01234567890123456789\r\n1\r\n"},
};

static void test_shapes(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf body;
    buf_init(&body, 100);
    for (size_t at = 0; at < COUNT_OF(SHAPES); at++) {
        struct span wire = span_from(SHAPES[at].wire);
        for (size_t step = 1; step <= wire.length; step++) {
            struct result result = eat(&CHUNKS, wire, step, &body);
            if (result.progress != HTTP_REFUSED || result.status != SHAPES[at].status)
                fail_msg("%s in steps of %zu: %d", SHAPES[at].wire, step, result.status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
