#include "common/codec/shopify_hooks.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/shopify_tree.h"

/* ---- requests ----------------------------------------------------------------------- */

static void put_fields(struct buf *out, const struct webhook_kind *kind)
{
    if (kind->fields[0] == NULL)
        return;
    json_name(out, "includeFields");
    buf_byte(out, '[');
    for (size_t at = 0; kind->fields[at] != NULL; at++) {
        if (at > 0)
            buf_byte(out, ',');
        json_text(out, span_from(kind->fields[at]));
    }
    buf_byte(out, ']');
}

void shopify_encode_subscribe(const struct subscribe_request *request, struct buf *out)
{
    const struct webhook_kind *kind = webhook_kind(request->topic);
    buf_byte(out, '{');
    json_member_text(out, "query", request->document);
    json_name(out, "variables");
    buf_byte(out, '{');
    if (request->id.bytes != NULL)
        json_member_text(out, "id", request->id);
    else
        json_member_text(out, "topic", span_from(kind->name));
    json_name(out, "webhookSubscription");
    buf_byte(out, '{');
    json_member_text(out, "uri", request->uri);
    json_member_text(out, "format", SPAN_OF("JSON"));
    put_fields(out, kind);
    buf_text(out, "}}}");
}

void shopify_encode_ids(struct span document, const struct span *ids, size_t count,
                        struct buf *out)
{
    buf_byte(out, '{');
    json_member_text(out, "query", document);
    buf_text(out, ",\"variables\":{\"ids\":[");
    for (size_t at = 0; at < count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        json_text(out, ids[at]);
    }
    buf_text(out, "]}}");
}

/* ---- subscriptions ------------------------------------------------------------------ */

static bool sends(const json_t *fields, const char *field)
{
    for (size_t at = 0; at < json_array_size(fields); at++) {
        const char *given = json_string_value(json_array_get(fields, at));
        size_t length = given != NULL ? strlen(given) : 0;
        /* "refunds" sends "refunds.id" too */
        if (length > 0 && strncmp(field, given, length) == 0 &&
            (field[length] == '\0' || field[length] == '.'))
            return true;
    }
    return false;
}

static unsigned lacking(const json_t *fields, struct span topic)
{
    unsigned lacks = 0;
    for (int each = 0; each < WEBHOOK_TOPIC_COUNT; each++) {
        const struct webhook_kind *kind = webhook_kind((enum webhook_topic)each);
        if (!span_is(topic, kind->name))
            continue;
        for (unsigned at = 0; kind->fields[at] != NULL; at++)
            lacks |= sends(fields, kind->fields[at]) ? 0 : 1u << at;
    }
    return lacks;
}

static bool take_subscription(const json_t *node, struct pool *pool,
                              struct subscription *out)
{
    bool failed = false;
    const json_t *fields = tree_array(node, "includeFields");
    out->id = tree_kept(pool, tree_text(node, "id"), &failed);
    out->topic = tree_kept(pool, tree_text(node, "topic"), &failed);
    out->uri = tree_kept(pool, tree_text(node, "uri"), &failed);
    out->is_json = span_is(tree_text(node, "format"), "JSON");
    out->sends_all = json_array_size(fields) == 0;
    out->lacks_fields = out->sends_all ? 0 : lacking(fields, out->topic);
    return !failed && out->id.bytes != NULL && out->topic.bytes != NULL &&
           out->uri.bytes != NULL;
}

enum status shopify_decode_subscriptions(struct span body, struct shopify_reply *reply,
                                         struct subscriptions *out, struct error *error)
{
    out->count = 0;
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *page = tree_data(root, "webhookSubscriptions");
    const json_t *nodes = tree_array(page, "nodes");
    if (nodes == NULL || json_array_size(nodes) > SUBSCRIPTIONS_MAX)
        return tree_not_api(error, "webhookSubscriptions.nodes is missing or too long");
    for (size_t at = 0; at < json_array_size(nodes); at++)
        if (!take_subscription(json_array_get(nodes, at), out->pool, &out->all[at]))
            return tree_not_api(error, "a subscription without id, topic or uri");
    out->count = json_array_size(nodes);
    out->is_cut = tree_true(tree_object(page, "pageInfo"), "hasNextPage");
    return STATUS_OK;
}

