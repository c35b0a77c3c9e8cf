/*
 * What the files of the table share.
 */
#ifndef PARSTOCK_WORKERS_EXPLAIN_EXPLAIN_TABLE_H
#define PARSTOCK_WORKERS_EXPLAIN_EXPLAIN_TABLE_H

#include "common/codec/rfc3339.h"
#include "workers/explain/explain.h"
#include "workers/explain/explain_lines.h"

struct moment {
    char text[RFC3339_TEXT_MAX];
};

/* "2026-11-25 12:00:00", or "never". */
struct moment table_moment(bool present, int64_t us);

struct number {
    char text[24];
};

/* Decimal, or "none". */
struct number table_number(bool present, int64_t value);

/* Into explain->line, at the start of a line. */
struct lines table_lines(struct explain *explain, size_t indent);

/* A heading after an empty line. */
void table_title(struct lines *lines, const char *text);

#endif
