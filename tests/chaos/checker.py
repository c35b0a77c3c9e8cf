"""Was anything lost, doubled, reordered, or done by a zombie? Pure functions over a history.

In the sense of Jepsen's Kafka workload: what was acknowledged and what the log holds is held
against every effect that can be seen from outside. Nothing here reads a server or a clock.
One partition at a time (check_part), so that memory is bounded by a partition; then what
only the whole can tell (check_whole).
"""

from collections import Counter
from typing import Callable, Iterable, Iterator, Mapping

from .history import (
    IN_LEDGER, OUTCOMES, Change, Findings, LedgerRow, Letter, LevelRecord, LevelRow, Part,
)  # fmt: skip

# ---- the offsets and owners of one partition ------------------------------------------------


def check_changes(changes: Iterable[Change], findings: Findings) -> None:
    """Epochs rise, offsets rise, and only the holder of the epoch moves the offset."""
    holder, epoch, next_offset = None, None, None
    for change in changes:
        where = (change.partition, change.old_next)
        if epoch is not None and (change.old_epoch, change.old_next) != (epoch, next_offset):
            findings.add("zombie", *where, f"progress jumped from {(epoch, next_offset)} "
                         f"to {(change.old_epoch, change.old_next)} unseen")  # fmt: skip
        if change.is_take:
            if change.epoch < change.old_epoch:
                findings.add("zombie", *where, f"epoch fell to {change.epoch}")
            holder = change.who
        if change.is_batch:
            _check_batch(change, holder, findings)
        elif any(change.counts):
            findings.add("counts", *where, "counts moved without the offset")
        epoch, next_offset = change.epoch, change.next


def _check_batch(change: Change, holder: str | None, findings: Findings) -> None:
    where = (change.partition, change.old_next)
    if holder is not None and change.who != holder:
        findings.add("zombie", *where, f"{change.who} moved next_offset to {change.next} "
                     f"under epoch {change.epoch}, which {holder} holds")  # fmt: skip
    if change.next < change.old_next:
        findings.add("zombie", *where, f"next_offset fell to {change.next}")
    elif change.old_next >= 0 and sum(change.counts) != change.next - change.old_next:
        findings.add("counts", *where, f"{sum(change.counts)} outcomes counted for "
                     f"{change.next - change.old_next} records")  # fmt: skip


# ---- the records of one partition ------------------------------------------------------------


def check_part(part: Part, records: Iterable, rows: Iterable[LedgerRow],
               changes: list[Change], judge: Callable, sent: Mapping[int, int]) -> None:
    """`records` and `rows` by offset; `judge` gives the model's verdict of the next record;
    `sent` has the digest of every acknowledged event by offset."""
    check_changes(changes, part.findings)
    reader = _Rows(part, rows, changes)
    upto = changes[-1].next if changes else 0
    left = dict.fromkeys(sent)
    behind = 0
    for record in records:
        offset = record.offset
        part.records += 1
        left.pop(offset, None)
        _check_broker(part, record, sent)
        verdict = judge(record)
        if offset >= upto:
            behind += 1
            continue
        part.outcomes[verdict.outcome] += 1
        _expect(part, record, verdict)
        reader.hold_against(offset, verdict)
    if behind:
        part.findings.add("lost", part.partition, max(upto, 0),
                          f"{behind} records from here on were never judged", behind)  # fmt: skip
    reader.rest()
    for offset in left:
        part.findings.add("broker", part.partition, offset, "acknowledged, not in the topic")
    _check_counts(part, changes)


def _check_broker(part: Part, record, sent: Mapping[int, int]) -> None:
    digest = sent.get(record.offset)
    if digest is None:
        part.unsent[record.offset] = record.digest
    elif digest != record.content:
        part.findings.add("broker", part.partition, record.offset, "other bytes than were sent")


def _expect(part: Part, record, verdict) -> None:
    if verdict.outcome == "rejected":
        part.letters[record.offset] = (verdict.reason, record.content)
    elif verdict.outcome == "rekeyed":
        digest = record.digest_under(verdict.event.sku.encode())
        part.copies[digest] += 1
        part.copied_from[digest] = record.offset


