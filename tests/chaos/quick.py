"""tests/model for millions of events: the same judgement, with what is common made fast.

Most events of a campaign are written in one plain way (load.py). A strict pattern reads those;
every other record goes to the model's own decoder. Readings keep sums instead of adding up all
adjustments again and again. test_quick.py holds both against tests/model, record by record.
"""

import hashlib
import re
import zlib
from bisect import insort
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache

from tests.model.decode import Decoder, Event, Record, normalise
from tests.model.model import Level, Model
from tests.model.murmur2 import partition_of

FUTURE_US = 300 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
PLAIN = re.compile(
    r'\{"type":"(stock\.counted|stock\.adjusted)","source":"(wms|erp)","id":"([a-z0-9-]{1,40})",'
    r'"sku":"([^"\\\x00-\x1f\x7f]{1,60})","location":"(BER|Berlin|HAM|MUC)",'
    r'"quantity":(0|-?[1-9][0-9]{0,8}),"occurred_at":"(20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z)"'
    r'(?:,"version":(0|[1-9][0-9]{0,12}))?\}'
)
place_of = lru_cache(maxsize=500_000)(partition_of)


def content_of(key: bytes | None, value: bytes | None) -> int:
    """Digest of a record's bytes, told apart from null."""
    start = 1 if key is None else zlib.crc32(key)
    return zlib.crc32(value, start) if value is not None else start ^ 0xFFFF


@dataclass(frozen=True)
class TopicRecord(Record):
    """A record, and digests by which it is recognised elsewhere."""

    @property
    def content(self) -> int:
        return content_of(self.key, self.value)

    @property
    def digest(self) -> int:
        return self.digest_under(self.key)

    def digest_under(self, key: bytes | None) -> int:
        whole = repr((key, self.value, self.headers, self.timestamp_ms)).encode()
        return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, with the ruling level before and after it."""

    outcome: str
    reason: str = ""
    event: Event | None = None
    before: int | None = None
    after: int | None = None


def time_us(text: str) -> int | None:
    try:
        passed = datetime.fromisoformat(text) - EPOCH
    except ValueError:
        return None
    return (passed.days * 86400 + passed.seconds) * 1_000_000 + passed.microseconds


class QuickDecoder(Decoder):
    def decode(self, record: Record) -> Event | str:
        event = self._plain(record)
        return event if event is not None else super().decode(record)

    def _plain(self, record: Record) -> Event | None:
        if record.headers or not record.value:
            return None
        try:
            match = PLAIN.fullmatch(record.value.decode())
        except UnicodeDecodeError:
            return None
        if match is None:
            return None
        kind, source, name, raw, location, quantity, at, version = match.groups()
        occurred_at_us, sku = time_us(at), normalise(raw, self._steps)
        if occurred_at_us is None or not sku:
            return None
        if occurred_at_us > record.timestamp_ms * 1000 + FUTURE_US:
            return None
        number = None if version is None else int(version)
        return Event(kind, source, name, sku, self._codes[location], int(quantity),
                     occurred_at_us, number, None, None)  # fmt: skip


class QuickReading:
    """As tests.model.model.Reading; `marks` (time, quantity) is shared by all that follow."""

    __slots__ = ("count", "marks", "later", "newest", "pending")

    def __init__(self, count=None, marks=None, later=0, newest=None, pending=None):
        self.count, self.later, self.newest, self.pending = count, later, newest, pending
        self.marks = [] if marks is None else marks

    @property
    def exists(self) -> bool:
        return self.count is not None or self.newest is not None

    @property
    def quantity(self) -> int:
        return self.later + (self.count.quantity if self.count else 0)

    @property
    def occurred_at_us(self) -> int:
        counted = self.count.occurred_at_us if self.count else None
        if counted is None or (self.newest is not None and self.newest > counted):
            return self.newest
        return counted

    def with_event(self, event: Event) -> "QuickReading":
        at = event.occurred_at_us
        if event.type in ("stock.counted", "shop.observed"):
            later = 0
            for moment, quantity in reversed(self.marks):
                if moment <= at:
                    break
                later += quantity
            return QuickReading(event, self.marks, later, self.newest)
        counts = self.count is None or at > self.count.occurred_at_us
        later = self.later + (event.quantity if counts else 0)
        newest = at if self.newest is None else max(self.newest, at)
        return QuickReading(self.count, self.marks, later, newest, (at, event.quantity))

    def settle(self) -> None:
        if self.pending is not None:
            insort(self.marks, self.pending)
            self.pending = None


class QuickModel(Model):
    """judge() returns Judged and keeps no list of them."""

    def __init__(self, contract: dict, partitions: int):
        super().__init__(contract, partitions)
        self._decoder = QuickDecoder(contract)
        self._ruling: dict[tuple[str, str], Level] = {}

    def judge(self, record: Record) -> Judged:
        event = self._decoder.decode(record)
        if isinstance(event, str):
            return Judged("rejected", event)
        if self._misplaced(event, record):
            return Judged("rekeyed", "", event)
        place = (event.sku, event.location)
        before = self._ruling.get(place)
        verdict = self._judge_placed(event, record)
        after = self._ruling.get(place)
        return Judged(verdict.outcome, verdict.reason, event,
                      before and before.quantity, after and after.quantity)  # fmt: skip

    def _misplaced(self, event: Event, record: Record) -> bool:
        key = event.sku.encode()
        return record.key != key or record.partition != place_of(key, self._partitions)

    def _reading(self, event: Event):
        of_place = self._readings.setdefault((event.sku, event.location), {})
        return of_place.get(event.source) or QuickReading()

    def _keep(self, event: Event, reading) -> None:
        if not reading.exists:
            return
        reading.settle()
        place = (event.sku, event.location)
        self._readings[place][event.source] = reading
        if event.source not in self._rank:
            return
        ruling = self._ruling.get(place)
        if ruling is None or self._rank[event.source] <= self._rank[ruling.source]:
            version = reading.count.version if reading.count else None
            self._ruling[place] = Level(reading.quantity, event.source, reading.occurred_at_us,
                                        version)  # fmt: skip

    def level(self, sku: str, location: str) -> Level | None:
        return self._ruling.get((sku, location))

    def _outranked(self, event: Event) -> bool:
        ruling = self._ruling.get((event.sku, event.location))
        return ruling is not None and self._rank[ruling.source] < self._rank[event.source]

    def levels(self) -> dict[tuple[str, str], Level]:
        return dict(self._ruling)

    def readings(self) -> dict[tuple[str, str, str], int]:
        """Of sources only: what a shop showed is no number to be summed."""
        return {(*place, source): reading.quantity
                for place, of_place in self._readings.items()
                for source, reading in of_place.items() if source in self._rank}  # fmt: skip
