#include "common/io/store_trouble.h"

#include "common/base/check.h"
#include "common/base/scope.h"

/* ---- tables ----------------------------------------------------------------------------- */

#define TIME_TEXT(column)                                                                \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
/* Words of our own tables, not what a shop wrote behind them. */
#define FIRST_WORD(column) "coalesce(substring(" column " FROM '^[A-Za-z_]+'), '')"

struct trouble_source {
    struct trouble_table table;
    struct statement statement; /* $1 since when */
};

static const struct trouble_source SOURCES[] =
    {
        {{"contracts",
          "contract files, and which shops follow them",
          {"digest", "first_used", "followed_by"}},
         {"trouble_contracts",
          "SELECT c.digest, " TIME_TEXT(
              "c.first_seen") ", (SELECT string_agg(l.shop, ', '"
                              " ORDER BY l.shop) FROM shop_leases l WHERE l.contract = c.digest)"
                              " FROM contracts c WHERE $1::timestamptz IS NOT NULL"
                              " ORDER BY c.first_seen DESC LIMIT 20"}},
        {{"migrations", "migrations of the schema", {"version", "name", "applied"}},
         {"trouble_migrations",
          "SELECT version::text, name, " TIME_TEXT(
              "applied_at") " FROM schema_migrations"
                            " WHERE $1::timestamptz IS NOT NULL ORDER BY version DESC LIMIT 20"}},
        {{"imports", "feeds imported", {"feed", "state", "rows", "started", "changed"}},
         {"trouble_imports",
          "SELECT feed, state, reached::text, " TIME_TEXT("started_at") ", " TIME_TEXT(
              "changed_at") " FROM imports WHERE changed_at > $1 ORDER BY changed_at DESC"
                            " LIMIT 200"}},
        {{"resyncs",
          "resyncs that people asked for",
          {"batch", "by", "shop", "pairs", "done", "failed", "first", "last"}},
         {"trouble_resyncs",
          "SELECT batch, min(actor), shop, count(*)::text,"
          " (count(*) FILTER (WHERE state = 'done'))::text,"
          " (count(*) FILTER (WHERE state = 'failed'))::text, " TIME_TEXT("min(acted_at)") ", " TIME_TEXT(
              "max(acted_at)") " FROM drift_actions WHERE batch <> ''"
                               " AND acted_at > $1 GROUP BY batch, shop"
                               " ORDER BY max(acted_at) DESC LIMIT 200"}},
        {{"catalogues",
          "catalogues read",
          {"shop", "started", "finished", "items", "levels"}},
         {"trouble_catalogues",
          "SELECT shop, " TIME_TEXT("started_at") ", " TIME_TEXT(
              "finished_at") ", items::text, levels::text FROM catalog_runs"
                             " WHERE started_at > $1 ORDER BY id DESC LIMIT 200"}},
        {{"writes",
          "writes to the shops, by what became of them",
          {"shop", "state", "reason", "writes", "first", "last"}},
         {"trouble_writes",
          "SELECT shop, state, CASE WHEN state = 'applied' THEN '' ELSE " FIRST_WORD("detail") " END, count(*)::text, " TIME_TEXT(
              "min(created_at)") ", " TIME_TEXT("max(created_at)") " FROM shop_writes WHERE created_at > $1"
                                                                   " GROUP BY 1, 2, 3 ORDER BY 1, 2, count(*) DESC"
                                                                   " LIMIT 200"}},
        {{"progress",
          "how far apply is, by partition",
          {"topic", "partition", "next_offset", "read", "rejected", "judged"}},
         {"trouble_progress",
          "SELECT topic, partition::text, next_offset::text, read::text, rejected::text, " TIME_TEXT(
              "updated_at") " FROM progress WHERE $1::timestamptz IS NOT NULL"
                            " ORDER BY topic, partition LIMIT 200"}},
        {{"backlog",
          "pairs of each shop, and how they stand",
          {"shop", "fault", "pairs", "waiting", "oldest"}},
         {"trouble_backlog",
          "SELECT shop, fault, count(*)::text, (count(*) FILTER (WHERE dirty))::text, " TIME_TEXT(
              "min(desired_at) FILTER (WHERE dirty)") " FROM shop_levels"
                                                      " WHERE $1::timestamptz IS NOT NULL GROUP BY shop, fault ORDER BY shop, fault"
                                                      " LIMIT 200"}},
        {{"leases", "who may write each shop", {"shop", "epoch", "expires", "throttled"}},
         {"trouble_leases",
          "SELECT shop, epoch::text, " TIME_TEXT("expires_at") ", " TIME_TEXT(
              "throttled_at") " FROM shop_leases WHERE $1::timestamptz IS NOT NULL ORDER BY shop LIMIT 200"}},
        {{"outboxes", "records that wait to be told", {"table", "rows"}},
         {"trouble_outboxes",
          "SELECT t, n::text FROM (SELECT 'outbox' AS t, count(*) AS n FROM outbox"
          " UNION ALL SELECT 'shop_outbox', count(*) FROM shop_outbox"
          " UNION ALL SELECT 'incident_outbox', count(*) FROM incident_outbox) o"
          " WHERE $1::timestamptz IS NOT NULL"}},
        {{"comparisons",
          "comparisons of the shops",
          {"run", "shop", "kind", "state", "started", "compared", "in_flight", "findings",
           "unknown", "detail"}},
         {"trouble_comparisons",
          "SELECT id::text, shop, kind, state, " TIME_TEXT(
              "started_at") ", compared::text,"
                            " in_flight::text, findings::text, unknown::text, detail FROM drift_runs"
                            " WHERE started_at > $1 AND (kind <> 'hot' OR findings > 0 OR state <> 'finished')"
                            " ORDER BY id DESC LIMIT 100"}},
        {{"findings",
          "differences found, by cause",
          {"shop", "location", "cause", "findings", "high_risk", "first", "last"}},
         {"trouble_findings",
          "SELECT shop, location, cause, count(*)::text,"
          " (count(*) FILTER (WHERE risk = 'high'))::text, " TIME_TEXT("min(observed_at)") ", " TIME_TEXT(
              "max(observed_at)") " FROM drift_findings WHERE observed_at > $1"
                                  " GROUP BY 1, 2, 3 ORDER BY count(*) DESC"
                                  " LIMIT 200"}},
        {{"incidents",
          "incidents that are open, or changed",
          {"id", "class", "cause", "severity", "state", "shop", "sku", "location",
           "opened", "changed", "times", "runbook"}},
         {"trouble_incidents",
          "SELECT id, class, cause, severity, state, shop, sku, location, " TIME_TEXT("opened_at") ", " TIME_TEXT(
              "changed_at") ", occurrences::text,"
                            " runbook_url FROM incidents WHERE state <> 'resolved' OR changed_at > $1"
                            " ORDER BY state = 'resolved', array_position(ARRAY['critical', 'error',"
                            " 'warning', 'info'], severity), opened_at DESC LIMIT 200"}},
        {{"guards",
          "what guards keep from being written",
          {"shop", "scope", "guard", "stopped"}},
         {"trouble_guards",
          "SELECT shop, scope, guard, " TIME_TEXT(
              "stopped_at") " FROM guard_stops"
                            " WHERE $1::timestamptz IS NOT NULL ORDER BY stopped_at LIMIT 200"}},
        {{"alerts", "alerts told, by route", {"route", "how", "alerts", "late", "last"}},
         {"trouble_alerts",
          "SELECT route, how, count(*)::text, (count(*) FILTER (WHERE is_late))::text, " TIME_TEXT(
              "max(at)") " FROM alert_log WHERE at > $1 GROUP BY route, how"
                         " ORDER BY route, how LIMIT 200"}},
        {{"webhooks", "webhooks taken, by shop", {"shop", "taken", "last", "owed"}},
         {"trouble_webhooks",
          "SELECT s.shop, count(*)::text, " TIME_TEXT(
              "max(s.seen_at)") ", (SELECT count(*)"
                                " FROM webhook_looks l WHERE l.shop = s.shop)::text FROM webhook_seen s"
                                " WHERE s.seen_at > $1 GROUP BY s.shop ORDER BY s.shop LIMIT 200"}},
        {{"verifications",
          "verifications",
          {"run", "name", "taken", "build", "schema", "checked", "verdict", "wrong",
           "checked_build", "checked_schema"}},
         {"trouble_verifications",
          "SELECT r.id::text, r.name, " TIME_TEXT(
              "r.taken_at") ", r.build,"
                            " r.schema_version::text, " TIME_TEXT(
                                "c.ended_at") ", c.outcome, c.wrong::text,"
                                              " c.build, c.schema_version::text FROM verify_runs r LEFT JOIN LATERAL (SELECT *"
                                              " FROM verify_checks k WHERE k.run_id = r.id ORDER BY k.id DESC LIMIT 1) c ON true"
                                              " WHERE $1::timestamptz IS NOT NULL ORDER BY r.id DESC LIMIT 20"}},
        {{"last_good",
          "when all was well last",
          {"shop", "clean_comparison", "comparison", "write", "catalogue", "event"}},
         {"trouble_last_good", "SELECT s.shop, " TIME_TEXT("(SELECT max(r.started_at) FROM drift_runs r"
                                                           " WHERE r.shop = s.shop AND r.kind <> 'hot'"
                                                           " AND r.state = 'finished' AND r.findings = 0)") ", " TIME_TEXT("(SELECT max(r.started_at) FROM drift_runs r WHERE r.shop = s.shop"
                                                                                                                           " AND r.kind <> 'hot' AND r.state = 'finished')") ", " TIME_TEXT("(SELECT max(w.settled_at) FROM shop_writes w WHERE w.shop = s.shop"
                                                                                                                                                                                            " AND w.state = 'applied')") ", " TIME_TEXT("(SELECT max(c.finished_at) FROM catalog_runs c WHERE c.shop = s.shop)") ", " TIME_TEXT("(SELECT max(updated_at) FROM progress)") " FROM (SELECT shop FROM shop_leases UNION SELECT DISTINCT shop FROM catalog_runs) s"
                                                                                                                                                                                                                                                                                                                                                                          " WHERE $1::timestamptz IS NOT NULL ORDER BY s.shop LIMIT 200"}},
};

