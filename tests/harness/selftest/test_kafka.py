"""The real broker, spoken to by a client that is not parstock's."""

import socket

import pytest
from confluent_kafka import Consumer, KafkaException, Producer

from tests.harness.kafka import ApacheKafka


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    failed = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value, key=value, on_delivery=lambda e, _m: e and failed.append(e))
    assert producer.flush(30) == 0
    assert not failed


def consume(bootstrap: str, topic: str, count: int, protocol: str, group: str) -> list[bytes]:
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol,
        "auto.offset.reset": "earliest", "enable.auto.commit": False,
    })  # fmt: skip
    try:
        consumer.subscribe([topic])
        values = []
        while len(values) < count:
            messages = consumer.consume(count - len(values), timeout=30)
            assert messages, f"only {len(values)} of {count} records came"
            for message in messages:
                assert message.error() is None, message.error()
                values.append(message.value())
        return values
    finally:
        consumer.close()


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_round_trip(kafka, protocol):
    topic = f"round-trip-{protocol}"
    kafka.create_topics([topic], partitions=3)
    sent = [b"%d" % n for n in range(500)]
    produce(kafka.bootstrap, topic, sent)
    got = consume(kafka.bootstrap, topic, len(sent), protocol, f"selftest-{protocol}")
    assert sorted(got) == sorted(sent)


def test_creates_no_topic_by_itself(kafka):
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.timeout.ms": 3000})
    failed = []
    producer.produce("nobody-made-me", b"x", on_delivery=lambda e, _m: e and failed.append(e))
    producer.flush(10)
    assert failed
    assert "nobody-made-me" not in kafka.admin().list_topics(timeout=10).topics


def test_records_survive_a_kill(run_dir):
    with ApacheKafka(run_dir) as broker:
        broker.create_topics(["kept"], partitions=1)
        produce(broker.bootstrap, "kept", [b"one", b"two"])
        broker.kill()
        assert not broker.running
        with pytest.raises(KafkaException):
            broker.admin().list_topics(timeout=1)
        broker.start()
        assert consume(broker.bootstrap, "kept", 2, "consumer", "after") == [b"one", b"two"]
        port = broker.port
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
