#include "common/codec/webhook_json.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_scan.h"
#include "common/codec/rfc3339.h"
#include "common/codec/utf8.h"

#include <stdlib.h>

/* ---- what is needed of which payload ------------------------------------------------ */

enum field_kind {
    FIELD_NUMBER, /* a struct webhook_number */
    FIELD_TIME,   /* a struct webhook_number */
    FIELD_TEXT,   /* a struct span */
    FIELD_INNER,  /* an object whose fields belong to the same thing */
    FIELD_LINES,  /* objects, each a line */
    FIELD_BODIES, /* objects, each with a time for its lines */
};

struct node;

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    const struct node *node;
    enum webhook_line_kind line;
};

#define NODE_FIELDS_MAX 8
struct node {
    struct field fields[NODE_FIELDS_MAX];
};

#define NUMBER(text, type, member)                                                       \
    {                                                                                    \
        .name = (text), .kind = FIELD_NUMBER, .offset = offsetof(struct type, member)    \
    }
#define TIME(text, type, member)                                                         \
    {                                                                                    \
        .name = (text), .kind = FIELD_TIME, .offset = offsetof(struct type, member)      \
    }
#define TEXT(text, type, member)                                                         \
    {                                                                                    \
        .name = (text), .kind = FIELD_TEXT, .offset = offsetof(struct type, member)      \
    }
#define INNER(text, of)                                                                  \
    {                                                                                    \
        .name = (text), .kind = FIELD_INNER, .node = &(of)                               \
    }
#define BODIES(text, of)                                                                 \
    {                                                                                    \
        .name = (text), .kind = FIELD_BODIES, .node = &(of)                              \
    }
#define LINES(text, of, as)                                                              \
    {                                                                                    \
        .name = (text), .kind = FIELD_LINES, .node = &(of), .line = (as)                 \
    }

static const struct node NOTHING = {{{0}}};

static const struct node LEVEL = {{
    NUMBER("inventory_item_id", webhook_body, item),
    NUMBER("location_id", webhook_body, location),
    NUMBER("available", webhook_body, quantity),
    TIME("updated_at", webhook_body, at),
}};

static const struct node ORDERED_LINE = {{
    NUMBER("id", webhook_line, id),
    NUMBER("quantity", webhook_line, units),
    TEXT("sku", webhook_line, sku),
}};

static const struct node ORDER = {{
    NUMBER("id", webhook_body, id),
    NUMBER("location_id", webhook_body, location),
    TIME("created_at", webhook_body, at),
    LINES("line_items", ORDERED_LINE, WEBHOOK_LINE_ORDERED),
}};

static const struct node SOLD_LINE = {{TEXT("sku", webhook_line, sku)}};

static const struct node REFUNDED_LINE = {{
    NUMBER("id", webhook_line, id),
    NUMBER("quantity", webhook_line, units),
    NUMBER("location_id", webhook_line, location),
    TEXT("restock_type", webhook_line, restock_type),
    INNER("line_item", SOLD_LINE),
}};

static const struct node REFUND = {{
    NUMBER("id", webhook_body, id),
    TIME("created_at", webhook_body, at),
    LINES("refund_line_items", REFUNDED_LINE, WEBHOOK_LINE_REFUNDED),
}};

static const struct node CANCELLED_ORDER = {{
    NUMBER("id", webhook_body, id),
    BODIES("refunds", REFUND),
}};

static const struct node EDITED_LINE = {{
    NUMBER("id", webhook_line, id),
    NUMBER("delta", webhook_line, units),
}};

static const struct node EDITED_LINES = {{
    LINES("additions", EDITED_LINE, WEBHOOK_LINE_ADDED),
    LINES("removals", EDITED_LINE, WEBHOOK_LINE_REMOVED),
}};

static const struct node EDIT = {{
    NUMBER("id", webhook_body, id),
    TIME("created_at", webhook_body, at),
    INNER("line_items", EDITED_LINES),
}};

static const struct node EDITED_ORDER = {{INNER("order_edit", EDIT)}};

