"""The load: plain events fast, poison among them, and a journal of every acknowledgement.

`python -m tests.chaos.load` is a process of its own. It ends when all is sent and acknowledged;
SIGTERM ends the sending early. The journal has one entry an acknowledged event: partition,
offset, digest of its bytes, moment of the acknowledgement.
"""

import argparse
import random
import signal
import struct
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from itertools import accumulate
from pathlib import Path
from typing import Iterator

from confluent_kafka import Producer

from tests.model.generate import HOSTILE, Generator, Message, Plan
from tests.model.spelling import raw_sku, respell
from tests.schema import reference_judge as reference

from .quick import content_of

ENTRY = struct.Struct("<BqId")
PAST_MAX = 20_000
ERRORS_SHOWN = 5


class Poison(Generator):
    """The model's hostile stream, one message at a time, with a past of bounded length."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        self._kinds = list(plan.mix)
        self._shares = list(plan.mix.values())

    def one(self, number: int, now_ms: int) -> Message:
        self._number, self._now_ms = number, now_ms
        kind = self._rng.choices(self._kinds, self._shares)[0]
        if kind in ("repeat", "retold", "reused_id") and not self._past:
            kind = "ordinary"
        event, message = getattr(self, f"_{kind}")()
        self._past.append((event, message))
        if len(self._past) > PAST_MAX:
            del self._past[: PAST_MAX // 2]
        return message


class Stream:
    """`poison` of a thousand come from the hostile stream; repeats and late counts beside it."""

    def __init__(self, seed: int, skus: int, partitions: int, poison: int):
        self._rng = random.Random(seed)
        self._poison_share = poison / 1000
        mix = HOSTILE | {"ordinary": 100}
        self._poison = Poison(Plan(0, seed + 1, skus=skus, partitions=partitions, mix=mix))
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(skus)))
        self._skus = [self._spellings(number) for number in range(skus)]
        self._versions: dict[tuple, int] = {}
        self._past: list[Message] = []
        self._number = 0

    def _spellings(self, number: int) -> tuple[bytes, list[str]]:
        """The key, and ways to write it that are plain in JSON."""
        raw = raw_sku(number)
        ways = [raw, raw, raw, raw.lower(), respell(raw, self._rng)]
        plain = [w for w in ways if w.isprintable() and '"' not in w and "\\" not in w]
        return reference.normalise(raw, {}).encode(), plain

    def one(self, now_ms: int) -> Message:
        self._number += 1
        chance = self._rng.random()
        if chance < self._poison_share:
            return self._poison.one(self._number, now_ms)
        if chance < self._poison_share + 0.05 and self._past:
            return replace(self._rng.choice(self._past), timestamp_ms=now_ms)
        message = self._plain(now_ms)
        if len(self._past) < PAST_MAX:
            self._past.append(message)
        elif self._rng.random() < 0.3:  # repeats of just now and of long ago
            self._past[self._rng.randrange(PAST_MAX)] = message
        return message

    def _plain(self, now_ms: int) -> Message:
        rng = self._rng
        rank = rng.choices(range(len(self._skus)), cum_weights=self._weights)[0]
        key, spellings = self._skus[rank]
        source = "wms" if rng.random() < 0.6 else "erp"
        location = rng.choice(("BER", "Berlin", "HAM", "MUC"))
        counted = rng.random() < 0.4
        lag_ms = rng.randrange(3_600_000) if rng.random() < 0.05 else rng.randrange(3_000)
        moment = datetime.fromtimestamp((now_ms - lag_ms) / 1000, timezone.utc)
        quantity = rng.randrange(500) if counted else rng.choice((-1, -1, -2, 1, 5, 12, -30))
        version = self._version((source, rank, location), rng) if counted else ""
        value = (
            f'{{"type":"stock.{"counted" if counted else "adjusted"}","source":"{source}",'
            f'"id":"q{self._number}","sku":"{rng.choice(spellings)}","location":"{location}",'
            f'"quantity":{quantity},"occurred_at":"{moment:%Y-%m-%dT%H:%M:%S}.'
            f'{moment.microsecond // 1000:03d}Z"{version}}}'
        )
        return Message(key, value.encode(), (), now_ms)

    def _version(self, place: tuple, rng: random.Random) -> str:
        if rng.random() < 0.4:
            return ""
        self._versions[place] = version = self._versions.get(place, 0) + rng.choice((1, 1, 2))
        return f',"version":{version}'


class Sender:
    def __init__(self, brokers: str, topic: str, journal: Path):
        self._topic = topic
        self._journal = open(journal, "wb", buffering=1 << 16)
        self._failed = 0
        self._producer = Producer({
            "bootstrap.servers": brokers, "partitioner": "murmur2_random", "linger.ms": 5,
            "enable.idempotence": True, "delivery.timeout.ms": 900_000, "log_level": 0,
            "queue.buffering.max.messages": 200_000, "reconnect.backoff.max.ms": 500,
        })  # fmt: skip

    def send(self, message: Message) -> None:
        target = {} if message.partition is None else {"partition": message.partition}
        while True:
            try:
                self._producer.produce(
                    self._topic, message.value, message.key, headers=list(message.headers),
                    timestamp=message.timestamp_ms, on_delivery=self._acked, **target,
                )  # fmt: skip
                return
            except BufferError:
                self._producer.poll(0.2)

    def poll(self) -> None:
        self._producer.poll(0)

    def _acked(self, error, message) -> None:
        if error is not None:
            self._failed += 1
            if self._failed <= ERRORS_SHOWN:
                print(f"not delivered: {error}", file=sys.stderr, flush=True)
            return
        content = content_of(message.key(), message.value())
        self._journal.write(ENTRY.pack(message.partition(), message.offset(), content, time.time()))

    def close(self) -> int:
        """How many were not acknowledged."""
        waiting = self._producer.flush(600)
        self._journal.close()
        return waiting + self._failed


def read_journal(path: Path) -> Iterator[tuple[int, int, int, float]]:
    with open(path, "rb") as journal:
        while piece := journal.read(ENTRY.size * 4096):
            yield from ENTRY.iter_unpack(piece[: len(piece) // ENTRY.size * ENTRY.size])


def run(options: argparse.Namespace) -> int:
    stream = Stream(options.seed, options.skus, options.partitions, options.poison)
    sender = Sender(options.brokers, options.topic, Path(options.journal))
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("started=1", flush=True)
    start, sent = time.monotonic(), 0
    while sent < options.count and not ended:
        due = min(options.count, int(options.rate * (time.monotonic() - start)) + 1)
        now_ms = int(time.time() * 1000)
        for _ in range(min(due - sent, 500)):
            sender.send(stream.one(now_ms))
            sent += 1
        sender.poll()
        if sent >= due:
            time.sleep(0.005)
    missing = sender.close()
    print(f"sent={sent} missing={missing}", flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.chaos.load")
    for name in ("brokers", "topic", "journal"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("seed", "skus", "partitions", "poison", "count", "rate"):
        parser.add_argument(f"--{name}", type=int, required=True)
    sys.exit(run(parser.parse_args()))
