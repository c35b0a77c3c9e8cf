"""Proves from the journal that writes were applied at most once a key, and never two at a time a pair.

    python3 -m tests.doubles.shop.journal_check DIR/journal.jsonl [--expect LEVELS.json]

What is checked, with the name of each violation:

key_applied_twice    a key has more than one effect.
key_came_back        for a pair, a key is seen again after another key was seen for that pair: its outcome was not settled
                     when the next write began.
two_in_flight        for a pair, another key arrives while a call of the earlier key is still open and its outcome is not known.
unresolved_outcome   for a pair, another key arrives although an earlier call ended without a verdict (dropped, truncated,
                     an error page) and neither a verdict under the same key nor a read of the pair came in between.
chain_broken         an effect starts from another level than the one before left: an effect that is not in the journal.
level_differs        the final level of a pair is not the expected one.
sequence_broken      sequence numbers do not rise.

A call is in flight from its arrival until its outcome is known: a verdict for its key was answered, or, once it is applied
or all calls of the key are over, the pair was read. A call that was refused before it ran (401, 429, throttled, a top-level
error) gives a verdict too, but does not settle an earlier unknown outcome.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Iterable

VERDICTS = frozenset({"applied", "replayed", "refused"})
_NOT_RUN_ANSWERS = frozenset({"answered", "status_429"})


@dataclass(slots=True)
class KeyState:
    """One key as one pair sees it."""

    key: str
    open: set[int] = field(default_factory=set)
    applied: bool = False
    unknown: bool = False

    @property
    def sealed(self) -> bool:
        """Nothing that is still under way can change the pair under this key any more."""
        return self.applied or not self.open


@dataclass(slots=True)
class PairState:
    current: KeyState | None = None
    past: set[str] = field(default_factory=set)
    available: int | None = None
    on_hand: int | None = None


@dataclass(slots=True)
class CallState:
    key: str | None
    pairs: tuple[str, ...]
    reads_sealed: dict[str, bool] = field(default_factory=dict)
    verdict: bool = False


@dataclass(slots=True)
class Report:
    violations: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    final: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "counts": self.counts, "violations": self.violations, "final": self.final}


class Checker:
    def __init__(self) -> None:
        self.report = Report()
        self._seq = 0
        self._handlers = {
            "started": self._restarted, "reset": self._reset, "catalog": self._catalog, "call": self._call,
            "applied": self._applied, "ended": self._ended, "undelivered": self._undelivered,
            "order": self._effect, "edit": self._effect, "bulk_finished": self._bulk_read,
        }
        self._clear()

    def _clear(self) -> None:
        self._pairs: dict[str, PairState] = {}
        self._calls: dict[int, CallState] = {}
        self._applied_keys: dict[str, int] = {}
        self._queries: dict[int, set[str]] = {}

    def take(self, line: dict[str, Any]) -> None:
        if line["seq"] <= self._seq:
            self._violation("sequence_broken", line, after=self._seq)
        self._seq = line["seq"]
        kind = line["kind"]
        self.report.counts[kind] = self.report.counts.get(kind, 0) + 1
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(line)

    def finish(self, expected: dict[str, dict[str, int]] | None = None) -> Report:
        self.report.final = {name: {"available": pair.available or 0, "on_hand": pair.on_hand or 0}
                             for name, pair in self._pairs.items() if pair.available is not None}
        for name, wanted in (expected or {}).items():
            found = self.report.final.get(name)
            if found is None or any(found[state] != value for state, value in wanted.items()):
                self.report.violations.append({"kind": "level_differs", "pair": name, "expected": wanted, "found": found})
        return self.report

    def _violation(self, kind: str, line: dict[str, Any], **more: Any) -> None:
        self.report.violations.append({"kind": kind, "seq": line["seq"], **more})

    def _pair(self, name: str) -> PairState:
        return self._pairs.setdefault(name, PairState())

    # Begin and end of the world

    def _reset(self, line: dict[str, Any]) -> None:
        self._clear()

    def _restarted(self, line: dict[str, Any]) -> None:
        """Calls that were open when the double died are over, without a verdict; what it held is kept only if it says so."""
        for number in list(self._calls):
            self._ended({"call": number, "how": "dropped", "verdict": "not_run", "read_pairs": []})
        if not line.get("restored"):
            self._clear()

    def _catalog(self, line: dict[str, Any]) -> None:
        for name, (available, on_hand) in line["levels"].items():
            pair = self._pair(name)
            pair.available, pair.on_hand = available, on_hand

    # Calls

    def _call(self, line: dict[str, Any]) -> None:
        key, pairs = line.get("key"), tuple(dict.fromkeys(line.get("pairs", ())))
        call = self._calls[line["call"]] = CallState(key, pairs)
        if not line.get("mutation"):
            self._begin_query(line["call"])
        if key is None or not line.get("mutation"):
            return
        for name in pairs:
            self._arrive(line, name, key).open.add(line["call"])
        del call

    def _begin_query(self, number: int) -> None:
        """A read settles a pair only if the pair was sealed when the read began."""
        self._queries[number] = {name for name, pair in self._pairs.items()
                                 if pair.current is not None and pair.current.sealed
                                 and (pair.current.unknown or pair.current.open)}

    def _arrive(self, line: dict[str, Any], name: str, key: str) -> KeyState:
        pair = self._pair(name)
        current = pair.current
        if current is not None and current.key == key:
            return current
        if key in pair.past:
            self._violation("key_came_back", line, pair=name, key=key)
        if current is not None:
            if current.open and not (current.applied and not current.unknown):
                self._violation("two_in_flight", line, pair=name, key=key, earlier=current.key)
            elif current.unknown:
                self._violation("unresolved_outcome", line, pair=name, key=key, earlier=current.key)
            pair.past.add(current.key)
        pair.current = KeyState(key)
        return pair.current

    def _applied(self, line: dict[str, Any]) -> None:
        key = line.get("key")
        if key is not None:
            if key in self._applied_keys:
                self._violation("key_applied_twice", line, key=key, first=self._applied_keys[key])
            self._applied_keys.setdefault(key, line["seq"])
        call = self._calls.get(line["call"])
        for name in call.pairs if call is not None else ():
            current = self._pair(name).current
            if current is not None and current.key == key:
                current.applied, current.unknown = True, True
        self._effect(line)

    def _effect(self, line: dict[str, Any]) -> None:
        for change in line["changes"]:
            pair = self._pair(change["pair"])
            for state in ("available", "on_hand"):
                before, after = change[state]
                known = getattr(pair, state)
                if known is not None and known != before:
                    self._violation("chain_broken", line, pair=change["pair"], state=state, known=known, found=before)
                setattr(pair, state, after)

    def _ended(self, line: dict[str, Any]) -> None:
        call = self._calls.pop(line["call"], None)
        settled = self._queries.pop(line["call"], set())
        if call is None:
            return
        answered = line["how"] == "answered"
        if answered:
            self._read(set(line.get("read_pairs", ())) & settled)
        for name in call.pairs:
            current = self._pair(name).current
            if call.key is None or current is None or current.key != call.key:
                continue
            current.open.discard(line["call"])
            if answered and line["verdict"] in VERDICTS:
                current.unknown = False
            elif not (line["verdict"] == "not_run" and line["how"] in _NOT_RUN_ANSWERS):
                current.unknown = True

    def _read(self, names: Iterable[str]) -> None:
        for name in names:
            current = self._pair(name).current
            if current is not None and current.sealed:
                current.unknown = False

    def _bulk_read(self, line: dict[str, Any]) -> None:
        self._read(list(self._pairs))

    def _undelivered(self, line: dict[str, Any]) -> None:
        """The answer could not be sent; what the caller then does under the same key is judged as before."""


def check_lines(lines: Iterable[bytes | str], expected: dict[str, dict[str, int]] | None = None) -> Report:
    checker = Checker()
    for line in lines:
        checker.take(json.loads(line))
    return checker.finish(expected)


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a journal of the shop double.")
    parser.add_argument("journal")
    parser.add_argument("--expect", help='JSON object: {"<item>@<location>": {"available": n}}')
    options = parser.parse_args()
    expected = None
    if options.expect:
        with open(options.expect, encoding="utf-8") as stream:
            expected = json.load(stream)
    with open(options.journal, "rb") as stream:
        report = check_lines(stream, expected)
    json.dump({"ok": report.ok, "counts": report.counts, "violations": report.violations[:100]}, sys.stdout, indent=2)
    print()
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