static const struct node VARIANT = {{
    NUMBER("inventory_item_id", webhook_line, item),
}};

static const struct node PRODUCT = {{
    NUMBER("id", webhook_body, id),
    LINES("variants", VARIANT, WEBHOOK_LINE_VARIANT),
}};

static const struct node ITEM = {{NUMBER("id", webhook_body, item)}};

static const struct node BULK = {{TEXT("admin_graphql_api_id", webhook_body, gid)}};

static const struct node *const NODES[WEBHOOK_TOPIC_COUNT] = {
    [WEBHOOK_LEVELS] = &LEVEL,
    [WEBHOOK_ORDER_CREATED] = &ORDER,
    [WEBHOOK_ORDER_CANCELLED] = &CANCELLED_ORDER,
    [WEBHOOK_ORDER_EDITED] = &EDITED_ORDER,
    [WEBHOOK_REFUNDED] = &REFUND,
    [WEBHOOK_PRODUCT] = &PRODUCT,
    [WEBHOOK_ITEM] = &ITEM,
    [WEBHOOK_BULK] = &BULK,
    [WEBHOOK_UNINSTALLED] = &NOTHING,
};

/* ---- the walk ----------------------------------------------------------------------- */

struct reader {
    struct json_scan scan;
    char *scratch; /* where every text is unescaped; one that is needed is copied away */
    struct pool *pool;
    struct webhook_body *out;
    struct webhook_line **last;
    struct error *error;
    size_t used; /* bytes of the scratch, to be wiped */
};

static enum status not_an_object(struct reader *reader, const char *what)
{
    return error_set(reader->error, STATUS_REJECT, "the body is no JSON object: %s",
                     what);
}

static bool leaf(struct reader *reader, struct json_value *value)
{
    reader->scan.scratch = reader->scratch;
    bool good = json_scan_leaf(&reader->scan, value);
    size_t used = (size_t)(reader->scan.scratch - reader->scratch);
    if (used > reader->used)
        reader->used = used;
    return good;
}

static bool take(struct reader *reader, char byte)
{
    if (json_peek(&reader->scan) != byte || byte == 0)
        return false;
    reader->scan.at++;
    return true;
}

/* A member's name and the colon behind it. */
static bool name(struct reader *reader, struct span *name_out)
{
    struct json_value value = {0};
    if (json_peek(&reader->scan) != '"' || !leaf(reader, &value))
        return false;
    *name_out = value.text;
    return take(reader, ':');
}

/*
 * Any value, without a call a level: payloads nest as the shop likes. A bit a level says
 * whether it is an object.
 */
struct nest {
    unsigned char is_object[WEBHOOK_DEPTH_MAX / 8];
    size_t depth;
};

static bool in_object(const struct nest *nest)
{
    size_t at = nest->depth - 1;
    return ((unsigned)nest->is_object[at / 8] >> (at % 8) & 1u) != 0;
}

static bool open_level(struct reader *reader, struct nest *nest, char byte)
{
    if (nest->depth == WEBHOOK_DEPTH_MAX)
        return false;
    size_t at = nest->depth++;
    unsigned char bit = (unsigned char)(1u << (at % 8));
    unsigned char *slot = &nest->is_object[at / 8];
    *slot = (unsigned char)(byte == '{' ? *slot | bit : *slot & ~bit);
    reader->scan.at++;
    return true;
}

/* Behind a value: the ends of all levels that end here, or a comma. */
static bool close_levels(struct reader *reader, struct nest *nest)
{
    while (nest->depth > 0) {
        if (take(reader, ','))
            return true;
        if (!take(reader, in_object(nest) ? '}' : ']'))
            return false;
        nest->depth--;
    }
    return true;
}

static bool skip_step(struct reader *reader, struct nest *nest)
{
    struct json_value ignored = {0};
    struct span ignored_name;
    if (nest->depth > 0 && in_object(nest) && !name(reader, &ignored_name))
        return false;
    char byte = json_peek(&reader->scan);
    if (byte != '{' && byte != '[')
        return leaf(reader, &ignored) && close_levels(reader, nest);
    if (!open_level(reader, nest, byte))
        return false;
    if (!take(reader, byte == '{' ? '}' : ']'))
        return true;
    nest->depth--;
    return close_levels(reader, nest);
}

