#include "common/base/pool.h"

#include "common/base/check.h"

#include <stdalign.h>
#include <stdlib.h>

#define POOL_CHUNK ((size_t)256 * 1024)

struct pool_chunk {
    struct pool_chunk *next;
    size_t used;
    size_t size;
    alignas(16) char bytes[];
};

void pool_init(struct pool *pool, size_t max)
{
    ASSERT(max > 0);
    *pool = (struct pool){.max = max};
}

void pool_free(struct pool *pool)
{
    struct pool_chunk *chunk = pool->first;
    while (chunk != NULL) {
        struct pool_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *pool = (struct pool){.max = pool->max};
}

void pool_reset(struct pool *pool)
{
    for (struct pool_chunk *chunk = pool->first; chunk != NULL; chunk = chunk->next)
        chunk->used = 0;
    pool->current = pool->first;
    pool->taken = 0;
}

static struct pool_chunk *chunk_new(size_t length)
{
    size_t size = length > POOL_CHUNK ? length : POOL_CHUNK;
    struct pool_chunk *chunk = malloc(sizeof(*chunk) + size);
    if (chunk == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->used = 0;
    chunk->size = size;
    return chunk;
}

/* The next chunk with room: one kept from an earlier batch, or a new one in its place. */
static struct pool_chunk *pool_advance(struct pool *pool, size_t length)
{
    struct pool_chunk **link =
        pool->current != NULL ? &pool->current->next : &pool->first;
    if (*link != NULL && (*link)->size >= length)
        return *link;
    struct pool_chunk *chunk = chunk_new(length);
    if (chunk == NULL)
        return NULL;
    chunk->next = *link;
    *link = chunk;
    return chunk;
}

void *pool_take(struct pool *pool, size_t length)
{
    size_t rounded = (length + 15) & ~(size_t)15;
    if (rounded < length || rounded > pool->max - pool->taken)
        return NULL;
    struct pool_chunk *chunk = pool->current;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        chunk = pool_advance(pool, rounded);
        if (chunk == NULL)
            return NULL;
        pool->current = chunk;
    }
    void *at = chunk->bytes + chunk->used;
    chunk->used += rounded;
    pool->taken += rounded;
    return at;
}

struct span pool_span(struct pool *pool, struct span span)
{
    char *at = pool_take(pool, span.length > 0 ? span.length : 1);
    if (at == NULL)
        return (struct span){0};
    if (span.length > 0)
        memcpy(at, span.bytes, span.length);
    return (struct span){.bytes = at, .length = span.length};
}

struct span pool_buf(struct pool *pool, const struct buf *buf)
{
    struct span nothing = {0};
    return buf->failed ? nothing : pool_span(pool, buf_view(buf));
}
