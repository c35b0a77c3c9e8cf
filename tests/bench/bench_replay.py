"""Reading again what was already applied: a first pass over the events, then every partition's `progress` is set back to
the start of the topic and the worker reads it all once more. Nothing of the ledger or the levels may change; how much
faster the second pass is says what an event costs that is known.

usage: python -m tests.bench.bench_replay [--events 1000000] [--rounds 3]
"""

import argparse
import json
import statistics
import sys

from tests.harness.process import install_handlers
from tests.harness.worker import run_parstock

from . import workload
from .figures import Figures
from .parstock import Wrong, check, prove, run_worker
from .workload import HOUR_MS
from .world import TOPIC, Load, World, now_ms, open_world

TABLES = ("idempotency", "levels", "readings", "adjustments", "shop_levels", "outbox")
OUTCOMES = ("applied", "unchanged", "duplicate", "stale", "shadowed", "rekeyed", "rejected")


def digests(world: World, schema: str) -> dict[str, tuple]:
    """Rows and a sum of hashes of every table that an event may change."""
    with world.postgres.connect() as connection:
        sql = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {}.{} AS t"
        return {name: connection.execute(sql.format(schema, name)).fetchone() for name in TABLES}


def outcomes(world: World, schema: str) -> dict[str, int]:
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in OUTCOMES)
    with world.postgres.connect() as connection:
        row = connection.execute(f"SELECT {sums} FROM {schema}.progress").fetchone()
    return {name: int(n) for name, n in zip(OUTCOMES, row)}


def rewind(world: World, schema: str) -> None:
    with world.postgres.connect() as connection:
        connection.execute(f"UPDATE {schema}.progress SET next_offset = 0, epoch = epoch + 1")
    world.checkpoint()


def compare(before: dict, after: dict, gained: dict[str, int], events: int) -> list[str]:
    """What the second pass did that it must not; an empty list: nothing."""
    changed = [f"{name} changed: {before[name]}, then {after[name]}" for name in before if before[name] != after[name]]
    if gained["duplicate"] != events or sum(gained.values()) != events:
        changed.append(f"outcomes of {events} events read again: {gained}")
    return changed


def only_read_twice(env: dict[str, str]) -> list[str]:
    """Audit must see that records were counted twice, for the rewind was by hand, and nothing else."""
    answer = run_parstock("audit", "-o", "json", env=env, limit_s=1800)
    found = sorted(v["invariant"] for v in json.loads(answer.stdout)["violations"])
    return [] if found == ["no_more_than_offsets"] * workload.PARTITIONS else [f"violations {found}"]


def round_of(world: World, load: Load, lanes: int) -> tuple[Figures, Figures]:
    env = world.env(lanes)
    schema = env["PARSTOCK_SCHEMA"]
    first = run_worker(world, env, load.events)
    prove(world, env, load)
    counted, before = outcomes(world, schema), digests(world, schema)
    rewind(world, schema)
    again = run_worker(world, env, load.events)
    gained = {name: n - counted[name] for name, n in outcomes(world, schema).items()}
    check(compare(before, digests(world, schema), gained, load.events), "the second pass")
    check(only_read_twice(env), "the audit")
    world.drop_schema(schema)
    return first, again


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_replay", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    ratios = []
    with open_world() as world:
        path = workload.make(world.run_dir / "events.tsv", options.events, now_ms() - HOUR_MS)
        load = world.load(TOPIC, path, options.events)
        for turn in range(options.rounds):
            try:
                first, again = round_of(world, load, options.lanes)
            except Wrong as wrong:
                print(f"bench_replay: {wrong}", file=sys.stderr)
                return 1
            ratios.append(again.rate / first.rate)
            print(f"round {turn + 1}: first {first.rate:,.0f} events/s, again {again.rate:,.0f} events/s = "
                  f"{ratios[-1]:.2f}; Postgres CPU s a million {first.per_million('postgres'):.2f}, "
                  f"then {again.per_million('postgres'):.2f}", flush=True)  # fmt: skip
    print(f"again / first: {min(ratios):.2f} / {statistics.median(ratios):.2f} / {max(ratios):.2f} "
          f"(min, median, max of {options.rounds}); every event a duplicate, no row changed")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
