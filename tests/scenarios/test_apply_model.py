"""Generated streams: what apply makes of them is what the model makes of them."""

import json
import time
from collections import defaultdict

import pytest

from tests.model.generate import HOSTILE, Plan, generate
from tests.schema import reference_judge as reference
from tests.scenarios.stage import Stage

EVENTS = 5000


def levels_topic(stage: Stage) -> dict:
    """Newest value a key; order, identities and repeats are checked on the way."""
    by_key, by_identity = defaultdict(list), defaultdict(set)
    for record in stage.records("levels"):
        headers = dict(record.headers)
        by_key[record.key].append(json.loads(record.value))
        by_identity[headers["ce_id"]].add((record.key, record.value))
    assert all(len(same) == 1 for same in by_identity.values()), "one ce_id on two contents"
    distinct = {pair for same in by_identity.values() for pair in same}
    assert len(distinct) == len(by_identity), "two ce_ids on one content"
    newest = {}
    for key, values in by_key.items():
        # A repeat may come again later; what is new comes in order, and the newest comes last.
        revisions = [value["revision"] for value in values]
        first_seen = list(dict.fromkeys(revisions))
        assert first_seen == sorted(first_seen), f"revisions of {key} fall: {revisions}"
        assert revisions[-1] == max(revisions), f"{key} ends with a lower one: {revisions}"
        newest[key] = values[-1]
    return newest


def check_levels_topic(stage: Stage) -> None:
    newest = levels_topic(stage)
    rows = {json.dumps([r["sku"], r["location"]]): r for r in stage.levels()}
    keys = {json.dumps(json.loads(key)): value for key, value in newest.items()}
    assert keys.keys() == rows.keys()
    for key, row in rows.items():
        value = keys[key]
        for name in ("sku", "location", "quantity", "source", "version"):
            assert value[name] == row[name], f"{key}: {name}"
        assert reference.read_time(value["occurred_at"]) == reference.read_time(row["occurred_at"])


@pytest.mark.parametrize("seed, workers", [(1, 1), (2, 2), (3, 2)])
def test_apply_equals_the_model(stage, seed, workers):
    first_ms = int(time.time() * 1000) - EVENTS * 40
    plan = Plan(EVENTS, seed, partitions=stage.partitions, first_ms=first_ms, mix=HOSTILE)
    messages = list(generate(plan))
    for _ in range(workers):
        stage.worker()
    stage.produce(messages)
    stage.wait_settled()
    model = stage.check()
    assert min(model.outcomes().values()) > 0, "the stream leaves an outcome out"
    check_levels_topic(stage)
    stage.stop()
