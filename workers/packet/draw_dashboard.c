/*
 * The KPIs of the week in tables: the four that it is judged by, the places, what every rule
 * of the verdict saw (the tell-tales of hidden failure among them), causes, all counters.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"

#include <stdio.h>

/* ---- the four ------------------------------------------------------------------------------ */

struct figure {
    int64_t part;
    int64_t whole; /* -1 = it is a count alone */
};

static struct figure mismatch_of(const struct kpi_period *period)
{
    return (struct figure){kpi_period_sum(period, KPI_MISMATCHED),
                           kpi_period_sum(period, KPI_COMPARED)};
}

static struct figure oversells_of(const struct kpi_period *period)
{
    return (struct figure){kpi_period_sum(period, KPI_OVERSELLS),
                           kpi_period_sum(period, KPI_ORDERS)};
}

static struct figure resyncs_of(const struct kpi_period *period)
{
    int64_t done = kpi_period_sum(period, KPI_RESYNCS_DONE);
    return (struct figure){done, done + kpi_period_sum(period, KPI_RESYNCS_FAILED)};
}

static struct figure interventions_of(const struct kpi_period *period)
{
    return (struct figure){kpi_period_sum(period, KPI_INTERVENTIONS), -1};
}

static void draw_four(struct draw *draw)
{
    static const struct {
        const char *name;
        struct figure (*of)(const struct kpi_period *period);
    } FIGURES[] = {
        {"mismatched of compared pairs", mismatch_of},
        {"oversold pairs of order lines", oversells_of},
        {"automatic resyncs that were of avail, of those that ended", resyncs_of},
        {"interventions by hand", interventions_of},
    };
    static const struct report_column COLUMNS[] = {
        {"kpi", "KPI", REPORT_WORD},
        {"part", "This week", REPORT_NUMBER},
        {"whole", "Of", REPORT_NUMBER},
        {"share", "Share", REPORT_SHARE},
        {"baseline_part", "Baseline", REPORT_NUMBER},
        {"baseline_whole", "Of", REPORT_NUMBER},
        {"baseline_share", "Share", REPORT_SHARE}};
    static const struct report_table TABLE =
        DRAW_TABLE("kpis", "The week beside its baseline", DRAW_EVERYWHERE, COLUMNS);
    const struct week_inputs *inputs = &draw->data->inputs;
    bool has_baseline = inputs->baseline.id != 0;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < COUNT_OF(FIGURES); at++) {
        struct figure week = FIGURES[at].of(&inputs->period);
        struct figure before = {0, -1};
        if (has_baseline)
            before = FIGURES[at].of(&inputs->baseline.period);
        draw_row(draw, (const struct report_cell[]){
                           cell_words(FIGURES[at].name), cell_number(week.part),
                           cell_number_if(week.whole >= 0, week.whole),
                           cell_share(kpi_share(week.part, week.whole)),
                           cell_number_if(has_baseline, before.part),
                           cell_number_if(before.whole >= 0, before.whole),
                           cell_share(kpi_share(before.part, before.whole))});
    }
    draw_table_end(draw);
}

/* ---- places --------------------------------------------------------------------------------- */

static void draw_place_row(struct draw *draw, const struct kpi_place *place)
{
    const struct week_inputs *inputs = &draw->data->inputs;
    const struct kpi_period *week = &inputs->period;
    const struct kpi_place *before =
        kpi_find(&inputs->baseline.period, place->shop, place->location);
    int64_t old = before != NULL ? verdict_rate(&inputs->baseline.period, before) : -1;
    draw_row(
        draw,
        (const struct report_cell[]){
            cell_text(place->shop), cell_text(place->location), cell_number(place->pairs),
            cell_number(kpi_place_sum(week, place, KPI_COMPARED)),
            cell_number(kpi_place_sum(week, place, KPI_MISMATCHED)),
            cell_share(verdict_rate(week, place)), cell_share(old),
            cell_number(verdict_covered_days(week, place, inputs->limits.coverage_share)),
            cell_number(kpi_place_sum(week, place, KPI_OVERSELLS)),
            cell_number_if(place->detect.count > 0, place->detect.p95_ms),
            cell_number_if(place->repair.count > 0, place->repair.p95_ms)});
}

