#include "common/codec/shopify_tree.h"

#include "common/base/scope.h"

#define QUANTITY_LIMIT 4000000000LL
#define NUMBER_LIMIT 9.0e15
#define MONEY_DIGITS 6

void tree_release(json_t **slot)
{
    json_decref(TAKE(*slot));
}

enum status tree_not_api(struct error *error, const char *what)
{
    return error_set_code(error, STATUS_REJECT, "garbled",
                          "the answer is not one of the Admin API: %s", what);
}

/* Before the parser recurses: strings are skipped, brackets are counted. */
static bool depth_is_sane(struct span text)
{
    int depth = 0;
    bool quoted = false;
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.bytes[at];
        if (quoted && byte == '\\')
            at++;
        else if (byte == '"')
            quoted = !quoted;
        else if (!quoted && (byte == '{' || byte == '['))
            depth++;
        else if (!quoted && (byte == '}' || byte == ']'))
            depth--;
        if (depth > SHOPIFY_DEPTH_MAX)
            return false;
    }
    return true;
}

json_t *tree_parse(struct span text, struct error *error)
{
    if (text.bytes == NULL || text.length == 0) {
        tree_not_api(error, "it is empty");
        return NULL;
    }
    if (!depth_is_sane(text)) {
        tree_not_api(error, "it is nested too deep");
        return NULL;
    }
    json_error_t reason;
    json_t *root = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &reason);
    if (json_is_object(root))
        return root;
    json_decref(root);
    tree_not_api(error, "it is not a JSON object");
    return NULL;
}

const json_t *tree_object(const json_t *parent, const char *name)
{
    const json_t *value = json_object_get(parent, name);
    return json_is_object(value) ? value : NULL;
}

const json_t *tree_array(const json_t *parent, const char *name)
{
    const json_t *value = json_object_get(parent, name);
    return json_is_array(value) ? value : NULL;
}

struct span tree_text(const json_t *parent, const char *name)
{
    const json_t *value = json_object_get(parent, name);
    if (!json_is_string(value))
        return (struct span){0};
    return (struct span){.bytes = json_string_value(value),
                         .length = json_string_length(value)};
}

bool tree_true(const json_t *parent, const char *name)
{
    return json_is_true(json_object_get(parent, name));
}

bool tree_quantity(const json_t *parent, const char *name, int64_t *value_out)
{
    const json_t *value = json_object_get(parent, name);
    if (!json_is_integer(value))
        return false;
    int64_t number = json_integer_value(value);
    if (number < -QUANTITY_LIMIT || number > QUANTITY_LIMIT)
        return false;
    *value_out = number;
    return true;
}

bool tree_whole(const json_t *parent, const char *name, int64_t *value_out)
{
    const json_t *value = json_object_get(parent, name);
    if (!json_is_number(value))
        return false;
    double number = json_number_value(value);
    if (!(number >= -NUMBER_LIMIT && number <= NUMBER_LIMIT))
        return false;
    *value_out = (int64_t)number;
    return true;
}

static int64_t add_digit(int64_t value, int digit)
{
    int64_t more = 0;
    if (__builtin_mul_overflow(value, 10, &more) ||
        __builtin_add_overflow(more, digit, &more))
        return INT64_MAX;
    return more;
}

bool tree_money(const json_t *parent, const char *name, int64_t *micros_out)
{
    struct span text = tree_text(parent, name);
    int64_t micros = 0;
    bool point = false;
    int digits = 0; /* after the point, those taken */
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.bytes[at];
        bool first_point = byte == '.' && !point && at > 0;
        if (!first_point && (byte < '0' || byte > '9'))
            return false;
        if (!first_point && digits < MONEY_DIGITS)
            micros = add_digit(micros, byte - '0');
        digits += point && digits < MONEY_DIGITS;
        point = point || first_point;
    }
    for (; digits < MONEY_DIGITS; digits++)
        micros = add_digit(micros, 0);
    *micros_out = micros;
    return text.length > 0;
}

