#include "workers/apply/pending.h"

#include <stdlib.h>

#define SLOTS (2 * PENDING_MAX) /* a power of two */

_Static_assert(PENDING_MAX < UINT16_MAX, "an index fits a slot");

bool pending_open(struct pending *pending)
{
    *pending = (struct pending){0};
    pool_init(&pending->pool, PENDING_BYTES_MAX);
    pending->levels = calloc(PENDING_MAX, sizeof(*pending->levels));
    pending->slots = calloc(SLOTS, sizeof(*pending->slots));
    return pending->levels != NULL && pending->slots != NULL;
}

void pending_close(struct pending *pending)
{
    free(pending->levels);
    free(pending->slots);
    pool_free(&pending->pool);
    *pending = (struct pending){0};
}

void pending_clear(struct pending *pending)
{
    if (pending->count > 0)
        memset(pending->slots, 0, SLOTS * sizeof(*pending->slots));
    pending->count = 0;
    pool_reset(&pending->pool);
}

static bool is_same(const struct pending_level *one, const struct pending_level *other)
{
    return one->hash == other->hash && span_equal(one->record.sku, other->record.sku) &&
           span_equal(one->record.location, other->record.location);
}

static size_t slot_of(const struct pending *pending, const struct pending_level *level)
{
    size_t slot = level->hash & (SLOTS - 1);
    while (pending->slots[slot] != 0 &&
           !is_same(&pending->levels[pending->slots[slot] - 1], level))
        slot = (slot + 1) & (SLOTS - 1);
    return slot;
}

/* The copy's traceparent; false where there is no room for it. */
static bool keep_trace(struct pending *pending, struct pending_level *copy)
{
    if (copy->traceparent.bytes == NULL)
        return true;
    copy->traceparent = pool_span(&pending->pool, copy->traceparent);
    return copy->traceparent.bytes != NULL;
}

static bool append(struct pending *pending, struct pending_level *copy, size_t slot)
{
    if (pending->count == PENDING_MAX)
        return false;
    copy->record.sku = pool_span(&pending->pool, copy->record.sku);
    copy->record.location = pool_span(&pending->pool, copy->record.location);
    if (copy->record.sku.bytes == NULL || copy->record.location.bytes == NULL)
        return false;
    pending->levels[pending->count++] = *copy;
    pending->slots[slot] = (uint16_t)pending->count;
    return true;
}

bool pending_add(struct pending *pending, const struct pending_level *level)
{
    struct pending_level copy = *level;
    size_t slot = slot_of(pending, level);
    if (!keep_trace(pending, &copy))
        return false;
    if (pending->slots[slot] == 0)
        return append(pending, &copy, slot);
    struct pending_level *old = &pending->levels[pending->slots[slot] - 1];
    copy.record.sku = old->record.sku;
    copy.record.location = old->record.location;
    *old = copy;
    return true;
}

/* Texts of what stays are not moved; the table of slots is made anew. */
void pending_forget(struct pending *pending, int32_t partition)
{
    size_t kept = 0;
    for (size_t at = 0; at < pending->count; at++)
        if (pending->levels[at].partition != partition)
            pending->levels[kept++] = pending->levels[at];
    memset(pending->slots, 0, SLOTS * sizeof(*pending->slots));
    pending->count = kept;
    for (size_t at = 0; at < kept; at++)
        pending->slots[slot_of(pending, &pending->levels[at])] = (uint16_t)(at + 1);
}
