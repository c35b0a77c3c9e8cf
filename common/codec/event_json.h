/*
 * A record's value to a struct event, or the first reason code that fits.
 *
 * Strict: RFC 8259 grammar, UTF-8, no key twice at any depth, integers as integers. A
 * reader of its own, because the outside interface tells apart what a general parser
 * folds together (an integer that is too large, a document that is too deep, a key given
 * twice under two spellings), and because it runs once for every event.
 *
 * Texts of the event point into the value, into the contract, or into the pool.
 */
#ifndef PARSTOCK_CODEC_EVENT_JSON_H
#define PARSTOCK_CODEC_EVENT_JSON_H

#include "common/base/pool.h"
#include "common/domain/contract.h"
#include "common/domain/event.h"
#include "common/domain/reason.h"

/* What CloudEvents headers (binary mode) say; absent: bytes == NULL. */
struct cloud_attributes {
    struct span id;
    struct span source;
    struct span type;
    struct span time;
    bool structured; /* content-type application/cloudevents+json */
};

struct event_decoder; /* scratch space of about 1 MiB; one a thread */

struct event_decoder *event_decoder_new(void); /* NULL: out of memory */
void event_decoder_free(struct event_decoder **slot);

struct event_input {
    const struct contract *contract;
    struct span value;      /* bytes == NULL: a tombstone */
    int64_t recorded_at_ms; /* the record's Kafka timestamp; -1: it has none */
    const struct cloud_attributes *cloud; /* NULL: no CloudEvents headers */
};

/*
 * Decodes up to and including `bad_sku`. Writes *event_out only when it returns
 * REASON_NONE. `detail` (may be NULL, else 96 bytes) gets the name of the field at fault.
 */
enum reason event_json_decode(struct event_decoder *decoder,
                              const struct event_input *input, struct pool *pool,
                              struct event *event_out, char *detail);

#define EVENT_DETAIL_MAX 96

#endif
