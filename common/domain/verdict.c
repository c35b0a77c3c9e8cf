#include "common/domain/verdict.h"

#include "common/base/check.h"

/* ---- what rules are made of ------------------------------------------------------------ */

static int64_t days_compared(const struct kpi_period *period)
{
    struct trend_point points[KPI_DAYS_MAX];
    return (int64_t)verdict_rates(period, NULL, points);
}

/* So much of a rate as a better one leaves of it, and a worse one adds to it. */
static int64_t part_of(int64_t rate, int64_t share)
{
    int64_t scaled;
    if (__builtin_mul_overflow(rate, share, &scaled))
        return KPI_SUM_MAX;
    return scaled / KPI_WHOLE;
}

/* ---- what a rule is told, and says ----------------------------------------------------------- */

struct facts {
    const struct week_inputs *inputs;
    const struct kpi_limits *limits;
    const struct kpi_period *week;
    const struct kpi_period *before; /* the baseline's */
};

typedef bool holds_fn(const struct facts *facts, struct verdict_look *look);

static bool say(struct verdict_look *look, bool holds, int64_t value, int64_t limit)
{
    look->value = value;
    look->limit = limit;
    return holds;
}

/* ---- is there enough to judge by? ------------------------------------------------------------ */

static bool no_baseline(const struct facts *facts, struct verdict_look *look)
{
    return say(look, facts->inputs->baseline.id == 0, facts->inputs->baseline.id, 1);
}

static bool baseline_not_before(const struct facts *facts, struct verdict_look *look)
{
    return say(look, facts->inputs->baseline.resyncs > 0, facts->inputs->baseline.resyncs,
               0);
}

static bool baseline_thin(const struct facts *facts, struct verdict_look *look)
{
    int64_t days = days_compared(facts->before);
    int64_t compared = kpi_period_sum(facts->before, KPI_COMPARED);
    if (days < facts->limits->baseline_days)
        return say(look, true, days, facts->limits->baseline_days);
    return say(look, compared < facts->limits->compared, compared,
               facts->limits->compared);
}

static bool few_pairs(const struct facts *facts, struct verdict_look *look)
{
    int64_t compared = kpi_period_sum(facts->week, KPI_COMPARED);
    return say(look, compared < facts->limits->compared, compared,
               facts->limits->compared);
}

static bool few_days(const struct facts *facts, struct verdict_look *look)
{
    int64_t days = days_compared(facts->week);
    return say(look, days < facts->limits->covered_days, days,
               facts->limits->covered_days);
}

/* Whatever should be at par somewhere must have been looked at there: what sweeps do not
 * know of, or pass over, looks as good as what is right. */
static bool location_skipped(const struct facts *facts, struct verdict_look *look)
{
    (void)say(look, false, WEEK_DAYS, facts->limits->covered_days);
    for (size_t at = 0; at < facts->week->place_count; at++) {
        const struct kpi_place *place = &facts->week->places[at];
        bool is_there =
            place->pairs > 0 || kpi_place_sum(facts->week, place, KPI_KNOWN) > 0;
        int64_t days =
            verdict_covered_days(facts->week, place, facts->limits->coverage_share);
        if (place->location.length == 0 || !is_there || days >= look->limit ||
            days >= look->value)
            continue;
        look->value = days;
        look->place = place;
    }
    return look->place != NULL;
}

/* ---- oversells ------------------------------------------------------------------------------- */

/* By order lines where both know of orders, else by days. */
static int64_t oversell_rate(const struct facts *facts, const struct kpi_period *period)
{
    bool has_orders = kpi_period_sum(facts->week, KPI_ORDERS) > 0 &&
                      kpi_period_sum(facts->before, KPI_ORDERS) > 0;
    return kpi_share(kpi_period_sum(period, KPI_OVERSELLS),
                     has_orders ? kpi_period_sum(period, KPI_ORDERS) : period->day_count);
}

