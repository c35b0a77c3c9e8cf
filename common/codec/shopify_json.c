#include "common/codec/shopify_json.h"

#include "common/base/scope.h"
#include "common/codec/shopify_tree.h"

/* ---- set ----------------------------------------------------------------------------
 */

/* ["input", "quantities", "3", "changeFromQuantity"]: the index, as text or as a number.
 */
static int pair_of_path(const json_t *path)
{
    if (json_array_size(path) < 3)
        return -1;
    const json_t *where = json_array_get(path, 2);
    const json_t *list = json_array_get(path, 1);
    int64_t index = -1;
    if (!json_is_string(list) || strcmp(json_string_value(list), "quantities") != 0)
        return -1;
    if (json_is_integer(where))
        index = json_integer_value(where);
    else if (json_is_string(where) &&
             !span_to_int64(span_from(json_string_value(where)), &index))
        return -1;
    return index >= 0 && index < PUSH_PAIRS_MAX ? (int)index : -1;
}

static void take_user_error(const json_t *source, struct push_answer *out)
{
    if (out->error_count == PUSH_ERRORS_MAX) {
        out->errors_cut = true;
        return;
    }
    struct push_user_error *error = &out->errors[out->error_count++];
    tree_copy(tree_text(source, "code"), error->code, sizeof error->code);
    error->pair = pair_of_path(json_object_get(source, "field"));
}

static enum status take_set(const json_t *root, struct shopify_reply *reply,
                            struct push_answer *out, struct error *error)
{
    const json_t *payload = tree_data(root, "inventorySetQuantities");
    const json_t *errors = tree_array(payload, "userErrors");
    if (errors == NULL)
        return tree_not_api(error, "inventorySetQuantities.userErrors is missing");
    out->has_group = tree_object(payload, "inventoryAdjustmentGroup") != NULL;
    for (size_t at = 0; at < json_array_size(errors); at++)
        take_user_error(json_array_get(errors, at), out);
    if (out->error_count > 0)
        tree_copy(tree_text(json_array_get(errors, 0), "message"), reply->message,
                  sizeof reply->message);
    return STATUS_OK;
}

enum status shopify_decode_set(struct span body, struct shopify_reply *reply,
                               struct push_answer *out, struct error *error)
{
    SCOPED(tree_release) json_t *root = tree_parse(body, error);
    if (root == NULL)
        return STATUS_REJECT;
    tree_reply(root, reply);
    out->error_count = 0;
    out->errors_cut = false;
    out->has_group = false;
    out->has_top_error = reply->has_top_error;
    memcpy(out->top_code, reply->top_code, sizeof out->top_code);
    return reply->has_top_error ? STATUS_OK : take_set(root, reply, out, error);
}

/* ---- activation ---------------------------------------------------------------------- */

enum status shopify_decode_activate(struct span body, struct shopify_reply *reply,
                                    struct shopify_activated *out, struct error *error)
{
    SCOPED(tree_release) json_t *root = tree_parse(body, error);
    *out = (struct shopify_activated){0};
    if (root == NULL)
        return STATUS_REJECT;
    tree_reply(root, reply);
    if (reply->has_top_error)
        return STATUS_OK;
    const json_t *payload = tree_data(root, "inventoryActivate");
    const json_t *errors = tree_array(payload, "userErrors");
    if (errors == NULL)
        return tree_not_api(error, "inventoryActivate.userErrors is missing");
    if (json_array_size(errors) > 0)
        tree_copy(tree_text(json_array_get(errors, 0), "message"), out->refusal,
                  sizeof out->refusal);
    out->active = tree_true(tree_object(payload, "inventoryLevel"), "isActive");
    return STATUS_OK;
}

/* ---- levels -------------------------------------------------------------------------
 */

static bool quantity_named(const json_t *level, const char *name, int64_t *value_out)
{
    const json_t *quantities = tree_array(level, "quantities");
    for (size_t at = 0; at < json_array_size(quantities); at++) {
        const json_t *each = json_array_get(quantities, at);
        if (span_is(tree_text(each, "name"), name))
            return tree_quantity(each, "quantity", value_out);
    }
    return false;
}

static bool copy_text(struct pool *pool, struct span text, struct span *out)
{
    *out = text.bytes == NULL ? text : pool_span(pool, text);
    return text.bytes == NULL || out->bytes != NULL;
}

