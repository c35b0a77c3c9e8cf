#include "workers/packet/draw.h"

#include "common/base/check.h"
#include "common/codec/packet_manifest.h"
#include "common/codec/rfc3339.h"

#include <assert.h>
#include <stdio.h>

#define PAGE_ROWS 250 /* of one table on the page; the files have all */

static const char *const SOURCES[PACKET_SOURCE_COUNT] = {
    [PACKET_CONTRACT] = "contract.json",
    [PACKET_DECISION] = "decision.json",
    [PACKET_INCIDENTS] = "incidents.jsonl",
    [PACKET_SPOT_CHECKS] = "spot-checks.jsonl",
    [PACKET_WEEK] = "week.json",
};

const char *packet_source_name(enum packet_source source)
{
    ASSERT(source < PACKET_SOURCE_COUNT);
    return SOURCES[source];
}

/* ---- words ------------------------------------------------------------------------------- */

struct span draw_place(const struct kpi_place *place, char room[DRAW_PLACE_MAX])
{
    int length;
    static_assert(DRAW_PLACE_MAX > 2 * KPI_NAME_MAX + 64, "room for both names");
    if (place->shop.length == 0)
        return SPAN_OF("all shops");
    if (place->location.length == 0)
        length = snprintf(room, DRAW_PLACE_MAX, "%.*s, the shop as a whole",
                          SPAN_ARGS(place->shop));
    else
        length = snprintf(room, DRAW_PLACE_MAX, "%.*s, %.*s", SPAN_ARGS(place->shop),
                          SPAN_ARGS(place->location));
    size_t most = DRAW_PLACE_MAX - 1;
    return (struct span){room, (size_t)length < most ? (size_t)length : most};
}

void draw_value(enum verdict_unit unit, int64_t value, char room[DRAW_VALUE_MAX])
{
    char share[REPORT_SHARE_MAX];
    if (value < 0) {
        (void)snprintf(room, DRAW_VALUE_MAX, "\u2013");
        return;
    }
    switch (unit) {
    case VERDICT_SHARE:
        report_share(value, share);
        (void)snprintf(room, DRAW_VALUE_MAX, "%s %%", share);
        return;
    case VERDICT_COUNT:
        (void)snprintf(room, DRAW_VALUE_MAX, "%lld", (long long)value);
        return;
    case VERDICT_DAYS:
        (void)snprintf(room, DRAW_VALUE_MAX, "%lld days", (long long)value);
        return;
    case VERDICT_TIME:
        (void)snprintf(room, DRAW_VALUE_MAX, "%lld.%03lld s", (long long)(value / 1000),
                       (long long)(value % 1000));
        return;
    }
}

void draw_day(int32_t day, char room[DRAW_DAY_MAX])
{
    static const char *const NAMES[WEEK_DAYS] = {"Mon", "Tue", "Wed", "Thu",
                                                 "Fri", "Sat", "Sun"};
    char text[WEEK_DAY_MAX];
    week_day_text(day, text);
    (void)snprintf(room, DRAW_DAY_MAX, "%s\u00a0%s", NAMES[day - week_monday(day)],
                   text + 8);
}

void draw_time(int64_t us, char room[DRAW_TIME_MAX])
{
    char text[RFC3339_TEXT_MAX];
    rfc3339_format(us, text);
    (void)snprintf(room, DRAW_TIME_MAX, "%.10s %.8s UTC", text, text + 11);
}

/* ---- parts that all sections use ------------------------------------------------------------ */

void draw_section(struct draw *draw, const char *id, const char *title)
{
    html_open(&draw->html, HTML_TAG_SECTION);
    html_attr_say(&draw->html, HTML_ATTR_ARIA_LABELLEDBY, "%s", id);
    html_open(&draw->html, HTML_TAG_H2);
    html_attr_say(&draw->html, HTML_ATTR_ID, "%s", id);
    html_text(&draw->html, span_from(title));
    html_close(&draw->html, HTML_TAG_H2);
}

void draw_section_end(struct draw *draw)
{
    html_close(&draw->html, HTML_TAG_SECTION);
}

void draw_paragraph(struct draw *draw, const char *text)
{
    html_element(&draw->html, HTML_TAG_P, text);
}