static bool skip(struct reader *reader)
{
    struct nest nest;
    nest.depth = 0;
    memset(nest.is_object, 0, sizeof nest.is_object);
    do {
        if (!skip_step(reader, &nest))
            return false;
    } while (nest.depth > 0);
    return true;
}

/* ---- fields ------------------------------------------------------------------------- */

static enum status read_object(struct reader *reader, const struct node *node,
                               void *thing);

static void *slot_of(void *thing, const struct field *field)
{
    return (char *)thing + field->offset;
}

static void take_number(const struct json_value *value, struct webhook_number *out)
{
    out->there =
        value->kind == JSON_KIND_INTEGER && span_to_int64(value->text, &out->value);
}

static void take_time(const struct json_value *value, struct webhook_number *out)
{
    out->there = value->kind == JSON_KIND_TEXT && rfc3339_parse(value->text, &out->value);
}

static enum status take_text(struct reader *reader, const struct json_value *value,
                             struct span *out)
{
    if (value->kind != JSON_KIND_TEXT || value->lone_surrogate)
        return STATUS_OK;
    *out = pool_span(reader->pool, value->text);
    return out->bytes != NULL ? STATUS_OK
                              : error_set(reader->error, STATUS_RETRY, "out of memory");
}

static enum status read_leaf(struct reader *reader, const struct field *field,
                             void *thing)
{
    struct json_value value = {0};
    char byte = json_peek(&reader->scan);
    if (byte == '{' || byte == '[')
        return skip(reader) ? STATUS_OK : not_an_object(reader, "it is not JSON");
    if (!leaf(reader, &value))
        return not_an_object(reader, "it is not JSON");
    if (field->kind == FIELD_NUMBER)
        take_number(&value, slot_of(thing, field));
    else if (field->kind == FIELD_TIME)
        take_time(&value, slot_of(thing, field));
    else
        return take_text(reader, &value, slot_of(thing, field));
    return STATUS_OK;
}

/* Lines that came since `first` and have no time of their own. */
static void stamp(struct webhook_line *first, struct webhook_number at)
{
    for (struct webhook_line *line = first; line != NULL; line = line->next)
        if (!line->at.there)
            line->at = at;
}

static enum status read_line(struct reader *reader, const struct field *field)
{
    if (reader->out->line_count == WEBHOOK_LINES_MAX)
        return error_set(reader->error, STATUS_REJECT, "the body has too many lines");
    struct webhook_line *line = pool_take(reader->pool, sizeof *line);
    if (line == NULL)
        return error_set(reader->error, STATUS_RETRY, "out of memory");
    *line = (struct webhook_line){.kind = field->line};
    *reader->last = line;
    reader->last = &line->next;
    reader->out->line_count++;
    return read_object(reader, field->node, line);
}

static enum status read_body(struct reader *reader, const struct field *field)
{
    struct webhook_body body = {0};
    struct webhook_line **first = reader->last;
    enum status status = read_object(reader, field->node, &body);
    stamp(*first, body.at);
    return status;
}

static enum status read_entry(struct reader *reader, const struct field *field)
{
    if (json_peek(&reader->scan) != '{')
        return skip(reader) ? STATUS_OK : not_an_object(reader, "it is not JSON");
    return field->kind == FIELD_LINES ? read_line(reader, field)
                                      : read_body(reader, field);
}

static enum status read_list(struct reader *reader, const struct field *field)
{
    if (json_peek(&reader->scan) != '[')
        return skip(reader) ? STATUS_OK : not_an_object(reader, "it is not JSON");
    reader->scan.at++;
    if (take(reader, ']'))
        return STATUS_OK;
    enum status status = STATUS_OK;
    do {
        status = read_entry(reader, field);
    } while (status == STATUS_OK && take(reader, ','));
    if (status == STATUS_OK && !take(reader, ']'))
        return not_an_object(reader, "it is not JSON");
    return status;
}

