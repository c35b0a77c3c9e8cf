"""make bench: parstock's `apply`, the stages of its way, and three opponents that do the same SQL effect, alternated in
one run: events/s, CPU by client, broker and Postgres, peak memory. Every arm ends with a check of its rows."""

import argparse
import sys
from functools import partial
from typing import Callable

from tests.harness.process import install_handlers

from . import parstock, peers, report, stages, workload
from .figures import Figures
from .workload import HOUR_MS
from .world import TOPIC, Load, World, now_ms, open_world

Arm = Callable[[], Figures]

PARSTOCK = ["worker", "memory"]
STAGES = ["bare_consume", "decode", "copy_1", "copy_2"]
PEERS = ["franz_go", "parallel_consumer_uniform", "parallel_consumer", "debezium"]
ARMS = PARSTOCK + STAGES + PEERS


class Loads:
    """Made and fed once, when the first arm asks. Parallel Consumer takes one record of a key at a time, so that
    Zipf's hottest SKU makes it slow: it gets a tenth of the events; with uniform keys half of them."""

    def __init__(self, world: World, events: int):
        self._world, self._events = world, events
        self._made: dict[str, Load] = {}

    def _make(self, kind: str) -> Load:
        path, events = self._world.run_dir / f"{kind}.tsv", self._events
        if kind == "small":
            events = max(events // 10, 1000)
            workload.head(path, self["main"].path, events)
        else:
            events = events // 2 if kind == "uniform" else events
            skew = workload.UNIFORM if kind == "uniform" else workload.ZIPF
            workload.make(path, events, now_ms() - HOUR_MS, skew=skew)
        topic = TOPIC if kind == "main" else f"bench.{kind}"
        return self._world.load(topic, path, events)

    def __getitem__(self, kind: str) -> Load:
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]


def make_arms(world: World, loads: Loads, options: argparse.Namespace) -> dict[str, Arm]:
    """Every arm by name, with the load that it takes."""
    calls = {
        "worker": ("main", parstock.whole_worker, {"lanes": options.lanes}),
        "memory": ("main", parstock.from_memory, {"lanes": options.lanes}),
        "bare_consume": ("main", stages.bare_consume, {}),
        "decode": ("main", stages.decode, {}),
        "copy_1": ("main", stages.copy_ceiling, {"connections": 1}),
        "copy_2": ("main", stages.copy_ceiling, {"connections": 2}),
        "franz_go": ("main", peers.franz_go, {}),
        "parallel_consumer_uniform": ("uniform", peers.parallel_consumer, {"threads": options.threads}),
        "parallel_consumer": ("small", peers.parallel_consumer, {"threads": options.threads}),
        "debezium": ("main", peers.debezium, {"tasks": options.tasks}),
    }
    return {name: partial(call, world, loads[load], **how)
            for name, (load, call, how) in calls.items() if name in options.arms}  # fmt: skip


def run_rounds(arms: dict[str, Arm], rounds: int) -> dict[str, list[Figures]]:
    results: dict[str, list[Figures]] = {name: [] for name in arms}
    names = list(arms)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            figures = arms[name]()
            results[name].append(figures)
            print(f"  round {turn + 1} {name}: {figures.rate:,.0f} events/s", flush=True)
    return results


def chosen_arms(text: str | None) -> list[str]:
    if text is None:
        if not peers.built():
            print("bench: the opponents are left out: run `make bench-opponents` first")
        return PARSTOCK + STAGES + (PEERS if peers.built() else [])
    names = text.split(",")
    unknown = [name for name in names if name not in ARMS]
    if unknown:
        sys.exit(f"bench: no arm is called {', '.join(unknown)}; there are {', '.join(ARMS)}")
    if not peers.built() and set(names) & set(PEERS):
        sys.exit("bench: the opponents are not built: run `make bench-opponents` first")
    return names


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lanes", type=int, default=2, help="lanes of apply")
    parser.add_argument("--tasks", type=int, default=2, help="tasks of Debezium's sink")
    parser.add_argument("--threads", type=int, default=8, help="threads of Parallel Consumer")
    parser.add_argument("--arms", help=f"a choice of: {','.join(ARMS)}")
    parser.add_argument("--quick", action="store_true", help="100,000 events, 2 rounds: does it work, not how fast")
    parser.add_argument("--write", action="store_true", help="put the table into tests/bench/README.md")
    options = parser.parse_args()
    if options.quick:
        options.events, options.rounds = 100_000, 2
    options.arms = chosen_arms(options.arms)
    return options


def main() -> int:
    install_handlers()
    options = parse_options()
    with open_world() as world:
        print(f"preparing {options.events:,} events on {workload.PARTITIONS} partitions ...", flush=True)
        text = report.heading(options)
        loads = Loads(world, options.events)
        arms = make_arms(world, loads, options)
        stages.bare_consume(world, loads["main"])  # the broker's first round is not like the others
        try:
            results = run_rounds(arms, options.rounds)
        except parstock.Wrong as wrong:
            print(f"bench: {wrong}", file=sys.stderr)
            return 1
        if results.get("worker"):
            text += f"\nOutcomes of every round: {dict(results['worker'][0].outcomes)}."
    text += "\n\n" + report.table(results)
    print(f"\n{text}")
    if options.write:
        report.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
