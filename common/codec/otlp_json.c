#include "common/codec/otlp_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"

#include <inttypes.h>
#include <jansson.h>

#define NANOS_PER_US 1000
#define STATUS_ERROR 2
#define ANSWER_MAX ((size_t)1024 * 1024)

/* ---- pieces ------------------------------------------------------------------------- */

/* Both ids, as members of the object that was begun. */
static void add_ids(struct buf *out, const struct trace_context *context)
{
    char text[TRACEPARENT_MAX];
    traceparent_format(context, text);
    json_member_text(out, "traceId", (struct span){text + 3, 2 * TRACE_ID_BYTES});
    json_member_text(out, "spanId", (struct span){text + 36, 2 * TRACE_SPAN_BYTES});
}

static void add_parent(struct buf *out, const struct trace_context *parent)
{
    char text[TRACEPARENT_MAX];
    traceparent_format(parent, text);
    json_member_text(out, "parentSpanId", (struct span){text + 36, 2 * TRACE_SPAN_BYTES});
}

static void add_time(struct buf *out, const char *name, int64_t us)
{
    json_name(out, name);
    buf_format(out, "\"%" PRId64 "\"", us * NANOS_PER_US);
}

/* Not within a character: what is cut off there is shown as broken otherwise. */
static struct span cut(struct span text)
{
    if (text.length <= TRACE_TEXT_MAX)
        return text;
    text.length = TRACE_TEXT_MAX;
    while (text.length > 0 && ((unsigned char)text.bytes[text.length] & 0xc0u) == 0x80u)
        text.length--;
    return text;
}

static void add_value(struct buf *out, const struct trace_fact *fact)
{
    json_name(out, "value");
    buf_byte(out, '{');
    if (fact->is_number) {
        json_name(out, "intValue");
        buf_format(out, "\"%" PRId64 "\"", fact->number);
    } else {
        json_member_text_lossy(out, "stringValue", cut(fact->text));
    }
    buf_byte(out, '}');
}

/* A comma unless it is the first of its list. */
static void begin_item(struct buf *out)
{
    if (out->length > 0 && out->bytes[out->length - 1] != '[')
        buf_byte(out, ',');
    buf_byte(out, '{');
}

static void add_fact(struct buf *out, const struct trace_fact *fact)
{
    if (!fact->is_number && fact->text.bytes == NULL)
        return;
    begin_item(out);
    json_member_text(out, "key", span_from(fact->name));
    add_value(out, fact);
    buf_byte(out, '}');
}

static void add_facts(struct buf *out, const struct trace_fact *facts, size_t count)
{
    json_name(out, "attributes");
    buf_byte(out, '[');
    for (size_t at = 0; at < count; at++)
        add_fact(out, &facts[at]);
    buf_byte(out, ']');
}

static void add_links(struct buf *out, const struct trace_span *span)
{
    size_t count =
        span->link_count < TRACE_LINKS_MAX ? span->link_count : TRACE_LINKS_MAX;
    if (count == 0)
        return;
    json_name(out, "links");
    buf_byte(out, '[');
    for (size_t at = 0; at < count; at++) {
        begin_item(out);
        add_ids(out, &span->links[at]);
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
    if (span->link_count > count)
        json_member_number(out, "droppedLinksCount", (int64_t)(span->link_count - count));
}

static void add_fault(struct buf *out, const char *fault)
{
    if (fault == NULL)
        return;
    json_name(out, "status");
    buf_byte(out, '{');
    json_member_number(out, "code", STATUS_ERROR);
    json_member_text_lossy(out, "message", cut(span_from(fault)));
    buf_byte(out, '}');
}

/* ---- whole -------------------------------------------------------------------------- */

void otlp_json_span(const struct trace_span *span, struct buf *out)
{
    buf_byte(out, '{');
    add_ids(out, &span->context);
    if (span->parent != NULL)
        add_parent(out, span->parent);
    json_member_number(out, "flags", span->context.flags);
    json_member_text(out, "name", span_from(span->name));
    json_member_number(out, "kind", (int64_t)span->kind);
    add_time(out, "startTimeUnixNano", span->start_us);
    add_time(out, "endTimeUnixNano",
             span->end_us > span->start_us ? span->end_us : span->start_us);
    add_facts(out, span->facts, span->fact_count);
    add_links(out, span);
    add_fault(out, span->fault);
    buf_byte(out, '}');
}

void otlp_json_open(const struct otlp_speaker *speaker, struct buf *out)
{
    const struct trace_fact facts[] = {
        TRACE_TEXT("service.name", span_from(speaker->service)),
        TRACE_TEXT("service.version", SPAN_OF(PARSTOCK_VERSION)),
        TRACE_TEXT("service.instance.id", span_from(speaker->instance))};
    buf_text(out, "{\"resourceSpans\":[{\"resource\":{");
    add_facts(out, facts, COUNT_OF(facts));
    buf_text(out, "},\"scopeSpans\":[{\"scope\":{");
    json_member_text(out, "name", SPAN_OF("parstock"));
    json_member_text(out, "version", SPAN_OF(PARSTOCK_VERSION));
    buf_text(out, "},\"spans\":[");
}

void otlp_json_close(struct buf *out)
{
    buf_text(out, "]}]}]}");
}

/* ---- the answer --------------------------------------------------------------------- */

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

/* A number of 64 bits is a text in this JSON; a plain one is understood too. */
static int64_t number_of(const json_t *value)
{
    int64_t number = 0;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (!json_is_string(value) ||
        !span_to_int64(span_from(json_string_value(value)), &number))
        return 0;
    return number;
}

int64_t otlp_json_rejected(struct span answer)
{
    json_error_t fault;
    if (answer.bytes == NULL || answer.length > ANSWER_MAX)
        return 0;
    SCOPED(release_json)
    json_t *root =
        json_loadb(answer.bytes, answer.length, JSON_REJECT_DUPLICATES, &fault);
    const json_t *partial = json_object_get(root, "partialSuccess");
    int64_t rejected = number_of(json_object_get(partial, "rejectedSpans"));
    return rejected > 0 ? rejected : 0;
}
