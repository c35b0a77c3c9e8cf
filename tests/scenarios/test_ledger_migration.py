"""A database of the first schema: its ledger becomes pages, and nothing is judged twice."""

from tests.scenarios.stage import Stage
from tests.scenarios.test_apply_restart import stream

COLUMNS = (
    "key, fingerprint, outcome, rule, type, contract, partition, record_offset, recorded_at, source, "
    "sku, location, quantity, before, after, occurred_at, version, sees_orders_until, event_id, reference"
)
READING = "sku, location, source, count, counted_at, version, adjusted, adjusted_at, sees_orders_until"
PROGRESS = (
    "topic, partition, epoch, owner, start_offset, next_offset, applied, unchanged, duplicate, "
    "stale, shadowed, rekeyed, rejected, read, updated_at"
)


def go_back(stage: Stage, new: str, old: str) -> None:
    """What the first schema would hold after the same events."""
    stage.sql(f"INSERT INTO {old}.contracts (digest, body) SELECT digest, body FROM {new}.contracts ORDER BY id")
    stage.sql(f"INSERT INTO {old}.idempotency ({COLUMNS}) SELECT {COLUMNS} FROM {new}.idempotency")
    stage.sql(f"INSERT INTO {old}.progress ({PROGRESS}) SELECT {PROGRESS} FROM {new}.progress")
    stage.sql(f"INSERT INTO {old}.adjustments SELECT * FROM {new}.adjustments")
    stage.sql(f"INSERT INTO {old}.readings ({READING}) SELECT {READING} FROM {new}.source_readings")
    level = "sku, location, quantity, source, occurred_at, version, revision"
    stage.sql(f"INSERT INTO {old}.levels ({level}) SELECT {level} FROM {new}.levels")


def ledger(stage: Stage) -> list[tuple]:
    return stage.sql(f"SELECT {COLUMNS} FROM idempotency ORDER BY partition, record_offset")


def test_a_ledger_of_the_first_schema_is_taken_over(stage):
    messages = stream(stage, 1500, seed=21)
    worker = stage.worker()
    stage.produce(messages)
    stage.wait_settled()
    worker.terminate()
    wanted, readings = ledger(stage), f"SELECT {READING} FROM source_readings ORDER BY 1, 2, 3"
    wanted_readings = stage.sql(readings)
    new, old = stage.schema, f"{stage.schema}_old"
    stage.env["PARSTOCK_SCHEMA"] = stage.schema = old
    stage.run("migrate", "--to", "1")
    go_back(stage, new, old)
    stage.run("migrate")
    assert len(wanted) > 500
    assert ledger(stage) == wanted
    assert stage.sql(readings) == wanted_readings
    assert stage.audit()["violations"] == []
    judged = stage.read()
    stage.worker()
    stage.produce(messages)  # every one of them again, under new offsets
    stage.wait_settled()
    stage.check()
    assert stage.read() >= judged + len(messages)
    assert len(ledger(stage)) - len(wanted) < len(wanted) / 10, "what was judged is judged again"
