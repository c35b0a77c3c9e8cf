#include "common/codec/ledger_line.h"

#define TRACEPARENT_MIN 55
#define TRACEPARENT_MAX 255

static void null_column(struct buf *page)
{
    buf_add(page, "\t\001", 2);
}

static void number(struct buf *page, int64_t value)
{
    buf_byte(page, '\t');
    buf_number(page, value);
}

static void number_or_null(struct buf *page, bool present, int64_t value)
{
    if (present)
        number(page, value);
    else
        null_column(page);
}

static void text(struct buf *page, struct span value)
{
    if (value.bytes == NULL) {
        null_column(page);
        return;
    }
    buf_byte(page, '\t');
    buf_span(page, value);
}

bool ledger_line_is_traceparent(struct span value)
{
    if (value.bytes == NULL || value.length < TRACEPARENT_MIN ||
        value.length > TRACEPARENT_MAX)
        return false;
    for (size_t at = 0; at < value.length; at++)
        if (value.bytes[at] <= ' ' || value.bytes[at] > '~')
            return false;
    return true;
}

void ledger_line_add(struct buf *page, const struct ledger_line *line)
{
    const struct event *event = line->event;
    const struct span none = {0};
    if (page->length > 0)
        buf_byte(page, '\n');
    buf_number(page, line->offset);
    number(page, line->recorded_at_ms >= 0 ? line->recorded_at_ms : 0);
    number(page, event->occurred_at_us);
    number(page, event->quantity);
    number_or_null(page, line->has_before, line->before);
    number_or_null(page, line->has_after, line->after);
    number(page, line->outcome);
    number(page, line->rule);
    number(page, event->type);
    text(page, event->source_name);
    text(page, event->sku);
    text(page, event->location_code);
    number_or_null(page, event->has_version, event->version);
    number_or_null(page, event->has_sees_orders_until, event->sees_orders_until_us);
    text(page, event->id);
    text(page, event->reference);
    text(page, ledger_line_is_traceparent(line->traceparent) ? line->traceparent : none);
}