static bool oversells_over_limit(const struct facts *facts, struct verdict_look *look)
{
    int64_t oversells = kpi_period_sum(facts->week, KPI_OVERSELLS);
    int64_t limit = facts->limits->oversells;
    return say(look, limit >= 0 && oversells > limit, oversells, limit);
}

static bool oversells_not_down(const struct facts *facts, struct verdict_look *look)
{
    int64_t rate = oversell_rate(facts, facts->week);
    int64_t before = oversell_rate(facts, facts->before);
    int64_t limit = before - part_of(before, facts->limits->better_share);
    bool is_free = facts->limits->oversells < 0;
    return say(look, is_free && rate > 0 && rate > limit, rate, limit);
}

static bool oversells_rising(const struct facts *facts, struct verdict_look *look)
{
    struct trend_point points[WEEK_DAYS];
    for (int32_t day = 0; day < WEEK_DAYS; day++)
        points[day] =
            (struct trend_point){day, kpi_day_sum(facts->week, day, KPI_OVERSELLS)};
    struct trend trend = trend_of(points, WEEK_DAYS);
    int64_t last = points[WEEK_DAYS - 1].value;
    return say(look, facts->limits->oversells < 0 && trend.direction == TREND_RISING,
               last, points[0].value);
}

/* ---- mismatch --------------------------------------------------------------------------------- */

/* Above the target, and above the baseline by more than what makes a rate another one. */
static bool is_worse(const struct facts *facts, struct verdict_look *look,
                     const struct kpi_place *before)
{
    int64_t rate = verdict_rate(facts->week, look->place);
    int64_t old = verdict_rate(facts->before, before);
    int64_t limit = old + part_of(old, facts->limits->better_share);
    if (old < 0)
        return say(look, false, rate, -1);
    if (limit < facts->limits->mismatch_share)
        limit = facts->limits->mismatch_share;
    return say(look, rate > limit, rate, limit);
}

static bool has_enough(const struct facts *facts, const struct kpi_period *period,
                       const struct kpi_place *place)
{
    return kpi_place_sum(period, place, KPI_COMPARED) >= facts->limits->compared;
}

/* The first place that is; what is told of none is told of all. */
static bool location_worse(const struct facts *facts, struct verdict_look *look)
{
    for (size_t at = 0; at < facts->week->place_count; at++) {
        const struct kpi_place *place = &facts->week->places[at];
        const struct kpi_place *before =
            kpi_find(facts->before, place->shop, place->location);
        if (before == NULL || !has_enough(facts, facts->week, place) ||
            !has_enough(facts, facts->before, before))
            continue;
        look->place = place;
        if (is_worse(facts, look, before))
            return true;
    }
    look->place = NULL;
    return say(look, false, verdict_rate(facts->week, NULL), -1);
}

static bool mismatch_worse(const struct facts *facts, struct verdict_look *look)
{
    return is_worse(facts, look, NULL);
}

static struct trend week_trend(const struct facts *facts, int64_t *last_out)
{
    struct trend_point points[KPI_DAYS_MAX];
    size_t count = verdict_rates(facts->week, NULL, points);
    *last_out = count > 0 ? points[count - 1].value : -1;
    return trend_of(points, count);
}

static bool mismatch_rising(const struct facts *facts, struct verdict_look *look)
{
    int64_t last = -1;
    struct trend trend = week_trend(facts, &last);
    bool holds = trend.direction == TREND_RISING && last > facts->limits->mismatch_share;
    return say(look, holds, last, facts->limits->mismatch_share);
}

static bool not_better(const struct facts *facts, struct verdict_look *look)
{
    int64_t rate = verdict_rate(facts->week, NULL);
    int64_t old = verdict_rate(facts->before, NULL);
    int64_t limit = old - part_of(old, facts->limits->better_share);
    if (limit < facts->limits->mismatch_share)
        limit = facts->limits->mismatch_share;
    return say(look, rate > limit, rate, limit);
}

