"""The double's own clock: real time plus what a test has advanced it by, or set elsewhere
and running at another speed."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import lru_cache


class Clock:
    def __init__(self) -> None:
        self.reset()

    def now(self) -> float:
        passed = time.time() - self._real
        return self._real + self.offset_seconds + passed * self.speed

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        self.offset_seconds += seconds

    def run(self, speed: float, now: float | None = None) -> None:
        """From this moment on at another speed; from another moment on, if one is given,
        be it in the past: an hour that is to pass in minutes must not end in the
        future."""
        if not 0 < speed <= 10_000:
            raise ValueError("a clock runs at 0 to 10,000 times its speed")
        start = self.now() if now is None else now
        self._real = time.time()
        self.offset_seconds, self.speed = start - self._real, speed

    def reset(self) -> None:
        self._real, self.offset_seconds, self.speed = time.time(), 0.0, 1.0


def iso(seconds: float) -> str:
    return _iso(int(seconds))


@lru_cache(maxsize=4096)
def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
