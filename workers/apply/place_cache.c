#include "workers/apply/place_cache.h"

#include "common/base/check.h"

#include <stdlib.h>

#define WAYS 4
#define SETS 4096 /* a power of two */
#define READINGS_MAX 2
#define TEXT_MAX 64

struct entry {
    uint64_t hash;
    int64_t epoch; /* 0 = free */
    int64_t revision;
    uint32_t used; /* by the cache's clock */
    uint8_t sku_length;
    uint8_t location_length;
    uint8_t reading_count;
    uint8_t slots[READINGS_MAX];
    struct level level;
    struct reading readings[READINGS_MAX];
    char text[TEXT_MAX]; /* SKU, then location */
};

struct place_cache {
    uint32_t clock;
    struct entry entries[SETS * WAYS];
};

struct place_cache *place_cache_new(void)
{
    return calloc(1, sizeof(struct place_cache));
}

void place_cache_free(struct place_cache **slot)
{
    free(*slot);
    *slot = NULL;
}

void place_cache_forget(struct place_cache *cache)
{
    for (size_t at = 0; at < SETS * WAYS; at++)
        cache->entries[at].epoch = 0;
}

static bool is_of(const struct entry *entry, const struct place_state *state)
{
    const struct place *place = &state->place;
    return entry->hash == state->hash && entry->sku_length == place->sku.length &&
           entry->location_length == place->location.length &&
           memcmp(entry->text, place->sku.bytes, place->sku.length) == 0 &&
           memcmp(entry->text + entry->sku_length, place->location.bytes,
                  place->location.length) == 0;
}

static struct entry *set_of(struct place_cache *cache, const struct place_state *state)
{
    return &cache->entries[(state->hash >> 32 & (SETS - 1)) * WAYS];
}

/* The place's entry, else NULL. */
static struct entry *find(struct place_cache *cache, const struct place_state *state)
{
    struct entry *set = set_of(cache, state);
    for (size_t way = 0; way < WAYS; way++)
        if (set[way].epoch != 0 && is_of(&set[way], state))
            return &set[way];
    return NULL;
}

static struct entry *oldest(struct place_cache *cache, const struct place_state *state)
{
    struct entry *set = set_of(cache, state);
    struct entry *found = &set[0];
    for (size_t way = 0; way < WAYS; way++) {
        if (set[way].epoch == 0)
            return &set[way];
        if (set[way].used < found->used)
            found = &set[way];
    }
    return found;
}

bool place_cache_recall(struct place_cache *cache, struct place_state *state,
                        int64_t epoch)
{
    struct entry *entry = find(cache, state);
    if (entry == NULL)
        return false;
    if (entry->epoch != epoch) {
        entry->epoch = 0; /* another owner came between */
        return false;
    }
    entry->used = ++cache->clock;
    state->level = entry->level;
    state->revision = entry->revision;
    for (size_t at = 0; at < entry->reading_count; at++)
        state->readings[entry->slots[at]] = entry->readings[at];
    return true;
}

/* False: it does not fit an entry. */
static bool fill(struct entry *entry, const struct place_state *state, size_t slots)
{
    const struct place *place = &state->place;
    if (place->sku.length + place->location.length > TEXT_MAX || slots > UINT8_MAX ||
        state->lost_source.bytes != NULL)
        return false;
    *entry = (struct entry){.hash = state->hash,
                            .revision = state->revision_after,
                            .sku_length = (uint8_t)place->sku.length,
                            .location_length = (uint8_t)place->location.length,
                            .level = state->level};
    memcpy(entry->text, place->sku.bytes, place->sku.length);
    memcpy(entry->text + place->sku.length, place->location.bytes,
           place->location.length);
    for (size_t slot = 0; slot < slots; slot++) {
        if (!state->readings[slot].exists)
            continue;
        if (entry->reading_count == READINGS_MAX)
            return false;
        entry->slots[entry->reading_count] = (uint8_t)slot;
        entry->readings[entry->reading_count++] = state->readings[slot];
    }
    return true;
}

void place_cache_retain(struct place_cache *cache, const struct place_state *state,
                        size_t slots, int64_t epoch)
{
    struct entry filled;
    struct entry *entry = find(cache, state);
    if (entry == NULL)
        entry = oldest(cache, state);
    else
        entry->epoch = 0; /* whatever happens below, the old content is gone */
    if (!fill(&filled, state, slots))
        return;
    filled.epoch = epoch;
    filled.used = ++cache->clock;
    *entry = filled;
}
