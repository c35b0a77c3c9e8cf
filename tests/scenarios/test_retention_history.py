"""What happened beside the ledger goes when it is old, and nothing that is still open or younger."""

import json
from typing import Iterator

import pytest

from tests.scenarios.test_retention import CONTRACT, Ledger

# Each kind: rows that go by a contract of 100 days for findings and 200 for incidents, and rows that stay.
SEED = """
INSERT INTO drift_runs (shop, kind, state, started_at, closed) VALUES
  ('s', 'full', 'finished', now() - interval '101 days', true),   -- 1: goes
  ('s', 'full', 'finished', now() - interval '99 days', true),    -- 2: young
  ('s', 'full', 'running', now() - interval '101 days', false),   -- 3: under way
  ('s', 'full', 'finished', now() - interval '101 days', true);   -- 4: holds an open action's finding
INSERT INTO drift_sweeps (run_id, shop, location, known, compared, stale)
  SELECT id, 's', 'BER', 1, 1, 0 FROM drift_runs;
INSERT INTO apply_days (day, topic, partition, events, rejected)
  SELECT (now() AT TIME ZONE 'UTC')::date - days, 't', 0, 1, 0 FROM (VALUES (102), (99)) AS d (days);
INSERT INTO drift_findings (finding_id, sku, run_id, shop, location, residual, cause, rule, evidence, risk, observed_at)
  SELECT id, 'A', run, 's', 'BER', 1, 'unknown', 'r', '{}', 'low', now() FROM (VALUES
    ('old', 1), ('young', 2), ('open', 4)) AS f (id, run);
INSERT INTO drift_actions (finding_id, sku, shop, location, action, is_rule, actor, state, acted_at)
  SELECT id, 'A', 's', 'BER', 'resync', true, 'resolve', state, now() - days * interval '1 day' FROM (VALUES
    ('old', 'done', 101), ('young', 'done', 99), ('open', 'held', 101), ('oldest', 'failed', 400)) AS a (id, state, days);
INSERT INTO resolve_runs (run_id, shop, state, is_planned, compared, findings, changes, zeroes, seen_at)
  SELECT id, 's', state, true, 1, 1, 1, 0, now() - days * interval '1 day' FROM (VALUES
    ('old', 'passes', 101), ('young', 'passes', 99), ('open', 'stopped', 101)) AS r (id, state, days);
INSERT INTO spot_checks (sku, location, counted, verdict, actor, counted_at, at)
  SELECT sku, 'BER', 1, 'no_books', 'ann', now(), now() - days * interval '1 day' FROM (VALUES
    ('OLD', 101), ('YOUNG', 99)) AS c (sku, days);
INSERT INTO shop_writes (shop, key, body, state, epoch, created_at, settled_at)
  SELECT shop, gen_random_uuid(), '', state, 1, now(), now() - days * interval '1 day' FROM (VALUES
    ('s', 'applied', 40), ('s', 'applied', 39), ('s', 'applied', 1), ('s', 'intended', NULL), ('t', 'applied', 39))
    AS w (shop, state, days);
INSERT INTO shop_write_pairs (write_id, ordinal, sku, location, item, gid, quantity)
  SELECT id, n, sku, 'BER', '1', '2', 1 FROM (VALUES
    (1, 0, 'A'), (1, 1, 'B'),   -- A was written again since, B was not
    (2, 0, 'A'), (3, 0, 'A'), (4, 0, 'B'), (5, 0, 'A')) AS p (id, n, sku);
INSERT INTO incidents (id, problem, state, class, cause, severity, handoff, occurrences, opened_at, last_seen_at,
                       changed_at, actor)
  SELECT id, id, state, 'drift', 'unknown', 'error', 'none', 1, now(), now(), now() - days * interval '1 day', 'x'
  FROM (VALUES ('old', 'resolved', 201), ('young', 'resolved', 199), ('open', 'opened', 201)) AS i (id, state, days);
INSERT INTO incident_log (incident_id, revision, state, at, actor, occurrences, evidence)
  SELECT id, 1, 'opened', now(), 'x', 1, '{}' FROM incidents;
INSERT INTO alerts (incident_id, route, revision, wanted, crossing, severity, value, since, queued_at)
  SELECT id, 'slack', 1, 0, 1, 1, '{}', now(), now() FROM incidents;
INSERT INTO alert_log (incident_id, route, revision, action, how, at, waited_ms)
  SELECT id, 'slack', 1, 'trigger', 'single', now() - days * interval '1 day', 1
  FROM (VALUES ('old', 201), ('young', 199)) AS l (id, days);
INSERT INTO letter_retries (topic, partition, record_offset, attempt, origin_topic, origin_partition, origin_offset,
                            reason, expected, is_forced, is_edited, digest_received, digest_sent, actor, command, state, at)
  SELECT 't', 0, letter, attempt, 'o', 0, 0, 'bad_sku', 'applied', false, false, '', '', name, attempt, state,
    now() - days * interval '1 day' FROM (VALUES
    ('first', 1, 1, 'intended', 102), ('second', 1, 2, 'sent', 101),    -- sent in the end: both go
    ('young', 2, 1, 'sent', 99), ('open', 3, 1, 'intended', 101)) AS l (name, letter, attempt, state, days);
INSERT INTO undos (batch, kind, actor, at, done)
  SELECT name, 'import', 'ann', now() - days * interval '1 day', 1
  FROM (VALUES ('old', 201), ('young', 199), ('held', 201)) AS u (name, days);
INSERT INTO undo_pairs (batch, sku, location, source, undo_id, rule, events, state, at)
  SELECT batch, batch, 'BER', 'wms', id, 'counts', '', CASE batch WHEN 'held' THEN 'intended' ELSE 'sent' END,
    CASE batch WHEN 'young' THEN now() - interval '99 days' ELSE at END FROM undos;
"""
DRIFT = {"drift_findings": ["open", "young"], "drift_actions": ["open", "young"], "resolve_runs": ["open", "young"],
         "spot_checks": ["YOUNG"], "letter_retries": ["open", "young"], "undo_pairs": ["held", "young"]}  # fmt: skip
