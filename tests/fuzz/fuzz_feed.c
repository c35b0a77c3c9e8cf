/*
 * A mapping file of any bytes, then a feed of any bytes by a mapping: what is taken keeps the
 * promises of an event.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/contract_json.h"
#include "common/codec/feed_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US 1795608000000000

static const char CONTRACT[] =
    "{\"version\":1,\"sources\":[{\"name\":\"wms\",\"rank\":1,\"state\":\"on_hand\"}],"
    "\"locations\":[{\"code\":\"BER\",\"aliases\":[\"Berlin\"]}],\"shops\":[]}";

static const char MAPPING[] =
    "{\"version\":1,\"trim\":true,\"fields\":{\"source\":{\"constant\":\"wms\"},\"type\":"
    "{\"values\":{\"c\":\"stock.counted\",\"a\":\"stock.adjusted\"},\"otherwise\":\"keep\"},"
    "\"location\":{\"values\":{\"\":\"BER\"},\"otherwise\":\"keep\"},\"quantity\":{\"number\":"
    "{\"thousands\":\".\",\"zero_fraction\":\",\",\"plus\":true,\"minus_behind\":true}},"
    "\"occurred_at\":{\"time\":{\"format\":\"%d.%m.%Y %H:%M\",\"offset\":\"+01:00\"}},"
    "\"sees_orders_until\":{\"time\":{\"format\":\"%s\"}}}}";

static struct contract *contract;
static struct feed_mapping *mapping;
static struct feed_judge *judge;
static struct csv_reader reader;
static struct text_window window;

static struct feed_judge *judge_of(const struct feed_mapping *of)
{
    const struct feed_options options = {.contract = contract,
                                         .mapping = of,
                                         .feed = SPAN_OF("f"),
                                         .file_time_us = NOW_US,
                                         .now_us = NOW_US};
    struct feed_judge *made = feed_judge_new(&options);
    ASSERT(made != NULL);
    return made;
}

static void set_up(void)
{
    struct error error;
    if (contract != NULL)
        return;
    ASSERT(contract_decode(span_from(CONTRACT), &contract, &error) == STATUS_OK);
    ASSERT(feed_mapping_decode(span_from(MAPPING), &mapping, &error) == STATUS_OK);
    judge = judge_of(mapping); /* of all inputs: a row leaves nothing behind */
}

static void check_event(const struct feed_event *event)
{
    const struct event *of = &event->event;
    ASSERT(of->sku.length > 0 && of->id.length > 0);
    ASSERT(of->quantity >= -EVENT_QUANTITY_MAX && of->quantity <= EVENT_QUANTITY_MAX);
    ASSERT(of->occurred_at_us <= NOW_US + EVENT_FUTURE_MAX_US);
    ASSERT(!feed_sku_is_mangled(of->sku));
    /* what is published is judged by apply: it must come to the same */
    static struct event_decoder *decoder;
    static struct pool pool;
    struct event found;
    if (decoder == NULL) {
        decoder = event_decoder_new();
        pool_init(&pool, (size_t)1 << 20);
    }
    pool_reset(&pool);
    const struct event_input input = {
        .contract = contract, .value = event->value, .recorded_at_ms = NOW_US / 1000};
    ASSERT(event_json_decode(decoder, &input, &pool, &found, NULL) == REASON_NONE);
    ASSERT(span_equal(found.sku, of->sku) && span_equal(found.id, of->id));
    ASSERT(found.quantity == of->quantity && found.location == of->location);
    ASSERT(found.occurred_at_us == of->occurred_at_us && found.type == of->type);
    ASSERT(found.has_version == of->has_version && found.version == of->version);
}

static void judge_feed(struct span text, bool is_json)
{
    char detail[FEED_DETAIL_MAX];
    struct csv_record record = {0};
    struct feed_event event;
    struct feed_row row = {.number = 1, .line = text, .wants_value = true};
    if (is_json) {
        if (feed_judge_row(judge, &row, &event, detail) == FEED_REASON_NONE)
            check_event(&event);
        return;
    }
    text_window_init(&window, TEXT_BY_MARK);
    csv_reader_init(&reader, &mapping->dialect);
    text_window_add(&window, &text, true);
    if (csv_reader_next(&reader, &window, &record) != TEXT_STEP_RECORD ||
        feed_judge_header(judge, &record, detail) != FEED_REASON_NONE)
        return;
    reader.columns = record.field_count;
    row.record = &record;
    for (; csv_reader_next(&reader, &window, &record) == TEXT_STEP_RECORD; row.number++)
        if (feed_judge_row(judge, &row, &event, detail) == FEED_REASON_NONE)
            check_event(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    SCOPED(feed_mapping_free) struct feed_mapping *made = NULL;
    set_up();
    if (size < 1)
        return 0;
    struct span text = {(const char *)data + 1, size - 1};
    if (data[0] % 4 == 0) {
        enum status status = feed_mapping_decode(text, &made, &error);
        ASSERT((status == STATUS_OK) == (made != NULL));
        ASSERT(status == STATUS_OK || error.text[0] != '\0');
        return 0;
    }
    judge_feed(text, data[0] % 4 == 1);
    return 0;
}
