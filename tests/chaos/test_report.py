"""Whether a fault took effect, and how long the recovery was, on histories made by hand."""

from collections import defaultdict

from tests.chaos import faults, report
from tests.chaos.history import Change, Findings, Injury


def change(at, who, partition, epochs=(1, 1), offsets=(0, 0)):
    return Change(at, int(at * 10), who, partition, *epochs, "o", *offsets, (0,) * 7)


TAKEN = [
    change(1.0, "w0", 0, (0, 1)),
    change(1.0, "w1", 1, (0, 1)),
    change(2.0, "w0", 0, offsets=(0, 10)),
    change(5.0, "w1", 0, (1, 2), (10, 10)),
    change(6.0, "w1", 0, (2, 2), (10, 20)),
]


def injury(began, healed, place="w0", hit=True):
    return Injury("any", place, began, healed, hit)


def test_who_held_what():
    past = faults.Past(TAKEN)
    assert past.held("w0", 0.5) == set()
    assert past.held("w0", 3.0) == {0}
    assert past.held("w0", 5.5) == set()
    assert past.held("w1", 5.5) == {0, 1}


def test_a_zombie_counts_when_another_took_over_while_it_slept():
    past = faults.Past(TAKEN)
    assert faults.lost_its_partitions(past, injury(3.0, 5.5))
    assert not faults.lost_its_partitions(past, injury(3.0, 4.5))  # nobody had taken it yet
    assert not faults.lost_its_partitions(past, injury(5.5, 9.0))  # it had nothing to lose
    assert not faults.lost_its_partitions(past, injury(3.0, 5.5, hit=False))  # it never stopped


def test_a_kill_counts_when_the_worker_owned_something():
    past = faults.Past(TAKEN)
    assert faults.was_holding(past, injury(3.0, 3.1))
    assert not faults.was_holding(past, injury(5.5, 5.6))


def test_a_join_counts_when_it_brought_a_partition():
    past = faults.Past(TAKEN)
    assert faults.got_partitions(past, injury(4.0, 9.0, "w1"))
    assert not faults.got_partitions(past, injury(5.5, 9.0, "w1"))


def by_partition(changes):
    table = defaultdict(list)
    for one in changes:
        table[one.partition].append(one)
    return table


def test_recovery_ends_when_every_partition_with_a_backlog_moves():
    moves = by_partition([change(1, "w", 0, offsets=(0, 5)), change(14.0, "w", 0, offsets=(5, 9)),
                          change(1, "w", 1, offsets=(0, 5)), change(12.0, "w", 1, offsets=(5, 9)),
                          change(1, "w", 2, offsets=(0, 5))])  # fmt: skip
    ends = report.acked_ends([(0, 8, 0, 3.0), (1, 8, 0, 3.0), (2, 4, 0, 3.0)])
    assert report.recovery(10.0, moves, ends) == 4.0
    assert report.recovery(15.0, moves, ends) is None  # nothing waits by then


def test_what_was_acknowledged_later_is_no_backlog():
    moves = by_partition([change(1, "w", 0, offsets=(0, 5)), change(14.0, "w", 0, offsets=(5, 9))])
    ends = report.acked_ends([(0, 4, 0, 0.5), (0, 8, 0, 11.0)])
    assert report.recovery(10.0, moves, ends) is None


def test_the_table_says_what_took_effect_and_what_was_found():
    name = faults.FAULTS[0].name
    injuries = [Injury(name, "w0", 3.0, 3.1, True), Injury(name, "w0", 5.5, 5.6, True)]
    table = report.rows(injuries, TAKEN, [])
    assert (table[0].injected, table[0].hit) == (2, 1)
    findings = Findings()
    findings.add("lost", 3, 17, "gone", times=4)
    text = report.in_words(table, findings)
    assert f"| {name} | 2 | 1 |" in text and "partition 3 offset 17 gone" in text
    assert "effect is missing | 4 |" in text
