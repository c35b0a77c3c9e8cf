-- KPIs: one view a number, by day (UTC), shop and location. Each has a comment that says
-- what is counted; docs/kpi.md says how to count it by hand. '' as location: what concerns
-- the shop; '' as shop: what concerns all of them.

-- What a comparison of everything knew and compared, a row a location: a location that it
-- passed over has a row that says so. known: pairs that should show something and whose SKU
-- the shop has; compared: those of them that were held against the shop; stale: those whose
-- ruling level was older than its source may be.
CREATE TABLE drift_sweeps (
    run_id   bigint NOT NULL,
    shop     text   COLLATE "C" NOT NULL,
    location text   COLLATE "C" NOT NULL,
    known    bigint NOT NULL,
    compared bigint NOT NULL,
    stale    bigint NOT NULL,
    PRIMARY KEY (run_id, location)
);

-- Records that apply judged, by the database's day of their batch. events: all but those that
-- were produced again under another key, which are judged there.
CREATE TABLE apply_days (
    day       date    NOT NULL,
    topic     text    NOT NULL,
    partition integer NOT NULL,
    events    bigint  NOT NULL,
    rejected  bigint  NOT NULL,
    PRIMARY KEY (day, topic, partition)
);

CREATE FUNCTION kpi_day(at timestamptz) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (at AT TIME ZONE 'UTC')::date;
COMMENT ON FUNCTION kpi_day IS 'The day of a moment, in UTC.';

CREATE INDEX drift_runs_by_day ON drift_runs (kpi_day(started_at));
CREATE INDEX drift_findings_by_day ON drift_findings (kpi_day(observed_at));
CREATE INDEX drift_findings_oversold ON drift_findings (shop, sku, location, observed_at)
    WHERE cause = 'oversold';
CREATE INDEX drift_actions_by_day ON drift_actions (kpi_day(acted_at));
CREATE INDEX drift_actions_by_end ON drift_actions (kpi_day(settled_at))
    WHERE state = 'done';
CREATE INDEX incident_log_by_day ON incident_log (kpi_day(at));
CREATE INDEX incidents_oversold ON incidents (id, sku)
    WHERE class IN ('shop_oversold', 'stock_oversold');
CREATE INDEX incidents_of_guards ON incidents (opened_at)
    WHERE class IN ('guard_stopped', 'zeroing_stopped', 'import_guard');
CREATE INDEX alert_log_by_day ON alert_log (kpi_day(at));
CREATE INDEX shop_units_by_day ON shop_units USING brin (kpi_day(at));

-- ---- the four ------------------------------------------------------------------------------

CREATE VIEW kpi_mismatch AS
SELECT kpi_day(r.started_at) AS day, r.shop, s.location,
    count(*) AS sweeps,
    sum(s.known)::bigint AS known,
    sum(s.compared)::bigint AS compared,
    sum(s.mismatched)::bigint AS mismatched,
    sum(s.stale)::bigint AS stale,
    round(100.0 * sum(s.mismatched) / nullif(sum(s.compared), 0), 4) AS mismatch_percent,
    round(100.0 * sum(s.compared) / nullif(sum(s.known), 0), 4) AS coverage_percent
FROM drift_runs r CROSS JOIN LATERAL (
    SELECT w.location, w.known, w.compared, w.stale, coalesce(f.pairs, 0) AS mismatched
    FROM drift_sweeps w LEFT JOIN (
        SELECT location, count(*) AS pairs FROM drift_findings WHERE run_id = r.id
        GROUP BY location) f ON f.location = w.location
    WHERE w.run_id = r.id) s
WHERE r.state = 'finished'
GROUP BY 1, 2, 3;
COMMENT ON VIEW kpi_mismatch IS
'Mismatch rate by location, and coverage. Sweeps are comparisons of everything (rows in drift_sweeps) that began on the day and finished. mismatched = their findings at the location; compared, known, stale = the sums of their rows in drift_sweeps. mismatch_percent = mismatched of compared; coverage_percent = compared of known.';

-- Days on which a pair was oversold, as incidents and as comparisons say.
CREATE VIEW oversold_days AS
SELECT day, shop, sku, location, max(units) AS units FROM (
    SELECT kpi_day(observed_at) AS day, shop, sku, location,
        greatest(-coalesce(shown, 0), 0) AS units
    FROM drift_findings WHERE cause = 'oversold'
    UNION ALL
    SELECT kpi_day(g.at), i.shop, i.sku, i.location,
        CASE WHEN jsonb_typeof(g.evidence -> 'units') = 'number'
            THEN (g.evidence ->> 'units')::bigint ELSE 0 END
    FROM incidents i JOIN incident_log g ON g.incident_id = i.id AND g.sku = i.sku
    WHERE i.class IN ('shop_oversold', 'stock_oversold')
        AND g.state IN ('opened', 'reopened')) AS seen
