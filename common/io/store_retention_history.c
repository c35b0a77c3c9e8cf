/*
 * What happened beside the ledger: comparisons and their findings, what was done about
 * them, writes to the shops, closed incidents and what people were told of them, dead
 * letters that were sent again, batches that were taken back. Each kind goes by its own
 * age, in pieces, so that nobody waits for long.
 */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/store_retention.h"

#define PIECE "10000"

/* What is read once more from a topic must still be known as done: topics keep less. */
#define ACTION_DAYS_MIN 35

struct kind {
    const char *name;
    int64_t (*days)(const struct retention_ages *ages); /* 0: kept for ever */
    struct statement statement; /* $1: the days; a piece at most */
};

static int64_t drift_days(const struct retention_ages *ages)
{
    return ages->drift_days;
}

static int64_t action_days(const struct retention_ages *ages)
{
    return ages->drift_days < ACTION_DAYS_MIN ? ACTION_DAYS_MIN : ages->drift_days;
}

static int64_t incident_days(const struct retention_ages *ages)
{
    return ages->incident_days;
}

/* `explain` tells a write as long as it tells the events that caused it. */
static int64_t write_days(const struct retention_ages *ages)
{
    return ages->keep_days + RETENTION_MARGIN_DAYS;
}

/* Of a batch whose events the ledger has forgotten nothing is left to take back; and the
 * KPIs count by these what was taken back where. */
static int64_t undo_days(const struct retention_ages *ages)
{
    int64_t days = write_days(ages);
    return ages->drift_days > days ? ages->drift_days : days;
}

#define OLDER_THAN(column) column " < clock_timestamp() - $1 * interval '1 day'"

/*
 * In the order in which they go: what depends on a row before the row itself. The newest
 * settled write of a pair stays: drift asks whether it arrived. So does a try of which
 * nobody knows whether it was sent: the next one sends it to the byte.
 */
static const struct kind KINDS[] = {
    {"drift_findings",
     drift_days,
     {"history_findings",
      "DELETE FROM drift_findings WHERE ctid = ANY (ARRAY(SELECT f.ctid"
      " FROM drift_runs r JOIN drift_findings f ON f.run_id = r.id"
      " WHERE " OLDER_THAN(
          "r.started_at") " AND r.state <> 'running'"
                          " AND NOT EXISTS (SELECT 1 FROM drift_actions a"
                          " WHERE a.finding_id = f.finding_id AND a.sku = f.sku"
                          " AND a.state IN ('held', 'pending', 'reading')) LIMIT " PIECE
                          "))"}},
    {"drift_sweeps",
     drift_days,
     {"history_sweeps",
      "DELETE FROM drift_sweeps WHERE ctid = ANY (ARRAY(SELECT s.ctid"
      " FROM drift_runs r JOIN drift_sweeps s ON s.run_id = r.id"
      " WHERE " OLDER_THAN("r.started_at") " AND r.state <> 'running' LIMIT " PIECE
                                           "))"}},
    {"drift_runs",
     drift_days,
     {"history_drift_runs",
      "DELETE FROM drift_runs WHERE id = ANY (ARRAY(SELECT r.id FROM drift_runs r"
      " WHERE " OLDER_THAN(
          "r.started_at") " AND r.state <> 'running' AND r.closed"
                          " AND NOT EXISTS (SELECT 1 FROM drift_findings f WHERE f.run_id = r.id)"
                          " LIMIT " PIECE "))"}},
    {"drift_actions",
     action_days,
     {"history_actions",
      "DELETE FROM drift_actions WHERE ctid = ANY (ARRAY(SELECT ctid"
      " FROM drift_actions WHERE " OLDER_THAN(
          "acted_at") " AND state IN ('none', 'done', 'failed', 'dropped') LIMIT " PIECE
                      "))"}},
    {"resolve_runs",
     action_days,
     {"history_resolve_runs",
      "DELETE FROM resolve_runs WHERE run_id = ANY (ARRAY(SELECT run_id"
      " FROM resolve_runs WHERE " OLDER_THAN(
          "seen_at") " AND state <> 'stopped' LIMIT " PIECE "))"}},
    {"spot_checks",
     drift_days,
     {"history_spot_checks",
      "DELETE FROM spot_checks WHERE ctid = ANY (ARRAY(SELECT ctid FROM spot_checks"
      " WHERE " OLDER_THAN("at") " LIMIT " PIECE "))"}},
    {"shop_write_pairs",
     write_days,
     {"history_write_pairs",
      "DELETE FROM shop_write_pairs WHERE ctid = ANY (ARRAY(SELECT p.ctid"
      " FROM shop_writes w JOIN shop_write_pairs p ON p.write_id = w.id"
      " WHERE " OLDER_THAN(
          "w.settled_at") " AND EXISTS (SELECT 1"
                          " FROM shop_write_pairs n JOIN shop_writes s ON s.id = n.write_id"
                          " WHERE n.sku = p.sku AND n.location = p.location AND n.write_id > p.write_id"
                          " AND s.shop = w.shop AND s.settled_at IS NOT NULL) LIMIT " PIECE
                          "))"}},
    {"shop_writes",
     write_days,
     {"history_writes",
      "DELETE FROM shop_writes WHERE id = ANY (ARRAY(SELECT w.id FROM shop_writes w"
      " WHERE " OLDER_THAN(
          "w.settled_at") " AND NOT EXISTS (SELECT 1"
                          " FROM shop_write_pairs p WHERE p.write_id = w.id)"
                          " AND NOT EXISTS (SELECT 1 FROM shop_levels l WHERE l.write_id = w.id)"
                          " LIMIT " PIECE "))"}},
    {"alerts",
     incident_days,
     {"history_alerts",
      "DELETE FROM alerts WHERE ctid = ANY (ARRAY(SELECT a.ctid FROM alerts a"
      " JOIN incidents i ON i.id = a.incident_id AND i.sku = a.sku"
      " WHERE i.state = 'resolved' AND " OLDER_THAN(
          "i.changed_at") " AND a.due_at IS NULL LIMIT " PIECE "))"}},
    {"incident_log",
     incident_days,
     {"history_incident_log",
      "DELETE FROM incident_log WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM incident_log l"
      " JOIN incidents i ON i.id = l.incident_id AND i.sku = l.sku"
      " WHERE i.state = 'resolved' AND " OLDER_THAN(
          "i.changed_at") " AND i.proposal_state NOT IN ('approved', 'taken')"
                          " AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.incident_id = i.id"
                          " AND a.sku = i.sku) LIMIT " PIECE "))"}},
    {"incidents",
     incident_days,
     {"history_incidents",
      "DELETE FROM incidents WHERE ctid = ANY (ARRAY(SELECT i.ctid FROM incidents i"
      " WHERE i.state = 'resolved' AND " OLDER_THAN(
          "i.changed_at") " AND NOT EXISTS (SELECT 1 FROM incident_log l WHERE l.incident_id = i.id"
                          " AND l.sku = i.sku) LIMIT " PIECE "))"}},
    {"alert_log",
     incident_days,
     {"history_alert_log",
      "DELETE FROM alert_log WHERE ctid = ANY (ARRAY(SELECT ctid FROM alert_log"
      " WHERE " OLDER_THAN("at") " LIMIT " PIECE "))"}},
    {"apply_days",
     drift_days,
     {"history_apply_days",
      "DELETE FROM apply_days WHERE ctid = ANY (ARRAY(SELECT ctid FROM apply_days"
      " WHERE " OLDER_THAN("(day + 1)::timestamp AT TIME ZONE 'UTC'") " LIMIT " PIECE
                                                                      "))"}},
    {"letter_retries",
     action_days,
     {"history_letter_retries",
      "DELETE FROM letter_retries WHERE ctid = ANY (ARRAY(SELECT r.ctid"
      " FROM letter_retries r WHERE " OLDER_THAN(
          "r.at") " AND EXISTS (SELECT 1 FROM letter_retries s WHERE s.topic = r.topic"
                  " AND s.partition = r.partition AND s.record_offset = r.record_offset"
                  " AND s.attempt >= r.attempt AND s.state = 'sent') LIMIT " PIECE "))"}},
    {"undo_pairs",
     undo_days,
     {"history_undo_pairs",
      "DELETE FROM undo_pairs WHERE ctid = ANY (ARRAY(SELECT ctid FROM undo_pairs"
      " WHERE " OLDER_THAN("at") " AND state = 'sent' LIMIT " PIECE "))"}},
    {"undos",
     incident_days,
     {"history_undos",
      "DELETE FROM undos WHERE id = ANY (ARRAY(SELECT u.id FROM undos u"
      " WHERE " OLDER_THAN("u.at") " AND NOT EXISTS (SELECT 1 FROM undo_pairs p"
                                   " WHERE p.undo_id = u.id) LIMIT " PIECE "))"}},
};
_Static_assert(COUNT_OF(KINDS) == RETENTION_HISTORY_COUNT, "a name and a count a kind");

