#include "common/io/shopify_webhook.h"

#include "common/base/check.h"
#include "common/io/shopify_call.h"

enum status shopify_subscriptions(struct shopify *shopify, struct subscriptions *out,
                                  struct error *error)
{
    shopify_encode_plain(shopify_document("webhook_subscriptions.graphql"), NULL,
                         (struct span){0}, shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_subscriptions(body, &reply, out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_subscribe(struct shopify *shopify, const struct subscribe_call *call,
                              struct subscribed *out, struct error *error)
{
    const struct subscribe_request request = {
        .document = call->id.bytes == NULL
                        ? shopify_document("webhook_subscribe.graphql")
                        : shopify_document("webhook_resubscribe.graphql"),
        .id = call->id,
        .topic = call->topic,
        .uri = call->uri};
    shopify_encode_subscribe(&request, shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_subscribed(body, &reply, out, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_items(struct shopify *shopify, const struct items_wanted *wanted,
                          struct item_facts *facts, struct error *error)
{
    ASSERT(wanted->count > 0 && wanted->count <= ITEMS_WANTED_MAX);
    shopify_encode_ids(shopify_document("catalog_items.graphql"), wanted->ids,
                       wanted->count, shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_items(body, wanted, &reply, facts, error);
    return shopify_judge(shopify, status, &reply, error);
}

enum status shopify_order_lines(struct shopify *shopify,
                                const struct items_wanted *wanted,
                                struct order_line *lines, struct error *error)
{
    ASSERT(wanted->count > 0 && wanted->count <= ITEMS_WANTED_MAX);
    shopify_encode_ids(shopify_document("order_lines.graphql"), wanted->ids,
                       wanted->count, shopify_request(shopify));
    struct span body;
    enum status status = shopify_ask(shopify, &body, error);
    if (status != STATUS_OK)
        return status;
    struct shopify_reply reply;
    status = shopify_decode_order_lines(body, wanted, &reply, lines, error);
    return shopify_judge(shopify, status, &reply, error);
}
