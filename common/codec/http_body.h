/*
 * The body of a request, as it comes in pieces: by length, or in chunks. Chunk extensions
 * and trailers are refused: nobody needs them, and readers disagree about them.
 */
#ifndef PARSTOCK_CODEC_HTTP_BODY_H
#define PARSTOCK_CODEC_HTTP_BODY_H

#include "common/codec/http_head.h"

enum http_body_at {
    HTTP_AT_DATA,      /* bytes of the body, `left` of them */
    HTTP_AT_SIZE,      /* the hex digits of a chunk's size, the first one */
    HTTP_AT_SIZE_MORE, /* .. or the CR behind them */
    HTTP_AT_SIZE_LF,
    HTTP_AT_DATA_CR, /* behind the bytes of a chunk */
    HTTP_AT_DATA_LF,
    HTTP_AT_END_CR, /* the empty line behind the last chunk */
    HTTP_AT_END_LF,
    HTTP_AT_END,
};

struct http_body {
    enum http_framing framing;
    enum http_body_at at;
    uint64_t left;
    uint64_t total; /* of chunks, with the one that is under way */
    uint64_t max;
    int digits;
};

/* REFUSED (413) where the head says already that it is more than `max` bytes; COMPLETE where
 * there is no body. */
enum http_progress http_body_begin(struct http_body *body, const struct http_head *head,
                                   uint64_t max, struct http_refusal *refusal);

/*
 * Takes a piece off `bytes`; *data_out is the part of it that is the body's (may be empty).
 * To be called until all bytes are taken or it says COMPLETE: what is left then is no part
 * of this request.
 */
enum http_progress http_body_eat(struct http_body *body, struct span *bytes,
                                 struct span *data_out, struct http_refusal *refusal);

#endif
