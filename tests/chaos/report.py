"""What a campaign showed, as tables. Pure functions over the history."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import Iterable, Mapping, Sequence

from .faults import FAULTS, Past
from .history import KINDS, Change, Findings, Injury


@dataclass(frozen=True)
class Row:
    fault: str
    injected: int
    hit: int
    recoveries: tuple[float, ...]  # seconds from the heal, of those that hit


def acked_ends(acks: Iterable[tuple[int, int, int, float]]) -> dict[int, list[tuple[float, int]]]:
    """Partition to (moment, offset after it), both rising; the last of each 20 ms."""
    ends: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for partition, offset, _, at in acks:
        known = ends[partition]
        if known and offset < known[-1][1]:
            continue
        if known and int(known[-1][0] * 50) == int(at * 50):
            known.pop()
        known.append((at, offset + 1))
    return ends


def recovery(healed: float, changes: Mapping[int, list[Change]],
             ends: Mapping[int, list[tuple[float, int]]]) -> float | None:  # fmt: skip
    """Seconds until every partition that had a backlog when the fault healed has moved on."""
    slowest = None
    for partition, known in ends.items():
        at = bisect_right(known, (healed, 1 << 62))
        end = known[at - 1][1] if at else 0
        moves = changes.get(partition, [])
        since = bisect_right(moves, healed, key=lambda change: change.at)
        if since and moves[since - 1].next >= end or end == 0:
            continue
        later = next((m for m in moves[since:] if m.is_batch), None)
        if later is not None:
            slowest = max(slowest or 0.0, later.at - healed)
    return slowest


def rows(injuries: Sequence[Injury], changes: Sequence[Change], acks: Iterable) -> list[Row]:
    past, ends = Past(changes), acked_ends(acks)
    of_part: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        of_part[change.partition].append(change)
    table = []
    for fault in FAULTS:
        mine = [i for i in injuries if i.fault == fault.name]
        hits = [i for i in mine if fault.hit(past, i)]
        times = [recovery(i.healed, of_part, ends) for i in hits]
        known = tuple(t for t in times if t is not None)
        table.append(Row(fault.name, len(mine), len(hits), known))
    return table


def in_words(table: Sequence[Row], findings: Findings) -> str:
    lines = ["| fault | injected | took effect | recovery s: median | max |",
             "|---|--:|--:|--:|--:|"]  # fmt: skip
    for row in table:
        times = row.recoveries
        best = f"{median(times):.2f} | {max(times):.2f}" if times else "- | -"
        lines.append(f"| {row.fault} | {row.injected} | {row.hit} | {best} |")
    lines.append(f"| all | {sum(r.injected for r in table)} | {sum(r.hit for r in table)} | | |")
    lines += ["", "| found | times |", "|---|--:|"]
    lines += [f"| {kind}: {why} | {findings.counts[kind]} |" for kind, why in KINDS.items()]
    return "\n".join([*lines, *(f"  {finding}" for finding in findings.kept)])
