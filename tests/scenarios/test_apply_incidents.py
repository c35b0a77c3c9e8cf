"""An id used again: refused, one incident a source, told on the topic; also over kills. Outcomes by partition."""

import json
import re
import time

import jsonschema
import pytest

from tests.harness.paths import ROOT
from tests.model.generate import Message

SCHEMA = json.loads((ROOT / "schemas/topics/inventory.incidents.v1.json").read_text())


def count(sku: str, quantity: int, event_id: str, source: str = "wms") -> Message:
    now_ms = int(time.time() * 1000)
    event = {"type": "stock.counted", "source": source, "id": event_id, "sku": sku, "location": "BER",
             "quantity": quantity, "occurred_at": "2026-01-05T08:00:00Z"}  # fmt: skip
    return Message(key=sku.encode(), value=json.dumps(event).encode(), timestamp_ms=now_ms,
                   headers=(("traceparent", f"00-{quantity:032x}-0000000000000001-01".encode()),))  # fmt: skip


def changes(stage) -> list[dict]:
    records = stage.records("incidents")
    for record in records:
        jsonschema.validate(json.loads(record.value), SCHEMA, jsonschema.Draft202012Validator)
        value, headers = json.loads(record.value), dict(record.headers)
        assert record.key.decode() == value["incident_id"]
        assert headers["ce_id"].decode().startswith(value["incident_id"] + "/")
        assert headers["ce_type"] == b"inventory.incident.v1"
        assert headers["traceparent"].startswith(b"00-")
    return [json.loads(record.value) for record in records]


def test_one_incident_a_source_however_many_events(stage):
    stage.worker()
    stage.produce([count(f"S{n}", 1, "same") for n in range(40)])
    stage.produce([count("E1", 1, "same", "erp")])
    stage.wait_settled()
    assert json.loads(stage.run("incidents", "list", "-o", "json")) == []
    stage.produce([count(f"S{n}", 2, "same") for n in range(40)] + [count("E1", 2, "same", "erp")])
    stage.wait_settled()
    listed = json.loads(stage.run("incidents", "list", "-o", "json"))
    assert {i["evidence"]["source"]: i["occurrences"] for i in listed} == {"wms": 40, "erp": 1}
    assert all((i["class"], i["state"]) == ("id_reused", "opened") for i in listed)
    told = changes(stage)
    opened = [c for c in told if c["state"] == "opened"]
    assert {c["incident_id"] for c in opened} == {i["incident_id"] for i in listed}
    assert len(opened) == 2 and len(told) <= 4
    assert stage.audit()["outcomes"]["rejected"] == 41
    stage.check()


def test_a_retry_is_no_incident(stage):
    stage.worker()
    stage.produce([count("S1", 1, "same")] * 3)
    stage.wait_settled()
    assert stage.audit()["outcomes"]["duplicate"] == 2
    assert json.loads(stage.run("incidents", "list", "-o", "json")) == []


def test_counts_stay_exact_over_kills(stage):
    worker = stage.worker()
    stage.produce([count(f"S{n}", 1, "same") for n in range(50)])
    for round_ in range(6):
        stage.produce([count(f"S{n}", 2 + round_, "same") for n in range(50)])
        worker.kill()
        worker = stage.worker()
    stage.wait_settled()
    (incident,) = json.loads(stage.run("incidents", "list", "-o", "json"))
    assert incident["occurrences"] == 300
    told = changes(stage)
    # A kill may send a change again, never another one in its place.
    once = {json.dumps(c, sort_keys=True) for c in told}
    assert len(once) == len(json.loads(stage.run("incidents", "show", incident["incident_id"], "-o", "json"))["log"])
    assert sum(json.loads(c)["state"] == "opened" for c in once) == 1


@pytest.mark.parametrize("wanted", ["applied", "rejected", "duplicate"])
def test_outcomes_by_partition_are_in_the_metrics(stage, wanted):
    worker = stage.worker()
    stage.produce([count(f"S{n}", 1, "same") for n in range(60)] * 2)
    stage.produce([count(f"S{n}", 2, "same") for n in range(60)])
    stage.wait_settled()
    text = worker.get("/metrics")[1]
    pattern = rf'^parstock_apply_events_total{{outcome="{wanted}",partition="(\d+)"}} (\d+)$'
    metrics = {int(p): int(n) for p, n in re.findall(pattern, text, re.MULTILINE)}
    audit = {p["partition"]: p["outcomes"][wanted] for p in stage.audit()["partitions"]}
    assert {p: n for p, n in metrics.items() if n} == {p: n for p, n in audit.items() if n}
    assert sum(audit.values()) == 60
