#include "common/codec/event_fields.h"

#include "common/base/check.h"
#include "common/codec/rfc3339.h"
#include "common/codec/sku_unicode.h"
#include "common/codec/utf8.h"

#include <limits.h>

#define US_PER_MS 1000LL
#define YEAR_10000_US 253402300800000000LL

/* ---- what the fields are ------------------------------------------------------------
 */

/* Rows of one kind take part in the checks of that kind. */
struct field_rule {
    struct span name;
    enum json_kind kind;
    bool required;
    bool is_time;
    size_t least; /* code points of a text */
    size_t most;
    enum event_field filled_by; /* EVENT_VALUES: nothing fills in */
};

#define TEXT(text, required, least, most, filled)                                        \
    {                                                                                    \
        {text, sizeof(text) - 1}, JSON_KIND_TEXT, required, false, least, most, filled   \
    }
#define TIME(text, required, filled)                                                     \
    {                                                                                    \
        {text, sizeof(text) - 1}, JSON_KIND_TEXT, required, true, 0, SIZE_MAX, filled    \
    }
#define INTEGER(text, required)                                                          \
    {                                                                                    \
        {text, sizeof(text) - 1}, JSON_KIND_INTEGER, required, false, 0, 0, EVENT_VALUES \
    }

static const struct field_rule RULES[FIELD_COUNT] = {
    [FIELD_TYPE] = TEXT("type", true, 0, SIZE_MAX, ATTRIBUTE_TYPE),
    [FIELD_SOURCE] = TEXT("source", true, 0, SIZE_MAX, ATTRIBUTE_SOURCE),
    [FIELD_ID] = TEXT("id", false, 1, EVENT_ID_MAX, ATTRIBUTE_ID),
    [FIELD_SKU] = TEXT("sku", true, 1, EVENT_SKU_MAX, EVENT_VALUES),
    [FIELD_LOCATION] = TEXT("location", false, 1, EVENT_LOCATION_MAX, EVENT_VALUES),
    [FIELD_QUANTITY] = INTEGER("quantity", true),
    [FIELD_OCCURRED_AT] = TIME("occurred_at", true, ATTRIBUTE_TIME),
    [FIELD_VERSION] = INTEGER("version", false),
    [FIELD_SEES_ORDERS_UNTIL] = TIME("sees_orders_until", false, EVENT_VALUES),
    [FIELD_REFERENCE] = TEXT("reference", false, 0, EVENT_REFERENCE_MAX, EVENT_VALUES),
};

/* No two names share a slot: length and lowest bit of the first letter tell them apart.
 */
#define SLOT(length, letter) ((length)*2 + ((letter)&1))

static const unsigned char SLOTS[SLOT(17, 1) + 1] = {
    [SLOT(4, 't')] = 1 + FIELD_TYPE,
    [SLOT(6, 's')] = 1 + FIELD_SOURCE,
    [SLOT(2, 'i')] = 1 + FIELD_ID,
    [SLOT(3, 's')] = 1 + FIELD_SKU,
    [SLOT(8, 'l')] = 1 + FIELD_LOCATION,
    [SLOT(8, 'q')] = 1 + FIELD_QUANTITY,
    [SLOT(11, 'o')] = 1 + FIELD_OCCURRED_AT,
    [SLOT(7, 'v')] = 1 + FIELD_VERSION,
    [SLOT(9, 'r')] = 1 + FIELD_REFERENCE,
    [SLOT(17, 's')] = 1 + FIELD_SEES_ORDERS_UNTIL,
};

enum event_field event_field_named(struct span name)
{
    if (name.length == 0)
        return EVENT_VALUES;
    size_t slot = SLOT(name.length, (unsigned char)name.bytes[0]);
    if (slot >= COUNT_OF(SLOTS) || SLOTS[slot] == 0)
        return EVENT_VALUES;
    enum event_field field = (enum event_field)(SLOTS[slot] - 1);
    return span_equal(RULES[field].name, name) ? field : EVENT_VALUES;
}

enum event_field event_attribute_named(struct span name)
{
    static const struct span NAMES[] = {
        [ATTRIBUTE_TYPE - FIELD_COUNT] = {"type", 4},
        [ATTRIBUTE_SOURCE - FIELD_COUNT] = {"source", 6},
        [ATTRIBUTE_ID - FIELD_COUNT] = {"id", 2},
        [ATTRIBUTE_TIME - FIELD_COUNT] = {"time", 4},
        [ATTRIBUTE_DATA - FIELD_COUNT] = {"data", 4},
    };
    for (size_t at = 0; at < COUNT_OF(NAMES); at++)
        if (span_equal(NAMES[at], name))
            return (enum event_field)(FIELD_COUNT + at);
    return EVENT_VALUES;
}

