#include "common/codec/json_shape.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/utf8.h"

#include <math.h>
#include <stdio.h>

struct span json_span(const json_t *text)
{
    if (!json_is_string(text))
        return (struct span){0};
    return (struct span){json_string_value(text), json_string_length(text)};
}

/* ---- where ------------------------------------------------------------------------ */

static void path_byte(struct json_path *path, char byte)
{
    if (path->length + 1 >= sizeof(path->text))
        return;
    path->text[path->length++] = byte;
    path->text[path->length] = '\0';
}

size_t json_path_push(struct json_path *path, const char *name)
{
    size_t mark = path->length;
    path_byte(path, '/');
    for (; *name != '\0'; name++) {
        bool escaped = *name == '~' || *name == '/';
        path_byte(path, escaped ? '~' : *name);
        if (escaped)
            path_byte(path, *name == '~' ? '0' : '1');
    }
    return mark;
}

size_t json_path_push_index(struct json_path *path, size_t index)
{
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%zu", index);
    return json_path_push(path, digits);
}

void json_path_pop(struct json_path *path, size_t mark)
{
    ASSERT(mark <= path->length);
    path->length = mark;
    path->text[mark] = '\0';
}

static enum status refuse(const struct json_path *path, struct error *error,
                          const char *must_be)
{
    return error_set(error, STATUS_FATAL, "%s: must be %s",
                     path->length > 0 ? path->text : "the document", must_be);
}

/* ---- leaves ----------------------------------------------------------------------- */

static enum status check_text(const struct shape *shape, struct span text,
                              const struct json_path *path, struct error *error)
{
    char must_be[160];
    struct utf8_facts facts;
    bool good = text.bytes != NULL && utf8_measure(text, &facts) &&
                (int64_t)facts.code_points >= shape->least &&
                (int64_t)facts.code_points <= shape->most;
    if (good)
        good = shape->fits != NULL ? shape->fits(text) : !facts.control;
    if (good)
        return STATUS_OK;
    if (shape->must_be != NULL)
        return refuse(path, error, shape->must_be);
    (void)snprintf(must_be, sizeof(must_be),
                   "a text of %lld to %lld characters without control characters",
                   (long long)shape->least, (long long)shape->most);
    return refuse(path, error, must_be);
}

static enum status check_word(const struct shape *shape, json_t *value,
                              const struct json_path *path, struct error *error)
{
    char must_be[400] = "one of:";
    size_t length = strlen(must_be);
    for (const char *const *word = shape->words; *word != NULL; word++) {
        if (span_is(json_span(value), *word))
            return STATUS_OK;
        if (length + strlen(*word) + 2 >= sizeof(must_be))
            continue;
        length +=
            (size_t)snprintf(must_be + length, sizeof(must_be) - length, " %s", *word);
    }
    return refuse(path, error, must_be);
}

static enum status check_number(const struct shape *shape, json_t *value,
                                const struct json_path *path, struct error *error)
{
    char must_be[120];
    bool whole = shape->kind == SHAPE_INTEGER;
    bool good = false;
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        good = number >= shape->least && number <= shape->most;
    } else if (json_is_real(value)) {
        double number = json_real_value(value);
        good = number >= (double)shape->least && number <= (double)shape->most &&
               (!whole || floor(number) == number);
    }
    if (good)
        return STATUS_OK;
    if (shape->most == INT64_MAX)
        (void)snprintf(must_be, sizeof(must_be), "a number of at least %lld",
                       (long long)shape->least);
    else
        (void)snprintf(must_be, sizeof(must_be), "%s from %lld to %lld",
                       whole ? "an integer" : "a number", (long long)shape->least,
                       (long long)shape->most);
    return refuse(path, error, must_be);
}

/* ---- containers ------------------------------------------------------------------- */

static void release_json(json_t **slot)
{
    json_decref(*slot);
    *slot = NULL;
}

static enum status check_unique(json_t *list, const struct json_path *path,
                                struct error *error)
{
    SCOPED(release_json) json_t *seen = json_object();
    for (size_t at = 0; at < json_array_size(list); at++) {
        const char *text = json_string_value(json_array_get(list, at));
        if (text == NULL)
            continue;
        if (json_object_get(seen, text) != NULL)
            return error_set(error, STATUS_FATAL, "%s/%zu: \"%s\" stands there twice",
                             path->text, at, text);
        if (json_object_set_new(seen, text, json_true()) != 0)
            return error_set(error, STATUS_FATAL, "out of memory");
    }
    return STATUS_OK;
}

