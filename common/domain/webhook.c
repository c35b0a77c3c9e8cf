#include "common/domain/webhook.h"

#include "common/base/check.h"

/* Fields of a refund, within an order and alone. */
#define REFUND_FIELDS(prefix)                                                            \
    prefix "created_at", prefix "refund_line_items.id",                                  \
        prefix "refund_line_items.quantity", prefix "refund_line_items.restock_type",    \
        prefix "refund_line_items.location_id", prefix "refund_line_items.line_item.sku"

static const struct webhook_kind KINDS[WEBHOOK_TOPIC_COUNT] = {
    [WEBHOOK_LEVELS] = {.id = "inventory_levels/update",
                        .name = "INVENTORY_LEVELS_UPDATE",
                        .fields = {"inventory_item_id", "location_id", "available",
                                   "updated_at"},
                        .why =
                            "the shop's level changed: shop.observed, a reason to look. "
                            "Its number may be older or newer than the change"},
    [WEBHOOK_ORDER_CREATED] =
        {.id = "orders/create",
         .name = "ORDERS_CREATE",
         .fields = {"id", "created_at", "updated_at", "location_id", "line_items.id",
                    "line_items.sku", "line_items.quantity"},
         .why = "units were sold that no source may know of: shop.ordered, a line each"},
    [WEBHOOK_ORDER_CANCELLED] =
        {.id = "orders/cancelled",
         .name = "ORDERS_CANCELLED",
         .fields = {"id", "updated_at", "refunds.id", REFUND_FIELDS("refunds.")},
         .why =
             "units of an order that were put back: shop.ordered, negative, for what its "
             "refunds say was restocked"},
    [WEBHOOK_ORDER_EDITED] =
        {.id = "orders/edited",
         .name = "ORDERS_EDITED",
         .fields = {"order_edit"},
         .why = "units were added to an order: shop.ordered, once the shop has told the "
                "line's SKU"},
    [WEBHOOK_REFUNDED] = {.id = "refunds/create",
                          .name = "REFUNDS_CREATE",
                          .fields = {"id", "order_id", REFUND_FIELDS("")},
                          .why = "units that were put back: shop.ordered, negative, for "
                                 "what it says was restocked"},
    [WEBHOOK_PRODUCT] = {.id = "products/update",
                         .name = "PRODUCTS_UPDATE",
                         .fields = {"id", "updated_at", "variants.id",
                                    "variants.inventory_item_id", "variants.sku"},
                         .why = "an item of the product may have another SKU or policy: "
                                "the catalogue reads its items again"},
    [WEBHOOK_ITEM] = {.id = "inventory_items/update",
                      .name = "INVENTORY_ITEMS_UPDATE",
                      .fields = {"id", "sku", "updated_at"},
                      .why = "the item may have another SKU, or not be tracked any more: "
                             "the catalogue reads it again"},
    [WEBHOOK_BULK] = {.id = "bulk_operations/finish",
                      .name = "BULK_OPERATIONS_FINISH",
                      .fields = {0},
                      .why = "an export has ended: who waits for it looks at once"},
    [WEBHOOK_UNINSTALLED] = {.id = "app/uninstalled",
                             .name = "APP_UNINSTALLED",
                             .fields = {0},
                             .why = "the shop has thrown the app out: nothing is seen or "
                                    "written any more, which a person must know"},
};

static const struct webhook_rule_row RULES[WEBHOOK_RULE_COUNT] = {
    [WEBHOOK_LEVEL_SEEN] = {"level_seen", "the shop showed this level"},
    [WEBHOOK_LEVEL_UNTRACKED] = {"untracked", "the shop keeps no stock of the item"},
    [WEBHOOK_UNITS_ORDERED] = {"ordered", "units of an order"},
    [WEBHOOK_UNITS_RESTOCKED] = {"restocked", "the payload says that they were put back"},
    [WEBHOOK_NOT_RESTOCKED] = {"not_restocked",
                               "nothing says that they lie there again: they come back "
                               "with the source's next number"},
    [WEBHOOK_UNITS_ADDED] = {"added", "units that an edit added; the SKU is asked for"},
    [WEBHOOK_UNITS_REMOVED] = {"removed",
                               "an edit does not say where removed units went: they come "
                               "back with the source's next number"},
    [WEBHOOK_NO_UNITS] = {"no_units", "a line of nothing"},
    [WEBHOOK_NO_SKU] = {"no_sku", "a line without a usable SKU is nothing kept at par"},
    [WEBHOOK_ELSEWHERE] = {"elsewhere", "a location that the contract does not have"},
    [WEBHOOK_ITEM_MOVED] = {"item", "the catalogue reads the item again"},
    [WEBHOOK_DUPLICATE_SKU] = {"duplicate_sku",
                               "several items have the SKU, so that none is kept at par"},
    [WEBHOOK_GONE] = {"gone", "what was looked up is not there any more"},
    [WEBHOOK_INCOMPLETE] = {"incomplete", "a field is missing or out of range"},
};

