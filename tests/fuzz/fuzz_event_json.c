/*
 * The decoder of events on any bytes: plain, with CloudEvents attributes, structured.
 * What it accepts keeps its promises; what it calls JSON, jansson calls JSON too, but for
 * the differences named below.
 */
#include "common/base/check.h"
#include "common/codec/contract_json.h"
#include "common/codec/event_json.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1795608000000

static const char CONTRACT[] =
    "{\"version\":1,\"sources\":[{\"name\":\"wms\",\"rank\":1,\"state\":\"on_hand\"}],"
    "\"locations\":[{\"code\":\"BER\",\"aliases\":[\"Berlin\"]}],\"shops\":[{\"name\":"
    "\"demo\",\"endpoint\":\"https://demo.example/\",\"mode\":\"on_hand\",\"locations\":"
    "{\"BER\":\"gid://shopify/Location/1\"}}]}";

static struct contract *contract;
static struct event_decoder *decoder;
static struct pool pool;

static void set_up(void)
{
    struct error error;
    if (contract != NULL)
        return;
    ASSERT(contract_decode(span_from(CONTRACT), &contract, &error) == STATUS_OK);
    decoder = event_decoder_new();
    ASSERT(decoder != NULL);
    pool_init(&pool, (size_t)1 << 20);
}

static void check_event(const struct event *event)
{
    ASSERT(event->sku.length > 0 && event->sku.length <= 4 * EVENT_SKU_MAX);
    ASSERT(event->quantity >= -EVENT_QUANTITY_MAX);
    ASSERT(event->quantity <= EVENT_QUANTITY_MAX);
    ASSERT(event->source >= 0 && event->source_name.length > 0);
    ASSERT(event->location >= 0 || event->type == EVENT_ORDERED);
    ASSERT(!event->has_version || event->version >= 0);
    ASSERT(event->occurred_at_us <= NOW_MS * 1000 + EVENT_FUTURE_MAX_US);
    ASSERT(event->id.bytes == NULL || event->id.length > 0);
    char room[EVENT_CANONICAL_MAX];
    ASSERT(event_key_bytes(event, room) > 0 && event_content_bytes(event, room) > 0);
}

static enum reason decode(struct span value, const struct cloud_attributes *cloud,
                          struct event *event)
{
    const struct event_input input = {
        .contract = contract, .value = value, .recorded_at_ms = NOW_MS, .cloud = cloud};
    char detail[EVENT_DETAIL_MAX];
    pool_reset(&pool);
    enum reason reason = event_json_decode(decoder, &input, &pool, event, detail);
    ASSERT(reason <= REASON_BAD_SKU);
    if (reason == REASON_NONE)
        check_event(event);
    return reason;
}

/* jansson refuses what it can not hold: numbers past its types, halves of a surrogate
 * pair, deep nesting, NUL bytes in keys. */
static bool may_differ(struct span value, const json_error_t *fault)
{
    enum json_error_code code = json_error_code(fault);
    return code == json_error_numeric_overflow || code == json_error_stack_overflow ||
           code == json_error_null_byte_in_key ||
           memmem(value.bytes, value.length, "\\u", 2) != NULL;
}

static void compare_fields(json_t *root, const struct event *event)
{
    ASSERT(json_integer_value(json_object_get(root, "quantity")) == event->quantity);
    const char *id = json_string_value(json_object_get(root, "id"));
    ASSERT((id == NULL) == (event->id.bytes == NULL));
    ASSERT(id == NULL || span_is(event->id, id));
    if (event->has_version)
        ASSERT(json_integer_value(json_object_get(root, "version")) == event->version);
}

static void compare(struct span value, enum reason reason, const struct event *event)
{
    json_error_t fault;
    if (reason == REASON_EMPTY_VALUE || reason == REASON_TOO_LARGE)
        return;
    /* jansson takes a NUL byte behind the value for its end */
    if (memchr(value.bytes, 0, value.length) != NULL)
        return;
    json_t *root =
        json_loadb(value.bytes, value.length,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    bool is_json = reason != REASON_NOT_UTF8 && reason != REASON_NOT_JSON &&
                   reason != REASON_REPEATED_KEY;
    if (root == NULL) {
        ASSERT(!is_json || reason == REASON_NOT_AN_OBJECT || may_differ(value, &fault));
        return;
    }
    ASSERT(is_json);
    ASSERT(json_is_object(root) == (reason != REASON_NOT_AN_OBJECT));
    if (reason == REASON_NONE)
        compare_fields(root, event);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cloud_attributes BINARY = {.id = {"ce", 2},
                                                   .source = {"wms", 3},
                                                   .type = {"stock.adjusted", 14},
                                                   .time = {"2026-11-25T11:00:00Z", 20}};
    static const struct cloud_attributes STRUCTURED = {.structured = true};
    struct span value = {(const char *)data, size};
    struct event event;
    set_up();
    enum reason reason = decode(value, NULL, &event);
    compare(value, reason, &event);
    (void)decode(value, &BINARY, &event);
    (void)decode(value, &STRUCTURED, &event);
    return 0;
}
