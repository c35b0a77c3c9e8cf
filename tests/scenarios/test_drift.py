"""drift: what it finds, and the cause that it gives; what it leaves alone."""

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path

import jsonschema

from tests.harness.paths import ROOT
from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.drift_world import SEEDS, SET, DriftWorld, queue_delay
from tests.scenarios.push_world import PLACES
from tests.scenarios.shop_world import now
from tests.scenarios.topic import topic_records

SCHEMA = json.loads((ROOT / "schemas/topics/inventory.drift.v1.json").read_text())
EACH = 4


def confusion(findings: list[dict], groups: dict[str, list[str]]) -> Counter:
    """(seeded, found) pairs; 'clean' where nothing was found."""
    found = {finding["sku"]: finding["cause"] for finding in findings}
    return Counter((cause, found.get(sku, "clean")) for cause, skus in groups.items() for sku in skus)


def test_every_cause_is_told(run_dir: Path, kafka, postgres: Postgres) -> None:
    with DriftWorld(run_dir, kafka, postgres) as world:
        healthy = world.load(EACH, 5, places=["BER"], prefix="HEALTHY")
        world.apply()
        groups = {cause: world.stock(cause, EACH, 7200 if cause == "stale_source" else 600) for cause in [*SEEDS, "queue_delay"]}
        world.level |= dict.fromkeys(healthy, 5)
        world.counts(dict.fromkeys(healthy, 5), 600)
        world.sync()
        world.pusher = world.push()
        world.pusher.start(wait_ready=True)
        world.wait_par()
        assert world.drift(expect=0) == [], "found something where all is well"

        for cause, seed in SEEDS.items():
            seed(world, groups[cause])
        assert world.pusher.terminate() == 0
        queue_delay(world, groups["queue_delay"])
        findings = world.drift(expect=1)
        table = confusion(findings, groups)
        assert {pair: n for pair, n in table.items() if pair[0] != pair[1]} == {}
        assert not {finding["sku"] for finding in findings} & set(healthy)
        newest = world.runs()[0]
        assert (newest["state"], newest["findings"], newest["unknown"]) == ("finished", len(findings), EACH)


def by_sku(findings: list[dict]) -> dict[str, str]:
    return {finding["sku"]: finding["cause"] for finding in findings}


def test_delays_are_told_from_losses(run_dir: Path, kafka, postgres: Postgres) -> None:
    """The shop refuses for want of points; apply sleeps over an order; another contract file is not followed yet."""
    with DriftWorld(run_dir, kafka, postgres) as world:
        apply = world.apply()
        (slow,), (late,), (other,) = (world.stock(name, 1) for name in ("slow", "late", "other"))
        world.sync()
        world.pusher = world.push()
        world.pusher.start(wait_ready=True)
        world.wait_par()

        world.control("faults", {"rules": [{"fault": "throttled", "ops": [SET]}]})
        world.counts({slow: world.level[slow] + 3})
        wait_until(lambda: world.db.execute("SELECT throttled_at FROM shop_leases").fetchone()[0], "push to wait", 60)
        assert by_sku(world.drift(expect=1)) == {slow: "throttled"}
        world.control("faults", {})
        world.wait_par()

        apply.pause()
        world.sell(late, 2)
        world.produce({"type": "shop.ordered", "source": "demo", "sku": late, "quantity": 2, "occurred_at": now().isoformat()})
        assert by_sku(world.drift(expect=1)) == {late: "queue_delay"}
        apply.resume()
        world.wait_judged()
        world.wait_par()

        assert world.pusher.terminate() == 0
        world.write_contract(buffer={"fixed": 4})
        assert by_sku(world.drift("--sku", other, expect=1)) == {other: "policy_changed"}
        assert set(by_sku(world.drift(expect=1)).values()) == {"policy_changed"}


def test_findings_reach_subscribers_once_a_run_has_ended(run_dir: Path, kafka, postgres: Postgres) -> None:
    with DriftWorld(run_dir, kafka, postgres) as world:
        world.apply()
        skus = world.stock("told", 3)
        world.sync()
        pusher = world.push().start(wait_ready=True)
        world.wait_par()
        world.pusher = pusher
        SEEDS["external_writer"](world, skus)
        drift = Worker("drift", world.env(), world.run_dir)
        world.workers.append(drift)
        drift.start(wait_ready=True)
        untold = "SELECT count(*) FROM drift_findings WHERE told"
        wait_until(lambda: world.db.execute(untold).fetchone()[0] == 3, "findings to be told", 60)
        assert 'parstock_drift_findings_total{shop="demo",cause="external_writer"} 3' in drift.get("/metrics")[1]
        records = topic_records(kafka.bootstrap, f"{world.prefix}drift")
        values = [json.loads(record.value) for record in records]
        for value in values:
            jsonschema.validate(value, SCHEMA, jsonschema.Draft202012Validator)
        assert sorted(value["sku"] for value in values) == sorted(skus)
        assert [record.key.decode() for record in records] == [value["sku"] for value in values]
        assert {dict(record.headers)["ce_id"].decode() for record in records} == {value["finding_id"] for value in values}
        assert drift.terminate() == 0
        told = run_parstock("explain", skus[0], "-o", "json", env=world.env())
        (place,) = json.loads(told.stdout)
        assert [finding["finding_id"] for finding in place["findings"]] == [
            value["finding_id"] for value in values if value["sku"] == skus[0]]  # fmt: skip
        told = run_parstock("explain", skus[0], "-o", "table", env=world.env())
        assert "external_writer (moved_by_others)" in told.stdout.decode()