static bool take_level(const json_t *node, const struct levels_wanted *wanted, size_t at,
                       struct shopify_level *level)
{
    *level = (struct shopify_level){0};
    if (json_is_null(node))
        return true;
    if (!span_equal(tree_text(node, "id"), wanted->items[at]))
        return false;
    level->item_there = true;
    level->tracked = tree_true(node, "tracked");
    const json_t *shown = tree_object(node, "inventoryLevel");
    level->level_there = shown != NULL;
    level->active = tree_true(shown, "isActive");
    level->has_quantity = quantity_named(shown, wanted->name, &level->quantity);
    level->has_committed = quantity_named(shown, "committed", &level->committed);
    return copy_text(wanted->pool, tree_text(node, "sku"), &level->sku);
}

enum status shopify_decode_levels(struct span body, const struct levels_wanted *wanted,
                                  struct shopify_reply *reply,
                                  struct shopify_level *levels, struct error *error)
{
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *nodes = tree_array(tree_object(root, "data"), "nodes");
    if (nodes == NULL || json_array_size(nodes) != wanted->count)
        return tree_not_api(error, "other nodes than those asked for");
    for (size_t at = 0; at < wanted->count; at++)
        if (!take_level(json_array_get(nodes, at), wanted, at, &levels[at]))
            return tree_not_api(error, "other nodes than those asked for");
    return STATUS_OK;
}

/* ---- locations, scopes, token -------------------------------------------------------
 */

static bool take_location(const json_t *node, struct pool *pool,
                          struct shopify_location *out)
{
    out->active = tree_true(node, "isActive");
    out->fulfilment_service = tree_true(node, "isFulfillmentService");
    return copy_text(pool, tree_text(node, "id"), &out->gid) && out->gid.bytes != NULL &&
           copy_text(pool, tree_text(node, "name"), &out->name);
}

enum status shopify_decode_locations(struct span body, struct shopify_reply *reply,
                                     struct shopify_locations *out, struct error *error)
{
    out->count = 0;
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *nodes = tree_array(tree_data(root, "locations"), "nodes");
    if (nodes == NULL || json_array_size(nodes) > SHOPIFY_LOCATIONS_MAX)
        return tree_not_api(error, "locations.nodes is missing or too long");
    for (size_t at = 0; at < json_array_size(nodes); at++)
        if (!take_location(json_array_get(nodes, at), out->pool, &out->all[at]))
            return tree_not_api(error, "a location without an id");
    out->count = json_array_size(nodes);
    return STATUS_OK;
}

static const char *const SCOPE_NAMES[] = {"read_inventory", "write_inventory",
                                          "read_locations", "read_products"};

const char *shopify_scope_name(unsigned bit)
{
    for (unsigned at = 0; at < sizeof SCOPE_NAMES / sizeof *SCOPE_NAMES; at++)
        if (bit == 1u << at)
            return SCOPE_NAMES[at];
    return "";
}

/* A scope to write holds the one to read, which the shop then leaves out. */
static unsigned scope_bits(struct span handle)
{
    if (span_is(handle, "write_inventory"))
        return SCOPE_WRITE_INVENTORY | SCOPE_READ_INVENTORY;
    if (span_is(handle, "write_locations"))
        return SCOPE_READ_LOCATIONS;
    if (span_is(handle, "write_products"))
        return SCOPE_READ_PRODUCTS;
    for (unsigned at = 0; at < sizeof SCOPE_NAMES / sizeof *SCOPE_NAMES; at++)
        if (span_is(handle, SCOPE_NAMES[at]))
            return 1u << at;
    return 0;
}

enum status shopify_decode_scopes(struct span body, struct shopify_reply *reply,
                                  unsigned *scopes_out, struct error *error)
{
    *scopes_out = 0;
    enum status status = STATUS_OK;
    SCOPED(tree_release) json_t *root = tree_answer(body, reply, &status, error);
    if (root == NULL)
        return status;
    const json_t *scopes =
        tree_array(tree_data(root, "currentAppInstallation"), "accessScopes");
    if (scopes == NULL)
        return tree_not_api(error, "accessScopes is missing");
    for (size_t at = 0; at < json_array_size(scopes); at++)
        *scopes_out |= scope_bits(tree_text(json_array_get(scopes, at), "handle"));
    return STATUS_OK;
}

enum status shopify_decode_token(struct span body, struct shopify_token *out,
                                 struct error *error)
{
    *out = (struct shopify_token){0};
    SCOPED(tree_release) json_t *root = tree_parse(body, error);
    if (root == NULL)
        return STATUS_REJECT;
    struct span text = tree_text(root, "access_token");
    if (text.length == 0 || text.length >= sizeof out->text)
        return tree_not_api(error, "access_token is missing");
    tree_copy(text, out->text, sizeof out->text);
    if (!tree_whole(root, "expires_in", &out->expires_in_seconds) ||
        out->expires_in_seconds < 0)
        out->expires_in_seconds = 0;
    return STATUS_OK;
}
