#include "common/domain/docs_check.h"

#include "common/base/check.h"

static const struct docs_rule_row ROWS[DOCS_RULE_COUNT] = {
    [DOCS_DEAD_LINK] = {"dead_link", "the link leads to no file"},
    [DOCS_DEAD_ANCHOR] = {"dead_anchor", "the page has no heading of that name"},
    [DOCS_NO_PAGE] = {"no_page", "the program sends people to this page, and it is not "
                                 "there"},
    [DOCS_UNNAMED] = {"unnamed", "the page does not name what people are sent to it for"},
    [DOCS_NO_SECTION] = {"no_section", "a runbook says what it means, what it costs, how "
                                       "to look closer and what to do"},
    [DOCS_NO_PROCEDURE] = {"no_procedure",
                           "a runbook links the procedure that it belongs "
                           "to, and a procedure its runbooks"},
    [DOCS_ONE_WAY] = {"one_way", "a procedure and a runbook link each other"},
    [DOCS_ORPHAN] = {"orphan", "nothing in the program sends anybody to this runbook"},
    [DOCS_UNREACHED] = {"unreached", "no link leads to this page from " DOCS_START},
};

static const char *const SECTIONS[] = {"Meaning", "Impact", "Diagnosis", "Mitigation"};

const struct docs_rule_row *docs_rule_row(enum docs_rule rule)
{
    ASSERT((size_t)rule < DOCS_RULE_COUNT);
    return &ROWS[rule];
}

/* ---- words ---------------------------------------------------------------------------- */

static bool starts(struct span text, struct span with)
{
    return text.length >= with.length && memcmp(text.bytes, with.bytes, with.length) == 0;
}

static bool ends(struct span text, struct span with)
{
    return text.length >= with.length &&
           memcmp(text.bytes + text.length - with.length, with.bytes, with.length) == 0;
}

static bool is_of_word(char sign)
{
    return (sign >= 'a' && sign <= 'z') || (sign >= 'A' && sign <= 'Z') ||
           (sign >= '0' && sign <= '9') || sign == '_' || sign == '-';
}

/* As a word of its own. */
static bool names(struct span text, struct span word)
{
    for (size_t at = 0; at + word.length <= text.length; at++) {
        size_t end = at + word.length;
        if (memcmp(text.bytes + at, word.bytes, word.length) == 0 &&
            (at == 0 || !is_of_word(text.bytes[at - 1])) &&
            (end == text.length || !is_of_word(text.bytes[end])))
            return true;
    }
    return false;
}

static bool is_in(struct span path, struct span folder)
{
    return starts(path, folder) && !ends(path, SPAN_OF("/README.md"));
}

static bool is_runbook(const struct docs_page *page)
{
    return is_in(page->path, SPAN_OF(RUNBOOK_FOLDER));
}

static bool is_procedure(const struct docs_page *page)
{
    return is_in(page->path, SPAN_OF(RUNBOOK_SOP_FOLDER));
}

/* ---- the graph ------------------------------------------------------------------------ */

static struct docs_page *page_of(const struct docs_graph *graph, struct span path)
{
    for (size_t at = 0; at < graph->page_count; at++)
        if (span_equal(graph->pages[at].path, path))
            return &graph->pages[at];
    return NULL;
}

static bool has_link(const struct docs_graph *graph, size_t from, size_t to)
{
    for (size_t at = 0; at < graph->link_count; at++)
        if (graph->links[at].page == from && graph->links[at].to == to)
            return true;
    return false;
}

static bool has_anchor(const struct docs_graph *graph, const struct docs_page *page,
                       struct span anchor)
{
    const struct docs_heading *headings = &graph->headings[page->first_heading];
    for (size_t at = 0; at < page->heading_count; at++)
        if (span_equal(headings[at].anchor, anchor))
            return true;
    return false;
}

static bool has_section(const struct docs_graph *graph, const struct docs_page *page,
                        const char *section)
{
    const struct docs_heading *headings = &graph->headings[page->first_heading];
    for (size_t at = 0; at < page->heading_count; at++)
        if (span_is(headings[at].text, section))
            return true;
    return false;
}

static bool subject_at(const struct docs_graph *graph, size_t at,
                       struct runbook_subject *out)
{
    size_t own = 0;
    if (runbook_subject(at, out))
        return true;
    while (runbook_subject(own, out))
        own++;
    if (at - own >= graph->more_count)
        return false;
    *out = graph->more[at - own];
    return true;
}

/* ---- the rules ------------------------------------------------------------------------ */

static void tell(const struct docs_visitor *visitor, enum docs_rule rule,
                 struct span path, struct span about)
{
    const struct docs_problem problem = {rule, path, 0, about, ""};
    visitor->each(visitor->self, &problem);
}

