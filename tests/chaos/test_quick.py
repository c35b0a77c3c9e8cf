"""The fast reading and model say what tests/model says, record by record."""

import json

import pytest

from tests.chaos.load import ENTRY, Stream, read_journal
from tests.chaos.quick import QuickDecoder, QuickModel, TopicRecord, place_of
from tests.model.generate import Plan, generate
from tests.model.model import Model
from tests.scenarios.stage import CONTRACT

CONTRACT_TREE = json.loads(CONTRACT.read_text())
NOW_MS = 1_800_000_000_000
PARTITIONS = 6


def records(messages):
    for offset, m in enumerate(messages):
        place = place_of(m.key or b"", PARTITIONS) if m.partition is None else m.partition
        yield TopicRecord(place, offset, m.key, m.value, m.headers, m.timestamp_ms)


def loaded(seed, count=6000):
    stream = Stream(seed, skus=60, partitions=PARTITIONS, poison=250)
    return [stream.one(NOW_MS + n * 30) for n in range(count)]


def hostile(seed, count=4000):
    return list(generate(Plan(count, seed, skus=40, first_ms=NOW_MS)))


@pytest.mark.parametrize("make", [loaded, hostile])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_judges_as_the_model(make, seed):
    quick, slow = QuickModel(CONTRACT_TREE, PARTITIONS), Model(CONTRACT_TREE, PARTITIONS)
    for record in records(make(seed)):
        event = slow._decoder.decode(record)
        place = None if isinstance(event, str) else (event.sku, event.location)
        before = place and slow.level(*place)
        told, wanted = quick.judge(record), slow.judge(record)
        after = place and slow.level(*place)
        assert (told.outcome, told.reason) == (wanted.outcome, wanted.reason), record
        if told.outcome not in ("rejected", "rekeyed"):
            assert told.event == wanted.event
            assert told.before == (before and before.quantity)
            assert told.after == (after and after.quantity)
    assert quick.levels() == slow.levels()
    sources = {s["name"] for s in CONTRACT_TREE["sources"]}
    readings = {(*place, name): reading.quantity for place, of_place in slow._readings.items()
                for name, reading in of_place.items() if name in sources}  # fmt: skip
    assert quick.readings() == readings
    assert min(slow.outcomes().values()) > 0


def test_most_of_the_load_is_plain():
    decoder = QuickDecoder(CONTRACT_TREE)
    of_load = list(records(loaded(4)))
    assert sum(decoder._plain(r) is not None for r in of_load) > len(of_load) * 0.6


PLAIN = (b'{"type":"stock.counted","source":"wms","id":"q1","sku":"A-1","location":"BER",'
         b'"quantity":5,"occurred_at":"2026-12-01T10:00:00.000Z"}')  # fmt: skip


@pytest.mark.parametrize("old, new", [
    (b'"quantity":5', b'"quantity":05'), (b'"quantity":5', b'"quantity":-0'),
    (b'"quantity":5', b'"quantity":5.0'), (b'"quantity":5', b'"quantity":50000000000'),
    (b"12-01T", b"13-01T"), (b"12-01T10", b"12-01T24"), (b"2026-12", b"2099-12"),
    (b'"A-1"', b'"\\u0041-1"'), (b'"A-1"', b'"  "'), (b'"A-1"', b'"\xff"'), (b'"BER"', b'"NYC"'),
    (b"}", b"} "), (b'"id":"q1",', b""), (b'"wms"', b'"erp2"'), (b'"A-1"', b'"A\x01"'),
])  # fmt: skip
def test_what_is_not_plain_is_left_to_the_model(old, new):
    """Each near miss of the pattern either gets the model's word or is not taken at all."""
    value = PLAIN.replace(old, new)
    assert value != PLAIN
    record = TopicRecord(0, 0, b"A-1", value, (), NOW_MS)
    assert QuickDecoder(CONTRACT_TREE)._plain(record) is None
    verdict = QuickModel(CONTRACT_TREE, 1).judge(record)
    wanted = Model(CONTRACT_TREE, 1).judge(record)
    assert (verdict.outcome, verdict.reason) == (wanted.outcome, wanted.reason)


def test_a_stream_is_the_same_for_the_same_seed():
    assert loaded(9, 500) == loaded(9, 500)
    assert loaded(9, 500) != loaded(8, 500)


def test_a_journal_cut_short_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "journal"
    entries = [(p % 6, p, p * 7, float(p)) for p in range(10_000)]
    path.write_bytes(b"".join(ENTRY.pack(*e) for e in entries) + b"cut")
    assert list(read_journal(path)) == entries
