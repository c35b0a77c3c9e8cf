#include "common/io/store_alert_send.h"

#include "common/base/check.h"
#include "common/base/scope.h"

static const struct statement HOLD = {
    "alert_hold",
    "SELECT clock_timestamp(), window_at, sent, tries, retry_at, since, summaries, "
    "is_reported, is_late, EXISTS (SELECT 1 FROM alerts a WHERE a.route = r.route "
    "AND a.held), EXISTS (SELECT 1 FROM alerts s WHERE s.route = r.route "
    "AND s.incident_id LIKE 'sum-%' AND s.wanted = 1 AND s.told = 0) "
    "FROM alert_routes r WHERE route = $1 FOR UPDATE OF r SKIP LOCKED"};

static const struct statement KEEP = {
    "alert_keep", "UPDATE alert_routes SET window_at = $2, sent = $3, tries = $4, "
                  "retry_at = $5, summaries = $6, is_reported = $7, is_late = $8 "
                  "WHERE route = $1"};

static const struct statement DUE = {
    "alert_due",
    "SELECT incident_id, sku, revision, wanted, crossing, severity, told, told_crossing, "
    "summary IS NOT NULL, told_severity, value, since, told_since, queued_at, due_at, "
    "attempts, traceparent FROM alerts WHERE route = $1 AND due_at <= $2 "
    "ORDER BY due_at, incident_id LIMIT $3"};

static const struct statement WAITING = {
    "alert_waiting", "SELECT (SELECT count(*) FROM alerts WHERE route = $1 AND due_at <= "
                     "clock_timestamp()) + (SELECT count(*) FROM alerts "
                     "WHERE route = $1 AND held)"};

static const struct statement MARKS = {
    "alert_marks",
    "UPDATE alerts a SET told = u.told, told_crossing = u.told_crossing, "
    "told_severity = u.told_severity, told_since = u.told_since, "
    "held = u.held AND a.crossing = u.crossing AND a.wanted = u.wanted, "
    "attempts = u.attempts, due_at = CASE WHEN a.crossing = u.crossing "
    "AND a.wanted = u.wanted THEN u.due_at ELSE a.due_at END "
    "FROM unnest($2::text[], $3::text[], $4::bigint[], $5::int2[], $6::bigint[], "
    "$7::int2[], $8::timestamptz[], $9::timestamptz[], $10::boolean[], $11::bigint[], "
    "$12::bigint[], $13::int2[]) AS u (incident_id, sku, revision, told, told_crossing, "
    "told_severity, told_since, due_at, held, attempts, crossing, wanted) WHERE a.route = $1 AND a.incident_id = u.incident_id "
    "AND a.sku = u.sku"};

static const struct statement ENTRIES = {
    "alert_entries",
    "INSERT INTO alert_log (incident_id, sku, route, revision, action, how, waited_ms, "
    "is_late, attempts, detail) SELECT incident_id, sku, $1, revision, action, how, "
    "waited_ms, is_late, attempts, detail FROM unnest($2::text[], $3::text[], "
    "$4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::boolean[], $9::bigint[], "
    "$10::text[]) AS u (incident_id, sku, revision, action, how, waited_ms, is_late, "
    "attempts, detail) ON CONFLICT DO NOTHING"};

static void name_columns(struct pg_params *params, const struct alert_due *const *dues,
                         size_t count)
{
    struct span ids[ALERT_DUE_MAX];
    struct span skus[ALERT_DUE_MAX];
    int64_t revisions[ALERT_DUE_MAX];
    for (size_t at = 0; at < count; at++) {
        ids[at] = dues[at]->incident_id;
        skus[at] = dues[at]->sku;
        revisions[at] = dues[at]->standing.revision;
    }
    pg_params_text_array(params, ids, count);
    pg_params_text_array(params, skus, count);
    pg_params_int8_array(params, revisions, NULL, count);
}

/* ---- the route ------------------------------------------------------------------------- */

