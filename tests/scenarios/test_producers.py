"""docs/producers.md: its examples as they stand there, and `doctor` on producers that do it wrong."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from tests.harness.paths import BUILD, ROOT, parstock
from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.model.murmur2 import partition_of

PAGE = (ROOT / "docs/producers.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL))
SKUS = [f"ab-{n}" for n in range(40)]


@pytest.fixture
def ready(stage):
    def has_leaders() -> bool:
        try:
            return bool(stage.ends(stage.events_topic))
        except KafkaException:
            return False

    wait_until(has_leaders, "every partition to have a leader")
    return stage


def run(stage, argv, lines: str, **more) -> None:
    path = f"{parstock().parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"BROKERS": stage.kafka.bootstrap, "TOPIC": stage.events_topic, "PATH": path}
    done = subprocess.run(argv, input=lines.encode(), env=env, capture_output=True, timeout=120, **more)
    assert done.returncode == 0, done.stderr.decode()


def lines_of(skus) -> str:
    return "".join(f"{sku} BER {n} doc-{n}\n" for n, sku in enumerate(skus))


def check(stage, skus) -> None:
    records = stage.records()
    assert len(records) == len(skus)
    for record in records:
        assert record.partition == partition_of(record.key, stage.partitions)
    stage.worker()
    stage.wait_settled()
    outcomes = stage.check().outcomes()
    assert (outcomes["applied"], outcomes["rekeyed"], outcomes["rejected"]) == (len(skus), 0, 0)
    assert placement(stage)["verdict"] == "ok"


def placement(stage) -> dict:
    answer = run_parstock("doctor", "-o", "json", env=stage.env)
    (found,) = [c for c in json.loads(answer.stdout)["checks"] if c["check"] == "partitions"]
    return found


def test_the_page_has_the_three():
    assert sorted(EXAMPLES) == ["java", "kcat", "python"]


def test_kcat(ready):
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")
    skus = [*SKUS, "straße", "Ａ–1"]
    run(ready, ["sh", "-c", EXAMPLES["kcat"]], lines_of(skus))
    check(ready, skus)


def test_python(ready):
    skus = [*SKUS, "straße", "Ａ–1"]
    run(ready, [BUILD / "deps/venv/bin/python", "-c", EXAMPLES["python"]], lines_of(skus))
    check(ready, skus)


def test_java(ready, tmp_path):
    if shutil.which("javac") is None:
        pytest.skip("no Java compiler is installed")
    source = tmp_path / "StockProducer.java"
    source.write_text(EXAMPLES["java"])
    jars = BUILD / "deps/kafka/libs"
    subprocess.run(["javac", "-cp", f"{jars}/*", "-d", tmp_path, source], check=True)
    run(ready, ["java", "-cp", f"{tmp_path}:{jars}/*", "StockProducer"], lines_of(SKUS))
    check(ready, SKUS)


@pytest.mark.parametrize("settings, key", [
    ({"partitioner": "consistent_random"}, str.upper),  # librdkafka's own
    ({"partitioner": "murmur2_random"}, str.lower),  # the raw SKU as key
])  # fmt: skip
def test_doctor_names_what_lies_elsewhere(ready, settings, key):
    """The seeded faults: one producer does it right, another one not."""
    stage = ready
    for number, (setting, key_of) in enumerate([({"partitioner": "murmur2_random"}, str.upper),
                                                (settings, key)]):  # fmt: skip
        producer = Producer({"bootstrap.servers": stage.kafka.bootstrap} | setting)
        for sku in SKUS:
            value = {"type": "stock.counted", "source": ["wms", "erp"][number], "sku": sku,
                     "location": "BER", "quantity": 1, "occurred_at": "2026-11-01T00:00:00Z"}  # fmt: skip
            producer.produce(stage.events_topic, json.dumps(value), key_of(sku))
        assert producer.flush(30) == 0
        if number == 0:
            assert placement(stage)["verdict"] == "ok"
    found = placement(stage)
    assert found["verdict"] == "warn" and "docs/producers.md" in found["remedy"]
    wrong = sum(partition_of(key(sku).encode(), stage.partitions) != right(stage, sku) for sku in SKUS)
    if settings["partitioner"] == "murmur2_random":
        assert f"{wrong} of the newest 80 events" in found["text"]
    assert re.search(r"SKUs lie on two partitions or more: AB-\d+ on \d and \d", found["text"])
    assert re.search(r"gives \(erp \d+\), the last of 20", found["text"])
    assert (Path(ROOT) / "docs/producers.md").is_file()


def right(stage, sku: str) -> int:
    return partition_of(sku.upper().encode(), stage.partitions)
