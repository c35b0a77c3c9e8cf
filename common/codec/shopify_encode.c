#include "common/base/check.h"
#include "common/codec/shopify_json.h"

/* Written by hand, so that no library's choice can change one byte of a repeated call. */
static void put_string(struct buf *out, struct span text)
{
    buf_byte(out, '"');
    for (size_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.bytes[at];
        if (byte == '"' || byte == '\\')
            buf_format(out, "\\%c", byte);
        else if (byte == '\n')
            buf_text(out, "\\n");
        else if (byte < 0x20)
            buf_format(out, "\\u%04x", byte);
        else
            buf_byte(out, (char)byte);
    }
    buf_byte(out, '"');
}

static void put_member(struct buf *out, const char *name, struct span value)
{
    buf_format(out, "\"%s\":", name);
    put_string(out, value);
}

static void put_pair(struct buf *out, const struct set_pair *pair)
{
    buf_byte(out, '{');
    put_member(out, "inventoryItemId", pair->item);
    buf_byte(out, ',');
    put_member(out, "locationId", pair->location);
    buf_format(out, ",\"quantity\":%lld,\"changeFromQuantity\":%lld}",
               (long long)pair->quantity, (long long)pair->change_from);
}

void shopify_encode_set(const struct set_request *request, struct buf *out)
{
    ASSERT(request->pair_count > 0 && request->pair_count <= PUSH_PAIRS_MAX);
    ASSERT(request->key.length > 0);
    buf_byte(out, '{');
    put_member(out, "query", request->document);
    buf_text(out, ",\"variables\":{");
    put_member(out, "key", request->key);
    buf_text(out, ",\"input\":{");
    put_member(out, "name", request->name);
    buf_byte(out, ',');
    put_member(out, "reason", request->reason);
    buf_byte(out, ',');
    put_member(out, "referenceDocumentUri", request->reference);
    buf_text(out, ",\"quantities\":[");
    for (size_t at = 0; at < request->pair_count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        put_pair(out, &request->pairs[at]);
    }
    buf_text(out, "]}}}");
}

void shopify_encode_read(struct span document, const struct span *items, size_t count,
                         struct span location, struct buf *out)
{
    ASSERT(count > 0 && count <= PUSH_PAIRS_MAX);
    buf_byte(out, '{');
    put_member(out, "query", document);
    buf_text(out, ",\"variables\":{");
    put_member(out, "locationId", location);
    buf_text(out, ",\"ids\":[");
    for (size_t at = 0; at < count; at++) {
        if (at > 0)
            buf_byte(out, ',');
        put_string(out, items[at]);
    }
    buf_text(out, "]}}");
}

void shopify_encode_activate(const struct activate_request *request, struct buf *out)
{
    ASSERT(request->key.length > 0);
    buf_byte(out, '{');
    put_member(out, "query", request->document);
    buf_text(out, ",\"variables\":{");
    put_member(out, "key", request->key);
    buf_byte(out, ',');
    put_member(out, "inventoryItemId", request->item);
    buf_byte(out, ',');
    put_member(out, "locationId", request->location);
    buf_text(out, "}}");
}

void shopify_encode_plain(struct span document, const char *name, struct span value,
                          struct buf *out)
{
    buf_byte(out, '{');
    put_member(out, "query", document);
    if (name != NULL) {
        buf_text(out, ",\"variables\":{");
        put_member(out, name, value);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}
