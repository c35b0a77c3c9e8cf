/*
 * Lines for a person: at most 80 columns, in colour on a terminal.
 */
#ifndef PARSTOCK_WORKERS_EXPLAIN_EXPLAIN_LINES_H
#define PARSTOCK_WORKERS_EXPLAIN_EXPLAIN_LINES_H

#include "common/base/buf.h"

#define LINES_COLUMNS 80

enum paint { PAINT_PLAIN, PAINT_BOLD, PAINT_DIM, PAINT_GOOD, PAINT_BAD, PAINT_WARN };

/* Where text is put, and at which column it is. */
struct lines {
    struct buf *out;
    bool colour;
    size_t indent; /* of lines that are begun because a piece did not fit */
    size_t column;
};

/* Is the standard output a terminal, and is colour not forbidden (NO_COLOR, TERM=dumb)? */
bool lines_want_colour(void);

/* Text as it is, on this line whatever its length. */
void lines_text(struct lines *lines, struct span text);
void lines_format(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is never parted: on the next line where this one has no room. A blank goes before. */
void lines_piece(struct lines *lines, struct span text);
void lines_piece_format(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Parted at its blanks. */
void lines_words(struct lines *lines, struct span text);

void lines_end(struct lines *lines); /* of the line; the next begins at column 0 */

/* What follows is painted so, until PAINT_PLAIN. Takes no column. */
void lines_paint(struct lines *lines, enum paint paint);

#endif
