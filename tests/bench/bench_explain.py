"""How long does `explain` take as the ledger grows, and does every answer sum? The ledger is filled as by bench_size; then
(SKU, location, moment) are drawn at random and asked for one after another, each by a process of its own.

usage: python -m tests.bench.bench_explain [--rows 10000000] [--slice 1000000] [--questions 1000]
"""

import argparse
import json
import random
import statistics
import sys
import time
from datetime import timedelta

from tests.harness.process import install_handlers
from tests.harness.worker import run_parstock

from .bench_size import Filling
from .world import open_world

PLACES = "SELECT sku, location FROM {0}.levels ORDER BY md5(sku || location || %s) LIMIT %s"
SPAN = "SELECT min(judged_at), max(judged_at) FROM {0}.ledger"


def ask(env: dict[str, str], sku: str, location: str, at: str) -> tuple[float, list[dict]]:
    begun = time.monotonic()
    done = run_parstock("explain", "-o", "json", "--location", location, "--at", at, "--", sku, env=env)
    took = time.monotonic() - begun
    if done.returncode != 0:
        raise SystemExit(f"explain {sku} at {location}, {at}: exit {done.returncode}\n{done.stdout.decode()[-2000:]}")
    return took, json.loads(done.stdout)


def ask_all(world, env: dict[str, str], count: int, seed: int) -> str:
    rng = random.Random(seed)
    schema = env["PARSTOCK_SCHEMA"]
    with world.postgres.connect() as connection:
        connection.execute("ANALYZE")
        places = connection.execute(PLACES.format(schema), [str(seed), count]).fetchall()
        first, last = connection.execute(SPAN.format(schema)).fetchone()
    took, rows, empty = [], [], 0
    for number in range(count):
        sku, location = places[number % len(places)]
        at = first + timedelta(seconds=rng.random() * ((last - first).total_seconds() + 1))
        seconds, found = ask(env, sku, location, at.isoformat())
        took.append(seconds)
        rows.append(sum(len(place["events"]) for place in found))
        empty += not found
        assert all(place["sums"] for place in found)
    took.sort()
    return (f"{count} questions, every one sums ({empty} before the first row of their place); rows a question: median "
            f"{statistics.median(rows):.0f}, most {max(rows)}; ms: median {1000 * statistics.median(took):.0f}, p99 "
            f"{1000 * took[int(len(took) * 0.99)]:.0f}, slowest {1000 * took[-1]:.0f}")  # fmt: skip


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_explain", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--slice", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.days, options.no_audit = 0, True
    with open_world() as world:
        filling = Filling(world, options)
        for _ in range(max(options.rows // options.slice, 1)):
            print(filling.one_slice(), flush=True)
        print(ask_all(world, filling.env, options.questions, options.seed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
