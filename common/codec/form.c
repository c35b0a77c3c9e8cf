#include "common/codec/form.h"

#include "common/codec/http_head.h"

#define NAME_MAX_BYTES 64

/* '+' is a space; what is left are percent escapes. */
static bool decode(struct span text, char *room, size_t size, struct span *out)
{
    if (!http_percent_decode(text, room, size, out))
        return false;
    return true;
}

static struct span until(struct span text, char end, struct span *rest)
{
    const char *at = text.length > 0 ? memchr(text.bytes, end, text.length) : NULL;
    size_t length = at != NULL ? (size_t)(at - text.bytes) : text.length;
    *rest =
        at != NULL ? (struct span){at + 1, text.length - length - 1} : (struct span){0};
    return (struct span){text.bytes, length};
}

/* Plus signs are spaces before anything is unescaped: an escaped one stays a plus. */
static bool copy_spaces(struct span text, char *room, size_t size, struct span *out)
{
    if (text.length > size)
        return false;
    for (size_t at = 0; at < text.length; at++)
        room[at] = text.bytes[at] == '+' ? ' ' : text.bytes[at];
    *out = (struct span){room, text.length};
    return true;
}

static bool is_named(struct span raw, const char *name)
{
    char room[NAME_MAX_BYTES];
    struct span decoded;
    return raw.length <= sizeof(room) && decode(raw, room, sizeof(room), &decoded) &&
           span_is(decoded, name);
}

bool form_field(struct span form, const char *name, char *room, size_t size,
                struct span *value_out)
{
    *value_out = (struct span){0};
    while (form.length > 0) {
        struct span rest;
        struct span value;
        struct span spaced;
        struct span field = until(form, '&', &form);
        struct span raw = until(field, '=', &rest);
        if (!is_named(raw, name))
            continue;
        value = rest.bytes != NULL ? rest : SPAN_OF("");
        return copy_spaces(value, room, size, &spaced) &&
               decode(spaced, room, size, value_out);
    }
    return true;
}
