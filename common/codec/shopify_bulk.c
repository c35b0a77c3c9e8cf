#include "common/base/scope.h"
#include "common/codec/shopify_tree.h"

static bool starts_with(struct span text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && memcmp(text.bytes, prefix, length) == 0;
}

/* Long numbers travel as strings. */
static int64_t counted(const json_t *parent, const char *name)
{
    int64_t value = 0;
    struct span text = tree_text(parent, name);
    if (text.bytes != NULL)
        return span_to_int64(text, &value) && value >= 0 ? value : 0;
    return tree_whole(parent, name, &value) && value >= 0 ? value : 0;
}

static void take_operation(const json_t *operation, struct shopify_bulk *out)
{
    tree_copy(tree_text(operation, "id"), out->id, sizeof out->id);
    tree_copy(tree_text(operation, "status"), out->status, sizeof out->status);
    tree_copy(tree_text(operation, "errorCode"), out->error_code, sizeof out->error_code);
    out->object_count = counted(operation, "objectCount");
}

enum status shopify_decode_bulk_run(struct span body, struct shopify_reply *reply,
                                    struct shopify_bulk *out, struct error *error)
{
    *out = (struct shopify_bulk){0};
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *payload = tree_data(root, "bulkOperationRunQuery");
    const json_t *errors = tree_array(payload, "userErrors");
    const json_t *operation = tree_object(payload, "bulkOperation");
    if (errors == NULL || (operation == NULL && json_array_size(errors) == 0))
        return tree_not_api(error, "bulkOperationRunQuery is incomplete");
    take_operation(operation, out);
    if (json_array_size(errors) > 0) {
        const json_t *first = json_array_get(errors, 0);
        tree_copy(tree_text(first, "code"), out->error_code, sizeof out->error_code);
        tree_copy(tree_text(first, "message"), out->message, sizeof out->message);
        if (out->error_code[0] == '\0')
            tree_copy(SPAN_OF("INVALID"), out->error_code, sizeof out->error_code);
    }
    return STATUS_OK;
}

enum status shopify_decode_bulk_status(struct span body, struct shopify_reply *reply,
                                       struct shopify_bulk *out, struct error *error)
{
    *out = (struct shopify_bulk){0};
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *operation = tree_data(root, "bulkOperation");
    if (operation == NULL)
        return tree_not_api(error, "the bulk operation is gone");
    take_operation(operation, out);
    struct span url = tree_text(operation, "url");
    if (url.length >= sizeof out->url)
        return tree_not_api(error, "the address of the result is too long");
    tree_copy(url, out->url, sizeof out->url);
    return STATUS_OK;
}

static void take_quantities(const json_t *level, struct bulk_line *out)
{
    const json_t *quantities = tree_array(level, "quantities");
    for (size_t at = 0; at < json_array_size(quantities); at++) {
        const json_t *each = json_array_get(quantities, at);
        struct span name = tree_text(each, "name");
        if (span_is(name, "available"))
            out->has_available = tree_quantity(each, "quantity", &out->available);
        else if (span_is(name, "on_hand"))
            out->has_on_hand = tree_quantity(each, "quantity", &out->on_hand);
        else if (span_is(name, "committed"))
            out->has_committed = tree_quantity(each, "quantity", &out->committed);
    }
}

static bool take_item(const json_t *root, struct pool *pool, struct bulk_line *out)
{
    bool full = false;
    out->kind = BULK_ITEM;
    out->sku = tree_kept(pool, tree_text(root, "sku"), &full);
    out->tracked = tree_true(root, "tracked");
    return !full;
}

static bool take_variant(const json_t *root, struct pool *pool, struct bulk_line *out)
{
    bool full = false;
    out->kind = BULK_VARIANT;
    out->item = tree_kept(pool, tree_text(root, "__parentId"), &full);
    out->continues = span_is(tree_text(root, "inventoryPolicy"), "CONTINUE");
    out->bundle = tree_true(root, "requiresComponents");
    out->has_price = tree_money(root, "price", &out->price_micros);
    out->tags = tree_tags(pool, root, &full);
    return !full;
}

static bool take_level(const json_t *root, struct pool *pool, struct bulk_line *out)
{
    bool full = false;
    out->kind = BULK_LEVEL;
    out->item = tree_kept(pool, tree_text(root, "__parentId"), &full);
    out->location =
        tree_kept(pool, tree_text(tree_object(root, "location"), "id"), &full);
    out->active = tree_true(root, "isActive");
    take_quantities(root, out);
    return !full;
}

static enum status take_line(const json_t *root, struct pool *pool, struct bulk_line *out,
                             struct error *error)
{
    bool whole = true;
    struct span id = tree_text(root, "id");
    if (starts_with(id, "gid://shopify/InventoryItem/"))
        whole = take_item(root, pool, out);
    else if (starts_with(id, "gid://shopify/ProductVariant/"))
        whole = take_variant(root, pool, out);
    else if (starts_with(id, "gid://shopify/InventoryLevel/"))
        whole = take_level(root, pool, out);
    bool full = !whole;
    out->id = tree_kept(pool, id, &full);
    if (full)
        return error_set(error, STATUS_REJECT, "a line of the result is too long");
    if (out->kind == BULK_VARIANT && out->item.bytes == NULL)
        return tree_not_api(error, "a variant without its item");
    if (out->kind == BULK_LEVEL &&
        (out->item.bytes == NULL || out->location.bytes == NULL))
        return tree_not_api(error, "a level without item or location");
    return STATUS_OK;
}

enum status shopify_decode_bulk_line(struct span line, struct pool *pool,
                                     struct bulk_line *out, struct error *error)
{
    *out = (struct bulk_line){0};
    SCOPED(tree_release) json_t *root = tree_parse(line, error);
    return root == NULL ? STATUS_REJECT : take_line(root, pool, out, error);
}