const char *retention_history_name(size_t kind)
{
    ASSERT(kind < RETENTION_HISTORY_COUNT);
    return KINDS[kind].name;
}

/* Nobody may change these two but this job, and it only while it is at it. */
static const char OPEN_LOGS[] =
    "BEGIN; GRANT DELETE ON incident_log, alert_log TO CURRENT_USER";
static const char CLOSE_LOGS[] =
    "REVOKE DELETE ON incident_log, alert_log FROM CURRENT_USER; COMMIT";

static enum status remove_piece(struct postgres *postgres, const struct kind *kind,
                                int64_t days, int64_t *removed_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    struct error ignored;
    pg_params_init(&params);
    pg_params_int8(&params, days);
    *removed_out = 0;
    enum status status = postgres_script(postgres, OPEN_LOGS, error);
    if (status == STATUS_OK)
        status = postgres_query(postgres, &kind->statement, &params, &rows, error);
    if (status == STATUS_OK)
        status = postgres_script(postgres, CLOSE_LOGS, error);
    if (status == STATUS_OK)
        *removed_out = rows.affected;
    else if (postgres_alive(postgres))
        (void)postgres_script(postgres, "ROLLBACK", &ignored);
    return status;
}

static enum status remove_kind(struct postgres *postgres, const struct kind *kind,
                               int64_t days, int64_t *removed_out, struct error *error)
{
    int64_t piece = 0;
    enum status status;
    do {
        status = remove_piece(postgres, kind, days, &piece, error);
        *removed_out += piece;
    } while (status == STATUS_OK && piece > 0);
    return status;
}

enum status store_retention_history(struct postgres *postgres,
                                    const struct retention_ages *ages,
                                    int64_t removed[RETENTION_HISTORY_COUNT],
                                    struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < COUNT_OF(KINDS) && status == STATUS_OK; at++) {
        int64_t days = KINDS[at].days(ages);
        removed[at] = 0;
        if (days > 0)
            status = remove_kind(postgres, &KINDS[at], days, &removed[at], error);
    }
    return status;
}
