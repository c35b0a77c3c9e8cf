/*
 * What came of an import: the counts, and the refused rows by file, line and reason. The
 * list is bounded, the counts are not.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_REPORT_H
#define PARSTOCK_WORKERS_IMPORT_REPORT_H

#include "common/base/buf.h"
#include "common/runtime/output.h"
#include "workers/import/import_read.h"

#define REPORT_ERRORS_MAX 10000

struct import_report {
    enum output output;
    int64_t rows;
    int64_t valid;
    int64_t invalid;
    int64_t published;     /* acknowledged by the broker */
    int64_t files_refused; /* as a whole */
    int64_t listed;        /* errors in `errors` */
    struct buf errors;     /* as they are printed */
    struct buf notes; /* what else is to be said: lines of the table, or of JSON Lines */
};

void report_init(struct import_report *report, enum output output);
void report_free(struct import_report *report);

void report_good(struct import_report *report);
void report_bad(struct import_report *report, const struct import_fault *fault);

/* "sku: what to do about it": the detail of a fault for people. */
void report_detail(const struct import_fault *fault, struct buf *out);

/* The whole of it, on standard output. */
void report_print(const struct import_report *report);

#endif