static void check_links(const struct docs_graph *graph,
                        const struct docs_visitor *visitor)
{
    for (size_t at = 0; at < graph->link_count; at++) {
        const struct docs_link *link = &graph->links[at];
        struct docs_problem problem = {DOCS_DEAD_LINK, graph->pages[link->page].path,
                                       link->line, link->target, ""};
        bool is_page = link->to != DOCS_NO_TARGET;
        if (is_page && link->anchor.length > 0 &&
            !has_anchor(graph, &graph->pages[link->to], link->anchor))
            problem.rule = DOCS_DEAD_ANCHOR;
        else if (link->is_there)
            continue;
        visitor->each(visitor->self, &problem);
    }
}

/* What a page is about stands above all; of many rules that lead to one page it names each
 * anywhere; the others only lead there. */
static bool is_named(const struct docs_page *page, const struct runbook_subject *subject)
{
    switch (subject->kind) {
    case RUNBOOK_CAUSE:
    case RUNBOOK_CLASS:
    case RUNBOOK_GUARD:
        return names(page->title, subject->id);
    case RUNBOOK_DRIFT_RULE:
    case RUNBOOK_FEED_GUARD:
    case RUNBOOK_REFUSAL:
    case RUNBOOK_ALERT:
        return names(page->text, subject->id);
    case RUNBOOK_VERIFY_RULE:
    case RUNBOOK_SUSPECT:
    case RUNBOOK_SOP:
    case RUNBOOK_POLICY_RULE:
    case RUNBOOK_KIND_COUNT:
        break;
    }
    return true;
}

static void check_subjects(const struct docs_graph *graph,
                           const struct docs_visitor *visitor)
{
    struct runbook_subject subject;
    for (size_t at = 0; subject_at(graph, at, &subject); at++) {
        const struct docs_page *page = page_of(graph, subject.page);
        const struct docs_problem problem = {page == NULL ? DOCS_NO_PAGE : DOCS_UNNAMED,
                                             subject.page, 0, subject.id,
                                             runbook_kind_name(subject.kind)};
        if (page == NULL || !is_named(page, &subject))
            visitor->each(visitor->self, &problem);
    }
}

static bool is_subject(const struct docs_graph *graph, struct span path)
{
    struct runbook_subject subject;
    for (size_t at = 0; subject_at(graph, at, &subject); at++)
        if (span_equal(subject.page, path))
            return true;
    return false;
}

static void check_runbook(const struct docs_graph *graph, const struct docs_page *page,
                          const struct docs_visitor *visitor)
{
    if (!is_subject(graph, page->path))
        tell(visitor, DOCS_ORPHAN, page->path, page->title);
    for (size_t at = 0; at < COUNT_OF(SECTIONS); at++)
        if (!has_section(graph, page, SECTIONS[at]))
            tell(visitor, DOCS_NO_SECTION, page->path, span_from(SECTIONS[at]));
}

/* Runbooks and procedures: what one links, links back, and none stands alone. */
static void check_pair(const struct docs_graph *graph, size_t at,
                       const struct docs_visitor *visitor)
{
    const struct docs_page *page = &graph->pages[at];
    size_t count = 0;
    for (size_t other = 0; other < graph->page_count; other++) {
        const struct docs_page *beside = &graph->pages[other];
        bool is_pair = is_runbook(page) ? is_procedure(beside) : is_runbook(beside);
        if (!is_pair || !has_link(graph, at, other))
            continue;
        count++;
        if (!has_link(graph, other, at))
            tell(visitor, DOCS_ONE_WAY, page->path, beside->path);
    }
    if (count == 0)
        tell(visitor, DOCS_NO_PROCEDURE, page->path, page->title);
}

static void reach(const struct docs_graph *graph)
{
    struct docs_page *start = page_of(graph, SPAN_OF(DOCS_START));
    for (size_t at = 0; at < graph->page_count; at++)
        graph->pages[at].is_reached = &graph->pages[at] == start;
    for (bool is_news = true; is_news;) {
        is_news = false;
        for (size_t at = 0; at < graph->link_count; at++) {
            const struct docs_link *link = &graph->links[at];
            if (link->to == DOCS_NO_TARGET || graph->pages[link->to].is_reached ||
                !graph->pages[link->page].is_reached)
                continue;
            graph->pages[link->to].is_reached = true;
            is_news = true;
        }
    }
}

void docs_check(const struct docs_graph *graph, const struct docs_visitor *visitor)
{
    check_links(graph, visitor);
    check_subjects(graph, visitor);
    reach(graph);
    for (size_t at = 0; at < graph->page_count; at++) {
        const struct docs_page *page = &graph->pages[at];
        if (is_runbook(page))
            check_runbook(graph, page, visitor);
        if (is_runbook(page) || is_procedure(page))
            check_pair(graph, at, visitor);
        if (starts(page->path, SPAN_OF("docs/")) && !page->is_reached)
            tell(visitor, DOCS_UNREACHED, page->path, page->title);
    }
}
