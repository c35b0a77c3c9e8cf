"""push under a backlog, and beside a shop that hangs.

usage: python -m tests.bench.bench_shops backlog [--pairs 250000] [--plan standard|plus] [--slower N] [--delay MS] [--calls N]
       python -m tests.bench.bench_shops hung [--seconds 60]

backlog: all pairs are dirty at once; while they drain, single SKUs get little stock. Reported: the share of the shop's cost bucket that
was used, refusals for want of points, and how long a fresh change waited until its write was settled.
--slower N: the bucket fills N times slower, for a machine that is too slow for it; --delay: each answer of the shop takes so long.
hung: three shops; after a quiet phase one of them swallows every call. Reported: the same wait at the two healthy shops in both phases.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time

from tests.harness.postgres import Postgres
from tests.harness.process import install_handlers
from tests.harness.rundir import make_run_dir
from tests.harness.shop import Shop
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PLACES, TOKEN, PushWorld

PLANS = {"standard": (2000, 100), "plus": (20000, 1000)}
POINTS = 10  # of a write


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


class Changes(threading.Thread):
    """Single fresh changes, one after another; each quantity is its own, so that its write can be told."""

    def __init__(self, world: PushWorld, skus: list[str], shops: list[str], every_s: float):
        super().__init__(daemon=True)
        self.world, self.skus, self.shops, self.every_s = world, skus, shops, every_s
        self.over = threading.Event()
        self.made: list[tuple[str, str, int]] = []

    def run(self) -> None:
        dice = random.Random(1)
        with self.world.postgres.connect(options=f"-c search_path={self.world.schema}") as db:
            while not self.over.wait(self.every_s):
                for shop in self.shops:
                    sku, quantity = dice.choice(self.skus), dice.randrange(11)
                    changed = db.execute(
                        "UPDATE shop_levels SET desired = %s, desired_at = clock_timestamp(), dirty = true"
                        " WHERE shop = %s AND sku = %s AND location = 'BER' AND desired <> %s"
                        " AND write_id IS NULL RETURNING desired_at", (quantity, shop, sku, quantity)).fetchone()  # fmt: skip
                    if changed:
                        self.made.append((shop, sku, changed[0]))

    def waits(self) -> dict[str, list[float]]:
        """Seconds until the write that took each change was settled, by shop."""
        found: dict[str, list[float]] = {}
        for shop, sku, at in self.made:
            row = self.world.db.execute(
                "SELECT extract(epoch FROM min(w.settled_at) - %s)::float FROM shop_writes w JOIN shop_write_pairs p"
                " ON p.write_id = w.id WHERE w.shop = %s AND p.sku = %s AND p.location = 'BER'"
                " AND w.created_at >= %s AND w.state = 'applied'", (at, shop, sku, at)).fetchone()  # fmt: skip
            if row[0] is not None:
                found.setdefault(shop, []).append(row[0])
        return found


def said(waits: list[float]) -> str:
    return (f"{len(waits)} changes, p50 {percentile(waits, 0.5) * 1000:.0f} ms,"
            f" p99 {percentile(waits, 0.99) * 1000:.0f} ms, worst {max(waits, default=0) * 1000:.0f} ms")  # fmt: skip


def verdicts(log: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in log.splitlines():
        if '"verdict"' in line:
            verdict = json.loads(line)["verdict"]
            counts[verdict] = counts.get(verdict, 0) + 1
    return counts


def backlog(options: argparse.Namespace) -> None:
    most, rate = (points // options.slower for points in PLANS[options.plan])
    run_dir = make_run_dir("parstock-bench-")
    with Postgres(run_dir) as postgres, PushWorld(run_dir, postgres, maximum_available=most, restore_rate=rate) as world:
        skus = world.load(-(-options.pairs // len(PLACES)))
        world.sync()
        world.desire_random(skus, seed=1)
        world.db.execute("ANALYZE shop_levels")
        changes = Changes(world, skus, ["demo"], 0.25)
        if options.delay:
            world.control("faults", {"rules": [{"fault": "delay", "ms": options.delay}]})
        push = world.push("backlog", lease_s=20, timeout_s=8, calls=options.calls, PARSTOCK_LOG="info")
        push.start(wait_ready=True)
        changes.start()
        # Some change is always under way: the backlog is gone when only such ones are left.
        wait_until(lambda: world.waiting() <= 20, "the backlog to drain", 3600, every_s=0.1)
        changes.over.set()
        changes.join()
        world.wait_par(60)
        assert push.terminate() == 0
        world.prove()
        seconds, calls = world.db.execute(
            "SELECT extract(epoch FROM max(settled_at) - min(created_at))::float, sum(attempts)::bigint FROM shop_writes"
        ).fetchone()  # fmt: skip
        counts = verdicts(push.child.text("err"))
        used = calls * POINTS / (most + rate * seconds)
        print(f"{options.plan}: {options.pairs:,} pairs in {seconds:.1f} s = {options.pairs / seconds:,.0f} pairs/s;"
              f" {calls:,} calls; {used:.1%} of the points that there were; throttled {counts.get('throttled', 0)}")  # fmt: skip
        print(f"fresh changes meanwhile: {said(changes.waits().get('demo', []))}")


def hung(options: argparse.Namespace) -> None:
    run_dir = make_run_dir("parstock-bench-")
    names = ["demo", "second", "third"]
    with Postgres(run_dir) as postgres, PushWorld(run_dir, postgres, restore_rate=1000, maximum_available=20000) as world:
        others = [Shop(run_dir, name=name, config={"restore_rate": 1000, "maximum_available": 20000}).start()
                  for name in names[1:]]  # fmt: skip
        try:
            run_hung(world, others, names, options.seconds)
        finally:
            for shop in others:
                shop.stop()


def add_shops(world: PushWorld, others: list[Shop], names: list[str]) -> None:
    contract = json.loads(world.contract.read_text())
    for name, shop in zip(names[1:], others):
        contract["shops"].append({**contract["shops"][0], "name": name, "endpoint": shop.url})
    world.contract.write_text(json.dumps(contract))


def run_hung(world: PushWorld, others: list[Shop], names: list[str], seconds: float) -> None:
    add_shops(world, others, names)
    tokens = {f"PARSTOCK_SHOP_{name.upper()}_TOKEN": TOKEN for name in names}
    skus = world.load(300)
    home = world.shop
    for shop in others:
        world.shop = shop
        world.control("catalog", {"locations": [{"id": number, "name": name} for name, number in PLACES.items()]})
        world.load(300)
    world.shop = home
    plain = world.env
    world.env = lambda **more: plain(**tokens, **more)  # type: ignore[method-assign]
    world.sync()
    world.db.execute(
        "UPDATE shop_levels SET desired = 5, desired_at = now(), dirty = shown IS DISTINCT FROM 5")  # fmt: skip
    push = world.push("hung", lease_s=20, timeout_s=8, PARSTOCK_LOG="info").start(wait_ready=True)
    phases = {}
    for phase in ("quiet", "one shop hangs"):
        if phase != "quiet":
            world.control("faults", {"rules": [{"fault": "hang", "seconds": seconds, "ops": ["graphql"]}]})
        changes = Changes(world, skus, names[1:], 0.05)
        changes.start()
        time.sleep(seconds)
        changes.over.set()
        changes.join()
        time.sleep(2)
        phases[phase] = changes.waits()
    world.control("faults", {})
    push.kill()
    for name in names[1:]:
        for phase, waits in phases.items():
            print(f"{name}, {phase}: {said(waits[name])}")
    quiet, hangs = ([percentile(phases[phase][name], 0.99) for name in names[1:]] for phase in phases)
    print(f"p99, {statistics.mean(hangs) / statistics.mean(quiet):.2f} of the quiet phase's")


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_shops", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("backlog")
    one.add_argument("--pairs", type=int, default=250_000)
    one.add_argument("--plan", choices=PLANS, default="standard")
    one.add_argument("--slower", type=int, default=1)
    one.add_argument("--delay", type=int, default=0)
    one.add_argument("--calls", type=int)
    one.set_defaults(run=backlog)
    two = commands.add_parser("hung")
    two.add_argument("--seconds", type=float, default=60)
    two.set_defaults(run=hung)
    options = parser.parse_args()
    options.run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
