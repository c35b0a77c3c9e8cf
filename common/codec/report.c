#include "common/codec/report.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/json_text.h"
#include "common/codec/rfc3339.h"

#include <assert.h>
#include <stdio.h>

#define JSON_ROW_MAX ((size_t)16 * 1024 * 1024)
#define SHARE_DIGITS 4

/* ---- numbers for people ----------------------------------------------------------------- */

void report_share(int64_t millionths, char room[REPORT_SHARE_MAX])
{
    uint64_t size = millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;
    int length =
        snprintf(room, REPORT_SHARE_MAX, "%s%llu.%04llu", millionths < 0 ? "-" : "",
                 (unsigned long long)(size / 10000), (unsigned long long)(size % 10000));
    for (int cut = 0; cut < SHARE_DIGITS - 2 && room[length - 1] == '0'; cut++)
        room[--length] = '\0';
}

/* ---- a cell --------------------------------------------------------------------------------- */

static void html_time(struct html *html, int64_t us)
{
    char text[RFC3339_TEXT_MAX];
    rfc3339_format(us, text);
    html_open(html, HTML_TAG_TIME);
    html_attr(html, HTML_ATTR_DATETIME, span_from(text));
    html_say(html, "%.10s %.8s", text, text + 11);
    html_close(html, HTML_TAG_TIME);
}

static void html_value(struct html *html, enum report_kind kind,
                       const struct report_cell *cell)
{
    char share[REPORT_SHARE_MAX];
    switch (kind) {
    case REPORT_TEXT:
        html_outside(html, cell->text);
        return;
    case REPORT_CODE:
        html_open(html, HTML_TAG_CODE);
        html_outside(html, cell->text);
        html_close(html, HTML_TAG_CODE);
        return;
    case REPORT_WORD:
        html_text(html, cell->text);
        return;
    case REPORT_NUMBER:
        html_number(html, cell->number);
        return;
    case REPORT_SHARE:
        report_share(cell->number, share);
        html_say(html, "%s\u202f%%", share);
        return;
    case REPORT_TIME:
        html_time(html, cell->number);
        return;
    }
}

static void csv_value(struct csv *csv, enum report_kind kind,
                      const struct report_cell *cell)
{
    char text[RFC3339_TEXT_MAX];
    static_assert(RFC3339_TEXT_MAX >= REPORT_SHARE_MAX, "room for both");
    switch (kind) {
    case REPORT_TEXT:
    case REPORT_CODE:
    case REPORT_WORD:
        csv_text(csv, cell->text);
        return;
    case REPORT_NUMBER:
        csv_number(csv, cell->number);
        return;
    case REPORT_SHARE:
        report_share(cell->number, text);
        csv_plain(csv, text);
        return;
    case REPORT_TIME:
        rfc3339_format(cell->number, text);
        csv_plain(csv, text);
        return;
    }
}

static void json_value(struct buf *out, enum report_kind kind,
                       const struct report_cell *cell)
{
    char share[REPORT_SHARE_MAX];
    switch (kind) {
    case REPORT_TEXT:
    case REPORT_CODE:
    case REPORT_WORD:
        json_text_lossy(out, cell->text);
        return;
    case REPORT_NUMBER:
        json_number(out, cell->number);
        return;
    case REPORT_SHARE:
        report_share(cell->number, share);
        buf_text(out, share);
        return;
    case REPORT_TIME:
        json_time(out, cell->number);
        return;
    }
}

static bool is_numeric(enum report_kind kind)
{
    return kind == REPORT_NUMBER || kind == REPORT_SHARE;
}

static bool is_absent(const struct report *report, size_t column,
                      const struct report_cell *cell)
{
    enum report_kind kind = report->table->columns[column].kind;
    bool is_text = kind == REPORT_TEXT || kind == REPORT_CODE || kind == REPORT_WORD;
    return cell->absent || (is_text && cell->text.bytes == NULL);
}

