#include "common/io/store_migrate.h"

#include "common/base/check.h"
#include "common/base/embedded.h"
#include "common/base/scope.h"

#include <stdlib.h>

/* "parstock" in the key space of advisory locks; one migrator a database at a time. */
static const struct statement LOCK = {
    "migrate_lock", "SELECT pg_advisory_xact_lock(8102098701128654699)"};
static const struct statement SCHEMA_EXISTS = {
    "migrate_schema", "SELECT count(*) FROM pg_namespace WHERE nspname = $1"};
static const struct statement TABLE_EXISTS = {
    "migrate_table", "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON "
                     "n.oid = c.relnamespace WHERE c.relname = 'schema_migrations' "
                     "AND n.nspname = ANY (current_schemas(false))"};
static const struct statement NEWEST = {
    "migrate_newest", "SELECT coalesce(max(version), 0)::bigint FROM schema_migrations"};
static const struct statement RECORD = {
    "migrate_record", "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)"};

/* The number that the name starts with: 0001_spine.sql is 1. */
static int64_t migration_version(size_t at)
{
    ASSERT(at < EMBEDDED_MIGRATIONS_COUNT);
    const char *name = EMBEDDED_MIGRATIONS[at].name;
    int64_t version = 0;
    bool numbered = span_to_int64(
        (struct span){.bytes = name, .length = strcspn(name, "_")}, &version);
    ASSERT(numbered && version > 0);
    return version;
}

int64_t store_migrate_newest(void)
{
    ASSERT(EMBEDDED_MIGRATIONS_COUNT > 0);
    return migration_version(EMBEDDED_MIGRATIONS_COUNT - 1);
}

static enum status query_number(struct postgres *postgres,
                                const struct statement *statement,
                                const struct pg_params *params, int64_t *number_out,
                                struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, statement, params, &rows, error);
    if (status == STATUS_OK)
        *number_out = rows.count > 0 ? rows_int(&rows, 0, 0) : 0;
    return status;
}

enum status store_schema_version(struct postgres *postgres, int64_t *version_out,
                                 struct error *error)
{
    int64_t tables = 0;
    *version_out = 0;
    enum status status = query_number(postgres, &TABLE_EXISTS, NULL, &tables, error);
    if (status != STATUS_OK || tables == 0)
        return status;
    return query_number(postgres, &NEWEST, NULL, version_out, error);
}

/* These statements take no parameters: the name is quoted by doubling its quotes. */
static enum status run_with_schema(struct postgres *postgres, const char *before,
                                   const char *schema, const char *after,
                                   struct error *error)
{
    struct buf sql;
    buf_init(&sql, 1024);
    buf_text(&sql, before);
    buf_byte(&sql, '"');
    for (const char *at = schema; *at != '\0'; at++) {
        if (*at == '"')
            buf_byte(&sql, '"');
        buf_byte(&sql, *at);
    }
    buf_byte(&sql, '"');
    buf_text(&sql, after);
    enum status status = sql.failed
                             ? error_set(error, STATUS_FATAL, "schema name is too long")
                             : postgres_script(postgres, sql.bytes, error);
    buf_free(&sql);
    return status;
}

enum status store_schema_drop(struct postgres *postgres, const char *schema,
                              struct error *error)
{
    return run_with_schema(postgres,
                           "SET client_min_messages = warning; "
                           "DROP SCHEMA IF EXISTS ",
                           schema, " CASCADE", error);
}

static enum status create_schema(struct postgres *postgres, const char *schema,
                                 struct error *error)
{
    struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, span_from(schema));
    int64_t exists = 0;
    enum status status = query_number(postgres, &SCHEMA_EXISTS, &params, &exists, error);
    pg_params_free(&params);
    if (status != STATUS_OK || exists > 0)
        return status;
    return run_with_schema(postgres, "CREATE SCHEMA ", schema, "", error);
}

static enum status run_one(struct postgres *postgres, size_t at, struct error *error)
{
    const struct embedded_file *file = &EMBEDDED_MIGRATIONS[at];
    enum status status = postgres_script(postgres, file->text, error);
    if (status != STATUS_OK)
        return status;
    struct pg_params params;
    pg_params_init(&params);
    pg_params_int4(&params, (int32_t)migration_version(at));
    pg_params_text(&params, span_from(file->name));
    status = postgres_query(postgres, &RECORD, &params, NULL, error);
    pg_params_free(&params);
    return status;
}

static enum status check_target(int64_t before, int64_t to, struct error *error)
{
    int64_t newest = store_migrate_newest();
    if (before > newest) {
        (void)error_set(error, STATUS_FATAL,
                        "the database has schema version %lld, this binary knows %lld; "
                        "use a newer parstock",
                        (long long)before, (long long)newest);
        return error_exit(error, EXIT_CONFIG);
    }
    if (to < before || to > newest) {
        (void)error_set(
            error, STATUS_REJECT,
            "cannot migrate from version %lld to %lld; versions up to %lld are "
            "known and none is undone",
            (long long)before, (long long)to, (long long)newest);
        return error_exit(error, EXIT_USAGE);
    }
    return STATUS_OK;
}

static enum status migrate_locked(struct postgres *postgres, const char *schema,
                                  int64_t to, struct migration_report *report,
                                  struct error *error)
{
    enum status status = create_schema(postgres, schema, error);
    if (status == STATUS_OK)
        status = postgres_script(postgres,
                                 "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                 "version integer PRIMARY KEY, name text NOT NULL, "
                                 "applied_at timestamptz NOT NULL DEFAULT now())",
                                 error);
    if (status == STATUS_OK)
        status = query_number(postgres, &NEWEST, NULL, &report->before, error);
    if (status == STATUS_OK)
        status = check_target(report->before, to, error);
    for (size_t at = 0; at < EMBEDDED_MIGRATIONS_COUNT && status == STATUS_OK; at++) {
        int64_t version = migration_version(at);
        if (version > report->before && version <= to)
            status = run_one(postgres, at, error);
    }
    report->after = to;
    return status;
}

static enum status migrate_dry(struct postgres *postgres, int64_t to,
                               struct migration_report *report, struct error *error)
{
    enum status status = store_schema_version(postgres, &report->before, error);
    if (status == STATUS_OK)
        status = check_target(report->before, to, error);
    report->after = to;
    return status;
}

enum status store_migrate(struct postgres *postgres, const struct migration_wish *wish,
                          struct migration_report *report_out, struct error *error)
{
    struct migration_report report = {0};
    int64_t to = wish->to != 0 ? wish->to : store_migrate_newest();
    if (wish->dry_run) {
        enum status dry = migrate_dry(postgres, to, &report, error);
        *report_out = report;
        return dry;
    }
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &LOCK, NULL, NULL, error);
    if (status == STATUS_OK)
        status = migrate_locked(postgres, wish->schema, to, &report, error);
    if (status != STATUS_OK) {
        struct error ignored;
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
        return status;
    }
    *report_out = report;
    return postgres_script(postgres, "COMMIT", error);
}
