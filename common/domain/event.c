#include "common/domain/event.h"

#include "common/base/check.h"

static const char *const TYPE_NAMES[EVENT_TYPE_COUNT] = {
    [EVENT_COUNTED] = "stock.counted",
    [EVENT_ADJUSTED] = "stock.adjusted",
    [EVENT_OBSERVED] = "shop.observed",
    [EVENT_ORDERED] = "shop.ordered",
};

bool event_type_parse(struct span text, enum event_type *type_out)
{
    for (size_t type = 0; type < COUNT_OF(TYPE_NAMES); type++) {
        if (span_is(text, TYPE_NAMES[type])) {
            *type_out = (enum event_type)type;
            return true;
        }
    }
    return false;
}

const char *event_type_name(enum event_type type)
{
    ASSERT((size_t)type < COUNT_OF(TYPE_NAMES));
    return TYPE_NAMES[type];
}

/* ---- canonical bytes ----------------------------------------------------------------
 */

struct writer {
    char *room;
    size_t length;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t length)
{
    ASSERT(length <= EVENT_CANONICAL_MAX - writer->length);
    if (length > 0)
        memcpy(writer->room + writer->length, bytes, length);
    writer->length += length;
}

static void write_number(struct writer *writer, int64_t number)
{
    uint64_t bits = (uint64_t)number;
    unsigned char bytes[8];
    for (int at = 7; at >= 0; at--) {
        bytes[at] = (unsigned char)bits;
        bits >>= 8;
    }
    write_bytes(writer, bytes, sizeof(bytes));
}

/* An absent text is told from an empty one by its length. */
static void write_text(struct writer *writer, struct span text)
{
    write_number(writer, text.bytes != NULL ? (int64_t)text.length : -1);
    if (text.bytes != NULL)
        write_bytes(writer, text.bytes, text.length);
}

static void write_optional(struct writer *writer, bool present, int64_t number)
{
    write_bytes(writer, present ? "\1" : "\0", 1);
    write_number(writer, present ? number : 0);
}

static void write_content(struct writer *writer, const struct event *event)
{
    write_number(writer, event->type);
    write_text(writer, event->source_name);
    write_text(writer, event->id);
    write_text(writer, event->sku);
    write_text(writer, event->location_code);
    write_number(writer, event->quantity);
    write_number(writer, event->occurred_at_us);
    write_optional(writer, event->has_version, event->version);
    write_optional(writer, event->has_sees_orders_until, event->sees_orders_until_us);
}

size_t event_key_bytes(const struct event *event, char *room)
{
    struct writer writer = {.room = room};
    ASSERT(event->sku.length > 0);
    if (event->id.bytes != NULL) {
        write_bytes(&writer, "id:1", 4);
        write_text(&writer, event->source_name);
        write_text(&writer, event->sku);
        write_text(&writer, event->id);
        return writer.length;
    }
    write_bytes(&writer, "ct:1", 4);
    write_content(&writer, event);
    write_text(&writer, event->reference);
    return writer.length;
}

size_t event_content_bytes(const struct event *event, char *room)
{
    struct writer writer = {.room = room};
    write_bytes(&writer, "fp:1", 4);
    write_content(&writer, event);
    return writer.length;
}
