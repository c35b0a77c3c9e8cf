/*
 * A week that is well, and its baseline, for tests that break one thing of it. Two places of
 * one shop, the shop itself, and what concerns all shops.
 */
#ifndef PARSTOCK_TESTS_UNIT_WEEK_FIXTURE_H
#define PARSTOCK_TESTS_UNIT_WEEK_FIXTURE_H

#include "common/domain/week.h"

#define FIXTURE_MONDAY 20780 /* 2026-11-23 */
#define FIXTURE_PLACES 4
#define FIXTURE_DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum fixture_place { FIXTURE_ALL, FIXTURE_SHOP, FIXTURE_BER, FIXTURE_HAM };

struct fixture {
    struct kpi_day week_days[FIXTURE_PLACES][WEEK_DAYS];
    struct kpi_day base_days[FIXTURE_PLACES][WEEK_DAYS];
    struct kpi_place week_places[FIXTURE_PLACES];
    struct kpi_place base_places[FIXTURE_PLACES];
    struct week_inputs inputs;
};

/* Before: 5 percent differed. The week: 4 percent on Monday, none on Sunday. */
void fixture_make(struct fixture *fixture);

/* The same number on each day of the week. */
void fixture_set(struct fixture *fixture, enum fixture_place place,
                 enum kpi_counter counter, int64_t value);
/* .. of the baseline. */
void fixture_set_before(struct fixture *fixture, enum fixture_place place,
                        enum kpi_counter counter, int64_t value);

#endif
