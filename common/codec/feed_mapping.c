#include "common/codec/feed_mapping.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "common/base/scope.h"
#include "common/codec/event_key.h"
#include "common/codec/feed_cell.h"
#include "common/codec/json_shape.h"
#include "common/codec/time_format.h"

#include <stdlib.h>

#define MAPPING_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define POOL_MAX ((size_t)16 * 1024 * 1024)

/* The mapping and its memory; the mapping comes first. */
struct box {
    struct feed_mapping mapping;
    struct pool pool;
};

/* ---- the shape -------------------------------------------------------------------------- */

#define TEXT_OF(from, to) .kind = SHAPE_TEXT, .least = (from), .most = (to)
#define OBJECT_OF(table)                                                                 \
    .kind = SHAPE_OBJECT, .members = (table), .member_count = COUNT_OF(table)

static bool is_separator(struct span text)
{
    return text.length == 1 && (unsigned char)text.bytes[0] >= ' ' &&
           strchr("0123456789+-", text.bytes[0]) == NULL;
}

static bool is_delimiter(struct span text)
{
    return text.length == 1 && strchr("\"\r\n", text.bytes[0]) == NULL &&
           (text.bytes[0] == '\t' || (unsigned char)text.bytes[0] >= ' ');
}

static bool is_quote(struct span text)
{
    return text.length == 0 || (text.length == 1 && (unsigned char)text.bytes[0] > ' ');
}

static const struct shape BOOLEAN = {.kind = SHAPE_BOOLEAN};
static const struct shape VERSION = {.kind = SHAPE_INTEGER, .least = 1, .most = 1};
static const struct shape FEED_NAME = {TEXT_OF(1, FEED_NAME_MAX)};
static const struct shape CELL = {TEXT_OF(0, FEED_COLUMN_NAME_MAX)};
static const struct shape COLUMN_NAME = {TEXT_OF(1, FEED_COLUMN_NAME_MAX)};
static const struct shape PLACE = {
    .kind = SHAPE_INTEGER, .least = 1, .most = CSV_FIELDS_MAX};
static const struct shape COLUMN = {
    .kind = SHAPE_LABEL, .item = &COLUMN_NAME, .key = &PLACE};
static const struct shape INTEGER = {
    .kind = SHAPE_INTEGER, .least = INT64_MIN, .most = INT64_MAX};
static const struct shape CONSTANT = {
    .kind = SHAPE_LABEL, .item = &COLUMN_NAME, .key = &INTEGER};
static const struct shape SEPARATOR = {
    TEXT_OF(1, 1), .fits = is_separator,
    .must_be = "one ASCII character that is neither digit nor sign"};
static const struct shape DELIMITER = {
    TEXT_OF(1, 1), .fits = is_delimiter,
    .must_be = "one ASCII character, such as \";\" or \"\\t\""};
static const struct shape QUOTE = {TEXT_OF(0, 1), .fits = is_quote,
                                   .must_be = "one ASCII character, or empty for none"};
static const struct shape FORMAT_TEXT = {
    TEXT_OF(1, 100), .fits = time_format_valid,
    .must_be =
        "a format with year, month and day, such as \"%d.%m.%Y %H:%M\", or \"%s\""};
static const struct shape OFFSET = {TEXT_OF(1, 6), .fits = time_offset_valid,
                                    .must_be =
                                        "an offset from UTC such as \"+01:00\" or \"Z\""};

static const char *const FORMATS[] = {"csv", "jsonl", NULL};
static const struct shape FORMAT = {.kind = SHAPE_WORD, .words = FORMATS};
static const char *const ENCODINGS[] = {
    "utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252", NULL};
static const struct shape ENCODING = {.kind = SHAPE_WORD, .words = ENCODINGS};
static const char *const SOURCES[] = {"file_time", NULL};
static const struct shape FROM = {.kind = SHAPE_WORD, .words = SOURCES};
static const char *const OTHERS[] = {"refuse", "keep", NULL};
static const struct shape OTHERWISE = {.kind = SHAPE_WORD, .words = OTHERS};

static const struct shape VALUES = {
    .kind = SHAPE_MAP, .most = FEED_VALUES_MAX, .key = &CELL, .item = &CELL};
