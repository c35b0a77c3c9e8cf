"""A whole topic, as a subscriber that comes late finds it."""

import time

from confluent_kafka import Consumer, TopicPartition

from tests.model.decode import Record


def topic_ends(bootstrap: str, topic: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none"})
    try:
        found = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1]
                for p in found}  # fmt: skip
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
