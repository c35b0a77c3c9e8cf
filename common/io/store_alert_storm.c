/*
 * The half of store_alert_send.h about storms and silence. Levels by number as in
 * common/domain/alert.h: triggered 1, over 3.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_alert_send.h"

/* What is held and not over is told by the summary; what was told by itself and has only
 * changed is counted as others. */
static const struct statement COUNT = {
    "alert_held",
    "SELECT value::jsonb->>'class', count(*), max(severity), min(since) FROM alerts "
    "WHERE route = $1 AND held AND wanted <> 3 AND told_crossing <> crossing "
    "GROUP BY 1 ORDER BY 2 DESC, 1"};

static const struct statement FIRST = {
    "alert_held_first",
    "SELECT incident_id FROM alerts WHERE route = $1 AND held AND wanted <> 3 "
    "AND told_crossing <> crossing ORDER BY queued_at, incident_id LIMIT $2"};

static const struct statement TELL = {
    "alert_sum_up",
    "WITH h AS (SELECT incident_id, sku, wanted <> 3 AND told_crossing <> crossing "
    "AS is_new FROM alerts WHERE route = $1 AND held FOR UPDATE), "
    "m AS (UPDATE alerts a SET held = false, told_crossing = crossing, "
    "told = CASE WHEN h.is_new THEN 1 ELSE a.wanted END, told_severity = a.severity, "
    "told_since = a.since, summary = CASE WHEN h.is_new THEN $2 ELSE a.summary END, "
    "due_at = CASE WHEN h.is_new AND a.wanted <> 1 THEN clock_timestamp() END FROM h "
    "WHERE a.route = $1 AND a.incident_id = h.incident_id AND a.sku = h.sku "
    "RETURNING a.*, h.is_new), "
    "l AS (INSERT INTO alert_log (incident_id, sku, route, revision, action, how, "
    "waited_ms, attempts, detail) SELECT incident_id, sku, route, revision, "
    "CASE WHEN is_new THEN 'trigger' WHEN wanted = 3 THEN 'resolve' ELSE 'acknowledge' "
    "END, 'summary', greatest(0, (extract(epoch FROM clock_timestamp() - since) * 1000)"
    "::bigint), attempts, $2 FROM m ON CONFLICT DO NOTHING) "
    "SELECT count(*) FILTER (WHERE NOT is_new) FROM m"};

static const struct statement PUT = {
    "alert_summary_put",
    "INSERT INTO alerts (incident_id, route, revision, wanted, crossing, severity, value, "
    "since, queued_at, due_at) VALUES ($1, $2, 1, 1, 1, $3, $4, $5, clock_timestamp(), "
    "clock_timestamp())"};

static const struct statement CLOSE = {
    "alert_summary_close",
    "UPDATE alerts s SET wanted = 3, revision = revision + 1, "
    "queued_at = clock_timestamp(), due_at = clock_timestamp(), "
    "value = jsonb_set(jsonb_set(value::jsonb, '{state}', '\"resolved\"'), "
    "'{evidence,ended}', '\"all that it told of are over\"')::text "
    "WHERE s.route = $1 AND s.incident_id LIKE 'sum-%' AND s.wanted = 1 AND s.told = 1 "
    "AND NOT EXISTS (SELECT 1 FROM alerts m WHERE m.summary = s.incident_id "
    "AND m.route = s.route AND m.wanted <> 3)"};

static const struct statement GIVE_UP = {
    "alert_give_up",
    "WITH g AS (UPDATE alerts SET is_reported = true, held = $3, "
    "due_at = CASE WHEN $3 THEN NULL ELSE due_at END WHERE route = $1 "
    "AND due_at IS NOT NULL AND told_crossing <> crossing AND wanted <> 3 "
    "AND NOT is_reported AND incident_id NOT LIKE 'sum-%' "
    "AND queued_at < clock_timestamp() - $2 * interval '1 second' RETURNING *), "
    "l AS (INSERT INTO alert_log (incident_id, sku, route, revision, action, how, "
    "waited_ms, is_late, attempts, detail) SELECT incident_id, sku, route, revision, "
    "'trigger', 'undelivered', greatest(0, (extract(epoch FROM clock_timestamp() - since) "
    "* 1000)::bigint), true, attempts, $4 FROM g ON CONFLICT DO NOTHING) "
    "SELECT count(*), min(incident_id) FROM g"};

static const struct statement INCIDENT = {
    "alert_incident", "SELECT id, sku FROM incidents WHERE class = $1 "
                      "AND evidence->>'route' = $2 AND state <> 'resolved'"};

