"""resolve: repairs by the thousand, a source that takes a shop to zero, and a second writer.

usage: python -m tests.bench.bench_resolve repairs [--low 10000] [--high 200] [--seed 1]
       python -m tests.bench.bench_resolve poisoned [--items 2000] [--percent 40] [--limit-percent P]
       python -m tests.bench.bench_resolve fight [--pairs 200] [--rounds 60]

repairs: findings of low and high risk, push and two of resolve at work, one of them killed at random all the while; what was read back.
poisoned: counts of 0 for so much of the catalogue, by events; how many levels went to zero before the guard, and what was opened.
fight: somebody changes so many pairs back every minute of the double's time, drift compares every minute; writes done and incidents opened.
"""

import argparse
import random
import sys
import time
from collections import Counter

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.process import install_handlers
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.scenarios.resolve_world import ResolveWorld, WholeWorld

WIDE = {"guards": {"max_changed_percent": 100, "max_changed_levels": 100_000, "max_drifting_percent": 100}}
RICH = {"maximum_available": 20000, "restore_rate": 1000}


def say(line: str) -> None:
    print(line, flush=True)


def repairs(options: argparse.Namespace) -> int:
    run_dir, dice, kills = make_run_dir("parstock-bench-"), random.Random(options.seed), 0
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka:
        with ResolveWorld(run_dir, kafka, postgres, WIDE, **RICH) as world:
            count = options.low + options.high
            skus = world.at_par(count)
            world.push(lease_s=20, timeout_s=8).start(wait_ready=True)
            world.wait_par(600)
            world.tamper(skus, 9)
            low, high = skus[: options.low], skus[options.low :]
            run = world.run(count)
            workers = [world.resolve(), world.resolve()]
            began = time.monotonic()
            told = world.found(run, low) + world.found(run, high, risk="high")
            world.tell(dice.sample(told, count // 10))  # a tenth of them twice
            while world.acted() < count or kills < 10:
                time.sleep(dice.uniform(0.1, 1.0))
                victim = dice.choice(workers)
                victim.kill()
                victim.start(wait_ready=True)
                kills += 1
            acted_s = time.monotonic() - began
            world.wait_settled(1800)
            seconds = time.monotonic() - began
            states = world.states()
            writes = Counter(n for (n,) in world.db.execute(
                "SELECT count(*) FROM shop_write_pairs GROUP BY sku, location").fetchall())  # fmt: skip
            shown = world.levels_shown()
            untouched = sum(shown[sku] == 9 for sku in high)
            opened = world.count("incidents WHERE class = 'drift' AND state <> 'resolved'")
            twice = world.count("(SELECT 1 FROM drift_actions GROUP BY finding_id, sku HAVING count(*) > 1) d")
            sample = dice.sample(world.incidents("drift"), min(10, opened))
            for incident in sample:
                world.command("incidents", "approve", incident["incident_id"])
            wait_until(lambda: world.states().get("done") == options.low + len(sample), "approved repairs", 120)
            mended = sum(world.levels_shown()[i["sku"]] == 5 for i in sample)
            world.prove_journal()
    done, failed = states.get("done", 0), states.get("failed", 0)
    say(f"{count} findings acted on in {acted_s:.0f} s, read back within {seconds:.0f} s; {kills} kills of resolve")
    say(f"success by read-back: {done} of {done + failed} ({done / max(done + failed, 1):.2%}); acted on twice: {twice}")
    say(f"writes a pair: {dict(writes)}; every low-risk level at par: {all(shown[sku] == 5 for sku in low)}")
    say(f"high-risk untouched: {untouched} of {len(high)}, {opened} incidents; approved and mended: {mended} of {len(sample)}")
    good = done == options.low and twice == 0 and set(writes) == {1} and untouched == opened == len(high)
    return 0 if good and mended == len(sample) else 1


def poisoned(options: argparse.Namespace) -> int:
    run_dir = make_run_dir("parstock-bench-")
    guards = {} if options.limit_percent is None else {"guards": {"max_zeroed_percent": options.limit_percent}}
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka:
        with WholeWorld(run_dir, kafka, postgres, policy=guards, **RICH) as world:
            world.apply()
            skus = world.stock("shelf", options.items)
            world.sync()
            world.push(lease_s=20, timeout_s=8).start(wait_ready=True)
            world.wait_par(600)
            world.resolve()
            bad = random.Random(2).sample(skus, options.items * options.percent // 100)
            world.counts({sku: 0 for sku in bad})
            (incident,) = world.wait_incidents("zeroing_stopped")
            world.wait_par(300)
            # Drift looks too: what is held differs from nothing that a machine may mend.
            world.drift()
            wait_until(lambda: world.count("drift_findings WHERE NOT told") == 0, "findings to be told", 60)
            time.sleep(3)
            zeroed = sum(level == 0 for level in world.levels_shown().values())
            held = world.count("shop_levels WHERE fault = 'held: zeroing'")
            opened = Counter(i["class"] for i in world.incidents())
            world.command("incidents", "approve", incident["incident_id"])
            wait_until(lambda: sum(level == 0 for level in world.levels_shown().values()) == len(bad), "the approved zeroes", 300)
            world.prove_journal()
    say(f"{len(bad)} of {options.items} counts of 0: {zeroed} went to zero, {held} were held; open incidents {dict(opened)}")
    say(f"approved: all {len(bad)} went to zero")
    return 0 if opened["zeroing_stopped"] == 1 and zeroed + held == len(bad) else 1


def fight(options: argparse.Namespace) -> int:
    run_dir = make_run_dir("parstock-bench-")
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka:
        with WholeWorld(run_dir, kafka, postgres, **RICH) as world:
            world.apply()
            skus = world.stock("fought", options.pairs * 10)
            world.sync()
            world.push(lease_s=20, timeout_s=8).start(wait_ready=True)
            world.wait_par(600)
            before = world.count("shop_write_pairs")
            world.resolve()
            pairs, found = skus[: options.pairs], 0
            for number in range(options.rounds):
                for sku in pairs:
                    world.edit(sku, available=world.level[sku] + 100 + number)
                world.control("clock", {"advance_seconds": 60})
                found += len(world.drift())
                world.wait_acted(found, 300)
                world.wait_settled(300)
            writes = world.count("shop_write_pairs") - before
            most = world.db.execute("SELECT max(n) FROM (SELECT count(*) AS n FROM shop_write_pairs w JOIN shop_writes s"
                                    " ON s.id = w.write_id GROUP BY w.sku) p").fetchone()[0]  # fmt: skip
            opened = Counter(i["class"] for i in world.incidents())
            world.prove_journal()
    say(f"{options.pairs} pairs changed back {options.rounds} times, {found} findings")
    say(f"writes done: {writes} ({writes / options.pairs:.2f} a pair, {most} at most with the first); open incidents {dict(opened)}")
    return 0 if opened == Counter({"second_writer": options.pairs}) and writes <= 3 * options.pairs else 1


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_resolve", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("repairs")
    one.add_argument("--low", type=int, default=10_000)
    one.add_argument("--high", type=int, default=200)
    one.add_argument("--seed", type=int, default=1)
    one.set_defaults(run=repairs)
    two = commands.add_parser("poisoned")
    two.add_argument("--items", type=int, default=2000)
    two.add_argument("--percent", type=int, default=40)
    two.add_argument("--limit-percent", type=float)
    two.set_defaults(run=poisoned)
    three = commands.add_parser("fight")
    three.add_argument("--pairs", type=int, default=200)
    three.add_argument("--rounds", type=int, default=60)
    three.set_defaults(run=fight)
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