void tree_copy(struct span text, char *room, size_t size)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;
    /* Not in the middle of a UTF-8 sequence. */
    while (length > 0 && length < text.length &&
           ((unsigned char)text.bytes[length] & 0xc0u) == 0x80u)
        length--;
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)text.bytes[at];
        room[at] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
    }
    room[length] = '\0';
}

static void read_cost(const json_t *root, struct cost_status *cost)
{
    const json_t *all = tree_object(tree_object(root, "extensions"), "cost");
    const json_t *throttle = tree_object(all, "throttleStatus");
    cost->known = tree_whole(throttle, "maximumAvailable", &cost->maximum) &&
                  tree_whole(throttle, "currentlyAvailable", &cost->available) &&
                  tree_whole(throttle, "restoreRate", &cost->restore_rate);
    if (!tree_whole(all, "requestedQueryCost", &cost->requested))
        cost->requested = 0;
}

/* errors[] of GraphQL; a text or an object under `errors` is how the gateway speaks. */
static void read_errors(const json_t *root, struct shopify_reply *reply)
{
    const json_t *errors = json_object_get(root, "errors");
    if (errors == NULL || json_is_null(errors) ||
        (json_is_array(errors) && json_array_size(errors) == 0))
        return;
    reply->has_top_error = true;
    for (size_t at = 0; at < json_array_size(errors); at++) {
        const json_t *each = json_array_get(errors, at);
        struct span code = tree_text(tree_object(each, "extensions"), "code");
        if (at == 0 || span_is(code, "THROTTLED")) {
            tree_copy(code, reply->top_code, sizeof reply->top_code);
            tree_copy(tree_text(each, "message"), reply->message, sizeof reply->message);
        }
    }
    if (json_is_string(errors))
        tree_copy(tree_text(root, "errors"), reply->message, sizeof reply->message);
}

void tree_reply(const json_t *root, struct shopify_reply *reply)
{
    *reply = (struct shopify_reply){0};
    read_cost(root, &reply->cost);
    read_errors(root, reply);
}

const json_t *tree_data(const json_t *root, const char *field)
{
    return tree_object(tree_object(root, "data"), field);
}

struct span tree_kept(struct pool *pool, struct span text, bool *failed)
{
    if (text.bytes == NULL)
        return text;
    struct span copy = pool_span(pool, text);
    *failed = *failed || copy.bytes == NULL;
    return copy;
}

/* Control characters become spaces, so that a tag is a line. */
static char *put_tag(char *room, struct span tag)
{
    for (size_t at = 0; at < tag.length; at++)
        *room++ = (unsigned char)tag.bytes[at] < 0x20 ? ' ' : tag.bytes[at];
    return room;
}

struct span tree_tags(struct pool *pool, const json_t *variant, bool *failed)
{
    const json_t *tags = tree_array(tree_object(variant, "product"), "tags");
    size_t most = 0;
    for (size_t at = 0; at < json_array_size(tags); at++)
        most += json_string_length(json_array_get(tags, at)) + 1;
    char *room = pool_take(pool, most + 1);
    *failed = *failed || room == NULL;
    char *end = room;
    for (size_t at = 0; room != NULL && at < json_array_size(tags); at++) {
        const json_t *tag = json_array_get(tags, at);
        if (json_string_length(tag) == 0)
            continue;
        if (end != room)
            *end++ = '\n';
        end = put_tag(end, (struct span){.bytes = json_string_value(tag),
                                         .length = json_string_length(tag)});
    }
    return (struct span){.bytes = room,
                         .length = room != NULL ? (size_t)(end - room) : 0};
}

json_t *tree_answer(struct span body, struct shopify_reply *reply,
                    enum status *status_out, struct error *error)
{
    json_t *root = tree_parse(body, error);
    *status_out = root == NULL ? STATUS_REJECT : STATUS_OK;
    if (root == NULL)
        return NULL;
    tree_reply(root, reply);
    if (reply->has_top_error)
        tree_release(&root);
    return root;
}
