"""Broken histories: each fault that the checker exists for is put into a good history, and found.

The good history is a small stream judged by the model, with the ledger, log and topics that a
right worker would have left.
"""

import copy
import functools
import json
from dataclasses import replace

import pytest

from tests.chaos import checker
from tests.chaos.history import OUTCOMES, Change, Findings, LedgerRow, Letter, LevelRecord, LevelRow
from tests.chaos.history import IN_LEDGER, Part
from tests.chaos.load import Stream
from tests.chaos.quick import QuickModel, TopicRecord
from tests.scenarios.stage import CONTRACT

BATCH = 50
SKUS = 20
NOW_MS = 1_800_000_000_000


class History:
    """One partition of one, so that every record is where it belongs; lists are there to be broken."""

    def __init__(self, count=600):
        self.contract = json.loads(CONTRACT.read_text())
        stream = Stream(seed=5, skus=SKUS, partitions=1, poison=150)
        messages = [stream.one(NOW_MS + n * 20) for n in range(count)]
        self.records = [self.record(n, m.key, m) for n, m in enumerate(messages)]
        self.sent = {r.offset: r.content for r in self.records}
        self._copy()
        self._judge()

    @staticmethod
    def record(offset, key, like):
        return TopicRecord(0, offset, key, like.value, like.headers, like.timestamp_ms)

    def _copy(self):
        """The copies that a right worker produces behind the rest."""
        model = QuickModel(self.contract, 1)
        for record in list(self.records):
            verdict = model.judge(record)
            if verdict.outcome == "rekeyed":
                key = verdict.event.sku.encode()
                self.records.append(self.record(len(self.records), key, record))

    def _judge(self):
        model = QuickModel(self.contract, 1)
        self.rows, self.changes, self.letters = [], [take(0, 1, "w0", -1)], []
        counts, keys = dict.fromkeys(OUTCOMES, 0), {}
        for record in self.records:
            verdict = model.judge(record)
            counts[verdict.outcome] += 1
            transaction = 1000 + record.offset // BATCH
            if verdict.outcome in IN_LEDGER:
                event = verdict.event
                key = f"k{keys.setdefault(event.key(), len(keys))}"
                self.rows.append(LedgerRow(record.offset, key, verdict.outcome, transaction,
                                           event.source, event.sku, event.location,
                                           verdict.before, verdict.after))  # fmt: skip
            if verdict.outcome == "rejected":
                self.letters.append(Letter(0, record.offset, verdict.reason, record.content, b"i"))
            if (record.offset + 1) % BATCH == 0 or record is self.records[-1]:
                last = self.changes[-1]
                self.changes.append(replace(
                    last, transaction=transaction, old_epoch=1, old_next=last.next,
                    next=record.offset + 1, counts=tuple(counts.values()), at=last.at + 1,
                ))  # fmt: skip
                counts = dict.fromkeys(OUTCOMES, 0)
        self._state(model)

    def _state(self, model):
        self.levels = {place: LevelRow(level.quantity, level.source, level.occurred_at_us,
                                       level.version, 3)
                       for place, level in model.levels().items()}  # fmt: skip
        self.readings = model.readings()
        sums = tuple(map(sum, zip(*(c.counts for c in self.changes))))
        self.totals = {0: (len(self.records), sums, sum(sums))}
        self.level_records = []
        for number, (place, row) in enumerate(self.levels.items()):
            for revision in (1, 2, 3):
                quantity = row.quantity if revision == 3 else revision
                self.level_records.append((0, number * 3 + revision, LevelRecord(
                    *place, quantity, row.source, row.occurred_at_us, row.version, revision,
                    f"{place}/{revision}".encode(),
                )))  # fmt: skip

    def check(self) -> Findings:
        part, findings = Part(0), Findings()
        model = QuickModel(self.contract, 1)
        checker.check_part(part, self.records, self.rows, self.changes, model.judge, self.sent)
        findings.extend(part.findings)
        checker.check_levels(model.levels(), self.levels, findings)
        checker.check_readings(model.readings(), self.readings, findings)
        checker.check_totals([part], self.totals, findings)
        checker.check_letters([part], self.letters, findings)
        checker.check_copies([part], findings)
        checker.check_level_records(self.level_records, self.levels, findings)
        return findings


