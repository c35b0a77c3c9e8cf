/*
 * Charts of the week with the baseline drawn in, each with its numbers in a table under it:
 * the four KPIs over all places, then the mismatch rate of each location.
 */
#include "workers/packet/draw.h"

#include "common/base/check.h"
#include "common/codec/chart_svg.h"

#include <stdio.h>
#include <stdlib.h>

#define ONE INT64_C(1000000)
#define PLACES_MAX 24 /* charts of places on the page; the tables have all */
#define DAY_LABEL_MAX 4

/* What a chart shows of each day: a share of something, or a count. */
struct series {
    const char *id;
    const char *title;
    enum kpi_counter part;
    bool has_whole;
    enum kpi_counter whole[2]; /* their sum */
    size_t whole_count;
    const char *part_title;
    const char *whole_title;
};

static const struct series MISMATCH = {.id = "mismatch",
                                       .title = "Mismatch rate",
                                       .part = KPI_MISMATCHED,
                                       .has_whole = true,
                                       .whole = {KPI_COMPARED},
                                       .whole_count = 1,
                                       .part_title = "Differed",
                                       .whole_title = "Compared"};
static const struct series OVERSELLS = {.id = "oversells",
                                        .title = "Oversold pairs a day",
                                        .part = KPI_OVERSELLS,
                                        .part_title = "Oversold"};
static const struct series RESYNCS = {.id = "resyncs",
                                      .title = "Automatic resyncs that were of avail",
                                      .part = KPI_RESYNCS_DONE,
                                      .has_whole = true,
                                      .whole = {KPI_RESYNCS_DONE, KPI_RESYNCS_FAILED},
                                      .whole_count = 2,
                                      .part_title = "Of avail",
                                      .whole_title = "Ended"};
static const struct series INTERVENTIONS = {.id = "interventions",
                                            .title = "Interventions by hand a day",
                                            .part = KPI_INTERVENTIONS,
                                            .part_title = "Interventions"};

/* ---- numbers ------------------------------------------------------------------------------- */

static int64_t count_of(const struct kpi_period *period, const struct kpi_place *place,
                        int32_t day, enum kpi_counter counter)
{
    return place != NULL ? place->days[day].counts[counter]
                         : kpi_day_sum(period, day, counter);
}

static int64_t whole_of(const struct series *series, const struct kpi_period *period,
                        const struct kpi_place *place, int32_t day)
{
    int64_t sum = 0;
    for (size_t at = 0; at < series->whole_count; at++)
        sum += count_of(period, place, day, series->whole[at]);
    return sum;
}

static int64_t millionths(int64_t count)
{
    int64_t scaled;
    return __builtin_mul_overflow(count, ONE, &scaled) ? INT64_MAX : scaled;
}

/* Of a count the mean of a day, of a share that of the whole time. */
static struct chart_level baseline_of(const struct draw *draw,
                                      const struct series *series,
                                      const struct kpi_place *place)
{
    const struct week_baseline *baseline = &draw->data->inputs.baseline;
    struct chart_level level = {0};
    const struct kpi_place *before = NULL;
    if (baseline->id == 0)
        return level;
    if (place != NULL)
        before = kpi_find(&baseline->period, place->shop, place->location);
    if (place != NULL && before == NULL)
        return level;
    if (series == &MISMATCH)
        level.value = verdict_rate(&baseline->period, before);
    else if (series->has_whole)
        level.value =
            kpi_share(kpi_period_sum(&baseline->period, KPI_RESYNCS_DONE),
                      kpi_period_sum(&baseline->period, KPI_RESYNCS_DONE) +
                          kpi_period_sum(&baseline->period, KPI_RESYNCS_FAILED));
    else
        level.value = millionths(kpi_period_sum(&baseline->period, series->part)) /
                      baseline->period.day_count;
    level.present = level.value >= 0;
    return level;
}

static struct chart_level limit_of(const struct draw *draw, const struct series *series)
{
    const struct kpi_limits *limits = &draw->data->inputs.limits;
    int64_t value = -1;
    if (series == &MISMATCH)
        value = limits->mismatch_share;
    if (series == &RESYNCS)
        value = limits->resync_share;
    return (struct chart_level){value >= 0, value};
}

/* ---- the table under a chart -------------------------------------------------------------- */

static void day_row(struct draw *draw, const struct series *series,
                    const struct kpi_place *place, int32_t day)
{
    const struct kpi_period *week = &draw->data->inputs.period;
    char name[DRAW_DAY_MAX];
    int64_t part = count_of(week, place, day, series->part);
    int64_t whole = whole_of(series, week, place, day);
    draw_day(week->first_day + day, name);
    draw_row(draw, (const struct report_cell[]){cell_words(name), cell_number(part),
                                                cell_number(whole),
                                                cell_share(kpi_share(part, whole))});
}

static void draw_days(struct draw *draw, const struct series *series,
                      const struct kpi_place *place, const char *id, struct span title)
{
    const struct report_column columns[] = {{"day", "Day", REPORT_WORD},
                                            {"part", series->part_title, REPORT_NUMBER},
                                            {"whole", series->whole_title, REPORT_NUMBER},
                                            {"share", "Share", REPORT_SHARE}};
    const struct report_table table = {.id = id,
                                       .where = REPORT_ON_PAGE,
                                       .title = title,
                                       .columns = columns,
                                       .column_count = series->has_whole ? 4 : 2};
    draw_table(draw, &table);
    for (int32_t day = 0; day < WEEK_DAYS; day++)
        day_row(draw, series, place, day);
    draw_table_end(draw);
}

