#include "common/codec/text_window.h"

#include "common/base/check.h"

void text_window_init(struct text_window *window, enum text_encoding encoding)
{
    text_decoder_init(&window->decoder, encoding);
    window->line = 1;
    window->start = 0;
    window->end = 0;
    window->ended = false;
}

void text_window_add(struct text_window *window, struct span *bytes, bool last)
{
    size_t kept = window->end - window->start;
    if (window->start > 0)
        memmove(window->bytes, window->bytes + window->start, kept);
    window->start = 0;
    window->end = kept;
    size_t room = sizeof(window->bytes) - kept;
    while (room >= TEXT_DECODE_ROOM_MIN) {
        size_t before = bytes->length;
        size_t length =
            text_decode(&window->decoder, bytes, last, window->bytes + window->end, room);
        window->end += length;
        room -= length;
        if (bytes->length == before && length == 0)
            break;
    }
    window->ended = last && bytes->length == 0 && !text_decoder_owes(&window->decoder);
}

struct span text_window_view(const struct text_window *window)
{
    return (struct span){window->bytes + window->start, window->end - window->start};
}

void text_window_take(struct text_window *window, size_t length, int64_t lines)
{
    ASSERT(length <= window->end - window->start);
    window->start += length;
    window->line += lines;
}

size_t text_window_line(const struct text_window *window)
{
    struct span view = text_window_view(window);
    const char *end = view.length > 0 ? memchr(view.bytes, '\n', view.length) : NULL;
    if (end != NULL)
        return (size_t)(end - view.bytes) + 1;
    return window->ended ? view.length : 0;
}

struct span text_line_content(struct span line)
{
    if (line.length > 0 && line.bytes[line.length - 1] == '\n')
        line.length--;
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    return line;
}
