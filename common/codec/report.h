/*
 * Tables of a report, written at once as HTML for people, CSV for spreadsheets and JSON for
 * programs: one description and one row of values for all three, so that they can not differ.
 * The page shows up to so many rows and says how many it leaves out; the others have all.
 */
#ifndef PARSTOCK_CODEC_REPORT_H
#define PARSTOCK_CODEC_REPORT_H

#include "common/codec/csv_write.h"
#include "common/codec/html_write.h"

enum report_kind {
    REPORT_TEXT,   /* from outside */
    REPORT_CODE,   /* from outside: a SKU, a reference */
    REPORT_WORD,   /* ours */
    REPORT_NUMBER, /* an integer */
    REPORT_SHARE,  /* millionths of the whole, shown in percent */
    REPORT_TIME,   /* microseconds since 1970 UTC */
};

struct report_column {
    const char *id;
    const char *title;
    enum report_kind kind;
};

/* Where a table stands. */
#define REPORT_ON_PAGE 0x1u
#define REPORT_IN_FILES 0x2u /* CSV and JSON */

struct report_table {
    const char *id; /* a-z, digits and '-': also the name of its CSV file */
    unsigned where;
    struct span title;                   /* may come from outside */
    const struct report_column *columns; /* the first names the row */
    size_t column_count;
};

/* By the column's kind; absent: nothing is known. */
struct report_cell {
    bool absent;
    struct span text;
    int64_t number;
};

#define REPORT_SHARE_MAX 32

/* "1.25": percent of millionths, two to four digits behind the point. */
void report_share(int64_t millionths, char room[REPORT_SHARE_MAX]);

struct report {
    struct html *page;
    struct sink json;
    size_t page_rows; /* at most, of each table */
    bool failed;
    /* of the table under way */
    const struct report_table *table;
    struct csv csv;
    size_t rows;
    size_t tables;
};

/* The whole of `json` is one object; `json` is told of it by report_begin and report_end. */
void report_begin(struct report *report, struct html *page, struct sink json,
                  size_t page_rows);
bool report_end(struct report *report); /* false: something is not whole */

/* `csv` is needed of a table that is in files. */
void report_table_begin(struct report *report, const struct report_table *table,
                        struct sink csv);
/* One cell a column. */
void report_row(struct report *report, const struct report_cell *cells);
void report_table_end(struct report *report);

#endif