const struct trouble_table *store_trouble_table(size_t at)
{
    return at < COUNT_OF(SOURCES) ? &SOURCES[at].table : NULL;
}

static size_t column_count(const struct trouble_table *table)
{
    size_t count = 0;
    while (count < TROUBLE_COLUMNS_MAX && table->columns[count] != NULL)
        count++;
    return count;
}

enum status store_trouble_rows(struct postgres *postgres, size_t at, int64_t since_us,
                               const struct trouble_visitor *visitor, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    struct span cells[TROUBLE_COLUMNS_MAX];
    ASSERT(at < COUNT_OF(SOURCES));
    size_t count = column_count(&SOURCES[at].table);
    pg_params_init(&params);
    pg_params_time(&params, true, since_us);
    enum status status =
        postgres_query(postgres, &SOURCES[at].statement, &params, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++) {
        ASSERT(row < TROUBLE_ROWS_MAX);
        for (size_t cell = 0; cell < count; cell++)
            cells[cell] = rows_span(&rows, row, (int)cell);
        status = visitor->row(visitor->self, cells, count, error);
    }
    return status;
}

/* ---- facts ------------------------------------------------------------------------------ */

static const struct statement CHANGES = {
    "trouble_changes",
    "SELECT (SELECT max(first_seen) FROM contracts),"
    " $2::text IS NOT NULL AND EXISTS (SELECT 1 FROM shop_leases WHERE contract <> ''"
    " AND contract <> $2),"
    " (SELECT max(changed_at) FROM imports),"
    " (SELECT max(acted_at) FROM drift_actions WHERE batch <> '' AND NOT is_rule),"
    " (SELECT max(finished_at) FROM catalog_runs),"
    " (SELECT r.build <> $3 FROM verify_runs r ORDER BY r.id DESC LIMIT 1),"
    " (SELECT c.outcome = 'failed' FROM verify_checks c ORDER BY c.id DESC LIMIT 1),"
    " (SELECT min(at) FROM (SELECT min(observed_at) AS at FROM drift_findings"
    " WHERE observed_at > $1 UNION ALL SELECT min(opened_at) FROM incidents"
    " WHERE opened_at > $1) s)"};

