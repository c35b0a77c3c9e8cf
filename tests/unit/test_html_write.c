/* Nothing from outside becomes markup: hostile texts in every place that takes one. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/html_write.h"
#include "common/codec/text_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void keep(void *self, struct span bytes)
{
    buf_span(self, bytes);
}

static struct html begun(struct buf *out)
{
    struct html html;
    buf_init(out, (size_t)1 << 20);
    html_begin(&html, (struct sink){keep, out});
    return html;
}

static const char *body(const struct buf *out)
{
    const char *start = "<!DOCTYPE html>\n";
    assert_int_equal(strncmp(out->bytes, start, strlen(start)), 0);
    return out->bytes + strlen(start);
}

static const char *const HOSTILE[] = {
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)",
    "--><svg/onload=alert(1)>",
    "]]><b>",
    "&lt;b&gt;&#60;script&#62;",
    "</style><script>alert(1)</script>",
    "</title><script>",
    "\x01\x02\x1b[31m\x7f\xc2\x80\xc2\x9f",
    "abc\xe2\x80\xae"
    "gpj.exe",
    "\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80<b>",
    "\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x80\xa1",
};

static size_t count_byte(const char *text, char byte)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == byte;
    return count;
}

static void test_hostile_text_stays_text(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(HOSTILE); at++) {
        SCOPED(buf_free) struct buf out;
        struct html html = begun(&out);
        html_open(&html, HTML_TAG_P);
        html_attr(&html, HTML_ATTR_CLASS, span_from(HOSTILE[at]));
        html_outside(&html, span_from(HOSTILE[at]));
        html_close(&html, HTML_TAG_P);
        assert_true(html_end(&html));
        /* The markup is exactly that of the two elements, whatever the text. */
        assert_int_equal(count_byte(body(&out), '<'), 4);
        assert_int_equal(count_byte(body(&out), '>'), 4);
        assert_int_equal(count_byte(body(&out), '"'), 2);
        assert_int_equal(count_byte(body(&out), '\''), 0);
        for (const char *byte = body(&out); *byte != '\0'; byte++)
            assert_true((unsigned char)*byte >= 0x20 || *byte == '\n');
    }
}

static void check_shown(const char *text, const char *expected)
{
    struct span rest = span_from(text);
    struct text_shown shown;
    SCOPED(buf_free) struct buf out;
    buf_init(&out, 4096);
    buf_text(&out, "");
    while (text_show_next(&rest, &shown))
        buf_add(&out, shown.bytes, shown.length);
    assert_string_equal(out.bytes, expected);
}

static void test_what_hides_is_shown(void **state)
{
    (void)state;
    check_shown("plain \xc3\xa4\xe6\xbc\xa2", "plain \xc3\xa4\xe6\xbc\xa2");
    check_shown("a\tb\n", "a\xe2\x90\x89"
                          "b\xe2\x90\x8a");
    check_shown("\x7f", "\xe2\x90\xa1");
    check_shown("\xc2\x85", "[U+0085]");
    check_shown("a\xe2\x80\xae"
                "b",
                "a[U+202E]b"); /* right-to-left override */
    check_shown("\xe2\x81\xa6", "[U+2066]");
    check_shown("\xe2\x80\x8b", "[U+200B]"); /* zero width */
    check_shown("\xef\xbb\xbf", "[U+FEFF]");
    check_shown("\xe2\x80\xa8\xe2\x80\xa9", "[U+2028][U+2029]");
    check_shown("\xef\xbf\xbe", "[U+FFFE]");
    check_shown("\xf3\xa0\x80\xa1", "[U+E0021]"); /* a tag */
    check_shown("\xe2\x80\x8d", "\xe2\x80\x8d");  /* a joiner stays */
    check_shown("\xff"
                "a\xc3",
                "\xef\xbf\xbd"
                "a\xef\xbf\xbd"); /* no UTF-8 */
    check_shown("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_links_lead_to_the_web_only(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool links;
    } URLS[] = {
        {"https://example.org/a?b=1&c=2", true},
        {"http://127.0.0.1/x", true},
        {"javascript:alert(1)", false},
        {"JaVaScRiPt:alert(1)", false},
        {" https://example.org/", false},
        {"https://exa mple.org/", false},
        {"https://example.org/\n", false},
        {"data:text/html,x", false},
        {"//example.org/", false},
        {"docs/runbooks/drift.md", false},
        {"https://", false},
        {"https://\xc3\xa4", false},
        {"", false},
    };
    for (size_t at = 0; at < COUNT_OF(URLS); at++) {
        SCOPED(buf_free) struct buf out;
        struct html html = begun(&out);
        html_open(&html, HTML_TAG_A);
        bool links = html_attr_link(&html, span_from(URLS[at].url));
        html_close(&html, HTML_TAG_A);
        assert_true(html_end(&html));
        assert_int_equal(links, URLS[at].links);
        assert_int_equal(strstr(out.bytes, "href") != NULL, URLS[at].links);
        assert_int_equal(strstr(out.bytes, "noreferrer") != NULL, URLS[at].links);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    struct html html = begun(&out);
    const struct html_point points[] = {{0, 5}, {-12345, INT64_MIN}};
    html_open(&html, HTML_TAG_POLYLINE);
    html_attr_points(&html, points, 2);
    html_attr_hundredths(&html, HTML_ATTR_X, 1200);
    html_attr_hundredths(&html, HTML_ATTR_Y, -7);
    html_close(&html, HTML_TAG_POLYLINE);
    assert_true(html_end(&html));
    assert_string_equal(body(&out),
                        "<polyline points=\"0,0.05 -123.45,-92233720368547758.08\" "
                        "x=\"12\" y=\"-0.07\"></polyline>\n");
}

static void test_void_elements_have_no_end(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out;
    struct html html = begun(&out);
    html_open(&html, HTML_TAG_HEAD);
    html_open(&html, HTML_TAG_META);
    html_attr(&html, HTML_ATTR_CHARSET, SPAN_OF("utf-8"));
    html_close(&html, HTML_TAG_META);
    html_element(&html, HTML_TAG_TITLE, "a<b");
    html_close(&html, HTML_TAG_HEAD);
    assert_true(html_end(&html));
    assert_string_equal(body(&out), "<head><meta charset=\"utf-8\">\n"
                                    "<title>a&lt;b</title>\n</head>\n");
}

/* Pieces are handed on as they come: the writer never holds the document. */
struct pieces {
    size_t count;
    size_t longest;
};

static void measure(void *self, struct span bytes)
{
    struct pieces *pieces = self;
    pieces->count++;
    if (bytes.length > pieces->longest)
        pieces->longest = bytes.length;
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct pieces pieces = {0};
    struct html html;
    html_begin(&html, (struct sink){measure, &pieces});
    for (int at = 0; at < 100000; at++)
        html_element(&html, HTML_TAG_P, "twenty bytes of text");
    assert_true(html_end(&html));
    assert_true(pieces.count > 50);
    assert_true(pieces.longest < 64 * 1024);
}

/* The digest that a browser computes of the style sheet (SHA-256 of "a{}" in base64). */
static void test_style_source(void **state)
{
    (void)state;
    char source[HTML_SOURCE_MAX];
    html_style_source("a{}", source);
    assert_string_equal(source, "'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_text_stays_text),
        cmocka_unit_test(test_what_hides_is_shown),
        cmocka_unit_test(test_links_lead_to_the_web_only),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_void_elements_have_no_end),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_style_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