def test_a_comparison_outlives_its_process(run_dir: Path, kafka, postgres: Postgres) -> None:
    """Killed between the two looks: the next process looks again at what was left, and reports each pair once."""
    with DriftWorld(run_dir, kafka, postgres, settle_s=3) as world:
        world.apply()
        skus = world.stock("left", 5)
        world.sync()
        world.pusher = world.push().start(wait_ready=True)
        world.wait_par()
        SEEDS["external_writer"](world, skus)
        drift = Worker("drift", world.env(), world.run_dir)
        world.workers.append(drift)
        drift.start()
        suspects = "SELECT count(*) FROM drift_suspects"
        wait_until(lambda: world.db.execute(suspects).fetchone()[0] == 5, "suspects", 60, every_s=0.02)
        drift.kill()
        busy = world.runs()[0]
        assert busy["state"] == "running"
        drift.start()
        wait_until(lambda: world.runs()[0]["state"] == "finished", "the run to be ended", 60)
        assert (world.runs()[0]["run"], world.runs()[0]["findings"]) == (busy["run"], 5)
        found = world.db.execute("SELECT count(*), count(DISTINCT sku) FROM drift_findings").fetchone()
        assert found == (5, 5)


def test_a_shop_that_is_not_compared_is_an_incident(run_dir: Path, kafka, postgres: Postgres) -> None:
    """One, while the shop refuses its exports and after comparisons were missed; the next that ends well ends it."""
    with DriftWorld(run_dir, kafka, postgres) as world:
        world.stock_nothing()
        world.sync()
        world.db.execute("INSERT INTO drift_runs (shop, kind, state, started_at)"
                         " VALUES ('demo', 'full', 'finished', now() - interval '3 hours')")  # fmt: skip
        world.db.commit()
        world.control("config", {"bulk_outcome": "FAILED"})
        drift = Worker("drift", world.env(), world.run_dir)
        world.workers.append(drift)
        drift.start()
        states = "SELECT state, count(*) FROM drift_runs GROUP BY state"
        wait_until(lambda: dict(world.db.execute(states).fetchall()).get("failed"), "a run to fail", 60)
        assert dict(world.db.execute(states).fetchall()) == {"finished": 1, "missed": 1, "failed": 1}
        incidents = "SELECT class, state FROM incidents"
        assert world.db.execute(incidents).fetchall() == [("comparison_missed", "opened")]
        world.control("config", {"bulk_outcome": "COMPLETED"})
        drift.terminate()
        world.db.execute("UPDATE drift_runs SET started_at = now() - interval '3 hours' WHERE state = 'failed'")
        world.db.commit()
        drift.start()
        wait_until(lambda: world.db.execute(incidents).fetchall() == [("comparison_missed", "resolved")], "its end", 60)
        assert drift.terminate() == 0


def test_an_empty_export_is_not_believed(run_dir: Path, kafka, postgres: Postgres) -> None:
    """Everything gone at once is a shop that does not show us its stock: no finding for each pair."""
    with DriftWorld(run_dir, kafka, postgres) as world:
        skus = world.load(3, 5, places=["BER"])
        world.apply()
        world.counts(dict.fromkeys(skus, 5), 600)
        world.sync()
        world.push().start(wait_ready=True)
        world.wait_par()
        world.control("reset")
        world.control("catalog", {"locations": [{"id": n, "name": p} for p, n in PLACES.items()]})
        done = run_parstock("drift", "run", env=world.env())
        assert done.returncode == 69 and b"none of the 3 pairs" in done.stderr, done
        assert world.db.execute("SELECT count(*) FROM drift_findings").fetchone() == (0,)
        assert world.db.execute("SELECT state FROM drift_runs").fetchall() == [("failed",)]
        assert world.db.execute("SELECT count(*) FROM drift_suspects").fetchone() == (0,)


def test_one_comparison_of_a_shop_at_a_time(run_dir: Path, kafka, postgres: Postgres) -> None:
    with DriftWorld(run_dir, kafka, postgres) as world:
        world.stock_nothing()
        world.sync()
        with postgres.connect(options=f"-c search_path={world.schema}") as other:
            other.execute("SELECT pg_advisory_lock(hashtextextended('drift ' || current_schema() || ' demo', 0))")
            done = run_parstock("drift", "run", env=world.env())
            assert done.returncode == 75 and b"another process compares" in done.stderr


def test_busy_orders_are_no_drift(run_dir: Path, kafka, postgres: Postgres) -> None:
    """Orders whose events come late, counts and writes all the while: nothing is found, though much differs at first."""
    with DriftWorld(run_dir, kafka, postgres, settle_s=2) as world:
        world.apply()
        skus = world.stock("busy", 30)
        world.counts(dict.fromkeys(skus, 5000), 300)  # none is sold out meanwhile: that would be a finding
        world.sync()
        world.pusher = world.push().start(wait_ready=True)
        world.wait_par()
        stop = threading.Event()
        orders = threading.Thread(target=buy, args=(world, skus, stop))
        orders.start()
        try:
            findings = [world.drift() for _ in range(4)]
        finally:
            stop.set()
            orders.join()
        assert findings == [[]] * 4
        assert sum(run["suspects"] for run in world.runs()) > 5, "nothing was under way: the test proves nothing"


def buy(world: DriftWorld, skus: list[str], stop: threading.Event) -> None:
    dice = random.Random(11)
    told: list[tuple[float, dict]] = []
    while not stop.is_set():
        sku = dice.choice(skus)
        world.sell(sku, 1)
        told.append((time.monotonic() + dice.uniform(0.0, 1.0), {
            "type": "shop.ordered", "source": "demo", "sku": sku, "quantity": 1, "occurred_at": now().isoformat()}))  # fmt: skip
        due = [event for at, event in told if at <= time.monotonic()]
        told = [(at, event) for at, event in told if event not in due]
        world.produce(*due)
        stop.wait(0.02)
    world.produce(*(event for _, event in told))
