"""The shop's journal as it grows: writes under way, and what they came to."""

import json
from pathlib import Path


class Journal:
    """Reads what was added since the last look."""

    def __init__(self, path: Path):
        self._file = open(path, "rb")
        self._rest = b""
        self.calls = 0  # calls that change stock
        self.pairs = 0  # levels that those changed or confirmed, repeats left out
        self.replayed = 0
        self.refused = 0
        self.open: dict[int, int] = {}  # call -> pairs, not answered yet
        self.keys: dict[str, list[str]] = {}  # key -> fingerprint of the bytes of every call with it

    def look(self) -> "Journal":
        self._rest += self._file.read()
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return self

    def _take(self, line: dict) -> None:
        kind = line["kind"]
        if kind == "call" and line["key"] is not None:
            self.calls += 1
            self.open[line["call"]] = len(line["pairs"])
            self.keys.setdefault(line["key"], []).append(line["body_sha"])
        elif kind == "applied":
            self.pairs += len(line["changes"])
        elif kind == "ended":
            self.open.pop(line["call"], None)
        elif kind in ("replayed", "refused"):
            setattr(self, kind, getattr(self, kind) + 1)

    @property
    def repeated_calls(self) -> int:
        return sum(len(shas) - 1 for shas in self.keys.values())

    def close(self) -> None:
        self._file.close()
