/*
 * KPIs as a table for people: a row a shop and location, and one of all. What is nothing is
 * "-". Printed for a terminal, or row by row for whoever draws it otherwise.
 */
#ifndef PARSTOCK_RUNTIME_KPI_TABLE_H
#define PARSTOCK_RUNTIME_KPI_TABLE_H

#include "common/domain/verdict.h"

#define KPI_TEXT_MAX 32

/* "0.52 %" of millionths; "-" of a negative one. */
void kpi_share_text(int64_t share, char room[KPI_TEXT_MAX]);

/* "90.0 s" of milliseconds; "-" of a negative one. */
void kpi_time_text(int64_t ms, char room[KPI_TEXT_MAX]);

/* What a rule of the verdict looks at, by its unit. */
void kpi_value_text(enum verdict_unit unit, int64_t value, char room[KPI_TEXT_MAX]);

struct kpi_row {
    const struct kpi_place *place; /* NULL = all of them */
    int64_t days;                  /* on which enough was compared */
    int64_t compared;
    char mismatch[KPI_TEXT_MAX];
    char before[KPI_TEXT_MAX];
    const char *trend; /* flat, up, down */
    int64_t oversold;
    char resynced[KPI_TEXT_MAX]; /* of avail, of those that ended */
    int64_t by_hand;
};

struct kpi_row_visitor {
    void (*each)(void *self, const struct kpi_row *row);
    void *self;
};

/* `before`: of the baseline, or NULL. A day counts as covered from the share on. */
void kpi_table_rows(const struct kpi_period *period, const struct kpi_period *before,
                    int64_t coverage_share, const struct kpi_row_visitor *visitor);

/* To standard output. */
void kpi_table_print(const struct kpi_period *period, const struct kpi_period *before,
                     int64_t coverage_share);

#endif