enum status shopify_decode_subscribed(struct span body, struct shopify_reply *reply,
                                      struct subscribed *out, struct error *error)
{
    *out = (struct subscribed){0};
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *payload = tree_data(root, "webhookSubscriptionCreate");
    if (payload == NULL)
        payload = tree_data(root, "webhookSubscriptionUpdate");
    const json_t *errors = tree_array(payload, "userErrors");
    if (errors == NULL)
        return tree_not_api(error, "userErrors is missing");
    if (json_array_size(errors) > 0)
        tree_copy(tree_text(json_array_get(errors, 0), "message"), out->refusal,
                  sizeof out->refusal);
    else if (tree_object(payload, "webhookSubscription") == NULL)
        return tree_not_api(error, "webhookSubscription is missing");
    return STATUS_OK;
}

/* ---- nodes -------------------------------------------------------------------------- */

/* The nodes of an answer, as many as were asked for; NULL otherwise. */
static const json_t *nodes_of(const json_t *root, const struct items_wanted *wanted)
{
    const json_t *nodes = tree_array(tree_object(root, "data"), "nodes");
    return json_array_size(nodes) == wanted->count ? nodes : NULL;
}

static bool is_asked_for(const json_t *node, const struct items_wanted *wanted, size_t at)
{
    return span_equal(tree_text(node, "id"), wanted->ids[at]);
}

static void take_variant(const json_t *node, struct pool *pool, struct item_variant *out,
                         bool *failed)
{
    out->continues = span_is(tree_text(node, "inventoryPolicy"), "CONTINUE");
    out->bundle = tree_true(node, "requiresComponents");
    out->has_price = tree_money(node, "price", &out->price_micros);
    out->tags = tree_tags(pool, node, failed);
}

static bool take_item(const json_t *node, const struct items_wanted *wanted, size_t at,
                      struct item_facts *out)
{
    bool failed = false;
    *out = (struct item_facts){0};
    if (json_is_null(node))
        return true;
    if (!is_asked_for(node, wanted, at))
        return false;
    out->there = true;
    out->sku = tree_kept(wanted->pool, tree_text(node, "sku"), &failed);
    out->tracked = tree_true(node, "tracked");
    const json_t *variants = tree_array(tree_object(node, "variants"), "nodes");
    for (size_t each = 0; each < json_array_size(variants) && each < ITEM_VARIANTS_MAX;
         each++)
        take_variant(json_array_get(variants, each), wanted->pool,
                     &out->variants[out->variant_count++], &failed);
    return !failed;
}

enum status shopify_decode_items(struct span body, const struct items_wanted *wanted,
                                 struct shopify_reply *reply, struct item_facts *facts,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *nodes = nodes_of(root, wanted);
    for (size_t at = 0; at < wanted->count; at++)
        if (nodes == NULL ||
            !take_item(json_array_get(nodes, at), wanted, at, &facts[at]))
            return tree_not_api(error, "other nodes than those asked for");
    return STATUS_OK;
}

static bool take_line(const json_t *node, const struct items_wanted *wanted, size_t at,
                      struct order_line *out)
{
    bool failed = false;
    *out = (struct order_line){0};
    if (json_is_null(node))
        return true;
    out->there = true;
    out->sku = tree_kept(wanted->pool, tree_text(node, "sku"), &failed);
    return !failed && is_asked_for(node, wanted, at);
}

enum status shopify_decode_order_lines(struct span body,
                                       const struct items_wanted *wanted,
                                       struct shopify_reply *reply,
                                       struct order_line *lines, struct error *error)
{
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *nodes = nodes_of(root, wanted);
    for (size_t at = 0; at < wanted->count; at++)
        if (nodes == NULL ||
            !take_line(json_array_get(nodes, at), wanted, at, &lines[at]))
            return tree_not_api(error, "other nodes than those asked for");
    return STATUS_OK;
}
