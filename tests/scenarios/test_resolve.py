"""resolve against the shop double: low-risk findings are mended and read back, high-risk ones wait, nothing is done twice."""

import random
import time
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.resolve_world import ResolveWorld

OPEN_GUARDS = {"guards": {"max_changed_percent": 100, "max_drifting_percent": 100}}


def test_low_risk_is_mended_and_high_risk_waits(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres, OPEN_GUARDS) as world:
        skus = world.at_par(60)
        world.tamper(skus, 9)
        low, high = skus[:50], skus[50:]
        run = world.run(60)
        world.found(run, low)
        world.found(run, high, risk="high")
        world.push().start(wait_ready=True)
        resolve = world.resolve()
        world.wait_acted(60)
        world.wait_settled()
        assert world.states() == {"done": 50, "none": 10}
        shown = world.levels_shown()
        assert all(shown[sku] == 5 for sku in low) and all(shown[sku] == 9 for sku in high)
        opened = world.wait_incidents("drift", 10)
        assert {i["sku"] for i in opened} == set(high)
        assert all(i["evidence"]["rule"] == "builtin.high-risk" and i["severity"] == "error" for i in opened)

        # A repeat of everything does nothing.
        writes = world.count("shop_writes")
        rows = world.db.execute("SELECT finding_id, sku, risk FROM drift_findings").fetchall()
        world.tell([{"finding_id": f, "run_id": str(run), "shop": "demo", "sku": s, "location": "BER", "desired": 5,
                     "shown": 9, "residual": 4, "cause": "external_writer", "evidence": {}, "risk": r,
                     "value_at_risk": None, "observed_at": "2026-11-25T12:00:00Z"} for f, s, r in rows])  # fmt: skip
        wait_until(lambda: "parstock_resolve_repeats_total 60" in resolve.get("/metrics")[1], "60 repeats", 60)
        assert world.states() == {"done": 50, "none": 10} and world.count("shop_writes") == writes
        assert {i["incident_id"]: i["occurrences"] for i in world.incidents("drift")} == {
            i["incident_id"]: 1 for i in opened}  # fmt: skip

        # Approved, it is mended as the others were.
        chosen = next(i for i in opened if i["sku"] == high[0])
        world.command("incidents", "approve", chosen["incident_id"])
        wait_until(lambda: world.states() == {"done": 51, "none": 10}, "the approved resync to be read back", 60)
        assert world.shown(high[0]) == 5 and world.shown(high[1]) == 9
        text = world.command("incidents", "show", chosen["incident_id"])
        assert "action carried out" in text
        assert resolve.terminate() == 0
        world.prove_journal()


def test_two_clean_runs_end_an_incident(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(3)
        world.tamper(skus[:2], 9)
        world.found(world.run(3), skus[:2], risk="high")
        world.resolve()
        world.wait_incidents("drift", 2)
        world.run(3, state="partial")
        time.sleep(0.01)
        world.found(world.run(3), skus[:1], risk="high")  # the first still differs
        world.wait_acted(3)
        wait_until(lambda: world.count("drift_runs WHERE NOT closed") == 0, "the runs to be closed", 60)
        assert len(world.incidents("drift")) == 2
        world.run(3)
        (left,) = world.wait_incidents("drift", 1)
        assert left["sku"] == skus[0]
        note = world.db.execute("SELECT note FROM incident_log WHERE state = 'resolved'").fetchone()[0]
        assert "two later runs" in note


def test_killed_at_random_every_finding_is_acted_on_once(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    count, dice = 1500, random.Random(7)
    with ResolveWorld(run_dir, kafka, postgres, OPEN_GUARDS) as world:
        skus = world.at_par(count)
        world.tamper(skus, 9)
        run = world.run(count)
        world.push().start(wait_ready=True)
        workers = [world.resolve(), world.resolve()]
        told = world.found(run, skus)
        world.tell(dice.sample(told, 200))  # and some of them again
        kills = 0
        while world.acted() < count or kills < 6:
            time.sleep(dice.uniform(0.05, 0.5))
            victim = dice.choice(workers)
            victim.kill()
            kills += 1
            victim.start(wait_ready=True)
        world.wait_settled(180)
        assert world.states() == {"done": count}
        # One row a finding, and the pair marked by it alone: each pair has at most one write.
        most = world.db.execute("SELECT max(n) FROM (SELECT count(*) AS n FROM shop_write_pairs"
                                " GROUP BY sku, location) p").fetchone()[0]  # fmt: skip
        assert most == 1
        assert set(world.levels_shown().values()) == {5}
        world.prove_journal()


def test_a_refused_pair_is_said_to_be(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(4)
        world.db.execute("UPDATE shop_levels SET fault = 'untracked' WHERE sku = %s", [skus[0]])
        run = world.run(4)
        world.found(run, skus[:1])
        world.resolve()
        (incident,) = world.wait_incidents("resync_failed")
        assert incident["evidence"]["verdict"] == "refused" and incident["evidence"]["fault"] == "untracked"
        # Nobody pushes: late, once for the shop however many.
        world.found(world.run(4), skus[1:])
        late = world.resolve("--patience-seconds", "1")
        (incident,) = world.wait_incidents("resync_late")
        assert incident["handoff"] == "workflow-orchestration"
        world.wait_settled()
        assert world.states() == {"failed": 4}
        assert late.terminate() == 0


def test_records_that_are_no_findings_are_passed_over(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(2)
        world.tamper(skus, 9)
        good = world.found(world.run(100), skus, tell=False)
        world.tell([{**good[0], "shop": "another"}, {**good[0], "risk": "medium"}, {"sku": "x"}, *good])
        resolve = world.resolve()
        world.wait_acted(2)
        assert world.acted() == 2
        wait_until(lambda: "parstock_resolve_refused_total 3" in resolve.get("/metrics")[1], "three to be refused", 30)
        # What is read next is what comes next: the end of a partition is no record.
        ends = world.ends(f"{world.prefix}drift")
        reached = dict(world.db.execute("SELECT partition, next_offset FROM resolve_progress").fetchall())
        assert reached == {partition: end for partition, end in ends.items() if end > 0}
        assert resolve.terminate() == 0
        world.found(world.run(100), skus)  # while nobody reads
        world.resolve()
        world.wait_acted(4)
