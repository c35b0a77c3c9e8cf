/*
 * parstock troubleshoot: what changed, what waits, what failed and who is suspected, as one
 * folder for people and programs.
 */
#ifndef PARSTOCK_WORKERS_TROUBLESHOOT_TROUBLESHOOT_H
#define PARSTOCK_WORKERS_TROUBLESHOOT_TROUBLESHOOT_H

#include "common/base/pool.h"
#include "common/codec/redact.h"
#include "common/io/postgres.h"
#include "common/io/store_trouble.h"
#include "common/runtime/config.h"

#define TROUBLE_SECTIONS_MAX 32
#define TROUBLE_GAPS_MAX 64

/* A small table of texts; bytes NULL = not known. */
struct trouble_row {
    struct trouble_row *next;
    struct span cells[TROUBLE_COLUMNS_MAX];
};

struct trouble_section {
    const struct trouble_table *table;
    size_t column_count;
    size_t row_count;
    struct trouble_row *first;
    struct trouble_row *last;
};

/* What could not be read, and why. */
struct trouble_gap {
    const char *part;
    char why[ERROR_TEXT_MAX];
};

struct trouble {
    const struct config *config;
    const struct contract *contract; /* NULL: there is none that can be used */
    int64_t now_us;
    int64_t since_us;
    int64_t schema_version; /* 0: not known */
    struct pool pool;
    struct trouble_facts facts;
    struct trouble_section sections[TROUBLE_SECTIONS_MAX];
    size_t section_count;
    struct trouble_gap gaps[TROUBLE_GAPS_MAX];
    size_t gap_count;
    size_t answers; /* outside things that answered */
    struct suspects suspects;
    struct redact redact;
    struct postgres *postgres; /* NULL: it is away */
};

/* Notes what could not be read; past TROUBLE_GAPS_MAX nothing more is noted. */
void trouble_gap(struct trouble *trouble, const char *part, const struct error *error);

/* A section to be filled; NULL past TROUBLE_SECTIONS_MAX. */
struct trouble_section *trouble_section(struct trouble *trouble,
                                        const struct trouble_table *table);
/* Copies the cells; what does not fit into memory is left out. */
void trouble_add(struct trouble *trouble, struct trouble_section *section,
                 const struct span *cells);

void trouble_gather(struct trouble *trouble);
/* trouble_kafka.c; after Postgres, which says how far apply is. */
void trouble_kafka(struct trouble *trouble);

/* trouble_write.c */
void trouble_json(const struct trouble *trouble, struct buf *out);
void trouble_report(const struct trouble *trouble, struct buf *out);
/* The heaviest suspects and what to type next; for the terminal too. */
void trouble_summary(const struct trouble *trouble, size_t most, struct buf *out);

#endif
