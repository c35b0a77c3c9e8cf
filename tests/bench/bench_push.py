"""How many pairs a second push writes to the shop double, with PostgreSQL as durable as in production.

usage: python -m tests.bench.bench_push [PAIRS]      (default 20000)

The double answers in milliseconds and its bucket is made so large that it never throttles: what is measured is push itself, one call after another.
A real shop takes a few hundred milliseconds a call, and at its standard rate of 10 calls a second no more than 2,500 pairs a second.
"""

import statistics
import sys
import time

from tests.harness.postgres import Postgres
from tests.harness.process import install_handlers
from tests.harness.rundir import make_run_dir
from tests.scenarios.push_world import PLACES, PushWorld

ROUNDS = 3


def measure(world: PushWorld, skus: list[str], round_: int) -> float:
    """Seconds from the first claim to the last settled row, by the database's clock: seeding is not part of it."""
    push = world.push(f"bench-{round_}", lease_s=20, timeout_s=8)
    world.desire_random(skus, seed=round_)
    push.start(wait_ready=True)
    world.wait_par(300)
    assert push.terminate() == 0
    return world.db.execute(
        "SELECT extract(epoch FROM max(settled_at) - min(created_at))::float FROM shop_writes"
        " WHERE created_at > now() - interval '10 min' AND state = 'applied' AND id > %s", [world.last_write],
    ).fetchone()[0]  # fmt: skip


def main() -> int:
    install_handlers()
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    run_dir = make_run_dir("parstock-bench-")
    with Postgres(run_dir) as postgres, PushWorld(run_dir, postgres) as world:
        world.control("config", {"maximum_available": 1000000, "restore_rate": 1000000})
        skus = world.load(-(-pairs // len(PLACES)))
        began = time.monotonic()
        print(world.sync().strip(), f"(catalog sync: {time.monotonic() - began:.1f} s)")
        rates = []
        for round_ in range(ROUNDS):
            world.last_write = world.db.execute("SELECT coalesce(max(id), 0) FROM shop_writes").fetchone()[0]
            seconds = measure(world, skus, round_)
            written = world.db.execute(
                "SELECT count(*) FROM shop_write_pairs WHERE write_id > %s", [world.last_write]).fetchone()[0]  # fmt: skip
            rates.append(written / seconds)
            print(f"round {round_ + 1}: {written} pairs in {seconds:.2f} s = {rates[-1]:.0f} pairs/s", flush=True)
        world.prove()
        print(f"push: {statistics.median(rates):.0f} pairs/s (median of {ROUNDS}); the journal is clean")
    return 0


if __name__ == "__main__":
    sys.exit(main())
