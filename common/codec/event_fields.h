/*
 * From the fields of a stock change, as JSON gave them, to a struct event: which code
 * fits first. All fields are looked at for one code before any is looked at for the next.
 * Source: outside interface, section 1.
 */
#ifndef PARSTOCK_CODEC_EVENT_FIELDS_H
#define PARSTOCK_CODEC_EVENT_FIELDS_H

#include "common/codec/event_json.h"
#include "common/codec/json_scan.h"

enum event_field {
    FIELD_TYPE,
    FIELD_SOURCE,
    FIELD_ID,
    FIELD_SKU,
    FIELD_LOCATION,
    FIELD_QUANTITY,
    FIELD_OCCURRED_AT,
    FIELD_VERSION,
    FIELD_SEES_ORDERS_UNTIL,
    FIELD_REFERENCE,
    FIELD_COUNT, /* the event's own end here; what CloudEvents add follows */
    ATTRIBUTE_TYPE = FIELD_COUNT, /* the next four fill in for fields */
    ATTRIBUTE_SOURCE,
    ATTRIBUTE_ID,
    ATTRIBUTE_TIME,
    ATTRIBUTE_DATA, /* the envelope's member that holds the event */
    EVENT_VALUES,
};

/* Names that mean fields in place of the event's own, as a mapping has it. */
struct event_names {
    enum event_field (*named)(const void *self, struct span name);
    const void *self;
};

/* An event on its way in: the values found so far, then the event that they make. */
struct event_draft {
    const struct contract *contract;
    const struct event_names *names; /* NULL: the event's own */
    const struct event_input *input;
    struct pool *pool;
    struct json_value values[EVENT_VALUES];
    enum event_field fault; /* the field that a code was given for */
    struct event event;     /* complete once the code is NONE */
};

/* EVENT_VALUES for a name that means nothing here. */
enum event_field event_field_named(struct span name);
enum event_field event_attribute_named(struct span name);
const char *event_field_name(enum event_field field);

/* Everything up to TOO_DEEP: fills draft->values, which event_fields_judge goes on with. */
enum reason event_json_read(struct event_decoder *decoder, struct event_draft *draft);

/* MISSING_FIELD and all that follow it; NONE: draft->event is complete. */
enum reason event_fields_judge(struct event_draft *draft);

#endif
