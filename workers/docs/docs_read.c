#include "workers/docs/docs.h"

#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/codec/alert_rules.h"
#include "common/codec/markdown.h"
#include "common/io/file_read.h"

#include <limits.h>
#include <stdio.h>

#define PAGE_BYTES_MAX ((size_t)1 << 20)

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_FATAL, "out of memory");
}

/* A file's text, in the pool. */
static enum status read_text(struct docs *docs, struct span path, struct span *text_out,
                             struct error *error)
{
    SCOPED(buf_free) struct buf text;
    char whole[PATH_MAX];
    buf_init(&text, PAGE_BYTES_MAX);
    (void)snprintf(whole, sizeof whole, "%s/%.*s", docs->root, SPAN_ARGS(path));
    int code = file_read(whole, &text);
    if (code != 0) {
        (void)error_set(error, STATUS_REJECT, "%.300s: %s", whole, strerror(code));
        return error_exit(error, EXIT_DATA);
    }
    *text_out = pool_buf(&docs->pool, &text);
    return text_out->bytes != NULL || text.length == 0 ? STATUS_OK : out_of_memory(error);
}

/* ---- headings and links of a page ----------------------------------------------------- */

struct page_reader {
    struct docs *docs;
    struct docs_page *page;
};

/* A heading that comes again has its place behind it, as the sites that show it do. */
static void number_anchor(const struct page_reader *reader, struct buf *anchor)
{
    int64_t before = 0;
    SCOPED(buf_free) struct buf other;
    const struct docs_heading *headings =
        &reader->docs->headings[reader->page->first_heading];
    buf_init(&other, PAGE_BYTES_MAX);
    for (size_t at = 0; at < reader->page->heading_count; at++) {
        buf_clear(&other);
        markdown_anchor(headings[at].text, &other);
        before += span_equal(buf_view(&other), buf_view(anchor)) ? 1 : 0;
    }
    if (before > 0)
        buf_format(anchor, "-%lld", (long long)before);
}

static void take_heading(void *self, struct span text, int level)
{
    SCOPED(buf_free) struct buf anchor;
    struct page_reader *reader = self;
    struct docs *docs = reader->docs;
    (void)level;
    if (docs->heading_count == DOCS_HEADINGS_MAX) {
        docs->is_full = true;
        return;
    }
    buf_init(&anchor, PAGE_BYTES_MAX);
    markdown_anchor(text, &anchor);
    number_anchor(reader, &anchor);
    if (reader->page->heading_count++ == 0)
        reader->page->title = text;
    docs->headings[docs->heading_count++] =
        (struct docs_heading){text, pool_buf(&docs->pool, &anchor)};
}

static struct span anchor_in(struct span target)
{
    size_t at = 0;
    while (at < target.length && target.bytes[at] != '#')
        at++;
    return at + 1 < target.length
               ? (struct span){target.bytes + at + 1, target.length - at - 1}
               : SPAN_OF("");
}

static void take_link(void *self, const struct markdown_link *link)
{
    SCOPED(buf_free) struct buf path;
    struct page_reader *reader = self;
    struct docs *docs = reader->docs;
    if (markdown_is_outside(link->target)) {
        docs->outside_count++;
        return;
    }
    if (docs->link_count == DOCS_LINKS_MAX) {
        docs->is_full = true;
        return;
    }
    buf_init(&path, PATH_MAX);
    struct span from = link->from_root ? SPAN_OF("README.md") : reader->page->path;
    bool leads = markdown_resolve(from, link->target, &path);
    struct span where = leads ? pool_buf(&docs->pool, &path) : SPAN_OF("");
    docs->links[docs->link_count++] = (struct docs_link){
        .page = (size_t)(reader->page - docs->pages),
        .line = link->line,
        .target = link->target,
        .is_there = leads && where.bytes != NULL && file_tree_has(docs->root, where),
        .to = DOCS_NO_TARGET,
        .anchor = anchor_in(link->target),
        .path = where};
}

static enum status read_page(struct docs *docs, struct span path, struct error *error)
{
    if (docs->page_count == DOCS_PAGES_MAX) {
        docs->is_full = true;
        return STATUS_OK;
    }
    struct docs_page *page = &docs->pages[docs->page_count++];
    *page = (struct docs_page){.path = path, .first_heading = docs->heading_count};
    enum status status = read_text(docs, path, &page->text, error);
    if (status != STATUS_OK)
        return status;
    struct page_reader reader = {docs, page};
    const struct markdown_visitor visitor = {take_heading, take_link, &reader};
    markdown_read(page->text, &visitor);
    return STATUS_OK;
}

