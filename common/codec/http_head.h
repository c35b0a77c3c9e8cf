/*
 * The head of an HTTP/1.1 request (RFC 9112), strictly. Whatever would let two readers
 * disagree about where a request ends is refused, and the connection must be closed then:
 * line ends other than CR LF, folded lines, space before a colon, a length given twice, not
 * as plain digits, or beside a transfer coding, a coding other than `chunked`, anything of
 * it in HTTP/1.0. Source: outside interface, section 5.
 *
 * Bytes come in pieces: http_head_scan says when the head is whole, in time linear in its
 * length however small the pieces; http_head_parse then reads it. Spans point into its bytes.
 */
#ifndef PARSTOCK_CODEC_HTTP_HEAD_H
#define PARSTOCK_CODEC_HTTP_HEAD_H

#include "common/base/span.h"

#define HTTP_HEAD_MAX ((size_t)16 * 1024)
#define HTTP_HEADERS_MAX 100
#define HTTP_TARGET_MAX 4096

struct http_header {
    struct span name;  /* as sent; compare with http_name_is */
    struct span value; /* without white space around */
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

struct http_head {
    struct span method;
    struct span path;  /* of the target, as sent: still percent-encoded */
    struct span query; /* behind the '?'; bytes NULL = none */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    enum http_framing framing;
    bool has_length;         /* or chunks: it says where it ends */
    uint64_t content_length; /* UINT64_MAX: more than that */
    bool keeps_alive;
    bool expects_continue;
};

/* Why a request is refused; after it nothing more of the connection is read. */
struct http_refusal {
    int status;
    const char *why; /* one sentence */
};

enum http_progress { HTTP_MORE, HTTP_COMPLETE, HTTP_REFUSED };

/*
 * Looks through the bytes from *at on, which is 0 at first and belongs to the function.
 * COMPLETE: the head is the first *at bytes. MORE: all bytes looked at.
 */
enum http_progress http_head_scan(struct span bytes, size_t *at,
                                  struct http_refusal *refusal);

/* Reads a whole head. False: refused. */
bool http_head_parse(struct span bytes, struct http_head *head,
                     struct http_refusal *refusal);

bool http_name_is(struct span name, const char *wanted); /* without regard to case */

/* The only header of that name. *count_out (may be NULL): how many there are; the value's
 * bytes are NULL unless there is exactly one. */
struct span http_head_value(const struct http_head *head, const char *name,
                            size_t *count_out);

/* Undoes %XX; the room is written from its start. False: a bad escape, or no room. */
bool http_percent_decode(struct span text, char *room, size_t size,
                         struct span *text_out);

#endif
