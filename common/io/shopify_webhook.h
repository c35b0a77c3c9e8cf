/*
 * The calls that webhooks need of the Admin API. Statuses as in common/io/shopify.h; texts
 * in the caller's pool.
 */
#ifndef PARSTOCK_IO_SHOPIFY_WEBHOOK_H
#define PARSTOCK_IO_SHOPIFY_WEBHOOK_H

#include "common/codec/shopify_hooks.h"
#include "common/io/shopify.h"

#define SHOPIFY_ITEM_POINTS 7 /* requested cost of one item in catalog_items */
#define SHOPIFY_LINE_POINTS 1 /* requested cost of one line in order_lines */

/* All subscriptions of this app. */
enum status shopify_subscriptions(struct shopify *shopify, struct subscriptions *out,
                                  struct error *error);

/* A new one, or (with an id) another address or other fields of one that there is. */
struct subscribe_call {
    struct span id; /* bytes NULL: a new one */
    enum webhook_topic topic;
    struct span uri;
};
enum status shopify_subscribe(struct shopify *shopify, const struct subscribe_call *call,
                              struct subscribed *out, struct error *error);

enum status shopify_items(struct shopify *shopify, const struct items_wanted *wanted,
                          struct item_facts *facts, struct error *error);

enum status shopify_order_lines(struct shopify *shopify,
                                const struct items_wanted *wanted,
                                struct order_line *lines, struct error *error);

#endif
