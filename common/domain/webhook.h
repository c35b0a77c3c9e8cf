/*
 * What each of the shop's webhooks means to us: one row a topic, one rule a thing that a
 * payload tells of. A payload is a reason to look or an order's units, never a count.
 *
 * Ids of events are made of what the payload names (order, line, level and moment), so
 * that the same thing told twice, by two deliveries or by two topics, is one event.
 *
 * Pure. Source: outside interface, section 5; Shopify's webhook topics, 2026-10.
 */
#ifndef PARSTOCK_DOMAIN_WEBHOOK_H
#define PARSTOCK_DOMAIN_WEBHOOK_H

#include "common/domain/contract.h"
#include "common/domain/event.h"

#define WEBHOOK_BODY_MAX ((size_t)2 << 20)
#define WEBHOOK_FIELDS_MAX 12 /* of a topic's includeFields */

/* The number stands in rows of webhook_seen: never change one, only add. */
enum webhook_topic {
    WEBHOOK_LEVELS = 0,
    WEBHOOK_ORDER_CREATED = 1,
    WEBHOOK_ORDER_CANCELLED = 2,
    WEBHOOK_ORDER_EDITED = 3,
    WEBHOOK_REFUNDED = 4,
    WEBHOOK_PRODUCT = 5,
    WEBHOOK_ITEM = 6,
    WEBHOOK_BULK = 7,
    WEBHOOK_UNINSTALLED = 8,
    WEBHOOK_TOPIC_COUNT,
};

struct webhook_kind {
    const char *id;   /* as in X-Shopify-Topic */
    const char *name; /* as in the Admin API */
    /* What the shop is asked to send, and no more; NULL-ended. One that always changes is
     * among them: the shop drops payloads that are alike as repeats. Empty = all of it. */
    const char *fields[WEBHOOK_FIELDS_MAX];
    const char *why;
};

const struct webhook_kind *webhook_kind(enum webhook_topic topic);

/* By the header's text, in any case; false: a topic that nothing needs. */
bool webhook_topic_parse(struct span text, enum webhook_topic *topic_out);

/* ---- what a payload told ------------------------------------------------------------ */

struct webhook_number {
    bool there;
    int64_t value;
};

enum webhook_line_kind {
    WEBHOOK_LINE_ORDERED,
    WEBHOOK_LINE_REFUNDED,
    WEBHOOK_LINE_ADDED,   /* by an edit of the order */
    WEBHOOK_LINE_REMOVED, /* by an edit of the order */
    WEBHOOK_LINE_VARIANT, /* of a product */
};

struct webhook_line {
    struct webhook_line *next;
    enum webhook_line_kind kind;
    struct webhook_number id; /* of the line; of the refund's line */
    struct webhook_number units;
    struct webhook_number location;
    struct webhook_number item; /* inventory item */
    struct webhook_number at;   /* microseconds since 1970 UTC */
    struct span sku;            /* raw; bytes NULL: none */
    struct span restock_type;   /* bytes NULL: not said */
};

/* All that is kept of a payload. Texts belong to the decoder's caller. */
struct webhook_body {
    struct webhook_number id; /* order, edit, refund, product or item */
    struct webhook_number item;
    struct webhook_number location;
    struct webhook_number quantity; /* there = false: null, the item is not tracked */
    struct webhook_number at;
    struct span gid; /* of a bulk operation */
    struct webhook_line *lines;
    size_t line_count;
};

/* ---- what follows from it ----------------------------------------------------------- */

/* Stands in metrics: a name is never given another meaning. */
enum webhook_rule {
    WEBHOOK_LEVEL_SEEN,      /* an event: shop.observed */
    WEBHOOK_LEVEL_UNTRACKED, /* null: there is no level */
    WEBHOOK_UNITS_ORDERED,   /* an event: shop.ordered */
    WEBHOOK_UNITS_RESTOCKED, /* an event: shop.ordered, negative */
    WEBHOOK_NOT_RESTOCKED,   /* the payload does not say that they lie there again */
    WEBHOOK_UNITS_ADDED,     /* a look-up, then an event */
    WEBHOOK_UNITS_REMOVED,   /* the payload does not say what became of them */
    WEBHOOK_NO_UNITS,
    WEBHOOK_NO_SKU,        /* nothing that is kept at par */
    WEBHOOK_ELSEWHERE,     /* a location that the contract does not keep at par */
    WEBHOOK_ITEM_MOVED,    /* the catalogue reads the item again */
    WEBHOOK_DUPLICATE_SKU, /* several items have it: nobody knows whose level it is */
    WEBHOOK_GONE,          /* what was looked up is not there any more */
    WEBHOOK_INCOMPLETE,    /* a field that should be there is not, or is out of range */
    WEBHOOK_RULE_COUNT,
};

struct webhook_rule_row {
    const char *id;
    const char *why;
};
const struct webhook_rule_row *webhook_rule(enum webhook_rule rule);

/* A level: WEBHOOK_LEVEL_SEEN, UNTRACKED or INCOMPLETE. */
enum webhook_rule webhook_judge_level(const struct webhook_body *body);

/* A line, of whatever kind. The units of the event it makes are in *units_out. */
enum webhook_rule webhook_judge_line(const struct webhook_line *line, int64_t *units_out);

/* Index of the shop's location by the number in its id; -1 = the contract has none. */
int webhook_location(const struct shop *shop, size_t location_count, int64_t number);

#endif