/* A folder's page is its README. */
static void find_target(struct docs *docs, struct docs_link *link)
{
    static const char README[] = "/README.md";
    for (size_t at = 0; at < docs->page_count; at++) {
        struct span path = docs->pages[at].path;
        bool is_folder =
            path.length == link->path.length + sizeof README - 1 &&
            memcmp(path.bytes, link->path.bytes, link->path.length) == 0 &&
            memcmp(path.bytes + link->path.length, README, sizeof README - 1) == 0;
        if (is_folder || span_equal(path, link->path))
            link->to = at;
    }
}

/* ---- beside the pages ----------------------------------------------------------------- */

static void add_more(struct docs *docs, enum runbook_kind kind, struct span id,
                     struct span page)
{
    if (docs->more_count == DOCS_MORE_MAX) {
        docs->is_full = true;
        return;
    }
    docs->more[docs->more_count++] = (struct runbook_subject){kind, id, page};
}

static void take_alert(void *self, const struct alert_rule *rule)
{
    SCOPED(buf_free) struct buf path;
    struct docs *docs = self;
    buf_init(&path, PATH_MAX);
    buf_text(&path, rule->is_file ? RUNBOOK_FOLDER : "");
    buf_span(&path, rule->page);
    add_more(docs, RUNBOOK_ALERT, rule->name, pool_buf(&docs->pool, &path));
}

static enum status read_alerts(struct docs *docs, struct error *error)
{
    static const char *const SUFFIXES[] = {".yaml", ".yml", ".tpl"};
    enum status status = STATUS_OK;
    docs->tree.count = 0;
    for (size_t at = 0; at < COUNT_OF(SUFFIXES) && status == STATUS_OK; at++)
        status = file_tree_add(&docs->tree, docs->root, "helm", SUFFIXES[at], error);
    for (size_t at = 0; at < docs->tree.count && status == STATUS_OK; at++) {
        struct span text = {0};
        const struct alert_rules_visitor visitor = {take_alert, docs};
        status = read_text(docs, docs->tree.paths[at], &text, error);
        if (status == STATUS_OK)
            alert_rules_read(text, &visitor);
    }
    return status;
}

static struct span without_anchor(struct span path)
{
    size_t at = 0;
    while (at < path.length && path.bytes[at] != '#')
        at++;
    return (struct span){path.bytes, at};
}

static void take_rules(struct docs *docs, const struct contract *contract)
{
    static const struct span OURS = {"docs/", 5};
    for (size_t at = 0; at < contract->policy.count; at++) {
        const struct policy_rule *rule = &contract->policy.rules[at];
        if (rule->runbook.length > OURS.length &&
            memcmp(rule->runbook.bytes, OURS.bytes, OURS.length) == 0)
            add_more(docs, RUNBOOK_POLICY_RULE, rule->id, without_anchor(rule->runbook));
    }
}

/* ---- all of it ------------------------------------------------------------------------ */

static enum status read_pages(struct docs *docs, struct error *error)
{
    enum status status = STATUS_OK;
    if (file_tree_has(docs->root, SPAN_OF("README.md")))
        status = read_page(docs, SPAN_OF("README.md"), error);
    if (status == STATUS_OK)
        status = file_tree_add(&docs->tree, docs->root, "docs", ".md", error);
    for (size_t at = 0; at < docs->tree.count && status == STATUS_OK; at++)
        status = read_page(docs, docs->tree.paths[at], error);
    for (size_t at = 0; at < docs->link_count; at++)
        find_target(docs, &docs->links[at]);
    return status;
}

enum status docs_read(struct docs *docs, const struct contract *contract,
                      struct error *error)
{
    if (!file_tree_has(docs->root, SPAN_OF("docs"))) {
        (void)error_set(error, STATUS_REJECT,
                        "%.300s has no folder docs: name the project's folder",
                        docs->root);
        return error_exit(error, EXIT_USAGE);
    }
    docs->tree.pool = &docs->pool;
    enum status status = read_pages(docs, error);
    if (status == STATUS_OK)
        status = read_alerts(docs, error);
    if (status == STATUS_OK && contract != NULL)
        take_rules(docs, contract);
    if (status == STATUS_OK && docs->is_full) {
        (void)error_set(error, STATUS_REJECT, "%.300s: too many pages, headings or links",
                        docs->root);
        return error_exit(error, EXIT_DATA);
    }
    return status;
}

struct docs_graph docs_graph(struct docs *docs)
{
    return (struct docs_graph){.pages = docs->pages,
                               .page_count = docs->page_count,
                               .headings = docs->headings,
                               .links = docs->links,
                               .link_count = docs->link_count,
                               .more = docs->more,
                               .more_count = docs->more_count};
}
