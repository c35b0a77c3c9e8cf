#include "common/codec/feed_judge.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/digest.h"
#include "common/codec/feed_cell.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"
#include "common/codec/time_format.h"
#include "common/codec/utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL_MAX ((size_t)1024 * 1024)
#define ID_DIGEST_BYTES 16
#define NOWHERE SIZE_MAX

struct feed_judge {
    struct feed_options options;
    struct event_decoder *decoder;
    struct digest *digest;
    struct pool pool; /* of one row */
    struct buf value;
    struct event_names names;
    size_t places[FIELD_COUNT]; /* column of each field; NOWHERE = it has none */
    char file_time[RFC3339_TEXT_MAX];
    char id[FEED_ID_MAX];
    char numbers[FIELD_COUNT][FEED_NUMBER_MAX];
    char times[FIELD_COUNT][TIME_FORMAT_TEXT_MAX];
    char canonical[EVENT_CANONICAL_MAX];
};

static bool is_integer_field(enum event_field field)
{
    return field == FIELD_QUANTITY || field == FIELD_VERSION;
}

static const struct feed_field *rule_of(const struct feed_judge *judge,
                                        enum event_field field)
{
    return &judge->options.mapping->fields[field];
}

/* A member's name to the field that comes from it. */
static enum event_field named(const void *self, struct span name)
{
    const struct feed_mapping *mapping = self;
    for (enum event_field field = 0; field < FIELD_COUNT; field++)
        if (mapping->fields[field].from == FEED_FROM_COLUMN &&
            span_equal(mapping->fields[field].column, name))
            return field;
    return EVENT_VALUES;
}

void feed_judge_free(struct feed_judge **slot)
{
    struct feed_judge *judge = *slot;
    *slot = NULL;
    if (judge == NULL)
        return;
    event_decoder_free(&judge->decoder);
    digest_free(&judge->digest);
    pool_free(&judge->pool);
    buf_free(&judge->value);
    free(judge);
}

struct feed_judge *feed_judge_new(const struct feed_options *options)
{
    SCOPED(feed_judge_free) struct feed_judge *judge = calloc(1, sizeof(*judge));
    if (judge == NULL)
        return NULL;
    judge->options = *options;
    pool_init(&judge->pool, POOL_MAX);
    buf_init(&judge->value, EVENT_VALUE_MAX);
    judge->decoder = event_decoder_new();
    judge->digest = digest_new();
    judge->names = (struct event_names){.named = named, .self = options->mapping};
    rfc3339_format(options->file_time_us, judge->file_time);
    for (size_t field = 0; field < FIELD_COUNT; field++)
        judge->places[field] = NOWHERE;
    if (judge->decoder == NULL || judge->digest == NULL)
        return NULL;
    return TAKE(judge);
}

/* ---- the header ------------------------------------------------------------------------- */

static struct span trimmed(const struct feed_judge *judge, struct span cell)
{
    if (!judge->options.mapping->trims)
        return cell;
    while (cell.length > 0 && (cell.bytes[0] == ' ' || cell.bytes[0] == '\t')) {
        cell.bytes++;
        cell.length--;
    }
    while (cell.length > 0 &&
           (cell.bytes[cell.length - 1] == ' ' || cell.bytes[cell.length - 1] == '\t'))
        cell.length--;
    return cell;
}

static enum feed_reason refuse(char detail[FEED_DETAIL_MAX], enum feed_reason reason,
                               struct span what)
{
    (void)snprintf(detail, FEED_DETAIL_MAX, "%.*s",
                   what.length < FEED_DETAIL_MAX - 1 ? (int)what.length
                                                     : FEED_DETAIL_MAX - 1,
                   what.bytes != NULL ? what.bytes : "");
    return reason;
}

