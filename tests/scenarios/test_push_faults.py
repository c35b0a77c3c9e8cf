"""push against a shop that loses answers, throttles, goes away, and is written by others."""

import random
import time
from pathlib import Path

import pytest

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PLACES, PushWorld

SET = "inventorySetQuantities"


def settled_by(world: PushWorld) -> dict[str, int]:
    return dict(world.db.execute("SELECT state, count(*) FROM shop_writes GROUP BY state").fetchall())


@pytest.mark.parametrize("replay", ["success", "stale"])
def test_answers_are_lost_after_applying(run_dir: Path, postgres: Postgres, replay: str) -> None:
    # Reads cost 750 points a call: a large bucket, as how fast it fills is not the question here.
    with PushWorld(run_dir, postgres, replay=replay, maximum_available=20000, restore_rate=5000) as world:
        skus = world.load(1000)
        world.sync()
        world.control("faults", {"seed": 7, "rules": [
            {"fault": "drop_after_apply", "probability": 0.3, "ops": [SET]},
        ]})  # fmt: skip
        push = world.push().start(wait_ready=True)
        for round_ in range(4):
            wanted = world.desire_random(skus, seed=round_)
            world.wait_par(120)
        counts = world.prove(wanted)
        assert counts["fault"] > 5
        assert push.terminate() == 0


@pytest.mark.parametrize("fault", ["drop_before_apply", "truncated", "html", "status_5xx", "status_429", "hang"])
def test_other_faults(run_dir: Path, postgres: Postgres, fault: str) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(200)
        world.sync()
        more = {"hang": {"seconds": 2, "when": "after"}, "html": {"when": "after"},
                "status_5xx": {"when": "after"}}.get(fault, {})  # fmt: skip
        world.control("faults", {"next": [{"fault": fault, "ops": [SET], **more} for _ in range(2)]})
        wanted = world.desire_random(skus, seed=3)
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.prove(wanted)["fault"] == 2
        assert settled_by(world) == {"applied": 3}


def test_calls_of_a_pair_that_hang_in_the_shop_are_not_overtaken(run_dir: Path, postgres: Postgres) -> None:
    """The call goes on in the shop after our time-out: the same key again, never another one."""
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(10)
        world.sync()
        world.control("faults", {"next": [{"fault": "delay", "ms": 2500, "ops": [SET]}]})
        wanted = world.desire_random(skus, seed=4)
        world.push().start(wait_ready=True)
        world.wait_par()
        world.prove(wanted)


