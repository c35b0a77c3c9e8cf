/*
 * Do the pages for people hang together? No link leads nowhere; whatever the program sends a
 * person to a page for has that page, and the page names it; a procedure and its runbooks
 * link each other; no page lies where nobody finds it. Each question is a row with an id and
 * a why. Pure: pages, links and anchors come as values, problems go out one by one.
 */
#ifndef PARSTOCK_DOMAIN_DOCS_CHECK_H
#define PARSTOCK_DOMAIN_DOCS_CHECK_H

#include "common/domain/runbook.h"

#include <stdint.h>

#define DOCS_START "docs/README.md" /* from where every page must be found */

enum docs_rule {
    DOCS_DEAD_LINK,
    DOCS_DEAD_ANCHOR,
    DOCS_NO_PAGE,
    DOCS_UNNAMED,
    DOCS_NO_SECTION,
    DOCS_NO_PROCEDURE,
    DOCS_ONE_WAY,
    DOCS_ORPHAN,
    DOCS_UNREACHED,
    DOCS_RULE_COUNT
};

struct docs_rule_row {
    const char *id;
    const char *why;
};

const struct docs_rule_row *docs_rule_row(enum docs_rule rule);

struct docs_page {
    struct span path; /* from the root */
    struct span text;
    struct span title;    /* the first heading */
    size_t first_heading; /* of docs_graph.headings */
    size_t heading_count;
    bool is_reached; /* set by docs_check */
};

struct docs_heading {
    struct span text;
    struct span anchor;
};

/* To another place of the project; links that leave it are not here. */
struct docs_link {
    size_t page; /* it stands in */
    int64_t line;
    struct span target; /* as written */
    struct span path;   /* where that is, from the root; empty: nowhere */
    bool is_there;      /* the file or folder */
    size_t to;          /* the page; DOCS_NO_TARGET: no page */
    struct span anchor; /* empty: none */
};

#define DOCS_NO_TARGET SIZE_MAX

struct docs_graph {
    struct docs_page *pages;
    size_t page_count;
    const struct docs_heading *headings;
    const struct docs_link *links;
    size_t link_count;
    const struct runbook_subject
        *more; /* beside the program's: of a contract, of alerts */
    size_t more_count;
};

struct docs_problem {
    enum docs_rule rule;
    struct span path;
    int64_t line;      /* 0: the page as a whole */
    struct span about; /* a link, a subject, a section */
    const char *kind;  /* of a subject; "" */
};

struct docs_visitor {
    void (*each)(void *self, const struct docs_problem *problem);
    void *self;
};

/* Every problem, page by page of each rule. */
void docs_check(const struct docs_graph *graph, const struct docs_visitor *visitor);

#endif
