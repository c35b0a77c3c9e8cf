#include "common/io/store_retention.h"

#include "common/base/check.h"
#include "common/base/scope.h"

#include <stdlib.h>

#define SCRIPT_BYTES_MAX ((size_t)16 * 1024)
#define LOCK_TRIES 10
#define DATE_MAX 32

/* One a schema: a database may hold several. */
#define LOCK_KEY "hashtextextended('retention ' || current_schema(), 0)"
static const struct statement BEGIN_MINE = {"retention_lock",
                                            "SELECT pg_try_advisory_lock(" LOCK_KEY ")"};
static const struct statement END_MINE = {"retention_unlock",
                                          "SELECT pg_advisory_unlock(" LOCK_KEY ")"};
static const struct statement GUARD_LEFT = {
    "retention_guard", "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = "
                       "'ledger_default'::regclass AND conname = 'retention_guard')"};
static const struct statement NOW = {"retention_now", "SELECT clock_timestamp()"};
static const struct statement PARTITIONS = {
    "retention_partitions",
    "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'ledger'::regclass ORDER BY c.relname LIMIT $1"};
static const struct statement STRAYS = {
    "retention_strays",
    "SELECT floor(extract(epoch FROM judged_at) / 86400)::bigint AS day, "
    "sum(entries)::bigint "
    "FROM ledger_default GROUP BY day ORDER BY day LIMIT $1"};
/* Levels that were not sent yet are sent from the ledger. */
static const struct statement UNSENT = {
    "retention_unsent",
    "SELECT min(l.judged_at) FROM progress p JOIN ledger l ON l.topic = p.topic "
    "AND l.partition = p.partition AND l.next_offset > p.relayed_offset "
    "WHERE p.relayed_offset < p.next_offset"};
static const struct statement RUNS = {
    "retention_runs",
    "DELETE FROM ledger_runs WHERE id IN (SELECT id FROM ledger_runs "
    "WHERE newest_at < $1 ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)"};

/* ---- pieces ----------------------------------------------------------------------------- */

/* "2026-11-25 00:00:00+00" */
static void day_text(int32_t day, char text_out[DATE_MAX])
{
    char name[RETENTION_NAME_MAX];
    struct buf text;
    retention_name(day, name);
    const char *digits = name + strlen("ledger_");
    buf_init(&text, DATE_MAX);
    buf_format(&text, "%.4s-%.2s-%.2s 00:00:00+00", digits, digits + 4, digits + 6);
    ASSERT(!text.failed && text.length < DATE_MAX);
    memcpy(text_out, text.bytes, text.length + 1);
    buf_free(&text);
}

/* A day of the ledger as SQL sees it. */
struct slice {
    char name[RETENTION_NAME_MAX];
    char from[DATE_MAX];
    char to[DATE_MAX];
};

static struct slice slice_of(int32_t day)
{
    struct slice slice = {0};
    retention_name(day, slice.name);
    day_text(day, slice.from);
    day_text(day + 1, slice.to);
    return slice;
}

static enum status run(struct postgres *postgres, struct buf *sql, struct error *error)
{
    enum status status = sql->failed
                             ? error_set(error, STATUS_FATAL, "retention: out of memory")
                             : postgres_script(postgres, sql->bytes, error);
    buf_clear(sql);
    return status;
}

static bool is_lock_lost(const struct error *error)
{
    return strcmp(error->code, "55P03") == 0 || strcmp(error->code, "40P01") == 0;
}

static enum status let_others_go_on(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres,
                           "ROLLBACK TO SAVEPOINT patience; "
                           "DO $$ BEGIN PERFORM pg_sleep(0.3); END $$",
                           error);
}

/*
 * Runs what needs a lock that writers would wait behind; within a transaction. While it
 * waits they queue up behind it, so it never waits long.
 */
static enum status run_patiently(struct postgres *postgres, struct buf *sql,
                                 struct error *error)
{
    SCOPED(buf_free) struct buf whole = {0};
    buf_init(&whole, 2 * SCRIPT_BYTES_MAX);
    buf_text(&whole, "SAVEPOINT patience; SET LOCAL lock_timeout = '200ms'; ");
    buf_span(&whole, buf_view(sql));
    buf_text(&whole, "; RELEASE SAVEPOINT patience");
    if (sql->failed || whole.failed)
        return error_set(error, STATUS_FATAL, "retention: out of memory");
    buf_clear(sql);
    for (int tries = 1;; tries++) {
        enum status status = postgres_script(postgres, whole.bytes, error);
        if (status == STATUS_OK || !is_lock_lost(error) || tries == LOCK_TRIES)
            return status;
        struct error ignored;
        status = let_others_go_on(postgres, &ignored);
        if (status != STATUS_OK)
            return status;
    }
}

