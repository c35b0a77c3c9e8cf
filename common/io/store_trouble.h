/*
 * All SQL of `troubleshoot`: what the tables hold of a span of time, as small tables of
 * texts, and as numbers to rank suspects by. What is read is listed column by column: no
 * payload, no evidence, no document numbers, nothing that a customer wrote. Reads only.
 */
#ifndef PARSTOCK_IO_STORE_TROUBLE_H
#define PARSTOCK_IO_STORE_TROUBLE_H

#include "common/domain/suspect.h"
#include "common/io/postgres.h"

#define TROUBLE_COLUMNS_MAX 12
#define TROUBLE_ROWS_MAX 200 /* of a table: the newest, or those that matter most */

struct trouble_table {
    const char *id;
    const char *title;
    const char *columns[TROUBLE_COLUMNS_MAX]; /* NULL behind the last */
};

/* NULL past the last. */
const struct trouble_table *store_trouble_table(size_t at);

/* Cells are valid during the call; bytes NULL = null. */
struct trouble_visitor {
    enum status (*row)(void *self, const struct span *cells, size_t count,
                       struct error *error);
    void *self;
};

/* The rows of one table. STATUS_FATAL: the schema has no such table. */
enum status store_trouble_rows(struct postgres *postgres, size_t at, int64_t since_us,
                               const struct trouble_visitor *visitor,
                               struct error *error);

/* Fills what the tables say; facts->since_us is given. `digest` of the file in hand (absent:
 * there is none), `build` of this program. */
struct trouble_question {
    struct span digest;
    struct span build;
};
enum status store_trouble_facts(struct postgres *postgres,
                                const struct trouble_question *question,
                                struct trouble_facts *facts, struct error *error);

#endif
