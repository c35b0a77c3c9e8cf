#include "common/codec/chart_svg.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/report.h"

#include <stdio.h>

/* The drawing's own units; the page scales it. */
#define WIDTH 400
#define HEIGHT 210
#define LEFT 58
#define RIGHT 388
#define TOP 14
#define BOTTOM 172
#define GRID_LINES 4
#define LABEL_MAX 48
#define SAID_MAX ((size_t)16 * 1024)
#define ONE INT64_C(1000000)
#define VALUE_MOST (INT64_MAX / 16) /* beyond it lines lie at the upper edge */

struct scale {
    int64_t top;   /* value at TOP; > 0 */
    int64_t lines; /* grid lines above 0 */
};

/* ---- scale ------------------------------------------------------------------------------- */

static int64_t greatest(const struct chart *chart)
{
    int64_t most = 1;
    for (size_t at = 0; at < chart->count; at++)
        if (chart->points[at].present && chart->points[at].value > most)
            most = chart->points[at].value;
    if (chart->baseline.present && chart->baseline.value > most)
        most = chart->baseline.value;
    if (chart->limit.present && chart->limit.value > most)
        most = chart->limit.value;
    return most < VALUE_MOST ? most : VALUE_MOST;
}

/* The least of 1, 2 and 5 times a power of ten so that GRID_LINES such steps hold `most`;
 * counts are whole. */
static struct scale scale_of(const struct chart *chart, int64_t most)
{
    static const int64_t STEPS[] = {1, 2, 5};
    for (int64_t power = chart->is_share ? 1 : ONE; power <= INT64_MAX / 100; power *= 10)
        for (size_t at = 0; at < COUNT_OF(STEPS); at++) {
            int64_t step = STEPS[at] * power;
            if ((most - 1) / step < GRID_LINES)
                return (struct scale){((most - 1) / step + 1) * step,
                                      (most - 1) / step + 1};
        }
    return (struct scale){VALUE_MOST, 1};
}

/* Hundredths of the drawing's units. */
static int64_t y_of(const struct scale *scale, int64_t value)
{
    double share = value < 0 ? 0 : (double)value / (double)scale->top;
    share = share > 1 ? 1 : share;
    return BOTTOM * 100 - (int64_t)(share * (BOTTOM - TOP) * 100 + 0.5);
}

static int64_t x_of(const struct chart *chart, size_t at)
{
    int64_t room = (RIGHT - LEFT) * 100;
    int64_t cells = (int64_t)chart->count;
    return LEFT * 100 + (room * (2 * (int64_t)at + 1)) / (2 * cells);
}

/* ---- words --------------------------------------------------------------------------------- */

static void say_value(const struct chart *chart, int64_t value, char room[LABEL_MAX])
{
    char share[REPORT_SHARE_MAX];
    if (!chart->is_share && value % ONE == 0) {
        (void)snprintf(room, LABEL_MAX, "%lld", (long long)(value / ONE));
        return;
    }
    if (!chart->is_share) {
        int64_t hundredths = value / (ONE / 100);
        (void)snprintf(room, LABEL_MAX, "%lld.%02lld", (long long)(hundredths / 100),
                       (long long)(hundredths % 100));
        return;
    }
    report_share(value, share);
    (void)snprintf(room, LABEL_MAX, "%s\u202f%%", share);
}

static void describe(struct html *html, const struct chart *chart)
{
    char value[LABEL_MAX];
    SCOPED(buf_free) struct buf said;
    buf_init(&said, SAID_MAX);
    for (size_t at = 0; at < chart->count; at++) {
        say_value(chart, chart->points[at].value, value);
        buf_format(&said, "%.*s: %s. ", SPAN_ARGS(chart->points[at].label),
                   chart->points[at].present ? value : "not known");
    }
    if (chart->baseline.present) {
        say_value(chart, chart->baseline.value, value);
        buf_format(&said, "Baseline: %s. ", value);
    }
    if (chart->limit.present) {
        say_value(chart, chart->limit.value, value);
        buf_format(&said, "Limit: %s.", value);
    }
    html_text(html, buf_view(&said));
}

/* ---- parts of the drawing --------------------------------------------------------------------- */

static void draw_line(struct html *html, const char *class, struct html_point from,
                      struct html_point to)
{
    html_open(html, HTML_TAG_LINE);
    html_attr(html, HTML_ATTR_CLASS, span_from(class));
    html_attr_hundredths(html, HTML_ATTR_X1, from.x);
    html_attr_hundredths(html, HTML_ATTR_Y1, from.y);
    html_attr_hundredths(html, HTML_ATTR_X2, to.x);
    html_attr_hundredths(html, HTML_ATTR_Y2, to.y);
    html_close(html, HTML_TAG_LINE);
}

static void draw_text(struct html *html, const char *class, struct html_point at,
                      struct span text)
{
    html_open(html, HTML_TAG_TEXT);
    html_attr(html, HTML_ATTR_CLASS, span_from(class));
    html_attr_hundredths(html, HTML_ATTR_X, at.x);
    html_attr_hundredths(html, HTML_ATTR_Y, at.y);
    html_text(html, text);
    html_close(html, HTML_TAG_TEXT);
}

