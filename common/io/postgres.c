#include "common/io/postgres.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define POSTGRES_PREPARED_MAX 128
#define POSTGRES_STATEMENT_TIMEOUT_MS 60000

/* A worker that is frozen within a transaction keeps its row locks, and with them its
 * successor, out of a partition or a shop: the server then ends its session. Between two
 * statements of ours lie milliseconds. */
#define POSTGRES_IDLE_TIMEOUT_MS 5000

struct postgres {
    PGconn *connection;
    bool broken;
    bool in_pipeline;
    size_t pipelined;
    size_t prepared_count;
    const struct statement *prepared[POSTGRES_PREPARED_MAX];
    bool is_prepare[2 * POSTGRES_PIPELINE_MAX]; /* of the pipeline's results, in order */
    size_t sent;
};

static void result_release(PGresult **slot)
{
    PQclear(*slot);
    *slot = NULL;
}

/* ---- errors
 * ------------------------------------------------------------------------------ */

/* SQLSTATE classes and states after which the same work may succeed later. */
static bool sqlstate_is_passing(const char *state)
{
    static const char *const PREFIXES[] = {
        "08",    /* connection exception */
        "40",    /* transaction rollback: serialisation, deadlock */
        "53",    /* insufficient resources */
        "57P",   /* admin shutdown, crash shutdown, cannot connect now */
        "58",    /* system error outside Postgres */
        "55P03", /* lock not available */
        "57014", /* statement or lock time-out */
        "25006", /* read-only: a standby before it is promoted */
        "25P02", /* the transaction had failed before */
        "25P03", /* idle in transaction */
        "23505", /* a key written at the same time by another: probe again */
        "42P01", /* no such table: not migrated yet */
        "3F000", /* no such schema: not migrated yet */
        "42501", /* no right: granted later, or taken while rotating roles */
        "42703", /* no such column: schema older than needed */
    };
    for (size_t at = 0; at < COUNT_OF(PREFIXES); at++)
        if (strncmp(state, PREFIXES[at], strlen(PREFIXES[at])) == 0)
            return true;
    return false;
}

static const char *sqlstate_remedy(const char *state)
{
    if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0 ||
        strcmp(state, "42703") == 0)
        return "; run `parstock migrate`";
    if (strcmp(state, "42501") == 0)
        return "; grant the role its rights on the schema (PARSTOCK_SCHEMA)";
    if (strcmp(state, "28P01") == 0 || strcmp(state, "28000") == 0)
        return "; check user and password in PARSTOCK_POSTGRES";
    if (strcmp(state, "3D000") == 0)
        return "; create the database named in PARSTOCK_POSTGRES";
    return "";
}

/* First line of a server message without its end: errors are one line. */
static int first_line(const char *text)
{
    size_t length = strcspn(text, "\n");
    return length < 300 ? (int)length : 300;
}

static enum status connection_error(struct postgres *postgres, const char *doing,
                                    struct error *error)
{
    const char *text = PQerrorMessage(postgres->connection);
    postgres->broken = true;
    return error_set_code(error, STATUS_RETRY, "", "postgres: %s: %.*s", doing,
                          first_line(text), text);
}

static enum status result_error(struct postgres *postgres, const PGresult *result,
                                const char *doing, struct error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || PQstatus(postgres->connection) != CONNECTION_OK)
        return connection_error(postgres, doing, error);
    enum status status = sqlstate_is_passing(state) ? STATUS_RETRY : STATUS_FATAL;
    text = text != NULL ? text : "no message";
    return error_set_code(error, status, state, "postgres: %s: %.*s (%s)%s", doing,
                          first_line(text), text, state, sqlstate_remedy(state));
}

static bool result_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_SINGLE_TUPLE || status == PGRES_COPY_IN;
}

/* ---- open and close
 * ---------------------------------------------------------------------- */

void postgres_close(struct postgres **slot)
{
    struct postgres *postgres = TAKE(*slot);
    if (postgres == NULL)
        return;
    PQfinish(postgres->connection);
    free(postgres);
}

/* libpq itself notices only when the next statement is sent. */
static bool is_hung_up(const struct postgres *postgres)
{
    struct pollfd server = {.fd = PQsocket(postgres->connection), .events = POLLRDHUP};
    return poll(&server, 1, 0) > 0;
}