static enum status read_field(struct reader *reader, const struct field *field,
                              void *thing)
{
    switch (field->kind) {
    case FIELD_NUMBER:
    case FIELD_TIME:
    case FIELD_TEXT:
        return read_leaf(reader, field, thing);
    case FIELD_INNER:
        if (json_peek(&reader->scan) == '{')
            return read_object(reader, field->node, thing);
        return skip(reader) ? STATUS_OK : not_an_object(reader, "it is not JSON");
    case FIELD_LINES:
    case FIELD_BODIES:
        return read_list(reader, field);
    }
    UNREACHABLE("a field is of one of these kinds");
}

static const struct field *field_named(const struct node *node, struct span text)
{
    for (size_t at = 0; at < NODE_FIELDS_MAX && node->fields[at].name != NULL; at++)
        if (span_is(text, node->fields[at].name))
            return &node->fields[at];
    return NULL;
}

static enum status read_member(struct reader *reader, const struct node *node,
                               void *thing, unsigned *seen)
{
    struct span text;
    if (!name(reader, &text))
        return not_an_object(reader, "it is not JSON");
    const struct field *field = field_named(node, text);
    if (field == NULL)
        return skip(reader) ? STATUS_OK
                            : not_an_object(reader, "it is not JSON, or too deep");
    unsigned bit = 1u << (field - node->fields);
    if ((*seen & bit) != 0)
        return not_an_object(reader, "a field stands there twice");
    *seen |= bit;
    return read_field(reader, field, thing);
}

/* The opening brace is the next byte. As deep as the tables, never as the payload. */
static enum status read_object(struct reader *reader, const struct node *node,
                               void *thing)
{
    unsigned seen = 0;
    reader->scan.at++;
    if (take(reader, '}'))
        return STATUS_OK;
    enum status status = STATUS_OK;
    do {
        status = read_member(reader, node, thing, &seen);
    } while (status == STATUS_OK && take(reader, ','));
    if (status == STATUS_OK && !take(reader, '}'))
        return not_an_object(reader, "it is not JSON");
    return status;
}

static enum status read_all(struct reader *reader, const struct node *node)
{
    if (json_peek(&reader->scan) != '{')
        return not_an_object(reader, "it does not begin with a brace");
    enum status status = read_object(reader, node, reader->out);
    if (status != STATUS_OK)
        return status;
    stamp(reader->out->lines, reader->out->at);
    if (json_peek(&reader->scan) != 0 || reader->scan.at != reader->scan.end)
        return not_an_object(reader, "something follows its end");
    return STATUS_OK;
}

static enum status decode(const struct node *node, struct span body, struct pool *pool,
                          struct webhook_body *out, struct error *error)
{
    struct reader reader = {
        .pool = pool, .out = out, .error = error, .last = &out->lines};
    *out = (struct webhook_body){0};
    if (body.length > WEBHOOK_BODY_MAX)
        return not_an_object(&reader, "it is too long");
    if (body.length == 0 || !utf8_valid(body))
        return not_an_object(&reader, "it is empty or no UTF-8");
    reader.scratch = malloc(body.length + 1);
    if (reader.scratch == NULL)
        return error_set(error, STATUS_RETRY, "out of memory");
    reader.scan =
        (struct json_scan){body.bytes, body.bytes + body.length, reader.scratch};
    enum status status = read_all(&reader, node);
    explicit_bzero(reader.scratch, reader.used);
    free(reader.scratch);
    return status;
}

enum status webhook_json_decode(enum webhook_topic topic, struct span body,
                                struct pool *pool, struct webhook_body *out,
                                struct error *error)
{
    ASSERT((size_t)topic < WEBHOOK_TOPIC_COUNT);
    return decode(NODES[topic], body, pool, out, error);
}

enum status webhook_json_check(struct span body, struct error *error)
{
    struct webhook_body ignored;
    return decode(&NOTHING, body, NULL, &ignored, error);
}
