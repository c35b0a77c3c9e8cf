#include "workers/apply/batch.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/codec/cloud_headers.h"
#include "workers/apply/place_cache.h"

#include <stdlib.h>

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for one batch");
}

/* ---- life ---------------------------------------------------------------------------------- */

enum status batch_open(struct batch *batch, const struct contract *contract,
                       struct error *error)
{
    *batch = (struct batch){.contract = contract};
    pool_init(&batch->pool, BATCH_POOL_MAX);
    batch->decoder = event_decoder_new();
    batch->hasher = event_hasher_new();
    batch->items = calloc(BATCH_ITEMS_MAX, sizeof(*batch->items));
    batch->keys = calloc(BATCH_SLOTS, sizeof(*batch->keys));
    batch->key_list = calloc(BATCH_ITEMS_MAX, sizeof(*batch->key_list));
    batch->place_slots = calloc(BATCH_SLOTS, sizeof(*batch->place_slots));
    batch->places = calloc(BATCH_ITEMS_MAX, sizeof(*batch->places));
    batch->asked_list = calloc(BATCH_ITEMS_MAX, sizeof(*batch->asked_list));
    batch->asked_places = calloc(BATCH_ITEMS_MAX, sizeof(*batch->asked_places));
    batch->cache = place_cache_new();
    batch->later = calloc(BATCH_ITEMS_MAX, sizeof(*batch->later));
    if (batch->decoder == NULL || batch->hasher == NULL || batch->items == NULL ||
        batch->keys == NULL || batch->key_list == NULL || batch->place_slots == NULL ||
        batch->places == NULL || batch->asked_list == NULL ||
        batch->asked_places == NULL || batch->cache == NULL || batch->later == NULL)
        return out_of_memory(error);
    batch_clear(batch);
    return STATUS_OK;
}

void batch_close(struct batch *batch)
{
    event_decoder_free(&batch->decoder);
    event_hasher_free(&batch->hasher);
    free(batch->items);
    free(batch->keys);
    free(batch->key_list);
    free(batch->place_slots);
    free(batch->places);
    free(batch->asked_list);
    free(batch->asked_places);
    place_cache_free(&batch->cache);
    free(batch->later);
    pool_free(&batch->pool);
    *batch = (struct batch){0};
}

void batch_clear(struct batch *batch)
{
    if (batch->keys != NULL)
        memset(batch->keys, 0, BATCH_SLOTS * sizeof(*batch->keys));
    if (batch->place_slots != NULL)
        memset(batch->place_slots, 0xff, BATCH_SLOTS * sizeof(*batch->place_slots));
    batch->count = 0;
    batch->key_count = 0;
    batch->place_count = 0;
    batch->later_count = 0;
    batch->part_count = 0;
    batch->is_traced = false;
    batch->incident_changes = NULL;
    batch->out_of_memory = false;
    pool_reset(&batch->pool);
}

/* ---- a record joins -------------------------------------------------------------------------- */

struct part_count *batch_part(struct batch *batch, int32_t partition)
{
    for (size_t at = 0; at < batch->part_count; at++)
        if (batch->parts[at].partition == partition)
            return &batch->parts[at];
    return NULL;
}

static struct part_count *part_of(struct batch *batch, const struct kafka_record *record)
{
    struct part_count *part = batch_part(batch, record->partition);
    if (part != NULL)
        return part;
    ASSERT(batch->part_count < BATCH_PARTS_MAX);
    part = &batch->parts[batch->part_count++];
    *part = (struct part_count){.partition = record->partition,
                                .first_offset = record->offset,
                                .next_offset = record->offset};
    return part;
}

/* What the headers say; false where there are none of interest. */
static bool read_headers(struct batch *batch, struct item *item,
                         struct cloud_attributes *cloud)
{
    struct span name;
    struct span value;
    bool any = false;
    for (size_t at = 0; kafka_record_header(&item->record, at, &name, &value); at++) {
        any = true;
        if (header_name_is(name, "traceparent")) {
            item->traceparent = value;
            batch->is_traced = true;
        } else {
            cloud_header_take(cloud, name, value);
        }
    }
    return any;
}

static bool is_misplaced(const struct batch *batch, const struct item *item)
{
    struct span sku = item->event.sku;
    if (item->record.key.bytes == NULL || !span_equal(item->record.key, sku))
        return true;
    return batch->partition_count > 0 &&
           hash_partition(sku, batch->partition_count) != item->record.partition;
}

/* Few events are at fault: their details lie in the pool. */
static void keep_detail(struct batch *batch, struct item *item, const char *detail)
{
    size_t size = strlen(detail) + 1;
    char *copy = pool_take(&batch->pool, size);
    if (copy == NULL) {
        batch->out_of_memory = true;
        return;
    }
    memcpy(copy, detail, size);
    item->detail = copy;
}

