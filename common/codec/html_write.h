/*
 * HTML with SVG in it, written so that nothing from outside can become markup: elements and
 * attributes come from a closed list, texts and values only through the escaping functions,
 * numbers as numbers. There is no way to write raw bytes. Texts are made visible first
 * (text_show.h). What is written is well-formed: elements end in the order in which they
 * began, and an element that HTML leaves open is never left.
 *
 * Bytes go to the sink in pieces; the writer itself holds one of them. Mistakes of the caller
 * (an attribute after content, an end too many) are bugs and stop the process.
 */
#ifndef PARSTOCK_CODEC_HTML_WRITE_H
#define PARSTOCK_CODEC_HTML_WRITE_H

#include "common/base/buf.h"
#include "common/base/sink.h"

#define HTML_BLOCK 0x1u /* a line of its own */
#define HTML_VOID 0x2u  /* has no content and no end */

#define HTML_TAGS(X)                                                                     \
    X(HTML, "html", HTML_BLOCK)                                                          \
    X(HEAD, "head", HTML_BLOCK)                                                          \
    X(META, "meta", HTML_BLOCK | HTML_VOID)                                              \
    X(TITLE, "title", HTML_BLOCK)                                                        \
    X(STYLE, "style", HTML_BLOCK)                                                        \
    X(BODY, "body", HTML_BLOCK)                                                          \
    X(HEADER, "header", HTML_BLOCK)                                                      \
    X(NAV, "nav", HTML_BLOCK)                                                            \
    X(MAIN, "main", HTML_BLOCK)                                                          \
    X(FOOTER, "footer", HTML_BLOCK)                                                      \
    X(SECTION, "section", HTML_BLOCK)                                                    \
    X(H1, "h1", HTML_BLOCK)                                                              \
    X(H2, "h2", HTML_BLOCK)                                                              \
    X(H3, "h3", HTML_BLOCK)                                                              \
    X(P, "p", HTML_BLOCK)                                                                \
    X(UL, "ul", HTML_BLOCK)                                                              \
    X(OL, "ol", HTML_BLOCK)                                                              \
    X(LI, "li", HTML_BLOCK)                                                              \
    X(DL, "dl", HTML_BLOCK)                                                              \
    X(DT, "dt", HTML_BLOCK)                                                              \
    X(DD, "dd", HTML_BLOCK)                                                              \
    X(DIV, "div", HTML_BLOCK)                                                            \
    X(FIGURE, "figure", HTML_BLOCK)                                                      \
    X(FIGCAPTION, "figcaption", HTML_BLOCK)                                              \
    X(TABLE, "table", HTML_BLOCK)                                                        \
    X(CAPTION, "caption", HTML_BLOCK)                                                    \
    X(THEAD, "thead", HTML_BLOCK)                                                        \
    X(TBODY, "tbody", HTML_BLOCK)                                                        \
    X(TR, "tr", HTML_BLOCK)                                                              \
    X(TH, "th", 0)                                                                       \
    X(TD, "td", 0)                                                                       \
    X(FORM, "form", HTML_BLOCK)                                                          \
    X(LABEL, "label", HTML_BLOCK)                                                        \
    X(INPUT, "input", HTML_BLOCK | HTML_VOID)                                            \
    X(BUTTON, "button", 0)                                                               \
    X(A, "a", 0)                                                                         \
    X(BDI, "bdi", 0)                                                                     \
    X(CODE, "code", 0)                                                                   \
    X(SPAN, "span", 0)                                                                   \
    X(STRONG, "strong", 0)                                                               \
    X(TIME, "time", 0)                                                                   \
    X(SVG, "svg", HTML_BLOCK)                                                            \
    X(DESC, "desc", HTML_BLOCK)                                                          \
    X(G, "g", HTML_BLOCK)                                                                \
    X(CIRCLE, "circle", HTML_BLOCK)                                                      \
    X(LINE, "line", HTML_BLOCK)                                                          \
    X(POLYLINE, "polyline", HTML_BLOCK)                                                  \
    X(TEXT, "text", HTML_BLOCK)