def test_no_verdict_at_all_ends_in_a_read(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(10)
        world.sync()
        world.control("faults", {"rules": [{"fault": "drop_after_apply", "ops": [SET]}]})
        wanted = world.desire_random(skus, seed=5)
        world.push().start(wait_ready=True)
        wait_until(lambda: settled_by(world).get("superseded") == 1, "the write to be given up", 90)
        world.control("faults", {})
        world.wait_par()
        world.prove(wanted)


@pytest.mark.parametrize("field", ["path", "null"])
def test_orders_between_read_and_write(run_dir: Path, postgres: Postgres, field: str) -> None:
    """Mode available: the compare is stale, the pair is read again and decided again; nothing is re-sold blindly."""
    with PushWorld(run_dir, postgres, "available", stale_field=field) as world:
        skus = world.load(100)
        world.sync()
        world.control("order", {"lines": [{"sku": sku, "location": "BER", "quantity": 2} for sku in skus[:30]]})
        wanted = world.desire_random(skus, seed=6)
        world.push().start(wait_ready=True)
        world.wait_par()
        counts = world.prove(wanted)
        assert counts["refused"] >= 1 and counts["order"] == 1
        assert settled_by(world)["refused"] >= 1


def test_only_some_pairs_of_a_call_are_applied(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres, "available", stale_mode="partial") as world:
        skus = world.load(100)
        world.sync()
        world.control("order", {"lines": [{"sku": skus[0], "location": "BER", "quantity": 2}]})
        wanted = world.desire_random(skus, seed=8)
        world.push().start(wait_ready=True)
        world.wait_par()
        world.prove(wanted)


def test_orders_all_the_while(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres, "available") as world:
        skus = world.load(100, available=500)
        world.sync()
        dice = random.Random(9)
        world.push().start(wait_ready=True)
        for round_ in range(20):
            wanted = world.desire_random(skus, seed=round_)
            world.control("order", {"lines": [
                {"sku": dice.choice(skus), "location": dice.choice(list(PLACES)), "quantity": 1} for _ in range(20)
            ]})  # fmt: skip
            time.sleep(0.1)
        world.wait_par()
        # Orders behind the last write are the next reading's business: what was written is what was desired.
        world.prove_journal()
        rows = world.db.execute("SELECT sku, location, shown FROM shop_levels").fetchall()
        assert {(sku, place): shown for sku, place, shown in rows} == wanted


def test_throttling_storm(run_dir: Path, postgres: Postgres) -> None:
    """A bucket of two calls that fills by one call in half a second: nothing is lost, and keys are not burnt."""
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(500)
        world.sync()
        world.control("config", {"maximum_available": 20, "restore_rate": 20})
        world.control("faults", {"next": [{"fault": "throttled", "ops": [SET]} for _ in range(3)]})
        wanted = world.desire_random(skus, seed=10)
        push = world.push().start(wait_ready=True)
        world.wait_par()
        world.prove(wanted)
        assert settled_by(world) == {"applied": 6}
        assert float(metric(push, "parstock_push_throttle_wait_seconds_total")) > 1
        assert int(metric(push, "parstock_push_writes_total", 'verdict="throttled"')) == 3
        wait_until(lambda: metric(push, "parstock_push_bucket_limit_points") == 20, "the bucket to be shown", 30)
        assert 0 <= metric(push, "parstock_push_bucket_points") <= 20
        wait_until(lambda: metric(push, "parstock_push_oldest_dirty_seconds") == 0, "nothing to wait", 30)
        assert metric(push, "parstock_push_call_seconds_count") >= 6


def metric(worker, name: str, label: str = "") -> float:
    for line in worker.get("/metrics")[1].splitlines():
        if line.startswith(name) and label in line:
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no metric {name}")


def test_shop_is_away(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(50)
        world.sync()
        first = world.desire_random(skus[:25], seed=11)
        # At start and in the middle: the double loses what it holds when it goes, so a proxy in front of it goes.
        with world.shop_behind_gate() as gate:
            gate.shut()
            push = world.push().start()
            wait_until(lambda: push.get("/readyz")[0] == 503, "push to say that it is not ready")
            time.sleep(1)
            assert push.running
            gate.open()
            push.wait_ready()
            world.wait_par()
            gate.shut()
            second = world.desire_random(skus, seed=12)
            wait_until(lambda: push.get("/readyz")[0] == 503, "push to say that it is not ready")
            complaints = [line for line in push.log() if line["msg"] == "not ready"]
            gate.open()
            push.wait_ready()
            world.wait_par()
        world.prove(first | second)
        # One line when it goes, not one a try.
        assert len(complaints) <= 3
        assert push.terminate() == 0


def test_postgres_is_away(run_dir: Path) -> None:
    with Postgres(run_dir) as own, PushWorld(run_dir, own) as world:
        skus = world.load(200)
        world.sync()
        world.control("faults", {"rules": [{"fault": "delay", "ms": 30}]})
        wanted = world.desire_random(skus, seed=13)
        push = world.push().start(wait_ready=True)
        for _ in range(3):
            own.restart(immediate=True)
            time.sleep(0.3)
        world.reconnect()
        wanted |= world.desire_random(skus, seed=14)
        world.wait_par()
        world.prove(wanted)
        assert push.terminate() == 0


def test_expired_token_is_renewed(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(50)
        world.sync()
        push = world.push(PARSTOCK_SHOP_DEMO_TOKEN="", PARSTOCK_SHOP_DEMO_CLIENT_ID="client",
                          PARSTOCK_SHOP_DEMO_CLIENT_SECRET="secret").start(wait_ready=True)  # fmt: skip
        world.desire_random(skus, seed=15)
        world.wait_par()
        world.control("revoke-tokens")
        wanted = world.desire_random(skus, seed=16)
        world.wait_par()
        world.prove(wanted)
        assert "secret" not in push.child.text("err")


def test_wrong_token_says_so_and_waits(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.load(1)
        world.sync()
        push = world.push(PARSTOCK_SHOP_DEMO_TOKEN="shpat_not-a-token").start()
        wait_until(lambda: "the token is not valid" in push.child.text("err"), "push to say what is wrong")
        assert push.running and push.get("/readyz")[0] == 503
        assert "shpat_not-a-token" not in push.child.text("err")
        assert push.terminate() == 0


def test_wrong_reason_says_so(run_dir: Path, postgres: Postgres) -> None:
    """A refusal that is nobody's pair's fault: the pairs stay as they are, and go once the shop takes them."""
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(5)
        world.sync()
        world.control("config", {"reasons": ["restock"]})
        wanted = world.desire_random(skus, seed=17)
        push = world.push().start()
        wait_until(lambda: "reason in the contract" in push.child.text("err"), "push to say what is wrong")
        assert world.faults() == {}
        world.control("config", {"reasons": ["correction"]})
        world.wait_par()
        world.prove(wanted)