/* Two columns of one name are no trouble as long as nobody asks for it. */
static enum feed_reason find_column(struct feed_judge *judge, enum event_field field,
                                    const struct csv_record *header,
                                    char detail[FEED_DETAIL_MAX])
{
    const struct feed_field *rule = rule_of(judge, field);
    size_t *place = &judge->places[field];
    for (size_t at = 0; at < header->field_count; at++) {
        if (!span_equal(trimmed(judge, header->fields[at]), rule->column))
            continue;
        if (*place != NOWHERE)
            return refuse(detail, FEED_REASON_REPEATED_COLUMN, rule->column);
        *place = at;
    }
    if (*place == NOWHERE && rule->is_asked)
        return refuse(detail, FEED_REASON_MISSING_COLUMN, rule->column);
    return FEED_REASON_NONE;
}

static enum feed_reason find_place(struct feed_judge *judge, enum event_field field,
                                   size_t columns, char detail[FEED_DETAIL_MAX])
{
    const struct feed_field *rule = rule_of(judge, field);
    char text[64];
    judge->places[field] = rule->place;
    if (rule->place < columns)
        return FEED_REASON_NONE;
    (void)snprintf(text, sizeof(text), "column %zu of %zu", rule->place + 1, columns);
    return refuse(detail, FEED_REASON_MISSING_COLUMN, span_from(text));
}

enum feed_reason feed_judge_header(struct feed_judge *judge,
                                   const struct csv_record *header,
                                   char detail[FEED_DETAIL_MAX])
{
    detail[0] = '\0';
    bool has_header = judge->options.mapping->has_header;
    if (header->fault != CSV_FINE)
        return refuse(detail, FEED_REASON_NOT_CSV,
                      span_from(csv_fault_text(header->fault)));
    if (has_header && !utf8_valid(header->raw))
        return refuse(detail, (enum feed_reason)REASON_NOT_UTF8, SPAN_OF("the header"));
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        enum feed_from from = rule_of(judge, field)->from;
        enum feed_reason reason = FEED_REASON_NONE;
        judge->places[field] = NOWHERE;
        if (from == FEED_FROM_COLUMN && has_header)
            reason = find_column(judge, field, header, detail);
        if (from == FEED_FROM_PLACE)
            reason = find_place(judge, field, header->field_count, detail);
        if (reason != FEED_REASON_NONE)
            return reason;
    }
    return FEED_REASON_NONE;
}

const char *feed_judge_lacks(const struct feed_judge *judge)
{
    static const enum event_field NEEDED[] = {FIELD_TYPE,     FIELD_SOURCE,
                                              FIELD_SKU,      FIELD_LOCATION,
                                              FIELD_QUANTITY, FIELD_OCCURRED_AT};
    for (size_t at = 0; at < COUNT_OF(NEEDED); at++) {
        enum feed_from from = rule_of(judge, NEEDED[at])->from;
        if ((from == FEED_FROM_COLUMN || from == FEED_FROM_PLACE) &&
            judge->places[NEEDED[at]] == NOWHERE)
            return event_field_name(NEEDED[at]);
    }
    return NULL;
}

/* ---- from cells to values --------------------------------------------------------------- */

/* An empty text is as good as none, but the mapping may have a meaning for it. */
static void set_text(struct json_value *value, struct span text)
{
    *value = (struct json_value){.kind = JSON_KIND_TEXT, .text = text};
    if (text.length == 0)
        value->kind = JSON_KIND_ABSENT;
}

static void fill_cells(const struct feed_judge *judge, const struct csv_record *record,
                       struct event_draft *draft)
{
    for (size_t field = 0; field < FIELD_COUNT; field++) {
        size_t place = judge->places[field];
        if (place != NOWHERE)
            set_text(&draft->values[field], trimmed(judge, record->fields[place]));
    }
}

static void fill_constants(const struct feed_judge *judge, struct event_draft *draft)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        const struct feed_field *rule = rule_of(judge, field);
        if (rule->from == FEED_FROM_CONSTANT)
            set_text(&draft->values[field], rule->constant);
        if (rule->from == FEED_FROM_FILE_TIME)
            set_text(&draft->values[field], span_from(judge->file_time));
    }
}

