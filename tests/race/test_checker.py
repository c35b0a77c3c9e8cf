"""The checker of races, shown each wrong journal that it must name, and each lawful course that it must let pass."""

import random
from typing import Any

import pytest

from tests.race.checker import STALE, Verdict, check

P, Q = "1@501", "2@501"


class Journal:
    """Hand-made; `shown` moves as a shop's level does."""

    def __init__(self, shown: int = 0, came: int = 0):
        self.lines: list[dict[str, Any]] = []
        self.shown = {P: shown, Q: 0}
        self.add("started", restored=False)
        self.add("catalog", levels={P: [shown, shown], Q: [0, 0]})
        self.came(came)

    def add(self, kind: str, **fields: Any) -> "Journal":
        self.lines.append({"seq": len(self.lines) + 1, "t": 0, "kind": kind, **fields})
        return self

    def change(self, to: int, pair: str = P) -> dict[str, Any]:
        before, self.shown[pair] = self.shown[pair], to
        return {"pair": pair, "available": [before, to], "on_hand": [before, to]}

    def came(self, units: int, pair: str = P) -> "Journal":
        return self.add("shelf", units={pair: units})

    def buy(self, units: int, pair: str = P) -> "Journal":
        change = self.change(self.shown[pair] - units, pair)
        return self.add("order", order="o", action="buy", changes=[change], refused=0)

    def refuse(self) -> "Journal":
        return self.add("order", order="o", action="buy", changes=[], refused=1)

    def cancel(self, units: int, pair: str = P) -> "Journal":
        return self.add("order", order="o", action="cancel", changes=[self.change(self.shown[pair] + units, pair)])

    def ship(self, pair: str = P) -> "Journal":
        return self.add("order", order="o", action="fulfil", changes=[self.change(self.shown[pair], pair)])

    def write(self, to: int, pair: str = P) -> "Journal":
        return self.add("applied", call=1, key="k", name="available", changes=[self.change(to, pair)])

    def verdict(self) -> Verdict:
        return check(self.lines)


def test_a_lawful_race():
    journal = Journal(5, 5).buy(3).refuse().cancel(1).buy(3).ship().came(2).write(2).buy(1).write(1).buy(1)
    verdict = journal.verdict()
    assert (verdict.units, verdict.shown.total(), verdict.problems) == (0, 0, [])
    counts = verdict.counts
    assert (counts["sales"], counts["units"], counts["refused"]) == (4, 8, 1)
    assert (counts["cancelled"], counts["shipped"]) == (1, 1)
    assert (counts["writes"], counts["pairs written"], counts["pairs raised"]) == (2, 2, 1)


def test_a_unit_that_a_write_brings_back_is_sold_twice():
    verdict = Journal(3, 3).buy(3).write(2).buy(2).verdict()
    assert verdict.oversold == {P: 2} and verdict.units == 2
    assert verdict.shown == {P: 1} and verdict.problems == []


def test_only_the_units_that_were_not_there_count():
    assert Journal(3, 3).buy(2).write(3).buy(3).verdict().oversold == {P: 2}


def test_a_write_that_nobody_buys_from_is_shown_but_not_sold():
    verdict = Journal(3, 3).buy(2).write(3).write(1).buy(1).verdict()
    assert verdict.units == 0 and verdict.shown == {P: 1}


def test_stock_that_comes_later_undoes_nothing():
    assert Journal(1, 1).buy(1).write(1).buy(1).came(5).verdict().units == 1


def test_stock_that_came_before_may_be_sold():
    assert Journal(1, 1).buy(1).came(1).write(1).buy(1).verdict().units == 0


def test_a_later_cancellation_undoes_nothing():
    assert Journal(1, 1).buy(1).write(1).buy(1).cancel(1).verdict().units == 1


def test_the_same_unit_may_be_oversold_again_after_a_cancellation():
    assert Journal(1, 1).buy(1).write(1).buy(1).cancel(1).buy(1).verdict().units == 2