def _check_counts(part: Part, changes: list[Change]) -> None:
    total = Counter()
    for change in changes:
        for name, count in zip(OUTCOMES, change.counts):
            total[name] += count
    for name in OUTCOMES:
        if total[name] != part.outcomes[name]:
            part.findings.add("counts", part.partition, None,
                              f"{total[name]} {name} counted, {part.outcomes[name]} lie "
                              "in the topic")  # fmt: skip


class _Rows:
    """The ledger rows of a partition, walked beside its records."""

    def __init__(self, part: Part, rows: Iterable[LedgerRow], changes: list[Change]):
        self._part, self._findings = part, part.findings
        self._rows: Iterator[LedgerRow] = iter(rows)
        self._next: LedgerRow | None = next(self._rows, None)
        self._keys: set[str] = set()
        self._after: dict[tuple[str, str], int | None] = {}
        self._moved = {c.transaction: c for c in changes if c.is_batch}

    def _take(self) -> LedgerRow:
        row, self._next = self._next, next(self._rows, None)
        self._check_chain(row)
        self._check_owner(row)
        if row.key in self._keys:
            self._say("doubled", row, f"the key {row.key} of {row.sku} is there twice")
        self._keys.add(row.key)
        return row

    def _say(self, kind: str, row: LedgerRow, what: str) -> None:
        self._findings.add(kind, self._part.partition, row.offset, what)

    def _check_chain(self, row: LedgerRow) -> None:
        place = (row.sku, row.location)
        last = self._after.get(place)
        if row.before != last:
            self._say("reordered", row, f"{place} was {last} before it, not {row.before}")
        self._after[place] = row.after

    def _check_owner(self, row: LedgerRow) -> None:
        change = self._moved.get(row.transaction)
        if change is None:
            self._say("zombie", row, f"transaction {row.transaction} wrote it and moved no offset")
        elif not max(change.old_next, 0) <= row.offset < change.next:
            self._say("zombie", row, f"written by the batch {change.old_next}..{change.next}")

    def hold_against(self, offset: int, verdict) -> None:
        while self._next is not None and self._next.offset < offset:
            self._say("outcome", self._take(), "no such record in the topic")
        found = []
        while self._next is not None and self._next.offset == offset:
            found.append(self._take())
        if verdict.outcome in IN_LEDGER:
            self._hold(offset, verdict, found)
        elif found:
            kind = "doubled" if verdict.outcome == "duplicate" else "outcome"
            self._say(kind, found[0], f"is {found[0].outcome}, should be {verdict.outcome}")

    def _hold(self, offset: int, verdict, found: list[LedgerRow]) -> None:
        if not found:
            self._findings.add("lost", self._part.partition, offset,
                               f"no ledger row, should be {verdict.outcome}")  # fmt: skip
            return
        if len(found) > 1:
            self._say("doubled", found[1], f"{len(found)} ledger rows")
        row, event = found[0], verdict.event
        got = (row.outcome, row.source, row.sku, row.location, row.before, row.after)
        wanted = (verdict.outcome, event.source, event.sku, event.location,
                  verdict.before, verdict.after)  # fmt: skip
        if got != wanted:
            self._say("outcome", row, f"is {got}, should be {wanted}")

    def rest(self) -> None:
        while self._next is not None:
            self._say("outcome", self._take(), "no such record was judged")


# ---- what only the whole can tell ------------------------------------------------------------


def check_levels(wanted: Mapping, rows: Mapping[tuple, LevelRow], findings: Findings) -> None:
    for place in sorted(wanted.keys() | rows.keys()):
        level, row = wanted.get(place), rows.get(place)
        got = row and (row.quantity, row.source, row.occurred_at_us, row.version)
        want = level and (level.quantity, level.source, level.occurred_at_us, level.version)
        if got != want:
            findings.add("level", None, None, f"{place} is {got}, should be {want}")


def check_readings(wanted: Mapping, rows: Mapping, findings: Findings) -> None:
    for place in sorted(wanted.keys() | rows.keys()):
        if wanted.get(place) != rows.get(place):
            findings.add("level", None, None, f"reading {place} is {rows.get(place)}, "
                         f"should be {wanted.get(place)}")  # fmt: skip


