#include "common/codec/event_json.h"

#include "common/base/check.h"
#include "common/codec/event_fields.h"
#include "common/codec/json_keys.h"
#include "common/codec/json_scan.h"
#include "common/codec/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct event_decoder {
    struct json_keys keys;
    uint64_t open[EVENT_VALUE_MAX]; /* number of each open object; 0 for an array */
    char scratch[EVENT_VALUE_MAX];  /* texts that had escapes */
};

struct event_decoder *event_decoder_new(void)
{
    struct event_decoder *decoder = malloc(sizeof(*decoder));
    if (decoder == NULL)
        return NULL;
    uint64_t seed;
    /* the address is a poorer secret, but one that is always there */
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
        seed = (uint64_t)(uintptr_t)decoder * 0x9e3779b97f4a7c15U;
    json_keys_init(&decoder->keys, seed);
    return decoder;
}

void event_decoder_free(struct event_decoder **slot)
{
    free(*slot);
    *slot = NULL;
}

/* ---- the walk through one value: no recursion, whatever its depth ---------------------
 */

struct walk {
    struct json_scan scan;
    struct event_decoder *decoder;
    const struct event_names *names; /* NULL: the event's own */
    struct json_value *values;       /* by enum event_field */
    struct json_value *target;       /* where the next value belongs */
    struct json_value ignored;       /* the target of all that is not ours */
    uint64_t envelope; /* number of the object with CloudEvents attributes */
    uint64_t event;    /* number of the object with the event's fields */
    size_t depth;
    bool too_deep;
    bool repeated;
};

enum step { STEP_VALUE, STEP_CLOSED, STEP_BROKEN, STEP_END };

static bool remember_key(struct walk *walk, uint64_t object, struct span key)
{
    enum event_field field = EVENT_VALUES;
    if (object == walk->event && walk->names != NULL)
        field = walk->names->named(walk->names->self, key);
    else if (object == walk->event)
        field = event_field_named(key);
    else if (object == walk->envelope)
        field = event_attribute_named(key);
    if (field == EVENT_VALUES) {
        walk->target = &walk->ignored;
        return json_keys_add(&walk->decoder->keys, object, key);
    }
    walk->target = &walk->values[field];
    return walk->target->kind == JSON_KIND_ABSENT;
}

/* The key and colon of the object that is open. */
static enum step take_key(struct walk *walk)
{
    struct json_value key;
    if (json_peek(&walk->scan) != '"')
        return STEP_BROKEN;
    if (!json_scan_text(&walk->scan, &key))
        return STEP_BROKEN;
    if (json_peek(&walk->scan) != ':')
        return STEP_BROKEN;
    walk->scan.at++;
    if (!remember_key(walk, walk->decoder->open[walk->depth - 1], key.text))
        walk->repeated = true;
    return STEP_VALUE;
}

static enum step close_container(struct walk *walk)
{
    walk->scan.at++;
    walk->depth--;
    return STEP_CLOSED;
}

static enum step open_container(struct walk *walk, char bracket)
{
    bool is_object = bracket == '{';
    uint64_t number = is_object ? json_keys_object(&walk->decoder->keys) : 0;
    ASSERT(walk->depth < EVENT_VALUE_MAX);
    walk->decoder->open[walk->depth++] = number;
    if (walk->depth > EVENT_DEPTH_MAX)
        walk->too_deep = true;
    walk->target->kind = JSON_KIND_OTHER;
    if (is_object && walk->target == &walk->values[ATTRIBUTE_DATA])
        walk->event = number;
    walk->target = &walk->ignored;
    walk->scan.at++;
    if (json_peek(&walk->scan) == (is_object ? '}' : ']'))
        return close_container(walk);
    return is_object ? take_key(walk) : STEP_VALUE;
}

static enum step take_value(struct walk *walk)
{
    char byte = json_peek(&walk->scan);
    if (byte == '{' || byte == '[')
        return open_container(walk, byte);
    return json_scan_leaf(&walk->scan, walk->target) ? STEP_CLOSED : STEP_BROKEN;
}