enum status store_alert_hold(struct postgres *postgres, struct alert_speaker *speaker,
                             struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, speaker->route);
    enum status status = postgres_query(postgres, &HOLD, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    speaker->is_held = rows.count == 1;
    if (!speaker->is_held)
        return STATUS_OK;
    speaker->now_us = rows_time(&rows, 0, 0);
    speaker->window = (struct alert_window){.began_us = rows_time(&rows, 0, 1),
                                            .sent = rows_int(&rows, 0, 2),
                                            .holds = rows_bool(&rows, 0, 9)};
    speaker->tries = rows_int(&rows, 0, 3);
    speaker->retry_at_us = rows_time(&rows, 0, 4);
    speaker->since_us = rows_time(&rows, 0, 5);
    speaker->summaries = rows_int(&rows, 0, 6);
    speaker->is_reported = rows_bool(&rows, 0, 7);
    speaker->is_late = rows_bool(&rows, 0, 8);
    speaker->sums_up = rows_bool(&rows, 0, 10);
    return STATUS_OK;
}

enum status store_alert_keep(struct postgres *postgres,
                             const struct alert_speaker *speaker, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    pg_params_init(&params);
    pg_params_text(&params, speaker->route);
    pg_params_time(&params, speaker->window.began_us != 0, speaker->window.began_us);
    pg_params_int8(&params, speaker->window.sent);
    pg_params_int8(&params, speaker->tries);
    pg_params_time(&params, speaker->retry_at_us != 0, speaker->retry_at_us);
    pg_params_int8(&params, speaker->summaries);
    pg_params_bool(&params, speaker->is_reported);
    pg_params_bool(&params, speaker->is_late);
    return postgres_query(postgres, &KEEP, &params, NULL, error);
}

/* ---- what is due ------------------------------------------------------------------------ */

static bool read_due(const struct rows *rows, int row, struct pool *pool,
                     struct alert_due *due)
{
    *due = (struct alert_due){
        .incident_id = pool_span(pool, rows_span(rows, row, 0)),
        .sku = pool_span(pool, rows_span(rows, row, 1)),
        .standing = {.exists = true,
                     .revision = rows_int(rows, row, 2),
                     .wanted = (enum alert_level)rows_int(rows, row, 3),
                     .crossing = rows_int(rows, row, 4),
                     .severity = (enum alert_severity)rows_int(rows, row, 5),
                     .told = (enum alert_level)rows_int(rows, row, 6),
                     .told_crossing = rows_int(rows, row, 7),
                     .in_summary = rows_bool(rows, row, 8)},
        .told_severity = (enum alert_severity)rows_int(rows, row, 9),
        .value = pool_span(pool, rows_span(rows, row, 10)),
        .since_us = rows_time(rows, row, 11),
        .told_since_us = rows_time(rows, row, 12),
        .queued_at_us = rows_time(rows, row, 13),
        .due_at_us = rows_time(rows, row, 14),
        .attempts = rows_int(rows, row, 15)};
    if (!rows_is_null(rows, row, 16))
        due->traceparent = pool_span(pool, rows_span(rows, row, 16));
    return due->incident_id.bytes != NULL && due->sku.bytes != NULL &&
           due->value.bytes != NULL;
}

enum status store_alert_due(struct postgres *postgres,
                            const struct alert_speaker *speaker, struct pool *pool,
                            struct alert_due_page *page_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    page_out->count = 0;
    pg_params_init(&params);
    pg_params_text(&params, speaker->route);
    pg_params_time(&params, true, speaker->now_us);
    pg_params_int8(&params, ALERT_DUE_MAX);
    enum status status = postgres_query(postgres, &DUE, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    for (int row = 0; row < rows.count; row++)
        if (!read_due(&rows, row, pool, &page_out->items[page_out->count++]))
            return error_set(error, STATUS_RETRY, "alerts: out of memory");
    return STATUS_OK;
}

enum status store_alert_waiting(struct postgres *postgres, struct span route,
                                int64_t *count_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, route);
    enum status status = postgres_query(postgres, &WAITING, &params, &rows, error);
    *count_out = status == STATUS_OK ? rows_int(&rows, 0, 0) : 0;
    return status;
}

/* ---- what became of it -------------------------------------------------------------------- */

