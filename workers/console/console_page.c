/*
 * The frame of all pages, and the pieces that they are made of. No script, nothing from
 * elsewhere, no text of an event without escapes.
 */
#include "common/base/check.h"
#include "common/codec/form.h"
#include "common/codec/rfc3339.h"
#include "common/runtime/database.h"
#include "common/runtime/log.h"
#include "workers/console/console.h"

#include <inttypes.h>
#include <stdio.h>

#define COOKIE_LINE_MAX (SESSION_TEXT_MAX + 128)
#define STATEMENT_MS 20000

static const char STYLE[] =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:0 1rem 4rem}"
    "header{display:flex;gap:1rem;flex-wrap:wrap;align-items:center;"
    "border-bottom:1px solid #8888}"
    "nav{display:flex;gap:1rem;flex-wrap:wrap}"
    "header form{margin-left:auto}"
    ".scroll{overflow-x:auto;margin:1rem 0}"
    "a:focus-visible,.scroll:focus-visible{outline:3px solid;outline-offset:2px}"
    "table{border-collapse:collapse}"
    "caption{text-align:left;font-weight:600;padding:.25rem 0}"
    "th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884;"
    "vertical-align:top;overflow-wrap:break-word}"
    "td{max-width:36rem}"
    "td:last-child:not(.n){min-width:10rem}"
    "time{white-space:nowrap}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "label{display:block;margin:.5rem 0}"
    "input{font:inherit;padding:.25rem;max-width:100%}"
    "button{font:inherit;padding:.25rem .75rem;margin:.25rem .5rem .25rem 0}"
    ".bad{font-weight:700}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}"
    "dd{margin:0;overflow-wrap:anywhere}";

struct place {
    const char *path;
    const char *name;
};

static const struct place PLACES[] = {
    {"/", "Shops"}, {"/incidents", "Incidents"}, {"/sku", "SKU"}, {"/week", "This week"}};

/* ---- forms ----------------------------------------------------------------------------------- */

void form_begin(struct console_call *call, const char *path)
{
    struct html *html = &call->html;
    html_open(html, HTML_TAG_FORM);
    html_attr(html, HTML_ATTR_METHOD, SPAN_OF("post"));
    html_attr(html, HTML_ATTR_ACTION, span_from(path));
    if (call->session == NULL)
        return;
    char token[SESSION_TOKEN_MAX];
    session_token(call->console->secret, call->session, token);
    html_open(html, HTML_TAG_INPUT);
    html_attr(html, HTML_ATTR_TYPE, SPAN_OF("hidden"));
    html_attr(html, HTML_ATTR_NAME, SPAN_OF("form"));
    html_attr(html, HTML_ATTR_VALUE, span_from(token));
    html_close(html, HTML_TAG_INPUT);
}

void form_input(struct console_call *call, const char *name, const char *type,
                const char *label)
{
    struct html *html = &call->html;
    html_open(html, HTML_TAG_LABEL);
    html_say(html, "%s ", label);
    html_open(html, HTML_TAG_INPUT);
    html_attr(html, HTML_ATTR_NAME, span_from(name));
    html_attr(html, HTML_ATTR_TYPE, span_from(type));
    html_attr(html, HTML_ATTR_AUTOCOMPLETE, SPAN_OF("off"));
    html_close(html, HTML_TAG_INPUT);
    html_close(html, HTML_TAG_LABEL);
}

void form_button(struct console_call *call, const char *name, const char *value,
                 const char *label)
{
    struct html *html = &call->html;
    html_open(html, HTML_TAG_BUTTON);
    html_attr(html, HTML_ATTR_TYPE, SPAN_OF("submit"));
    if (name != NULL) {
        html_attr(html, HTML_ATTR_NAME, span_from(name));
        html_attr(html, HTML_ATTR_VALUE, span_from(value));
    }
    html_say(html, "%s", label);
    html_close(html, HTML_TAG_BUTTON);
}

void form_ask(struct console_call *call, const char *path, const char *name,
              const char *label)
{
    html_open(&call->html, HTML_TAG_FORM);
    html_attr(&call->html, HTML_ATTR_METHOD, SPAN_OF("get"));
    html_attr(&call->html, HTML_ATTR_ACTION, span_from(path));
    form_input(call, name, "text", label);
    form_button(call, NULL, NULL, "Show");
    html_close(&call->html, HTML_TAG_FORM);
}

/* ---- tables ----------------------------------------------------------------------------------- */

