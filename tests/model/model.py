"""The outcome of every record of inventory.stock-changes, from the interface description alone.

Nothing here knows batches, transactions or tables: one record after the other, in offset
order of each partition, with plain dictionaries. Slow, and meant to be read beside the
description's outcome table.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from .decode import Decoder, Event, Record
from .murmur2 import partition_of

OUTCOMES = "applied unchanged duplicate stale shadowed rekeyed rejected".split()
LIMIT = 1_000_000_000
DAY_US = 24 * 3600 * 1_000_000
IDEMPOTENCY_DAYS = 35


@dataclass(frozen=True)
class Reading:
    """What one source, or one shop, said of one SKU and location."""

    count: Event | None = None
    adjustments: tuple[Event, ...] = ()

    @property
    def exists(self) -> bool:
        return self.count is not None or bool(self.adjustments)

    @cached_property
    def quantity(self) -> int:
        if self.count is None:
            return sum(a.quantity for a in self.adjustments)
        since = self.count.occurred_at_us
        later = sum(a.quantity for a in self.adjustments if a.occurred_at_us > since)
        return self.count.quantity + later

    @cached_property
    def occurred_at_us(self) -> int:
        """The newest thing that is inside the quantity."""
        times = [a.occurred_at_us for a in self.adjustments]
        if self.count is not None:
            times.append(self.count.occurred_at_us)
        return max(times)

    def with_event(self, event: Event) -> "Reading":
        if event.type in ("stock.counted", "shop.observed"):
            return Reading(event, self.adjustments)
        return Reading(self.count, (*self.adjustments, event))


@dataclass(frozen=True)
class Level:
    quantity: int
    source: str
    occurred_at_us: int
    version: int | None


@dataclass(frozen=True)
class Verdict:
    record: Record
    outcome: str
    reason: str = ""
    event: Event | None = None


class Model:
    def __init__(self, contract: dict, partitions: int):
        self._partitions = partitions
        self._decoder = Decoder(contract)
        self._rank = {s["name"]: s["rank"] for s in contract["sources"]}
        days = contract.get("retention", {}).get("idempotency_days", IDEMPOTENCY_DAYS)
        self._horizon_us = days * DAY_US
        self._seen: dict = {}  # key of every event that left a trace -> the event
        self._readings: dict[tuple[str, str], dict[str, Reading]] = {}
        self.verdicts: list[Verdict] = []

    # ---- the table, first fit

    def judge(self, record: Record) -> Verdict:
        event = self._decoder.decode(record)
        if isinstance(event, str):
            verdict = Verdict(record, "rejected", event)
        elif self._misplaced(event, record):
            verdict = Verdict(record, "rekeyed", "", event)
        else:
            verdict = self._judge_placed(event, record)
        self.verdicts.append(verdict)
        return verdict

    def judge_all(self, records: list[Record]) -> "Model":
        for record in sorted(records, key=lambda r: (r.partition, r.offset)):
            self.judge(record)
        return self

    def _misplaced(self, event: Event, record: Record) -> bool:
        key = event.sku.encode()
        if record.key != key:
            return True
        return record.partition != partition_of(key, self._partitions)

    def _judge_placed(self, event: Event, record: Record) -> Verdict:
        earlier = self._seen.get(event.key())
        if earlier is not None:
            if earlier != event:
                return Verdict(record, "rejected", "id_reused", event)
            return Verdict(record, "duplicate", "", event)
        reading = self._reading(event)
        if self._stale(event, reading):
            self._seen[event.key()] = event
            return Verdict(record, "stale", "", event)
        after = reading.with_event(event)
        reason = self._refusal(event, after, record)
        if reason:
            return Verdict(record, "rejected", reason, event)
        self._seen[event.key()] = event
        if event.type.startswith("shop."):
            return Verdict(record, self._tell_of_shop(event, reading, after), "", event)
        return Verdict(record, self._record(event, reading, after), "", event)

    @staticmethod
    def _stale(event: Event, reading: Reading) -> bool:
        last = reading.count
        if last is None or event.type == "shop.ordered":
            return False
        if event.type == "stock.adjusted":
            return event.occurred_at_us <= last.occurred_at_us
        if event.type == "stock.counted" and None not in (event.version, last.version):
            return event.version <= last.version
        return event.occurred_at_us < last.occurred_at_us

    def _refusal(self, event: Event, after: Reading, record: Record) -> str:
        if event.type == "stock.adjusted":
            if event.occurred_at_us < record.timestamp_ms * 1000 - self._horizon_us:
                return "too_old"
        if event.type.startswith("stock.") and not -LIMIT <= after.quantity <= LIMIT:
            return "level_out_of_range"
        return ""

    def _record(self, event: Event, reading: Reading, after: Reading) -> str:
        place = (event.sku, event.location)
        before = self.level(*place)
        nothing = event.type == "stock.adjusted" and event.quantity == 0
        if before is not None and nothing and not reading.exists:
            # An adjustment by nothing is no reading: it must not begin to rule.
            after = reading
        self._keep(event, after)
        if self._outranked(event):
            return "shadowed"
        now = self.level(*place)
        return "unchanged" if before and before.quantity == now.quantity else "applied"

    def _tell_of_shop(self, event: Event, reading: Reading, after: Reading) -> str:
        self._keep(event, after)
        if event.type == "shop.ordered":
            # An order of nothing tells something only where nothing was known of the shop.
            return "applied" if event.quantity or not reading.exists else "unchanged"
        same = reading.count is not None and reading.count.quantity == event.quantity
        return "unchanged" if same else "applied"

    # ---- what is known

    def _reading(self, event: Event) -> Reading:
        readings = self._readings.get((event.sku, event.location), {})
        return readings.get(event.source, Reading())

    def _keep(self, event: Event, reading: Reading) -> None:
        if reading.exists:
            self._readings.setdefault((event.sku, event.location), {})[event.source] = reading

    def _sources(self, sku: str, location: str) -> list[str]:
        """The sources that have a reading here, the best first."""
        names = [n for n in self._readings.get((sku, location), {}) if n in self._rank]
        return sorted(names, key=self._rank.__getitem__)

    def _outranked(self, event: Event) -> bool:
        names = self._sources(event.sku, event.location)
        return bool(names) and self._rank[names[0]] < self._rank[event.source]

    def level(self, sku: str, location: str) -> Level | None:
        names = self._sources(sku, location)
        if not names:
            return None
        ruling = self._readings[(sku, location)][names[0]]
        version = ruling.count.version if ruling.count else None
        return Level(ruling.quantity, names[0], ruling.occurred_at_us, version)

    def levels(self) -> dict[tuple[str, str], Level]:
        all_of_them = {place: self.level(*place) for place in self._readings}
        return {place: level for place, level in all_of_them.items() if level}

    def outcomes(self) -> dict[str, int]:
        counted = Counter(v.outcome for v in self.verdicts)
        return {name: counted[name] for name in OUTCOMES}

    def dead_letters(self) -> list[Verdict]:
        return [v for v in self.verdicts if v.outcome == "rejected"]

    def rekeyed(self) -> list[Verdict]:
        return [v for v in self.verdicts if v.outcome == "rekeyed"]