static enum status finish(struct postgres *postgres, enum status status,
                          struct error *error)
{
    struct error ignored;
    if (status == STATUS_OK)
        return postgres_script(postgres, "COMMIT", error);
    if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

/* ---- making ------------------------------------------------------------------------------- */

/*
 * Attaching a partition makes Postgres search the default one for rows of the day, which
 * nobody may use meanwhile. A constraint that says there are none spares the search; it is
 * checked without holding anybody up. Only for days in which nothing is judged: a row of
 * the day would be refused.
 */
static enum status add_guard(struct postgres *postgres, const struct slice *slice,
                             struct buf *sql, struct error *error)
{
    enum status status = postgres_script(postgres, "BEGIN", error);
    buf_format(sql,
               "ALTER TABLE ledger_default DROP CONSTRAINT IF EXISTS "
               "retention_guard, ADD CONSTRAINT retention_guard CHECK (judged_at < '%s' "
               "OR judged_at >= '%s') NOT VALID",
               slice->from, slice->to);
    if (status == STATUS_OK)
        status = run_patiently(postgres, sql, error);
    return finish(postgres, status, error);
}

/* A batch under way has chosen its partition already: let it end, and no other begin. */
static enum status hold_writers(struct postgres *postgres, struct buf *sql,
                                struct error *error)
{
    buf_text(sql, "LOCK TABLE ONLY ledger, ONLY ledger_default "
                  "IN SHARE ROW EXCLUSIVE MODE");
    return run_patiently(postgres, sql, error);
}

/* The constraint spares another search, that of the new partition. */
static enum status create(struct postgres *postgres, const struct slice *slice,
                          struct buf *sql, struct error *error)
{
    buf_format(sql,
               "CREATE TABLE %s (LIKE ledger INCLUDING ALL, CONSTRAINT "
               "retention_day CHECK (judged_at >= '%s' AND judged_at < '%s'))",
               slice->name, slice->from, slice->to);
    return run(postgres, sql, error);
}

static enum status move(struct postgres *postgres, const struct slice *slice,
                        struct buf *sql, struct error *error)
{
    buf_format(sql,
               "WITH moved AS (DELETE FROM ledger_default WHERE judged_at >= '%s' "
               "AND judged_at < '%s' RETURNING *) INSERT INTO %s SELECT * FROM moved",
               slice->from, slice->to, slice->name);
    return run(postgres, sql, error);
}

static enum status attach(struct postgres *postgres, const struct slice *slice,
                          bool guarded, struct buf *sql, struct error *error)
{
    if (guarded) {
        buf_text(sql, "ALTER TABLE ledger_default VALIDATE CONSTRAINT "
                      "retention_guard");
        enum status status = run(postgres, sql, error);
        if (status != STATUS_OK)
            return status;
    }
    buf_format(sql,
               "ALTER TABLE ledger ATTACH PARTITION %s FOR VALUES FROM ('%s') TO "
               "('%s'); ALTER TABLE %s DROP CONSTRAINT retention_day",
               slice->name, slice->from, slice->to, slice->name);
    if (guarded)
        buf_text(sql, "; ALTER TABLE ledger_default DROP CONSTRAINT retention_guard");
    return run_patiently(postgres, sql, error);
}

static enum status make(struct postgres *postgres, const struct retention_step *step,
                        struct buf *sql, struct error *error)
{
    const struct slice slice = slice_of(step->day);
    enum status status =
        step->is_quiet ? add_guard(postgres, &slice, sql, error) : STATUS_OK;
    if (status == STATUS_OK)
        status = postgres_script(postgres, "BEGIN", error);
    if (status != STATUS_OK)
        return status;
    if (!step->is_quiet)
        status = hold_writers(postgres, sql, error);
    if (status == STATUS_OK)
        status = create(postgres, &slice, sql, error);
    if (status == STATUS_OK && step->act == RETENTION_MOVE)
        status = move(postgres, &slice, sql, error);
    if (status == STATUS_OK)
        status = attach(postgres, &slice, step->is_quiet, sql, error);
    return finish(postgres, status, error);
}

/* ---- dropping ------------------------------------------------------------------------------ */

/* In a transaction: what goes is counted first, so that audit still adds up. */
static enum status begin_retiring(struct postgres *postgres, const struct slice *slice,
                                  struct buf *sql, struct error *error)
{
    enum status status = postgres_script(postgres, "BEGIN", error);
    if (status != STATUS_OK)
        return status;
    buf_format(
        sql,
        "INSERT INTO ledger_retired AS r (day, partition, applied, unchanged, "
        "stale, shadowed) SELECT date '%.10s', partition, "
        "count(*) FILTER (WHERE outcome = 0), count(*) FILTER (WHERE outcome = 1), "
        "count(*) FILTER (WHERE outcome = 3), count(*) FILTER (WHERE outcome = 4) "
        "FROM idempotency WHERE judged_at >= '%s' AND judged_at < '%s' "
        "GROUP BY partition ON CONFLICT (day, partition) DO UPDATE SET "
        "applied = r.applied + excluded.applied, "
        "unchanged = r.unchanged + excluded.unchanged, "
        "stale = r.stale + excluded.stale, "
        "shadowed = r.shadowed + excluded.shadowed, retired_at = now()",
        slice->from, slice->from, slice->to);
    return run(postgres, sql, error);
}

static enum status drop(struct postgres *postgres, const struct retention_step *step,
                        struct buf *sql, struct error *error)
{
    const struct slice slice = slice_of(step->day);
    enum status status = begin_retiring(postgres, &slice, sql, error);
    buf_format(sql, "DROP TABLE %s", slice.name);
    if (status == STATUS_OK)
        status = run_patiently(postgres, sql, error);
    return finish(postgres, status, error);
}

static enum status purge(struct postgres *postgres, const struct retention_step *step,
                         struct buf *sql, struct error *error)
{
    const struct slice slice = slice_of(step->day);
    enum status status = begin_retiring(postgres, &slice, sql, error);
    buf_format(sql,
               "DELETE FROM ledger_default WHERE judged_at >= '%s' AND judged_at < '%s'",
               slice.from, slice.to);
    if (status == STATUS_OK)
        status = run(postgres, sql, error);
    return finish(postgres, status, error);
}

enum status store_retention_do(struct postgres *postgres,
                               const struct retention_step *step, struct error *error)
{
    static enum status (*const ACTS[RETENTION_ACT_COUNT])(
        struct postgres *, const struct retention_step *, struct buf *,
        struct error *) = {[RETENTION_MAKE] = make,
                           [RETENTION_MOVE] = make,
                           [RETENTION_DROP] = drop,
                           [RETENTION_PURGE] = purge};
    SCOPED(buf_free) struct buf sql = {0};
    ASSERT((size_t)step->act < RETENTION_ACT_COUNT && ACTS[step->act] != NULL);
    buf_init(&sql, SCRIPT_BYTES_MAX);
    return ACTS[step->act](postgres, step, &sql, error);
}

static enum status remove_some(struct postgres *postgres, const struct pg_params *params,
                               int64_t *removed_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, &RUNS, params, &rows, error);
    *removed_out = status == STATUS_OK ? rows.affected : 0;
    return status;
}

