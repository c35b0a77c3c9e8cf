"""make chaos MINUTES=n SEED=s: faults of every kind against `apply`, then the history checked.

Fails if anything was lost, doubled, reordered or done by a zombie, if an outcome, level, record
or dead letter is wrong, if not everything was judged in the end, or if a kind of fault that was
injected never took effect.
"""

import argparse
import sys
import time

from tests.harness.rundir import make_run_dir

from .campaign import Plan, hear_signals, run
from .world import World


def say(line: str) -> None:
    print(line, flush=True)


OFTEN = 3  # by chance, a fault may hit nobody once or twice


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=3000, help="events a second")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--skus", type=int, default=5000)
    parser.add_argument("--protocol", choices=("classic", "consumer"), default="classic",
                        help="of the group")  # fmt: skip
    options = parser.parse_args()
    hear_signals()
    run_dir = make_run_dir()
    seconds = options.minutes * 60 or options.seconds
    say(f"seed {options.seed}, {seconds:g} s; logs in {run_dir}")
    plan = Plan(seconds, options.seed, options.rate, options.workers, options.skus)
    started = time.monotonic()
    with World(run_dir, options.protocol) as world:
        result = run(world, plan, say)
    say(f"{result}\ntook {time.monotonic() - started:.0f} s in all")
    for fault in result.idle_faults(OFTEN):
        say(f"chaos: {fault}: injected, and never took effect")
    if not result.ok or result.idle_faults(OFTEN):
        say(f"chaos: FAILED with seed {options.seed}")
        return 1
    say("chaos: 0 lost, 0 doubled, 0 reordered, 0 zombie effects")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; stopping what was started", file=sys.stderr)
        sys.exit(130)