static bool stalled(const struct facts *facts, struct verdict_look *look)
{
    int64_t last = -1;
    struct trend trend = week_trend(facts, &last);
    int64_t rate = verdict_rate(facts->week, NULL);
    bool holds = trend.slope_milli >= 0 && rate > facts->limits->mismatch_share;
    return say(look, holds, rate, facts->limits->mismatch_share);
}

/* ---- what hides -------------------------------------------------------------------------------- */

/* A share of something that may not be above a limit; of a few it says nothing. */
static bool is_above(struct verdict_look *look, int64_t part, int64_t whole,
                     int64_t limit)
{
    int64_t share = kpi_share(part, whole);
    return say(look, limit >= 0 && whole >= VERDICT_FEW && share > limit, share, limit);
}

static int64_t of_week(const struct facts *facts, enum kpi_counter counter)
{
    return kpi_period_sum(facts->week, counter);
}

/* Sweeps of a shop are counted once a location: the location with the most knows them all. */
static int64_t sweeps_of_week(const struct facts *facts)
{
    int64_t sum = 0;
    int64_t most = 0;
    for (size_t at = 0; at < facts->week->place_count; at++) {
        const struct kpi_place *place = &facts->week->places[at];
        int64_t sweeps = kpi_place_sum(facts->week, place, KPI_SWEEPS);
        bool is_new =
            at == 0 || !span_equal(place->shop, facts->week->places[at - 1].shop);
        sum = kpi_plus(sum, is_new ? most : 0);
        most = is_new || sweeps > most ? sweeps : most;
    }
    return kpi_plus(sum, most);
}

static bool runs_broken(const struct facts *facts, struct verdict_look *look)
{
    int64_t broken = of_week(facts, KPI_RUNS_MISSED) + of_week(facts, KPI_RUNS_BROKEN);
    return is_above(look, broken, broken + sweeps_of_week(facts),
                    facts->limits->broken_share);
}

static bool in_flight(const struct facts *facts, struct verdict_look *look)
{
    return is_above(look, of_week(facts, KPI_IN_FLIGHT), of_week(facts, KPI_COMPARED),
                    facts->limits->in_flight_share);
}

static bool unknown_causes(const struct facts *facts, struct verdict_look *look)
{
    return is_above(look, of_week(facts, KPI_FOUND_UNKNOWN), of_week(facts, KPI_FOUND),
                    facts->limits->unknown_share);
}

static bool stale_sources(const struct facts *facts, struct verdict_look *look)
{
    return is_above(look, of_week(facts, KPI_STALE), of_week(facts, KPI_KNOWN),
                    facts->limits->stale_share);
}

static bool dead_letters(const struct facts *facts, struct verdict_look *look)
{
    return is_above(look, of_week(facts, KPI_DEAD_LETTERS), of_week(facts, KPI_EVENTS),
                    facts->limits->dead_share);
}

static bool alerts_lost(const struct facts *facts, struct verdict_look *look)
{
    int64_t lost = of_week(facts, KPI_ALERTS_LOST);
    int64_t limit = facts->limits->alerts_lost;
    return say(look, limit >= 0 && lost > limit, lost, limit);
}

static bool alerts_late(const struct facts *facts, struct verdict_look *look)
{
    return is_above(look, of_week(facts, KPI_ALERTS_LATE), of_week(facts, KPI_ALERTS),
                    facts->limits->late_share);
}

static bool guards_standing(const struct facts *facts, struct verdict_look *look)
{
    int64_t standing = of_week(facts, KPI_GUARDS_STANDING);
    return say(look, standing > 0, standing, 0);
}

static bool guard_stops(const struct facts *facts, struct verdict_look *look)
{
    int64_t stops = of_week(facts, KPI_GUARD_STOPS);
    int64_t limit = facts->limits->guard_stops;
    return say(look, limit >= 0 && stops > limit, stops, limit);
}