@functools.cache
def _good() -> History:
    return History()


def history_to_break() -> History:
    """A copy: what a test changes are the lists, never a value in them."""
    twin = copy.copy(_good())
    for name, value in vars(twin).items():
        setattr(twin, name, copy.copy(value))
    return twin


def take(partition, epoch, who, next_offset, at=1.0):
    return Change(at, epoch, who, partition, epoch - 1, epoch, f"host/{who}/0", next_offset,
                  next_offset, (0,) * len(OUTCOMES))  # fmt: skip


def row_at(history, outcome="applied"):
    return next(i for i, row in enumerate(history.rows) if row.outcome == outcome and i > 5)


# ---- the ways to break it --------------------------------------------------------------------


def drop_row(h):
    del h.rows[row_at(h)]
    return "lost"


def stop_early(h):
    h.changes.pop()
    last = h.changes[-1].next
    h.rows = [row for row in h.rows if row.offset < last]
    return "lost"


def skip_one_record(h):
    """next_offset one too far: the row is missing, and one outcome too few is counted."""
    at = row_at(h)
    offset, outcome = h.rows[at].offset, h.rows[at].outcome
    del h.rows[at]
    n = next(n for n, c in enumerate(h.changes) if c.old_next <= offset < c.next)
    counts = list(h.changes[n].counts)
    counts[OUTCOMES.index(outcome)] -= 1
    h.changes[n] = replace(h.changes[n], counts=tuple(counts))
    return "counts"


def repeat_row(h):
    at = row_at(h)
    h.rows.insert(at, h.rows[at])
    return "doubled"


