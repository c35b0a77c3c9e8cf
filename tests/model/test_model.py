"""The model against outcomes written by hand, and against one partitioner that is not ours."""

import json
import time
from collections import Counter

import pytest

from tests.harness.paths import ROOT
from tests.model.broken import BROKEN
from tests.model.decode import Record
from tests.model.examples import STORIES, sku_of_story, tell
from tests.model.generate import Plan, generate
from tests.model.model import OUTCOMES, Model
from tests.model.murmur2 import murmur2, partition_of

PARTITIONS = 6
CONTRACT = json.loads((ROOT / "schemas/examples/contract/valid/demo.json").read_text())


def judged(messages):
    model, offsets = Model(CONTRACT, PARTITIONS), Counter()
    for message in messages:
        place = message.partition
        if place is None:
            place = partition_of(message.key or b"", PARTITIONS)
        offset = offsets[place]
        offsets[place] += 1
        model.judge(Record(place, offset, message.key, message.value, message.headers,
                           message.timestamp_ms))  # fmt: skip
    return model


@pytest.mark.parametrize("story", list(STORIES))
def test_outcomes_by_hand(story):
    told = [(s, m) for name, s, m in tell(PARTITIONS, int(time.time() * 1000)) if name == story]
    model = judged(message for _, message in told)
    got = [(v.outcome, v.reason) for v in model.verdicts]
    assert got == [(step.outcome, step.reason) for step, _ in told]
    last = told[-1][0]
    if last.level is not None:
        place = last.fields.get("location", "BER").replace("Berlin", "BER")
        level = model.level(sku_of_story(list(STORIES).index(story)), place)
        assert (level.source, level.quantity) == last.level


def test_stories_have_every_outcome():
    assert {s.outcome for steps in STORIES.values() for s in steps} == set(OUTCOMES)


@pytest.mark.parametrize("code", list(BROKEN))
def test_broken_bytes_have_their_code(code):
    now = int(time.time() * 1000)
    sane = {"type": "stock.counted", "source": "wms", "sku": "A", "location": "BER",
            "quantity": 1, "occurred_at": "2025-01-01T00:00:00Z"}  # fmt: skip
    for make in BROKEN[code]:
        verdict = Model(CONTRACT, 1).judge(Record(0, 0, b"A", make(sane), (), now))
        assert (verdict.outcome, verdict.reason) == ("rejected", code)


def test_a_hostile_stream_has_every_outcome_and_reason():
    model = judged(generate(Plan(5000, seed=9, first_ms=1_800_000_000_000)))
    assert min(model.outcomes().values()) > 0
    reasons = {v.reason for v in model.verdicts if v.reason}
    assert reasons == set(BROKEN) | {"id_reused", "too_old", "level_out_of_range"}


def test_a_stream_is_the_same_for_the_same_seed():
    plan = Plan(500, seed=4, first_ms=1_800_000_000_000)
    assert list(generate(plan)) == list(generate(plan))
    assert list(generate(plan)) != list(generate(Plan(500, 5, first_ms=plan.first_ms)))


def test_murmur2_as_kafka_has_it():
    # From Kafka's own UtilsTest.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
             b"a-little-bit-longer-string": -1486304829,
             b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
             b"abc": 479470107}  # fmt: skip
    for text, signed in known.items():
        assert murmur2(text) == signed & 0xFFFFFFFF