static const struct shape_member NUMBER_MEMBERS[] = {
    {"thousands", &SEPARATOR, false},
    {"zero_fraction", &SEPARATOR, false},
    {"plus", &BOOLEAN, false},
    {"minus_behind", &BOOLEAN, false},
};
static const struct shape NUMBER = {OBJECT_OF(NUMBER_MEMBERS)};
static const struct shape_member TIME_MEMBERS[] = {
    {"format", &FORMAT_TEXT, true},
    {"offset", &OFFSET, false},
};
static const struct shape TIME = {OBJECT_OF(TIME_MEMBERS)};

static const struct shape_member TEXT_FIELD_MEMBERS[] = {
    {"column", &COLUMN, false},
    {"constant", &CONSTANT, false},
    {"values", &VALUES, false},
    {"otherwise", &OTHERWISE, false},
};
static const struct shape TEXT_FIELD = {OBJECT_OF(TEXT_FIELD_MEMBERS)};
static const struct shape_member NUMBER_FIELD_MEMBERS[] = {
    {"column", &COLUMN, false}, {"constant", &CONSTANT, false},
    {"values", &VALUES, false}, {"otherwise", &OTHERWISE, false},
    {"number", &NUMBER, false},
};
static const struct shape NUMBER_FIELD = {OBJECT_OF(NUMBER_FIELD_MEMBERS)};
static const struct shape_member TIME_FIELD_MEMBERS[] = {
    {"column", &COLUMN, false}, {"constant", &CONSTANT, false},
    {"values", &VALUES, false}, {"otherwise", &OTHERWISE, false},
    {"time", &TIME, false},     {"from", &FROM, false},
};
static const struct shape TIME_FIELD = {OBJECT_OF(TIME_FIELD_MEMBERS)};

static const struct shape_member FIELDS_MEMBERS[] = {
    {"type", &TEXT_FIELD, false},      {"source", &TEXT_FIELD, false},
    {"id", &TEXT_FIELD, false},        {"sku", &TEXT_FIELD, false},
    {"location", &TEXT_FIELD, false},  {"quantity", &NUMBER_FIELD, false},
    {"version", &NUMBER_FIELD, false}, {"occurred_at", &TIME_FIELD, false},
    {"reference", &TEXT_FIELD, false}, {"sees_orders_until", &TIME_FIELD, false},
};
static const struct shape FIELDS = {OBJECT_OF(FIELDS_MEMBERS)};

static const struct shape_member MAPPING_MEMBERS[] = {
    {"version", &VERSION, true},      {"feed", &FEED_NAME, false},
    {"format", &FORMAT, false},       {"encoding", &ENCODING, false},
    {"delimiter", &DELIMITER, false}, {"quote", &QUOTE, false},
    {"header", &BOOLEAN, false},      {"trim", &BOOLEAN, false},
    {"fields", &FIELDS, false},
};
static const struct shape MAPPING = {OBJECT_OF(MAPPING_MEMBERS)};

/* ---- from JSON to values -------------------------------------------------------------------- */

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum status no_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "out of memory");
}

static struct span keep(struct box *box, json_t *text)
{
    struct span span = json_span(text);
    return span.bytes != NULL ? pool_span(&box->pool, span) : span;
}

/* An integer may be written as 1.0, as in JSON Schema. */
static int64_t integer_of(const json_t *number)
{
    return json_is_real(number) ? (int64_t)json_real_value(number)
                                : json_integer_value(number);
}

/* A text, or an integer as its digits. */
static struct span keep_label(struct box *box, json_t *label)
{
    SCOPED(buf_free) struct buf digits = {0};
    if (json_is_string(label))
        return keep(box, label);
    buf_init(&digits, 32);
    buf_number(&digits, integer_of(label));
    return pool_buf(&box->pool, &digits);
}

static char character_of(json_t *object, const char *name, char otherwise)
{
    struct span text = json_span(json_object_get(object, name));
    if (text.bytes == NULL)
        return otherwise;
    return text.length > 0 ? text.bytes[0] : '\0';
}

/* The place of the word in the table; `otherwise` where nothing is said. */
static size_t word_of(json_t *object, const char *name, const char *const *words,
                      size_t otherwise)
{
    struct span text = json_span(json_object_get(object, name));
    for (size_t at = 0; text.bytes != NULL && words[at] != NULL; at++)
        if (span_is(text, words[at]))
            return at;
    return otherwise;
}

