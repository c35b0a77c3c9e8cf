/*
 * Orders that a replay brought in: each gets its opposite at its own moment, so that a count
 * which has seen the one has seen the other, and nothing of it is left in the sum. Orders
 * only add up, so that one that came since is in nobody's way. What the shop was seen to
 * show moves no level: there is nothing to take back.
 */
#include "common/base/check.h"
#include "common/codec/event_write.h"
#include "workers/undo/undo.h"

#include <inttypes.h>
#include <stdio.h>

#define EVENTS_BYTES_MAX ((size_t)1024 * 1024)

/* The shop's orders of one SKU at one place, being read. */
struct selling {
    struct undo *self;
    struct undo_plan *plan;
    struct span prefix;
    struct undo_line *line; /* NULL: none yet */
    bool is_kept;
    bool is_open;
    int64_t orders;
    struct buf events;
};

struct fate_row {
    const char *rule;
    const char *why;
    enum undo_fate fate;
    bool (*fits)(const struct selling *selling);
};

static bool is_undone(const struct selling *selling)
{
    return selling->is_kept;
}

/* apply would refuse the opposites. */
static bool is_source_lost(const struct selling *selling)
{
    const struct contract *contract = selling->self->contract;
    const struct undo_line *line = selling->line;
    return contract_shop(contract, line->source) < 0 ||
           (line->location.length > 0 && contract_location(contract, line->location) < 0);
}

static bool is_too_many(const struct selling *selling)
{
    return selling->orders > UNDO_ADJUSTMENTS_MAX;
}

static bool is_any(const struct selling *selling)
{
    (void)selling;
    return true;
}

static const struct fate_row FATES[] = {
    {"undone", "it was taken back before", UNDO_SKIP, is_undone},
    {"source_lost", "the contract file no longer has the shop or the location",
     UNDO_REFUSE, is_source_lost},
    {"too_many",
     "more than 200 orders of one pair in one batch; the next count of its source that has "
     "seen them puts it right",
     UNDO_REFUSE, is_too_many},
    {"orders", "every order gets its opposite", UNDO_DO, is_any},
};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "undo: out of memory");
}

static enum status end_pair(struct selling *selling, struct error *error)
{
    struct undo_line *line = selling->line;
    const struct fate_row *row = FATES;
    if (line == NULL)
        return STATUS_OK;
    while (!row->fits(selling))
        row++;
    line->rule = row->rule;
    line->why = row->why;
    line->fate = row->fate;
    selling->plan->unfinished += selling->is_open ? 1 : 0;
    undo_plan_count(selling->plan, line);
    if (row->fate != UNDO_DO)
        return STATUS_OK;
    line->events = pool_buf(&selling->self->pool, &selling->events);
    return line->events.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

static enum status begin_pair(struct selling *selling, const struct undo_sale *sale,
                              struct error *error)
{
    struct pool *pool = &selling->self->pool;
    struct undo_line *line = undo_plan_add(selling->self, selling->plan);
    selling->line = line;
    if (line == NULL)
        return out_of_memory(error);
    line->sku = pool_span(pool, sale->sku);
    line->location = pool_span(pool, sale->location);
    line->source = pool_span(pool, sale->shop);
    selling->is_kept = sale->kept.bytes != NULL;
    selling->is_open = span_is(sale->kept, "intended");
    selling->orders = 0;
    buf_clear(&selling->events);
    return line->sku.bytes != NULL && line->location.bytes != NULL &&
                   line->source.bytes != NULL
               ? STATUS_OK
               : out_of_memory(error);
}

static void write_opposite(struct selling *selling, const struct undo_sale *sale)
{
    char id[EVENT_ID_MAX];
    char reference[EVENT_REFERENCE_MAX];
    undo_reference(selling->self, reference);
    (void)snprintf(id, sizeof(id), "%.*sorder/%" PRId64 "/%" PRId64,
                   SPAN_ARGS(selling->prefix), sale->partition, sale->offset);
    const struct event event = {.type = EVENT_ORDERED,
                                .source_name = selling->line->source,
                                .location_code = selling->line->location,
                                .sku = selling->line->sku,
                                .id = span_from(id),
                                .reference = span_from(reference),
                                .quantity = -sale->units,
                                .occurred_at_us = sale->occurred_at_us};
    event_write(&event, &selling->events);
    buf_byte(&selling->events, '\n');
}

static bool is_of(const struct undo_line *line, const struct undo_sale *sale)
{
    return line != NULL && span_equal(line->sku, sale->sku) &&
           span_equal(line->location, sale->location) &&
           span_equal(line->source, sale->shop);
}

static enum status take_sale(void *self, const struct undo_sale *sale,
                             struct error *error)
{
    struct selling *selling = self;
    enum status status = STATUS_OK;
    if (!is_of(selling->line, sale)) {
        status = end_pair(selling, error);
        if (status == STATUS_OK)
            status = begin_pair(selling, sale, error);
    }
    if (status == STATUS_OK && ++selling->orders <= UNDO_ADJUSTMENTS_MAX)
        write_opposite(selling, sale);
    return status;
}

enum status undo_plan_orders(struct undo *self, struct undo_plan *plan,
                             struct error *error)
{
    struct selling selling = {.self = self, .plan = plan, .prefix = undo_prefix(self)};
    const struct undo_sale_visitor visitor = {.each = take_sale, .self = &selling};
    const struct span trace = {self->id.bytes, BATCH_TRACE_DIGITS};
    if (selling.prefix.bytes == NULL)
        return out_of_memory(error);
    buf_init(&selling.events, EVENTS_BYTES_MAX);
    enum status status =
        store_undo_sales(self->postgres, trace, self->id, &visitor, error);
    if (status == STATUS_OK)
        status = end_pair(&selling, error);
    buf_free(&selling.events);
    return status;
}
