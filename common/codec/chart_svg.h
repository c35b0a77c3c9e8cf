/*
 * A line chart as inline SVG: values of days, the baseline that they are held against drawn
 * in, perhaps a limit. Days without a value leave a gap, never a zero. Everything that the
 * drawing says stands in its title and description too, for those who hear the page.
 */
#ifndef PARSTOCK_CODEC_CHART_SVG_H
#define PARSTOCK_CODEC_CHART_SVG_H

#include "common/codec/html_write.h"

#define CHART_POINTS_MAX 64

struct chart_point {
    struct span label; /* of the day */
    bool present;
    int64_t value; /* millionths: of the whole, or of one */
};

/* A level line across the chart. */
struct chart_level {
    bool present;
    int64_t value;
};

struct chart {
    const char *id;    /* unique on the page: a-z, digits, '-' */
    struct span title; /* may come from outside */
    bool is_share;     /* shown in percent; else counts */
    const struct chart_point *points;
    size_t count; /* at most CHART_POINTS_MAX */
    struct chart_level baseline;
    struct chart_level limit; /* what is still a pass */
};

void chart_draw(struct html *html, const struct chart *chart);

#endif