enum status store_retention_runs(struct postgres *postgres, int32_t first_day,
                                 int64_t *removed_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    int64_t removed = 0;
    *removed_out = 0;
    pg_params_init(&params);
    pg_params_time(&params, true, first_day * RETENTION_DAY_US);
    enum status status;
    do {
        status = remove_some(postgres, &params, &removed, error);
        *removed_out += removed;
    } while (status == STATUS_OK && removed > 0);
    return status;
}

/*
 * Units count until the ruling source has seen them: those go that lie keep_days before
 * every time that its reading names. Those of a place without a level stay.
 */
static const struct statement UNITS = {
    "retention_units",
    "DELETE FROM shop_units WHERE ctid = ANY (ARRAY(SELECT u.ctid FROM shop_units u "
    "JOIN levels l ON l.sku = u.sku AND l.location = u.location "
    "WHERE u.at < now() - $1 * interval '1 day' AND u.at < "
    "least(l.counted_at, l.adjusted_at, l.sees_orders_until) - $1 * interval '1 day' "
    "LIMIT 10000))"};

enum status store_retention_units(struct postgres *postgres, int64_t keep_days,
                                  int64_t *removed_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    enum status status;
    int64_t removed = 0;
    *removed_out = 0;
    pg_params_init(&params);
    pg_params_int8(&params, keep_days);
    do {
        SCOPED(rows_release) struct rows rows = {0};
        status = postgres_query(postgres, &UNITS, &params, &rows, error);
        removed = status == STATUS_OK ? rows.affected : 0;
        *removed_out += removed;
    } while (removed > 0);
    return status;
}

enum status store_retention_end(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres, "VACUUM ledger_default", error);
}

