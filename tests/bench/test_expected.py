"""The judge of every arm sees each fault that it is there for."""

import json

import pytest

from tests.bench.expected import Expected, compare_ids, compare_levels


def event(id_: str, version: int, quantity: int, location: str = "BER") -> str:
    value = {"id": id_, "sku": "A", "location": location, "version": version, "quantity": quantity}
    return f"0\tA\t0\t{json.dumps(value)}\n"


@pytest.fixture
def expected() -> Expected:
    made = Expected()
    for line in (event("1", 5, 10), event("2", 7, 20), event("2", 7, 20), event("3", 6, 30),
                 event("4", 8, 20), event("5", 1, 1, "HAM")):  # fmt: skip
        made.add(line)
    return made


def test_newest_version_wins_and_a_repeat_counts_once(expected):
    assert expected.levels == {("A", "BER"): (20, 8), ("A", "HAM"): (1, 1)}
    assert expected.outcomes == {"applied": 3, "duplicate": 1, "stale": 1, "unchanged": 1}
    assert list(expected.ids) == ["1", "2", "3", "4", "5"]
    assert expected.last_ids == {0: "5"}


@pytest.mark.parametrize(
    ("found", "what"),
    [("1235", "lost"), ("123456", "nobody sent"), ("122345", "more than once")],
)
def test_a_wrong_set_of_ids_is_named(expected, found, what):
    assert compare_ids(expected.ids, list("54321")) == []
    complaints = compare_ids(expected.ids, list(found))
    assert len(complaints) == 1 and what in complaints[0]


RIGHT = {("A", "BER"): (20, 8), ("A", "HAM"): (1, 1)}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ([(("A", "HAM"), (1, 1))], "lost"),
        ([*RIGHT.items(), (("B", "BER"), (1, 1))], "nobody sent"),
        ([*RIGHT.items(), (("A", "HAM"), (1, 1))], "more than once"),
        ([(("A", "BER"), (30, 6)), (("A", "HAM"), (1, 1))], "wrong"),
        ([(("A", "BER"), (20, 7)), (("A", "HAM"), (1, 1))], "wrong"),
    ],
)
def test_wrong_levels_are_named(expected, change, what):
    assert compare_levels(expected.levels, list(RIGHT.items())) == []
    complaints = compare_levels(expected.levels, change)
    assert len(complaints) == 1 and what in complaints[0]
