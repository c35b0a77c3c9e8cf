"""Several calls in flight to one shop: beside each other, never two of a pair, ended by whoever takes over."""

from pathlib import Path

import pytest

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PLACES, PushWorld


def most_in_flight(journal: list[dict]) -> int:
    """The most writes that were under way at once, by the shop's own account."""
    under_way: set[int] = set()
    most = 0
    for line in journal:
        if line["kind"] == "call" and line.get("key"):
            under_way.add(line["call"])
        elif line["kind"] == "ended":
            under_way.discard(line["call"])
        most = max(most, len(under_way))
    return most


@pytest.mark.parametrize(("calls", "least", "most"), [(4, 3, 4), (1, 1, 1)])
def test_a_backlog_is_written_by_several_calls(run_dir: Path, postgres: Postgres, calls: int, least: int, most: int) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(1000)
        world.sync()
        world.control("faults", {"rules": [{"fault": "delay", "ms": 400, "ops": ["inventorySetQuantities"]}]})
        wanted = world.desire_random(skus, seed=1)
        push = world.push(calls=calls).start()
        world.wait_par()
        world.prove(wanted)
        assert least <= most_in_flight(world.journal()) <= most
        assert push.terminate() == 0


def test_all_that_a_killed_process_left_open_is_ended(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(1000)
        world.sync()
        world.control("faults", {"rules": [
            {"fault": "delay", "ms": 700, "ops": ["inventorySetQuantities"]},
            {"fault": "drop_after_apply", "probability": 0.5, "ops": ["inventorySetQuantities"]},
        ]})  # fmt: skip
        world.desire_random(skus, seed=2)
        push = world.push(calls=6).start()
        wait_until(lambda: open_writes(world) >= 4, "several open writes", 30, every_s=0.02)
        push.kill()
        left = open_writes(world)
        assert left >= 3, "hardly a write was left open: the test proves nothing"
        world.control("faults", {})
        wanted = world.desire_random(skus, seed=3)
        push = world.push("successor", calls=2, PARSTOCK_LOG="info").start()
        world.wait_par()
        world.prove(wanted)
        found = [line for line in push.log() if line["msg"] == "write without a verdict found"]
        assert len(found) == left, "an open write was not found by the one that took over"


def test_callers_share_the_bucket(run_dir: Path, postgres: Postgres) -> None:
    """A bucket for 30 calls, six more a second, and eight callers with 48 calls to make: none is refused."""
    with PushWorld(run_dir, postgres, maximum_available=300, restore_rate=60) as world:
        skus = world.load(4000)
        world.sync()
        world.control("clock", {"advance_seconds": 60})
        world.desire((sku, place, 9) for sku in skus for place in PLACES)
        push = world.push(calls=8, PARSTOCK_LOG="info").start()
        world.wait_par(120)
        world.prove()
        verdicts = [line["verdict"] for line in push.log() if line["msg"] == "write"]
        assert len(verdicts) >= 40 and "throttled" not in verdicts


def open_writes(world: PushWorld) -> int:
    return world.db.execute("SELECT count(*) FROM shop_writes WHERE settled_at IS NULL").fetchone()[0]
