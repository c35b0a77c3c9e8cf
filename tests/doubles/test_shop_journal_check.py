"""The checker of the journal, shown each violation it must name and each lawful course
it must let pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.shop.journal_check import Report, check_lines

P, Q = "1@501", "2@501"


class Script:
    """A hand-made journal."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.add("started")
        self.add("catalog", levels={P: [5, 5], Q: [3, 3]})

    def add(self, kind: str, **fields: Any) -> Script:
        self.lines.append({"seq": len(self.lines) + 1, "t": 0, "kind": kind, **fields})
        return self

    def call(self, number: int, key: str, *pairs: str) -> Script:
        return self.add(
            "call", call=number, mutation=True, key=key, pairs=list(pairs or (P,))
        )

    def applied(
        self, number: int, key: str, before: int, after: int, pair: str = P
    ) -> Script:
        return self.add(
            "applied",
            call=number,
            key=key,
            changes=[
                {"pair": pair, "available": [before, after], "on_hand": [before, after]}
            ],
        )

    def ended(
        self, number: int, verdict: str, how: str = "answered", read: tuple[str, ...] = ()
    ) -> Script:
        return self.add(
            "ended", call=number, how=how, verdict=verdict, read_pairs=list(read)
        )

    def write(
        self, number: int, key: str, before: int, after: int, how: str = "answered"
    ) -> Script:
        return (
            self.call(number, key)
            .applied(number, key, before, after)
            .ended(number, "applied", how)
        )

    def query(self, number: int, *pairs: str) -> Script:
        self.add("call", call=number, mutation=False, key=None, pairs=[])
        return self.ended(number, "read", read=pairs)

    def check(self, expected: dict[str, dict[str, int]] | None = None) -> Report:
        return check_lines((json.dumps(line) for line in self.lines), expected)

    def kinds(self) -> list[str]:
        return [violation["kind"] for violation in self.check().violations]


@pytest.fixture
def script() -> Script:
    return Script()


def test_lawful_sequence_passes_and_gives_the_final_levels(script):
    script.write(1, "a", 5, 6).write(2, "b", 6, 7)
    report = script.check({P: {"available": 7}, Q: {"on_hand": 3}})
    assert report.ok and report.final == {
        P: {"available": 7, "on_hand": 7},
        Q: {"available": 3, "on_hand": 3},
    }


def test_key_applied_twice_is_named(script):
    script.write(1, "a", 5, 6).write(2, "a", 6, 6)
    violation = script.check().violations[0]
    assert (violation["kind"], violation["key"], violation["first"]) == (
        "key_applied_twice",
        "a",
        4,
    )


def test_key_that_comes_back_is_named(script):
    script.write(1, "a", 5, 6).write(2, "b", 6, 7).call(3, "a").ended(3, "replayed")
    violation = script.check().violations[0]
    assert (violation["kind"], violation["pair"], violation["key"]) == (
        "key_came_back",
        P,
        "a",
    )


def test_second_key_during_the_first_call_is_named(script):
    script.call(1, "a").call(2, "b").applied(1, "a", 5, 6).ended(1, "applied").ended(
        2, "refused"
    )
    violation = script.check().violations[0]
    assert (violation["kind"], violation["key"], violation["earlier"]) == (
        "two_in_flight",
        "b",
        "a",
    )


def test_second_key_between_applying_and_answering_is_named(script):
    script.call(1, "a").applied(1, "a", 5, 6).call(2, "b").ended(1, "applied").ended(
        2, "refused"
    )
    assert script.kinds() == ["two_in_flight"]


def test_one_shared_pair_is_enough(script):
    script.call(1, "a", P, Q).call(2, "b", Q).ended(1, "refused").ended(2, "refused")
    assert [(v["kind"], v["pair"]) for v in script.check().violations] == [
        ("two_in_flight", Q)
    ]


def test_pairs_apart_may_be_in_flight_together(script):
    script.call(1, "a", P).call(2, "b", Q).ended(1, "refused").ended(2, "refused")
    assert script.kinds() == []


@pytest.mark.parametrize("how", ["dropped", "truncated", "html", "status_5xx"])
def test_new_key_after_an_unknown_outcome_is_named(script, how):
    script.write(1, "a", 5, 6, how).write(2, "b", 6, 7)
    assert script.kinds() == ["unresolved_outcome"]


def test_unapplied_drop_is_unknown_too(script):
    script.call(1, "a").ended(1, "not_run", "dropped").write(2, "b", 5, 6)
    assert script.kinds() == ["unresolved_outcome"]


def test_repeat_of_the_key_settles(script):
    script.write(1, "a", 5, 6, "dropped").call(2, "a").ended(2, "replayed").write(
        3, "b", 6, 7
    )
    assert script.kinds() == []


