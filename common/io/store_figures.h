/*
 * Counts of the tables for those who watch: incidents by state, and records that wait for
 * the broker. Read only; each is a look at what is open, never at all there ever was.
 */
#ifndef PARSTOCK_IO_STORE_FIGURES_H
#define PARSTOCK_IO_STORE_FIGURES_H

#include "common/io/postgres.h"

#define FIGURE_NAME_MAX 24
#define FIGURE_INCIDENTS_MAX 64

struct incident_count {
    char state[FIGURE_NAME_MAX];
    char severity[FIGURE_NAME_MAX];
    int64_t count;
};

/* Incidents that are not resolved; states and severities without any are left out. */
enum status store_incident_counts(struct postgres *postgres,
                                  struct incident_count counts[FIGURE_INCIDENTS_MAX],
                                  size_t *count_out, struct error *error);

enum outbox_name { OUTBOX_OF_INCIDENTS, OUTBOX_OF_SHOPS, OUTBOX_NAME_COUNT };

struct outbox_figure {
    int64_t rows;
    int64_t first; /* id of the oldest; 0: none */
};

/* By enum outbox_name. Rows of apply are no part of it: they stay until they are trimmed. */
enum status store_outbox_figures(struct postgres *postgres,
                                 struct outbox_figure figures[OUTBOX_NAME_COUNT],
                                 struct error *error);

#endif
