/*
 * A stock change: a fact that some source stated about one SKU at one location.
 *
 * Times: occurred_at is when it was true at the source; recorded_at is the Kafka
 * timestamp of the record that brought it. Both are microseconds since 1970 in UTC. The
 * wall clock plays no part, so that a replay decides as the first pass did.
 *
 * Texts are spans into memory that the decoder's caller owns (the record, or its pool);
 * they are valid as long as that is. An absent optional text has bytes == NULL.
 */
#ifndef PARSTOCK_DOMAIN_EVENT_H
#define PARSTOCK_DOMAIN_EVENT_H

#include "common/base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define EVENT_VALUE_MAX (64 * 1024) /* bytes of a record's value */
#define EVENT_DEPTH_MAX 16          /* nesting; the outer object is 1 */
#define EVENT_ID_MAX 200            /* code points, as all lengths here */
#define EVENT_SKU_MAX 255
#define EVENT_LOCATION_MAX 100
#define EVENT_REFERENCE_MAX 200
#define EVENT_QUANTITY_MAX 1000000000 /* of an event, and of a level */
#define EVENT_FUTURE_MAX_US (300 * 1000000LL)

/* The number stands in ledger rows: never change one, only add. */
enum event_type {
    EVENT_COUNTED = 0,  /* stock.counted: the level, absolute */
    EVENT_ADJUSTED = 1, /* stock.adjusted: a change */
    EVENT_OBSERVED = 2, /* shop.observed: what the shop showed; a reason to look */
    EVENT_ORDERED = 3,  /* shop.ordered: units taken; negative = given back */
};

#define EVENT_TYPE_COUNT 4

struct event {
    enum event_type type;
    int source;              /* index into contract.sources, or of .shops for shop.* */
    struct span source_name; /* as in the contract */
    int location; /* index into contract.locations; -1 = an order without one */
    struct span location_code;
    struct span sku;       /* normalised */
    struct span id;        /* optional */
    struct span reference; /* optional */
    int64_t quantity;
    int64_t occurred_at_us;
    int64_t version;              /* valid if has_version */
    int64_t sees_orders_until_us; /* valid if has_sees_orders_until */
    bool has_version;
    bool has_sees_orders_until;
};

/* "stock.counted" and so on; a span that is no type gives false. */
bool event_type_parse(struct span text, enum event_type *type_out);
const char *event_type_name(enum event_type type);

/* shop.* events speak of a shop, never of the truth. */
static inline bool event_is_of_shop(enum event_type type)
{
    return type == EVENT_OBSERVED || type == EVENT_ORDERED;
}

#define EVENT_CANONICAL_MAX (8 * 1024)

/*
 * The canonical bytes whose SHA-256 is the idempotency key: of (source, SKU, id) where
 * the producer gave an id, of the whole event with its reference where it gave none. And
 * those of the content, which tell an honest retry from an id used twice: every field but
 * `reference`, after normalisation. Fields are length-prefixed, so that no two different
 * events share bytes. Both return the length; `room` is EVENT_CANONICAL_MAX bytes.
 */
size_t event_key_bytes(const struct event *event, char *room);
size_t event_content_bytes(const struct event *event, char *room);

#endif