WHERE shop IS NOT NULL AND location IS NOT NULL
GROUP BY day, shop, sku, location;
COMMENT ON VIEW oversold_days IS
'A row a day and pair on which it was oversold: a comparison found it with the cause oversold, or an incident of class shop_oversold or stock_oversold opened or came back. units = the most of that day.';

CREATE VIEW kpi_oversells AS
SELECT day, shop, location, count(*) AS oversells, sum(units)::bigint AS units
FROM (SELECT *, lag(day) OVER (PARTITION BY shop, sku, location ORDER BY day) AS before
    FROM oversold_days) AS seen
WHERE before IS DISTINCT FROM day - 1
GROUP BY day, shop, location;
COMMENT ON VIEW kpi_oversells IS
'Oversell incidents. A pair counts on a day of oversold_days unless it has one on the day before, too: a pair that stays oversold for days is one incident. units = those of that first day.';

CREATE VIEW kpi_orders AS
SELECT kpi_day(at) AS day, shop, location,
    count(*) FILTER (WHERE units > 0) AS lines,
    sum(units)::bigint AS units
FROM shop_units WHERE kind = 1
GROUP BY 1, 2, 3;
COMMENT ON VIEW kpi_orders IS
'Order lines that oversells are held against: events shop.ordered that occurred on the day, with a quantity above 0; units: of all of them, cancellations taken off. Location is empty where the shop had assigned none.';

CREATE VIEW kpi_resyncs AS
SELECT kpi_day(acted_at) AS day, shop, location,
    count(*) FILTER (WHERE state = 'done') AS done,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state IN ('pending', 'reading')) AS open,
    round(100.0 * count(*) FILTER (WHERE state = 'done')
        / nullif(count(*) FILTER (WHERE state IN ('done', 'failed')), 0), 4)
        AS success_percent
FROM drift_actions
WHERE action = 'resync' AND is_rule AND state IN ('done', 'failed', 'pending', 'reading')
GROUP BY 1, 2, 3;
COMMENT ON VIEW kpi_resyncs IS
'Auto-resync success. Resyncs that a rule asked for on the day (drift_actions, is_rule): done = the shop was read back and showed what it should; failed = it did not; open = neither yet. success_percent = done of done and failed. What a guard holds does not count, nor what a person asked for.';

CREATE VIEW kpi_interventions AS
SELECT day, shop, location, kind, count(*) AS interventions FROM (
    SELECT kpi_day(g.at) AS day, coalesce(i.shop, '') AS shop,
        coalesce(i.location, '') AS location,
        CASE WHEN g.state = 'resolved' THEN 'resolve'
            WHEN g.state = 'reopened' THEN 'reopen'
            WHEN g.note LIKE 'action approved%' THEN 'approve'
            WHEN g.note LIKE 'action rejected%' THEN 'reject' ELSE 'other' END AS kind
    FROM incident_log g JOIN incidents i ON i.id = g.incident_id AND i.sku = g.sku
    WHERE g.state <> 'acknowledged' AND g.actor NOT IN
        ('apply', 'push', 'drift', 'resolve', 'notify', 'gateway', 'import')
    UNION ALL
    SELECT kpi_day(min(acted_at)), shop, location, 'resync' FROM drift_actions
    WHERE NOT is_rule AND incident IS NULL AND batch <> '' GROUP BY batch, shop, location
    UNION ALL
    SELECT kpi_day(at), '', location, 'spot_check' FROM spot_checks
    WHERE event_id <> '') AS acts
GROUP BY day, shop, location, kind;
COMMENT ON VIEW kpi_interventions IS
'Manual interventions: rows of incident_log by a person (approve, reject, resolve, reopen; to acknowledge is not to intervene); commands resync, once a shop and location however many pairs; spot checks that became a count.';

-- ---- what hides a failure ---------------------------------------------------------------------

CREATE VIEW kpi_runs AS
SELECT kpi_day(r.started_at) AS day, r.shop,
    count(*) FILTER (WHERE r.kind = 'full' AND r.state = 'missed') AS missed,
    count(*) FILTER (WHERE r.kind = 'full' AND (r.state IN ('partial', 'failed')
        OR (r.state = 'running' AND r.started_at < now() - interval '1 day'))) AS broken,
    coalesce(sum(r.in_flight) FILTER (WHERE r.state = 'finished'
        AND EXISTS (SELECT 1 FROM drift_sweeps s WHERE s.run_id = r.id)), 0)::bigint
        AS in_flight