bool postgres_alive(const struct postgres *postgres)
{
    return postgres != NULL && !postgres->broken &&
           PQstatus(postgres->connection) == CONNECTION_OK && !is_hung_up(postgres);
}

static void ignore_notice(void *self, const PGresult *result)
{
    (void)self;
    (void)result; /* "relation already exists, skipping" and the like */
}

static enum status session_settings(struct postgres *postgres,
                                    const struct postgres_options *options,
                                    struct error *error)
{
    char *schema = PQescapeIdentifier(postgres->connection, options->schema,
                                      strlen(options->schema));
    if (schema == NULL)
        return connection_error(postgres, "schema name", error);
    int timeout_ms = options->statement_timeout_ms > 0 ? options->statement_timeout_ms
                                                       : POSTGRES_STATEMENT_TIMEOUT_MS;
    struct buf sql;
    buf_init(&sql, 4096);
    buf_format(
        &sql,
        "SET search_path TO %s; SET statement_timeout = %d; SET lock_timeout = %d; "
        "SET idle_in_transaction_session_timeout = %d; SET TimeZone = 'UTC'",
        schema, timeout_ms, timeout_ms, POSTGRES_IDLE_TIMEOUT_MS);
    PQfreemem(schema);
    enum status status = buf_view(&sql).length > 0
                             ? postgres_script(postgres, sql.bytes, error)
                             : error_set(error, STATUS_FATAL, "schema name is too long");
    buf_free(&sql);
    return status;
}

static enum status connect_to(const struct postgres_options *options,
                              struct postgres *postgres, struct error *error)
{
    /* expand_dbname: the first entry is a whole connection string or URI, later ones win
     */
    const char *const names[] = {"dbname",          "application_name", "connect_timeout",
                                 "client_encoding", "keepalives_idle",  NULL};
    const char *const values[] = {
        options->dsn, options->application_name, "10", "UTF8", "30", NULL};
    postgres->connection = PQconnectdbParams(names, values, 1);
    if (postgres->connection == NULL)
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    if (PQstatus(postgres->connection) != CONNECTION_OK)
        return connection_error(postgres, "connect", error);
    if (PQserverVersion(postgres->connection) < 140000)
        return error_set(error, STATUS_FATAL,
                         "postgres: server older than 14; upgrade it");
    (void)PQsetNoticeReceiver(postgres->connection, ignore_notice, NULL);
    return session_settings(postgres, options, error);
}

enum status postgres_open(const struct postgres_options *options, struct postgres **out,
                          struct error *error)
{
    ASSERT(options->dsn != NULL && options->schema != NULL);
    SCOPED(postgres_close) struct postgres *postgres = calloc(1, sizeof(*postgres));
    if (postgres == NULL)
        return error_set(error, STATUS_RETRY, "postgres: out of memory");
    enum status status = connect_to(options, postgres, error);
    if (status != STATUS_OK)
        return status;
    *out = TAKE(postgres);
    return STATUS_OK;
}

/* ---- statements
 * -------------------------------------------------------------------------- */

static enum status params_check(const struct pg_params *params, const char *name,
                                struct error *error)
{
    if (params == NULL || (!params->failed && !params->bytes.failed))
        return STATUS_OK;
    return error_set(error, STATUS_FATAL, "postgres: %s: parameters too large", name);
}

static bool is_prepared(const struct postgres *postgres,
                        const struct statement *statement)
{
    for (size_t at = 0; at < postgres->prepared_count; at++)
        if (postgres->prepared[at] == statement)
            return true;
    return false;
}

static void remember_prepared(struct postgres *postgres,
                              const struct statement *statement)
{
    ASSERT(postgres->prepared_count < POSTGRES_PREPARED_MAX);
    postgres->prepared[postgres->prepared_count++] = statement;
}

static int param_count(const struct pg_params *params)
{
    return params != NULL ? params->count : 0;
}

/* Prepared when first used: the parse and the plan are paid once a connection. */
static enum status prepare(struct postgres *postgres, const struct statement *statement,
                           const struct pg_params *params, struct error *error)
{
    if (is_prepared(postgres, statement))
        return STATUS_OK;
    SCOPED(result_release)
    PGresult *result =
        PQprepare(postgres->connection, statement->name, statement->sql,
                  param_count(params), params != NULL ? params->types : NULL);
    if (result == NULL)
        return connection_error(postgres, statement->name, error);
    if (!result_is_good(result))
        return result_error(postgres, result, statement->name, error);
    remember_prepared(postgres, statement);
    return STATUS_OK;
}

