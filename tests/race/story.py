"""Races in which a unit was sold twice, moment by moment, for who has to find out why. Pure functions."""

from dataclasses import dataclass
from typing import Any, Iterable, Mapping

Moment = tuple[float, str]


@dataclass(frozen=True)
class Telling:
    sku: str
    told: list[tuple[int, str]]  # microseconds, words


def _in_words(line: dict[str, Any], change: dict[str, Any]) -> str:
    what = line["action"] if line["kind"] == "order" else f"WRITE of {line['name']}, call {line['call']}"
    moved = [f"{name} {change[name][0]} to {change[name][1]}" for name in ("available", "on_hand")
             if change[name][0] != change[name][1]]  # fmt: skip
    return f"{what}: {', '.join(moved) or 'nothing changes'}"


def _of_line(line: dict[str, Any], reads_began: dict[int, float]) -> Iterable[tuple[str, Moment]]:
    """Pair and moment for each pair that the line speaks of."""
    kind, at = line["kind"], line["t"]
    if kind == "call" and not line.get("mutation"):
        reads_began[line["call"]] = at
    elif kind in ("order", "applied"):
        for change in line["changes"]:
            yield change["pair"], (at, _in_words(line, change))
    elif kind == "ended":
        began = reads_began.pop(line["call"], None)
        for pair in line.get("read_pairs", ()) if began is not None else ():
            yield pair, (at, f"read by call {line['call']}, which began {at - began:.3f} s before, {line['how']}")


def tell(journal: Iterable[dict[str, Any]], tellings: Mapping[str, Telling]) -> list[str]:
    moments: dict[str, list[Moment]] = {pair: [] for pair in tellings}
    began: dict[int, float] = {}
    for line in journal:
        for pair, moment in _of_line(line, began):
            if pair in moments:
                moments[pair].append(moment)
    stories = []
    for pair, telling in tellings.items():
        both = sorted([*moments[pair], *((at / 1e6, words) for at, words in telling.told)])
        first = both[0][0] if both else 0.0
        lines = [f"  {at - first:9.3f}  {words}" for at, words in both]
        stories.append("\n".join([f"{telling.sku} ({pair}):", *lines]))
    return stories