void table_begin(struct console_call *call, const char *caption,
                 const char *const *columns, size_t count)
{
    struct html *html = &call->html;
    html_open(html, HTML_TAG_DIV); /* a wide table scrolls in itself, by keys too */
    html_attr(html, HTML_ATTR_CLASS, SPAN_OF("scroll"));
    html_attr(html, HTML_ATTR_ROLE, SPAN_OF("region"));
    html_attr(html, HTML_ATTR_TABINDEX, SPAN_OF("0"));
    html_attr(html, HTML_ATTR_ARIA_LABEL, span_from(caption));
    html_open(html, HTML_TAG_TABLE);
    html_element(html, HTML_TAG_CAPTION, caption);
    html_open(html, HTML_TAG_THEAD);
    html_open(html, HTML_TAG_TR);
    for (size_t at = 0; at < count; at++) {
        html_open(html, HTML_TAG_TH);
        html_attr(html, HTML_ATTR_SCOPE, SPAN_OF("col"));
        html_say(html, "%s", columns[at]);
        html_close(html, HTML_TAG_TH);
    }
    html_close(html, HTML_TAG_TR);
    html_close(html, HTML_TAG_THEAD);
    html_open(html, HTML_TAG_TBODY);
}

void table_end(struct console_call *call)
{
    html_close(&call->html, HTML_TAG_TBODY);
    html_close(&call->html, HTML_TAG_TABLE);
    html_close(&call->html, HTML_TAG_DIV);
}

void cell_text(struct console_call *call, struct span text)
{
    html_open(&call->html, HTML_TAG_TD);
    if (text.bytes != NULL)
        html_outside(&call->html, text);
    html_close(&call->html, HTML_TAG_TD);
}

void field_text(struct console_call *call, const char *name, struct span text)
{
    if (text.bytes == NULL || text.length == 0)
        return;
    html_element(&call->html, HTML_TAG_DT, name);
    html_open(&call->html, HTML_TAG_DD);
    html_outside(&call->html, text);
    html_close(&call->html, HTML_TAG_DD);
}

void cell_number(struct console_call *call, bool present, int64_t number)
{
    html_open(&call->html, HTML_TAG_TD);
    html_attr(&call->html, HTML_ATTR_CLASS, SPAN_OF("n"));
    if (present)
        html_number(&call->html, number);
    html_close(&call->html, HTML_TAG_TD);
}

void cell_figure(struct console_call *call, const char *text)
{
    html_open(&call->html, HTML_TAG_TD);
    html_attr(&call->html, HTML_ATTR_CLASS, SPAN_OF("n"));
    html_say(&call->html, "%s", text);
    html_close(&call->html, HTML_TAG_TD);
}

void cell_time(struct console_call *call, bool present, int64_t us)
{
    char text[RFC3339_TEXT_MAX];
    html_open(&call->html, HTML_TAG_TD);
    if (present) {
        rfc3339_format(us, text);
        html_open(&call->html, HTML_TAG_TIME);
        html_attr(&call->html, HTML_ATTR_DATETIME, span_from(text));
        text[10] = ' ';
        text[16] = '\0';
        html_say(&call->html, "%s", text);
        html_close(&call->html, HTML_TAG_TIME);
    }
    html_close(&call->html, HTML_TAG_TD);
}

/* ---- the frame -------------------------------------------------------------------------------- */

static void take_bytes(void *self, struct span bytes)
{
    buf_span(self, bytes);
}

static void write_header(struct console_call *call)
{
    struct html *html = &call->html;
    if (call->session == NULL)
        return;
    html_open(html, HTML_TAG_HEADER);
    html_open(html, HTML_TAG_NAV);
    html_attr(html, HTML_ATTR_ARIA_LABEL, SPAN_OF("Pages"));
    for (size_t at = 0; at < COUNT_OF(PLACES); at++) {
        html_open(html, HTML_TAG_A);
        html_attr(html, HTML_ATTR_HREF, span_from(PLACES[at].path));
        html_say(html, "%s", PLACES[at].name);
        html_close(html, HTML_TAG_A);
    }
    html_close(html, HTML_TAG_NAV);
    form_begin(call, "/logout");
    html_outside(html, span_from(call->session->name));
    html_say(html, " ");
    form_button(call, NULL, NULL, "Log out");
    html_close(html, HTML_TAG_FORM);
    html_close(html, HTML_TAG_HEADER);
}