static int send_prepared(struct postgres *postgres, const struct statement *statement,
                         const struct pg_params *params)
{
    const char *values[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    int count = param_count(params);
    for (int at = 0; at < count; at++) {
        values[at] = params->offsets[at] == SIZE_MAX
                         ? NULL
                         : params->bytes.bytes + params->offsets[at];
        formats[at] = 1;
    }
    return PQsendQueryPrepared(postgres->connection, statement->name, count, values,
                               count > 0 ? params->lengths : NULL, formats, 1);
}

static int64_t affected_by(PGresult *result)
{
    int64_t affected = 0;
    (void)span_to_int64(span_from(PQcmdTuples(result)), &affected);
    return affected;
}

static void rows_fill(struct rows *rows, PGresult *result)
{
    *rows = (struct rows){.result = result, .count = PQntuples(result)};
    rows->affected = affected_by(result);
}

/* Reads results until the connection is idle again; keeps the first. */
static enum status take_result(struct postgres *postgres, const char *doing,
                               struct rows *rows, struct error *error)
{
    SCOPED(result_release) PGresult *result = PQgetResult(postgres->connection);
    if (result == NULL)
        return connection_error(postgres, doing, error);
    enum status status = STATUS_OK;
    if (!result_is_good(result))
        status = result_error(postgres, result, doing, error);
    PGresult *more;
    while ((more = PQgetResult(postgres->connection)) != NULL)
        PQclear(more);
    if (status == STATUS_OK && rows != NULL)
        rows_fill(rows, TAKE(result));
    return status;
}

enum status postgres_query(struct postgres *postgres, const struct statement *statement,
                           const struct pg_params *params, struct rows *rows,
                           struct error *error)
{
    ASSERT(!postgres->in_pipeline);
    if (rows != NULL)
        *rows = (struct rows){0};
    enum status status = params_check(params, statement->name, error);
    if (status == STATUS_OK)
        status = prepare(postgres, statement, params, error);
    if (status != STATUS_OK)
        return status;
    if (send_prepared(postgres, statement, params) == 0)
        return connection_error(postgres, statement->name, error);
    return take_result(postgres, statement->name, rows, error);
}

enum status postgres_script(struct postgres *postgres, const char *sql,
                            struct error *error)
{
    ASSERT(!postgres->in_pipeline);
    SCOPED(result_release) PGresult *result = PQexec(postgres->connection, sql);
    if (result == NULL)
        return connection_error(postgres, "script", error);
    if (!result_is_good(result))
        return result_error(postgres, result, "script", error);
    return STATUS_OK;
}

/* ---- pipeline
 * ---------------------------------------------------------------------------- */

static enum status pipeline_enter(struct postgres *postgres, const char *doing,
                                  struct error *error)
{
    if (postgres->in_pipeline)
        return STATUS_OK;
    if (PQenterPipelineMode(postgres->connection) == 0)
        return connection_error(postgres, doing, error);
    postgres->in_pipeline = true;
    postgres->pipelined = 0;
    postgres->sent = 0;
    return STATUS_OK;
}

enum status postgres_pipeline_add(struct postgres *postgres,
                                  const struct statement *statement,
                                  const struct pg_params *params, struct error *error)
{
    enum status status = params_check(params, statement->name, error);
    if (status == STATUS_OK)
        status = pipeline_enter(postgres, statement->name, error);
    if (status != STATUS_OK)
        return status;
    ASSERT(postgres->pipelined < POSTGRES_PIPELINE_MAX);
    if (!is_prepared(postgres, statement)) {
        if (PQsendPrepare(postgres->connection, statement->name, statement->sql,
                          param_count(params),
                          params != NULL ? params->types : NULL) == 0)
            return connection_error(postgres, statement->name, error);
        remember_prepared(postgres, statement);
        postgres->is_prepare[postgres->sent++] = true;
    }
    if (send_prepared(postgres, statement, params) == 0)
        return connection_error(postgres, statement->name, error);
    postgres->is_prepare[postgres->sent++] = false;
    postgres->pipelined++;
    return STATUS_OK;
}

static enum status pipeline_result(struct postgres *postgres, struct rows *rows,
                                   struct error *error)
{
    SCOPED(result_release) PGresult *result = PQgetResult(postgres->connection);
    if (result == NULL)
        return connection_error(postgres, "pipeline", error);
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
        return error_set(error, STATUS_RETRY, "postgres: pipeline aborted");
    if (!result_is_good(result))
        return result_error(postgres, result, "pipeline", error);
    PGresult *end = PQgetResult(postgres->connection);
    if (end != NULL) {
        PQclear(end);
        return connection_error(postgres, "pipeline out of step", error);
    }
    if (rows != NULL)
        rows_fill(rows, TAKE(result));
    return STATUS_OK;
}

/* After an error: everything up to the synchronisation point is thrown away. */
static void pipeline_drain(struct postgres *postgres)
{
    int nulls = 0;
    while (nulls < 3) {
        PGresult *result = PQgetResult(postgres->connection);
        if (result == NULL) {
            if (PQstatus(postgres->connection) != CONNECTION_OK)
                break;
            nulls++;
            continue;
        }
        nulls = 0;
        bool synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (synced)
            break;
    }
}

static enum status pipeline_leave(struct postgres *postgres, enum status status,
                                  struct error *error)
{
    struct error ignored;
    pipeline_drain(postgres);
    postgres->in_pipeline = false;
    /* an aborted pipeline may have skipped a prepare: forget what was sent in it */
    if (status != STATUS_OK)
        postgres->broken = true;
    if (PQexitPipelineMode(postgres->connection) == 0)
        return connection_error(postgres, "pipeline",
                                status == STATUS_OK ? error : &ignored);
    return status;
}

enum status postgres_pipeline_run(struct postgres *postgres, struct rows *rows,
                                  size_t count, struct error *error)
{
    ASSERT(postgres->in_pipeline && count == postgres->pipelined);
    for (size_t at = 0; at < count; at++)
        rows[at] = (struct rows){0};
    if (PQpipelineSync(postgres->connection) == 0) {
        postgres->in_pipeline = false;
        return connection_error(postgres, "pipeline", error);
    }
    size_t row = 0;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < postgres->sent && status == STATUS_OK; at++) {
        bool wanted = !postgres->is_prepare[at];
        status = pipeline_result(postgres, wanted ? &rows[row] : NULL, error);
        row += wanted ? 1 : 0;
    }
    return pipeline_leave(postgres, status, error);
}