static bool resyncs_open(const struct facts *facts, struct verdict_look *look)
{
    int64_t open = of_week(facts, KPI_RESYNCS_OPEN);
    int64_t ended = of_week(facts, KPI_RESYNCS_DONE) + of_week(facts, KPI_RESYNCS_FAILED);
    return is_above(look, open, open + ended, facts->limits->open_share);
}

static bool resyncs_failing(const struct facts *facts, struct verdict_look *look)
{
    int64_t done = of_week(facts, KPI_RESYNCS_DONE);
    int64_t ended = done + of_week(facts, KPI_RESYNCS_FAILED);
    int64_t share = kpi_share(done, ended);
    int64_t limit = facts->limits->resync_share;
    return say(look, ended >= VERDICT_FEW && limit >= 0 && share < limit, share, limit);
}

/* The slowest place: a mean over places would hide it. */
static bool is_slow(const struct facts *facts, struct verdict_look *look, size_t offset,
                    int64_t limit)
{
    const struct kpi_place *slowest = NULL;
    int64_t longest = -1;
    for (size_t at = 0; at < facts->week->place_count; at++) {
        const struct kpi_place *place = &facts->week->places[at];
        struct kpi_time time;
        memcpy(&time, (const char *)place + offset, sizeof time);
        if (time.count == 0 || time.p95_ms <= longest)
            continue;
        longest = time.p95_ms;
        slowest = place;
    }
    bool holds = limit >= 0 && longest > limit;
    look->place = holds ? slowest : NULL;
    return say(look, holds, longest, limit);
}

static bool slow_detection(const struct facts *facts, struct verdict_look *look)
{
    return is_slow(facts, look, offsetof(struct kpi_place, detect),
                   facts->limits->detect_ms);
}

static bool slow_repair(const struct facts *facts, struct verdict_look *look)
{
    return is_slow(facts, look, offsetof(struct kpi_place, repair),
                   facts->limits->repair_ms);
}

static bool always(const struct facts *facts, struct verdict_look *look)
{
    return say(look, true, verdict_rate(facts->week, NULL),
               verdict_rate(facts->before, NULL));
}

/* ---- the table --------------------------------------------------------------------------------- */

struct row {
    struct verdict_rule rule;
    holds_fn *holds;
};