FROM drift_runs r
GROUP BY 1, 2;
COMMENT ON VIEW kpi_runs IS
'Sweeps that say nothing. missed = rows of drift_runs of kind full with the state missed; broken = those with partial or failed, or running since more than a day; in_flight = pairs that finished sweeps gave up because they never came to rest.';

CREATE VIEW kpi_found AS
SELECT kpi_day(observed_at) AS day, shop, location, cause, count(DISTINCT sku) AS pairs
FROM drift_findings
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW kpi_found IS
'Pairs found by comparisons of any kind, by cause; a pair counts once a day and cause. The share of the cause unknown, and the share of mismatch by cause, are made of this.';

CREATE VIEW kpi_events AS
SELECT day, sum(events)::bigint AS events, sum(rejected)::bigint AS dead_letters
FROM apply_days GROUP BY day;
COMMENT ON VIEW kpi_events IS
'Records of stock-changes that apply judged on the day, and those of them that went to the dead letters.';

CREATE VIEW kpi_alerts AS
SELECT kpi_day(a.at) AS day, coalesce(i.shop, '') AS shop,
    coalesce(i.location, '') AS location,
    count(DISTINCT (a.incident_id, a.sku, a.route, a.revision, a.action)) AS alerts,
    count(DISTINCT (a.incident_id, a.sku, a.route, a.revision, a.action))
        FILTER (WHERE a.is_late AND a.how NOT IN ('undelivered', 'refused')) AS late,
    count(DISTINCT (a.incident_id, a.sku, a.route, a.revision, a.action))
        FILTER (WHERE a.how IN ('undelivered', 'refused')) AS lost
FROM alert_log a LEFT JOIN incidents i ON i.id = a.incident_id AND i.sku = a.sku
WHERE a.how <> 'unsaid'
GROUP BY 1, 2, 3;
COMMENT ON VIEW kpi_alerts IS
'Alerts of alert_log, each incident, route, revision and action once: late = told later than its route''s late_seconds; lost = given up as undelivered, or refused by the receiver. What opened and ended while a route was away (unsaid) does not count.';

CREATE VIEW kpi_guard_stops AS
SELECT kpi_day(g.at) AS day, coalesce(i.shop, '') AS shop,
    coalesce(i.location, '') AS location, count(*) AS stops
FROM incidents i JOIN incident_log g ON g.incident_id = i.id AND g.sku = i.sku
WHERE i.class IN ('guard_stopped', 'zeroing_stopped', 'import_guard')
    AND g.state IN ('opened', 'reopened')
GROUP BY 1, 2, 3;
COMMENT ON VIEW kpi_guard_stops IS
'Times that a guard stopped the automation: incidents of class guard_stopped, zeroing_stopped and import_guard that opened or came back on the day.';

CREATE VIEW kpi_guards_standing AS
SELECT d.day::date AS day, coalesce(i.shop, '') AS shop,
    coalesce(i.location, '') AS location, count(*) AS standing
FROM incidents i CROSS JOIN LATERAL generate_series(
    kpi_day(i.opened_at)::timestamp,
    CASE WHEN i.state = 'resolved' THEN kpi_day(i.changed_at) - 1
        ELSE kpi_day(now()) END::timestamp, interval '1 day') AS d (day)
WHERE i.class IN ('guard_stopped', 'zeroing_stopped', 'import_guard')
GROUP BY 1, 2, 3;
COMMENT ON VIEW kpi_guards_standing IS
'Stops of guards that were open when the day ended (or are now): incidents as in kpi_guard_stops, from the day on which they opened to the day before the one on which they were resolved.';

-- ---- how long ----------------------------------------------------------------------------------

CREATE VIEW kpi_detections AS
SELECT kpi_day(f.observed_at) AS day, f.shop, f.location, f.sku, f.finding_id,
    f.observed_at, p.started_at AS clean_at, f.observed_at - p.started_at AS took
FROM drift_findings f JOIN drift_runs r ON r.id = f.run_id
CROSS JOIN LATERAL (
    SELECT b.started_at FROM drift_runs b
    JOIN drift_sweeps s ON s.run_id = b.id AND s.location = f.location
    WHERE b.shop = f.shop AND b.state = 'finished' AND b.started_at < r.started_at
    ORDER BY b.started_at DESC LIMIT 1) AS p
LEFT JOIN LATERAL (                             -- a look a finding, by the index
    SELECT true AS known FROM drift_findings e WHERE e.shop = f.shop AND e.sku = f.sku
        AND e.location = f.location AND e.observed_at >= p.started_at
        AND e.observed_at < f.observed_at LIMIT 1) AS e ON true
