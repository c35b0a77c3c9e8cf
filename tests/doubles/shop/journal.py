"""The append-only journal: one JSON line for every call and effect, in the order in
which they happened."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any, Iterator

from .clock import Clock


class Journal:
    """Sequence numbers rise by one a line. Each line is one write(2), so a killed
    double leaves whole lines."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._seq = _last_seq(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, kind: str, **fields: Any) -> int:
        """Callers that journal an effect hold the lock of what it changes, so that
        lines stand in the order of effects."""
        with self._lock:
            self._seq += 1
            line = {
                "seq": self._seq,
                "t": round(self._clock.now(), 6),
                "kind": kind,
                **fields,
            }
            os.write(
                self._file, (json.dumps(line, separators=(",", ":")) + "\n").encode()
            )
            return self._seq

    def lines(self, after_seq: int = 0) -> Iterator[bytes]:
        with open(self.path, "rb") as stream:
            for line in stream:
                if after_seq == 0 or json.loads(line)["seq"] > after_seq:
                    yield line

    def close(self) -> None:
        os.close(self._file)


def _last_seq(path: Path) -> int:
    """A journal that is there already goes on; a torn last line can not be, see above,
    but a foreign file can."""
    if not path.exists():
        return 0
    last = 0
    with open(path, "rb") as stream:
        for line in stream:
            seq = json.loads(line)["seq"]
            if seq <= last:
                raise ValueError(
                    f"{path}: sequence {seq} after {last}; not a journal of this double"
                )
            last = seq
    return last
