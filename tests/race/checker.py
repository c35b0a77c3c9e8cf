"""Was any unit sold twice? A pure function over the lines of the shop double's journal.

It knows nothing of scripts, events or parstock: only what came to the shelf (`shelf`), what customers got and gave
back (`order`), and what was written (`applied`). Nothing that was never on the shelf can be sold, so at every moment
the units sold, less those of cancelled orders, must not exceed the units that had come by then. The shop itself sells
nothing that it does not show; so what was sold beyond the shelf was sold because a write had shown it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable

STALE = "CHANGE_FROM_QUANTITY_STALE"


@dataclass(slots=True)
class Pair:
    came: int = 0  # to the shelf, ever
    sold: int = 0  # less what was cancelled
    available: int | None = None  # as the shop shows it
    written: bool = False

    @property
    def left(self) -> int:
        """What can truly still be sold; below 0 once units were sold twice."""
        return self.came - self.sold


@dataclass
class Verdict:
    oversold: Counter = field(default_factory=Counter)  # pair to units that were not there when they were sold
    shown: Counter = field(default_factory=Counter)  # pair to the writes that showed more than was there
    counts: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)  # the journal is not one of a fair race

    @property
    def units(self) -> int:
        return self.oversold.total()


class Checker:
    def __init__(self) -> None:
        self.verdict = Verdict()
        self._pairs: dict[str, Pair] = {}
        self._line: dict[str, Any] = {}

    def take(self, line: dict[str, Any]) -> None:
        self._line = line
        handler = getattr(self, f"_{line['kind']}", None)
        if handler is not None:
            handler(line)

    def _pair(self, name: str) -> Pair:
        return self._pairs.setdefault(name, Pair())

    def _problem(self, what: str, name: str) -> None:
        self.verdict.problems.append(f"{what}: {name}, line {self._line['seq']}")

    # What the world does

    def _catalog(self, line: dict[str, Any]) -> None:
        for name, (available, _on_hand) in line["levels"].items():
            self._pair(name).available = available

    def _shelf(self, line: dict[str, Any]) -> None:
        for name, units in line["units"].items():
            self._pair(name).came += units

    def _edit(self, line: dict[str, Any]) -> None:
        for change in line["changes"]:
            self._problem("a hand of another in the shop", change["pair"])
            self._moved(change)

    def _order(self, line: dict[str, Any]) -> None:
        action = line["action"]
        self.verdict.counts["refused"] += line.get("refused", 0)
        for change in line["changes"]:
            before, after = self._moved(change)
            {"buy": self._sold, "place": self._sold, "cancel": self._came_back,
             "fulfil": self._left_the_house}[action](change["pair"], before, after)  # fmt: skip

    def _moved(self, change: dict[str, Any]) -> tuple[int, int]:
        pair = self._pair(change["pair"])
        before, after = change["available"]
        if pair.available is not None and pair.available != before:
            self._problem("an effect is missing", change["pair"])
        pair.available = after
        return before, after

    def _sold(self, name: str, before: int, after: int) -> None:
        pair, units = self._pair(name), before - after
        if after < 0 or units < 1:
            self._problem("sold what the shop did not show", name)
        if before > pair.left and not pair.written:
            self._problem("more was shown than there was before anything was written", name)
        missing_before = max(0, -pair.left)
        pair.sold += units
        missing = max(0, -pair.left) - missing_before
        self.verdict.counts.update(sales=1, units=units)
        if missing:
            self.verdict.oversold[name] += missing

    def _came_back(self, name: str, before: int, after: int) -> None:
        self._pair(name).sold -= after - before
        self.verdict.counts["cancelled"] += 1
        if after <= before:
            self._problem("a cancellation took units", name)

    def _left_the_house(self, name: str, before: int, after: int) -> None:
        self.verdict.counts["shipped"] += 1
        if after != before:
            self._problem("a shipment changed what is available", name)

    # What writers do

    def _applied(self, line: dict[str, Any]) -> None:
        self.verdict.counts["writes"] += 1
        for change in line["changes"]:
            before, after = self._moved(change)
            pair = self._pair(change["pair"])
            pair.written = True
            self.verdict.counts["pairs written"] += 1
            self.verdict.counts["pairs raised"] += after > before
            if after > max(0, pair.left):
                self.verdict.shown[change["pair"]] += 1

    def _refused(self, line: dict[str, Any]) -> None:
        self.verdict.counts["stale answers"] += STALE in line["codes"]
        self.verdict.counts["stale pairs"] += line["codes"].get(STALE, 0)

    def _fault(self, line: dict[str, Any]) -> None:
        self.verdict.counts["faults"] += any(name not in ("delay", "late") for name in line["faults"])


def check(lines: Iterable[dict[str, Any]]) -> Verdict:
    checker = Checker()
    for line in lines:
        checker.take(line)
    return checker.verdict
