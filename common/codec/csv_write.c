#include "common/codec/csv_write.h"

#include "common/base/check.h"
#include "common/codec/text_show.h"

#define ROW_MAX ((size_t)16 * 1024 * 1024)

void csv_begin(struct csv *csv, struct sink sink)
{
    *csv = (struct csv){.sink = sink};
    buf_init(&csv->row, ROW_MAX);
}

bool csv_end(struct csv *csv)
{
    ASSERT(csv->row.length == 0);
    buf_free(&csv->row);
    return !csv->failed;
}

static void next_cell(struct csv *csv)
{
    if (csv->row.length > 0)
        buf_byte(&csv->row, ',');
}

static bool shows(const struct text_shown *shown, const char *text)
{
    return span_is((struct span){shown->bytes, shown->length}, text);
}

/* Also the full-width forms, which some spreadsheets take for the same. */
static bool begins_formula(const struct text_shown *shown)
{
    static const char *const SIGNS[] = {"=",      "+",      "-",      "@",
                                        "\uff1d", "\uff0b", "\uff0d", "\uff20"};
    for (size_t at = 0; at < COUNT_OF(SIGNS); at++)
        if (shows(shown, SIGNS[at]))
            return true;
    return false;
}

static bool passes_over(const struct text_shown *shown)
{
    return shows(shown, " ") || shows(shown, "\"") || shows(shown, "\u00a0");
}

void csv_text(struct csv *csv, struct span text)
{
    struct text_shown shown;
    bool at_start = true; /* of what a spreadsheet may take for a cell */
    next_cell(csv);
    buf_byte(&csv->row, '"');
    while (text.bytes != NULL && text_show_next(&text, &shown)) {
        if (at_start && begins_formula(&shown))
            buf_byte(&csv->row, '\'');
        if (shows(&shown, "\""))
            buf_byte(&csv->row, '"');
        buf_add(&csv->row, shown.bytes, shown.length);
        at_start = shows(&shown, ";") || (at_start && passes_over(&shown));
    }
    buf_byte(&csv->row, '"');
}

void csv_number(struct csv *csv, int64_t number)
{
    next_cell(csv);
    buf_number(&csv->row, number);
}

void csv_plain(struct csv *csv, const char *text)
{
    ASSERT(strpbrk(text, "\",;\r\n=@") == NULL);
    next_cell(csv);
    buf_text(&csv->row, text);
}

void csv_row(struct csv *csv)
{
    buf_byte(&csv->row, '\n');
    csv->failed |= csv->row.failed;
    sink_take(&csv->sink, buf_view(&csv->row));
    buf_clear(&csv->row);
}