void draw_table(struct draw *draw, const struct report_table *table)
{
    char name[DIR_NAME_MAX];
    struct sink csv = {0};
    if ((table->where & REPORT_IN_FILES) != 0) {
        (void)snprintf(name, sizeof name, "tables/%s.csv", table->id);
        csv = draw->canvas->begin(draw->canvas->self, PACKET_SLOT_TABLE, name);
    }
    report_table_begin(&draw->report, table, csv);
}

void draw_table_end(struct draw *draw)
{
    bool is_in_files = (draw->report.table->where & REPORT_IN_FILES) != 0;
    report_table_end(&draw->report);
    if (is_in_files)
        draw->canvas->end(draw->canvas->self, PACKET_SLOT_TABLE);
}

/* ---- the frame ---------------------------------------------------------------------------------- */

static void meta(struct html *html, const char *name, const char *content)
{
    html_open(html, HTML_TAG_META);
    html_attr_say(html, HTML_ATTR_NAME, "%s", name);
    html_attr_say(html, HTML_ATTR_CONTENT, "%s", content);
    html_close(html, HTML_TAG_META);
}

/* Nothing is loaded, run or sent; the one style sheet is known by its digest. */
static void draw_policy(struct html *html)
{
    char source[HTML_SOURCE_MAX];
    html_style_source(DRAW_STYLE, source);
    html_open(html, HTML_TAG_META);
    html_attr(html, HTML_ATTR_HTTP_EQUIV, SPAN_OF("Content-Security-Policy"));
    html_attr_say(html, HTML_ATTR_CONTENT,
                  "default-src 'none'; style-src %s; base-uri 'none'; form-action 'none'",
                  source);
    html_close(html, HTML_TAG_META);
}

static void draw_head(struct draw *draw, const char *week)
{
    struct html *html = &draw->html;
    html_open(html, HTML_TAG_HEAD);
    html_open(html, HTML_TAG_META);
    html_attr(html, HTML_ATTR_CHARSET, SPAN_OF("utf-8"));
    html_close(html, HTML_TAG_META);
    draw_policy(html);
    meta(html, "viewport", "width=device-width, initial-scale=1");
    meta(html, "robots", "noindex");
    meta(html, "referrer", "no-referrer");
    html_open(html, HTML_TAG_TITLE);
    html_say(html, "Inventory reliability packet %s", week);
    html_close(html, HTML_TAG_TITLE);
    html_style(html, DRAW_STYLE);
    html_close(html, HTML_TAG_HEAD);
}

static void draw_banner(struct draw *draw)
{
    static const char *const WORDS[WEEK_VERDICT_COUNT] = {
        [WEEK_PASS] = "Pass: stock sync is working",
        [WEEK_FAIL] = "Fail: stock sync is not working",
        [WEEK_NOT_DECIDABLE] = "Not decidable: the data do not allow a verdict"};
    struct html *html = &draw->html;
    const struct packet_data *data = draw->data;
    enum week_verdict verdict = data->decision.verdict;
    html_open(html, HTML_TAG_DIV);
    html_attr_say(html, HTML_ATTR_CLASS, "verdict %s",
                  data->is_decided ? week_verdict_name(verdict) : "undecided");
    html_open(html, HTML_TAG_P);
    html_element(html, HTML_TAG_STRONG,
                 data->is_decided ? WORDS[verdict] : "Not decided yet");
    html_close(html, HTML_TAG_P);
    html_open(html, HTML_TAG_P);
    if (data->is_decided) {
        html_text(html, SPAN_OF("By rule "));
        html_open(html, HTML_TAG_CODE);
        html_text(html, data->decision.rule);
        html_close(html, HTML_TAG_CODE);
        html_text(html, SPAN_OF(". "));
    }
    html_open(html, HTML_TAG_A);
    html_attr(html, HTML_ATTR_HREF, SPAN_OF("#decision"));
    html_text(html, SPAN_OF("The decision and its reasons"));
    html_close(html, HTML_TAG_A);
    html_close(html, HTML_TAG_P);
    html_close(html, HTML_TAG_DIV);
}