/* ---- a row in each ----------------------------------------------------------------------------- */

static void page_begin(struct report *report)
{
    const struct report_table *table = report->table;
    struct html *html = report->page;
    html_open(html, HTML_TAG_DIV);
    html_attr(html, HTML_ATTR_CLASS, SPAN_OF("scroll"));
    html_attr(html, HTML_ATTR_ROLE, SPAN_OF("region"));
    html_attr(html, HTML_ATTR_TABINDEX, SPAN_OF("0"));
    html_attr_say(html, HTML_ATTR_ARIA_LABELLEDBY, "caption-%s", table->id);
    html_open(html, HTML_TAG_TABLE);
    html_open(html, HTML_TAG_CAPTION);
    html_attr_say(html, HTML_ATTR_ID, "caption-%s", table->id);
    html_text(html, table->title);
    html_close(html, HTML_TAG_CAPTION);
    html_open(html, HTML_TAG_THEAD);
    html_open(html, HTML_TAG_TR);
    for (size_t at = 0; at < table->column_count; at++) {
        html_open(html, HTML_TAG_TH);
        html_attr(html, HTML_ATTR_SCOPE, SPAN_OF("col"));
        if (is_numeric(table->columns[at].kind))
            html_attr(html, HTML_ATTR_CLASS, SPAN_OF("number"));
        html_text(html, span_from(table->columns[at].title));
        html_close(html, HTML_TAG_TH);
    }
    html_close(html, HTML_TAG_TR);
    html_close(html, HTML_TAG_THEAD);
    html_open(html, HTML_TAG_TBODY);
}

static void page_cell(struct report *report, size_t column,
                      const struct report_cell *cell)
{
    struct html *html = report->page;
    enum report_kind kind = report->table->columns[column].kind;
    enum html_tag tag = column == 0 ? HTML_TAG_TH : HTML_TAG_TD;
    html_open(html, tag);
    if (column == 0)
        html_attr(html, HTML_ATTR_SCOPE, SPAN_OF("row"));
    if (is_numeric(kind))
        html_attr(html, HTML_ATTR_CLASS, SPAN_OF("number"));
    if (is_absent(report, column, cell))
        html_text(html, SPAN_OF("\u2013"));
    else
        html_value(html, kind, cell);
    html_close(html, tag);
}

static void page_row(struct report *report, const struct report_cell *cells)
{
    if (report->rows == 0)
        page_begin(report);
    if (report->rows >= report->page_rows)
        return;
    html_open(report->page, HTML_TAG_TR);
    for (size_t at = 0; at < report->table->column_count; at++)
        page_cell(report, at, &cells[at]);
    html_close(report->page, HTML_TAG_TR);
}

static void csv_cells(struct report *report, const struct report_cell *cells)
{
    for (size_t at = 0; at < report->table->column_count; at++)
        if (is_absent(report, at, &cells[at]))
            csv_text(&report->csv, (struct span){0});
        else
            csv_value(&report->csv, report->table->columns[at].kind, &cells[at]);
    csv_row(&report->csv);
}

static void hand_json(struct report *report, struct buf *out)
{
    report->failed |= out->failed;
    sink_take(&report->json, buf_view(out));
}

static void json_row(struct report *report, const struct report_cell *cells)
{
    SCOPED(buf_free) struct buf out;
    buf_init(&out, JSON_ROW_MAX);
    buf_text(&out, report->rows > 0 ? ",\n[" : "\n[");
    for (size_t at = 0; at < report->table->column_count; at++) {
        if (at > 0)
            buf_byte(&out, ',');
        if (is_absent(report, at, &cells[at]))
            buf_text(&out, "null");
        else
            json_value(&out, report->table->columns[at].kind, &cells[at]);
    }
    buf_byte(&out, ']');
    hand_json(report, &out);
}

static bool is_on(const struct report *report, unsigned where)
{
    return (report->table->where & where) != 0;
}

