/*
 * Which days of the ledger are sealed next. A seal stands for a closed week (Monday to Sunday,
 * UTC), or for less where days are to be dropped before their week is over; the spans follow
 * one another without a gap. Days are counted from 1970-01-01, times are microseconds since
 * then. Pure. Source: table ledger_seals.
 */
#ifndef PARSTOCK_DOMAIN_SEAL_H
#define PARSTOCK_DOMAIN_SEAL_H

#include "common/domain/retention.h"

/* A batch that began before midnight may commit after it, and clocks differ. */
#define SEAL_QUIET_US INT64_C(3600000000)

struct seal_span {
    int32_t first_day;
    int32_t last_day;
};

struct seal_question {
    int64_t now_us;
    bool has_sealed;
    int32_t sealed_day; /* the last that is sealed */
    bool has_oldest;
    int32_t oldest_day; /* that the ledger has; asked for where nothing is sealed yet */
    bool has_leaving;
    int32_t leaving_day; /* the newest that is about to be dropped */
};

/* False: nothing is to be sealed now. */
bool seal_next(const struct seal_question *question, struct seal_span *span_out);

/* "2026-11-25" */
#define SEAL_DATE_MAX 12
void seal_date(int32_t day, char date_out[SEAL_DATE_MAX]);

#endif
