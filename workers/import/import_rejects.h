/*
 * FILE.rejects: every refused row of a file, one JSON object a line with the physical line,
 * the number of the row, the reason, what to do about it, and the record as it stands in
 * the file. It is made when the first row is refused; one of an earlier run is removed.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_REJECTS_H
#define PARSTOCK_WORKERS_IMPORT_REJECTS_H

#include "common/base/buf.h"
#include "workers/import/import_read.h"

#include <stdio.h>

struct import_rejects {
    const char *asked; /* --rejects: one file for all; NULL = one beside each FILE */
    const struct import_file *file; /* whose rows are being written; NULL = none yet */
    FILE *stream;
    char path[4096];
    struct buf line;
    bool broken; /* it could not be written: said once, and the run goes on */
};

void rejects_init(struct import_rejects *rejects, const char *asked);
void rejects_free(struct import_rejects *rejects);

/* Writes one row; false and the cause where that failed for the first time. */
bool rejects_add(struct import_rejects *rejects, const struct import_fault *fault,
                 struct error *error);

/* Removes what an earlier run left beside this file. */
void rejects_forget(const struct import_rejects *rejects, const struct import_file *file);

/* Ends the file that is open; false as above. */
bool rejects_close(struct import_rejects *rejects, struct error *error);

#endif
