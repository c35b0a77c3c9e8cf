/*
 * One connection to Postgres. The only file that knows libpq. Statements are prepared on
 * first use under their name and kept; results are read in binary through struct rows.
 *
 * STATUS_RETRY: the connection is gone, the server is away, a lock or a serialisation was
 * lost, the schema is older than needed: postgres_close, wait, open again, do the work
 * anew. STATUS_FATAL: the statement or the data is wrong, which waiting cannot mend.
 * error.code is the SQLSTATE ("" where there was no connection). Passwords of the
 * connection string never appear in an error.
 */
#ifndef PARSTOCK_IO_POSTGRES_H
#define PARSTOCK_IO_POSTGRES_H

#include "common/base/error.h"
#include "common/io/pg_params.h"

struct postgres; /* not shared between threads */

struct postgres_options {
    const char *dsn;              /* libpq connection string or URI */
    const char *schema;           /* becomes the search_path */
    const char *application_name; /* e.g. "parstock apply" */
    int statement_timeout_ms;     /* 0 = 60 s */
};

enum status postgres_open(const struct postgres_options *options, struct postgres **out,
                          struct error *error);
void postgres_close(struct postgres **slot);

/* The rows of one result; released by rows_release (safe on an empty one). */
struct rows {
    void *result; /* libpq's */
    int count;
    int64_t affected; /* rows that INSERT, UPDATE, DELETE or COPY changed */
};

void rows_release(struct rows *rows);
bool rows_is_null(const struct rows *rows, int row, int column);
/* Valid until rows_release. Text, bytea; bytes NULL = SQL null. */
struct span rows_span(const struct rows *rows, int row, int column);
/* int2, int4, int8 by their length; 0 for null. */
int64_t rows_int(const struct rows *rows, int row, int column);
bool rows_bool(const struct rows *rows, int row, int column);
/* timestamptz in microseconds since 1970 UTC; 0 for null. */
int64_t rows_time(const struct rows *rows, int row, int column);

struct statement {
    const char *name; /* unique in the program; also in error texts */
    const char *sql;
};

/* Runs one statement in its own round trip. `params` may be NULL; `rows` may be NULL. */
enum status postgres_query(struct postgres *postgres, const struct statement *statement,
                           const struct pg_params *params, struct rows *rows,
                           struct error *error);

/* SQL text without parameters or rows (several statements allowed): BEGIN, migrations. */
enum status postgres_script(struct postgres *postgres, const char *sql,
                            struct error *error);

/*
 * Several statements in one round trip (libpq's pipeline mode; no COPY within). Send up
 * to POSTGRES_PIPELINE_MAX, then postgres_pipeline_run, which fills one struct rows a
 * statement in order (the caller releases all of them, also on failure). The first error
 * is returned; the rest of the pipeline was then skipped by the server.
 */
#define POSTGRES_PIPELINE_MAX 24
enum status postgres_pipeline_add(struct postgres *postgres,
                                  const struct statement *statement,
                                  const struct pg_params *params, struct error *error);
enum status postgres_pipeline_run(struct postgres *postgres, struct rows *rows,
                                  size_t count, struct error *error);

/* COPY .. FROM STDIN (FORMAT binary): `data` as built by pg_copy_*. */
enum status postgres_copy(struct postgres *postgres, const char *copy_sql,
                          struct span data, struct error *error);

/*
 * A result too large for memory: rows arrive one at a time. `each` returns STATUS_OK to
 * go on; anything else stops and is returned.
 */
struct row_visitor {
    enum status (*each)(void *self, const struct rows *row, struct error *error);
    void *self;
};
enum status postgres_stream(struct postgres *postgres, const struct statement *statement,
                            const struct pg_params *params,
                            const struct row_visitor *visitor, struct error *error);

/* False once the connection broke, also between two statements: close it, open a new one. */
bool postgres_alive(const struct postgres *postgres);

#endif
