/*
 * Where a run that was killed goes on: rows of a file up to here are on the topic. Known in
 * Postgres (table imports) by what is in the file, so that neither a copy nor another
 * machine begins anew.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_RESUME_H
#define PARSTOCK_WORKERS_IMPORT_RESUME_H

#include "common/io/store_imports.h"
#include "workers/import/import_read.h"

#define RESUME_ID_MAX 65 /* with the NUL */

/* Of one file. */
struct import_state {
    char id[RESUME_ID_MAX];
    struct import_mark mark;
};

/* Names the file by its content, holds it against other processes, and finds how far it is.
 * STATUS_RETRY (exit 75): another process is importing it. */
enum status resume_find(struct postgres *postgres, const struct import_context *context,
                        const struct import_file *file, struct import_state *state_out,
                        struct error *error);

/* Begins a file that is not under way. */
enum status resume_begin(struct postgres *postgres, const struct import_file *file,
                         struct import_state *state, struct error *error);

/* Remembers that rows up to `reached` are on the topic; `is_whole`: all of them are. */
enum status resume_reach(struct postgres *postgres, struct import_state *state,
                         int64_t reached, bool is_whole, struct error *error);

#endif
