#include "common/base/buf.h"

#include "common/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 256

void buf_init(struct buf *buf, size_t max)
{
    ASSERT(max > 0);
    *buf = (struct buf){.max = max};
}

void buf_free(struct buf *buf)
{
    free(buf->bytes);
    buf->bytes = NULL;
    buf->length = 0;
    buf->capacity = 0;
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->bytes != NULL)
        buf->bytes[0] = '\0';
}

static void buf_fail(struct buf *buf)
{
    buf->failed = true;
    buf->length = 0;
    if (buf->bytes != NULL)
        buf->bytes[0] = '\0';
}

static bool buf_grow(struct buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > buf->max || buf->length > buf->max - more) {
        buf_fail(buf);
        return false;
    }
    size_t needed = buf->length + more + 1;
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity > 0 ? buf->capacity : BUF_FIRST;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = realloc(buf->bytes, capacity);
    if (bytes == NULL) {
        buf_fail(buf);
        return false;
    }
    buf->bytes = bytes;
    buf->capacity = capacity;
    return true;
}

void *buf_extend(struct buf *buf, size_t length)
{
    ASSERT(buf->max > 0);
    if (!buf_grow(buf, length))
        return NULL;
    char *at = buf->bytes + buf->length;
    buf->length += length;
    buf->bytes[buf->length] = '\0';
    return at;
}

void buf_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_span(struct buf *buf, struct span span)
{
    buf_add(buf, span.bytes, span.length);
}

void buf_byte(struct buf *buf, char byte)
{
    buf_add(buf, &byte, 1);
}

void buf_number(struct buf *buf, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        buf_byte(buf, '-');
    buf_add(buf, digits + at, sizeof(digits) - at);
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(length >= 0);
    if (!buf_grow(buf, (size_t)length))
        return;
    va_start(arguments, format);
    (void)vsnprintf(buf->bytes + buf->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buf->length += (size_t)length;
}

struct span buf_view(const struct buf *buf)
{
    return (struct span){.bytes = buf->bytes != NULL ? buf->bytes : "",
                         .length = buf->length};
}