static const struct statement WAITS = {
    "trouble_waits",
    "SELECT (SELECT max(updated_at) FROM progress),"
    " (SELECT count(*) FROM shop_levels WHERE dirty AND fault = ''),"
    " (SELECT min(desired_at) FROM shop_levels WHERE dirty AND fault = ''),"
    " (SELECT min(at) FROM (SELECT max(w.settled_at) AS at FROM shop_writes w"
    " WHERE w.state = 'applied' GROUP BY w.shop) s),"
    " (SELECT count(*) FROM shop_leases WHERE throttled_at > now() - interval '5 min'),"
    " (SELECT count(*) FROM outbox) + (SELECT count(*) FROM shop_outbox)"
    " + (SELECT count(*) FROM incident_outbox)"
    " WHERE $1::timestamptz IS NOT NULL"};

static const struct statement FAILURES = {
    "trouble_failures",
    "SELECT (SELECT count(*) FROM shop_writes WHERE created_at > $1),"
    " (SELECT count(*) FROM shop_writes WHERE created_at > $1 AND state = 'refused'),"
    " (SELECT count(*) FROM shop_writes WHERE created_at > $1 AND state = 'unknown'),"
    " (SELECT coalesce(sum(read), 0)::bigint FROM progress),"
    " (SELECT coalesce(sum(rejected), 0)::bigint FROM progress),"
    " (SELECT count(*) FROM guard_stops),"
    " (SELECT count(*) FROM alert_log WHERE at > $1 AND how = 'undelivered'),"
    " (SELECT count(*) FROM drift_findings WHERE observed_at > $1),"
    " (SELECT count(*) FROM drift_findings WHERE observed_at > $1 AND cause = 'unknown')"};