def test_read_settles(script):
    script.write(1, "a", 5, 6, "dropped").query(2, P).write(3, "b", 6, 7)
    assert script.kinds() == []


def test_read_of_another_pair_does_not_settle(script):
    script.write(1, "a", 5, 6, "dropped").query(2, Q).write(3, "b", 6, 7)
    assert script.kinds() == ["unresolved_outcome"]


def test_read_that_was_dropped_does_not_settle(script):
    script.write(1, "a", 5, 6, "dropped").add(
        "call", call=2, mutation=False, key=None, pairs=[]
    )
    script.ended(2, "read", "dropped", (P,)).write(3, "b", 6, 7)
    assert script.kinds() == ["unresolved_outcome"]


def test_read_that_began_before_the_outcome_does_not_settle(script):
    script.call(1, "a").add("call", call=2, mutation=False, key=None, pairs=[])
    script.applied(1, "a", 5, 6).ended(1, "applied", "dropped").ended(
        2, "read", read=(P,)
    ).write(3, "b", 6, 7)
    assert script.kinds() == ["unresolved_outcome"]


def test_read_during_an_open_call_does_not_settle(script):
    script.call(1, "a").query(2, P).call(3, "b").ended(3, "refused").ended(1, "refused")
    assert script.kinds() == ["two_in_flight"]


def test_bulk_export_settles_what_was_sealed_when_it_began(script):
    script.write(1, "a", 5, 6, "dropped").add("bulk_started", bulk=1).add(
        "bulk_finished", bulk=1
    )
    assert script.write(2, "b", 6, 7).kinds() == []


def test_refusal_after_an_unknown_outcome_settles_nothing(script):
    script.write(1, "a", 5, 6, "dropped").call(2, "a").ended(2, "refused").write(
        3, "b", 6, 7
    )
    assert script.kinds() == ["unresolved_outcome"]


def test_refusal_and_throttling_alone_settle(script):
    script.call(1, "a").ended(1, "refused").call(2, "b").ended(2, "not_run")
    script.call(3, "c").ended(3, "not_run", "status_429").write(4, "d", 5, 6)
    assert script.kinds() == []


def test_throttling_after_an_unknown_outcome_settles_nothing(script):
    script.call(1, "a").ended(1, "not_run", "dropped").call(2, "a").ended(
        2, "not_run"
    ).write(3, "b", 5, 6)
    assert script.kinds() == ["unresolved_outcome"]


def test_concurrent_answer_leaves_the_first_call_to_decide(script):
    script.call(1, "a").call(2, "a").ended(2, "in_progress").applied(1, "a", 5, 6).ended(
        1, "applied"
    )
    assert script.write(3, "b", 6, 7).kinds() == []


def test_answer_that_could_not_be_sent_is_unknown(script):
    script.write(1, "a", 5, 6).add("undelivered", call=1).write(2, "b", 6, 7)
    assert script.kinds() == ["unresolved_outcome"]


def test_late_end_of_a_settled_key_changes_nothing(script):
    script.call(1, "a").applied(1, "a", 5, 6).call(2, "a").ended(2, "replayed").ended(
        1, "applied", "dropped"
    )
    assert script.write(3, "b", 6, 7).kinds() == []


def test_effect_that_is_missing_from_the_journal_is_named(script):
    script.write(1, "a", 4, 6)
    violations = script.check().violations
    assert [(v["kind"], v["state"], v["known"], v["found"]) for v in violations] == [
        ("chain_broken", "available", 5, 4),
        ("chain_broken", "on_hand", 5, 4),
    ]


def test_orders_and_edits_are_part_of_the_chain(script):
    script.add(
        "order",
        order="o",
        action="place",
        changes=[{"pair": P, "available": [5, 4], "on_hand": [5, 5]}],
    )
    script.add("edit", changes=[{"pair": P, "available": [4, 9], "on_hand": [5, 10]}])
    assert script.check({P: {"available": 9, "on_hand": 10}}).ok


def test_wrong_final_level_is_named(script):
    script.write(1, "a", 5, 6)
    violations = script.check({P: {"available": 7}, "9@9": {"available": 1}}).violations
    assert [(v["kind"], v["pair"]) for v in violations] == [
        ("level_differs", P),
        ("level_differs", "9@9"),
    ]


def test_sequence_that_does_not_rise_is_named(script):
    script.write(1, "a", 5, 6)
    script.lines[3]["seq"] = 3
    assert script.kinds() == ["sequence_broken"]


def test_reset_begins_anew(script):
    script.write(1, "a", 5, 6, "dropped").write(2, "b", 6, 7).add("reset").write(
        3, "a", 1, 2
    )
    assert script.kinds() == []
