/*
 * Markdown read for its links: headings, and where links point. What stands in fenced code
 * or comments is passed over. A path of the project in ticks (`docs/x.md`) counts as a link:
 * readers follow those too.
 *
 * Texts handed to the visitor point into the text that is read. No I/O, no memory.
 * Source: GitHub's Markdown, of which inline links, reference definitions and # headings.
 */
#ifndef PARSTOCK_CODEC_MARKDOWN_H
#define PARSTOCK_CODEC_MARKDOWN_H

#include "common/base/buf.h"

struct markdown_link {
    struct span target; /* as written */
    int64_t line;       /* from 1 */
    bool from_root;     /* a path in ticks: from the project's root, not from the page */
};

struct markdown_visitor {
    void (*heading)(void *self, struct span text, int level);
    void (*link)(void *self, const struct markdown_link *link);
    void *self;
};

void markdown_read(struct span text, const struct markdown_visitor *visitor);

/* The anchor of a heading, as a page's address has it after '#'; without the "-1" of a
 * heading that comes again. */
void markdown_anchor(struct span heading, struct buf *out);

/* Where a relative link of a page leads, from the root of the project, without its anchor:
 * "docs/a/b.md" and "../c.md#d" make "docs/c.md". False: above the root, or nowhere. */
bool markdown_resolve(struct span page, struct span target, struct buf *out);

/* Does the link leave the project: a scheme ("https:", "mailto:"), or "//host"? */
bool markdown_is_outside(struct span target);

#endif
