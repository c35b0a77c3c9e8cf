/* Links and headings of pages, where links lead, and the alerts of rule files. */
#include "common/codec/alert_rules.h"
#include "common/codec/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEXT_MAX 4096

static void note_heading(void *self, struct span text, int level)
{
    buf_format(self, "#%d %.*s|", level, SPAN_ARGS(text));
}

static void note_link(void *self, const struct markdown_link *link)
{
    buf_format(self, "%lld%s%.*s|", (long long)link->line, link->from_root ? "/" : ":",
               SPAN_ARGS(link->target));
}

static void expect(const char *page, const char *found)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    buf_text(&out, "");
    const struct markdown_visitor visitor = {note_heading, note_link, &out};
    markdown_read(span_from(page), &visitor);
    assert_string_equal(out.length > 0 ? out.bytes : "", found);
    buf_free(&out);
}

static void test_links_are_found_where_a_reader_sees_them(void **state)
{
    (void)state;
    expect("# One `two`\n\n[a](b.md) and [c](d.md#e \"title\")\n",
           "#1 One `two`|3:b.md|3:d.md#e|");
    expect("[a](<b c.md>)\n[x]: y.md\n", "1:b c.md|2:y.md|");
    expect("`[a](b.md)` and `docs/x.md` and ``docs/y.md#z`` and `docs/*.md`\n",
           "1/docs/x.md|1/docs/y.md#z|");
    expect("```sh\n[a](b.md)\n# no heading\n```\n~~~\n[c](d.md)\n~~~\n[e](f.md)\n",
           "8:f.md|");
    expect("<!-- [a](b.md)\n# no\n[c](d.md) --> [e](f.md)\n", "3:f.md|");
    expect("\\[a](b.md) [c](d(1).md)\n", "1:b.md|1:d(1).md|");
    expect("#no\n####### no\n### yes \r\n", "#3 yes|");
    expect("[a](b.md", "");
    expect("", "");
}

static void test_anchors_are_those_of_the_sites_that_show_pages(void **state)
{
    (void)state;
    static const char *const ROWS[][2] = {
        {"How an event ends", "how-an-event-ends"},
        {"It's `code`, (really)!", "its-code-really"},
        {"a_b - c", "a_b---c"},
        {"Größe", "größe"},
    };
    struct buf out;
    buf_init(&out, TEXT_MAX);
    for (size_t at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++) {
        buf_clear(&out);
        markdown_anchor(span_from(ROWS[at][0]), &out);
        assert_string_equal(out.bytes, ROWS[at][1]);
    }
    buf_free(&out);
}

static void test_links_lead_from_their_page(void **state)
{
    (void)state;
    static const char *const ROWS[][3] = {
        {"docs/a/b.md", "../c.md#d", "docs/c.md"}, {"docs/a/b.md", "c.md", "docs/a/c.md"},
        {"README.md", "docs/x.md", "docs/x.md"},   {"docs/b.md", "#part", "docs/b.md"},
        {"docs/b.md", "/docs/x.md", "docs/x.md"},  {"docs/b.md", "../../x.md", NULL},
        {"docs/a/b.md", "./../a//c/", "docs/a/c"}, {"docs/b.md", "..", NULL},
    };
    struct buf out;
    buf_init(&out, TEXT_MAX);
    for (size_t at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++) {
        bool leads =
            markdown_resolve(span_from(ROWS[at][0]), span_from(ROWS[at][1]), &out);
        assert_int_equal(leads, ROWS[at][2] != NULL);
        if (leads)
            assert_string_equal(out.bytes, ROWS[at][2]);
    }
    buf_free(&out);
    assert_true(markdown_is_outside(SPAN_OF("https://example.com/a")));
    assert_true(markdown_is_outside(SPAN_OF("mailto:a@example.com")));
    assert_false(markdown_is_outside(SPAN_OF("a/b:c.md")));
    assert_false(markdown_is_outside(SPAN_OF("#a:b")));
}

static void note_alert(void *self, const struct alert_rule *rule)
{
    buf_format(self, "%.*s%s%.*s|", SPAN_ARGS(rule->name), rule->is_file ? "+" : "=",
               SPAN_ARGS(rule->page));
}

static void test_alerts_and_their_pages(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, TEXT_MAX);
    const struct alert_rules_visitor visitor = {note_alert, &out};
    alert_rules_read(SPAN_OF("groups:\n  - rules:\n      - alert: One\n        expr: x\n"
                             "        annotations:\n          runbook_url: "
                             "\"{{ .base }}/docs/runbooks/a.md\"\n      - alert: Two\n"
                             "        runbook_url: https://example.com/x\n"
                             "      - alert: Three\n        runbook: b.md\n      - "
                             "alert: {{ .x }}\n"),
                     &visitor);
    assert_string_equal(out.bytes, "One=docs/runbooks/a.md|Two=|Three+b.md|");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_are_found_where_a_reader_sees_them),
        cmocka_unit_test(test_anchors_are_those_of_the_sites_that_show_pages),
        cmocka_unit_test(test_links_lead_from_their_page),
        cmocka_unit_test(test_alerts_and_their_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
