"""The double's own clock: real time plus what a test has advanced it by."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    def __init__(self) -> None:
        self._offset_seconds = 0.0

    def now(self) -> float:
        return time.time() + self._offset_seconds

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        self._offset_seconds += seconds

    def reset(self) -> None:
        self._offset_seconds = 0.0


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