WHERE e.known IS NULL;
COMMENT ON VIEW kpi_detections IS
'Time to detect, a row a difference that was found first: from the beginning of the newest finished sweep before, which did not find it, to the finding. It is the longest that it can have been there; without a sweep before there is no row.';

CREATE VIEW kpi_repairs AS
SELECT kpi_day(a.settled_at) AS day, a.shop, a.location, a.sku, a.finding_id AS id,
    a.settled_at - f.observed_at AS took
FROM drift_actions a JOIN drift_findings f ON f.finding_id = a.finding_id AND f.sku = a.sku
WHERE a.state = 'done' AND a.action = 'resync'
UNION ALL
SELECT kpi_day(g.at), coalesce(i.shop, ''), coalesce(i.location, ''), i.sku, i.id,
    g.at - i.opened_at
FROM incidents i JOIN incident_log g ON g.incident_id = i.id AND g.sku = i.sku
WHERE i.class = 'drift' AND g.state = 'resolved';
COMMENT ON VIEW kpi_repairs IS
'Time to repair, a row an end: of a resync that was read back right, from its finding; of an incident of class drift, from its opening to its resolution.';

CREATE VIEW kpi_detection_times AS
SELECT day, shop, location, count(*) AS differences,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY took) AS p50,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY took) AS p95
FROM kpi_detections GROUP BY day, shop, location;
COMMENT ON VIEW kpi_detection_times IS
'The median and the 95th percentile of kpi_detections by day: the smallest value that at least half, or 95 in 100, do not exceed.';

CREATE VIEW kpi_repair_times AS
SELECT day, shop, location, count(*) AS ends,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY took) AS p50,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY took) AS p95
FROM kpi_repairs GROUP BY day, shop, location;
COMMENT ON VIEW kpi_repair_times IS
'The median and the 95th percentile of kpi_repairs by day: the smallest value that at least half, or 95 in 100, do not exceed.';

-- ---- all of them ---------------------------------------------------------------------------------

-- Names as in common/domain/kpi.h.
CREATE VIEW kpi_counts AS
SELECT m.day, m.shop, m.location, v.kpi, v.value FROM kpi_mismatch m CROSS JOIN LATERAL
    (VALUES ('sweeps', m.sweeps), ('known', m.known), ('compared', m.compared),
        ('mismatched', m.mismatched), ('stale', m.stale)) AS v (kpi, value)
UNION ALL
SELECT r.day, r.shop, '', v.kpi, v.value FROM kpi_runs r CROSS JOIN LATERAL
    (VALUES ('runs_missed', r.missed), ('runs_broken', r.broken),
        ('in_flight', r.in_flight)) AS v (kpi, value)
UNION ALL
SELECT kpi_day(f.observed_at), f.shop, f.location, v.kpi, count(DISTINCT f.sku)
FROM drift_findings f CROSS JOIN LATERAL
    (VALUES ('found'), (CASE WHEN f.cause = 'unknown' THEN 'found_unknown' END)) AS v (kpi)
WHERE v.kpi IS NOT NULL GROUP BY 1, 2, 3, 4
UNION ALL
SELECT o.day, o.shop, o.location, v.kpi, v.value FROM kpi_oversells o CROSS JOIN LATERAL
    (VALUES ('oversells', o.oversells), ('oversold_units', o.units)) AS v (kpi, value)
UNION ALL
SELECT day, shop, location, 'orders', lines FROM kpi_orders
UNION ALL
SELECT r.day, r.shop, r.location, v.kpi, v.value FROM kpi_resyncs r CROSS JOIN LATERAL
    (VALUES ('resyncs_done', r.done), ('resyncs_failed', r.failed),
        ('resyncs_open', r.open)) AS v (kpi, value)
UNION ALL
SELECT day, shop, location, 'interventions', sum(interventions)::bigint
FROM kpi_interventions GROUP BY 1, 2, 3
UNION ALL
SELECT e.day, '', '', v.kpi, v.value FROM kpi_events e CROSS JOIN LATERAL
    (VALUES ('events', e.events), ('dead_letters', e.dead_letters)) AS v (kpi, value)
UNION ALL
SELECT a.day, a.shop, a.location, v.kpi, v.value FROM kpi_alerts a CROSS JOIN LATERAL
    (VALUES ('alerts', a.alerts), ('alerts_late', a.late), ('alerts_lost', a.lost))
    AS v (kpi, value)
UNION ALL
SELECT day, shop, location, 'guard_stops', stops FROM kpi_guard_stops
UNION ALL
SELECT day, shop, location, 'guards_standing', standing FROM kpi_guards_standing;
COMMENT ON VIEW kpi_counts IS
'All counters of all views, a row a day, shop, location and counter; a counter without a row is 0. A week adds its days up, but for guards_standing, of which the last day counts.';
