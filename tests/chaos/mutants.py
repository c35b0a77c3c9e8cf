"""Wrong workers: proof that the campaign sees. `make mutants`, or MUTANTS='id id' for some.

Each is the source with one thing made wrong, built in a tree of its own under build/mutants, and
set to a short campaign that must report it. The right worker runs every one of these campaigns
as well, and must pass. An anchor that is not found exactly once is an error: a mutant that
changes nothing proves nothing.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

from tests.harness.paths import BUILD, ROOT
from tests.harness.rundir import make_run_dir

from .campaign import Plan, Result, hear_signals, run
from .faults import FAULTS
from .mutant_table import MUTANTS, Mutant
from .world import World

TREES = BUILD / "mutants"
COPIED = ("common", "workers", "schemas", "tests/setup", "Makefile")
BUILT = ("obj", "gen", "flags", "libparstock.a", "objects.list")
BUILD_LIMIT_S = 600


def faults_named(*names: str) -> tuple:
    chosen = tuple(fault for fault in FAULTS if fault.name in names)
    assert len(chosen) == len(names), names
    return chosen


_ZOMBIES = ("zombie: pause past the session", "worker SIGKILL, away past the session")
WAYS = {
    "calm": Plan(seconds=5, seed=3, rate=1500, skus=200, poison=200, settle_s=20, faults=()),
    "rivals": Plan(seconds=15, seed=6, rate=1500, skus=200, settle_s=60, faults=(), rivals=True),
    "kills": Plan(seconds=20, seed=3, rate=1500, skus=200, poison=300, settle_s=40,
                  faults=faults_named("worker SIGKILL")),
    # More than can be judged at once: whoever is paused has a batch in hand.
    "zombies": Plan(seconds=20, seed=4, rate=10_000, skus=200, settle_s=60,
                    faults=faults_named(*_ZOMBIES)),
    "cuts": Plan(seconds=30, seed=5, rate=1500, skus=200, poison=300, settle_s=60,
                 faults=faults_named("connections cut", "Postgres immediate stop")),
    "broker": Plan(seconds=30, seed=3, rate=1500, skus=200, poison=300, settle_s=60,
                   faults=faults_named("worker SIGKILL", "broker SIGKILL")),
}  # fmt: skip


class WrongAnchor(ValueError):
    """A mutant's text is not in its file exactly once."""


def edited(mutant: Mutant, root: Path = ROOT) -> dict[str, str]:
    """The files that differ, as they are to be."""
    texts: dict[str, str] = {}
    for file, old, new in mutant.edits:
        text = texts.get(file) or (root / file).read_text()
        if text.count(old) != 1 or old == new:
            raise WrongAnchor(f"{mutant.id}: {file} holds {text.count(old)} times: {old}")
        texts[file] = text.replace(old, new)
    return texts


def _copy(what: str, tree: Path) -> None:
    source, target = ROOT / what, tree / what
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)  # times are kept: make sees no change
    elif source.exists():
        shutil.copy2(source, target)


def build(mutant: Mutant) -> Path:
    """The wrong program. Only what differs is compiled: objects are copied with their times."""
    tree, texts = TREES / mutant.id, edited(mutant)
    shutil.rmtree(tree, ignore_errors=True)
    for what in COPIED:
        _copy(what, tree)
    for what in BUILT:
        _copy(f"build/{what}", tree)
    (tree / "build/deps").symlink_to(BUILD / "deps")
    for file, text in texts.items():
        (tree / file).write_text(text)
    # CURDIR stands in the flags; another one would compile everything again.
    done = subprocess.run(
        ["make", "-C", tree, "--no-print-directory", "-j2", f"CURDIR={ROOT}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_LIMIT_S,
        env={**os.environ, "MAKEFLAGS": ""},
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{mutant.id} does not build\n{done.stdout}{done.stderr}")
    return tree / "parstock"


@contextmanager
def program(path: Path | None) -> Iterator[None]:
    """The workers started within are this build."""
    before = os.environ.get("PARSTOCK_PROGRAM")
    if path is not None:
        os.environ["PARSTOCK_PROGRAM"] = str(path)
    try:
        yield
    finally:
        os.environ.pop("PARSTOCK_PROGRAM", None)
        if before is not None:
            os.environ["PARSTOCK_PROGRAM"] = before


def symptoms(result: Result) -> list[str]:
    signs = [f"{kind} {count}" for kind, count in result.verdict.findings.counts.most_common()]
    return signs + ([] if result.settled else ["never done"])


@dataclass
class Tally:
    """The right worker first: a mutant is caught by what the right one does not show."""

    right: int = 0
    wrong: int = 0
    usual: dict[str, set[str]] = field(default_factory=dict)  # way: kinds the right worker shows

    def control(self, way: str, result: Result) -> None:
        self.usual[way] = result.verdict.findings.kinds()
        self._count(result.ok)
        self._say("ok" if result.ok else "WRONG", "the right worker", way, result)
        self._first(result, self.usual[way])

    def mutant(self, mutant: Mutant, result: Result) -> None:
        new = result.verdict.findings.kinds() - self.usual[mutant.way]
        caught = bool(new) or not result.settled
        self._count(caught)
        self._say("caught" if caught else "MISSED", mutant.id, mutant.way, result)
        self._first(result, new)

    @staticmethod
    def _first(result: Result, kinds: set[str]) -> None:
        for kind in sorted(kinds):
            first = next(f for f in result.verdict.findings.kept if f.kind == kind)
            print(f"          {str(first)[:160]}", flush=True)

    def _count(self, right: bool) -> None:
        self.right += right
        self.wrong += not right

    @staticmethod
    def _say(verdict: str, name: str, way: str, result: Result) -> None:
        signs = ", ".join(symptoms(result)) or "nothing found"
        print(f"{verdict:<7} {name} ({way}, {len(result.injuries)} faults): {signs}", flush=True)


def quiet(_line: str) -> None:
    """A campaign of seconds needs no progress lines."""


def try_one(world: World, mutant: Mutant, tally: Tally) -> None:
    """One that does not build proves nothing; the others still may."""
    try:
        wrong = build(mutant)
    except (RuntimeError, WrongAnchor) as broken:
        tally.wrong += 1
        print(f"BROKEN  {broken}", flush=True)
        return
    with program(wrong):
        tally.mutant(mutant, run(world, WAYS[mutant.way], quiet))


def main(names: list[str]) -> int:
    known = {mutant.id: mutant for mutant in MUTANTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"mutants: unknown: {' '.join(unknown)}; known: {' '.join(known)}", file=sys.stderr)
        return 64
    hear_signals()
    chosen = [known[name] for name in names] or list(MUTANTS)
    tally, started = Tally(), time.monotonic()
    with World(make_run_dir()) as world:
        for way in dict.fromkeys(mutant.way for mutant in chosen):
            tally.control(way, run(world, WAYS[way], quiet))
        for mutant in chosen:
            try_one(world, mutant, tally)
    print(f"{tally.right} as they should be, {tally.wrong} not "
          f"({time.monotonic() - started:.0f} s)")  # fmt: skip
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("interrupted; stopping what was started", file=sys.stderr)
        sys.exit(130)
