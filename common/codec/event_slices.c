#include "common/codec/event_slices.h"

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct span skip(struct span text, size_t length)
{
    return (struct span){text.bytes + length, text.length - length};
}

static struct span trimmed(struct span text)
{
    while (text.length > 0 && is_space(text.bytes[0]))
        text = skip(text, 1);
    while (text.length > 0 && is_space(text.bytes[text.length - 1]))
        text.length--;
    return text;
}

/* ---- following brackets and quotes --------------------------------------------------------- */

/* The length of a string that begins at `at`; up to the end where it has none. */
static size_t text_length(struct span text, size_t at)
{
    size_t end = at + 1;
    while (end < text.length && text.bytes[end] != '"')
        end += text.bytes[end] == '\\' ? 2 : 1;
    return end < text.length ? end + 1 - at : text.length - at;
}

/*
 * The length of one value: up to a comma or closing bracket that is not its own, or up to
 * and with the bracket that closes it. *closed_out: it was one in brackets, and is closed.
 */
static size_t value_length(struct span text, bool *closed_out)
{
    size_t depth = 0;
    size_t at = 0;
    *closed_out = false;
    while (at < text.length) {
        char byte = text.bytes[at];
        bool closes = byte == '}' || byte == ']';
        if (depth == 0 && (byte == ',' || closes))
            return at;
        if (byte == '"') {
            at += text_length(text, at);
            continue;
        }
        at++;
        if (byte == '{' || byte == '[')
            depth++;
        if (closes && --depth == 0) {
            *closed_out = true;
            return at;
        }
    }
    return text.length;
}

/* One object and nothing else. */
static bool is_whole_object(struct span text)
{
    bool closed = false;
    text = trimmed(text);
    return text.length > 0 && text.bytes[0] == '{' &&
           value_length(text, &closed) == text.length && closed;
}

/* ---- which form ----------------------------------------------------------------------------- */

static struct span take_line(struct span *rest)
{
    const char *end = memchr(rest->bytes, '\n', rest->length);
    size_t length = end != NULL ? (size_t)(end - rest->bytes) : rest->length;
    struct span line = {rest->bytes, length};
    *rest = skip(*rest, end != NULL ? length + 1 : length);
    return line;
}

/* Something that is no single object: lines, if only one of them is a whole event. */
static bool has_whole_line(struct span body)
{
    while (body.length > 0)
        if (is_whole_object(take_line(&body)))
            return true;
    return false;
}

static enum slices_form form_of(struct span body)
{
    struct span text = trimmed(body);
    if (text.length > 0 && text.bytes[0] == '[')
        return SLICES_ARRAY;
    if (is_whole_object(text))
        return SLICES_ONE;
    return has_whole_line(body) ? SLICES_LINES : SLICES_ONE;
}

void event_slices_begin(struct event_slices *slices, struct span body, bool as_lines)
{
    *slices = (struct event_slices){.form = as_lines ? SLICES_LINES : form_of(body),
                                    .rest = body};
    if (slices->form == SLICES_ARRAY)
        slices->rest = skip(trimmed(body), 1); /* behind the opening bracket */
}

/* ---- cutting -------------------------------------------------------------------------------- */

static bool next_line(struct event_slices *slices, struct event_slice *out)
{
    while (slices->rest.length > 0) {
        struct span line = trimmed(take_line(&slices->rest));
        slices->line++;
        if (line.length == 0)
            continue;
        *out = (struct event_slice){.value = line, .line = slices->line};
        return true;
    }
    return false;
}

static bool end_with_stray(struct event_slices *slices, struct span what,
                           struct event_slice *out)
{
    slices->ended = true;
    *out = (struct event_slice){.value = what, .line = slices->line + 1, .stray = true};
    return true;
}

/* Behind the last element. */
static bool end_array(struct event_slices *slices, struct event_slice *out)
{
    struct span behind = trimmed(skip(slices->rest, 1));
    if (slices->rest.bytes[0] != ']' || behind.length > 0)
        return end_with_stray(slices, slices->rest, out);
    slices->ended = true;
    return false;
}

static bool next_element(struct event_slices *slices, struct event_slice *out)
{
    bool closed = false;
    struct span rest = slices->rest;
    while (rest.length > 0 && is_space(rest.bytes[0]))
        rest = skip(rest, 1);
    slices->rest = rest;
    if (rest.length == 0)
        return end_with_stray(slices, rest, out);
    if (slices->line > 0) { /* behind an element */
        if (rest.bytes[0] != ',')
            return end_array(slices, out);
        rest = skip(rest, 1);
    } else if (rest.bytes[0] == ']') {
        return end_array(slices, out);
    }
    size_t length = value_length(rest, &closed);
    slices->rest = skip(rest, length);
    slices->line++;
    *out = (struct event_slice){.value = trimmed((struct span){rest.bytes, length}),
                                .line = slices->line};
    return true;
}

bool event_slices_next(struct event_slices *slices, struct event_slice *slice_out)
{
    if (slices->ended)
        return false;
    if (slices->form == SLICES_LINES)
        return next_line(slices, slice_out);
    if (slices->form == SLICES_ARRAY)
        return next_element(slices, slice_out);
    slices->ended = true;
    *slice_out = (struct event_slice){.value = trimmed(slices->rest), .line = 1};
    return slice_out->value.length > 0;
}
