"""One campaign from its load to its verdict."""

import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Sequence

from tests.harness.process import install_handlers
from tests.harness.waiting import Timeout, wait_until

from . import report
from .faults import FAULTS, Fault
from .history import Injury
from .load import read_journal
from .nemesis import torment, tour
from .verify import Verdict, verify
from .world import Scene, World

SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class Plan:
    seconds: float = 60.0
    seed: int = 1
    rate: int = 3000  # events a second
    workers: int = 3
    skus: int = 5000
    poison: int = 100  # of a thousand
    settle_s: float = 300.0
    faults: Sequence[Fault] = FAULTS
    rivals: bool = False  # one worker more, of another group: two owners that do not know of it
    once_each: bool = False  # a tour of the table instead of picks for `seconds`

    @property
    def events(self) -> int:
        return int(self.rate * self.seconds)


@dataclass
class Result:
    verdict: Verdict
    injuries: list[Injury]
    table: list[report.Row]
    settled: bool
    settle_s: float
    exits: list[int]  # of workers asked to end

    def idle_faults(self, least: int = 1) -> list[str]:
        """Kinds injected `least` times or more that never took effect."""
        return [row.fault for row in self.table if row.injected >= least and not row.hit]

    @property
    def ok(self) -> bool:
        crashed = any(code > 0 for code in self.exits)
        return self.settled and not self.verdict.findings and not crashed

    def __str__(self) -> str:
        verdict = self.verdict
        outcomes = sum((part.outcomes for part in verdict.parts), start=Counter())
        lines = [report.in_words(self.table, verdict.findings), ""]
        lines.append(f"{verdict.events:,} records in the topic: " +
                     ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common()))  # fmt: skip
        lines.append(f"settled {self.settle_s:.1f} s after the load's end" if self.settled
                     else "NOT settled: something still waits to be judged or relayed")  # fmt: skip
        lines.append(f"{len(verdict.changes):,} batches and take-overs")
        killed = sum(code < 0 for code in self.exits)
        lines.append(f"workers asked to end: {len(self.exits)}; killed in the end: {killed}; "
                     f"other exit codes: {[c for c in self.exits if c > 0]}")  # fmt: skip
        return "\n".join(lines)


class Ticker:
    """A line now and then, so that a person sees it live."""

    def __init__(self, scene: Scene, say: Callable[[str], None]):
        self._scene, self._say = scene, say
        self._start = self._due = time.monotonic()

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + SAY_EVERY_S
        judged = self._scene.judged()
        count = "the database is away" if judged is None else f"judged {judged:,}"
        running = sum(place.awake for place in self._scene.places)
        self._say(f"{now - self._start:5.0f} s  {count}  workers awake {running}")


def hear_signals() -> None:
    """Every signal that ends us ends what was started too, also in a shell's background job."""
    install_handlers()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _settle(scene: Scene, load, plan: Plan) -> tuple[bool, float]:
    ended = time.monotonic()
    load.wait(plan.settle_s + 600)
    try:
        wait_until(scene.stage.settled, "everything to be judged", plan.settle_s, every_s=0.2)
    except Timeout:
        return False, time.monotonic() - ended
    return True, time.monotonic() - ended


def _play(scene: Scene, plan: Plan, tick: Ticker) -> list[Injury]:
    if plan.once_each:
        return tour(scene, plan.seed, tick, plan.faults)
    return torment(scene, plan.seconds, plan.seed, tick, plan.faults)


def run(world: World, plan: Plan, say: Callable[[str], None] = print) -> Result:
    with world.scene(plan.workers) as scene:
        if plan.rivals:
            scene.start_rival()
        load = scene.load(rate=plan.rate, count=plan.events, seed=plan.seed, skus=plan.skus,
                          poison=plan.poison)  # fmt: skip
        injuries = _play(scene, plan, Ticker(scene, say))
        settled, settle_s = _settle(scene, load, plan)
        scene.stop()
        say("checking the history")
        verdict = verify(scene.case(), world.logs)
        table = report.rows(injuries, verdict.changes, read_journal(scene.journal))
        exits = [code for place in scene.places for code in place.exits]
    return Result(verdict, injuries, table, settled, settle_s, exits)