/* ---- finding ------------------------------------------------------------------------------- */

static enum status ask_bool(struct postgres *postgres, const struct statement *statement,
                            bool *answer_out, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = postgres_query(postgres, statement, NULL, &rows, error);
    *answer_out = status == STATUS_OK && rows_bool(&rows, 0, 0);
    return status;
}

enum status store_retention_begin(struct postgres *postgres, bool *mine_out,
                                  struct error *error)
{
    bool left = false;
    enum status status = ask_bool(postgres, &BEGIN_MINE, mine_out, error);
    if (status == STATUS_OK && *mine_out)
        status = ask_bool(postgres, &GUARD_LEFT, &left, error);
    if (status != STATUS_OK || !left)
        return status;
    SCOPED(buf_free) struct buf sql = {0};
    buf_init(&sql, SCRIPT_BYTES_MAX);
    status = postgres_script(postgres, "BEGIN", error);
    buf_text(&sql, "ALTER TABLE ledger_default DROP CONSTRAINT retention_guard");
    if (status == STATUS_OK)
        status = run_patiently(postgres, &sql, error);
    return finish(postgres, status, error);
}

enum status store_retention_let_go(struct postgres *postgres, struct error *error)
{
    return postgres_query(postgres, &END_MINE, NULL, NULL, error);
}

static enum status ask_list(struct postgres *postgres, const struct statement *statement,
                            struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_int8(&params, RETENTION_DAYS_MAX);
    return postgres_query(postgres, statement, &params, rows, error);
}

static enum status find_partitions(struct postgres *postgres,
                                   struct retention_found *found, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask_list(postgres, &PARTITIONS, &rows, error);
    found->partition_count = 0;
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        int32_t day = 0;
        if (retention_name_parse(rows_span(&rows, row, 0), &day))
            found->partitions[found->partition_count++] = day;
    }
    return status;
}

static enum status find_strays(struct postgres *postgres, struct retention_found *found,
                               struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask_list(postgres, &STRAYS, &rows, error);
    found->stray_count = status == STATUS_OK ? (size_t)rows.count : 0;
    for (size_t at = 0; at < found->stray_count; at++)
        found->strays[at] =
            (struct retention_day){.day = (int32_t)rows_int(&rows, (int)at, 0),
                                   .rows = rows_int(&rows, (int)at, 1)};
    return status;
}

static enum status find_times(struct postgres *postgres, struct retention_found *found,
                              struct error *error)
{
    SCOPED(rows_release) struct rows now = {0};
    SCOPED(rows_release) struct rows unsent = {0};
    enum status status = postgres_query(postgres, &NOW, NULL, &now, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &UNSENT, NULL, &unsent, error);
    if (status != STATUS_OK)
        return status;
    found->now_us = rows_time(&now, 0, 0);
    found->has_unsent = !rows_is_null(&unsent, 0, 0);
    found->unsent_us = rows_time(&unsent, 0, 0);
    return STATUS_OK;
}

enum status store_retention_find(struct postgres *postgres, struct retention_found *found,
                                 struct error *error)
{
    enum status status = find_times(postgres, found, error);
    if (status != STATUS_OK)
        return status;
    status = find_partitions(postgres, found, error);
    if (status == STATUS_OK)
        status = find_strays(postgres, found, error);
    return status;
}

/* ---- preparing ------------------------------------------------------------------------------ */

struct scratch {
    struct retention_found found;
    struct retention_plan plan;
};

static void free_scratch(struct scratch **slot)
{
    free(*slot);
}

enum status store_retention_prepare(struct postgres *postgres, int *made_out,
                                    struct error *error)
{
    SCOPED(free_scratch) struct scratch *scratch = calloc(1, sizeof(*scratch));
    bool mine = false;
    *made_out = 0;
    if (scratch == NULL)
        return error_set(error, STATUS_RETRY, "retention: out of memory");
    scratch->found.keep_days = RETENTION_DAYS_MAX; /* nothing goes here */
    enum status status = store_retention_begin(postgres, &mine, error);
    if (status == STATUS_OK && mine)
        status = store_retention_find(postgres, &scratch->found, error);
    if (status != STATUS_OK || !mine)
        return status;
    retention_plan(&scratch->found, &scratch->plan);
    for (size_t at = 0; at < scratch->plan.count && status == STATUS_OK; at++) {
        if (scratch->plan.steps[at].act != RETENTION_MAKE)
            continue;
        status = store_retention_do(postgres, &scratch->plan.steps[at], error);
        *made_out += status == STATUS_OK ? 1 : 0;
    }
    return status;
}