static enum status build_values(struct box *box, json_t *map, struct feed_field *field,
                                struct error *error)
{
    size_t count = json_object_size(map);
    struct feed_value *values = pool_take(&box->pool, (count + 1) * sizeof(*values));
    if (values == NULL)
        return no_memory(error);
    size_t next = 0;
    for (void *at = json_object_iter(map); at != NULL;
         at = json_object_iter_next(map, at)) {
        struct span name = span_from(json_object_iter_key(at));
        values[next].value = pool_span(&box->pool, name);
        values[next].means = keep(box, json_object_iter_value(at));
        if (values[next].value.bytes == NULL || values[next].means.bytes == NULL)
            return no_memory(error);
        next++;
    }
    qsort(values, count, sizeof(*values), feed_value_compare);
    field->values = values;
    field->value_count = count;
    return STATUS_OK;
}

static void build_formats(struct box *box, json_t *rule, struct feed_field *field)
{
    json_t *number = json_object_get(rule, "number");
    json_t *time = json_object_get(rule, "time");
    field->number = (struct feed_number){
        .thousands = character_of(number, "thousands", 0),
        .fraction = character_of(number, "zero_fraction", 0),
        .allows_plus = json_is_true(json_object_get(number, "plus")),
        .minus_behind = json_is_true(json_object_get(number, "minus_behind")),
        .is_given = number != NULL,
    };
    field->time_format = keep(box, json_object_get(time, "format"));
    field->time_offset = keep(box, json_object_get(time, "offset"));
    if (time != NULL && field->time_offset.bytes == NULL)
        field->time_offset = SPAN_OF("Z");
}

/* Where the value comes from: at most one of the three. */
static enum status build_from(struct box *box, json_t *rule, struct feed_field *field,
                              struct error *error)
{
    json_t *column = json_object_get(rule, "column");
    json_t *constant = json_object_get(rule, "constant");
    json_t *from = json_object_get(rule, "from");
    if ((column != NULL) + (constant != NULL) + (from != NULL) > 1)
        return error_set(error, STATUS_FATAL,
                         "/fields/%.*s: give one of column, constant and from",
                         SPAN_ARGS(field->column));
    if (json_is_string(column)) {
        field->column = keep(box, column);
        field->is_asked = true;
    } else if (column != NULL) {
        field->from = FEED_FROM_PLACE;
        field->place = (size_t)integer_of(column) - 1;
        field->is_asked = true;
    } else if (constant != NULL) {
        field->from = FEED_FROM_CONSTANT;
        field->constant = keep_label(box, constant);
    } else if (from != NULL) {
        field->from = FEED_FROM_FILE_TIME;
    }
    bool kept = field->column.bytes != NULL &&
                (constant == NULL || field->constant.bytes != NULL);
    return kept ? STATUS_OK : no_memory(error);
}

static enum status build_field(struct box *box, json_t *rule, struct feed_field *field,
                               struct error *error)
{
    json_t *values = json_object_get(rule, "values");
    enum status status = build_from(box, rule, field, error);
    build_formats(box, rule, field);
    field->keeps_others = span_is(json_span(json_object_get(rule, "otherwise")), "keep");
    if (status == STATUS_OK && values != NULL)
        status = build_values(box, values, field, error);
    return status;
}

/* Two fields may come from one column; what no header can name must be a place. */
static enum status check_whole(const struct feed_mapping *mapping, struct error *error)
{
    if (mapping->dialect.quote == mapping->dialect.delimiter)
        return error_set(error, STATUS_FATAL, "/quote: must not be the delimiter");
    for (size_t at = 0; at < FIELD_COUNT; at++) {
        const struct feed_field *field = &mapping->fields[at];
        const char *name = event_field_name((enum event_field)at);
        if (field->number.thousands != 0 &&
            field->number.thousands == field->number.fraction)
            return error_set(error, STATUS_FATAL,
                             "/fields/%s/number: thousands and zero_fraction must differ",
                             name);
        if (!mapping->has_header && field->from == FEED_FROM_COLUMN && field->is_asked)
            return error_set(error, STATUS_FATAL,
                             "/fields/%s/column: must be a number, since there is no "
                             "header",
                             name);
        if (mapping->format == FEED_JSON_LINES && field->from == FEED_FROM_PLACE)
            return error_set(error, STATUS_FATAL,
                             "/fields/%s/column: must be a name, since JSON has no order "
                             "of members",
                             name);
    }
    return STATUS_OK;
}

