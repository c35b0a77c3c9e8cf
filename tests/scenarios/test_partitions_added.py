"""The topic gets more partitions: SKUs move, and what was judged of them is still known."""

import time

from confluent_kafka.admin import AdminClient, NewPartitions

from tests.harness.waiting import wait_until
from tests.model.generate import CALM, Plan, generate
from tests.model.murmur2 import partition_of
from tests.scenarios.stage import Stage

BEFORE, AFTER = 6, 9


def stream(count: int, seed: int, partitions: int, first_ms: int) -> list:
    return list(generate(Plan(count, seed, partitions=partitions, first_ms=first_ms, mix=CALM)))


def add_partitions(stage: Stage) -> None:
    admin = AdminClient({"bootstrap.servers": stage.kafka.bootstrap})
    for future in admin.create_partitions([NewPartitions(stage.events_topic, AFTER)]).values():
        future.result(20)
    wait_until(lambda: len(stage.ends(stage.events_topic)) == AFTER, "the new partitions")


def test_events_told_again_after_their_sku_moved(stage):
    now_ms = int(time.time() * 1000)
    messages = stream(2500, 31, BEFORE, now_ms - 600_000)
    worker = stage.worker()
    stage.produce(messages)
    stage.wait_settled()
    stage.check()
    assert worker.terminate() == 0
    levels, rows = stage.levels(), stage.sql("SELECT count(*) FROM idempotency")
    duplicates = stage.audit()["outcomes"]["duplicate"]

    add_partitions(stage)
    moved = [m for m in messages if partition_of(m.key, BEFORE) != partition_of(m.key, AFTER)]
    assert len(moved) > len(messages) / 4
    worker = stage.worker()
    stage._producer = None  # another client: the old one may not know the new partitions
    stage.produce(messages)
    stage.wait_settled()
    assert stage.levels() == levels
    assert stage.sql("SELECT count(*) FROM idempotency") == rows
    assert stage.audit()["outcomes"]["duplicate"] == duplicates + len(messages)

    stage.produce(stream(2500, 32, AFTER, now_ms - 300_000))
    stage.wait_settled()
    assert stage.sql("SELECT count(*) FROM idempotency") > rows
    assert stage.audit()["violations"] == []
    assert worker.terminate() == 0
