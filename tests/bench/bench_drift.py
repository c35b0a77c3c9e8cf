"""drift: causes by seeded faults, false alarms under busy orders, and a whole catalogue.

usage: python -m tests.bench.bench_drift causes [--each 20]
       python -m tests.bench.bench_drift alarms [--rounds 60]
       python -m tests.bench.bench_drift sweep [--variants 333334] [--drifted 10000]

causes: so many items hurt by each cause; the table of what was seeded against what was found.
alarms: orders, counts and writes all the while, their events late, and one comparison a minute of the double's time; found must be nothing.
Without the correction for what is under way every difference of the first look would be an alarm: these are told beside it.
sweep: a shop of many variants at three locations, of which some levels differ; time, peak memory, calls, and whether exactly those are found.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter

from tests.harness.kafka import ApacheKafka
from tests.harness.paths import ROOT, parstock
from tests.harness.postgres import Postgres
from tests.harness.process import Child, install_handlers
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.scenarios.drift_world import SEEDS, SET, DriftWorld, queue_delay
from tests.scenarios.push_world import PLACES, PushWorld
from tests.scenarios.shop_world import now
from tests.scenarios.test_drift import confusion

from .bench_catalog import peak_kib
from .bench_catalog import run as run_catalog

CLIENT_MAX_MIB = 128
SHELF = """
INSERT INTO levels (sku, location, quantity, source, occurred_at, revision)
    SELECT sku, location, shown, 'wms', now() - interval '1 minute', 1 FROM shop_levels ORDER BY sku, location;
INSERT INTO readings (sku, location, source, count, counted_at)
    SELECT sku, location, 'wms', shown, now() - interval '1 minute' FROM shop_levels ORDER BY sku, location;
UPDATE shop_levels SET desired = shown, desired_at = now();
ANALYZE levels; ANALYZE readings; ANALYZE shop_levels"""
HURT = """
WITH hurt AS (SELECT sku, location FROM shop_levels ORDER BY hashtext(sku || location) LIMIT %s),
    l AS (UPDATE levels l SET quantity = quantity + 7 FROM hurt WHERE l.sku = hurt.sku AND l.location = hurt.location),
    r AS (UPDATE readings r SET count = count + 7 FROM hurt WHERE r.sku = hurt.sku AND r.location = hurt.location)
