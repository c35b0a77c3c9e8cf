"""audit sees: for each invariant a row is tampered with, and it must name the offender."""

import json
import time

import pytest

from tests.model.generate import CALM, Plan, generate

# invariant -> the tampering that it must find
TAMPERINGS = {
    "outcomes_add_up": "UPDATE progress SET read = read + 1 WHERE partition = 0",
    "no_more_than_offsets": "UPDATE progress SET duplicate = duplicate + 1000000, "
    "read = read + 1000000 WHERE partition = 0",
    "ledger_counts": "DELETE FROM idempotency WHERE key = (SELECT min(key::text)::uuid "
    "FROM idempotency)",
    "key_once": "INSERT INTO idempotency SELECT judged_at, key, fingerprint, record_offset + 1000000, "
    "recorded_at, occurred_at, partition, contract, quantity, before, after, outcome, rule, type, "
    "source, sku, location FROM idempotency LIMIT 1",
    "record_once": "UPDATE idempotency SET record_offset = (SELECT min(record_offset) "
    "FROM idempotency WHERE partition = 0) WHERE partition = 0",
    "one_partition": "UPDATE idempotency SET partition = 1 WHERE key = (SELECT key FROM idempotency "
    "WHERE partition = 0 AND sku IN (SELECT sku FROM idempotency GROUP BY sku "
    "HAVING count(*) > 1) LIMIT 1)",
    "chain": "UPDATE idempotency SET before = before + 1 WHERE before IS NOT NULL",
    "ledger_folds": "UPDATE levels SET quantity = quantity + 1 WHERE sku = (SELECT min(sku) "
    "FROM levels)",
    "readings_fold": "UPDATE levels SET adjusted = adjusted + 1 WHERE sku = (SELECT min(sku) "
    "FROM levels WHERE count IS NOT NULL)",
    "page_whole": "UPDATE ledger SET lines = lines || chr(10) || 'x' WHERE partition = 0",
    "runs_cover": "INSERT INTO ledger_runs SELECT 1, topic, partition, partitions, 0, next_offset, "
    "judged_at, 0, '', '', '' FROM ledger LIMIT 1",
    "offsets_rise": "UPDATE ledger SET next_offset = first_offset WHERE partition = 0",
    "seal_chain": "INSERT INTO ledger_seals VALUES ('2026-01-05', '2026-01-11', 0, 0, 'x', '', 'y')",
    "seal_pages": "INSERT INTO ledger_seals VALUES (current_date - 1, current_date + 1, 0, 0, 'x', '', 'y')",
    "level_is_reading": "UPDATE levels SET quantity = quantity + 1 WHERE sku = (SELECT max(sku) "
    "FROM levels)",
    "one_write": "INSERT INTO shop_levels (shop, sku, location, write_id) "
    "VALUES ('demo', 'A', 'BER', 999999)",
}


@pytest.fixture(scope="module")
def judged(kafka, postgres, session_dir):
    from tests.scenarios.stage import Stage

    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up().worker()
        first_ms = int(time.time() * 1000) - 600_000
        plan = Plan(800, 5, skus=40, partitions=stage.partitions, first_ms=first_ms, mix=CALM)
        stage.produce(generate(plan))
        stage.wait_settled()
        stage.stop()
        yield stage


def test_an_untouched_ledger_passes(judged):
    assert judged.audit()["violations"] == []


@pytest.mark.parametrize("invariant", TAMPERINGS)
def test_audit_names_what_was_tampered_with(judged, invariant):
    schema, copy = judged.schema, f"{judged.schema}_{invariant}"
    tables = judged.sql("SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
                        " AND (c.relkind IN ('r', 'p') AND NOT c.relispartition OR c.relname = 'idempotency')")  # fmt: skip
    view = judged.sql("SELECT pg_get_viewdef('source_readings'::regclass)")[0][0]
    judged.sql(f"CREATE SCHEMA {copy}")
    for (table,) in tables:
        judged.sql(f"CREATE TABLE {copy}.{table} AS TABLE {schema}.{table}")
    judged.sql(f"SET search_path = {copy}; CREATE VIEW source_readings AS {view}")
    judged.sql(f"SET search_path = {copy}; {TAMPERINGS[invariant]}")
    judged.env["PARSTOCK_SCHEMA"] = copy
    try:
        report = json.loads(judged.run("audit", "-o", "json", code=1))
    finally:
        judged.env["PARSTOCK_SCHEMA"] = schema
    assert report["ok"] is False
    assert invariant in {found["invariant"] for found in report["violations"]}


def test_partitions_are_listed_and_add_up(judged):
    report = judged.audit()
    known = judged.sql("SELECT topic, partition, read, next_offset FROM progress ORDER BY 1, 2")
    listed = [(p["topic"], p["partition"], p["read"], p["next_offset"]) for p in report["partitions"]]
    assert listed == known and len(known) == judged.partitions
    for partition in report["partitions"]:
        assert sum(partition["outcomes"].values()) == partition["read"]
        assert list(partition["outcomes"]) == list(report["outcomes"])
    for outcome, total in report["outcomes"].items():
        assert sum(p["outcomes"][outcome] for p in report["partitions"]) == total
    assert sum(p["read"] for p in report["partitions"]) == report["read"]
    lines = judged.run("audit", "-o", "table").decode().splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("PARTITION"))
    assert [int(line.split()[1]) for line in lines[head + 1 :][: len(known)]] == [k[2] for k in known]


def test_every_invariant_has_its_tampering(judged):
    lines = judged.run("audit", "-o", "table").decode().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("ok ")} == set(TAMPERINGS)
