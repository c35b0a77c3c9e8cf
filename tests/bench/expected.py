"""What must stand in the tables after a file of events: the account of the load in Python, from the same file
that the arms consume, and the comparison row by row."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Iterable

SHOWN = 3  # offenders named of each kind

Pair = tuple[str, str]


@dataclass
class Expected:
    """Ids judged once; the level of a pair is that of the highest version."""

    events: int = 0
    ids: dict[str, str] = field(default_factory=dict)  # id -> SKU
    levels: dict[Pair, tuple[int, int]] = field(default_factory=dict)  # quantity, version
    outcomes: Counter = field(default_factory=Counter)
    last_ids: dict[int, str] = field(default_factory=dict)  # partition -> its last new id

    def judge(self, partition: int, event: dict) -> str:
        if event["id"] in self.ids:
            return "duplicate"
        self.ids[event["id"]] = event["sku"]
        self.last_ids[partition] = event["id"]
        pair = event["sku"], event["location"]
        before = self.levels.get(pair)
        if before is not None and event["version"] <= before[1]:
            return "stale"
        self.levels[pair] = event["quantity"], event["version"]
        return "applied" if before is None or before[0] != event["quantity"] else "unchanged"

    def add(self, line: str) -> None:
        partition, _key, _timestamp, value = line.split("\t")
        self.events += 1
        self.outcomes[self.judge(int(partition), json.loads(value))] += 1

    @cached_property
    def keys(self) -> list[str]:
        """The opponents' ids: the first half of SHA-256 over source, SKU and id."""
        return [
            hashlib.sha256(f"wms\0{sku}\0{id_}".encode()).hexdigest()[:32] for id_, sku in self.ids.items()
        ]


def read(path: Path) -> Expected:
    expected = Expected()
    with path.open() as lines:
        for line in lines:
            expected.add(line)
    return expected


def _complaint(what: str, offenders: list) -> list[str]:
    return [f"{len(offenders)} {what}: {sorted(offenders)[:SHOWN]}"] if offenders else []


def compare_ids(expected: Iterable[str], found: list[str]) -> list[str]:
    """Every id exactly once; an empty list says so."""
    wanted, there = set(expected), Counter(found)
    return (
        _complaint("ids are lost", [i for i in wanted if i not in there])
        + _complaint("ids are there that nobody sent", [i for i in there if i not in wanted])
        + _complaint("ids are there more than once", [i for i, n in there.items() if n > 1])
    )


def compare_levels(expected: dict[Pair, tuple[int, int]], found: list[tuple[Pair, tuple[int, int]]]) -> list[str]:
    """Every pair exactly once, with the quantity and version of the newest count."""
    there = dict(found)
    repeated = [pair for pair, n in Counter(pair for pair, _ in found).items() if n > 1]
    wrong = [(pair, there[pair], level) for pair, level in expected.items()
             if pair in there and there[pair] != level]  # fmt: skip
    return (
        _complaint("levels are lost", [p for p in expected if p not in there])
        + _complaint("levels are there that nobody sent", [p for p in there if p not in expected])
        + _complaint("levels are there more than once", repeated)
        + _complaint("levels are wrong (pair, found, expected)", wrong)
    )