static const struct row ROWS[] = {
    {{"no_baseline", WEEK_NOT_DECIDABLE,
      "nothing says how things stood before: run 'parstock baseline capture'",
      VERDICT_COUNT},
     no_baseline},
    {{"baseline_not_before", WEEK_NOT_DECIDABLE,
      "the baseline was captured while rules mended the shop: it says nothing of before",
      VERDICT_COUNT},
     baseline_not_before},
    {{"baseline_thin", WEEK_NOT_DECIDABLE,
      "the baseline rests on too few days or pairs to be compared with", VERDICT_COUNT},
     baseline_thin},
    {{"oversells_over_limit", WEEK_FAIL,
      "more was sold than there is, oftener than the contract file allows",
      VERDICT_COUNT},
     oversells_over_limit},
    {{"oversells_not_down", WEEK_FAIL,
      "no less than before the start is sold that is not there", VERDICT_SHARE},
     oversells_not_down},
    {{"few_pairs", WEEK_NOT_DECIDABLE,
      "too few pairs were compared: what they say may be chance", VERDICT_COUNT},
     few_pairs},
    {{"few_days", WEEK_NOT_DECIDABLE,
      "everything was compared on too few days of the week", VERDICT_DAYS},
     few_days},
    {{"location_worse", WEEK_FAIL,
      "a location differs more than before the start: what gets better elsewhere hides it",
      VERDICT_SHARE},
     location_worse},
    {{"mismatch_worse", WEEK_FAIL, "more pairs differ than before the start",
      VERDICT_SHARE},
     mismatch_worse},
    {{"mismatch_rising", WEEK_FAIL, "more pairs differ from day to day", VERDICT_SHARE},
     mismatch_rising},
    {{"oversells_rising", WEEK_FAIL, "more is oversold from day to day", VERDICT_COUNT},
     oversells_rising},
    {{"location_skipped", WEEK_NOT_DECIDABLE,
      "sweeps passed over a location on too many days: what was not looked at can not be "
      "judged",
      VERDICT_DAYS},
     location_skipped},
    {{"runs_broken", WEEK_FAIL, "too many sweeps were missed, failed or ended early",
      VERDICT_SHARE},
     runs_broken},
    {{"in_flight", WEEK_FAIL,
      "too many pairs never came to rest: nobody knows whether they differ",
      VERDICT_SHARE},
     in_flight},
    {{"unknown_causes", WEEK_FAIL, "too much of what was found has no cause",
      VERDICT_SHARE},
     unknown_causes},
    {{"stale_sources", WEEK_FAIL,
      "too many levels come from sources that are silent: equal to a wrong number is not "
      "right",
      VERDICT_SHARE},
     stale_sources},
    {{"dead_letters", WEEK_FAIL, "too many stock changes were refused", VERDICT_SHARE},
     dead_letters},
    {{"alerts_lost", WEEK_FAIL, "alerts reached nobody", VERDICT_COUNT}, alerts_lost},
    {{"alerts_late", WEEK_FAIL, "too many alerts came too late", VERDICT_SHARE},
     alerts_late},
    {{"guards_standing", WEEK_FAIL,
      "a guard has stopped the automation, and nobody has said how to go on",
      VERDICT_COUNT},
     guards_standing},
    {{"guard_stops", WEEK_FAIL, "guards stopped the automation too often", VERDICT_COUNT},
     guard_stops},
    {{"resyncs_open", WEEK_FAIL, "too many resyncs never came to an end", VERDICT_SHARE},
     resyncs_open},
    {{"resyncs_failing", WEEK_FAIL, "too few resyncs were of avail", VERDICT_SHARE},
     resyncs_failing},
    {{"slow_detection", WEEK_FAIL, "differences were found too late", VERDICT_TIME},
     slow_detection},
    {{"slow_repair", WEEK_FAIL, "differences lasted too long", VERDICT_TIME},
     slow_repair},
    {{"not_better", WEEK_FAIL,
      "as many pairs differ as before the start, and more than the target allows",
      VERDICT_SHARE},
     not_better},
    {{"stalled", WEEK_FAIL,
      "better than before the start, but neither falling from day to day nor at the target",
      VERDICT_SHARE},
     stalled},
    {{"better", WEEK_PASS, "mismatch and oversells are down, and nothing hides a failure",
      VERDICT_SHARE},
     always},
};

size_t verdict_rule_count(void)
{
    return COUNT_OF(ROWS);
}

const struct verdict_rule *verdict_rule(size_t at)
{
    ASSERT(at < COUNT_OF(ROWS));
    return &ROWS[at].rule;
}

struct verdict_look verdict_look(const struct week_inputs *inputs, size_t at)
{
    const struct facts facts = {inputs, &inputs->limits, &inputs->period,
                                &inputs->baseline.period};
    ASSERT(at < COUNT_OF(ROWS) && inputs->period.day_count == WEEK_DAYS);
    struct verdict_look look = {.rule = &ROWS[at].rule};
    look.holds = ROWS[at].holds(&facts, &look);
    return look;
}

struct verdict verdict_judge(const struct week_inputs *inputs)
{
    struct verdict_look look = {0};
    for (size_t at = 0; at < COUNT_OF(ROWS) && !look.holds; at++)
        look = verdict_look(inputs, at);
    return (struct verdict){.verdict = look.rule->verdict,
                            .look = look,
                            .handoff = verdict_handoff(&inputs->period)};
}
