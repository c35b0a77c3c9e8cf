/*
 * A read-only view of bytes that somebody else owns and that need not end in NUL.
 * An absent span has bytes == NULL; an empty one has length 0 and bytes != NULL.
 */
#ifndef PARSTOCK_BASE_SPAN_H
#define PARSTOCK_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *bytes;
    size_t length;
};

/* printf("%.*s", SPAN_ARGS(span)) for spans below INT_MAX bytes */
#define SPAN_ARGS(span) (int)(span).length, (span).bytes != NULL ? (span).bytes : ""

#define SPAN_OF(literal)                                                                 \
    ((struct span){.bytes = (literal), .length = sizeof(literal) - 1})

static inline struct span span_from(const char *text)
{
    return (struct span){.bytes = text, .length = text != NULL ? strlen(text) : 0};
}

static inline bool span_equal(struct span left, struct span right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.bytes, right.bytes, left.length) == 0);
}

static inline bool span_is(struct span span, const char *text)
{
    return span_equal(span, span_from(text));
}

/* Byte order, then length: the order in which keys are sorted in a batch. */
int span_compare(struct span left, struct span right);

/* Decimal integer, optional '-', no '+', no space, no overflow; false otherwise. */
bool span_to_int64(struct span span, int64_t *value_out);

#endif
