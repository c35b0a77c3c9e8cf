-- Two more acts of people are counted: dead letters that were sent again, and batches that
-- were taken back. A command is one intervention at each location, however many letters or
-- pairs it meant; so what a command sent must be known as one.

-- command: numbers the commands `dead-letters retry`, the same in all rows of one; below 0:
-- from before they were numbered, what one person sent for one reason within one minute.
-- location: of what was sent; '' = it can not be read, or names none.
ALTER TABLE letter_retries ADD COLUMN command bigint NOT NULL DEFAULT 0,
    ADD COLUMN location text COLLATE "C" NOT NULL DEFAULT '';
CREATE SEQUENCE letter_commands;
UPDATE letter_retries r SET command = -o.command FROM (
    SELECT topic, partition, record_offset, attempt, sku,
        dense_rank() OVER (ORDER BY actor, why, date_trunc('minute', at)) AS command
    FROM letter_retries) o
WHERE (r.topic, r.partition, r.record_offset, r.attempt, r.sku)
    = (o.topic, o.partition, o.record_offset, o.attempt, o.sku);
ALTER TABLE letter_retries ALTER COLUMN command DROP DEFAULT;

CREATE INDEX undo_pairs_by_undo ON undo_pairs (undo_id);

CREATE OR REPLACE VIEW kpi_interventions AS
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
    WHERE event_id <> ''
    UNION ALL
    SELECT kpi_day(min(at)), '', location, 'letter_retry' FROM letter_retries
    GROUP BY command, location
    UNION ALL
    SELECT kpi_day(u.at), CASE WHEN u.kind = 'resync' THEN p.source ELSE '' END,
        coalesce(p.location, ''), 'undo'
    FROM undos u LEFT JOIN (
        SELECT undo_id, location, min(source) AS source FROM undo_pairs
        GROUP BY undo_id, location) p ON p.undo_id = u.id
    WHERE p.undo_id IS NOT NULL OR u.done > 0) AS acts
GROUP BY day, shop, location, kind;
COMMENT ON VIEW kpi_interventions IS
'Manual interventions: rows of incident_log by a person (approve, reject, resolve, reopen; to acknowledge is not to intervene); commands resync, once a shop and location however many pairs; spot checks that became a count; commands dead-letters retry (letter_retry: rows of letter_retries with one command) and undo (rows of undos that took anything back, by the locations of their undo_pairs), each once a location however many letters or pairs.';
