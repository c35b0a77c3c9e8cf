/* The head of a request: what is taken, and every shape that two readers could differ on. */
#include "common/base/check.h"
#include "common/codec/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int judge(struct span bytes, struct http_head *head)
{
    size_t at = 0;
    struct http_refusal refusal = {0};
    switch (http_head_scan(bytes, &at, &refusal)) {
    case HTTP_MORE:
        return 0;
    case HTTP_REFUSED:
        return refusal.status;
    case HTTP_COMPLETE:
        break;
    }
    return http_head_parse((struct span){bytes.bytes, at}, head, &refusal)
               ? 200
               : refusal.status;
}

static void test_what_is_taken(void **state)
{
    (void)state;
    struct http_head head;
    struct span bytes =
        SPAN_OF("POST /v1/stock-changes?x=1&y HTTP/1.1\r\nHost: a:80\r\n"
                "CONTENT-length:  12\t\r\nX-Odd: \xc3\xa4 b\r\nEmpty:\r\n\r\nrest");
    assert_int_equal(judge(bytes, &head), 200);
    assert_true(span_is(head.method, "POST"));
    assert_true(span_is(head.path, "/v1/stock-changes"));
    assert_true(span_is(head.query, "x=1&y"));
    assert_int_equal(head.framing, HTTP_LENGTH);
    assert_int_equal(head.content_length, 12);
    assert_true(head.keeps_alive && head.has_length && !head.expects_continue);
    assert_true(span_is(http_head_value(&head, "x-odd", NULL), "\xc3\xa4 b"));
    assert_non_null(http_head_value(&head, "empty", NULL).bytes);
    assert_null(http_head_value(&head, "none", NULL).bytes);
    assert_int_equal(head.header_count, 4);
}

struct shape {
    int status; /* 0: not whole yet */
    const char *head;
};

#define LINE "POST /x HTTP/1.1\r\nHost: a\r\n"