/* Behind a value: the next one, or the end of what holds it. */
static enum step take_separator(struct walk *walk)
{
    char byte = json_peek(&walk->scan);
    if (walk->depth == 0)
        return walk->scan.at == walk->scan.end ? STEP_END : STEP_BROKEN;
    bool is_object = walk->decoder->open[walk->depth - 1] != 0;
    if (byte == ',') {
        walk->scan.at++;
        walk->target = &walk->ignored;
        return is_object ? take_key(walk) : STEP_VALUE;
    }
    return byte == (is_object ? '}' : ']') ? close_container(walk) : STEP_BROKEN;
}

static bool walk_through(struct walk *walk)
{
    enum step step = STEP_VALUE;
    while (step == STEP_VALUE || step == STEP_CLOSED)
        step = step == STEP_VALUE ? take_value(walk) : take_separator(walk);
    return step == STEP_END;
}

/* ---- decoding ------------------------------------------------------------------------
 */

static enum reason judge_bytes(struct span value)
{
    if (value.bytes == NULL || value.length == 0)
        return REASON_EMPTY_VALUE;
    if (value.length > EVENT_VALUE_MAX)
        return REASON_TOO_LARGE;
    if (!utf8_valid(value))
        return REASON_NOT_UTF8;
    return REASON_NONE;
}

static bool is_structured(const struct event_input *input)
{
    return input->cloud != NULL && input->cloud->structured;
}

static enum reason judge_json(struct event_decoder *decoder, struct event_draft *draft)
{
    struct span value = draft->input->value;
    bool structured = is_structured(draft->input);
    struct walk walk = {
        .scan = {value.bytes, value.bytes + value.length, decoder->scratch},
        .decoder = decoder,
        .names = draft->names,
        .values = draft->values,
    };
    json_keys_start(&decoder->keys);
    /* The outermost object, if the value is one, will get the first number. */
    uint64_t *outermost = structured ? &walk.envelope : &walk.event;
    *outermost = decoder->keys.first;
    walk.target = &walk.ignored;
    bool is_object = json_peek(&walk.scan) == '{';
    if (!walk_through(&walk))
        return REASON_NOT_JSON;
    if (!is_object)
        return REASON_NOT_AN_OBJECT;
    bool has_data = draft->values[ATTRIBUTE_DATA].kind != JSON_KIND_ABSENT;
    if (has_data && walk.event == 0)
        return REASON_NOT_AN_OBJECT;
    if (walk.repeated)
        return REASON_REPEATED_KEY;
    return walk.too_deep ? REASON_TOO_DEEP : REASON_NONE;
}

static void take_attribute(struct json_value *value, struct span text)
{
    if (text.bytes == NULL)
        return;
    *value = (struct json_value){.kind = JSON_KIND_TEXT, .text = text};
}

static void take_cloud(struct event_draft *draft)
{
    const struct cloud_attributes *cloud = draft->input->cloud;
    if (cloud == NULL || cloud->structured)
        return;
    take_attribute(&draft->values[ATTRIBUTE_ID], cloud->id);
    take_attribute(&draft->values[ATTRIBUTE_SOURCE], cloud->source);
    take_attribute(&draft->values[ATTRIBUTE_TYPE], cloud->type);
    take_attribute(&draft->values[ATTRIBUTE_TIME], cloud->time);
}

enum reason event_json_read(struct event_decoder *decoder, struct event_draft *draft)
{
    enum reason reason = judge_bytes(draft->input->value);
    if (reason == REASON_NONE)
        reason = judge_json(decoder, draft);
    if (reason == REASON_NONE)
        take_cloud(draft);
    return reason;
}

enum reason event_json_decode(struct event_decoder *decoder,
                              const struct event_input *input, struct pool *pool,
                              struct event *event_out, char *detail)
{
    struct event_draft draft = {
        .contract = input->contract, .input = input, .pool = pool, .fault = EVENT_VALUES};
    enum reason reason = event_json_read(decoder, &draft);
    if (reason == REASON_NONE)
        reason = event_fields_judge(&draft);
    if (detail != NULL)
        (void)snprintf(detail, EVENT_DETAIL_MAX, "%s", event_field_name(draft.fault));
    if (reason == REASON_NONE)
        *event_out = draft.event;
    return reason;
}
