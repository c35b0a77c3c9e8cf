"""push killed, stopped and doubled: no key twice, no two writes of a pair, the shop at par."""

import random
import time
from collections import Counter
from pathlib import Path

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PushWorld


def test_killed_at_any_moment(run_dir: Path, postgres: Postgres) -> None:
    """20 kills while 5,000 pairs change again and again; some answers are slow or lost as well."""
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(1667)
        world.sync()
        world.control("faults", {"seed": 1, "rules": [
            {"fault": "delay", "ms": 40, "probability": 0.5},
            {"fault": "drop_after_apply", "probability": 0.1, "ops": ["inventorySetQuantities"]},
        ]})  # fmt: skip
        dice = random.Random(20)
        push = world.push(lease_s=3)
        wanted = world.desire_random(skus, seed=0)
        for kill in range(20):
            push.start()
            wait_until(lambda: "lease taken" in push.child.text("err"), "the lease", 30, every_s=0.02)
            time.sleep(dice.random() * 0.4)
            push.kill()
            wanted |= world.desire_random(dice.sample(skus, 400), seed=100 + kill)
        push.start()
        world.wait_par(120)
        counts = world.prove(wanted)
        assert counts["applied"] > 20
        calls = Counter(line["key"] for line in world.journal() if line["kind"] == "call" and line.get("key"))
        assert sum(1 for sent in calls.values() if sent > 1) > 2, "hardly a write was hit: the test proves nothing"


def test_two_processes_share_a_shop(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(300)
        world.sync()
        pair = [world.push(name).start(wait_ready=True) for name in ("one", "two")]
        for round_ in range(5):
            wanted = world.desire_random(skus, seed=round_)
            world.wait_par()
        world.prove(wanted)
        wrote = [sum(1 for line in each.log() if line["msg"] == "write") for each in pair]
        assert sorted(wrote)[0] == 0 and sum(wrote) > 0
        # The writer leaves as it should: the other one takes over at once.
        writer = pair[0] if wrote[0] else pair[1]
        assert writer.terminate() == 0
        wanted = world.desire_random(skus, seed=99)
        world.wait_par()
        world.prove(wanted)


def test_a_writer_that_was_asleep_writes_nothing_old(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(400)
        world.sync()
        world.control("faults", {"rules": [{"fault": "delay", "ms": 20}]})
        dice = random.Random(3)
        pair = [world.push(name).start(wait_ready=True) for name in ("one", "two")]
        for round_ in range(4):
            wanted = world.desire_random(skus, seed=round_)
            time.sleep(0.1 + dice.random() * 0.3)
            holder = world.db.execute("SELECT owner FROM shop_leases").fetchone()[0]
            asleep = next(each for each in pair if f":{each.pid}:" in holder)
            asleep.pause()
            wait_until(lambda: world.db.execute("SELECT owner FROM shop_leases").fetchone()[0] != holder,
                       "the other one to take over", 30)  # fmt: skip
            wanted |= world.desire_random(skus[:200], seed=50 + round_)
            time.sleep(0.3)
            asleep.resume()
            world.wait_par()
            world.prove(wanted)
        assert [each.terminate() for each in pair] == [0, 0]
