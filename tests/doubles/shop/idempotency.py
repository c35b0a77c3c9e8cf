"""Idempotency keys: which were used, for what, and what came of it, for 24 hours of the
double's clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

MESSAGES = {
    "IDEMPOTENCY_CONCURRENT_REQUEST": (
        "This request is currently in progress, please try again."
    ),
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": (
        "The request with this idempotency key has different parameters than the original"
        " request."
    ),
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": (
        "A previous request with this idempotency key failed. Retry with a new"
        " idempotency key."
    ),
}
_PRUNE_EVERY = 4096


@dataclass(slots=True)
class Record:
    fingerprint: str
    created_at: float
    state: str = "running"
    result: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` refuses; otherwise `record` is the first success to repeat, or None: go
    ahead."""

    code: str | None = None
    record: Record | None = None


class IdempotencyStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        self._begun = 0

    def begin(
        self, key: str, fingerprint: str, now: float, window_seconds: float
    ) -> Verdict:
        with self._lock:
            self._prune(now, window_seconds)
            record = self._records.get(key)
            if record is None or _expired(record, now, window_seconds):
                self._records[key] = Record(fingerprint, now)
                return Verdict()
            if record.fingerprint != fingerprint:
                return Verdict("IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
            if record.state == "running":
                return Verdict("IDEMPOTENCY_CONCURRENT_REQUEST")
            if record.state == "failed":
                return Verdict("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")
            return Verdict(record=record)

    def succeed(self, key: str, result: Any) -> None:
        with self._lock:
            record = self._records[key]
            record.state, record.result = "succeeded", result

    def fail(self, key: str) -> None:
        with self._lock:
            self._records[key].state = "failed"

    def release(self, key: str) -> None:
        """A request refused at validation does not use its key up."""
        with self._lock:
            record = self._records.get(key)
            if record is not None and record.state == "running":
                del self._records[key]

    def export(self) -> list[tuple[str, Record]]:
        """A call that is still running at the stop has not been applied and never will
        be."""
        with self._lock:
            return [
                (key, record)
                for key, record in self._records.items()
                if record.state != "running"
            ]

    def restore(self, key: str, record: Record) -> None:
        with self._lock:
            self._records[key] = record

    def clear(self) -> None:
        with self._lock:
            self._records.clear()

    def _prune(self, now: float, window_seconds: float) -> None:
        self._begun += 1
        if self._begun % _PRUNE_EVERY == 0:
            old = [
                key
                for key, record in self._records.items()
                if _expired(record, now, window_seconds)
            ]
            for key in old:
                del self._records[key]


def _expired(record: Record, now: float, window_seconds: float) -> bool:
    return record.state != "running" and now - record.created_at >= window_seconds