struct mark_columns {
    const struct alert_due *dues[ALERT_DUE_MAX];
    int16_t told[ALERT_DUE_MAX];
    int64_t crossings[ALERT_DUE_MAX];
    int16_t severities[ALERT_DUE_MAX];
    int64_t since[ALERT_DUE_MAX];
    bool has_since[ALERT_DUE_MAX];
    int64_t due_at[ALERT_DUE_MAX];
    bool is_due[ALERT_DUE_MAX];
    bool held[ALERT_DUE_MAX];
    int64_t attempts[ALERT_DUE_MAX];
    int64_t wanted_crossings[ALERT_DUE_MAX];
    int16_t wanted[ALERT_DUE_MAX];
};

enum status store_alert_marks(struct postgres *postgres, struct span route,
                              const struct alert_mark *marks, size_t count,
                              struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct mark_columns columns;
    ASSERT(count <= ALERT_DUE_MAX);
    if (count == 0)
        return STATUS_OK;
    for (size_t at = 0; at < count; at++) {
        columns.dues[at] = marks[at].due;
        columns.told[at] = (int16_t)marks[at].standing.told;
        columns.crossings[at] = marks[at].standing.told_crossing;
        columns.severities[at] = (int16_t)marks[at].told_severity;
        columns.since[at] = marks[at].told_since_us;
        columns.has_since[at] = marks[at].told_since_us != 0;
        columns.due_at[at] = marks[at].due_at_us;
        columns.is_due[at] = marks[at].due_at_us != 0;
        columns.held[at] = marks[at].held;
        columns.attempts[at] = marks[at].attempts;
        columns.wanted_crossings[at] = marks[at].due->standing.crossing;
        columns.wanted[at] = (int16_t)marks[at].due->standing.wanted;
    }
    pg_params_init(&params);
    pg_params_text(&params, route);
    name_columns(&params, columns.dues, count);
    pg_params_int2_array(&params, columns.told, count);
    pg_params_int8_array(&params, columns.crossings, NULL, count);
    pg_params_int2_array(&params, columns.severities, count);
    pg_params_time_array(&params, columns.since, columns.has_since, count);
    pg_params_time_array(&params, columns.due_at, columns.is_due, count);
    pg_params_bool_array(&params, columns.held, count);
    pg_params_int8_array(&params, columns.attempts, NULL, count);
    pg_params_int8_array(&params, columns.wanted_crossings, NULL, count);
    pg_params_int2_array(&params, columns.wanted, count);
    return postgres_query(postgres, &MARKS, &params, NULL, error);
}

struct entry_columns {
    const struct alert_due *dues[ALERT_DUE_MAX];
    struct span actions[ALERT_DUE_MAX];
    struct span hows[ALERT_DUE_MAX];
    int64_t waited_ms[ALERT_DUE_MAX];
    bool is_late[ALERT_DUE_MAX];
    int64_t attempts[ALERT_DUE_MAX];
    struct span details[ALERT_DUE_MAX];
};

enum status store_alert_entries(struct postgres *postgres, struct span route,
                                const struct alert_entry *entries, size_t count,
                                struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    struct entry_columns columns;
    ASSERT(count <= ALERT_DUE_MAX);
    if (count == 0)
        return STATUS_OK;
    for (size_t at = 0; at < count; at++) {
        columns.dues[at] = entries[at].due;
        columns.actions[at] = span_from(entries[at].action);
        columns.hows[at] = span_from(entries[at].how);
        columns.waited_ms[at] = entries[at].waited_ms;
        columns.is_late[at] = entries[at].is_late;
        columns.attempts[at] = entries[at].attempts;
        columns.details[at] =
            entries[at].detail.bytes != NULL ? entries[at].detail : SPAN_OF("");
    }
    pg_params_init(&params);
    pg_params_text(&params, route);
    name_columns(&params, columns.dues, count);
    pg_params_text_array(&params, columns.actions, count);
    pg_params_text_array(&params, columns.hows, count);
    pg_params_int8_array(&params, columns.waited_ms, NULL, count);
    pg_params_bool_array(&params, columns.is_late, count);
    pg_params_int8_array(&params, columns.attempts, NULL, count);
    pg_params_text_array(&params, columns.details, count);
    return postgres_query(postgres, &ENTRIES, &params, NULL, error);
}
