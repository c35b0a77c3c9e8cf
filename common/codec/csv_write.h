/*
 * CSV by RFC 4180 (UTF-8, lines end in LF) for people who open it in a spreadsheet, where a
 * cell that begins like a formula would be run. Every text is quoted and made visible first
 * (text_show.h), so that a row is a line; a sign that would begin a formula gets a `'` before
 * it, at the start of a cell and behind a `;`, which parts cells where the comma is a decimal
 * sign. Whoever needs the exact bytes of a text takes the JSON.
 */
#ifndef PARSTOCK_CODEC_CSV_WRITE_H
#define PARSTOCK_CODEC_CSV_WRITE_H

#include "common/base/buf.h"
#include "common/base/sink.h"

struct csv {
    struct buf row;
    struct sink sink;
    bool failed; /* memory was lacking: a row is missing */
};

void csv_begin(struct csv *csv, struct sink sink);
bool csv_end(struct csv *csv); /* false: it is not whole */

void csv_text(struct csv *csv, struct span text); /* bytes NULL = an empty cell */
void csv_number(struct csv *csv, int64_t number);
void csv_plain(struct csv *csv, const char *text); /* ours: digits, times, words */
void csv_row(struct csv *csv);                     /* ends a row */

#endif
