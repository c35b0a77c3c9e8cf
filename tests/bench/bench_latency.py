"""From the intended send time of an event to its commit, at a fixed rate in an open loop: an event that is sent late
because something stalled counts from when it was due. Commits are seen by reading `progress.next_offset` about once a
millisecond on one connection, so a figure is up to one such step too high, never too low.

usage: python -m tests.bench.bench_latency [--rate 10000] [--seconds 30]
"""

import argparse
import sys
import time
from pathlib import Path

from tests.harness.process import install_handlers
from tests.harness.worker import Worker

from . import workload
from .figures import Window
from .parstock import Progress, audit
from .world import TOPIC, World, now_ms, open_world, wait_tool

SEEN_LIMIT_S = 60.0


class Watch:
    """When which offset was first seen to be committed."""

    def __init__(self, world: World, schema: str, every_s: float):
        self._connection = world.postgres.connect()
        self._sql = f"SELECT partition, next_offset FROM {schema}.progress"
        self._every_s = every_s
        self.seen: dict[int, list[tuple[float, int]]] = {p: [(0.0, 0)] for p in range(workload.PARTITIONS)}
        self.looks = 0

    def look(self) -> int:
        """The events committed so far."""
        rows = self._connection.execute(self._sql, prepare=True).fetchall()
        now_us = time.monotonic() * 1e6
        self.looks += 1
        for partition, reached in rows:
            if reached > self.seen[partition][-1][1]:
                self.seen[partition].append((now_us, reached))
        return sum(reached for _, reached in rows if reached > 0)

    def until(self, events: int, limit_s: float) -> float:
        """The seconds between two looks, in the mean."""
        start = time.monotonic()
        while self.look() < events:
            if time.monotonic() - start > limit_s:
                raise TimeoutError(f"{self.look()} of {events} events were committed in {limit_s:g} s")
            time.sleep(self._every_s)
        return (time.monotonic() - start) / self.looks


def numbers_by_partition(path: Path) -> dict[int, list[int]]:
    """Partition -> the number in the file of the event at each offset."""
    numbers: dict[int, list[int]] = {p: [] for p in range(workload.PARTITIONS)}
    with path.open() as lines:
        for number, line in enumerate(lines):
            numbers[int(line[: line.index("\t")])].append(number)
    return numbers


def latencies_ms(numbers: list[int], seen: list[tuple[float, int]], start_us: float, rate: int) -> list[float]:
    """Of one partition, in order of its offsets."""
    found = []
    for (_, before), (at_us, reached) in zip(seen, seen[1:]):
        found += [(at_us - start_us - n * 1e6 / rate) / 1000 for n in numbers[before:reached]]
    return found


def percentile(ordered: list[float], percent: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(world: World, options: argparse.Namespace) -> str:
    events = options.rate * (options.warm_up + options.seconds)
    path = workload.make(world.run_dir / "events.tsv", events, now_ms())
    numbers = numbers_by_partition(path)
    env = world.env(options.lanes)
    watch = Watch(world, env["PARSTOCK_SCHEMA"], options.every_ms / 1000)
    with Worker("apply", env, world.run_dir) as worker:
        with Progress(world, env["PARSTOCK_SCHEMA"]) as progress:
            progress.wait_owned(0)
        window = Window(worker.pid, world.kafka.pid, world.postgres.pid)
        feeder = world.start_feed(TOPIC, path, options.rate, options.linger_ms)
        step_s = watch.until(events, options.warm_up + options.seconds + SEEN_LIMIT_S)
        figures, fed = window.close(events), wait_tool(feeder)
    audit(env)
    kept = []
    for partition, of_partition in numbers.items():
        found = latencies_ms(of_partition, watch.seen[partition], fed["start_us"], options.rate)
        assert len(found) == len(of_partition), f"partition {partition}: {len(found)} of {len(of_partition)} seen"
        kept += [ms for n, ms in zip(of_partition, found) if n >= options.rate * options.warm_up]
    kept.sort()
    quantiles = "  ".join(f"p{p:g} {percentile(kept, p):.1f} ms" for p in (50, 90, 99, 99.9))
    return (
        f"{len(kept):,} events at {options.rate:,}/s, {options.lanes} lanes, producer linger {options.linger_ms} ms\n"
        f"due to committed: {quantiles}  max {kept[-1]:.1f} ms\n"
        f"looks every {step_s * 1000:.2f} ms; the producer was at most {fed['latest_us'] / 1000:.1f} ms late\n"
        f"CPU s a million: client {figures.per_million('client'):.2f} broker {figures.per_million('broker'):.2f} "
        f"postgres {figures.per_million('postgres'):.2f} (the looks among it); peak RSS {figures.rss_mib:.0f} MiB"
    )


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=10_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=3, help="seconds before, at the same rate, not counted")
    parser.add_argument("--linger-ms", type=int, default=5, help="how long the producer waits for company")
    parser.add_argument("--every-ms", type=float, default=1.0, help="pause between two looks at the commits")
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    with open_world() as world:
        print(run(world, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
