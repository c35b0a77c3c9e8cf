"""What a campaign leaves behind, as values: the checker's input and its findings.

Times are seconds since 1970 by the machine's clock, which the database shares.
"""

from collections import Counter
from dataclasses import dataclass, field

OUTCOMES = "applied unchanged duplicate stale shadowed rekeyed rejected".split()
IN_LEDGER = frozenset(("applied", "unchanged", "stale", "shadowed"))

# Kinds of findings, and what each of them says of the worker.
KINDS = {
    "lost": "an acknowledged event has no outcome, or its effect is missing",
    "doubled": "one event took effect twice",
    "reordered": "a level was not built in the order of the offsets",
    "zombie": "an effect outside the transaction and owner that held the partition",
    "outcome": "another outcome or effect than the interface description gives",
    "counts": "outcome counts do not add up to what was read",
    "level": "a level or reading differs from what the events come to",
    "record": "inventory.levels lacks the level, or has two contents of one revision",
    "older": "inventory.levels ends with an older revision: compaction would keep that one",
    "identity": "a repeat of a record does not have the ce_id of the first",
    "letter": "dead letters are missing, wrong or made up",
    "copy": "copies under the right key are missing, or made up",
    "broker": "the broker itself lost or changed what it had acknowledged",
}


@dataclass(frozen=True, slots=True)
class Finding:
    kind: str
    partition: int | None
    offset: int | None
    what: str

    def __str__(self) -> str:
        place = "" if self.partition is None else f" partition {self.partition}"
        place += "" if self.offset is None else f" offset {self.offset}"
        return f"{self.kind}:{place} {self.what}"


class Findings:
    """All are counted; of each kind the first are kept in words."""

    KEPT = 20

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self.kept: list[Finding] = []

    def add(self, kind: str, partition, offset, what: str, times: int = 1) -> None:
        assert kind in KINDS, kind
        if self.counts[kind] < self.KEPT:
            self.kept.append(Finding(kind, partition, offset, what))
        self.counts[kind] += times

    def extend(self, other: "Findings") -> None:
        self.counts.update(other.counts)
        self.kept += other.kept

    def kinds(self) -> set[str]:
        return set(self.counts)

    def __bool__(self) -> bool:
        return bool(self.counts)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    offset: int
    key: str
    outcome: str
    transaction: int  # that inserted it
    source: str
    sku: str
    location: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of a row of `progress`: a take-over, or a batch."""

    at: float
    transaction: int
    who: str  # database user of the session that wrote it; each worker has its own
    partition: int
    old_epoch: int
    epoch: int
    owner: str
    old_next: int
    next: int
    counts: tuple[int, ...]  # what it added, in the order of OUTCOMES

    @property
    def is_take(self) -> bool:
        return self.epoch != self.old_epoch

    @property
    def is_batch(self) -> bool:
        return self.next != self.old_next


@dataclass(frozen=True, slots=True)
class LevelRow:
    quantity: int
    source: str
    occurred_at_us: int
    version: int | None
    revision: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: what it says of its origin, and a digest of all of it but its place."""

    partition: int
    offset: int
    reason: str
    content: int  # digest of key and value
    identity: bytes | None


@dataclass(frozen=True, slots=True)
class LevelRecord:
    """A record of inventory.levels."""

    sku: str
    location: str
    quantity: int
    source: str
    occurred_at_us: int
    version: int | None
    revision: int
    identity: bytes | None


@dataclass(slots=True)
class Part:
    """What the check of one partition hands on to the check of the whole."""

    partition: int
    records: int = 0
    findings: Findings = field(default_factory=Findings)
    outcomes: Counter = field(default_factory=Counter)
    letters: dict[int, tuple[str, int]] = field(default_factory=dict)  # offset: reason, content
    copies: Counter = field(default_factory=Counter)  # digest of a record to come under its key
    copied_from: dict[int, int] = field(default_factory=dict)  # digest: an offset
    unsent: dict[int, int] = field(default_factory=dict)  # offset: digest, nobody's acked event
    levels: dict = field(default_factory=dict)  # (sku, location): model's Level
    readings: dict = field(default_factory=dict)  # (sku, location, source): quantity


@dataclass(frozen=True, slots=True)
class Injury:
    """A fault as it was, with the moments of its beginning and end."""

    fault: str
    place: str  # whom it hit
    began: float
    healed: float
    hit: bool | None  # seen at once to have taken effect; None: the history tells