static void draw_places(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"shop", "Shop", REPORT_TEXT},
        {"location", "Location", REPORT_TEXT},
        {"pairs", "Pairs", REPORT_NUMBER},
        {"compared", "Compared", REPORT_NUMBER},
        {"mismatched", "Differed", REPORT_NUMBER},
        {"rate", "Rate, median day", REPORT_SHARE},
        {"baseline_rate", "Baseline", REPORT_SHARE},
        {"covered_days", "Days covered", REPORT_NUMBER},
        {"oversells", "Oversold", REPORT_NUMBER},
        {"detect_p95_ms", "Found after, p95 ms", REPORT_NUMBER},
        {"repair_p95_ms", "Mended after, p95 ms", REPORT_NUMBER}};
    static const struct report_table TABLE =
        DRAW_TABLE("places", "By shop and location; no location: the shop as a whole",
                   DRAW_EVERYWHERE, COLUMNS);
    const struct kpi_period *week = &draw->data->inputs.period;
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < week->place_count; at++)
        draw_place_row(draw, &week->places[at]);
    draw_table_end(draw);
}

/* ---- what the rules of the verdict saw ------------------------------------------------------ */

static void draw_looks(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"rule", "Rule", REPORT_CODE},       {"holds", "Holds", REPORT_WORD},
        {"value", "Saw", REPORT_WORD},       {"limit", "Against", REPORT_WORD},
        {"place", "Where", REPORT_TEXT},     {"verdict", "Would mean", REPORT_WORD},
        {"why", "What it says", REPORT_WORD}};
    static const struct report_table TABLE =
        DRAW_TABLE("tell-tales",
                   "Tell-tales: what every rule of the verdict saw; the first that holds "
                   "decides",
                   DRAW_EVERYWHERE, COLUMNS);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < verdict_rule_count(); at++) {
        struct verdict_look look = verdict_look(&draw->data->inputs, at);
        char value[DRAW_VALUE_MAX];
        char limit[DRAW_VALUE_MAX];
        char place[DRAW_PLACE_MAX];
        draw_value(look.rule->unit, look.value, value);
        draw_value(look.rule->unit, look.limit, limit);
        draw_row(draw, (const struct report_cell[]){
                           cell_words(look.rule->id), cell_yes(look.holds),
                           cell_words(value), cell_words(limit),
                           look.place != NULL ? cell_text(draw_place(look.place, place))
                                              : (struct report_cell){.absent = true},
                           cell_words(week_verdict_name(look.rule->verdict)),
                           cell_words(look.rule->why)});
    }
    draw_table_end(draw);
}

static void draw_limits(struct draw *draw)
{
    static const enum verdict_unit UNITS[] = {[KPI_LIMIT_SHARE] = VERDICT_SHARE,
                                              [KPI_LIMIT_COUNT] = VERDICT_COUNT,
                                              [KPI_LIMIT_TIME] = VERDICT_TIME};
    static const struct report_column COLUMNS[] = {{"limit", "Limit", REPORT_CODE},
                                                   {"value", "Value", REPORT_WORD}};
    static const struct report_table TABLE = DRAW_TABLE(
        "limits", "Limits that the week is held against; \u2013: not asked about",
        DRAW_EVERYWHERE, COLUMNS);
    size_t count;
    const struct kpi_limit *rows = kpi_limits_table(&count);
    draw_table(draw, &TABLE);
    for (size_t at = 0; at < count; at++) {
        char value[DRAW_VALUE_MAX];
        draw_value(UNITS[rows[at].kind],
                   kpi_limit_value(&draw->data->inputs.limits, &rows[at]), value);
        draw_row(draw, (const struct report_cell[]){cell_words(rows[at].key),
                                                    cell_words(value)});
    }
    draw_table_end(draw);
}

/* ---- causes and counters ------------------------------------------------------------------- */

static void draw_causes(struct draw *draw)
{
    static const struct report_column COLUMNS[] = {
        {"cause", "Cause", REPORT_CODE},
        {"pairs", "Pairs found", REPORT_NUMBER},
        {"share", "Share", REPORT_SHARE}};
    static const struct report_table TABLE =
        DRAW_TABLE("causes", "Share of mismatch by cause, each pair once a day",
                   DRAW_EVERYWHERE, COLUMNS);
    const struct kpi_period *week = &draw->data->inputs.period;
    int64_t whole = 0;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++)
        whole += kpi_cause_sum(week, (enum finding_cause)cause);
    draw_table(draw, &TABLE);
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        int64_t pairs = kpi_cause_sum(week, (enum finding_cause)cause);
        draw_row(draw, (const struct report_cell[]){
                           cell_words(cause_kind((enum finding_cause)cause)->name),
                           cell_number(pairs), cell_share(kpi_share(pairs, whole))});
    }
    draw_table_end(draw);
}

