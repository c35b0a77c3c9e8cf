"""What `catalog sync` and `catalog check` need: seconds, and peak resident memory of the client.

usage: python -m tests.bench.bench_catalog [VARIANTS]      (default 1000000)

The double makes the items up while it writes the export out and holds none of them; each has a variant with two tags,
and a level at each of three locations, so that the export has five lines an item. Its own time is told apart by its
journal. The second sync finds everything known. The client may take CLIENT_MAX_MIB, whatever the number.
"""

import sys
import time
from pathlib import Path

from tests.harness.paths import ROOT, parstock
from tests.harness.postgres import Postgres
from tests.harness.process import Child, install_handlers
from tests.harness.rundir import make_run_dir
from tests.scenarios.push_world import PLACES, PushWorld

CLIENT_MAX_MIB = 64
RISK = {"tags": ["group-7"], "skus": ["made-up-0000003"], "value_threshold": 990}


def peak_kib(pid: int) -> int:
    """VmHWM: unlike ru_maxrss it does not begin with what the parent had."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def run(world: PushWorld, *arguments: str) -> tuple[float, float]:
    """Seconds and MiB of one command that has to end with 0 or, as a check may, 1."""
    began, peak = time.monotonic(), 0
    child = Child(f"catalog-{arguments[0]}-{began:.0f}", [parstock(), "catalog", *arguments], world.run_dir,
                  env=world.env(), cwd=ROOT)  # fmt: skip
    while child.running:
        peak = max(peak, peak_kib(child.pid))
        time.sleep(0.02)
    if child.returncode not in (0, 1):
        sys.exit(f"parstock catalog {' '.join(arguments)} ended with {child.returncode}\n{child.tail()}")
    return time.monotonic() - began, peak / 1024


def export_seconds(world: PushWorld) -> float:
    """Of the newest export, by the double's journal."""
    times = {line["kind"]: line["t"] for line in world.journal() if line["kind"].startswith("bulk_")}
    return times["bulk_finished"] - times["bulk_started"]


def main() -> int:
    install_handlers()
    variants = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    run_dir = make_run_dir("parstock-bench-")
    worst = 0.0
    with Postgres(run_dir) as postgres, PushWorld(run_dir, postgres, bulk_made_up=variants) as world:
        world.write_contract(risk=RISK)
        for arguments in (("sync",), ("sync",), ("check",)):
            seconds, mib = run(world, *arguments)
            worst = max(worst, mib)
            of_shop = f", {export_seconds(world):.1f} s of it the double's export" if arguments == ("sync",) else ""
            print(f"catalog {arguments[0]}: {seconds:.1f} s{of_shop}; peak RSS {mib:.1f} MiB", flush=True)
        items, levels = world.db.execute(
            "SELECT (SELECT count(*) FROM shop_items), (SELECT count(*) FROM shop_levels WHERE stocked)"
        ).fetchone()
        print(f"{items} items, {levels} levels known")
    if (items, levels) != (variants, variants * len(PLACES)):
        print(f"expected {variants} items and {variants * len(PLACES)} levels")
        return 1
    if worst > CLIENT_MAX_MIB:
        print(f"the client took more than {CLIENT_MAX_MIB} MiB")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
