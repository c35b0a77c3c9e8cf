/*
 * A stretch of a long text in memory, for readers that take records off its front: bytes
 * come in at the end (decoded to UTF-8), records leave at the start, and the physical
 * line at the start is counted. Its size is the longest record there can be and one piece
 * of reading more.
 */
#ifndef PARSTOCK_CODEC_TEXT_WINDOW_H
#define PARSTOCK_CODEC_TEXT_WINDOW_H

#include "common/codec/text_encoding.h"

#define TEXT_RECORD_MAX ((size_t)128 * 1024) /* bytes of one record, as UTF-8 */
#define TEXT_PIECE_MAX ((size_t)64 * 1024)
#define TEXT_WINDOW_MAX (TEXT_RECORD_MAX + TEXT_PIECE_MAX + TEXT_DECODE_ROOM_MIN)

enum text_step {
    TEXT_STEP_RECORD, /* here is one */
    TEXT_STEP_MORE,   /* text_window_add, or text_window_end, is wanted first */
    TEXT_STEP_END,    /* no more records */
};

struct text_window {
    struct text_decoder decoder;
    int64_t line; /* physical line at `start`, from 1 */
    size_t start;
    size_t end;
    bool ended; /* nothing more will come */
    char bytes[TEXT_WINDOW_MAX];
};

void text_window_init(struct text_window *window, enum text_encoding encoding);

/* Takes what fits of the bytes, whose span shrinks; call again with the rest, once records
 * were taken. `last`: nothing follows these. */
void text_window_add(struct text_window *window, struct span *bytes, bool last);

/* The text that no record has taken yet. */
struct span text_window_view(const struct text_window *window);

/* Takes `length` bytes with `lines` line ends in them off the front. */
void text_window_take(struct text_window *window, size_t length, int64_t lines);

/*
 * Length of the physical line at the front with its line end; 0: its end has not come yet
 * (more is wanted). At the end of the text the rest is a line.
 */
size_t text_window_line(const struct text_window *window);

/* The line without LF or CR LF. */
struct span text_line_content(struct span line);

#endif