static const struct shape SHAPES[] = {
    {200, LINE "\r\n"},
    {200, LINE "Content-Length: 0\r\n\r\n"},
    {200, LINE "Transfer-Encoding: Chunked\r\n\r\n"},
    {200, "GET / HTTP/1.0\r\n\r\n"},
    {0, LINE},
    {0, LINE "\r"},
    {0, ""},
    /* a length that is in doubt */
    {400, LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
    {400, LINE "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
    {400, LINE "Content-Length: 5, 5\r\n\r\n"},
    {400, LINE "Content-Length: +5\r\n\r\n"},
    {400, LINE "Content-Length: -5\r\n\r\n"},
    {400, LINE "Content-Length: 05\r\n\r\n"},
    {400, LINE "Content-Length: 0x5\r\n\r\n"},
    {400, LINE "Content-Length: 5 5\r\n\r\n"},
    {400, LINE "Content-Length:\r\n\r\n"},
    {400, LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, LINE "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
    {400, LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, LINE "Transfer-Encoding: chunked, identity\r\n\r\n"},
    {400, LINE "Transfer-Encoding: gzip, chunked\r\n\r\n"},
    {400, LINE "Transfer-Encoding: xchunked\r\n\r\n"},
    {400, LINE "Transfer-Encoding:\x0b"
               "chunked\r\n\r\n"},
    {400, "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
    /* lines */
    {400, "POST /x HTTP/1.1\nHost: a\n\n"},
    {400, LINE "A: b\n\r\n"},
    {400, LINE "A: b\rC: d\r\n\r\n"},
    {400, LINE "A: b\r\n folded\r\n\r\n"},
    {400, LINE "A: b\r\n\tfolded\r\n\r\n"},
    {400, LINE "Content-Length : 5\r\n\r\n"},
    {400, LINE " Content-Length: 5\r\n\r\n"},
    {400, LINE "no colon\r\n\r\n"},
    {400, LINE ": no name\r\n\r\n"},
    {400, LINE "A\x7f: b\r\n\r\n"},
    {400, "\r\n" LINE "\r\n"},
    {400, "\x16\x03\x01\x02"},
    /* the first line */
    {400, "POST  /x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST /x  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST /x HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {400, "POST /x y HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST http://a/x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST /x#y HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST\t/x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "P(ST /x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /\r\n\r\n"},
    {400, "POST /x http/1.1\r\nHost: a\r\n\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\n"},
    {505, "POST /x HTTP/1.2\r\nHost: a\r\n\r\n"},
    /* the host */
    {400, "POST /x HTTP/1.1\r\n\r\n"},
    {400, "POST /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {400, "POST /x HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {417, LINE "Expect: coffee\r\n\r\n"},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(SHAPES); at++) {
        struct http_head head;
        int status = judge(span_from(SHAPES[at].head), &head);
        if (status != SHAPES[at].status)
            fail_msg("%s: %d", SHAPES[at].head, status);
    }
}

static void test_a_length_past_all_numbers_is_large_not_wrong(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(
        judge(SPAN_OF(LINE "Content-Length: 99999999999999999999999\r\n\r\n"), &head),
        200);
    assert_true(head.content_length == UINT64_MAX && head.framing == HTTP_LENGTH);
}

static void test_connection(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(judge(SPAN_OF(LINE "Connection: x , Close\r\n\r\n"), &head), 200);
    assert_false(head.keeps_alive);
    assert_int_equal(judge(SPAN_OF(LINE "Expect: 100-Continue\r\n\r\n"), &head), 200);
    assert_true(head.expects_continue);
    assert_int_equal(
        judge(SPAN_OF("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), &head), 200);
    assert_false(head.keeps_alive || head.expects_continue);
}

static void test_limits(void **state)
{
    (void)state;
    static char room[HTTP_HEAD_MAX + 8];
    struct http_head head;
    memset(room, 'a', sizeof(room));
    memcpy(room, "POST /", 6);
    assert_int_equal(judge((struct span){room, HTTP_HEAD_MAX}, &head), 0);
    assert_int_equal(judge((struct span){room, HTTP_HEAD_MAX + 1}, &head), 414);
    memcpy(room, LINE "A: ", sizeof(LINE "A: ") - 1);
    assert_int_equal(judge((struct span){room, HTTP_HEAD_MAX + 1}, &head), 431);
    size_t length = sizeof(LINE) - 1;
    for (int count = 0; count < HTTP_HEADERS_MAX - 1; count++, length += 6)
        memcpy(room + length, "A: b\r\n", 6);
    memcpy(room + length, "\r\n", 2);
    assert_int_equal(judge((struct span){room, length + 2}, &head), 200);
    memcpy(room + length, "A: b\r\n\r\n", 8);
    assert_int_equal(judge((struct span){room, length + 8}, &head), 431);
}

/* Byte by byte it says the same as at once. */
static void test_pieces(void **state)
{
    (void)state;
    for (size_t shape = 0; shape < COUNT_OF(SHAPES); shape++) {
        struct span whole = span_from(SHAPES[shape].head);
        struct http_refusal refusal = {0};
        size_t at = 0;
        size_t once_at = 0;
        enum http_progress once = http_head_scan(whole, &once_at, &refusal);
        enum http_progress slow = HTTP_MORE;
        for (size_t length = 0; length <= whole.length && slow == HTTP_MORE; length++)
            slow = http_head_scan((struct span){whole.bytes, length}, &at, &refusal);
        assert_int_equal(slow, once);
        assert_int_equal(at, once_at);
    }
}

static void test_percent(void **state)
{
    (void)state;
    char room[8];
    struct span out;
    assert_true(http_percent_decode(SPAN_OF("a%2Fb%c3%A4"), room, sizeof(room), &out));
    assert_true(span_is(out, "a/b\xc3\xa4"));
    assert_false(http_percent_decode(SPAN_OF("a%2"), room, sizeof(room), &out));
    assert_false(http_percent_decode(SPAN_OF("a%"), room, sizeof(room), &out));
    assert_false(http_percent_decode(SPAN_OF("%zz"), room, sizeof(room), &out));
    assert_true(http_percent_decode(SPAN_OF("12345678"), room, sizeof(room), &out));
    assert_false(http_percent_decode(SPAN_OF("123456789"), room, sizeof(room), &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_a_length_past_all_numbers_is_large_not_wrong),
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