def apply_a_duplicate(h):
    """A repeat is judged as if it were new."""
    model = QuickModel(h.contract, 1)
    offset = next(r.offset for r in h.records if model.judge(r).outcome == "duplicate")
    at = next(i for i, row in enumerate(h.rows) if row.offset > offset)
    h.rows.insert(at, replace(h.rows[at - 1], offset=offset, transaction=1000 + offset // BATCH))
    return "doubled"


def same_key_twice(h):
    at = row_at(h)
    h.rows[at] = replace(h.rows[at], key=h.rows[0].key)
    return "doubled"


def swap_order(h):
    """Two events of one place, the later judged first."""
    first = row_at(h)
    place = (h.rows[first].sku, h.rows[first].location)
    second = next(i for i in range(first + 1, len(h.rows))
                  if (h.rows[i].sku, h.rows[i].location) == place
                  and h.rows[i].after != h.rows[first].after)  # fmt: skip
    one, two = h.rows[first], h.rows[second]
    h.rows[first] = replace(one, before=two.before, after=two.after)
    h.rows[second] = replace(two, before=one.before, after=one.after)
    return "reordered"


def wrong_before(h):
    at = row_at(h)
    h.rows[at] = replace(h.rows[at], before=(h.rows[at].before or 0) + 1)
    return "reordered"


def wrong_after(h):
    at = row_at(h)
    h.rows[at] = replace(h.rows[at], after=h.rows[at].after + 1)
    return "outcome"


def wrong_outcome(h):
    at = row_at(h, "stale")
    h.rows[at] = replace(h.rows[at], outcome="applied")
    return "outcome"


def row_of_no_record(h):
    h.rows.append(replace(h.rows[-1], offset=len(h.records) + 5, key="new"))
    return "outcome"


def rejected_in_ledger(h):
    offset = h.letters[3].offset
    at = next(i for i, row in enumerate(h.rows) if row.offset > offset)
    h.rows.insert(at, replace(h.rows[at], offset=offset, key="rejected"))
    return "outcome"


def row_of_another_transaction(h):
    at = row_at(h)
    h.rows[at] = replace(h.rows[at], transaction=77)
    return "zombie"


def row_of_a_later_batch(h):
    at = row_at(h)
    h.rows[at] = replace(h.rows[at], transaction=h.changes[-1].transaction)
    return "zombie"


def zombie_batch(h):
    """Somebody took over, and the old owner commits all the same."""
    h.changes.insert(4, replace(take(0, 2, "w1", h.changes[3].next), at=h.changes[3].at))
    for n in range(5, len(h.changes)):
        h.changes[n] = replace(h.changes[n], old_epoch=2, epoch=2, who="w1")
    h.changes[5] = replace(h.changes[5], who="w0")
    return "zombie"


def offset_falls(h):
    last = h.changes[-1]
    h.changes.append(replace(last, old_next=last.next, next=last.old_next, transaction=5000))
    return "zombie"


def progress_jumps(h):
    del h.changes[3]
    return "zombie"


def epoch_falls(h):
    last = h.changes[-1]
    h.changes.append(replace(last, epoch=0, old_next=last.next, counts=(0,) * 7))
    return "zombie"


def miscount(h):
    counts = list(h.changes[2].counts)
    counts[0], counts[1] = counts[0] + 1, counts[1] - 1
    h.changes[2] = replace(h.changes[2], counts=tuple(counts))
    return "counts"


def miscounted_batch(h):
    counts = list(h.changes[2].counts)
    counts[2] += 1
    h.changes[2] = replace(h.changes[2], counts=tuple(counts))
    return "counts"


def count_without_offset(h):
    h.changes.append(replace(h.changes[-1], old_next=h.changes[-1].next))
    return "counts"


def read_differs(h):
    next_offset, counts, read = h.totals[0]
    h.totals[0] = (next_offset, counts, read + 1)
    return "counts"


def totals_differ(h):
    next_offset, counts, read = h.totals[0]
    h.totals[0] = (next_offset, (counts[0] + 1, counts[1] - 1, *counts[2:]), read)
    return "counts"


def end_differs(h):
    h.totals[0] = (h.totals[0][0] - 1, *h.totals[0][1:])
    return "counts"


def level_differs(h):
    """An adjustment counted twice, say."""
    place = next(iter(h.levels))
    h.levels[place] = replace(h.levels[place], quantity=h.levels[place].quantity + 1)
    return "level"


def level_missing(h):
    h.levels.pop(next(iter(h.levels)))
    return "level"


def level_made_up(h):
    h.levels["NO-SUCH", "BER"] = next(iter(h.levels.values()))
    return "level"


def level_older(h):
    place = next(iter(h.levels))
    older = h.levels[place].occurred_at_us - 1
    h.levels[place] = replace(h.levels[place], occurred_at_us=older)
    return "level"


def reading_differs(h):
    h.readings[next(iter(h.readings))] += 1
    return "level"


def reading_missing(h):
    h.readings.pop(next(iter(h.readings)))
    return "level"


def level_record_missing(h):
    del h.level_records[2]  # the newest of the first place
    return "record"


def level_records_missing(h):
    del h.level_records[:3]
    return "record"


def level_record_differs(h):
    at = h.level_records[2]
    h.level_records[2] = (*at[:2], replace(at[2], quantity=at[2].quantity + 1))
    return "record"


def revision_falls(h):
    """Revision 2 comes after revision 3, and is the last one."""
    h.level_records[1], h.level_records[2] = h.level_records[2], h.level_records[1]
    return "older"


def revision_forked(h):
    """Two owners made two contents of one revision."""
    at = h.level_records[1]
    h.level_records.insert(2, (0, 9, replace(at[2], quantity=at[2].quantity + 7)))
    return "record"


def identity_twice(h):
    at = h.level_records[1]
    h.level_records[1] = (*at[:2], replace(at[2], identity=h.level_records[0][2].identity))
    return "record"


def repeat_under_another_identity(h):
    at = h.level_records[1]
    h.level_records.append((0, 999, replace(at[2], identity=b"another")))
    return "identity"


def letter_missing(h):
    del h.letters[4]
    return "letter"


def letter_of_wrong_reason(h):
    h.letters[4] = replace(h.letters[4], reason="no_such_reason")
    return "letter"


def letter_of_other_bytes(h):
    h.letters[4] = replace(h.letters[4], content=h.letters[4].content ^ 1)
    return "letter"


def letter_made_up(h):
    h.letters.append(replace(h.letters[0], offset=h.rows[0].offset))
    return "letter"


def letter_repeated_under_another_name(h):
    h.letters.append(replace(h.letters[0], identity=b"other"))
    return "letter"


def copy_missing(h):
    """The outbox was dropped after a crash: the last record, a copy, was never produced."""
    gone = h.records.pop()
    h.rows = [row for row in h.rows if row.offset != gone.offset]
    h.changes[-1] = replace(h.changes[-1], next=gone.offset)
    return "copy"


def record_from_nowhere(h):
    like = h.records[0]
    h.records.append(History.record(len(h.records), like.key, replace(like, timestamp_ms=1)))
    return "copy"


def broker_lost(h):
    h.sent[len(h.records) + 9] = 1
    return "broker"


def broker_changed(h):
    h.sent[3] ^= 1
    return "broker"


BREAKS = (
    drop_row, stop_early, skip_one_record, repeat_row, apply_a_duplicate, same_key_twice,
    swap_order, wrong_before, wrong_after, wrong_outcome, row_of_no_record, rejected_in_ledger,
    row_of_another_transaction, row_of_a_later_batch, zombie_batch, offset_falls, progress_jumps,
    epoch_falls, miscount, miscounted_batch, count_without_offset, read_differs, totals_differ,
    end_differs, level_differs, level_missing, level_made_up, level_older, reading_differs,
    reading_missing, level_record_missing, level_records_missing, level_record_differs,
    revision_falls, revision_forked, identity_twice, repeat_under_another_identity,
    letter_missing, letter_of_wrong_reason, letter_of_other_bytes, letter_made_up,
    letter_repeated_under_another_name, copy_missing, record_from_nowhere, broker_lost,
    broker_changed,
)  # fmt: skip


def test_a_good_history_is_good():
    history = history_to_break()
    assert not history.check(), [str(f) for f in history.check().kept]
    outcomes = {row.outcome for row in history.rows}
    assert outcomes == IN_LEDGER and history.letters and len(history.records) > len(history.sent)


@pytest.mark.parametrize("breaks", BREAKS, ids=lambda breaks: breaks.__name__)
def test_a_broken_history_is_found(breaks):
    history = history_to_break()
    kind = breaks(history)
    found = history.check()
    assert kind in found.kinds(), [str(f) for f in found.kept]


def test_findings_name_their_place():
    history = history_to_break()
    row = history.rows[row_at(history)]
    drop_row(history)
    first = next(f for f in history.check().kept if f.kind == "lost")
    assert (first.partition, first.offset) == (0, row.offset)


def test_repeats_of_what_was_sent_are_no_fault():
    """At least once: letters, level records and copies may come again, the same."""
    history = history_to_break()
    history.letters += history.letters[:5]
    again = [(0, 900 + n, record) for n, (_, _, record) in enumerate(history.level_records[:3])]
    history.level_records += again
    assert not history.check()


def test_a_late_older_revision_is_dropped_by_consumers():
    """A worker that lost its partition sends what it still has; the newest is sent after it."""
    history = history_to_break()
    first, second, third = history.level_records[:3]
    history.level_records[:3] = [second, first, third]
    assert not history.check()


def test_a_take_over_between_batches_is_no_fault():
    history = history_to_break()
    history.changes.insert(4, replace(take(0, 2, "w1", history.changes[3].next), at=4.5))
    for n in range(5, len(history.changes)):
        history.changes[n] = replace(history.changes[n], old_epoch=2, epoch=2, who="w1")
    assert not history.check()


def test_all_findings_are_counted_and_few_are_kept():
    findings = Findings()
    for offset in range(100):
        findings.add("lost", 0, offset, "gone")
    assert findings.counts["lost"] == 100 and len(findings.kept) == Findings.KEPT