static void decode(struct batch *batch, struct item *item)
{
    struct cloud_attributes cloud = {0};
    bool any = read_headers(batch, item, &cloud);
    const struct event_input input = {.contract = batch->contract,
                                      .value = item->record.value,
                                      .recorded_at_ms = item->record.timestamp_ms,
                                      .cloud = any ? &cloud : NULL};
    char detail[EVENT_DETAIL_MAX] = "";
    item->reason =
        event_json_decode(batch->decoder, &input, &batch->pool, &item->event, detail);
    if (item->reason != REASON_NONE) {
        keep_detail(batch, item, detail);
        return;
    }
    if (item->event.location_code.bytes == NULL)
        item->event.location_code = SPAN_OF(""); /* an order that has no location yet */
    item->misplaced = is_misplaced(batch, item);
}

/* ---- keys and places ------------------------------------------------------------------------- */

static uint32_t key_slot(struct batch *batch, const unsigned char key[16])
{
    uint64_t hash;
    memcpy(&hash, key, sizeof(hash)); /* the key is a SHA-256 already */
    uint32_t slot = (uint32_t)hash & (BATCH_SLOTS - 1);
    while (batch->keys[slot].used && memcmp(batch->keys[slot].key, key, 16) != 0)
        slot = (slot + 1) & (BATCH_SLOTS - 1);
    return slot;
}

static void join_key(struct batch *batch, struct item *item)
{
    event_identity(batch->hasher, &item->event, &item->identity);
    item->seen = key_slot(batch, item->identity.key);
    struct seen_key *seen = &batch->keys[item->seen];
    if (seen->used)
        return;
    seen->used = true;
    seen->partition = item->record.partition;
    memcpy(seen->key, item->identity.key, 16);
    batch->key_list[batch->key_count++] = item->seen;
}

static bool place_is(const struct place *place, const struct event *event)
{
    return span_equal(place->sku, event->sku) &&
           span_equal(place->location, event->location_code);
}

static bool new_place(struct batch *batch, const struct item *item, uint64_t hash,
                      uint32_t slot)
{
    const struct event *event = &item->event;
    const struct contract *contract = batch->contract;
    size_t slots = contract->source_count + contract->shop_count;
    struct place_state state = {
        .place = {.sku = event->sku, .location = event->location_code},
        .hash = hash,
        .partition = item->record.partition,
        .location = event->location,
        .readings = pool_take(&batch->pool, slots * sizeof(*state.readings)),
        .touched = pool_take(&batch->pool, slots * sizeof(*state.touched)),
        .level = {.source = -1},
        .last_item = -1,
    };
    if (state.readings == NULL || state.touched == NULL)
        return false;
    memset(state.readings, 0, slots * sizeof(*state.readings));
    memset(state.touched, 0, slots * sizeof(*state.touched));
    batch->place_slots[slot] = (int32_t)batch->place_count;
    batch->places[batch->place_count++] = state;
    return true;
}

static bool join_place(struct batch *batch, struct item *item)
{
    const struct event *event = &item->event;
    uint64_t hash = hash_bytes(event->sku, hash_bytes(event->location_code, 1));
    uint32_t slot = (uint32_t)hash & (BATCH_SLOTS - 1);
    while (batch->place_slots[slot] >= 0 &&
           !place_is(&batch->places[batch->place_slots[slot]].place, event))
        slot = (slot + 1) & (BATCH_SLOTS - 1);
    if (batch->place_slots[slot] < 0 && !new_place(batch, item, hash, slot))
        return false;
    item->place = (uint32_t)batch->place_slots[slot];
    struct place_state *state = &batch->places[item->place];
    item->before_item = state->last_item;
    state->last_item = (int32_t)(item - batch->items);
    return true;
}

static bool is_chosen(const struct batch *batch, const struct item *item)
{
    const struct batch_choice *choice = batch->choice;
    if (choice == NULL || (choice->sku.bytes == NULL && choice->source.bytes == NULL))
        return true;
    if (item->reason != REASON_NONE)
        return false;
    return (choice->sku.bytes == NULL || span_equal(choice->sku, item->event.sku)) &&
           (choice->source.bytes == NULL ||
            span_equal(choice->source, item->event.source_name));
}

enum status batch_add(struct batch *batch, const struct kafka_record *record,
                      struct error *error)
{
    ASSERT(batch->count < BATCH_ITEMS_MAX);
    struct item *item = &batch->items[batch->count++];
    *item =
        (struct item){.record = *record, .detail = "", .before_item = -1, .later = -1};
    struct part_count *part = part_of(batch, record);
    ASSERT(record->offset >= part->next_offset);
    part->next_offset = record->offset + 1;
    decode(batch, item);
    if (!is_chosen(batch, item)) {
        batch->count--;
        return STATUS_OK;
    }
    if (item->reason != REASON_NONE || item->misplaced)
        return STATUS_OK;
    join_key(batch, item);
    return join_place(batch, item) ? STATUS_OK : out_of_memory(error);
}
