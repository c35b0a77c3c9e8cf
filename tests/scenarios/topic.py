"""A whole topic, as a subscriber that comes late finds it."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.harness.waiting import wait_until
from tests.model.decode import Record

ELECTING = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}


def ends_now(consumer: Consumer, topic: str) -> dict[int, int] | None:
    """None: a partition that was just made has no leader yet."""
    found = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    try:
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1]
                for p in found}  # fmt: skip
    except KafkaException as error:
        if not error.args[0].retriable() and error.args[0].code() not in ELECTING:
            raise
        return None


def topic_ends(bootstrap: str, topic: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none"})
    try:
        return wait_until(lambda: ends_now(consumer, topic), f"leaders of {topic}", 60)
    finally:
        consumer.close()


def topic_records(bootstrap: str, topic: str) -> list[Record]:
    """By partition and offset."""
    left = {p: end for p, end in topic_ends(bootstrap, topic).items() if end > 0}
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "none",
        "enable.auto.commit": False, "enable.partition.eof": True,
    })  # fmt: skip
    records = []
    try:
        consumer.assign([TopicPartition(topic, p, 0) for p in left])
        ended = set()
        deadline = time.monotonic() + 60
        while ended != set(left):
            assert time.monotonic() < deadline, f"{topic} could not be read to its end"
            for message in consumer.consume(1000, timeout=0.2):
                if message.error():
                    ended.add(message.partition())
                else:
                    records.append(record_of(message))
    finally:
        consumer.close()
    return sorted(records, key=lambda r: (r.partition, r.offset))


def record_of(message) -> Record:
    headers = tuple(message.headers() or ())
    return Record(message.partition(), message.offset(), message.key(), message.value(), headers,
                  message.timestamp()[1])  # fmt: skip
