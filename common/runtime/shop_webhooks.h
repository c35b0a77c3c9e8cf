/*
 * The webhooks that a shop sends us, held against those that are needed: for the command
 * that asks for them, for `doctor`, and for the gateway, which looks from time to time. The
 * shop takes a subscription away by itself once eight deliveries in a row have failed.
 */
#ifndef PARSTOCK_RUNTIME_SHOP_WEBHOOKS_H
#define PARSTOCK_RUNTIME_SHOP_WEBHOOKS_H

#include "common/io/shopify_webhook.h"
#include "common/runtime/config.h"
#include "common/runtime/shop_access.h"

#define SHOP_WEBHOOKS_PATH "/shopify/webhooks/"

enum webhook_state {
    WEBHOOK_STATE_GOOD,
    WEBHOOK_STATE_MISSING,
    WEBHOOK_STATE_NARROW, /* a field that is needed is not sent */
    WEBHOOK_STATE_FORMAT, /* not sent as JSON */
};

struct shop_webhook {
    enum webhook_state state;
    struct span id;  /* of the subscription; bytes NULL: missing */
    struct span uri; /* where it goes, or should */
};

struct shop_webhooks {
    const char *address; /* set by the caller: under which the shops reach us. NULL: any
                          * whose path is ours will do */
    struct pool *pool;   /* set by the caller, for the texts */
    /* out */
    struct shop_webhook topics[WEBHOOK_TOPIC_COUNT];
    size_t missing;   /* topics that are not GOOD */
    size_t elsewhere; /* subscriptions of these topics to other addresses */
};

/* "URL/shopify/webhooks/SHOP"; bytes NULL: no room. */
struct span shop_webhook_uri(const char *address, const struct shop *shop,
                             struct pool *pool);

/* Asks the shop. */
enum status shop_webhooks_look(struct shopify *shopify, const struct shop *shop,
                               struct shop_webhooks *webhooks, struct error *error);

/* "missing", "narrow", ..: as printed. */
const char *webhook_state_word(enum webhook_state state);
/* What it means and what to do, for people. */
const char *webhook_state_why(enum webhook_state state);

/* The names of topics that are not GOOD, ", " between them, cut to the room. */
void shop_webhooks_list(const struct shop_webhooks *webhooks, char *room, size_t size);

#endif