static const struct statement SCHEMA = {"trouble_schema",
                                        "SELECT max(applied_at) FROM schema_migrations"
                                        " WHERE $1::timestamptz IS NOT NULL"};

static const struct statement OPEN = {
    "trouble_open", "SELECT class, count(*) FROM incidents WHERE state <> 'resolved'"
                    " AND $1::timestamptz IS NOT NULL GROUP BY class"};

static enum status ask(struct postgres *postgres, const struct statement *statement,
                       int64_t since_us, struct rows *rows, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_time(&params, true, since_us);
    return postgres_query(postgres, statement, &params, rows, error);
}

static enum status read_changes(struct postgres *postgres,
                                const struct trouble_question *question,
                                struct trouble_facts *facts, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_time(&params, true, facts->since_us);
    pg_params_text(&params, question->digest);
    pg_params_text(&params, question->build);
    enum status status = postgres_query(postgres, &CHANGES, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    facts->contract_at_us = rows_time(&rows, 0, 0);
    facts->other_contract = rows_bool(&rows, 0, 1);
    facts->import_at_us = rows_time(&rows, 0, 2);
    facts->resync_at_us = rows_time(&rows, 0, 3);
    facts->catalog_at_us = rows_time(&rows, 0, 4);
    facts->other_build = rows_bool(&rows, 0, 5);
    facts->verify_failed = rows_bool(&rows, 0, 6);
    facts->symptom_at_us = rows_time(&rows, 0, 7);
    return STATUS_OK;
}

static enum status read_waits(struct postgres *postgres, struct trouble_facts *facts,
                              struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask(postgres, &WAITS, facts->since_us, &rows, error);
    if (status != STATUS_OK)
        return status;
    facts->judged_at_us = rows_time(&rows, 0, 0);
    facts->dirty = rows_int(&rows, 0, 1);
    facts->dirty_since_us = rows_time(&rows, 0, 2);
    facts->written_at_us = rows_time(&rows, 0, 3);
    facts->throttled_shops = rows_int(&rows, 0, 4);
    facts->untold = rows_int(&rows, 0, 5);
    return STATUS_OK;
}

static enum status read_failures(struct postgres *postgres, struct trouble_facts *facts,
                                 struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask(postgres, &FAILURES, facts->since_us, &rows, error);
    if (status != STATUS_OK)
        return status;
    facts->writes = rows_int(&rows, 0, 0);
    facts->writes_refused = rows_int(&rows, 0, 1);
    facts->writes_unknown = rows_int(&rows, 0, 2);
    facts->read = rows_int(&rows, 0, 3);
    facts->rejected = rows_int(&rows, 0, 4);
    facts->guard_stops = rows_int(&rows, 0, 5);
    facts->undelivered = rows_int(&rows, 0, 6);
    facts->findings = rows_int(&rows, 0, 7);
    facts->findings_unknown = rows_int(&rows, 0, 8);
    return STATUS_OK;
}

static enum status read_open(struct postgres *postgres, struct trouble_facts *facts,
                             struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask(postgres, &OPEN, facts->since_us, &rows, error);
    for (int row = 0; status == STATUS_OK && row < rows.count; row++)
        for (int class = 0; class < INCIDENT_CLASS_COUNT; class ++)
            if (span_is(rows_span(&rows, row, 0),
                        incident_kind((enum incident_class) class)->id))
                facts->open[class] = rows_int(&rows, row, 1);
    return status;
}

enum status store_trouble_facts(struct postgres *postgres,
                                const struct trouble_question *question,
                                struct trouble_facts *facts, struct error *error)
{
    SCOPED(rows_release) struct rows rows = {0};
    enum status status = ask(postgres, &SCHEMA, facts->since_us, &rows, error);
    if (status == STATUS_OK)
        facts->schema_at_us = rows_time(&rows, 0, 0);
    if (status == STATUS_OK)
        status = read_changes(postgres, question, facts, error);
    if (status == STATUS_OK)
        status = read_waits(postgres, facts, error);
    if (status == STATUS_OK)
        status = read_failures(postgres, facts, error);
    return status == STATUS_OK ? read_open(postgres, facts, error) : status;
}
