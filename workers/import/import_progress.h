/*
 * How far an import is: a bar with rate and time left on a terminal, a line of the log every
 * few seconds elsewhere. On standard error.
 */
#ifndef PARSTOCK_WORKERS_IMPORT_PROGRESS_H
#define PARSTOCK_WORKERS_IMPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct import_progress {
    bool is_terminal;
    bool is_drawn;
    const char *doing; /* "judging", "publishing" */
    int64_t bytes_total;
    int64_t started_us;
    int64_t next_us;
};

void progress_begin(struct import_progress *progress, const char *doing,
                    int64_t bytes_total);

/* Shows how far it is, if it is time to. */
void progress_show(struct import_progress *progress, int64_t bytes, int64_t rows);

/* Takes the bar off the terminal. */
void progress_end(struct import_progress *progress);

/* The bar as a line of at most 79 characters, for progress_show and its tests. */
#define PROGRESS_LINE_MAX 80
struct progress_facts {
    const char *doing;
    int64_t bytes;
    int64_t bytes_total;
    int64_t rows;
    int64_t elapsed_us;
};
void progress_line(const struct progress_facts *facts, char line_out[PROGRESS_LINE_MAX]);

#endif