def check_level_records(records: Iterable[tuple[int, int, LevelRecord]],
                        rows: Mapping[tuple, LevelRow], findings: Findings) -> None:
    """`records`: partition, offset, record. An older one may come late, since a consumer drops
    it by its revision; it may not be the last one, since compaction would keep it."""
    newest: dict[tuple, LevelRecord] = {}
    last: dict[tuple, tuple[int, int, int]] = {}
    contents: dict[tuple, dict[int, int]] = {}
    identities: dict[int, int] = {}
    names: dict[int, int] = {}
    for partition, offset, record in records:
        place = (record.sku, record.location)
        content = hash((place, record.quantity, record.source, record.occurred_at_us,
                        record.version, record.revision))  # fmt: skip
        of_place = contents.setdefault(place, {})
        seen = of_place.setdefault(record.revision, content)
        last[place] = (partition, offset, record.revision)
        if seen != content:
            findings.add("record", partition, offset,
                         f"{place} has two contents of revision {record.revision}")  # fmt: skip
        if identities.setdefault(hash(record.identity), content) != content:
            findings.add("record", partition, offset, f"{record.identity} on two contents")
        named = names.setdefault(content, hash(record.identity))
        if seen == content and named != hash(record.identity):
            findings.add("identity", partition, offset, f"{place} revision {record.revision} comes "
                         f"again under another ce_id, {record.identity}")  # fmt: skip
        if place not in newest or record.revision > newest[place].revision:
            newest[place] = record
    for place, (partition, offset, revision) in last.items():
        if revision < newest[place].revision:
            findings.add("older", partition, offset, f"{place} ends with revision {revision}, "
                         f"the newest is {newest[place].revision}")  # fmt: skip
    _check_newest(newest, rows, findings)


def _check_newest(newest: Mapping, rows: Mapping, findings: Findings) -> None:
    for place in sorted(rows.keys() | newest.keys()):
        row, last = rows.get(place), newest.get(place)
        got = last and LevelRow(last.quantity, last.source, last.occurred_at_us, last.version,
                                last.revision)  # fmt: skip
        if got != row:
            findings.add("record", None, None, f"{place} ends with {got}, the level is {row}")


def check_letters(parts: Iterable[Part], letters: Iterable[Letter], findings: Findings) -> None:
    wanted = {(p.partition, offset): want for p in parts for offset, want in p.letters.items()}
    seen: dict[tuple[int, int], Letter] = {}
    for letter in letters:
        place = (letter.partition, letter.offset)
        want = wanted.get(place)
        if want is None:
            findings.add("letter", *place, f"a dead letter ({letter.reason}) of what was no such")
        elif (letter.reason, letter.content) != want:
            findings.add("letter", *place, f"{letter.reason}, should be {want[0]}, or other bytes")
        elif seen.setdefault(place, letter) != letter:
            findings.add("letter", *place, "a repeat that differs from the first")
    for place in sorted(wanted.keys() - seen.keys()):
        findings.add("letter", *place, f"no dead letter ({wanted[place][0]})")


def check_copies(parts: Iterable[Part], findings: Findings) -> None:
    """Every record that nobody sent is a copy, and every misplaced record has one."""
    parts = list(parts)
    wanted, there = Counter(), Counter()
    for part in parts:
        wanted.update(part.copies)
        there.update(part.unsent.values())
    for part in parts:
        for offset, digest in part.unsent.items():
            if digest not in wanted:
                findings.add("copy", part.partition, offset, "nobody sent it and it copies nothing")
        for digest, offset in part.copied_from.items():
            if there[digest] < wanted[digest]:
                findings.add("copy", part.partition, offset, "no copy under the right key",
                             wanted[digest] - there[digest])  # fmt: skip


def check_totals(parts: Iterable[Part], rows: Mapping[int, tuple], findings: Findings) -> None:
    """`rows`: partition to (next_offset, counts, read) as they stand in progress at the end."""
    for part in parts:
        next_offset, counts, read = rows.get(part.partition, (0, (0,) * len(OUTCOMES), 0))
        if read != sum(counts):
            findings.add("counts", part.partition, None, f"{read} read, {sum(counts)} outcomes")
        if max(next_offset, 0) != part.records:
            findings.add("counts", part.partition, None,
                         f"next_offset {next_offset}, {part.records} records lie there")  # fmt: skip
        for name, count in zip(OUTCOMES, counts):
            if count != part.outcomes[name]:
                findings.add("counts", part.partition, None,
                             f"{count} {name}, should be {part.outcomes[name]}")  # fmt: skip
