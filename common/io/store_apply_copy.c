#include "common/io/store_apply_copy.h"

#include "common/base/check.h"
#include "common/domain/unseen.h"

static void page_row(struct buf *data, const struct store_effects *effects, size_t at)
{
    const struct page_write *page = &effects->pages[at];
    pg_copy_row(data, 11);
    pg_copy_text(data, effects->topic);
    pg_copy_int4(data, page->partition);
    pg_copy_int4(data, effects->partitions);
    pg_copy_int8(data, page->first_offset);
    pg_copy_int8(data, page->next_offset);
    pg_copy_time(data, true, effects->judged_at_us);
    pg_copy_int4(data, effects->contract);
    pg_copy_int4(data, page->entries);
    pg_copy_text(data, page->keys);
    pg_copy_text(data, page->lines);
    pg_copy_text(data, page->skus);
}

static void adjustment_row(struct buf *data, const struct store_effects *effects,
                           size_t at)
{
    const struct event *event = effects->adjustments[at].event;
    pg_copy_row(data, 5);
    pg_copy_text(data, event->source_name);
    pg_copy_text(data, event->sku);
    pg_copy_text(data, event->location_code);
    pg_copy_int8(data, event->quantity);
    pg_copy_time(data, true, event->occurred_at_us);
}

static void units_row(struct buf *data, const struct store_effects *effects, size_t at)
{
    const struct event *event = effects->units[at].event;
    pg_copy_row(data, 6);
    pg_copy_text(data, event->sku);
    pg_copy_text(data, event->location_code);
    pg_copy_text(data, event->source_name);
    pg_copy_time(data, true, event->occurred_at_us);
    pg_copy_int2(data, UNITS_ORDERED);
    pg_copy_int8(data, event->quantity);
}

static void outbox_row(struct buf *data, const struct store_effects *effects, size_t at)
{
    const struct outbox_row *row = &effects->outbox[at];
    pg_copy_row(data, 8);
    pg_copy_text(data, effects->topic);
    pg_copy_int4(data, row->partition);
    pg_copy_int8(data, row->offset);
    pg_copy_int2(data, (int16_t)row->kind);
    pg_copy_text(data, row->key);
    pg_copy_text(data, row->value);
    pg_copy_text(data, row->headers);
    pg_copy_int8(data, row->timestamp_ms);
}

static void level_row(struct buf *data, const struct store_effects *effects, size_t at)
{
    const struct level_write *row = &effects->new_levels[at];
    const struct reading *reading = &row->reading;
    pg_copy_row(data, 12);
    pg_copy_text(data, row->place.sku);
    pg_copy_text(data, row->place.location);
    pg_copy_int8(data, row->level.quantity);
    pg_copy_text(data, row->source);
    pg_copy_time(data, true, row->level.occurred_at_us);
    pg_copy_int8_or_null(data, row->level.has_version, row->level.version);
    pg_copy_int8(data, row->revision);
    pg_copy_int8_or_null(data, reading->has_count, reading->count);
    pg_copy_time(data, reading->has_count, reading->counted_at_us);
    pg_copy_int8(data, reading->adjusted);
    pg_copy_time(data, reading->has_adjusted, reading->adjusted_at_us);
    pg_copy_time(data, reading->has_sees_orders_until, reading->sees_orders_until_us);
}

/* One COPY: where to, how many rows, and how one of them looks. */
struct copy {
    const char *sql;
    size_t count;
    void (*row)(struct buf *data, const struct store_effects *effects, size_t at);
};

static enum status run_copy(struct postgres *postgres,
                            const struct store_effects *effects, const struct copy *copy,
                            struct error *error)
{
    struct buf *data = &effects->room->data;
    buf_clear(data);
    pg_copy_begin(data);
    for (size_t at = 0; at < copy->count; at++)
        copy->row(data, effects, at);
    pg_copy_end(data);
    if (data->failed)
        return error_set(error, STATUS_FATAL, "postgres: batch too large to copy");
    return postgres_copy(postgres, copy->sql, buf_view(data), error);
}

enum status store_copy_effects(struct postgres *postgres,
                               const struct store_effects *effects, struct error *error)
{
    const struct copy copies[] = {
        {"COPY ledger (topic, partition, partitions, first_offset, next_offset, "
         "judged_at, contract, entries, keys, lines, sku_filter) "
         "FROM STDIN (FORMAT binary)",
         effects->page_count, page_row},
        {"COPY adjustments (source, sku, location, quantity, occurred_at) "
         "FROM STDIN (FORMAT binary)",
         effects->adjustment_count, adjustment_row},
        {"COPY shop_units (sku, location, shop, at, kind, units) "
         "FROM STDIN (FORMAT binary)",
         effects->units_count, units_row},
        {"COPY outbox (topic, partition, record_offset, kind, key, value, headers, "
         "timestamp_ms) FROM STDIN (FORMAT binary)",
         effects->outbox_count, outbox_row},
        {"COPY levels (sku, location, quantity, source, occurred_at, version, revision, "
         "count, counted_at, adjusted, adjusted_at, sees_orders_until) "
         "FROM STDIN (FORMAT binary)",
         effects->new_level_count, level_row},
    };
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(copies) && status == STATUS_OK; at++)
        if (copies[at].count > 0)
            status = run_copy(postgres, effects, &copies[at], error);
    return status;
}
