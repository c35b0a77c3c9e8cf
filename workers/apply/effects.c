/*
 * The writing half of batch.h: what the transaction is to change, as rows.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/key_run.h"
#include "common/codec/ledger_line.h"
#include "common/codec/page_filter.h"
#include "workers/apply/batch.h"
#include "workers/apply/records.h"
#include "workers/apply/shops.h"

#define PAGE_BYTES_MAX ((size_t)128 * 1024 * 1024)
#define HEADERS_BYTES_MAX ((size_t)64 * 1024 * 1024)

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for one batch");
}

/* ---- adjustments -------------------------------------------------------------------------------- */

static bool keeps_adjustment(const struct item *item)
{
    return item->verdict.recorded && item->event.type == EVENT_ADJUSTED;
}

static enum status adjustment_effects(struct batch *batch, struct store_effects *effects,
                                      struct error *error)
{
    struct adjustment_row *rows =
        pool_take(&batch->pool, (batch->count + 1) * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    effects->adjustments = rows;
    for (size_t at = 0; at < batch->count; at++)
        if (keeps_adjustment(&batch->items[at]))
            rows[effects->adjustment_count++] =
                (struct adjustment_row){.event = &batch->items[at].event};
    return STATUS_OK;
}

/* ---- readings and levels ----------------------------------------------------------- */

static size_t slot_count(const struct contract *contract)
{
    return contract->source_count + contract->shop_count;
}

static struct span slot_name(const struct contract *contract, size_t slot)
{
    if (slot < contract->source_count)
        return contract->sources[slot].name;
    return contract->shops[slot - contract->source_count].name;
}

/* A reading that lies in no level's row: that of a shop, or of a source that does not rule. */
static struct reading_write *add_reading(const struct batch *batch,
                                         const struct place_state *state, size_t slot,
                                         struct reading_write *row)
{
    *row = (struct reading_write){.place = state->place,
                                  .source = slot_name(batch->contract, slot),
                                  .reading = state->readings[slot]};
    return row + 1;
}

/* The source that ruled before and does no more: its reading leaves the level's row. */
static struct reading_write *add_former(const struct batch *batch,
                                        const struct place_state *state,
                                        struct reading_write *row)
{
    if (!state->level_was.exists || state->level.source == state->level_was.source)
        return row;
    if (state->level_was.source < 0) {
        *row = (struct reading_write){.place = state->place,
                                      .source = state->lost_source,
                                      .reading = state->lost_reading};
        return row + 1;
    }
    if (state->touched[state->level_was.source])
        return row; /* written as touched */
    return add_reading(batch, state, (size_t)state->level_was.source, row);
}

static enum status reading_effects(struct batch *batch, struct store_effects *effects,
                                   struct error *error)
{
    size_t most = batch->count + batch->incident_count + batch->place_count;
    struct reading_write *rows = pool_take(&batch->pool, (most + 1) * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    struct reading_write *end = rows;
    for (size_t at = 0; at < batch->place_count; at++) {
        const struct place_state *state = &batch->places[at];
        for (size_t slot = 0; slot < slot_count(batch->contract); slot++)
            if (state->touched[slot] && state->readings[slot].exists &&
                (int)slot != state->level.source)
                end = add_reading(batch, state, slot, end);
        end = add_former(batch, state, end);
    }
    ASSERT(end <= rows + most); /* every touched reading was touched by an item */
    effects->readings = rows;
    effects->reading_count = (size_t)(end - rows);
    return STATUS_OK;
}

static bool is_level_new(const struct place_state *state)
{
    return state->level_touched && state->level.exists &&
           !level_equal(&state->level, &state->level_was);
}

/* The level's row changes also where only the reading in it does. */
bool batch_is_level_written(const struct place_state *state)
{
    if (!state->level.exists || state->level.source < 0)
        return false;
    return is_level_new(state) || state->touched[state->level.source];
}

static struct level_write level_write_of(const struct batch *batch,
                                         const struct place_state *state)
{
    ASSERT(state->level.source >= 0 && state->readings[state->level.source].exists);
    return (struct level_write){.place = state->place,
                                .source =
                                    batch->contract->sources[state->level.source].name,
                                .level = state->level,
                                .reading = state->readings[state->level.source],
                                .revision = state->revision_after};
}

static enum status level_effects(struct batch *batch, struct store_effects *effects,
                                 struct error *error)
{
    struct level_write *old =
        pool_take(&batch->pool, (batch->place_count + 1) * sizeof(*old));
    struct level_write *fresh =
        pool_take(&batch->pool, (batch->place_count + 1) * sizeof(*fresh));
    if (old == NULL || fresh == NULL)
        return out_of_memory(error);
    effects->levels = old;
    effects->new_levels = fresh;
    for (size_t at = 0; at < batch->place_count; at++) {
        struct place_state *state = &batch->places[at];
        state->revision_after = state->revision + (is_level_new(state) ? 1 : 0);
        if (!batch_is_level_written(state))
            continue;
        if (state->level_was.exists)
            old[effects->level_count++] = level_write_of(batch, state);
        else
            fresh[effects->new_level_count++] = level_write_of(batch, state);
    }
    return STATUS_OK;
}

/* ---- the ledger -------------------------------------------------------------------------------- */

static struct ledger_line line_of(const struct item *item)
{
    const struct verdict *verdict = &item->verdict;
    return (struct ledger_line){.event = &item->event,
                                .outcome = (int)verdict->outcome,
                                .rule = verdict->rule,
                                .offset = item->record.offset,
                                .recorded_at_ms = item->record.timestamp_ms,
                                .traceparent = item->traceparent,
                                .has_before = item->has_before,
                                .before = item->before,
                                .has_after = verdict->level.exists,
                                .after = verdict->level.quantity};
}

struct page {
    struct buf keys;
    struct buf lines;
};

static void add_item(struct page *page, const struct item *item)
{
    const struct ledger_line line = line_of(item);
    struct key_entry entry = {.fingerprint = item->identity.fingerprint};
    memcpy(entry.key, item->identity.key, sizeof(entry.key));
    key_run_add(&page->keys, &entry);
    ledger_line_add(&page->lines, &line);
}

static bool is_of_page(const struct part_count *part, const struct item *item)
{
    return item->record.partition == part->partition &&
           outcome_leaves_ledger_row(item->verdict.outcome);
}

/* Which SKUs the page may hold; true: of few rows there is none. */
static bool filter_of(struct batch *batch, const struct part_count *part,
                      struct page_write *write)
{
    if (write->entries < PAGE_FILTER_ROWS_MIN)
        return true;
    size_t size = page_filter_size((size_t)write->entries);
    unsigned char *bytes = pool_take(&batch->pool, size);
    if (bytes == NULL)
        return false;
    memset(bytes, 0, size);
    for (size_t at = 0; at < batch->count; at++)
        if (is_of_page(part, &batch->items[at]))
            page_filter_add(bytes, size, batch->items[at].event.sku);
    write->skus = (struct span){.bytes = (const char *)bytes, .length = size};
    return true;
}

static enum status page_of(struct batch *batch, const struct part_count *part,
                           struct page *page, struct page_write *write,
                           struct error *error)
{
    buf_clear(&page->keys);
    buf_clear(&page->lines);
    for (size_t at = 0; at < batch->count; at++)
        if (is_of_page(part, &batch->items[at]))
            add_item(page, &batch->items[at]);
    *write = (struct page_write){.partition = part->partition,
                                 .first_offset = part->first_offset,
                                 .next_offset = part->next_offset};
    write->entries = (int32_t)(page->keys.length / KEY_RUN_ENTRY_BYTES);
    write->keys = pool_buf(&batch->pool, &page->keys);
    write->lines = pool_buf(&batch->pool, &page->lines);
    if (write->keys.bytes == NULL || write->lines.bytes == NULL ||
        !filter_of(batch, part, write))
        return out_of_memory(error);
    return STATUS_OK;
}

static enum status page_effects(struct batch *batch, struct store_effects *effects,
                                struct error *error)
{
    struct page_write *pages =
        pool_take(&batch->pool, (batch->part_count + 1) * sizeof(*pages));
    struct page page;
    if (pages == NULL)
        return out_of_memory(error);
    buf_init(&page.keys, PAGE_BYTES_MAX);
    buf_init(&page.lines, PAGE_BYTES_MAX);
    enum status status = STATUS_OK;
    for (size_t at = 0; at < batch->part_count && status == STATUS_OK; at++) {
        struct page_write *write = &pages[effects->page_count];
        status = page_of(batch, &batch->parts[at], &page, write, error);
        if (write->entries > 0)
            effects->page_count++;
    }
    effects->pages = pages;
    buf_free(&page.keys);
    buf_free(&page.lines);
    return status;
}

/* ---- outbox --------------------------------------------------------------------------------------- */

static struct outbox_row row_of(const struct item *item, enum outbox_kind kind)
{
    return (struct outbox_row){.kind = kind,
                               .partition = item->record.partition,
                               .offset = item->record.offset,
                               .key = item->record.key,
                               .value = item->record.value};
}

struct outbox_writer {
    struct batch *batch;
    struct span topic;
    struct buf bytes; /* headers of an item's row */
    struct outbox_row *rows;
    size_t count;
};

static struct cause cause_by(const struct outbox_writer *writer, const struct item *item)
{
    return (struct cause){.topic = writer->topic,
                          .partition = item->record.partition,
                          .offset = item->record.offset,
                          .traceparent = item->traceparent};
}

static bool add_item_row(struct outbox_writer *writer, const struct item *item)
{
    struct outbox_row row;
    buf_clear(&writer->bytes);
    if (item->verdict.outcome == OUTCOME_REKEYED) {
        row = row_of(item, OUTBOX_REKEYED);
        row.key = item->event.sku;
        row.timestamp_ms = item->record.timestamp_ms > 0 ? item->record.timestamp_ms : 0;
        record_received_headers(&item->record, &writer->bytes);
    } else {
        row = row_of(item, OUTBOX_DEAD_LETTER);
        const struct cause cause = cause_by(writer, item);
        const struct dead_letter letter = {&item->record, item->verdict.reason,
                                           item->detail};
        record_dead_letter_headers(&letter, &cause, &writer->bytes);
    }
    row.headers = pool_buf(&writer->batch->pool, &writer->bytes);
    writer->rows[writer->count++] = row;
    return row.headers.bytes != NULL;
}

/* The item that the level is owed to: the last one of the place that was recorded. */
static const struct item *cause_of(const struct batch *batch,
                                   const struct place_state *state)
{
    int32_t at = state->last_item;
    while (at >= 0 && !batch->items[at].verdict.recorded)
        at = batch->items[at].before_item;
    ASSERT(at >= 0);
    return &batch->items[at];
}

static bool add_item_rows(struct outbox_writer *writer)
{
    struct batch *batch = writer->batch;
    for (size_t at = 0; at < batch->count; at++) {
        enum outcome outcome = batch->items[at].verdict.outcome;
        if (outcome != OUTCOME_REKEYED && outcome != OUTCOME_REJECTED)
            continue;
        if (!add_item_row(writer, &batch->items[at]))
            return false;
    }
    return true;
}

static enum status outbox_effects(struct batch *batch, struct store_effects *effects,
                                  struct error *error)
{
    size_t most = batch->count + batch->incident_count;
    struct outbox_writer writer = {.batch = batch, .topic = effects->topic};
    writer.rows = pool_take(&batch->pool, (most + 1) * sizeof(*writer.rows));
    if (writer.rows == NULL)
        return out_of_memory(error);
    buf_init(&writer.bytes, HEADERS_BYTES_MAX);
    bool all = add_item_rows(&writer);
    for (size_t at = 0; at < batch->incident_count; at++)
        writer.rows[writer.count++] = batch->incidents[at];
    buf_free(&writer.bytes);
    if (!all)
        return out_of_memory(error);
    effects->outbox = writer.rows;
    effects->outbox_count = writer.count;
    return STATUS_OK;
}

bool batch_told_level(const struct batch *batch, size_t at, struct pending_level *out)
{
    const struct place_state *state = &batch->places[at];
    if (!is_level_new(state))
        return false;
    const struct item *cause = cause_of(batch, state);
    *out = (struct pending_level){
        .hash = state->hash,
        .partition = state->partition,
        .record = {.sku = state->place.sku,
                   .location = state->place.location,
                   .source = batch->contract->sources[state->level.source].name,
                   .level = state->level,
                   .revision = state->revision_after},
        .offset = cause->record.offset,
        .traceparent = cause->traceparent};
    return true;
}

enum status batch_effects(struct batch *batch, struct store_effects *effects,
                          struct error *error)
{
    if (batch->out_of_memory)
        return out_of_memory(error);
    enum status status = page_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = adjustment_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = reading_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = level_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = shops_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = outbox_effects(batch, effects, error);
    return status;
}
