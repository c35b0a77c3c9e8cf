#include "workers/dead_letters/letters.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_fields.h"
#include "common/codec/sku_unicode.h"
#include "common/domain/reason.h"

#include <stdlib.h>

#define HEADERS_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* ---- what of it was sent again -------------------------------------------------------------- */

static int compare_refs(const void *left, const void *right)
{
    const struct letter_ref *a = left;
    const struct letter_ref *b = right;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static enum status take_retried(void *self, const struct rows *row, struct error *error)
{
    struct letters_retried *retried = self;
    if (retried->count == retried->capacity) {
        size_t capacity = retried->capacity > 0 ? 2 * retried->capacity : 1024;
        void *more = realloc(retried->refs, capacity * sizeof(*retried->refs));
        if (more == NULL)
            return error_set(error, STATUS_FATAL, "dead-letters: out of memory");
        retried->refs = more;
        retried->capacity = capacity;
    }
    retried->refs[retried->count++] = store_letters_ref(row);
    return STATUS_OK;
}

static enum status find_retried(struct letters *self, struct error *error)
{
    struct letters_retried *retried = &self->retried;
    const struct row_visitor visitor = {.each = take_retried, .self = retried};
    retried->count = 0;
    if (self->postgres == NULL)
        return STATUS_OK;
    enum status status =
        store_letters_retried(self->postgres, span_from(self->topic), &visitor, error);
    if (retried->count > 0)
        qsort(retried->refs, retried->count, sizeof(*retried->refs), compare_refs);
    return status;
}

bool letters_is_retried(const struct letters *self, const struct letter *letter)
{
    const struct letter_ref ref = {letter->partition, letter->offset};
    return self->retried.count > 0 &&
           bsearch(&ref, self->retried.refs, self->retried.count, sizeof(ref),
                   compare_refs) != NULL;
}

/* ---- what can be told of it ------------------------------------------------------------------ */

static struct span text_of(const struct event_draft *draft, enum event_field field,
                           enum event_field attribute)
{
    if (draft->values[field].kind == JSON_KIND_TEXT)
        return draft->values[field].text;
    if (attribute != EVENT_VALUES && draft->values[attribute].kind == JSON_KIND_TEXT)
        return draft->values[attribute].text;
    return (struct span){0};
}

/* As far as the value could be read: the texts are valid until the decoder's next use. */
static void tell_facts(struct letters *self, const struct letter *letter,
                       struct letter_facts *facts_out)
{
    struct cloud_attributes cloud;
    letter_cloud(letter, &cloud);
    const struct event_input input = {
        .value = letter->value, .recorded_at_ms = -1, .cloud = &cloud};
    struct event_draft draft = {.input = &input, .pool = &self->scratch};
    (void)event_json_read(self->decoder, &draft);
    *facts_out =
        (struct letter_facts){.type = text_of(&draft, FIELD_TYPE, ATTRIBUTE_TYPE),
                              .source = text_of(&draft, FIELD_SOURCE, ATTRIBUTE_SOURCE),
                              .sku = text_of(&draft, FIELD_SKU, EVENT_VALUES),
                              .location = text_of(&draft, FIELD_LOCATION, EVENT_VALUES),
                              .event_id = text_of(&draft, FIELD_ID, ATTRIBUTE_ID)};
    if (facts_out->sku.bytes == NULL)
        facts_out->sku = letter->key;
}

const char *letters_remedy(struct span code)
{
    for (int at = REASON_NONE + 1; at < REASON_COUNT; at++)
        if (span_is(code, reason_code((enum reason)at)))
            return reason_remedy((enum reason)at);
    return "";
}

/* ---- does it fit? ------------------------------------------------------------------------------ */

static bool is_named(const struct letters *self, const struct letter *letter)
{
    for (size_t at = 0; at < self->named_count; at++)
        if (self->named[at].partition == letter->partition &&
            self->named[at].offset == letter->offset)
            return true;
    return false;
}

static bool fits_time(const struct letters_filter *filter, const struct letter *letter)
{
    int64_t at_us = letter->timestamp_ms * 1000;
    if (filter->has_since && at_us < filter->since_us)
        return false;
    return !filter->has_until || at_us < filter->until_us;
}

static bool fits_sku(struct letters *self, const struct letter_facts *facts)
{
    struct span sku = {0};
    if (self->filter.sku.bytes == NULL)
        return true;
    if (facts->sku.bytes == NULL)
        return false;
    struct pool pool;
    pool_init(&pool, (size_t)256 * 1024);
    bool fits = sku_normalise(facts->sku, self->sku_steps, &pool, &sku) == REASON_NONE &&
                span_equal(sku, self->filter.sku);
    pool_free(&pool);
    return fits;
}

static bool fits(struct letters *self, const struct letter *letter,
                 const struct letter_facts *facts)
{
    const struct letters_filter *filter = &self->filter;
    if (self->named_count > 0)
        return is_named(self, letter);
    if (filter->reason.bytes != NULL && !span_equal(filter->reason, letter->reason))
        return false;
    if (filter->source.bytes != NULL && !span_equal(filter->source, facts->source))
        return false;
    return fits_time(filter, letter) && fits_sku(self, facts);
}

/* ---- the topic ----------------------------------------------------------------------------------- */

struct reading_on {
    struct letters *self;
    const struct letters_visitor *visitor;
    struct buf headers;
    struct error error; /* of the visitor: the rest is passed over */
};

static void take_record(void *self, const struct kafka_tail_record *record)
{
    struct reading_on *on = self;
    struct letter_facts facts = {0};
    if (on->error.status != STATUS_OK)
        return;
    buf_clear(&on->headers);
    kafka_tail_headers(record, &on->headers);
    struct letter letter = {.partition = record->partition,
                            .offset = record->offset,
                            .timestamp_ms = record->timestamp_ms,
                            .key = record->key,
                            .value = record->value,
                            .headers = buf_view(&on->headers)};
    if (!letter_read(&letter))
        return; /* somebody else's record: nothing says where it should go */
    tell_facts(on->self, &letter, &facts);
    if (fits(on->self, &letter, &facts))
        (void)on->visitor->each(on->visitor->self, &letter, &facts, &on->error);
}

/* One stretch a partition, from the first letter named to the last. */
static size_t ranges_of(const struct letters *self,
                        struct kafka_range ranges[LETTERS_NAMED_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at < self->named_count; at++) {
        const struct letter_ref *ref = &self->named[at];
        size_t found = 0;
        while (found < count && ranges[found].partition != ref->partition)
            found++;
        if (found == count)
            ranges[count++] =
                (struct kafka_range){ref->partition, ref->offset, ref->offset + 1};
        struct kafka_range *range = &ranges[found];
        range->first = ref->offset < range->first ? ref->offset : range->first;
        range->end = ref->offset + 1 > range->end ? ref->offset + 1 : range->end;
    }
    return count;
}

static enum status judge_reading(const struct letters *self, const struct reading_on *on,
                                 bool is_whole, struct error *error)
{
    if (on->error.status != STATUS_OK) {
        *error = on->error;
        return error->status;
    }
    if (is_whole)
        return STATUS_OK;
    (void)error_set(error, STATUS_RETRY,
                    "%s could not be read to its end in %lld s; try again with a longer "
                    "--wait",
                    self->topic, (long long)self->flags->wait);
    return error_exit(error, EXIT_AGAIN);
}

enum status letters_read(struct letters *self, const struct letters_visitor *visitor,
                         struct error *error)
{
    struct reading_on on = {.self = self, .visitor = visitor};
    struct kafka_range ranges[LETTERS_NAMED_MAX];
    const struct kafka_tail tail = {
        .kafka = config_kafka(self->config, "parstock-dead-letters"),
        .topic = self->topic,
        .records = INT64_MAX,
        .ranges = ranges,
        .range_count = ranges_of(self, ranges),
        .timeout_ms = (int)self->flags->wait * 1000,
        .each = take_record,
        .self = &on};
    bool is_whole = false;
    buf_init(&on.headers, HEADERS_BYTES_MAX);
    enum status status = find_retried(self, error);
    if (status == STATUS_OK)
        status = kafka_tail_read(&tail, &is_whole, error);
    buf_free(&on.headers);
    if (status == STATUS_RETRY)
        return error_exit(error, EXIT_UNAVAILABLE), status;
    return status == STATUS_OK ? judge_reading(self, &on, is_whole, error) : status;
}
