"""dev-broker: another client's records go in and come out; it ends when asked to."""

import pytest
from confluent_kafka import Consumer, Producer

from tests.harness.kafka import EmbeddedKafka
from tests.harness.waiting import wait_until
from tests.harness.worker import parstock_env, run_parstock


@pytest.mark.parametrize("brokers", [1, 3])
def test_round_trip(run_dir, brokers):
    child = EmbeddedKafka(run_dir, env={"PARSTOCK_TOPIC_PREFIX": "trial.", "PARSTOCK_TOPIC_PARTITIONS": "4"})
    if brokers == 3:  # the harness starts the default, so that this one is started by hand
        from tests.harness.paths import parstock
        from tests.harness.process import Child

        process = Child("three", [parstock(), "dev-broker", "--brokers", "3", "--topic-prefix", "trial."], run_dir)
        bootstrap = process.wait_line("bootstrap.servers=")
        assert len(bootstrap.split(",")) == 3
    else:
        child.start()
        process, bootstrap = child, child.bootstrap
    quiet = {"bootstrap.servers": bootstrap, "log_level": 0}
    producer = Producer(quiet | {"enable.idempotence": True})
    for number in range(2000):
        producer.produce("trial.stock-changes", key=f"SKU-{number % 50}", value=str(number))
    assert producer.flush(30) == 0
    consumer = Consumer(quiet | {"group.id": "trial", "auto.offset.reset": "earliest"})
    consumer.subscribe(["trial.stock-changes"])
    got: list[int] = []

    def all_there() -> bool:
        got.extend(int(m.value()) for m in consumer.consume(500, timeout=1) if not m.error())
        return len(got) >= 2000

    wait_until(all_there, "all records to come back", 60)
    consumer.close()
    assert sorted(got) == list(range(2000))
    if brokers == 3:
        assert process.terminate() == 0
    else:
        child.stop()


@pytest.mark.parametrize("arguments", [["--brokers", "2"], ["now"]])
def test_wrong_use(arguments):
    assert run_parstock("dev-broker", *arguments, env=parstock_env()).returncode == 64


def test_its_limits_are_said():
    text = " ".join(run_parstock("dev-broker", "--help").stdout.decode().split())
    for limit in ("in memory", "5 MB or 100000 batches", "drops older ones silently", "127.0.0.1", "admin request"):
        assert limit in text
