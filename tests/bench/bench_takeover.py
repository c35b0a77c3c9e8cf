"""A worker is killed within a backlog; the one that takes over works it off and is restarted as planned before the killed one's
records have expired. So the third owes the levels of everything since the kill, at once and again after their expiry; it has
live events at a fixed rate meanwhile, which should not notice: due to committed.

usage: python -m tests.bench.bench_takeover [--events 2000000] [--rate 1000] [--seconds 60]
"""

import argparse
import os
import sys

from tests.harness.process import install_handlers
from tests.harness.worker import Worker

from . import workload
from .bench_latency import Watch, latencies_ms, numbers_by_partition, percentile
from .bench_shadow import STATIC, kill, wait_read
from .parstock import audit
from .workload import HOUR_MS
from .world import TOPIC, World, now_ms, open_world, wait_tool


def live(world: World, watch: Watch, options: argparse.Namespace) -> list[float]:
    """Milliseconds from due to committed, ascending."""
    count = options.rate * options.seconds
    path = workload.make(world.run_dir / "live.tsv", count, now_ms(), first=options.events)
    before = watch.look()
    base = {partition: seen[-1][1] for partition, seen in watch.seen.items()}
    feeder = world.start_feed(TOPIC, path, options.rate, 5)
    watch.until(before + count, options.seconds + 120)
    fed, found = wait_tool(feeder), []
    for partition, numbers in numbers_by_partition(path).items():
        seen = [(at, reached - base[partition]) for at, reached in watch.seen[partition] if reached >= base[partition]]
        found += latencies_ms(numbers, seen, fed["start_us"], options.rate)
    return sorted(found)


def bench(world: World, options: argparse.Namespace) -> str:
    path = workload.make(world.run_dir / "events.tsv", options.events, now_ms() - HOUR_MS)
    world.load(TOPIC, path, options.events)
    env = world.env(options.lanes)
    with Worker("apply", env | STATIC, world.run_dir, name=world.name("apply")) as worker:
        worker.wait_ready()
        wait_read(world, env["PARSTOCK_SCHEMA"], options.events // 2, worker)
        kill(worker)
        wait_read(world, env["PARSTOCK_SCHEMA"], options.events, worker)
        worker.terminate()
        world.checkpoint()  # what the backlog wrote is no part of the latency
        os.sync()
        worker.start().wait_ready()
        found = live(world, Watch(world, env["PARSTOCK_SCHEMA"], 0.002), options)
        worker.terminate()
    audit(env)
    figures = "  ".join(f"p{p:g} {percentile(found, p):.1f} ms" for p in (50, 90, 99, 99.9))
    what = f"{options.events:,} events, killed at the half, restarted at the end; then {len(found):,} at {options.rate:,}/s"
    return f"{what}: {figures}  max {found[-1]:.1f} ms"


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_takeover", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000, help="of the backlog")
    parser.add_argument("--rate", type=int, default=1_000, help="live events a second, afterwards")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    with open_world() as world:
        print(bench(world, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
