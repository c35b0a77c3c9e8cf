/*
 * Requests and answers of what webhooks need of the Admin API: subscriptions, items and
 * order lines by their ids. As common/codec/shopify_json: requests byte-stable, answers
 * hostile, texts copied into the pool.
 */
#ifndef PARSTOCK_CODEC_SHOPIFY_HOOKS_H
#define PARSTOCK_CODEC_SHOPIFY_HOOKS_H

#include "common/codec/shopify_json.h"
#include "common/domain/webhook.h"

#define SUBSCRIPTIONS_MAX 250
#define SUBSCRIPTION_URI_MAX 2048

/* One that the shop has. */
struct subscription {
    struct span id;
    struct span topic; /* as in the Admin API */
    struct span uri;
    bool is_json;
    bool sends_all;        /* no includeFields */
    unsigned lacks_fields; /* bits by place in webhook_kind.fields; 0 for other topics */
};

struct subscriptions {
    struct pool *pool; /* set by the caller */
    size_t count;
    bool is_cut; /* there are more */
    struct subscription all[SUBSCRIPTIONS_MAX];
};

enum status shopify_decode_subscriptions(struct span body, struct shopify_reply *reply,
                                         struct subscriptions *out, struct error *error);

struct subscribe_request {
    struct span document;
    struct span id; /* of the one that is changed; bytes NULL: a new one */
    enum webhook_topic topic;
    struct span uri;
};
void shopify_encode_subscribe(const struct subscribe_request *request, struct buf *out);

/* What the shop refused with, in its own words; "" = it did as asked. */
struct subscribed {
    char refusal[SHOPIFY_NAME_MAX];
};
enum status shopify_decode_subscribed(struct span body, struct shopify_reply *reply,
                                      struct subscribed *out, struct error *error);

/* {"query", "variables": {"ids": [..]}} */
void shopify_encode_ids(struct span document, const struct span *ids, size_t count,
                        struct buf *out);

#define ITEMS_WANTED_MAX 60

#define ITEM_VARIANTS_MAX 3

/* What sells an item. */
struct item_variant {
    bool continues;
    bool bundle;
    bool has_price;
    int64_t price_micros;
    struct span tags; /* one a line; never absent */
};

/* An item as the catalogue keeps it; in the order of the ids asked for. */
struct item_facts {
    bool there;
    struct span sku; /* raw; bytes NULL: none */
    bool tracked;
    size_t variant_count;
    struct item_variant variants[ITEM_VARIANTS_MAX];
};

struct items_wanted {
    const struct span *ids;
    size_t count; /* at most ITEMS_WANTED_MAX */
    struct pool *pool;
};

enum status shopify_decode_items(struct span body, const struct items_wanted *wanted,
                                 struct shopify_reply *reply, struct item_facts *facts,
                                 struct error *error);

/* A line of an order; in the order of the ids asked for. */
struct order_line {
    bool there;
    struct span sku; /* raw; bytes NULL: none */
};

enum status shopify_decode_order_lines(struct span body,
                                       const struct items_wanted *wanted,
                                       struct shopify_reply *reply,
                                       struct order_line *lines, struct error *error);

#endif