/* Two fields may come from one member of a JSON object, which names the first of them. */
static void fill_shared(const struct feed_judge *judge, struct event_draft *draft)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        const struct feed_field *rule = rule_of(judge, field);
        if (rule->from != FEED_FROM_COLUMN)
            continue;
        enum event_field first = named(judge->options.mapping, rule->column);
        if (first != field)
            draft->values[field] = draft->values[first];
    }
}

static enum feed_reason read_number(struct feed_judge *judge, enum event_field field,
                                    struct json_value *value)
{
    const struct feed_number *number = &rule_of(judge, field)->number;
    if (!feed_number_read(number, value->text, judge->numbers[field], &value->text))
        return FEED_REASON_BAD_NUMBER;
    if (feed_is_integer(value->text))
        value->kind = JSON_KIND_INTEGER;
    return FEED_REASON_NONE;
}

static enum feed_reason read_time(struct feed_judge *judge, enum event_field field,
                                  struct json_value *value)
{
    const struct feed_field *rule = rule_of(judge, field);
    if (rule->time_format.bytes == NULL || rule->from == FEED_FROM_FILE_TIME)
        return FEED_REASON_NONE;
    if (!time_format_read(rule->time_format, rule->time_offset, value->text,
                          judge->times[field]))
        return (enum feed_reason)REASON_BAD_TIMESTAMP;
    value->text = span_from(judge->times[field]);
    return FEED_REASON_NONE;
}

/* Is there something that the mapping may have a meaning for? */
static bool is_readable(const struct json_value *value)
{
    return value->kind == JSON_KIND_TEXT || value->kind == JSON_KIND_INTEGER ||
           (value->kind == JSON_KIND_ABSENT && value->text.bytes != NULL);
}

/* A value's map, then how its field is written. What JSON calls an integer is one, and a
 * text of JSON is none, unless the mapping says how numbers are written. */
static enum feed_reason read_value(struct feed_judge *judge, enum event_field field,
                                   struct json_value *value, bool is_json)
{
    const struct feed_field *rule = rule_of(judge, field);
    struct span means = value->text;
    if (!is_readable(value))
        return FEED_REASON_NONE;
    if (!feed_value_of(rule, value->text, &means))
        return FEED_REASON_UNKNOWN_VALUE;
    bool is_written = !is_json || means.bytes != value->text.bytes ||
                      rule->number.is_given || rule->from == FEED_FROM_CONSTANT;
    if (is_written)
        set_text(value, means);
    if (value->kind != JSON_KIND_TEXT)
        return FEED_REASON_NONE;
    if (is_integer_field(field) && is_written)
        return read_number(judge, field, value);
    return read_time(judge, field, value);
}

static enum feed_reason read_values(struct feed_judge *judge, struct event_draft *draft,
                                    bool is_json)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        enum feed_reason reason =
            read_value(judge, field, &draft->values[field], is_json);
        if (reason == FEED_REASON_NONE)
            continue;
        draft->fault = field;
        return reason;
    }
    return FEED_REASON_NONE;
}

/* ---- the event ------------------------------------------------------------------------------ */

static void give_id(struct feed_judge *judge, int64_t number, struct event *event)
{
    size_t length = event_key_bytes(event, judge->canonical);
    digest_begin(judge->digest);
    digest_add_text(judge->digest, judge->options.feed);
    digest_add_number(judge->digest, number);
    digest_add(judge->digest, (struct span){judge->canonical, length});
    memcpy(judge->id, "row-", 4);
    digest_end_hex(judge->digest, ID_DIGEST_BYTES, judge->id + 4);
    event->id = span_from(judge->id);
}