/* ---- a chart ---------------------------------------------------------------------------------- */

static void take_points(const struct draw *draw, const struct series *series,
                        const struct kpi_place *place,
                        struct chart_point points[WEEK_DAYS])
{
    static const char *const NAMES[WEEK_DAYS] = {"Mon", "Tue", "Wed", "Thu",
                                                 "Fri", "Sat", "Sun"};
    const struct kpi_period *week = &draw->data->inputs.period;
    for (int32_t day = 0; day < WEEK_DAYS; day++) {
        int64_t part = count_of(week, place, day, series->part);
        int64_t value = series->has_whole
                            ? kpi_share(part, whole_of(series, week, place, day))
                            : millionths(part);
        points[day] = (struct chart_point){
            .label = span_from(NAMES[day]), .present = value >= 0, .value = value};
    }
}

static void draw_figure(struct draw *draw, const struct series *series,
                        const struct kpi_place *place, const char *id)
{
    char room[DRAW_PLACE_MAX];
    char title[DRAW_PLACE_MAX + 64];
    struct chart_point points[WEEK_DAYS];
    struct span where = SPAN_OF("all places");
    if (place != NULL)
        where = draw_place(place, room);
    (void)snprintf(title, sizeof title, "%s: %.*s", series->title, SPAN_ARGS(where));
    take_points(draw, series, place, points);
    const struct chart chart = {.id = id,
                                .title = span_from(title),
                                .is_share = series->has_whole,
                                .points = points,
                                .count = WEEK_DAYS,
                                .baseline = baseline_of(draw, series, place),
                                .limit = limit_of(draw, series)};
    html_open(&draw->html, HTML_TAG_FIGURE);
    html_open(&draw->html, HTML_TAG_FIGCAPTION);
    html_outside(&draw->html, span_from(title));
    html_close(&draw->html, HTML_TAG_FIGCAPTION);
    chart_draw(&draw->html, &chart);
    draw_days(draw, series, place, id, span_from(title));
    html_close(&draw->html, HTML_TAG_FIGURE);
}

/* ---- which places ------------------------------------------------------------------------------- */

struct chosen {
    const struct kpi_place *place;
    int64_t mismatched;
    size_t at;
};

/* The most mismatched first, then in the week's order. */
static int compare_worse(const void *left, const void *right)
{
    const struct chosen *a = left;
    const struct chosen *b = right;
    int order = (a->mismatched < b->mismatched) - (a->mismatched > b->mismatched);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static int compare_place(const void *left, const void *right)
{
    const struct chosen *a = left;
    const struct chosen *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

static size_t choose(const struct kpi_period *week, struct chosen **out)
{
    size_t count = 0;
    struct chosen *chosen = calloc(week->place_count + 1, sizeof *chosen);
    for (size_t at = 0; chosen != NULL && at < week->place_count; at++) {
        const struct kpi_place *place = &week->places[at];
        if (place->location.length > 0)
            chosen[count++] =
                (struct chosen){place, kpi_place_sum(week, place, KPI_MISMATCHED), at};
    }
    *out = chosen;
    if (chosen == NULL || count <= PLACES_MAX)
        return count;
    qsort(chosen, count, sizeof *chosen, compare_worse);
    qsort(chosen, PLACES_MAX, sizeof *chosen, compare_place);
    return count;
}

static void draw_places(struct draw *draw)
{
    struct chosen *chosen = NULL;
    size_t count = choose(&draw->data->inputs.period, &chosen);
    char id[32];
    if (chosen == NULL) {
        draw->status = error_set(draw->error, STATUS_FATAL, "the packet: out of memory");
        return;
    }
    html_element(&draw->html, HTML_TAG_H3, "Mismatch rate by location");
    if (count > PLACES_MAX) {
        html_open(&draw->html, HTML_TAG_P);
        html_say(&draw->html,
                 "The %d locations of %zu with the most mismatched pairs; "
                 "tables/counters-by-place.csv has all.",
                 PLACES_MAX, count);
        html_close(&draw->html, HTML_TAG_P);
    }
    html_open(&draw->html, HTML_TAG_DIV);
    html_attr(&draw->html, HTML_ATTR_CLASS, SPAN_OF("charts"));
    for (size_t at = 0; at < count && at < PLACES_MAX; at++) {
        (void)snprintf(id, sizeof id, "place-%zu", at + 1);
        draw_figure(draw, &MISMATCH, chosen[at].place, id);
    }
    html_close(&draw->html, HTML_TAG_DIV);
    free(chosen);
}

void draw_charts(struct draw *draw)
{
    static const struct series *const ALL[] = {&MISMATCH, &OVERSELLS, &RESYNCS,
                                               &INTERVENTIONS};
    html_element(&draw->html, HTML_TAG_H3, "Day by day");
    draw_paragraph(draw,
                   "Solid line: this week. Dashed line: the baseline (of mismatch the "
                   "median of its days). Dotted line: the limit of the contract file. "
                   "A day without a value has no point.");
    html_open(&draw->html, HTML_TAG_DIV);
    html_attr(&draw->html, HTML_ATTR_CLASS, SPAN_OF("charts"));
    for (size_t at = 0; at < COUNT_OF(ALL); at++)
        draw_figure(draw, ALL[at], NULL, ALL[at]->id);
    html_close(&draw->html, HTML_TAG_DIV);
    draw_places(draw);
}