INCIDENTS = {"alerts": ["open", "young"], "incident_log": ["open", "young"], "incidents": ["open", "young"],
             "alert_log": ["young"], "undos": ["held", "young"]}  # fmt: skip
NAME = {"drift_findings": "finding_id", "drift_actions": "finding_id", "resolve_runs": "run_id", "spot_checks": "sku",
        "incidents": "id", "letter_retries": "actor", "undo_pairs": "batch", "undos": "batch"}  # fmt: skip


@pytest.fixture
def ledger(postgres, tmp_path) -> Iterator[Ledger]:
    scene = Ledger(postgres, "retention_history")
    scene.run("migrate")
    scene.db.execute(SEED)
    yield scene
    scene.db.execute("DROP SCHEMA retention_history CASCADE")
    scene.db.close()


def keeps(ledger: Ledger, tmp_path, retention: dict) -> dict:
    contract = json.loads(CONTRACT.read_text()) | {"retention": retention}
    (tmp_path / "contract.json").write_text(json.dumps(contract))
    ledger.env["PARSTOCK_CONTRACT"] = str(tmp_path / "contract.json")
    return ledger.retention()["history_removed"]


def left(ledger: Ledger, table: str) -> list:
    name = NAME.get(table, "incident_id")
    return [row[0] for row in ledger.db.execute(f"SELECT {name} FROM {table} ORDER BY 1").fetchall()]


def test_what_is_old_and_over_goes(ledger, tmp_path):
    assert not any(ledger.retention(*["--dry-run"])["history_removed"].values())
    removed = keeps(ledger, tmp_path, {"drift_days": 100, "incident_days": 200})
    assert {table: left(ledger, table) for table in DRIFT | INCIDENTS} == DRIFT | INCIDENTS
    assert [row[0] for row in ledger.db.execute("SELECT id FROM drift_runs ORDER BY 1")] == [2, 3, 4]
    assert [row[0] for row in ledger.db.execute("SELECT run_id FROM drift_sweeps ORDER BY 1")] == [2, 3]
    assert ledger.db.execute("SELECT count(*) FROM apply_days").fetchone() == (1,)
    # Of the pairs of shop s: A's newest and B's newest settled one are what drift asks for.
    assert ledger.db.execute("SELECT write_id, sku FROM shop_write_pairs ORDER BY 1, 2").fetchall() == [
        (1, "B"), (3, "A"), (4, "B"), (5, "A")]  # fmt: skip
    assert [row[0] for row in ledger.db.execute("SELECT id FROM shop_writes ORDER BY 1")] == [1, 3, 4, 5]
    assert removed == {"drift_findings": 1, "drift_runs": 1, "drift_actions": 2, "resolve_runs": 1, "spot_checks": 1,
                       "shop_write_pairs": 2, "shop_writes": 1, "alerts": 1, "incident_log": 1, "incidents": 1,
                       "alert_log": 1, "drift_sweeps": 2, "apply_days": 1, "letter_retries": 2, "undo_pairs": 1, "undos": 1}  # fmt: skip
    assert not any(keeps(ledger, tmp_path, {"drift_days": 100, "incident_days": 200}).values())
    allowed = ledger.db.execute("SELECT relname, privilege_type FROM pg_class, aclexplode(relacl) WHERE "
                                "oid IN ('incident_log'::regclass, 'alert_log'::regclass)").fetchall()  # fmt: skip
    assert ("incident_log", "INSERT") in allowed
    assert not {kind for _, kind in allowed} & {"DELETE", "UPDATE", "TRUNCATE"}, "the logs stayed open"


def test_closed_incidents_stay_unless_the_contract_says_how_long(ledger, tmp_path):
    """What is done is remembered as long as a topic may tell of it again, whatever the contract file says."""
    keeps(ledger, tmp_path, {"drift_days": 1})
    assert left(ledger, "incidents") == ["old", "open", "young"] == left(ledger, "incident_log")
    assert left(ledger, "drift_findings") == ["open"]
    assert left(ledger, "drift_actions") == ["open"]
    assert left(ledger, "letter_retries") == ["open"]
    assert left(ledger, "undos") == ["held", "old", "young"], "who took what back stays too"