static enum status out_of_memory(struct error *error)
{
    return error_set(error, STATUS_RETRY, "alerts: out of memory");
}

/* ---- summaries --------------------------------------------------------------------------- */

static bool count_held(struct alert_summary *summary, const struct rows *rows,
                       struct pool *pool)
{
    for (int row = 0; row < rows->count; row++) {
        enum alert_severity severity = (enum alert_severity)rows_int(rows, row, 2);
        summary->opened += rows_int(rows, row, 1);
        if (severity > summary->severity)
            summary->severity = severity;
        if (row == 0 || rows_time(rows, row, 3) < summary->since_us)
            summary->since_us = rows_time(rows, row, 3);
        if (summary->class_count == ALERT_SUMMARY_CLASSES_MAX)
            continue; /* counted above, only not named */
        struct span class = pool_span(pool, rows_span(rows, row, 0));
        if (class.bytes == NULL)
            return false;
        summary->counts[summary->class_count] = rows_int(rows, row, 1);
        summary->classes[summary->class_count++] = class;
    }
    return true;
}

static enum status find_held(struct postgres *postgres, struct alert_summary *summary,
                             struct pool *pool, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows counts = {0};
    SCOPED(rows_release) struct rows first = {0};
    pg_params_init(&params);
    pg_params_text(&params, summary->route);
    enum status status = postgres_query(postgres, &COUNT, &params, &counts, error);
    if (status == STATUS_OK && !count_held(summary, &counts, pool))
        return out_of_memory(error);
    pg_params_int8(&params, ALERT_SUMMARY_FIRST_MAX);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &FIRST, &params, &first, error);
    for (int row = 0; status == STATUS_OK && row < first.count; row++) {
        summary->first[summary->first_count] = pool_span(pool, rows_span(&first, row, 0));
        if (summary->first[summary->first_count++].bytes == NULL)
            return out_of_memory(error);
    }
    return status;
}

static enum status tell_held(struct postgres *postgres, struct alert_summary *summary,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, summary->route);
    pg_params_text(&params, summary->id);
    enum status status = postgres_query(postgres, &TELL, &params, &rows, error);
    if (status == STATUS_OK)
        summary->others = rows_int(&rows, 0, 0);
    return status;
}

static enum status put_summary(struct postgres *postgres,
                               const struct alert_summary *summary, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(buf_free) struct buf value = {0};
    buf_init(&value, (size_t)1 << 20);
    alert_json_summary(summary, &value);
    if (value.failed)
        return out_of_memory(error);
    pg_params_init(&params);
    pg_params_text(&params, summary->id);
    pg_params_text(&params, summary->route);
    pg_params_int4(&params, (int32_t)summary->severity);
    pg_params_text(&params, buf_view(&value));
    pg_params_time(&params, true, summary->since_us);
    return postgres_query(postgres, &PUT, &params, NULL, error);
}

enum status store_alert_sum_up(struct postgres *postgres, struct alert_summary *summary,
                               struct pool *pool, struct error *error)
{
    enum status status = find_held(postgres, summary, pool, error);
    if (status == STATUS_OK)
        status = tell_held(postgres, summary, error);
    if (status == STATUS_OK && summary->opened + summary->others > 0)
        status = put_summary(postgres, summary, error);
    return status;
}

enum status store_alert_close(struct postgres *postgres, struct span route,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, route);
    return postgres_query(postgres, &CLOSE, &params, NULL, error);
}

/* ---- silence ------------------------------------------------------------------------------- */

enum status store_alert_give_up(struct postgres *postgres, struct alert_silence *silence,
                                struct pool *pool, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, silence->route);
    pg_params_int8(&params, silence->give_up_seconds);
    pg_params_bool(&params, silence->holds);
    pg_params_text(&params, silence->detail);
    enum status status = postgres_query(postgres, &GIVE_UP, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    silence->count = rows_int(&rows, 0, 0);
    silence->first = (struct span){0};
    if (silence->count == 0)
        return STATUS_OK;
    silence->first = pool_span(pool, rows_span(&rows, 0, 1));
    return silence->first.bytes != NULL ? STATUS_OK : out_of_memory(error);
}

enum status store_alert_incident(struct postgres *postgres, struct span class,
                                 struct span route, struct rows *rows,
                                 struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, class);
    pg_params_text(&params, route);
    return postgres_query(postgres, &INCIDENT, &params, rows, error);
}
