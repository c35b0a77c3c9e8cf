"""make race RACES=n SEED=s: orders, counts and pushes at random; is any unit sold twice because of a write?

Fails if parstock sold a unit twice, if shop and shelf are not at par in the end, if the journal of the shop shows a
write that should not be, or if the naive writer oversold nothing on the same seeds: then the races prove nothing.
"""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Sequence

from tests.harness.rundir import make_run_dir

from .campaign import Plan, Result, Servers, hear_signals, run
from .naive import Naive
from .parstock import Parstock
from .report import both_numbers, table
from .shelf import MODES


def say(line: str) -> None:
    print(line, flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make race", description=__doc__)
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=(*MODES, "both"), default="both")
    parser.add_argument("--writer", choices=(Parstock.name, Naive.name, "both"), default="both")
    parser.add_argument("--seconds", type=float, default=0, help="from the first step to the last; default: by races")
    told = "races to tell moment by moment: oversold ones, then those where more was shown than there was"
    parser.add_argument("--stories", type=int, default=2, help=told)
    parser.add_argument("--cold", action="store_true", help="customers come before any level of the shop was read")
    return parser.parse_args()


def campaigns(given: argparse.Namespace, run_dir: Path) -> list[Result]:
    plan = Plan(given.races, given.seed, given.seconds, given.stories, given.cold)
    modes: Sequence[str] = MODES if given.mode == "both" else (given.mode,)
    writers = (Parstock.name, Naive.name) if given.writer == "both" else (given.writer,)
    results = []
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(run_dir)) if Parstock.name in writers else None
        for mode in modes:
            for writer in writers:
                say(f"{writer}, {mode}: {plan.races:,} races within {plan.span:.0f} s")
                results.append(run(plan, mode, run_dir, servers if writer == Parstock.name else None, say))
    return results


def main() -> int:
    given = options()
    hear_signals()
    run_dir = make_run_dir()
    say(f"seed {given.seed}; logs in {run_dir}")
    started = time.monotonic()
    results = campaigns(given, run_dir)
    for result in results:
        for story in result.stories:
            say(f"\nshown or sold twice, {result.mode}: {story}")
    say(f"\n{table(results)}\n\ntook {time.monotonic() - started:.0f} s in all")
    failures = [failure for result in results for failure in result.failures()]
    for line in [*both_numbers(results), *(f"race: FAILED: {failure}" for failure in failures)]:
        say(line)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; stopping what was started", file=sys.stderr)
        sys.exit(130)
