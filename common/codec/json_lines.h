/*
 * Lines of a JSON Lines file off the front of a text window. Blank lines are passed over.
 */
#ifndef PARSTOCK_CODEC_JSON_LINES_H
#define PARSTOCK_CODEC_JSON_LINES_H

#include "common/codec/text_window.h"

/* Valid until the next call of json_lines_next or text_window_add. */
struct json_line {
    int64_t line;     /* physical line, from 1 */
    bool too_long;    /* more than TEXT_RECORD_MAX bytes; the text is cut off there */
    struct span text; /* without its line end */
};

struct json_lines {
    bool skipping; /* inside a line that is too long */
};

enum text_step json_lines_next(struct json_lines *lines, struct text_window *window,
                               struct json_line *line_out);

#endif
