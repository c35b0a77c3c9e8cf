/*
 * The editing half of letter.h.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/event_fields.h"
#include "common/codec/letter.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void json_release(json_t **slot)
{
    json_decref(*slot);
}

static void text_release(char **slot)
{
    free(*slot);
}

static enum status usage(struct error *error, const char *assignment)
{
    (void)error_set(
        error, STATUS_REJECT,
        "--set '%.60s': say FIELD=VALUE with a field of the event: type, source, "
        "id, sku, location, quantity, occurred_at, version, sees_orders_until "
        "or reference",
        assignment);
    return error_exit(error, EXIT_USAGE);
}

static bool is_number(struct span name)
{
    return span_is(name, "quantity") || span_is(name, "version");
}

/* NULL where the text is no value of the field. */
static json_t *value_of(struct span name, const char *text)
{
    int64_t number = 0;
    if (!is_number(name))
        return json_string(text);
    return span_to_int64(span_from(text), &number) ? json_integer(number) : NULL;
}

static json_t *parse(const struct buf *value, struct error *error)
{
    json_error_t why;
    json_t *root = json_loadb(value->bytes != NULL ? value->bytes : "", value->length,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (json_is_object(root))
        return root;
    json_decref(root);
    (void)error_set(
        error, STATUS_REJECT,
        "--set needs a value that is one JSON object with each key once: %.120s; "
        "give the whole value with --value-file or --edit",
        root == NULL ? why.text : "it is none");
    (void)error_exit(error, EXIT_DATA);
    return NULL;
}

static enum status put(json_t *event, struct span name, const char *text,
                       struct error *error)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "%.*s", SPAN_ARGS(name));
    if (text[0] == '\0') {
        (void)json_object_del(event, field);
        return STATUS_OK;
    }
    json_t *value = value_of(name, text);
    if (value == NULL) {
        (void)error_set(error, STATUS_REJECT, "--set %s=%.60s: %s", field, text,
                        is_number(name) ? "it is a whole number" : "it is no UTF-8");
        return error_exit(error, EXIT_USAGE);
    }
    return json_object_set_new(event, field, value) == 0
               ? STATUS_OK
               : error_set(error, STATUS_FATAL, "out of memory");
}

static enum status write_back(const json_t *root, struct buf *value, struct error *error)
{
    SCOPED(text_release)
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text == NULL)
        return error_set(error, STATUS_FATAL, "out of memory");
    buf_clear(value);
    buf_text(value, text);
    return value->failed ? error_set(error, STATUS_FATAL, "out of memory") : STATUS_OK;
}

enum status letter_set(struct buf *value, bool is_structured, const char *assignment,
                       struct error *error)
{
    const char *equals = strchr(assignment, '=');
    struct span name = {assignment, equals != NULL ? (size_t)(equals - assignment) : 0};
    if (equals == NULL || event_field_named(name) >= FIELD_COUNT)
        return usage(error, assignment);
    SCOPED(json_release) json_t *root = parse(value, error);
    if (root == NULL)
        return STATUS_REJECT;
    json_t *data = is_structured ? json_object_get(root, "data") : NULL;
    enum status status = put(json_is_object(data) ? data : root, name, equals + 1, error);
    return status == STATUS_OK ? write_back(root, value, error) : status;
}