/* Grid lines lie at round values: "4 %" says as much as "4.00 %". */
static void say_line(const struct chart *chart, int64_t value, char room[LABEL_MAX])
{
    char share[REPORT_SHARE_MAX];
    if (!chart->is_share) {
        say_value(chart, value, room);
        return;
    }
    report_share(value, share);
    size_t length = strlen(share);
    while (share[length - 1] == '0')
        share[--length] = '\0';
    if (share[length - 1] == '.')
        share[--length] = '\0';
    (void)snprintf(room, LABEL_MAX, "%s\u202f%%", share);
}

static void draw_grid(struct html *html, const struct chart *chart,
                      const struct scale *scale)
{
    char label[LABEL_MAX];
    for (int64_t line = 0; line <= scale->lines; line++) {
        int64_t value = scale->top / scale->lines * line;
        int64_t y = y_of(scale, value);
        say_line(chart, value, label);
        draw_line(html, "grid", (struct html_point){LEFT * 100, y},
                  (struct html_point){RIGHT * 100, y});
        draw_text(html, "scale", (struct html_point){(LEFT - 6) * 100, y + 400},
                  span_from(label));
    }
    for (size_t at = 0; at < chart->count; at++)
        draw_text(html, "day", (struct html_point){x_of(chart, at), (BOTTOM + 16) * 100},
                  chart->points[at].label);
}

/* Its name stands above the line, or below it where it would leave the drawing. */
static void draw_level(struct html *html, const struct chart *chart,
                       const struct scale *scale, const struct chart_level *level,
                       const char *name)
{
    char value[LABEL_MAX];
    char label[2 * LABEL_MAX];
    if (!level->present)
        return;
    int64_t y = y_of(scale, level->value);
    int64_t beside = y < (TOP + 14) * 100 ? y + 1300 : y - 500;
    say_value(chart, level->value, value);
    (void)snprintf(label, sizeof(label), "%s %s", name, value);
    draw_line(html, name, (struct html_point){LEFT * 100, y},
              (struct html_point){RIGHT * 100, y});
    draw_text(html, "level", (struct html_point){RIGHT * 100, beside}, span_from(label));
}

static void draw_run(struct html *html, const struct html_point *points, size_t count)
{
    if (count < 2)
        return;
    html_open(html, HTML_TAG_POLYLINE);
    html_attr(html, HTML_ATTR_CLASS, SPAN_OF("value"));
    html_attr_points(html, points, count);
    html_close(html, HTML_TAG_POLYLINE);
}

static void draw_values(struct html *html, const struct chart *chart,
                        const struct scale *scale)
{
    struct html_point run[CHART_POINTS_MAX];
    size_t length = 0;
    for (size_t at = 0; at < chart->count; at++) {
        if (!chart->points[at].present) {
            draw_run(html, run, length);
            length = 0;
            continue;
        }
        run[length++] =
            (struct html_point){x_of(chart, at), y_of(scale, chart->points[at].value)};
    }
    draw_run(html, run, length);
    for (size_t at = 0; at < chart->count; at++) {
        if (!chart->points[at].present)
            continue;
        html_open(html, HTML_TAG_CIRCLE);
        html_attr(html, HTML_ATTR_CLASS, SPAN_OF("value"));
        html_attr_hundredths(html, HTML_ATTR_CX, x_of(chart, at));
        html_attr_hundredths(html, HTML_ATTR_CY, y_of(scale, chart->points[at].value));
        html_attr_hundredths(html, HTML_ATTR_R, 350);
        html_close(html, HTML_TAG_CIRCLE);
    }
}

/* ---- the chart ------------------------------------------------------------------------------------ */

void chart_draw(struct html *html, const struct chart *chart)
{
    ASSERT(chart->count > 0 && chart->count <= CHART_POINTS_MAX);
    const struct scale scale = scale_of(chart, greatest(chart));
    html_open(html, HTML_TAG_SVG);
    html_attr_say(html, HTML_ATTR_VIEWBOX, "0 0 %d %d", WIDTH, HEIGHT);
    html_attr(html, HTML_ATTR_CLASS, SPAN_OF("chart"));
    html_attr(html, HTML_ATTR_ROLE, SPAN_OF("img"));
    html_attr_say(html, HTML_ATTR_ARIA_LABELLEDBY, "%s-title %s-text", chart->id,
                  chart->id);
    html_open(html, HTML_TAG_TITLE);
    html_attr_say(html, HTML_ATTR_ID, "%s-title", chart->id);
    html_text(html, chart->title);
    html_close(html, HTML_TAG_TITLE);
    html_open(html, HTML_TAG_DESC);
    html_attr_say(html, HTML_ATTR_ID, "%s-text", chart->id);
    describe(html, chart);
    html_close(html, HTML_TAG_DESC);
    draw_grid(html, chart, &scale);
    draw_level(html, chart, &scale, &chart->limit, "limit");
    draw_level(html, chart, &scale, &chart->baseline, "baseline");
    draw_values(html, chart, &scale);
    html_close(html, HTML_TAG_SVG);
}
