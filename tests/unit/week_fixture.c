#include "tests/unit/week_fixture.h"

#define PAIRS 100
#define SWEEPS 24

static void name_places(struct kpi_place *places, struct kpi_day (*days)[WEEK_DAYS])
{
    static const char *const NAMES[FIXTURE_PLACES][2] = {
        {"", ""}, {"demo", ""}, {"demo", "BER"}, {"demo", "HAM"}};
    for (size_t at = 0; at < FIXTURE_PLACES; at++)
        places[at] = (struct kpi_place){.shop = span_from(NAMES[at][0]),
                                        .location = span_from(NAMES[at][1]),
                                        .pairs = at >= FIXTURE_BER ? PAIRS : 0,
                                        .days = days[at]};
}

static void sweep(struct kpi_day *day, int64_t mismatched)
{
    day->counts[KPI_SWEEPS] = SWEEPS;
    day->counts[KPI_KNOWN] = PAIRS * SWEEPS;
    day->counts[KPI_COMPARED] = PAIRS * SWEEPS;
    day->counts[KPI_MISMATCHED] = mismatched * SWEEPS;
    day->counts[KPI_FOUND] = mismatched;
    day->counts[KPI_ORDERS] = 50;
    day->counts[KPI_RESYNCS_DONE] = mismatched;
}

void fixture_make(struct fixture *fixture)
{
    static const int64_t MISMATCHED[WEEK_DAYS] = {4, 3, 2, 2, 1, 0, 0};
    *fixture = (struct fixture){0};
    name_places(fixture->week_places, fixture->week_days);
    name_places(fixture->base_places, fixture->base_days);
    for (size_t day = 0; day < WEEK_DAYS; day++) {
        for (size_t place = FIXTURE_BER; place <= FIXTURE_HAM; place++) {
            sweep(&fixture->week_days[place][day], MISMATCHED[day]);
            sweep(&fixture->base_days[place][day], 5);
            fixture->base_days[place][day].counts[KPI_RESYNCS_DONE] = 0;
        }
        fixture->week_days[FIXTURE_ALL][day].counts[KPI_EVENTS] = 1000;
        fixture->week_days[FIXTURE_SHOP][day].counts[KPI_ALERTS] = 3;
    }
    fixture->week_places[FIXTURE_BER].causes[CAUSE_EXTERNAL_WRITER] = 12;
    fixture->week_places[FIXTURE_BER].detect = (struct kpi_time){12, 1000, 60000};
    fixture->week_places[FIXTURE_BER].repair = (struct kpi_time){12, 2000, 90000};
    fixture->inputs = (struct week_inputs){
        .captured_at_us = week_day_us(FIXTURE_MONDAY + WEEK_DAYS),
        .contract = SPAN_OF(FIXTURE_DIGEST),
        .limits = KPI_DEFAULTS,
        .baseline = {.id = 1,
                     .captured_at_us = week_day_us(FIXTURE_MONDAY),
                     .by = SPAN_OF("ops"),
                     .note = SPAN_OF("before \"go\""),
                     .contract = SPAN_OF(FIXTURE_DIGEST),
                     .period = {FIXTURE_MONDAY - WEEK_DAYS, WEEK_DAYS,
                                fixture->base_places, FIXTURE_PLACES}},
        .period = {FIXTURE_MONDAY, WEEK_DAYS, fixture->week_places, FIXTURE_PLACES}};
}

void fixture_set(struct fixture *fixture, enum fixture_place place,
                 enum kpi_counter counter, int64_t value)
{
    for (size_t day = 0; day < WEEK_DAYS; day++)
        fixture->week_days[place][day].counts[counter] = value;
}

void fixture_set_before(struct fixture *fixture, enum fixture_place place,
                        enum kpi_counter counter, int64_t value)
{
    for (size_t day = 0; day < WEEK_DAYS; day++)
        fixture->base_days[place][day].counts[counter] = value;
}
