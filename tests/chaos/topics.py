"""Topics read to their end, one partition after the other, as the records of a history."""

import json
import time
from typing import Iterator

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.schema import reference_judge as reference

from .history import LevelRecord, Letter
from .quick import TopicRecord, content_of

QUIET_S = 60.0


class Unreadable(RuntimeError):
    """A topic could not be read to its end."""


def _consumer(brokers: str) -> Consumer:
    return Consumer({
        "bootstrap.servers": brokers, "group.id": "none", "enable.auto.commit": False,
        "enable.partition.eof": True, "fetch.queue.backoff.ms": 10, "log_level": 0,
        "queued.max.messages.kbytes": 16384,
    })  # fmt: skip


def partitions_of(brokers: str, topic: str) -> list[int]:
    consumer = _consumer(brokers)
    try:
        return sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
    finally:
        consumer.close()


def records(brokers: str, topic: str, partition: int) -> Iterator[TopicRecord]:
    consumer = _consumer(brokers)
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        heard = time.monotonic()
        while True:
            messages = consumer.consume(5000, timeout=0.5)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() > heard + QUIET_S:
                raise Unreadable(f"{topic} partition {partition} could not be read to its end")
            for message in messages:
                error = message.error()
                if error and error.code() == KafkaError._PARTITION_EOF:
                    return
                if error:
                    continue  # the client tries again; past QUIET_S we give up
                yield TopicRecord(partition, message.offset(), message.key(), message.value(),
                                  tuple(message.headers() or ()), message.timestamp()[1])  # fmt: skip
    finally:
        consumer.close()


def all_records(brokers: str, topic: str) -> Iterator[TopicRecord]:
    for partition in partitions_of(brokers, topic):
        yield from records(brokers, topic, partition)


def letters(brokers: str, topic: str) -> Iterator[Letter]:
    for record in all_records(brokers, topic):
        headers = dict(record.headers)
        place = (int(headers[f"__connect.errors.{name}"]) for name in ("partition", "offset"))
        yield Letter(*place, headers["parstock.reason"].decode(),
                     content_of(record.key, record.value), headers.get("ce_id"))  # fmt: skip


def level_records(brokers: str, topic: str) -> Iterator[tuple[int, int, LevelRecord]]:
    for record in all_records(brokers, topic):
        value = json.loads(record.value)
        yield record.partition, record.offset, LevelRecord(
            value["sku"], value["location"], value["quantity"], value["source"],
            reference.read_time(value["occurred_at"]), value["version"], value["revision"],
            dict(record.headers).get("ce_id"),
        )  # fmt: skip
