"""Proves from the journal: no key applied twice, no pair written twice at a time.

    python3 -m tests.doubles.shop.journal_check DIR/journal.jsonl [--expect LEVELS.json]

What is checked, with the name of each violation:

key_applied_twice   a key has more than one effect.
key_came_back       for a pair, a key is seen again after another key was seen for it.
two_in_flight       for a pair, another key arrives while a call of the earlier key is
                    open and its outcome is not settled.
unresolved_outcome  for a pair, another key arrives although the calls of the earlier key
                    all ended without a verdict (dropped, truncated, an error page) and
                    neither a verdict nor a read of the pair settled it since.
chain_broken        an effect starts from another level than the one before left: there
                    was an effect that is not in the journal.
level_differs       the final level of a pair is not the expected one.
sequence_broken     sequence numbers do not rise.

A key is sealed for a pair when nothing under way can change the pair under it any more:
it is applied, or all its calls are over. It is settled when the caller can know what came
of it: an answer said applied or repeated; or it was refused, or not run (401, 429,
throttled, a top-level error), with no unknown outcome before; or the pair was read by a
query that began when the key was sealed already. A refusal after an unknown outcome
settles nothing: it does not prove that the first call was not applied.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator

_NOT_RUN_ANSWERS = frozenset({"answered", "status_429"})


@dataclass(slots=True)
class KeyState:
    """One key as one pair sees it."""

    key: str
    open: set[int] = field(default_factory=set)
    applied: bool = False
    unknown: bool = False
    settled: bool = False
    sealed_at: int = 0

    def arrive(self, call: int) -> None:
        self.open.add(call)
        self.settled = False

    def apply(self, seq: int) -> None:
        self.applied, self.settled, self.sealed_at = True, False, seq

    def end(self, call: int, seq: int, how: str, verdict: str) -> None:
        self.open.discard(call)
        if not self.open and not self.applied:
            self.sealed_at = seq
        if how == "answered" and verdict in ("applied", "replayed"):
            self.settled, self.unknown = True, False
        elif how in _NOT_RUN_ANSWERS and verdict in ("refused", "not_run"):
            self.settled = self.settled or not (self.unknown or self.open or self.applied)
        elif verdict != "in_progress" or how != "answered":
            self.lose()

    def lose(self) -> None:
        if not (self.applied and self.settled):
            self.settled, self.unknown = False, True

    def read(self, began: int) -> None:
        sealed = self.applied or not self.open
        if sealed and self.sealed_at < began:
            self.settled, self.unknown = True, False


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
    began: int


@dataclass(slots=True)
class Report:
    violations: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    final: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "counts": self.counts,
            "violations": self.violations,
            "final": self.final,
        }


class Checker:
    def __init__(self) -> None:
        self.report = Report()
        self._seq = 0
        self._handlers = {
            "started": self._restarted,
            "reset": self._reset,
            "catalog": self._catalog,
            "call": self._call,
            "applied": self._applied,
            "ended": self._ended,
            "undelivered": self._undelivered,
            "order": self._effect,
            "edit": self._effect,
            "removed": self._removed,
            "bulk_started": self._bulk_started,
            "bulk_finished": self._bulk_read,
        }
        self._clear()

    def _clear(self) -> None:
        self._pairs: dict[str, PairState] = {}
        self._calls: dict[int, CallState] = {}
        self._applied_keys: dict[str, int] = {}
        self._done: dict[int, CallState] = {}
        self._bulks: dict[int, int] = {}

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
        self.report.final = {
            name: {"available": pair.available or 0, "on_hand": pair.on_hand or 0}
            for name, pair in self._pairs.items()
            if pair.available is not None
        }
        for name, wanted in (expected or {}).items():
            found = self.report.final.get(name)
            if found is None or any(
                found[state] != value for state, value in wanted.items()
            ):
                self.report.violations.append(
                    {
                        "kind": "level_differs",
                        "pair": name,
                        "expected": wanted,
                        "found": found,
                    }
                )
        return self.report

    def _violation(self, kind: str, line: dict[str, Any], **more: Any) -> None:
        self.report.violations.append({"kind": kind, "seq": line["seq"], **more})

    def _pair(self, name: str) -> PairState:
        return self._pairs.setdefault(name, PairState())

    # Begin and end of the world

    def _reset(self, line: dict[str, Any]) -> None:
        """A test asked for an empty shop: what was before is not part of what it
        proves."""
        self.report = Report()
        self._clear()

    def _restarted(self, line: dict[str, Any]) -> None:
        """Calls that were open when the double died are over, without a verdict; what
        it held is gone unless it says so."""
        if not line.get("restored"):
            self._clear()
        for number in list(self._calls):
            self._ended(
                {
                    "seq": line["seq"],
                    "call": number,
                    "how": "dropped",
                    "verdict": "not_run",
                }
            )
        self._done.clear()

    def _catalog(self, line: dict[str, Any]) -> None:
        for name, (available, on_hand) in line["levels"].items():
            pair = self._pair(name)
            pair.available, pair.on_hand = available, on_hand

    def _removed(self, line: dict[str, Any]) -> None:
        """A pair that is gone ends at no level."""
        for name in line["pairs"]:
            pair = self._pair(name)
            pair.available = pair.on_hand = None

    # Calls

    def _call(self, line: dict[str, Any]) -> None:
        writes = line.get("mutation") and line.get("key") is not None
        pairs = tuple(dict.fromkeys(line.get("pairs", ()))) if writes else ()
        self._calls[line["call"]] = CallState(line.get("key"), pairs, line["seq"])
        for name in pairs:
            self._arrive(line, name, line["key"]).arrive(line["call"])

    def _arrive(self, line: dict[str, Any], name: str, key: str) -> KeyState:
        pair = self._pair(name)
        current = pair.current
        if current is not None and current.key == key:
            return current
        if key in pair.past:
            self._violation("key_came_back", line, pair=name, key=key)
        if current is not None:
            if not current.settled:
                kind = "two_in_flight" if current.open else "unresolved_outcome"
                self._violation(kind, line, pair=name, key=key, earlier=current.key)
            pair.past.add(current.key)
        pair.current = KeyState(key)
        return pair.current

    def _held(self, call: CallState) -> Iterator[KeyState]:
        """The pairs of a call for which its key is still the newest."""
        for name in call.pairs:
            current = self._pair(name).current
            if current is not None and current.key == call.key:
                yield current

    def _applied(self, line: dict[str, Any]) -> None:
        key = line.get("key")
        if key is not None:
            if key in self._applied_keys:
                self._violation(
                    "key_applied_twice", line, key=key, first=self._applied_keys[key]
                )
            self._applied_keys.setdefault(key, line["seq"])
        call = self._calls.get(line["call"])
        for state in self._held(call) if call is not None else ():
            state.apply(line["seq"])
        self._effect(line)

    def _effect(self, line: dict[str, Any]) -> None:
        for change in line["changes"]:
            pair = self._pair(change["pair"])
            for state in ("available", "on_hand"):
                before, after = change[state]
                known = getattr(pair, state)
                if known is not None and known != before:
                    self._violation(
                        "chain_broken",
                        line,
                        pair=change["pair"],
                        state=state,
                        known=known,
                        found=before,
                    )
                setattr(pair, state, after)

    def _ended(self, line: dict[str, Any]) -> None:
        call = self._calls.pop(line["call"], None)
        if call is None:
            return
        if line["how"] == "answered":
            self._read(line.get("read_pairs", ()), call.began)
        if call.pairs:
            self._done[line["call"]] = call
        for state in self._held(call):
            state.end(line["call"], line["seq"], line["how"], line["verdict"])

    def _read(self, names: Iterable[str], began: int) -> None:
        for name in names:
            current = self._pair(name).current
            if current is not None:
                current.read(began)

    def _bulk_started(self, line: dict[str, Any]) -> None:
        self._bulks[line["bulk"]] = line["seq"]

    def _bulk_read(self, line: dict[str, Any]) -> None:
        self._read(list(self._pairs), self._bulks.pop(line["bulk"], 0))

    def _undelivered(self, line: dict[str, Any]) -> None:
        """The answer could not be sent: the caller does not know the outcome."""
        call = self._done.get(line["call"])
        for state in self._held(call) if call is not None else ():
            state.settled, state.unknown = False, True


def check_lines(
    lines: Iterable[bytes | str], expected: dict[str, dict[str, int]] | None = None
) -> Report:
    checker = Checker()
    for line in lines:
        checker.take(json.loads(line))
    return checker.finish(expected)


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a journal of the shop double.")
    parser.add_argument("journal")
    parser.add_argument(
        "--expect", help='JSON object: {"<item>@<location>": {"available": n}}'
    )
    options = parser.parse_args()
    expected = None
    if options.expect:
        with open(options.expect, encoding="utf-8") as stream:
            expected = json.load(stream)
    with open(options.journal, "rb") as stream:
        report = check_lines(stream, expected)
    json.dump(
        {"ok": report.ok, "counts": report.counts, "violations": report.violations[:100]},
        sys.stdout,
        indent=2,
    )
    print()
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