static void counter_row(struct draw *draw, const struct kpi_place *place,
                        enum kpi_counter counter)
{
    const struct kpi_period *week = &draw->data->inputs.period;
    struct report_cell cells[WEEK_DAYS + 4];
    size_t next = 0;
    if (place != NULL) {
        cells[next++] = cell_text(place->shop);
        cells[next++] = cell_text(place->location);
    }
    cells[next++] = cell_words(kpi_name(counter));
    if (place == NULL)
        cells[next++] = cell_words(kpi_what(counter));
    for (int32_t day = 0; day < WEEK_DAYS; day++)
        cells[next++] = cell_number(place != NULL ? place->days[day].counts[counter]
                                                  : kpi_day_sum(week, day, counter));
    cells[next++] = cell_number(place != NULL ? kpi_place_sum(week, place, counter)
                                              : kpi_period_sum(week, counter));
    ASSERT(next <= COUNT_OF(cells));
    draw_row(draw, cells);
}

#define DAY_COLUMNS                                                                      \
    {"mon", "Mon", REPORT_NUMBER}, {"tue", "Tue", REPORT_NUMBER},                        \
        {"wed", "Wed", REPORT_NUMBER}, {"thu", "Thu", REPORT_NUMBER},                    \
        {"fri", "Fri", REPORT_NUMBER}, {"sat", "Sat", REPORT_NUMBER},                    \
        {"sun", "Sun", REPORT_NUMBER},                                                   \
    {                                                                                    \
        "week", "Week", REPORT_NUMBER                                                    \
    }

static void draw_counters(struct draw *draw)
{
    static const struct report_column ALL[] = {{"counter", "Counter", REPORT_CODE},
                                               {"what", "What it counts", REPORT_WORD},
                                               DAY_COLUMNS};
    static const struct report_column EACH[] = {{"shop", "Shop", REPORT_TEXT},
                                                {"location", "Location", REPORT_TEXT},
                                                {"counter", "Counter", REPORT_CODE},
                                                DAY_COLUMNS};
    static const struct report_table SUMS =
        DRAW_TABLE("counters", "All counters, all places", DRAW_EVERYWHERE, ALL);
    static const struct report_table PLACES =
        DRAW_TABLE("counters-by-place", "All counters by place", REPORT_IN_FILES, EACH);
    const struct kpi_period *week = &draw->data->inputs.period;
    draw_table(draw, &SUMS);
    for (unsigned counter = 0; counter < KPI_COUNTER_COUNT; counter++)
        counter_row(draw, NULL, (enum kpi_counter)counter);
    draw_table_end(draw);
    draw_table(draw, &PLACES);
    for (size_t at = 0; at < week->place_count; at++)
        for (unsigned counter = 0; counter < KPI_COUNTER_COUNT; counter++)
            counter_row(draw, &week->places[at], (enum kpi_counter)counter);
    draw_table_end(draw);
}

/* ---- the section ------------------------------------------------------------------------------ */

static void draw_baseline(struct draw *draw)
{
    const struct week_baseline *baseline = &draw->data->inputs.baseline;
    struct html *html = &draw->html;
    char from[WEEK_DAY_MAX];
    char at[DRAW_TIME_MAX];
    html_open(html, HTML_TAG_P);
    if (baseline->id == 0) {
        html_text(html, SPAN_OF("There is no baseline: nothing says how things stood "
                                "before."));
    } else {
        week_day_text(baseline->period.first_day, from);
        draw_time(baseline->captured_at_us, at);
        html_say(html, "Baseline %lld: %d days from %s on, captured %s by ",
                 (long long)baseline->id, (int)baseline->period.day_count, from, at);
        html_outside(html, baseline->by);
        html_text(html, SPAN_OF(". "));
        html_outside(html, baseline->note);
    }
    html_close(html, HTML_TAG_P);
}

void draw_dashboard(struct draw *draw)
{
    draw_baseline(draw);
    draw_four(draw);
    draw_charts(draw);
    draw_places(draw);
    draw_looks(draw);
    draw_causes(draw);
    draw_limits(draw);
    draw_counters(draw);
}