/* ---- COPY and streaming
 * ------------------------------------------------------------------ */

enum status postgres_copy(struct postgres *postgres, const char *copy_sql,
                          struct span data, struct error *error)
{
    ASSERT(!postgres->in_pipeline);
    enum status status = postgres_script(postgres, copy_sql, error);
    if (status != STATUS_OK)
        return status;
    const size_t piece_max = (size_t)1 << 20;
    for (size_t at = 0; at < data.length; at += piece_max) {
        size_t piece = data.length - at < piece_max ? data.length - at : piece_max;
        if (PQputCopyData(postgres->connection, data.bytes + at, (int)piece) != 1)
            return connection_error(postgres, "copy", error);
    }
    if (PQputCopyEnd(postgres->connection, NULL) != 1)
        return connection_error(postgres, "copy", error);
    return take_result(postgres, "copy", NULL, error);
}

static enum status stream_rows(struct postgres *postgres, const char *doing,
                               const struct row_visitor *visitor, struct error *error)
{
    enum status status = STATUS_OK;
    PGresult *result;
    while ((result = PQgetResult(postgres->connection)) != NULL) {
        struct rows row = {0};
        if (status == STATUS_OK && !result_is_good(result))
            status = result_error(postgres, result, doing, error);
        else if (status == STATUS_OK && PQntuples(result) > 0) {
            row = (struct rows){.result = result, .count = 1};
            status = visitor->each(visitor->self, &row, error);
        }
        PQclear(result);
    }
    return status;
}

enum status postgres_stream(struct postgres *postgres, const struct statement *statement,
                            const struct pg_params *params,
                            const struct row_visitor *visitor, struct error *error)
{
    enum status status = params_check(params, statement->name, error);
    if (status == STATUS_OK)
        status = prepare(postgres, statement, params, error);
    if (status != STATUS_OK)
        return status;
    if (send_prepared(postgres, statement, params) == 0 ||
        PQsetSingleRowMode(postgres->connection) == 0)
        return connection_error(postgres, statement->name, error);
    return stream_rows(postgres, statement->name, visitor, error);
}
