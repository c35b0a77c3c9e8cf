#include "common/codec/webhook_event.h"

#include "common/codec/json_text.h"

#include <stdio.h>

void webhook_level_event_id(const struct webhook_body *body,
                            char room[WEBHOOK_EVENT_ID_MAX])
{
    (void)snprintf(room, WEBHOOK_EVENT_ID_MAX, "level/%lld/%lld/%lld/%lld",
                   (long long)body->item.value, (long long)body->location.value,
                   (long long)body->at.value, (long long)body->quantity.value);
}

void webhook_line_event_id(const struct webhook_body *body,
                           const struct webhook_line *line,
                           char room[WEBHOOK_EVENT_ID_MAX])
{
    long long id = (long long)line->id.value;
    if (line->kind == WEBHOOK_LINE_ADDED)
        (void)snprintf(room, WEBHOOK_EVENT_ID_MAX, "edit-line/%lld/%lld",
                       (long long)body->id.value, id);
    else
        (void)snprintf(room, WEBHOOK_EVENT_ID_MAX, "%s/%lld",
                       line->kind == WEBHOOK_LINE_REFUNDED ? "refund-line" : "line", id);
}

void webhook_event_value(const struct webhook_event *event, struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "type", span_from(event_type_name(event->type)));
    json_member_text(out, "source", event->source);
    json_member_text(out, "id", event->id);
    json_member_text(out, "sku", event->sku);
    json_member_text(out, "location", event->location);
    json_member_number(out, "quantity", event->quantity);
    json_member_time(out, "occurred_at", event->occurred_at_us);
    if (event->reference.bytes != NULL)
        json_member_text(out, "reference", event->reference);
    buf_byte(out, '}');
}
