#include "common/codec/html_write.h"

#include "common/base/check.h"
#include "common/codec/text_show.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>

#define PIECE ((size_t)32 * 1024)
#define PIECE_MAX (PIECE + ((size_t)16 * 1024 * 1024)) /* one text can be long */

struct tag {
    const char *name;
    unsigned kind;
};

static const struct tag TAGS[] = {
#define X(name, text, kind) {text, kind},
    HTML_TAGS(X)
#undef X
};

static const char *const ATTRS[] = {
#define X(name, text) text,
    HTML_ATTRS(X)
#undef X
};

static void hand_on(struct html *html, size_t least)
{
    if (html->piece.length < least || html->piece.failed)
        return;
    sink_take(&html->sink, buf_view(&html->piece));
    buf_clear(&html->piece);
}

/* ---- escaping: the only way of outside bytes into the document ------------------------- */

static const char *escape_of(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void write_escaped(struct buf *out, struct span text)
{
    struct text_shown shown;
    while (text_show_next(&text, &shown)) {
        const char *escape = shown.length == 1 ? escape_of(shown.bytes[0]) : NULL;
        if (escape != NULL)
            buf_text(out, escape);
        else
            buf_add(out, shown.bytes, shown.length);
    }
}

/* ---- elements --------------------------------------------------------------------------- */

static void end_start_tag(struct html *html)
{
    if (html->in_tag)
        buf_byte(&html->piece, '>');
    html->in_tag = false;
}

void html_begin(struct html *html, struct sink sink)
{
    *html = (struct html){.sink = sink};
    buf_init(&html->piece, PIECE_MAX);
    buf_text(&html->piece, "<!DOCTYPE html>\n");
}

bool html_end(struct html *html)
{
    ASSERT(html->depth == 0 && !html->in_tag);
    hand_on(html, 1);
    bool is_whole = !html->piece.failed;
    buf_free(&html->piece);
    return is_whole;
}

void html_open(struct html *html, enum html_tag tag)
{
    ASSERT(tag < HTML_TAG_COUNT && html->depth < HTML_DEPTH_MAX);
    end_start_tag(html);
    hand_on(html, PIECE);
    buf_byte(&html->piece, '<');
    buf_text(&html->piece, TAGS[tag].name);
    html->in_tag = true;
    html->open[html->depth++] = (unsigned char)tag;
}

void html_close(struct html *html, enum html_tag tag)
{
    ASSERT(html->depth > 0 && html->open[html->depth - 1] == tag);
    end_start_tag(html);
    if ((TAGS[tag].kind & HTML_VOID) == 0) {
        buf_text(&html->piece, "</");
        buf_text(&html->piece, TAGS[tag].name);
        buf_byte(&html->piece, '>');
    }
    if ((TAGS[tag].kind & HTML_BLOCK) != 0)
        buf_byte(&html->piece, '\n');
    html->depth--;
}

/* ---- attributes ------------------------------------------------------------------------- */

static void begin_attr(struct html *html, enum html_attr attr)
{
    ASSERT(html->in_tag && attr < HTML_ATTR_COUNT);
    buf_byte(&html->piece, ' ');
    buf_text(&html->piece, ATTRS[attr]);
    buf_text(&html->piece, "=\"");
}

static void write_attr(struct html *html, enum html_attr attr, struct span value)
{
    begin_attr(html, attr);
    write_escaped(&html->piece, value);
    buf_byte(&html->piece, '"');
}

/* A place on this page, or another page of ours: never another host. */
static bool is_own_place(struct span value)
{
    if (value.length == 0 || value.bytes[0] == '#')
        return value.length > 0;
    return value.bytes[0] == '/' &&
           (value.length == 1 || (value.bytes[1] != '/' && value.bytes[1] != '\\'));
}

void html_attr(struct html *html, enum html_attr attr, struct span value)
{
    ASSERT(attr != HTML_ATTR_HREF || is_own_place(value));
    write_attr(html, attr, value);
}

void html_attr_say(struct html *html, enum html_attr attr, const char *format, ...)
{
    char text[HTML_VALUE_MAX];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    ASSERT(length >= 0 && (size_t)length < sizeof(text));
    html_attr(html, attr, span_from(text));
}

static void write_hundredths(struct buf *out, int64_t hundredths)
{
    uint64_t size = hundredths < 0 ? 0 - (uint64_t)hundredths : (uint64_t)hundredths;
    if (hundredths < 0)
        buf_byte(out, '-');
    buf_format(out, "%llu", (unsigned long long)(size / 100));
    if (size % 100 != 0)
        buf_format(out, ".%02u", (unsigned)(size % 100));
}

void html_attr_hundredths(struct html *html, enum html_attr attr, int64_t hundredths)
{
    begin_attr(html, attr);
    write_hundredths(&html->piece, hundredths);
    buf_byte(&html->piece, '"');
}

void html_attr_points(struct html *html, const struct html_point *points, size_t count)
{
    begin_attr(html, HTML_ATTR_POINTS);
    for (size_t at = 0; at < count; at++) {
        if (at > 0)
            buf_byte(&html->piece, ' ');
        write_hundredths(&html->piece, points[at].x);
        buf_byte(&html->piece, ',');
        write_hundredths(&html->piece, points[at].y);
    }
    buf_byte(&html->piece, '"');
}

static bool begins(struct span text, struct span start)
{
    return text.length > start.length &&
           memcmp(text.bytes, start.bytes, start.length) == 0;
}

/* Printable ASCII: an address holds nothing else. */
static bool is_address(struct span url)
{
    if (!begins(url, SPAN_OF("https://")) && !begins(url, SPAN_OF("http://")))
        return false;
    for (size_t at = 0; at < url.length; at++)
        if (url.bytes[at] <= 0x20 || url.bytes[at] >= 0x7f)
            return false;
    return true;
}

bool html_attr_link(struct html *html, struct span url)
{
    if (url.bytes == NULL || !is_address(url))
        return false;
    write_attr(html, HTML_ATTR_HREF, url);
    write_attr(html, HTML_ATTR_REL, SPAN_OF("noreferrer noopener"));
    return true;
}

/* ---- content ------------------------------------------------------------------------------ */

void html_text(struct html *html, struct span text)
{
    ASSERT(html->depth > 0 && html->open[html->depth - 1] != HTML_TAG_STYLE);
    end_start_tag(html);
    write_escaped(&html->piece, text);
}

void html_say(struct html *html, const char *format, ...)
{
    char text[HTML_VALUE_MAX];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    ASSERT(length >= 0 && (size_t)length < sizeof(text));
    html_text(html, span_from(text));
}

void html_number(struct html *html, int64_t number)
{
    end_start_tag(html);
    buf_number(&html->piece, number);
}

void html_outside(struct html *html, struct span text)
{
    html_open(html, HTML_TAG_BDI);
    html_text(html, text);
    html_close(html, HTML_TAG_BDI);
}

void html_element(struct html *html, enum html_tag tag, const char *text)
{
    html_open(html, tag);
    html_text(html, span_from(text));
    html_close(html, tag);
}

/* ---- the style sheet ---------------------------------------------------------------------- */

/* Inside <style> nothing is unescaped: its text must not be able to end it. */
static bool is_sheet(const char *sheet)
{
    return strchr(sheet, '<') == NULL && strchr(sheet, '\r') == NULL;
}

void html_style(struct html *html, const char *sheet)
{
    ASSERT(is_sheet(sheet));
    html_open(html, HTML_TAG_STYLE);
    end_start_tag(html);
    buf_text(&html->piece, sheet);
    html_close(html, HTML_TAG_STYLE);
}

void html_style_source(const char *sheet, char room[HTML_SOURCE_MAX])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned char text[4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1];
    ASSERT(SHA256((const unsigned char *)sheet, strlen(sheet), digest) != NULL);
    (void)EVP_EncodeBlock(text, digest, sizeof(digest));
    (void)snprintf(room, HTML_SOURCE_MAX, "'sha256-%s'", (const char *)text);
}