const char *event_field_name(enum event_field field)
{
    ASSERT(field <= EVENT_VALUES);
    return field < FIELD_COUNT ? RULES[field].name.bytes : "";
}

static bool is_present(const struct json_value *value)
{
    return value->kind != JSON_KIND_ABSENT;
}

static bool is_given(const struct json_value *value)
{
    return value->kind != JSON_KIND_ABSENT && value->kind != JSON_KIND_NULL;
}

/* ---- one check for each code, in the order of the interface --------------------------
 */

static enum reason fault(struct event_draft *draft, enum event_field field,
                         enum reason reason)
{
    draft->fault = field;
    return reason;
}

/* Only an order may lack its location, while the shop has assigned none. */
static bool is_required(const struct event_draft *draft, enum event_field field)
{
    if (field != FIELD_LOCATION)
        return RULES[field].required;
    const struct json_value *type = &draft->values[FIELD_TYPE];
    return type->kind != JSON_KIND_TEXT ||
           !span_is(type->text, event_type_name(EVENT_ORDERED));
}

static enum reason check_missing(struct event_draft *draft)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++)
        if (!is_present(&draft->values[field]) && is_required(draft, field))
            return fault(draft, field, REASON_MISSING_FIELD);
    return REASON_NONE;
}

static enum reason check_types(struct event_draft *draft)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        struct json_value *value = &draft->values[field];
        if (!is_present(value) || value->kind == RULES[field].kind)
            continue;
        if (value->kind != JSON_KIND_NULL || is_required(draft, field))
            return fault(draft, field, REASON_WRONG_TYPE);
        value->kind = JSON_KIND_ABSENT;
    }
    return REASON_NONE;
}

static enum reason check_range(struct event_draft *draft)
{
    struct event *event = &draft->event;
    const struct json_value *quantity = &draft->values[FIELD_QUANTITY];
    if (!span_to_int64(quantity->text, &event->quantity) ||
        event->quantity < -EVENT_QUANTITY_MAX || event->quantity > EVENT_QUANTITY_MAX)
        return fault(draft, FIELD_QUANTITY, REASON_OUT_OF_RANGE);
    const struct json_value *version = &draft->values[FIELD_VERSION];
    event->has_version = is_present(version);
    if (!event->has_version)
        return REASON_NONE;
    if (!span_to_int64(version->text, &event->version) || event->version < 0)
        return fault(draft, FIELD_VERSION, REASON_OUT_OF_RANGE);
    return REASON_NONE;
}

static bool is_good_text(const struct json_value *value, const struct field_rule *rule)
{
    struct utf8_facts facts;
    if (value->lone_surrogate || !utf8_measure(value->text, &facts))
        return false;
    return !facts.control && facts.code_points >= rule->least &&
           facts.code_points <= rule->most;
}

static enum reason check_texts(struct event_draft *draft)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        const struct field_rule *rule = &RULES[field];
        if (rule->kind != JSON_KIND_TEXT || rule->is_time)
            continue;
        if (!is_present(&draft->values[field]))
            continue;
        if (!is_good_text(&draft->values[field], rule))
            return fault(draft, field, REASON_BAD_TEXT);
    }
    return REASON_NONE;
}

static enum reason check_type(struct event_draft *draft)
{
    if (!event_type_parse(draft->values[FIELD_TYPE].text, &draft->event.type))
        return fault(draft, FIELD_TYPE, REASON_UNKNOWN_TYPE);
    return REASON_NONE;
}

static enum reason check_source(struct event_draft *draft)
{
    struct event *event = &draft->event;
    const struct contract *contract = draft->contract;
    struct span name = draft->values[FIELD_SOURCE].text;
    bool of_shop = event_is_of_shop(event->type);
    event->source =
        of_shop ? contract_shop(contract, name) : contract_source(contract, name);
    if (event->source < 0)
        return fault(draft, FIELD_SOURCE, REASON_UNKNOWN_SOURCE);
    event->source_name = of_shop ? contract->shops[event->source].name
                                 : contract->sources[event->source].name;
    return REASON_NONE;
}

/* May the event's source speak of this location? */
static bool speaks_for(const struct event_draft *draft, int location)
{
    const struct event *event = &draft->event;
    if (event_is_of_shop(event->type))
        return draft->contract->shops[event->source].gids[location].bytes != NULL;
    return source_speaks_for(&draft->contract->sources[event->source], location);
}