def test_shipped_units_do_not_come_back():
    """As a write of on_hand would show them, that does not know of the shipment."""
    assert Journal(2, 2).buy(2).ship().write(2).buy(1).verdict().units == 1


def test_pairs_do_not_lend_to_each_other():
    journal = Journal(1, 1).came(10, Q).buy(1).write(1).buy(1)
    assert journal.verdict().oversold == {P: 1}


def test_units_placed_without_a_look_at_the_level_count_as_well():
    journal = Journal(1, 1)
    journal.add("order", order="o", action="place", changes=[journal.change(0)])
    journal.write(1)
    journal.add("order", order="o", action="place", changes=[journal.change(0)])
    assert journal.verdict().units == 1


def test_nothing_left_is_no_promise_of_less():
    """Oversold by 2, a write of 0 shows nothing that is not there."""
    verdict = Journal(2, 2).buy(2).write(2).buy(2).write(0).verdict()
    assert verdict.units == 2 and verdict.shown == {P: 1}


@pytest.mark.parametrize("journal, problem", [
    (Journal(1, 1).buy(2), "sold what the shop did not show"),
    (Journal(3, 1).buy(1), "more was shown than there was before anything was written"),
    (Journal(1, 1).add("edit", changes=[{"pair": P, "available": [1, 9], "on_hand": [1, 9]}]), "a hand of another"),
    (Journal(3, 3).cancel(-1), "a cancellation took units"),
    (Journal(3, 3).add("order", order="o", action="fulfil",
                       changes=[{"pair": P, "available": [3, 4], "on_hand": [3, 4]}]), "a shipment changed"),
    (Journal(3, 3).add("applied", call=1, key="k", name="available",
                       changes=[{"pair": P, "available": [2, 3], "on_hand": [2, 3]}]), "an effect is missing"),
])  # fmt: skip
def test_an_unfair_race_is_named(journal: Journal, problem: str):
    assert [found for found in journal.verdict().problems if found.startswith(problem)]


def test_answers_are_counted():
    journal = Journal(1, 1).add("refused", call=1, key="k", codes={STALE: 3, "OTHER": 1})
    journal.add("refused", call=2, key="l", codes={"OTHER": 1})
    journal.add("fault", call=3, faults=["delay"]).add("fault", call=4, faults=["delay", "truncated"])
    counts = journal.verdict().counts
    assert (counts["stale answers"], counts["stale pairs"], counts["faults"]) == (1, 3, 1)


def slow_count(steps: list[tuple[str, int]]) -> int:
    """Each unit on the shelf and each customer by name: who holds none is one too many."""
    free, owed, oversold = 0, 0, 0
    for kind, units in steps:
        for _ in range(units):
            if kind == "buy" and free > 0:
                free -= 1
            elif kind == "buy":
                owed, oversold = owed + 1, oversold + 1
            elif owed > 0:  # what comes, or comes back, goes to who was promised it
                owed -= 1
            else:
                free += 1
    return oversold


def random_race(seed: int) -> tuple[Journal, list[tuple[str, int]]]:
    dice = random.Random(seed)
    journal, sold, steps = Journal(), 0, []
    for _ in range(200):
        kind, units = dice.choice(("came", "write", "write", "buy", "buy", "buy", "cancel")), dice.randint(1, 3)
        if kind == "write":
            journal.write(dice.randrange(6))
            continue
        if kind == "buy" and journal.shown[P] < units or kind == "cancel" and sold < units:
            continue
        getattr(journal, kind)(units)
        sold += {"buy": units, "cancel": -units}.get(kind, 0)
        steps.append((kind, units))
    return journal, steps


def test_random_journals_agree_with_a_slow_count():
    found = []
    for seed in range(40):
        journal, steps = random_race(seed)
        verdict = journal.verdict()
        assert verdict.units == slow_count(steps), seed
        assert verdict.problems == []
        found.append(verdict.units > 0)
    assert found.count(True) > 10 and found.count(False) > 2
