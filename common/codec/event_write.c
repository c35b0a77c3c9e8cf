#include "common/codec/event_write.h"

#include "common/base/check.h"
#include "common/codec/json_text.h"

#include <stdio.h>

void event_write(const struct event *event, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "type", span_from(event_type_name(event->type)));
    json_member_text(out, "source", event->source_name);
    if (event->id.bytes != NULL)
        json_member_text(out, "id", event->id);
    json_member_text(out, "sku", event->sku);
    if (event->location_code.length > 0)
        json_member_text(out, "location", event->location_code);
    json_member_number(out, "quantity", event->quantity);
    json_member_time(out, "occurred_at", event->occurred_at_us);
    if (event->has_version)
        json_member_number(out, "version", event->version);
    if (event->has_sees_orders_until)
        json_member_time(out, "sees_orders_until", event->sees_orders_until_us);
    if (event->reference.bytes != NULL)
        json_member_text(out, "reference", event->reference);
    buf_byte(out, '}');
}

void batch_traceparent(const char *id, char room[BATCH_TRACEPARENT_MAX])
{
    ASSERT(strlen(id) >= 48);
    (void)snprintf(room, BATCH_TRACEPARENT_MAX, "00-%.32s-%.16s-00", id, id + 32);
}
