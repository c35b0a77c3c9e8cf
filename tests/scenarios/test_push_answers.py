"""Every row of the answer table, against the shop: what the row says happens, and the pairs beside a bad one are written."""

import json
import subprocess

import pytest

from tests.harness.paths import BUILD
from tests.scenarios.push_world import PushWorld

SET = "inventorySetQuantities"
RULES = [json.loads(line) for line in subprocess.run(
    [BUILD / "tests/push_rules"], check=True, capture_output=True).stdout.splitlines()]  # fmt: skip
PAIRS = 3


def canned(rule: dict) -> dict | None:
    """A fault that makes the shop answer as the row describes; None: it takes no call to bring it about."""
    if rule["match"] == "user":
        error = {"code": rule["code"] or "SOMETHING_NEW", "message": "no",
                 "field": ["input", "quantities", "1", "quantity"]}  # fmt: skip
        return {"value": {"data": {SET: {"inventoryAdjustmentGroup": None, "userErrors": [error]}}}}
    if rule["match"] == "top":
        return {"value": {"errors": [{"message": "no", "extensions": {"code": rule["code"] or "NEW"}}]}}
    if rule["match"] == "http":
        return {"status": {"http_3xx": 302, "http_5xx": 502, "http_other": 599 + 1}.get(rule["id"], rule["low"])}
    return None


TRANSPORTS = {
    "lost": {"fault": "drop_before_apply"},
    "garbled": {"fault": "html", "when": "after"},
}


def faults_for(rule: dict) -> list[dict]:
    """Twice where curl sends the same bytes again by itself, over a new connection."""
    answer = canned(rule)
    if answer is not None:
        return [{"fault": "answer", "ops": [SET], **answer}]
    if rule["id"] in TRANSPORTS:
        return [{"ops": [SET], **TRANSPORTS[rule["id"]]}] * 2
    return []


@pytest.fixture(scope="module")
def world(session_dir, postgres):
    with PushWorld(session_dir, postgres) as world:
        world.rule_skus = {rule["id"]: world.load(PAIRS, prefix=rule["id"].upper()) for rule in RULES}
        world.sync()
        world.worker = world.push("answers", PARSTOCK_LOG="info").start(wait_ready=True)
        yield world


def rules_logged(world: PushWorld) -> list[tuple[str, str]]:
    lines = (json.loads(line) for line in world.worker.child.text("err").splitlines() if line.startswith("{"))
    return [(line["rule"], line["verdict"]) for line in lines if line.get("msg", line.get("message")) == "write"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["id"])
def test_row(world, rule):
    faults = faults_for(rule)
    if not faults and rule["id"] != "applied":
        pytest.skip("has a scenario of its own: test_push_faults, a shop that is not there")
    world.control("faults", {"next": faults})
    skus = world.rule_skus[rule["id"]]
    before = len(rules_logged(world))
    world.desire((sku, "BER", 77) for sku in skus)
    world.wait_par()
    logged = rules_logged(world)[before:]
    assert (rule["id"], rule["verdict"]) in logged, logged
    bad = [skus[1]] if rule["verdict"] == "quarantine_pair" else []
    left_alone = {sku: fault for (sku, place), fault in world.faults().items() if sku in skus}
    assert sorted(left_alone) == bad
    assert all(fault.startswith("quarantined: ") for fault in left_alone.values())
    shown = dict(world.db.execute(
        "SELECT sku, shown FROM shop_levels WHERE location = 'BER' AND sku = ANY (%s)", (skus,)).fetchall())  # fmt: skip
    assert {sku: shown[sku] for sku in skus if sku not in bad} == {sku: 77 for sku in skus if sku not in bad}


def test_the_journal_keeps_its_promises(world):
    world.control("faults", {})
    world.prove()