static enum reason check_location(struct event_draft *draft)
{
    struct event *event = &draft->event;
    const struct json_value *value = &draft->values[FIELD_LOCATION];
    event->location = -1;
    event->location_code = (struct span){0};
    if (!is_present(value))
        return REASON_NONE;
    event->location = contract_location(draft->contract, value->text);
    if (event->location < 0 || !speaks_for(draft, event->location))
        return fault(draft, FIELD_LOCATION, REASON_UNKNOWN_LOCATION);
    event->location_code = draft->contract->locations[event->location].code;
    return REASON_NONE;
}

static enum reason check_times(struct event_draft *draft)
{
    struct event *event = &draft->event;
    if (!rfc3339_parse(draft->values[FIELD_OCCURRED_AT].text, &event->occurred_at_us))
        return fault(draft, FIELD_OCCURRED_AT, REASON_BAD_TIMESTAMP);
    const struct json_value *until = &draft->values[FIELD_SEES_ORDERS_UNTIL];
    event->has_sees_orders_until = is_present(until);
    if (event->has_sees_orders_until &&
        !rfc3339_parse(until->text, &event->sees_orders_until_us))
        return fault(draft, FIELD_SEES_ORDERS_UNTIL, REASON_BAD_TIMESTAMP);
    return REASON_NONE;
}

/* A record without a timestamp is held against the end of the calendar: late on the last
 * day of 9999 in the west it is the year 10000 in UTC, which no output could write. */
static int64_t latest_us(const struct event_input *input)
{
    int64_t latest = YEAR_10000_US - 1;
    if (input->recorded_at_ms < 0 || input->recorded_at_ms > latest / US_PER_MS)
        return latest;
    int64_t limit = input->recorded_at_ms * US_PER_MS + EVENT_FUTURE_MAX_US;
    return limit < latest ? limit : latest;
}

static enum reason check_future(struct event_draft *draft)
{
    const struct event *event = &draft->event;
    int64_t latest = latest_us(draft->input);
    if (event->occurred_at_us > latest)
        return fault(draft, FIELD_OCCURRED_AT, REASON_FUTURE_TIMESTAMP);
    if (event->has_sees_orders_until && event->sees_orders_until_us > latest)
        return fault(draft, FIELD_SEES_ORDERS_UNTIL, REASON_FUTURE_TIMESTAMP);
    return REASON_NONE;
}

static enum reason check_sku(struct event_draft *draft)
{
    enum reason reason =
        sku_normalise(draft->values[FIELD_SKU].text, draft->contract->sku_steps,
                      draft->pool, &draft->event.sku);
    return reason != REASON_NONE ? fault(draft, FIELD_SKU, reason) : REASON_NONE;
}

/* ---- all of them --------------------------------------------------------------------
 */

static void fill_in(struct event_draft *draft)
{
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        enum event_field from = RULES[field].filled_by;
        if (from == EVENT_VALUES || !is_given(&draft->values[from]))
            continue;
        if (!is_given(&draft->values[field]))
            draft->values[field] = draft->values[from];
    }
}

/* A text that lies in the record's value stays there; any other goes to the pool, since
 * headers and the decoder's own scratch space are gone before the event is. */
static struct span keep(const struct event_draft *draft, struct span text)
{
    struct span value = draft->input->value;
    uintptr_t at = (uintptr_t)text.bytes;
    uintptr_t start = (uintptr_t)value.bytes;
    if (at >= start && at + text.length <= start + value.length)
        return text;
    struct span kept = pool_span(draft->pool, text);
    ASSERT(kept.bytes != NULL);
    return kept;
}

static struct span keep_optional(const struct event_draft *draft, enum event_field field)
{
    if (!is_present(&draft->values[field]))
        return (struct span){0};
    return keep(draft, draft->values[field].text);
}

enum reason event_fields_judge(struct event_draft *draft)
{
    static enum reason (*const CHECKS[])(struct event_draft *) = {
        check_missing, check_types,    check_range, check_texts,  check_type,
        check_source,  check_location, check_times, check_future, check_sku,
    };
    struct event *event = &draft->event;
    memset(event, 0, sizeof(*event));
    fill_in(draft);
    for (size_t at = 0; at < COUNT_OF(CHECKS); at++) {
        enum reason reason = CHECKS[at](draft);
        if (reason != REASON_NONE)
            return reason;
    }
    event->id = keep_optional(draft, FIELD_ID);
    event->reference = keep_optional(draft, FIELD_REFERENCE);
    if (span_equal(event->sku, draft->values[FIELD_SKU].text))
        event->sku = keep(draft, event->sku);
    return REASON_NONE;
}
