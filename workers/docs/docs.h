/*
 * parstock docs check: the pages of a folder as a graph, for common/domain/docs_check.h.
 */
#ifndef PARSTOCK_WORKERS_DOCS_DOCS_H
#define PARSTOCK_WORKERS_DOCS_DOCS_H

#include "common/base/pool.h"
#include "common/domain/contract.h"
#include "common/domain/docs_check.h"
#include "common/io/file_tree.h"

#define DOCS_PAGES_MAX 1024
#define DOCS_HEADINGS_MAX 16384
#define DOCS_LINKS_MAX 32768
#define DOCS_MORE_MAX 1024
#define DOCS_BYTES_MAX ((size_t)64 << 20)

/* About 4 MB: on the heap. */
struct docs {
    const char *root;
    struct pool pool;
    struct file_tree tree;
    struct docs_page pages[DOCS_PAGES_MAX];
    struct docs_heading headings[DOCS_HEADINGS_MAX];
    struct docs_link links[DOCS_LINKS_MAX];
    struct runbook_subject more[DOCS_MORE_MAX];
    size_t page_count;
    size_t heading_count;
    size_t link_count;
    size_t more_count;
    size_t outside_count; /* links that leave the project: nobody follows them here */
    bool is_full;
};

/* README.md of the root, all pages below docs/, and the alert rules below helm/.
 * `contract` may be NULL: its rules then link nothing. STATUS_REJECT: a file can not be
 * read, or there are too many. */
enum status docs_read(struct docs *docs, const struct contract *contract,
                      struct error *error);

/* Valid as long as docs is. */
struct docs_graph docs_graph(struct docs *docs);

#endif