/* The fields as the feed has them, in the order of the interface. */
static struct span write_value(struct feed_judge *judge, const struct event_draft *draft)
{
    const struct event *event = &draft->event;
    const struct json_value *values = draft->values;
    struct buf *out = &judge->value;
    buf_clear(out);
    buf_byte(out, '{');
    json_member_text(out, "type", values[FIELD_TYPE].text);
    json_member_text(out, "source", event->source_name);
    json_member_text(out, "id", event->id);
    json_member_text(out, "sku", values[FIELD_SKU].text);
    if (event->location >= 0)
        json_member_text(out, "location", values[FIELD_LOCATION].text);
    json_member_number(out, "quantity", event->quantity);
    json_member_time(out, "occurred_at", event->occurred_at_us);
    if (event->has_version)
        json_member_number(out, "version", event->version);
    if (event->has_sees_orders_until)
        json_member_time(out, "sees_orders_until", event->sees_orders_until_us);
    if (event->reference.bytes != NULL)
        json_member_text(out, "reference", event->reference);
    buf_byte(out, '}');
    ASSERT(!out->failed); /* every text has its limit */
    return buf_view(out);
}

static enum feed_reason judge_draft(struct feed_judge *judge, struct event_draft *draft,
                                    bool is_json)
{
    fill_constants(judge, draft);
    enum feed_reason reason = read_values(judge, draft, is_json);
    if (reason != FEED_REASON_NONE)
        return reason;
    reason = (enum feed_reason)event_fields_judge(draft);
    if (reason != FEED_REASON_NONE || !feed_sku_is_mangled(draft->event.sku))
        return reason;
    draft->fault = FIELD_SKU;
    return FEED_REASON_MANGLED_SKU;
}

static enum feed_reason read_cells(const struct feed_judge *judge,
                                   const struct csv_record *record,
                                   struct event_draft *draft,
                                   char detail[FEED_DETAIL_MAX])
{
    if (record->fault == CSV_COLUMNS)
        return refuse(detail, FEED_REASON_COLUMN_COUNT,
                      span_from(csv_fault_text(record->fault)));
    if (record->fault == CSV_TOO_LONG)
        return refuse(detail, (enum feed_reason)REASON_TOO_LARGE,
                      span_from(csv_fault_text(record->fault)));
    if (record->fault != CSV_FINE)
        return refuse(detail, FEED_REASON_NOT_CSV,
                      span_from(csv_fault_text(record->fault)));
    if (!utf8_valid(record->raw))
        return (enum feed_reason)REASON_NOT_UTF8;
    fill_cells(judge, record, draft);
    return FEED_REASON_NONE;
}

static enum feed_reason judge_source(struct feed_judge *judge, const struct feed_row *row,
                                     struct event_draft *draft,
                                     char detail[FEED_DETAIL_MAX])
{
    bool is_json = row->record == NULL;
    enum feed_reason reason;
    if (is_json)
        reason = (enum feed_reason)event_json_read(judge->decoder, draft);
    else
        reason = read_cells(judge, row->record, draft, detail);
    if (reason != FEED_REASON_NONE)
        return reason;
    if (is_json)
        fill_shared(judge, draft);
    reason = judge_draft(judge, draft, is_json);
    if (reason != FEED_REASON_NONE)
        (void)refuse(detail, reason, span_from(event_field_name(draft->fault)));
    return reason;
}

enum feed_reason feed_judge_row(struct feed_judge *judge, const struct feed_row *row,
                                struct feed_event *event_out,
                                char detail[FEED_DETAIL_MAX])
{
    const struct event_input input = {.contract = judge->options.contract,
                                      .value = row->line,
                                      .recorded_at_ms = judge->options.now_us / 1000};
    struct event_draft draft = {.contract = judge->options.contract,
                                .names = &judge->names,
                                .input = &input,
                                .pool = &judge->pool,
                                .fault = EVENT_VALUES};
    detail[0] = '\0';
    pool_reset(&judge->pool);
    enum feed_reason reason = judge_source(judge, row, &draft, detail);
    if (reason != FEED_REASON_NONE)
        return reason;
    *event_out = (struct feed_event){.given_id = draft.event.id.bytes != NULL};
    if (!event_out->given_id)
        give_id(judge, row->number, &draft.event);
    if (row->wants_value)
        event_out->value = write_value(judge, &draft);
    event_out->event = draft.event;
    return FEED_REASON_NONE;
}
