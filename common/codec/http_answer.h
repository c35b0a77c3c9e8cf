/*
 * An HTTP/1.1 answer as bytes, and the problem documents (RFC 9457) that say what is wrong.
 */
#ifndef PARSTOCK_CODEC_HTTP_ANSWER_H
#define PARSTOCK_CODEC_HTTP_ANSWER_H

#include "common/base/buf.h"

struct http_answer {
    int status;
    const char *content_type; /* NULL where there is no body */
    struct span body;
    int retry_after_s;     /* 0 = not said */
    const char *allow;     /* of a 405; NULL = not said */
    const char *challenge; /* WWW-Authenticate of a 401; NULL = not said */
    struct span headers;   /* more of them, whole lines with CR LF; by us alone */
    bool closes;           /* the connection ends with it */
};

#define HTTP_PROBLEM_TYPE "application/problem+json"
#define HTTP_JSON_TYPE "application/json"

/* `now_s`: seconds since 1970, for the Date header. */
void http_answer_write(const struct http_answer *answer, int64_t now_s, struct buf *out);

/* "Bad Request"; "" for a number that is not used here. */
const char *http_status_text(int status);

/* {"title", "status", "detail"} without the closing brace, so that members can follow. */
void http_problem_begin(struct buf *out, int status, const char *detail);
void http_problem_end(struct buf *out);

#endif
