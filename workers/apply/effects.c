/*
 * The writing half of batch.h: what the transaction is to change, as rows.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/headers.h"
#include "common/codec/level_json.h"
#include "common/domain/desired.h"
#include "workers/apply/batch.h"

#include <stdio.h>

#define HEADERS_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define LEVEL_BYTES_MAX ((size_t)16 * 1024)

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "apply: out of memory for one batch");
}

/* ---- ledger and adjustments ------------------------------------------------------------------- */

static struct ledger_row ledger_row(const struct item *item)
{
    const struct verdict *verdict = &item->verdict;
    return (struct ledger_row){.event = &item->event,
                               .identity = &item->identity,
                               .outcome = verdict->outcome,
                               .rule = verdict->rule,
                               .partition = item->record.partition,
                               .offset = item->record.offset,
                               .recorded_at_ms = item->record.timestamp_ms,
                               .has_before = item->has_before,
                               .before = item->before,
                               .has_after = verdict->level.exists,
                               .after = verdict->level.quantity};
}

static bool keeps_adjustment(const struct item *item)
{
    return item->verdict.recorded && item->event.type == EVENT_ADJUSTED;
}

static enum status ledger_effects(struct batch *batch, struct store_effects *effects,
                                  struct error *error)
{
    struct ledger_row *rows = pool_take(&batch->pool, batch->count * sizeof(*rows));
    struct adjustment_row *adjustments =
        pool_take(&batch->pool, batch->count * sizeof(*adjustments));
    if (rows == NULL || adjustments == NULL)
        return out_of_memory(error);
    size_t row_count = 0;
    size_t adjustment_count = 0;
    for (size_t at = 0; at < batch->count; at++) {
        const struct item *item = &batch->items[at];
        if (outcome_leaves_ledger_row(item->verdict.outcome))
            rows[row_count++] = ledger_row(item);
        if (keeps_adjustment(item))
            adjustments[adjustment_count++] =
                (struct adjustment_row){.event = &item->event};
    }
    effects->ledger = rows;
    effects->ledger_count = row_count;
    effects->adjustments = adjustments;
    effects->adjustment_count = adjustment_count;
    return STATUS_OK;
}

/* ---- readings, levels, desired levels ----------------------------------------------------------- */

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

