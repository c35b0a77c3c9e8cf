/*
 * Memory for many small things that are all released at once: the texts and rows of one
 * batch. Addresses stay valid until pool_reset; nothing is moved. Has a mandatory
 * maximum; past it, or out of memory, pool_take gives NULL.
 */
#ifndef PARSTOCK_BASE_POOL_H
#define PARSTOCK_BASE_POOL_H

#include "common/base/buf.h"

struct pool_chunk;

struct pool {
    struct pool_chunk *first;
    struct pool_chunk *current;
    size_t taken;
    size_t max;
};

void pool_init(struct pool *pool, size_t max);
void pool_free(struct pool *pool);
void pool_reset(struct pool *pool); /* keeps the memory for the next batch */

/* `length` bytes, aligned for any type, not cleared. */
void *pool_take(struct pool *pool, size_t length);

/* A copy of the span in the pool; bytes == NULL when there is no room. */
struct span pool_span(struct pool *pool, struct span span);

/* The same of a buffer's content; also where the buffer has failed bytes == NULL. */
struct span pool_buf(struct pool *pool, const struct buf *buf);

#endif