enum html_tag {
#define X(name, text, kind) HTML_TAG_##name,
    HTML_TAGS(X)
#undef X
        HTML_TAG_COUNT
};

#define HTML_ATTRS(X)                                                                    \
    X(ACTION, "action")                                                                  \
    X(ARIA_LABEL, "aria-label")                                                          \
    X(ARIA_LABELLEDBY, "aria-labelledby")                                                \
    X(AUTOCOMPLETE, "autocomplete")                                                      \
    X(CHARSET, "charset")                                                                \
    X(CLASS, "class")                                                                    \
    X(CONTENT, "content")                                                                \
    X(CX, "cx")                                                                          \
    X(CY, "cy")                                                                          \
    X(DATETIME, "datetime")                                                              \
    X(HREF, "href")                                                                      \
    X(HTTP_EQUIV, "http-equiv")                                                          \
    X(ID, "id")                                                                          \
    X(LANG, "lang")                                                                      \
    X(METHOD, "method")                                                                  \
    X(NAME, "name")                                                                      \
    X(POINTS, "points")                                                                  \
    X(R, "r")                                                                            \
    X(REL, "rel")                                                                        \
    X(ROLE, "role")                                                                      \
    X(SCOPE, "scope")                                                                    \
    X(TABINDEX, "tabindex")                                                              \
    X(TYPE, "type")                                                                      \
    X(VALUE, "value")                                                                    \
    X(VIEWBOX, "viewBox")                                                                \
    X(X, "x")                                                                            \
    X(X1, "x1")                                                                          \
    X(X2, "x2")                                                                          \
    X(Y, "y")                                                                            \
    X(Y1, "y1")                                                                          \
    X(Y2, "y2")

enum html_attr {
#define X(name, text) HTML_ATTR_##name,
    HTML_ATTRS(X)
#undef X
        HTML_ATTR_COUNT
};

#define HTML_DEPTH_MAX 32
#define HTML_VALUE_MAX 4096 /* bytes of what html_say and html_attr_say make */

struct html {
    struct buf piece;
    struct sink sink;
    bool in_tag; /* attributes may follow */
    unsigned depth;
    unsigned char open[HTML_DEPTH_MAX];
};

/* The document type; html_end hands on what is left (all elements must have ended). False
 * where memory was lacking: then the document is not whole. */
void html_begin(struct html *html, struct sink sink);
bool html_end(struct html *html);

void html_open(struct html *html, enum html_tag tag);
void html_close(struct html *html, enum html_tag tag); /* of the last that was opened */

/* Attributes of the element just opened. */
void html_attr(struct html *html, enum html_attr attr, struct span value);
void html_attr_say(struct html *html, enum html_attr attr, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* In hundredths: 1234 is written 12.34. */
void html_attr_hundredths(struct html *html, enum html_attr attr, int64_t hundredths);

struct html_point {
    int64_t x; /* hundredths */
    int64_t y;
};
void html_attr_points(struct html *html, const struct html_point *points, size_t count);

/* href and what goes with it, where the address is one of the web (http, https); false and
 * nothing written for any other: a script's address is no link. */
bool html_attr_link(struct html *html, struct span url);

void html_text(struct html *html, struct span text);
void html_say(struct html *html, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void html_number(struct html *html, int64_t number);

/* A text from outside: kept apart from the direction in which its surroundings are read. */
void html_outside(struct html *html, struct span text);

/* An element that holds a text and nothing else. */
void html_element(struct html *html, enum html_tag tag, const char *text);

/* The style sheet: text of ours that is known when parstock is built. Its digest as a
 * Content-Security-Policy wants it is html_style_source, room for HTML_SOURCE_MAX. */
#define HTML_SOURCE_MAX 64
void html_style(struct html *html, const char *sheet);
void html_style_source(const char *sheet, char room[HTML_SOURCE_MAX]);

#endif
