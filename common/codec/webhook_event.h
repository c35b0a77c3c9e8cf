/*
 * Stock changes that webhooks bring: their ids, made of what a payload names, and the values
 * of their records.
 */
#ifndef PARSTOCK_CODEC_WEBHOOK_EVENT_H
#define PARSTOCK_CODEC_WEBHOOK_EVENT_H

#include "common/base/buf.h"
#include "common/domain/webhook.h"

#define WEBHOOK_EVENT_ID_MAX 120

/* "level/ITEM/LOCATION/MICROSECONDS/QUANTITY" */
void webhook_level_event_id(const struct webhook_body *body,
                            char room[WEBHOOK_EVENT_ID_MAX]);

/* "line/LINE", "refund-line/LINE", "edit-line/EDIT/LINE". A cancellation names its refund's
 * lines, as the refund does: whichever comes second is a repeat. */
void webhook_line_event_id(const struct webhook_body *body,
                           const struct webhook_line *line,
                           char room[WEBHOOK_EVENT_ID_MAX]);

/* A stock change as the value of a record. */
struct webhook_event {
    enum event_type type;
    struct span source; /* the shop's name */
    struct span id;
    struct span sku;      /* normalised: the record's key too */
    struct span location; /* code; bytes NULL: an order without one */
    int64_t quantity;
    int64_t occurred_at_us;
    struct span reference; /* bytes NULL: none */
};
void webhook_event_value(const struct webhook_event *event, struct buf *out);

#endif