void report_row(struct report *report, const struct report_cell *cells)
{
    ASSERT(report->table != NULL);
    if (is_on(report, REPORT_ON_PAGE))
        page_row(report, cells);
    if (is_on(report, REPORT_IN_FILES)) {
        csv_cells(report, cells);
        json_row(report, cells);
    }
    report->rows++;
}

/* ---- a table ------------------------------------------------------------------------------------ */

static const char *unit_of(enum report_kind kind)
{
    static const char *const UNITS[] = {
        [REPORT_TEXT] = "text",     [REPORT_CODE] = "text",     [REPORT_WORD] = "text",
        [REPORT_NUMBER] = "number", [REPORT_SHARE] = "percent", [REPORT_TIME] = "time",
    };
    return UNITS[kind];
}

static void json_begin(struct report *report)
{
    SCOPED(buf_free) struct buf out;
    const struct report_table *table = report->table;
    buf_init(&out, JSON_ROW_MAX);
    buf_text(&out, report->tables > 0 ? ",\n{" : "\n{");
    json_member_text(&out, "id", span_from(table->id));
    json_member_text_lossy(&out, "title", table->title);
    json_name(&out, "columns");
    buf_byte(&out, '[');
    for (size_t at = 0; at < table->column_count; at++) {
        buf_text(&out, at > 0 ? ",{" : "{");
        json_member_text(&out, "id", span_from(table->columns[at].id));
        json_member_text(&out, "title", span_from(table->columns[at].title));
        json_member_text(&out, "unit", span_from(unit_of(table->columns[at].kind)));
        buf_byte(&out, '}');
    }
    buf_text(&out, "],\"rows\":[");
    hand_json(report, &out);
}

void report_table_begin(struct report *report, const struct report_table *table,
                        struct sink csv)
{
    ASSERT(report->table == NULL && table->column_count > 0);
    report->table = table;
    report->rows = 0;
    if (!is_on(report, REPORT_IN_FILES))
        return;
    csv_begin(&report->csv, csv);
    for (size_t at = 0; at < table->column_count; at++)
        csv_plain(&report->csv, table->columns[at].id);
    csv_row(&report->csv);
    json_begin(report);
}

static void page_end(struct report *report)
{
    struct html *html = report->page;
    if (report->rows > 0) {
        html_close(html, HTML_TAG_TBODY);
        html_close(html, HTML_TAG_TABLE);
        html_close(html, HTML_TAG_DIV);
    }
    if (report->rows > 0 && report->rows <= report->page_rows)
        return;
    html_open(html, HTML_TAG_P);
    html_attr(html, HTML_ATTR_CLASS, SPAN_OF("note"));
    if (report->rows == 0) {
        html_text(html, report->table->title);
        html_text(html, SPAN_OF(": none."));
    } else
        html_say(html, "%zu more rows are in tables/%s.csv.",
                 report->rows - report->page_rows, report->table->id);
    html_close(html, HTML_TAG_P);
}

void report_table_end(struct report *report)
{
    ASSERT(report->table != NULL);
    if (is_on(report, REPORT_ON_PAGE))
        page_end(report);
    if (is_on(report, REPORT_IN_FILES)) {
        report->failed |= !csv_end(&report->csv);
        sink_take(&report->json, SPAN_OF("]}"));
        report->tables++;
    }
    report->table = NULL;
}

/* ---- all of them ---------------------------------------------------------------------------------- */

void report_begin(struct report *report, struct html *page, struct sink json,
                  size_t page_rows)
{
    *report = (struct report){.page = page, .json = json, .page_rows = page_rows};
    sink_take(&json, SPAN_OF("{\"tables\":["));
}

bool report_end(struct report *report)
{
    ASSERT(report->table == NULL);
    sink_take(&report->json, SPAN_OF("\n]}\n"));
    return !report->failed;
}
