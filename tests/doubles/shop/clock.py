"""The double's own clock: real time plus what a test has advanced it by."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import lru_cache


class Clock:
    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        return time.time() + self.offset_seconds

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        self.offset_seconds += seconds

    def reset(self) -> None:
        self.offset_seconds = 0.0


def iso(seconds: float) -> str:
    return _iso(int(seconds))


@lru_cache(maxsize=4096)
def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