UPDATE shop_levels s SET desired = desired + 7 FROM hurt WHERE s.sku = hurt.sku AND s.location = hurt.location
RETURNING s.sku, s.location"""


def delays(world: DriftWorld, each: int) -> Counter:
    """What waits for points, and what follows another contract file, are pairs of a shop of their own: both concern all of it."""
    world.apply()
    slow, other = world.stock("throttled", each), world.stock("policy_changed", each)
    world.sync()
    world.pusher = world.push().start(wait_ready=True)
    world.wait_par(300)
    world.control("faults", {"rules": [{"fault": "throttled", "ops": [SET]}]})
    world.counts({sku: world.level[sku] + 3 for sku in slow})
    throttled = "SELECT throttled_at FROM shop_leases"
    wait_until(lambda: world.db.execute(throttled).fetchone()[0], "push to wait", 60)
    table = confusion(world.drift(), {"throttled": slow})
    world.control("faults", {})
    world.wait_par(300)
    world.pusher.terminate()
    world.write_contract(buffer={"fixed": 4})
    return table + confusion(world.drift(), {"policy_changed": other})


def causes(options: argparse.Namespace) -> int:
    run_dir = make_run_dir("parstock-bench-")
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka, DriftWorld(run_dir, kafka, postgres) as world:
        with DriftWorld(make_run_dir("parstock-bench-"), kafka, postgres) as other:
            table = delays(other, options.each)
        world.apply()
        groups = {cause: world.stock(cause, options.each, 7200 if cause == "stale_source" else 600)
                  for cause in [*SEEDS, "queue_delay"]}  # fmt: skip
        world.sync()
        world.pusher = world.push().start(wait_ready=True)
        world.wait_par(300)
        before = world.drift()
        for cause, seed in SEEDS.items():
            seed(world, groups[cause])
        world.pusher.terminate()
        queue_delay(world, groups["queue_delay"])
        table += confusion(world.drift(), groups)
    right = sum(n for (seeded, found), n in table.items() if seeded == found)
    for (seeded, found), n in sorted(table.items()):
        print(f"{seeded:<20} {found:<20} {n}")
    missed = sum(n for (_, found), n in table.items() if found == "clean")
    print(f"before any fault: {len(before)} findings; {right} of {sum(table.values())} right"
          f" ({right / sum(table.values()):.1%}), {missed} taken for well")  # fmt: skip
    return 0 if right / sum(table.values()) >= 0.95 and missed == 0 else 1


def buy(world: DriftWorld, skus: list[str], over: threading.Event, made: Counter) -> None:
    dice = random.Random(3)
    late: list[tuple[float, dict]] = []
    while not over.is_set():
        sku = dice.choice(skus)
        world.sell(sku, 1)
        made["orders"] += 1
        late.append((time.monotonic() + dice.uniform(0.0, 1.0), {
            "type": "shop.ordered", "source": "demo", "sku": sku, "quantity": 1, "occurred_at": now().isoformat()}))  # fmt: skip
        due = [event for at, event in late if at <= time.monotonic()]
        late = [(at, event) for at, event in late if event not in due]
        if dice.random() < 0.05:
            other = dice.choice(skus)
            made["counts"] += 1
            level = world.shows(other)["available"] + 40
            due.append({"type": "stock.counted", "source": "wms", "sku": other, "quantity": level,
                        "occurred_at": now().isoformat(), "sees_orders_until": now().isoformat()})  # fmt: skip
        world.produce(*due)
        over.wait(0.02)
    world.produce(*(event for _, event in late))


def alarms(options: argparse.Namespace) -> int:
    run_dir = make_run_dir("parstock-bench-")
    made: Counter = Counter()
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka:
        with DriftWorld(run_dir, kafka, postgres, settle_s=2) as world:
            world.apply()
            skus = world.stock("busy", 200)
            world.sync()
            world.pusher = world.push().start(wait_ready=True)
            world.wait_par(300)
            over = threading.Event()
            buyer = threading.Thread(target=buy, args=(world, skus, over, made))
            buyer.start()
            found = []
            for _ in range(options.rounds):
                world.control("clock", {"advance_seconds": 60})
                found += world.drift()
            over.set()
            buyer.join()
            runs = world.db.execute("SELECT sum(suspects), sum(in_flight), sum(compared) FROM drift_runs").fetchone()
    print(f"{made['orders']} orders, {made['counts']} counts, {options.rounds} comparisons of {runs[2]} pairs in all")
    print(f"false alarms: {len(found)}; without the correction {runs[0]}; {runs[1]} pairs moved at every look")
    for finding in found[:5]:
        print(json.dumps(finding))
    return 1 if found else 0


def sweep(options: argparse.Namespace) -> int:
    run_dir = make_run_dir("parstock-bench-")
    plus = {"bulk_made_up": options.variants, "maximum_available": 20000, "restore_rate": 1000}
    with Postgres(run_dir) as postgres, PushWorld(run_dir, postgres, "available", **plus) as world:
        world.more = {"drift": {"settle_seconds": 1}}
        world.write_contract()
        run_catalog(world, "sync")
        world.db.execute(SHELF)
        world.db.commit()
        hurt = set(world.db.execute(HURT, (options.drifted,)).fetchall())
        world.db.commit()
        began, peak = time.monotonic(), 0
        child = Child("drift-run", [parstock(), "drift", "run", "-o", "jsonl"], world.run_dir, env=world.env(), cwd=ROOT)
        while child.running:
            peak = max(peak, peak_kib(child.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - began
        found = {(line["sku"], line["location"]) for line in map(json.loads, child.text("out").splitlines())}
        run = world.db.execute("SELECT state, compared, suspects, findings, calls FROM drift_runs").fetchone()
    print(f"{run[1]} levels compared in {seconds:.1f} s ({run[0]}), peak RSS {peak / 1024:.1f} MiB, {run[4]} calls")
    print(f"{len(hurt)} levels seeded, {run[2]} suspects, {run[3]} findings; exactly those: {found == hurt}")
    return 0 if found == hurt and peak / 1024 <= CLIENT_MAX_MIB else 1


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_drift", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("causes")
    one.add_argument("--each", type=int, default=20)
    one.set_defaults(run=causes)
    two = commands.add_parser("alarms")
    two.add_argument("--rounds", type=int, default=60)
    two.set_defaults(run=alarms)
    three = commands.add_parser("sweep")
    three.add_argument("--variants", type=int, default=1_000_000 // len(PLACES) + 1)
    three.add_argument("--drifted", type=int, default=10_000)
    three.set_defaults(run=sweep)
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
