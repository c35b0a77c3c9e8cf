"""A campaign that did not show what it should is a failure, whatever else went well."""

from collections import Counter

import pytest

from tests.race.campaign import Result
from tests.race.checker import Verdict
from tests.race.par import differs
from tests.race.report import both_numbers, table
from tests.race.script import Script
from tests.race.shelf import Race
from tests.race.story import Telling, tell


def result(writer: str, sold_twice: int = 0, **more) -> Result:
    raised = Counter({"pairs raised": more.pop("raised", 9)})
    verdict = Verdict(oversold=Counter({"1@501": sold_twice} if sold_twice else {}), counts=raised)
    rest = {"rounds": [["RACE-1: differs"], []], **more}
    return Result(writer, "available", 300, verdict, Counter(), Counter(), **rest)


def test_a_good_campaign_has_no_failures():
    assert result("parstock").failures() == [] and result("naive", 7).failures() == []


@pytest.mark.parametrize("bad, why", [
    (result("naive", 0), "not hard enough"),
    (result("parstock", 2), "2 units sold twice in 1 races"),
    (result("parstock", rounds=[["RACE-1: differs"]]), "1 not at par"),
    (result("parstock", rounds=[]), "no count at the end"),
    (result("parstock", raised=0), "no write raised a level"),
    (result("parstock", breaches=[{"kind": "key_applied_twice"}]), "key_applied_twice"),
])  # fmt: skip
def test_what_was_not_shown_is_a_failure(bad: Result, why: str):
    assert why in " ".join(bad.failures())


def test_an_unfair_race_is_a_failure_for_either_writer():
    for writer in ("parstock", "naive"):
        unfair = result(writer, 3 if writer == "naive" else 0)
        unfair.verdict.problems.append("a hand of another in the shop")
        assert any("a hand of another" in failure for failure in unfair.failures())


def test_both_numbers_stand_side_by_side():
    (line,) = both_numbers([result("parstock"), result("naive", 1234)])
    assert line == "race: available: units sold twice in 300 races: parstock 0, naive 1,234"
    assert "| **units sold twice** | 0 | 1,234 |" in table([result("parstock"), result("naive", 1234)])
    assert "| 299 300 |" in table([result("parstock")])


SAYS = {"desired": 4, "shown": 4, "state": "at_par"}


@pytest.mark.parametrize("says, shop, at_par", [
    (SAYS, 4, True), (None, 4, False), (SAYS, 3, False), (SAYS | {"desired": 3}, 4, False),
    (SAYS | {"shown": 5}, 4, False), (SAYS | {"desired": 5, "shown": 5}, 5, False),
])  # fmt: skip
def test_par_is_shelf_and_both_sides(says, shop: int, at_par: bool):
    race = Race(Script(1, 4, 4, True, ()))
    assert (differs(race, "on_hand", says, {"on_hand": shop}) == "") is at_par


def test_a_story_holds_both_sides_in_order():
    change = {"pair": "1@501", "available": [2, 1], "on_hand": [2, 2]}
    journal = [
        {"t": 10.0, "kind": "order", "action": "buy", "changes": [change, {**change, "pair": "2@501"}]},
        {"t": 12.0, "kind": "call", "call": 5, "mutation": False},
        {"t": 12.5, "kind": "ended", "call": 5, "how": "answered", "read_pairs": ["1@501", "2@501"]},
        {"t": 13.0, "kind": "applied", "call": 6, "name": "available", "changes": [change]},
    ]  # fmt: skip
    (story,) = tell(journal, {"1@501": Telling("RACE-1", [(11_000_000, "told: count-1 of 2")])})
    assert [line.split()[1].rstrip(":") for line in story.splitlines()[1:]] == ["buy", "told", "read", "WRITE"]
