/*
 * Growable bytes with a mandatory maximum. Appending past the maximum, or running out of
 * memory, sets `failed` and drops the content: later appends do nothing, so that a writer
 * may append freely and look once at the end. The buffer always ends in a NUL that is not
 * counted. Owned by whoever called buf_init; released by buf_free (safe to call twice).
 */
#ifndef PARSTOCK_BASE_BUF_H
#define PARSTOCK_BASE_BUF_H

#include "common/base/span.h"

struct buf {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t max;
    bool failed;
};

void buf_init(struct buf *buf, size_t max);
void buf_free(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory, clears `failed` */

/* Room for `length` more bytes at the end, already counted in; NULL when failed. */
void *buf_extend(struct buf *buf, size_t length);

/* Here for speed: rows of a batch are appended field by field. */
static inline void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    char *at = NULL;
    if (!buf->failed && buf->capacity - buf->length > length &&
        buf->max - buf->length >= length) {
        at = buf->bytes + buf->length;
        buf->length += length;
        buf->bytes[buf->length] = '\0';
    } else {
        at = (char *)buf_extend(buf, length);
    }
    if (at != NULL && length > 0)
        memcpy(at, bytes, length);
}

void buf_text(struct buf *buf, const char *text);
void buf_span(struct buf *buf, struct span span);
void buf_byte(struct buf *buf, char byte);
void buf_number(struct buf *buf, int64_t number); /* decimal */
void buf_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Network byte order, as Postgres' binary formats want it. */
static inline void buf_be16(struct buf *buf, uint16_t value)
{
    uint16_t swapped = __builtin_bswap16(value);
    buf_add(buf, &swapped, sizeof(swapped));
}
static inline void buf_be32(struct buf *buf, uint32_t value)
{
    uint32_t swapped = __builtin_bswap32(value);
    buf_add(buf, &swapped, sizeof(swapped));
}
static inline void buf_be64(struct buf *buf, uint64_t value)
{
    uint64_t swapped = __builtin_bswap64(value);
    buf_add(buf, &swapped, sizeof(swapped));
}

struct span buf_view(const struct buf *buf);

#endif