static enum status check_list(const struct shape *shape, json_t *value,
                              struct json_path *path, struct error *error)
{
    char must_be[80];
    size_t count = json_array_size(value);
    (void)snprintf(must_be, sizeof(must_be), "a list of %lld to %lld entries",
                   (long long)shape->least, (long long)shape->most);
    if (!json_is_array(value) || (int64_t)count < shape->least ||
        (int64_t)count > shape->most)
        return refuse(path, error, must_be);
    for (size_t at = 0; at < count; at++) {
        size_t mark = json_path_push_index(path, at);
        enum status status =
            json_shape_check(shape->item, json_array_get(value, at), path, error);
        if (status != STATUS_OK)
            return status;
        json_path_pop(path, mark);
    }
    return shape->unique ? check_unique(value, path, error) : STATUS_OK;
}

static enum status check_map(const struct shape *shape, json_t *value,
                             struct json_path *path, struct error *error)
{
    if (!json_is_object(value))
        return refuse(path, error, "an object");
    if ((int64_t)json_object_size(value) > shape->most)
        return error_set(error, STATUS_FATAL, "%s: must have at most %lld entries",
                         path->text, (long long)shape->most);
    for (void *at = json_object_iter(value); at != NULL;
         at = json_object_iter_next(value, at)) {
        const char *name = json_object_iter_key(at);
        size_t mark = json_path_push(path, name);
        enum status status = check_text(shape->key, span_from(name), path, error);
        if (status == STATUS_OK)
            status =
                json_shape_check(shape->item, json_object_iter_value(at), path, error);
        if (status != STATUS_OK)
            return status;
        json_path_pop(path, mark);
    }
    return STATUS_OK;
}

static enum status refuse_key(const struct shape *shape, const char *name,
                              const struct json_path *path, struct error *error)
{
    char known[300] = "";
    size_t length = 0;
    for (size_t at = 0; at < shape->member_count; at++) {
        const char *each = shape->members[at].name;
        if (length + strlen(each) + 2 >= sizeof(known))
            break;
        length += (size_t)snprintf(known + length, sizeof(known) - length, " %s", each);
    }
    return error_set(error, STATUS_FATAL, "%s/%.60s: unknown key; known ones here:%s",
                     path->text, name, known);
}

static bool is_member(const struct shape *shape, const char *name)
{
    for (size_t at = 0; at < shape->member_count; at++)
        if (strcmp(shape->members[at].name, name) == 0)
            return true;
    return false;
}

static enum status check_keys(const struct shape *shape, json_t *value,
                              const struct json_path *path, struct error *error)
{
    for (void *at = json_object_iter(value); at != NULL;
         at = json_object_iter_next(value, at))
        if (!is_member(shape, json_object_iter_key(at)))
            return refuse_key(shape, json_object_iter_key(at), path, error);
    return STATUS_OK;
}

static enum status check_object(const struct shape *shape, json_t *value,
                                struct json_path *path, struct error *error)
{
    if (!json_is_object(value))
        return refuse(path, error, "an object");
    enum status status = check_keys(shape, value, path, error);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0; at < shape->member_count; at++) {
        const struct shape_member *member = &shape->members[at];
        json_t *found = json_object_get(value, member->name);
        if (found == NULL && !member->required)
            continue;
        size_t mark = json_path_push(path, member->name);
        if (found == NULL)
            return error_set(error, STATUS_FATAL, "%s: is missing", path->text);
        status = json_shape_check(member->shape, found, path, error);
        if (status != STATUS_OK)
            return status;
        json_path_pop(path, mark);
    }
    return STATUS_OK;
}

enum status json_shape_check(const struct shape *shape, json_t *value,
                             struct json_path *path, struct error *error)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
        return check_text(shape, json_span(value), path, error);
    case SHAPE_WORD:
        return check_word(shape, value, path, error);
    case SHAPE_BOOLEAN:
        return json_is_boolean(value) ? STATUS_OK : refuse(path, error, "true or false");
    case SHAPE_INTEGER:
    case SHAPE_NUMBER:
        return check_number(shape, value, path, error);
    case SHAPE_LIST:
        return check_list(shape, value, path, error);
    case SHAPE_MAP:
        return check_map(shape, value, path, error);
    case SHAPE_OBJECT:
        return check_object(shape, value, path, error);
    case SHAPE_LABEL:
        return json_shape_check(json_is_string(value) ? shape->item : shape->key, value,
                                path, error);
    }
    UNREACHABLE("every kind of shape is checked");
}