static enum status build(struct box *box, json_t *root, struct error *error)
{
    struct feed_mapping *mapping = &box->mapping;
    struct json_path path = {.length = 0};
    json_t *fields = json_object_get(root, "fields");
    enum status status = json_shape_check(&MAPPING, root, &path, error);
    if (status != STATUS_OK)
        return status;
    mapping->name = keep(box, json_object_get(root, "feed"));
    mapping->format = (enum feed_format)(word_of(root, "format", FORMATS, SIZE_MAX) + 1);
    mapping->encoding =
        (enum text_encoding)(word_of(root, "encoding", ENCODINGS, SIZE_MAX) + 1);
    mapping->dialect.delimiter =
        character_of(root, "delimiter", mapping->dialect.delimiter);
    mapping->dialect.quote = character_of(root, "quote", mapping->dialect.quote);
    mapping->has_header = !json_is_false(json_object_get(root, "header"));
    mapping->trims = json_is_true(json_object_get(root, "trim"));
    for (size_t at = 0; at < FIELD_COUNT && status == STATUS_OK; at++) {
        json_t *rule = json_object_get(fields, event_field_name((enum event_field)at));
        if (rule != NULL)
            status = build_field(box, rule, &mapping->fields[at], error);
    }
    return status == STATUS_OK ? check_whole(mapping, error) : status;
}

static enum status parse(struct span text, json_t **root_out, struct error *error)
{
    json_error_t fault;
    if (text.bytes == NULL || text.length == 0 || text.length > MAPPING_BYTES_MAX)
        return error_set(error, STATUS_FATAL,
                         "the document: must have 1 to %zu bytes; "
                         "see schemas/feed-mapping.schema.json for what it holds",
                         MAPPING_BYTES_MAX);
    *root_out = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &fault);
    if (*root_out == NULL)
        return error_set(error, STATUS_FATAL, "line %d, column %d: is no JSON: %s",
                         fault.line, fault.column, fault.text);
    return STATUS_OK;
}

static struct box *box_new(void)
{
    struct box *box = calloc(1, sizeof(*box));
    if (box == NULL)
        return NULL;
    pool_init(&box->pool, POOL_MAX);
    box->mapping.dialect = (struct csv_dialect){.delimiter = ',', .quote = '"'};
    box->mapping.has_header = true;
    for (size_t at = 0; at < FIELD_COUNT; at++)
        box->mapping.fields[at].column =
            span_from(event_field_name((enum event_field)at));
    digest_sha256_hex(SPAN_OF(""), box->mapping.digest);
    return box;
}

struct feed_mapping *feed_mapping_default(void)
{
    struct box *box = box_new();
    return box != NULL ? &box->mapping : NULL;
}

enum status feed_mapping_decode(struct span text, struct feed_mapping **mapping_out,
                                struct error *error)
{
    SCOPED(release_json) json_t *root = NULL;
    SCOPED(feed_mapping_free) struct feed_mapping *mapping = feed_mapping_default();
    if (mapping == NULL) {
        (void)no_memory(error);
        return error_exit(error, EXIT_INTERNAL);
    }
    enum status status = parse(text, &root, error);
    if (status == STATUS_OK)
        status = build((struct box *)(void *)mapping, root, error);
    if (status != STATUS_OK) {
        struct error fault = *error;
        (void)error_set(error, STATUS_FATAL, "mapping file: %.480s", fault.text);
        return error_exit(error, EXIT_CONFIG);
    }
    digest_sha256_hex(text, mapping->digest);
    *mapping_out = TAKE(mapping);
    return STATUS_OK;
}

void feed_mapping_free(struct feed_mapping **slot)
{
    struct box *box = (struct box *)(void *)*slot;
    *slot = NULL;
    if (box == NULL)
        return;
    pool_free(&box->pool);
    free(box);
}
