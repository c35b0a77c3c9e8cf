/* Any bytes as text, attribute, address, chart and cell: the markup stays ours. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/chart_svg.h"
#include "common/codec/report.h"
#include "common/codec/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep(void *self, struct span bytes)
{
    buf_span(self, bytes);
}

static size_t count_byte(const struct buf *buf, char byte)
{
    size_t count = 0;
    for (size_t at = 0; at < buf->length; at++)
        count += buf->bytes[at] == byte;
    return count;
}

/* The document around a text: as many signs of markup as with no text at all. */
static void write_page(struct span text, struct buf *out)
{
    struct html html;
    const struct chart_point points[] = {{text, true, 1}, {text, false, 0}};
    const struct chart chart = {.id = "c",
                                .title = text,
                                .points = points,
                                .count = 2,
                                .baseline = {true, 500000}};
    html_begin(&html, (struct sink){keep, out});
    html_open(&html, HTML_TAG_P);
    html_attr(&html, HTML_ATTR_CLASS, text);
    html_outside(&html, text);
    html_close(&html, HTML_TAG_P);
    chart_draw(&html, &chart);
    ASSERT(html_end(&html));
}

static void check_page(struct span text)
{
    SCOPED(buf_free) struct buf plain;
    SCOPED(buf_free) struct buf out;
    static const char SIGNS[] = "<>\"'\n";
    buf_init(&plain, (size_t)1 << 20);
    buf_init(&out, (size_t)64 << 20);
    write_page(SPAN_OF("x"), &plain);
    write_page(text, &out);
    for (const char *sign = SIGNS; *sign != '\0'; sign++)
        ASSERT(count_byte(&plain, *sign) == count_byte(&out, *sign));
    ASSERT(utf8_valid(buf_view(&out)));
}

static void check_link(struct span text)
{
    SCOPED(buf_free) struct buf out;
    struct html html;
    buf_init(&out, (size_t)64 << 20);
    html_begin(&html, (struct sink){keep, &out});
    html_open(&html, HTML_TAG_A);
    if (html_attr_link(&html, text))
        ASSERT(text.length > 7 && memcmp(text.bytes, "http", 4) == 0);
    html_close(&html, HTML_TAG_A);
    ASSERT(html_end(&html));
}

/* One cell, one line; what a spreadsheet takes for its first sign begins no formula. */
static void check_cell(struct span text)
{
    SCOPED(buf_free) struct buf out;
    struct csv csv;
    buf_init(&out, (size_t)64 << 20);
    csv_begin(&csv, (struct sink){keep, &out});
    csv_text(&csv, text);
    csv_row(&csv);
    ASSERT(csv_end(&csv));
    ASSERT(count_byte(&out, '\n') == 1 && count_byte(&out, '\r') == 0);
    ASSERT(count_byte(&out, '"') % 2 == 0 && utf8_valid(buf_view(&out)));
    ASSERT(out.length >= 3 && strchr("=+-@\t", out.bytes[1]) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    struct span text = {size > 0 ? (const char *)data : "", size};
    check_page(text);
    check_link(text);
    check_cell(text);
    return 0;
}
