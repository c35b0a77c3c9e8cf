"""Seeded streams of events, from well-behaved to hostile.

The generator knows nothing of outcomes: it makes what producers make, and the model says
what each must become. `usage: python -m tests.model.generate N [SEED]` prints one a line.
"""

import functools
import json
import random
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import Iterator

from tests.schema import reference_judge as reference

from .broken import BROKEN
from .murmur2 import partition_of
from .spelling import raw_sku, respell

LOCATIONS = ("BER", "Berlin", "HAM", "MUC")
SOURCES = ("wms", "wms", "erp")
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True)
class Message:
    """What a producer hands to Kafka; without a partition, murmur2 of the key decides."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int
    partition: int | None = None


# Shares of each kind of message, in a thousand; the rest are ordinary events.
HOSTILE = {
    "repeat": 80, "retold": 40, "reused_id": 30, "broken": 60, "wrong_key": 40,
    "wrong_partition": 20, "late_count": 50, "nothing": 40, "too_old": 10, "enormous": 15,
    "shop": 30,
}  # fmt: skip
CALM = {"repeat": 50, "late_count": 20, "nothing": 5}


@dataclass
class Plan:
    count: int
    seed: int = 1
    skus: int = 200
    partitions: int = 6
    first_ms: int = 0  # record timestamp of the first event
    step_ms: int = 20
    mix: dict[str, int] = field(default_factory=lambda: HOSTILE)


def rfc3339(ms: int, rng: random.Random) -> str:
    """One of the ways to write a moment; microseconds now and then."""
    zone = timezone(timedelta(minutes=rng.choice((0, 0, 0, 60, 330, -480))))
    at = datetime.fromtimestamp(ms / 1000, timezone.utc) + timedelta(
        microseconds=rng.choice((0, 0, 1, 999))
    )
    text = at.astimezone(zone).isoformat()
    if text.endswith("+00:00") and rng.random() < 0.7:
        return text.removesuffix("+00:00") + rng.choice("Zz")
    return text


class Generator:
    def __init__(self, plan: Plan):
        self._plan = plan
        self._rng = random.Random(plan.seed)
        # Zipf: the SKU of rank r is asked for 1/r as often as the first.
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(plan.skus)))
        self._spellings = [self._spell(number) for number in range(plan.skus)]
        self._versions: dict[tuple, int] = {}
        self._past: list[tuple[dict, Message]] = []
        self._now_ms = plan.first_ms
        self._number = 0

    def messages(self) -> Iterator[Message]:
        kinds = [*self._plan.mix, "ordinary"]
        shares = [*self._plan.mix.values(), 1000 - sum(self._plan.mix.values())]
        for number in range(self._plan.count):
            self._number = number
            self._now_ms += self._rng.randrange(2 * self._plan.step_ms)
            kind = self._rng.choices(kinds, shares)[0]
            if kind in ("repeat", "retold", "reused_id") and not self._past:
                kind = "ordinary"
            event, message = getattr(self, f"_{kind}")()
            self._past.append((event, message))
            yield message

    # ---- kinds of messages

    def _ordinary(self):
        return self._send(self._adjusted() if self._rng.random() < 0.5 else self._counted())

    def _repeat(self):
        """The same bytes again, as a producer's retry; of late more often than of old."""
        event, message = self._one_of_the_past()
        return event, replace(message, timestamp_ms=self._now_ms)

    def _retold(self):
        """The same content said in other words."""
        event = dict(self._one_of_the_past()[0])
        event["sku"] = respell(event["sku"], self._rng)
        if self._rng.random() < 0.5:
            event["reference"] = f"again {self._number}"
        if event.get("location") in ("BER", "Berlin"):
            event["location"] = self._rng.choice(("BER", "Berlin"))
        if self._rng.random() < 0.3:
            event["unknown"] = {"nested": [1, 2, {"a": None}]}
        items = list(event.items())
        self._rng.shuffle(items)
        return self._send(dict(items))

    def _reused_id(self):
        event = dict(self._one_of_the_past()[0])
        event["id"] = event.get("id") or f"late-{self._number}"
        change = self._rng.randrange(4)
        if change == 0:
            event["quantity"] += self._rng.choice((-1, 1))
        elif change == 1:
            event["occurred_at"] = rfc3339(self._now_ms, self._rng)
        elif change == 2 and event["type"].startswith("stock."):
            event["source"] = self._rng.choice(SOURCES)
        else:
            event["sku"] = self._sku()  # another SKU: another event
        return self._send(event)

    def _broken(self):
        event = self._counted()
        make = self._rng.choice(BROKEN[self._rng.choice(list(BROKEN))])
        return event, self._message(event, value=make(event))

    def _wrong_key(self):
        event = self._counted() if self._rng.random() < 0.5 else self._adjusted()
        key = self._rng.choice((None, b"", b"other", event["sku"].encode() + b" ", b"\xff"))
        return event, replace(self._message(event), key=key)

    def _wrong_partition(self):
        event = self._adjusted()
        message = self._message(event)
        right = partition_of(message.key, self._plan.partitions)
        others = [p for p in range(self._plan.partitions) if p != right]
        return event, replace(message, partition=self._rng.choice(others or [right]))

    def _late_count(self):
        return self._send(self._counted(lag_ms=self._rng.randrange(3 * 60 * MINUTE_MS)))

    def _nothing(self):
        return self._send(self._adjusted() | {"quantity": 0})

    def _too_old(self):
        event = self._adjusted()
        event["sku"] += "-old"
        days = self._rng.choice((34, 35, 36))
        at = self._now_ms - days * DAY_MS - self._rng.choice((0, 1))
        event["occurred_at"] = rfc3339(at, random.Random(0))
        return self._send(event)

    def _enormous(self):
        event = self._adjusted() if self._rng.random() < 0.7 else self._counted(lag_ms=MINUTE_MS)
        event["quantity"] = self._rng.choice((1, -1)) * (10**9 - self._rng.randrange(3))
        event["sku"] += "-huge"
        return self._send(event)

    def _shop(self):
        event = self._counted() | {"source": "demo"}
        event.pop("version", None)
        event["type"] = self._rng.choice(("shop.observed", "shop.ordered"))
        if event["type"] == "shop.ordered":
            event["quantity"] = self._rng.choice((1, 1, 2, 5, -1))
            if self._rng.random() < 0.2:
                del event["location"]
        if self._rng.random() < 0.3:
            event["sees_orders_until"] = rfc3339(self._now_ms - MINUTE_MS, self._rng)
        return self._send(event)

    # ---- parts

    def _one_of_the_past(self):
        last = len(self._past) - 1
        back = int(self._rng.paretovariate(0.6)) - 1
        return self._past[max(0, last - back)]

    def _sku(self) -> str:
        return self._rng.choice(self._rng.choices(self._spellings, cum_weights=self._weights)[0])

    def _spell(self, number: int) -> list[str]:
        return [raw_sku(number), *(respell(raw_sku(number), self._rng) for _ in range(9))]

    def _base(self, kind: str, lag_ms: int | None) -> dict:
        if lag_ms is None:
            lag_ms = self._rng.choice((0, 0, 500, 5_000, 120_000))
        event = {
            "type": kind,
            "source": self._rng.choice(SOURCES),
            "sku": self._sku(),
            "location": self._rng.choice(LOCATIONS),
            "occurred_at": rfc3339(self._now_ms - lag_ms, self._rng),
        }
        if self._rng.random() < 0.7:
            event["id"] = f"{kind}-{self._number}"
        if self._rng.random() < 0.2:
            event["reference"] = self._rng.choice(("", "INV-7", "Zählung № 3", None))
        return event

    def _counted(self, lag_ms: int | None = None) -> dict:
        event = self._base("stock.counted", lag_ms)
        event["quantity"] = self._rng.choice((0, 1, 2, 3, 5, 8, 40, -1, self._rng.randrange(500)))
        place = (event["source"], sku_of(event["sku"]), event["location"])
        chance = self._rng.random()
        if chance < 0.6:
            self._versions[place] = self._versions.get(place, 0) + self._rng.choice((1, 1, 2))
            event["version"] = self._versions[place]
        elif chance < 0.7:
            event["version"] = self._rng.randrange(5)
        return event

    def _adjusted(self) -> dict:
        event = self._base("stock.adjusted", None)
        event["quantity"] = self._rng.choice((-1, -1, -2, 1, 5, 12, -30))
        if self._rng.random() < 0.1:
            event["version"] = self._rng.randrange(5)
        return event

    def _send(self, event: dict):
        return event, self._message(event)

    def _message(self, event: dict, **changes) -> Message:
        key = sku_of(event["sku"])
        value, headers = self._encode(event)
        if self._rng.random() < 0.1:
            trace = f"00-{self._rng.getrandbits(128):032x}-{self._rng.getrandbits(64):016x}-01"
            headers.append(("traceparent", trace.encode()))
        message = Message(key.encode(), value, tuple(headers), self._now_ms)
        return replace(message, **changes) if changes else message

    def _encode(self, event: dict) -> tuple[bytes, list]:
        """Plain JSON mostly; CloudEvents in binary or structured mode at times."""
        names = {"id": "id", "source": "source", "type": "type", "time": "occurred_at"}
        envelope = {n: event[f] for n, f in names.items() if event.get(f) is not None}
        rest = {k: v for k, v in event.items() if k not in names.values()}
        chance = self._rng.random()
        if chance < 0.06:
            headers = [(f"ce_{n}", v.encode()) for n, v in envelope.items()]
            return dump(rest), [("ce_specversion", b"1.0"), *headers]
        if chance < 0.12:
            whole = {"specversion": "1.0", **envelope, "data": rest}
            kind = self._rng.choice((b"", b"; charset=utf-8"))
            return dump(whole), [("content-type", b"application/cloudevents+json" + kind)]
        return dump(event), []


@functools.lru_cache(maxsize=200_000)
def sku_of(spelling: str) -> str:
    return reference.normalise(spelling, {}) or ""


def dump(tree: dict) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode()


def generate(plan: Plan) -> Iterator[Message]:
    return Generator(plan).messages()


if __name__ == "__main__":
    wanted, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for made in generate(Plan(wanted, seed, first_ms=1_800_000_000_000)):
        print(made.key, made.value)
