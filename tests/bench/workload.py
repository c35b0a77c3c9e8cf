"""The common load: counts of about 370 bytes over many (SKU, location) pairs with Zipf skew,
2 % duplicate ids, 2 % stale. The same seed gives the same events."""

import bisect
import itertools
import json
import random
import time
from pathlib import Path
from typing import Iterator, NamedTuple

LOCATIONS = ["BER", "HAM", "MUC", "CGN"]
PARTITIONS = 6

CONTRACT = {
    "version": "bench",
    "sources": [{"name": "wms", "rank": 1, "state": "on_hand"}],
    "locations": [{"code": code} for code in LOCATIONS],
    "shops": [],
}


class Record(NamedTuple):
    partition: int
    key: str
    timestamp_ms: int
    value: str


def murmur2(data: bytes) -> int:
    """Kafka's partitioner hash."""
    length = len(data)
    h = 0x9747B28C ^ length
    for at in range(0, length - 3, 4):
        k = int.from_bytes(data[at : at + 4], "little") * 0x5BD1E995 & 0xFFFFFFFF
        k ^= k >> 24
        h = (h * 0x5BD1E995 & 0xFFFFFFFF) ^ (k * 0x5BD1E995 & 0xFFFFFFFF)
    tail = data[length // 4 * 4 :]
    if len(tail) >= 3:
        h ^= tail[2] << 16
    if len(tail) >= 2:
        h ^= tail[1] << 8
    if tail:
        h = (h ^ tail[0]) * 0x5BD1E995 & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0x5BD1E995 & 0xFFFFFFFF
    return h ^ h >> 15


def _zipf(count: int, skew: float, rng: random.Random) -> Iterator[int]:
    weights = list(itertools.accumulate(1 / (n + 1) ** skew for n in range(count)))
    while True:
        yield bisect.bisect_left(weights, rng.random() * weights[-1])


def generate(events: int, skus: int = 50_000, seed: int = 1) -> Iterator[Record]:
    rng = random.Random(seed)
    picks = _zipf(skus, 0.99, rng)
    base_ms = int(time.time() * 1000) - 3_600_000
    partitions: dict[str, int] = {}
    recent: list[Record] = []
    for n in range(events):
        if recent and rng.random() < 0.02:
            yield rng.choice(recent)
            continue
        sku = f"SKU-{next(picks):06d}"
        at_ms = base_ms + n - (1_800_000 if rng.random() < 0.02 else 0)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms / 1000)) + f".{at_ms % 1000:03d}Z"
        value = json.dumps({
            "type": "stock.counted", "source": "wms", "id": f"{rng.getrandbits(128):032x}",
            "sku": sku, "location": rng.choice(LOCATIONS), "quantity": rng.randrange(0, 500),
            "occurred_at": at, "sees_orders_until": at, "reference": f"COUNT-2026-{n:09d}",
            "operator": "shift-b", "device": "handheld-17", "note": "cycle count, aisle 4, bay 12",
        })  # fmt: skip
        if sku not in partitions:
            partitions[sku] = (murmur2(sku.encode()) & 0x7FFFFFFF) % PARTITIONS
        record = Record(partitions[sku], sku, base_ms + n, value)
        if len(recent) < 1000:
            recent.append(record)
        else:
            recent[n % 1000] = record
        yield record


def write(path: Path, events: int) -> None:
    with path.open("w") as file:
        for record in generate(events):
            file.write(f"{record.partition}\t{record.key}\t{record.timestamp_ms}\t{record.value}\n")


def read(path: Path) -> Iterator[Record]:
    with path.open() as file:
        for line in file:
            partition, key, timestamp_ms, value = line.rstrip("\n").split("\t")
            yield Record(int(partition), key, int(timestamp_ms), value)
