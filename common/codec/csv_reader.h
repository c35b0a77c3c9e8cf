/*
 * CSV records off the front of a text window: RFC 4180, strictly, but that LF alone ends a
 * line too, blank lines are passed over, and a quote inside a field that does not start with
 * one stands for itself (37°36'37.8"N). Delimiter and quote are parameters.
 *
 * A record that breaks the grammar is given with its fault and costs no other record: where
 * a quote never closes, or closes in the middle of another line, only the physical line at
 * which the record starts is taken, and reading goes on at the next one. The same where a
 * record over several lines has another number of fields than the header: nearly always a
 * quote that was never closed. So one stray quote can not swallow good rows.
 */
#ifndef PARSTOCK_CODEC_CSV_READER_H
#define PARSTOCK_CODEC_CSV_READER_H

#include "common/codec/text_window.h"

#define CSV_FIELDS_MAX 1024

enum csv_fault {
    CSV_FINE = 0,
    CSV_AFTER_QUOTE,     /* text between a closing quote and the delimiter */
    CSV_OPEN_QUOTE,      /* a quote that is never closed */
    CSV_STRAY_CR,        /* a carriage return outside quotes that ends no line */
    CSV_COLUMNS,         /* another number of fields than expected */
    CSV_TOO_MANY_FIELDS, /* more than CSV_FIELDS_MAX */
    CSV_TOO_LONG,        /* a record of more than TEXT_RECORD_MAX bytes */
    CSV_FAULT_COUNT
};

/* What is wrong, for people: "a quote inside a field that does not start with one". */
const char *csv_fault_text(enum csv_fault fault);

struct csv_dialect {
    char delimiter;
    char quote; /* 0: none, every byte stands for itself */
};

/* Valid until the next call of csv_reader_next or text_window_add. */
struct csv_record {
    int64_t line; /* physical line at which it starts, from 1 */
    enum csv_fault fault;
    struct span
        raw; /* as it stands in the text, without its line end; cut off if too long */
    const struct span
        *fields; /* unquoted; as far as they were read where there is a fault */
    size_t field_count;
};

struct csv_reader {
    struct csv_dialect dialect;
    size_t columns; /* fields that a record must have; 0 = any number */
    bool skipping;  /* inside a line that is too long */
    size_t field_count;
    struct span fields[CSV_FIELDS_MAX];
    unsigned char stops[256];      /* bytes at which an unquoted field may end */
    char scratch[TEXT_WINDOW_MAX]; /* fields that held doubled quotes */
};

void csv_reader_init(struct csv_reader *reader, const struct csv_dialect *dialect);

enum text_step csv_reader_next(struct csv_reader *reader, struct text_window *window,
                               struct csv_record *record_out);

#endif