static void draw_header(struct draw *draw, const char *week)
{
    struct html *html = &draw->html;
    const struct kpi_period *period = &draw->data->inputs.period;
    char from[WEEK_DAY_MAX];
    char to[WEEK_DAY_MAX];
    char as_of[DRAW_TIME_MAX];
    week_day_text(period->first_day, from);
    week_day_text(period->first_day + period->day_count - 1, to);
    draw_time(draw->data->as_of_us, as_of);
    html_open(html, HTML_TAG_HEADER);
    html_open(html, HTML_TAG_H1);
    html_say(html, "Inventory reliability packet, week %s", week);
    html_close(html, HTML_TAG_H1);
    html_open(html, HTML_TAG_P);
    html_say(html, "%s to %s, days in UTC. As of %s.", from, to, as_of);
    html_close(html, HTML_TAG_P);
    draw_banner(draw);
    html_close(html, HTML_TAG_HEADER);
}

struct part {
    const char *id;
    const char *title;
    void (*draw)(struct draw *draw);
};

static const struct part PARTS[] = {
    {"contract", "Sync contract", draw_contract},
    {"rulebook", "Escalation rulebook", draw_rulebook},
    {"dashboard", "Weekly KPI dashboard", draw_dashboard},
    {"incidents", "Incident log of the week", draw_incidents},
    {"spot-checks", "Spot checks", draw_spot_checks},
    {"decision", "Decision", draw_decision},
    {"digests", "Digests", draw_digests},
};

static void draw_nav(struct html *html)
{
    html_open(html, HTML_TAG_NAV);
    html_attr(html, HTML_ATTR_ARIA_LABEL, SPAN_OF("Sections"));
    html_open(html, HTML_TAG_UL);
    for (size_t at = 0; at < COUNT_OF(PARTS); at++) {
        html_open(html, HTML_TAG_LI);
        html_open(html, HTML_TAG_A);
        html_attr_say(html, HTML_ATTR_HREF, "#%s", PARTS[at].id);
        html_text(html, span_from(PARTS[at].title));
        html_close(html, HTML_TAG_A);
        html_close(html, HTML_TAG_LI);
    }
    html_close(html, HTML_TAG_UL);
    html_close(html, HTML_TAG_NAV);
}

static void draw_body(struct draw *draw, const char *week)
{
    struct html *html = &draw->html;
    html_open(html, HTML_TAG_BODY);
    html_open(html, HTML_TAG_A);
    html_attr(html, HTML_ATTR_CLASS, SPAN_OF("skip"));
    html_attr(html, HTML_ATTR_HREF, SPAN_OF("#main"));
    html_text(html, SPAN_OF("Skip to the content"));
    html_close(html, HTML_TAG_A);
    draw_header(draw, week);
    draw_nav(html);
    html_open(html, HTML_TAG_MAIN);
    html_attr(html, HTML_ATTR_ID, SPAN_OF("main"));
    for (size_t at = 0; at < COUNT_OF(PARTS); at++) {
        draw_section(draw, PARTS[at].id, PARTS[at].title);
        PARTS[at].draw(draw);
        draw_section_end(draw);
    }
    html_close(html, HTML_TAG_MAIN);
    html_open(html, HTML_TAG_FOOTER);
    draw_paragraph(draw, "\u201cparstock packet verify\u201d checks this packet.");
    html_close(html, HTML_TAG_FOOTER);
    html_close(html, HTML_TAG_BODY);
}

enum status packet_draw(const struct packet_data *data,
                        const struct packet_canvas *canvas, struct error *error)
{
    char week[WEEK_NAME_MAX];
    struct draw draw = {.data = data, .canvas = canvas, .error = error};
    week_name(data->inputs.period.first_day, week);
    html_begin(&draw.html, canvas->begin(canvas->self, PACKET_SLOT_PAGE, PACKET_PAGE));
    report_begin(&draw.report, &draw.html,
                 canvas->begin(canvas->self, PACKET_SLOT_JSON, PACKET_TABLES), PAGE_ROWS);
    html_open(&draw.html, HTML_TAG_HTML);
    html_attr(&draw.html, HTML_ATTR_LANG, SPAN_OF("en"));
    draw_head(&draw, week);
    draw_body(&draw, week);
    html_close(&draw.html, HTML_TAG_HTML);
    bool is_whole = report_end(&draw.report);
    is_whole &= html_end(&draw.html);
    canvas->end(canvas->self, PACKET_SLOT_JSON);
    canvas->end(canvas->self, PACKET_SLOT_PAGE);
    if (draw.status == STATUS_OK && !is_whole)
        return error_set(error, STATUS_FATAL, "the packet: out of memory");
    return draw.status;
}