static enum status reading_effects(struct batch *batch, struct store_effects *effects,
                                   struct error *error)
{
    struct reading_write *rows = pool_take(&batch->pool, batch->count * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    size_t count = 0;
    for (size_t at = 0; at < batch->place_count; at++) {
        const struct place_state *state = &batch->places[at];
        for (size_t slot = 0; slot < slot_count(batch->contract); slot++)
            if (state->touched[slot] && state->readings[slot].exists)
                rows[count++] =
                    (struct reading_write){.place = state->place,
                                           .source = slot_name(batch->contract, slot),
                                           .reading = state->readings[slot]};
    }
    ASSERT(count <= batch->count); /* every touched reading was touched by an item */
    effects->readings = rows;
    effects->reading_count = count;
    return STATUS_OK;
}

static bool is_level_new(const struct place_state *state)
{
    return state->level_touched && state->level.exists &&
           !level_equal(&state->level, &state->level_was);
}

static enum status level_effects(struct batch *batch, struct store_effects *effects,
                                 struct error *error)
{
    struct level_write *rows =
        pool_take(&batch->pool, batch->place_count * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    size_t count = 0;
    for (size_t at = 0; at < batch->place_count; at++) {
        const struct place_state *state = &batch->places[at];
        if (!is_level_new(state))
            continue;
        ASSERT(state->level.source >= 0);
        rows[count++] = (struct level_write){
            .place = state->place,
            .source = batch->contract->sources[state->level.source].name,
            .level = state->level,
            .revision = state->revision + 1};
    }
    effects->levels = rows;
    effects->level_count = count;
    return STATUS_OK;
}

static bool is_desired_new(const struct place_state *state)
{
    return is_level_new(state) && state->location >= 0 &&
           (!state->level_was.exists ||
            state->level.quantity != state->level_was.quantity ||
            state->level.source != state->level_was.source);
}

static struct desired_write desired_of(const struct contract *contract,
                                       const struct shop *shop,
                                       const struct place_state *state)
{
    const struct desired_input input = {
        .has_level = state->level.exists,
        .level = state->level.quantity,
        .source_state = contract->sources[state->level.source].state,
        .shop_mode = shop->mode,
        .buffer = shop->buffer,
        .excluded = shop_excludes(shop, state->place.sku),
    };
    const struct desired desired = desired_level(&input);
    return (struct desired_write){.shop = shop->name,
                                  .place = state->place,
                                  .known = desired.known,
                                  .quantity = desired.quantity};
}

static enum status desired_effects(struct batch *batch, struct store_effects *effects,
                                   struct error *error)
{
    const struct contract *contract = batch->contract;
    size_t most = batch->place_count * contract->shop_count;
    struct desired_write *rows = pool_take(&batch->pool, (most + 1) * sizeof(*rows));
    if (rows == NULL)
        return out_of_memory(error);
    size_t count = 0;
    for (size_t at = 0; at < batch->place_count; at++) {
        const struct place_state *state = &batch->places[at];
        if (!is_desired_new(state))
            continue;
        for (size_t shop = 0; shop < contract->shop_count; shop++)
            if (contract->shops[shop].gids[state->location].bytes != NULL)
                rows[count++] = desired_of(contract, &contract->shops[shop], state);
    }
    effects->desired = rows;
    effects->desired_count = count;
    return STATUS_OK;
}

/* ---- outbox --------------------------------------------------------------------------------------- */

static struct span to_pool(struct pool *pool, const struct buf *buf)
{
    struct span nothing = {0};
    return buf->failed ? nothing : pool_span(pool, buf_view(buf));
}

static void received_headers(const struct item *item, struct buf *out)
{
    struct span name;
    struct span value;
    for (size_t at = 0; kafka_record_header(&item->record, at, &name, &value); at++)
        headers_add(out, name, value);
}

static void header_text(struct buf *out, const char *name, const char *text)
{
    headers_add(out, span_from(name), span_from(text));
}

/* The identity of what an item causes: the same in every repeat. */
static void cloud_headers(const struct item *item, struct span topic, const char *kind,
                          struct buf *out)
{
    char id[320];
    char type[64];
    (void)snprintf(id, sizeof(id), "%.*s/%d/%lld/%s", SPAN_ARGS(topic),
                   (int)item->record.partition, (long long)item->record.offset, kind);
    (void)snprintf(type, sizeof(type), "inventory.%s.v1", kind);
    header_text(out, "ce_specversion", "1.0");
    header_text(out, "ce_id", id);
    header_text(out, "ce_source", "parstock/apply");
    header_text(out, "ce_type", type);
}

/*
 * First all headers as received, then ours, of which __connect.errors.topic is the first: so
 * the record can be restored as it came, even where it had CloudEvents headers of its own.
 */
static void dead_letter_headers(const struct item *item, struct span topic,
                                struct buf *out)
{
    char number[32];
    char message[EVENT_DETAIL_MAX + 128];
    received_headers(item, out);
    headers_add(out, SPAN_OF("__connect.errors.topic"), topic);
    (void)snprintf(number, sizeof(number), "%d", (int)item->record.partition);
    header_text(out, "__connect.errors.partition", number);
    (void)snprintf(number, sizeof(number), "%lld", (long long)item->record.offset);
    header_text(out, "__connect.errors.offset", number);
    const char *code = reason_code(item->verdict.reason);
    (void)snprintf(message, sizeof(message), "%s%s%s: %s", code,
                   item->detail[0] != '\0' ? " in " : "", item->detail,
                   reason_remedy(item->verdict.reason));
    header_text(out, "__connect.errors.exception.message", message);
    header_text(out, "parstock.reason", code);
    cloud_headers(item, topic, "dead-letter", out);
}

static void level_headers(const struct item *item, struct span topic,
                          const struct level_write *level, struct buf *out)
{
    cloud_headers(item, topic, "level", out);
    headers_add(out, SPAN_OF("ce_subject"), level->place.sku);
    header_text(out, "content-type", "application/json");
    if (item->traceparent.bytes != NULL)
        headers_add(out, SPAN_OF("traceparent"), item->traceparent);
}

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
    struct buf bytes; /* scratch */
    struct outbox_row *rows;
    size_t count;
};

static bool add_item_row(struct outbox_writer *writer, const struct item *item)
{
    struct outbox_row row;
    buf_clear(&writer->bytes);
    if (item->verdict.outcome == OUTCOME_REKEYED) {
        row = row_of(item, OUTBOX_REKEYED);
        row.key = item->event.sku;
        row.timestamp_ms = item->record.timestamp_ms > 0 ? item->record.timestamp_ms : 0;
        received_headers(item, &writer->bytes);
    } else {
        row = row_of(item, OUTBOX_DEAD_LETTER);
        dead_letter_headers(item, writer->topic, &writer->bytes);
    }
    row.headers = to_pool(&writer->batch->pool, &writer->bytes);
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

static bool add_level_row(struct outbox_writer *writer, const struct place_state *state,
                          const struct level_write *level)
{
    struct pool *pool = &writer->batch->pool;
    const struct item *cause = cause_of(writer->batch, state);
    const struct level_record record = {.sku = level->place.sku,
                                        .location = level->place.location,
                                        .source = level->source,
                                        .level = level->level,
                                        .revision = level->revision};
    struct outbox_row row = row_of(cause, OUTBOX_LEVEL);
    buf_clear(&writer->bytes);
    level_json_key(&record, &writer->bytes);
    row.key = to_pool(pool, &writer->bytes);
    buf_clear(&writer->bytes);
    level_json_value(&record, &writer->bytes);
    row.value = to_pool(pool, &writer->bytes);
    buf_clear(&writer->bytes);
    level_headers(cause, writer->topic, level, &writer->bytes);
    row.headers = to_pool(pool, &writer->bytes);
    writer->rows[writer->count++] = row;
    return row.key.bytes != NULL && row.value.bytes != NULL && row.headers.bytes != NULL;
}

static bool add_rows(struct outbox_writer *writer, const struct store_effects *effects)
{
    struct batch *batch = writer->batch;
    for (size_t at = 0; at < batch->count; at++) {
        enum outcome outcome = batch->items[at].verdict.outcome;
        if (outcome != OUTCOME_REKEYED && outcome != OUTCOME_REJECTED)
            continue;
        if (!add_item_row(writer, &batch->items[at]))
            return false;
    }
    size_t level = 0;
    for (size_t at = 0; at < batch->place_count; at++) {
        if (!is_level_new(&batch->places[at]))
            continue;
        if (!add_level_row(writer, &batch->places[at], &effects->levels[level++]))
            return false;
    }
    return true;
}

static enum status outbox_effects(struct batch *batch, struct store_effects *effects,
                                  struct error *error)
{
    size_t most = batch->count + batch->place_count;
    struct outbox_writer writer = {.batch = batch, .topic = effects->topic};
    writer.rows = pool_take(&batch->pool, (most + 1) * sizeof(*writer.rows));
    if (writer.rows == NULL)
        return out_of_memory(error);
    buf_init(&writer.bytes, HEADERS_BYTES_MAX);
    bool all = add_rows(&writer, effects);
    buf_free(&writer.bytes);
    if (!all)
        return out_of_memory(error);
    effects->outbox = writer.rows;
    effects->outbox_count = writer.count;
    return STATUS_OK;
}

enum status batch_effects(struct batch *batch, struct store_effects *effects,
                          struct error *error)
{
    enum status status = ledger_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = reading_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = level_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = desired_effects(batch, effects, error);
    if (status == STATUS_OK)
        status = outbox_effects(batch, effects, error);
    return status;
}