const struct webhook_kind *webhook_kind(enum webhook_topic topic)
{
    ASSERT((size_t)topic < WEBHOOK_TOPIC_COUNT);
    return &KINDS[topic];
}

const struct webhook_rule_row *webhook_rule(enum webhook_rule rule)
{
    ASSERT((size_t)rule < WEBHOOK_RULE_COUNT);
    return &RULES[rule];
}

static bool is_same_word(struct span text, const char *word)
{
    if (text.length != strlen(word))
        return false;
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.bytes[at];
        if ((byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte) != word[at])
            return false;
    }
    return true;
}

bool webhook_topic_parse(struct span text, enum webhook_topic *topic_out)
{
    for (int topic = 0; topic < WEBHOOK_TOPIC_COUNT; topic++) {
        if (!is_same_word(text, KINDS[topic].id))
            continue;
        *topic_out = (enum webhook_topic)topic;
        return true;
    }
    return false;
}

/* ---- judging ------------------------------------------------------------------------ */

static bool is_quantity(const struct webhook_number *number)
{
    return number->there && number->value >= -EVENT_QUANTITY_MAX &&
           number->value <= EVENT_QUANTITY_MAX;
}

static bool is_count(const struct webhook_number *number)
{
    return is_quantity(number) && number->value >= 0;
}

enum webhook_rule webhook_judge_level(const struct webhook_body *body)
{
    if (!body->item.there || !body->location.there || !body->at.there)
        return WEBHOOK_INCOMPLETE;
    if (!body->quantity.there)
        return WEBHOOK_LEVEL_UNTRACKED;
    return is_quantity(&body->quantity) ? WEBHOOK_LEVEL_SEEN : WEBHOOK_INCOMPLETE;
}

static bool is_restocked(struct span type)
{
    static const char *const PUT_BACK[] = {"cancel", "return", "legacy_restock"};
    for (size_t at = 0; at < COUNT_OF(PUT_BACK); at++)
        if (span_is(type, PUT_BACK[at]))
            return true;
    return false;
}

static enum webhook_rule judge_refunded(const struct webhook_line *line)
{
    /* Where no location is named, units given back everywhere could be sold twice. */
    if (!is_restocked(line->restock_type) || !line->location.there)
        return WEBHOOK_NOT_RESTOCKED;
    return line->sku.length > 0 ? WEBHOOK_UNITS_RESTOCKED : WEBHOOK_NO_SKU;
}

static enum webhook_rule judge_units(const struct webhook_line *line)
{
    switch (line->kind) {
    case WEBHOOK_LINE_ORDERED:
        return line->sku.length > 0 ? WEBHOOK_UNITS_ORDERED : WEBHOOK_NO_SKU;
    case WEBHOOK_LINE_REFUNDED:
        return judge_refunded(line);
    case WEBHOOK_LINE_ADDED:
        return WEBHOOK_UNITS_ADDED;
    case WEBHOOK_LINE_REMOVED:
        return WEBHOOK_UNITS_REMOVED;
    case WEBHOOK_LINE_VARIANT:
        break;
    }
    UNREACHABLE("variants have no units");
}

enum webhook_rule webhook_judge_line(const struct webhook_line *line, int64_t *units_out)
{
    *units_out = 0;
    if (line->kind == WEBHOOK_LINE_VARIANT)
        return line->item.there ? WEBHOOK_ITEM_MOVED : WEBHOOK_INCOMPLETE;
    if (!line->id.there || !line->at.there || !is_count(&line->units))
        return WEBHOOK_INCOMPLETE;
    if (line->units.value == 0)
        return WEBHOOK_NO_UNITS;
    enum webhook_rule rule = judge_units(line);
    *units_out = rule == WEBHOOK_UNITS_RESTOCKED ? -line->units.value : line->units.value;
    return rule;
}

int webhook_location(const struct shop *shop, size_t location_count, int64_t number)
{
    static const struct span HEAD = {.bytes = "gid://shopify/Location/", .length = 23};
    for (size_t at = 0; at < location_count; at++) {
        struct span gid = shop->gids[at];
        int64_t own = 0;
        if (gid.length <= HEAD.length || memcmp(gid.bytes, HEAD.bytes, HEAD.length) != 0)
            continue;
        struct span tail = {gid.bytes + HEAD.length, gid.length - HEAD.length};
        if (span_to_int64(tail, &own) && own == number)
            return (int)at;
    }
    return -1;
}