void page_begin(struct console_call *call, const char *title)
{
    struct html *html = &call->html;
    buf_clear(&call->room->page);
    html_begin(html, (struct sink){take_bytes, &call->room->page});
    html_open(html, HTML_TAG_HTML);
    html_attr(html, HTML_ATTR_LANG, SPAN_OF("en"));
    html_open(html, HTML_TAG_HEAD);
    html_open(html, HTML_TAG_META);
    html_attr(html, HTML_ATTR_CHARSET, SPAN_OF("utf-8"));
    html_close(html, HTML_TAG_META);
    html_open(html, HTML_TAG_META);
    html_attr(html, HTML_ATTR_NAME, SPAN_OF("viewport"));
    html_attr(html, HTML_ATTR_CONTENT, SPAN_OF("width=device-width,initial-scale=1"));
    html_close(html, HTML_TAG_META);
    html_open(html, HTML_TAG_TITLE);
    html_say(html, "%s - parstock", title);
    html_close(html, HTML_TAG_TITLE);
    html_style(html, STYLE);
    html_close(html, HTML_TAG_HEAD);
    html_open(html, HTML_TAG_BODY);
    write_header(call);
    html_open(html, HTML_TAG_MAIN);
    html_element(html, HTML_TAG_H1, title);
}

/* Whatever is open; true where all of it is there. */
static bool end_page(struct console_call *call)
{
    struct html *html = &call->html;
    while (html->depth > 0)
        html_close(html, (enum html_tag)html->open[html->depth - 1]);
    return html_end(html) && !call->room->page.failed;
}

/* Nothing from elsewhere, no script, in nobody's frame; forms go to ourselves alone. */
static void answer(struct console_call *call, int status, struct span body,
                   const char *more)
{
    char source[HTML_SOURCE_MAX];
    char headers[1024 + COOKIE_LINE_MAX];
    html_style_source(STYLE, source);
    int length = snprintf(
        headers, sizeof(headers),
        "Content-Security-Policy: default-src 'none'; style-src %s; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'\r\n"
        "X-Frame-Options: DENY\r\nReferrer-Policy: same-origin\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\n%s",
        source, more != NULL ? more : "");
    ASSERT(length > 0 && (size_t)length < sizeof(headers));
    const struct http_answer page = {.status = status,
                                     .content_type = "text/html; charset=utf-8",
                                     .body = body,
                                     .headers = {headers, (size_t)length}};
    web_answer(call->request, &page);
}

void page_send(struct console_call *call, int status)
{
    if (end_page(call)) {
        answer(call, status, buf_view(&call->room->page), NULL);
        return;
    }
    web_answer_problem(call->request, 503, "The page is too large, or memory is short.",
                       1);
}

void page_trouble(struct console_call *call, int status, const char *what)
{
    if (call->html.depth > 0)
        (void)end_page(call);
    page_begin(call, http_status_text(status));
    html_element(&call->html, HTML_TAG_P, what);
    page_send(call, status);
}

void page_go(struct console_call *call, const char *path, const char *cookie)
{
    char more[COOKIE_LINE_MAX + 256];
    int length = snprintf(more, sizeof(more), "Location: %s\r\n%s%s%s", path,
                          cookie != NULL ? "Set-Cookie: " : "",
                          cookie != NULL ? cookie : "", cookie != NULL ? "\r\n" : "");
    ASSERT(length > 0 && (size_t)length < sizeof(more));
    answer(call, 303, SPAN_OF(""), more);
}

/* ---- what a page asks ------------------------------------------------------------------------- */

bool console_field(const struct console_call *call, const char *name, char *room,
                   struct span *value_out)
{
    const struct web_request *request = call->request;
    bool posts = span_is(request->head.method, "POST");
    struct span form = posts ? request->body : request->head.query;
    return form_field(form, name, room, CONSOLE_FIELD_MAX, value_out);
}

enum status console_postgres(struct console_call *call, struct postgres **out,
                             struct error *error)
{
    struct console_room *room = call->room;
    const struct config *config = &call->console->config;
    const struct postgres_options options =
        database_options(config, "parstock console", STATEMENT_MS);
    enum status status = STATUS_OK;
    if (room->postgres != NULL && !postgres_alive(room->postgres))
        postgres_close(&room->postgres);
    if (room->postgres == NULL)
        status = postgres_open(&options, &room->postgres, error);
    *out = room->postgres;
    return status;
}

void console_away(struct console_call *call, const struct error *error)
{
    postgres_close(&call->room->postgres);
    log_warn("a page could not be made", LOG_TEXT("error", error->text), LOG_END);
    page_trouble(call, 503, "The database does not answer. Try again in a moment.");
}
