"""The common load (W1): counts of about 370 bytes over 50,000 SKUs at 4 locations, Zipf 0.99, 2 % duplicate
ids, 2 % stale, on 6 partitions; made by tests/tools/make_events.c. The same arguments give the same events."""

import itertools
import subprocess
from pathlib import Path

from tests.harness.paths import BUILD

PARTITIONS = 6
SKUS = 50_000
ZIPF, UNIFORM = 99, 0  # exponent in percent
HOUR_MS = 3_600_000  # events lie in the last hour, where a broker takes their timestamps

CONTRACT = {
    "version": "bench",
    "sources": [{"name": "wms", "rank": 1, "state": "on_hand"}],
    "locations": [{"code": code} for code in ("BER", "HAM", "MUC", "CGN")],
    "shops": [],
}


def make(path: Path, events: int, first_ms: int, first: int = 0, skew: int = ZIPF) -> Path:
    """Lines "partition, key, timestamp_ms, value", tab between them, one event a millisecond from `first_ms`."""
    numbers = (events, first, first_ms, SKUS, skew, PARTITIONS)
    with path.open("wb") as file:
        subprocess.run([BUILD / "tests/make_events", *map(str, numbers)], stdout=file, check=True)
    return path


def head(path: Path, source: Path, events: int) -> Path:
    with source.open("rb") as lines, path.open("wb") as file:
        file.writelines(itertools.islice(lines, events))
    return path
