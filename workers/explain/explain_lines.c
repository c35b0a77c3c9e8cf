#include "workers/explain/explain_lines.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_MAX 4096

bool lines_want_colour(void)
{
    const char *forbidden = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (forbidden != NULL && forbidden[0] != '\0')
        return false;
    return isatty(STDOUT_FILENO) != 0 &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

/* Characters, not bytes; wide ones count as one. */
static size_t width_of(struct span text)
{
    size_t width = 0;
    for (size_t at = 0; at < text.length; at++)
        width += ((unsigned char)text.bytes[at] & 0xc0U) != 0x80U;
    return width;
}

void lines_text(struct lines *lines, struct span text)
{
    buf_span(lines->out, text);
    lines->column += width_of(text);
}

void lines_end(struct lines *lines)
{
    buf_byte(lines->out, '\n');
    lines->column = 0;
}

void lines_piece(struct lines *lines, struct span text)
{
    if (text.length == 0)
        return;
    if (lines->column > lines->indent &&
        lines->column + 1 + width_of(text) > LINES_COLUMNS)
        lines_end(lines);
    if (lines->column == 0)
        while (lines->column < lines->indent)
            lines_text(lines, SPAN_OF(" "));
    else
        lines_text(lines, SPAN_OF(" "));
    lines_text(lines, text);
}

void lines_words(struct lines *lines, struct span text)
{
    while (text.length > 0) {
        const char *blank = memchr(text.bytes, ' ', text.length);
        size_t length = blank != NULL ? (size_t)(blank - text.bytes) : text.length;
        lines_piece(lines, (struct span){text.bytes, length});
        length += blank != NULL ? 1 : 0;
        text = (struct span){text.bytes + length, text.length - length};
    }
}

/* A piece too long for the room is cut: it is for people. */
static struct span format_piece(char room[PIECE_MAX], const char *format, va_list list)
{
    int length = vsnprintf(room, PIECE_MAX, format, list);
    ASSERT(length >= 0);
    size_t kept = (size_t)length < PIECE_MAX ? (size_t)length : PIECE_MAX - 1;
    return (struct span){.bytes = room, .length = kept};
}

void lines_format(struct lines *lines, const char *format, ...)
{
    char room[PIECE_MAX];
    va_list list;
    va_start(list, format);
    lines_text(lines, format_piece(room, format, list));
    va_end(list);
}

void lines_piece_format(struct lines *lines, const char *format, ...)
{
    char room[PIECE_MAX];
    va_list list;
    va_start(list, format);
    lines_piece(lines, format_piece(room, format, list));
    va_end(list);
}

void lines_paint(struct lines *lines, enum paint paint)
{
    static const char *const CODES[] = {
        [PAINT_PLAIN] = "\033[0m", [PAINT_BOLD] = "\033[1m", [PAINT_DIM] = "\033[2m",
        [PAINT_GOOD] = "\033[32m", [PAINT_BAD] = "\033[31m", [PAINT_WARN] = "\033[33m",
    };
    if (lines->colour)
        buf_text(lines->out, CODES[paint]);
}
