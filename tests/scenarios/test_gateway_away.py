"""The broker away, killed and back: nothing answered 202 is lost, nothing else is half there. The gateway told to end."""

import threading
import time

import pytest

from tests.harness.kafka import ApacheKafka, EmbeddedKafka
from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.scenarios.gateway_load import Tries, check_tries, post_all
from tests.scenarios.gateway_world import TOKENS, event, gateway_on
from tests.scenarios.topic import topic_records

POSTS, CLIENTS = 1500, 20


@pytest.fixture
def own_kafka(run_dir):
    broker = ApacheKafka(run_dir, name="kafka-gateway")
    yield broker
    broker.stop()


def test_a_broker_that_is_away(own_kafka, postgres, new_stage):
    stage = new_stage(own_kafka, postgres)
    with gateway_on(stage) as gateway:
        gateway.wait_listening()
        answer = gateway.post(event(1))
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert gateway.post(event(1), token="wrong").status == 401
        code, why = gateway.worker.get("/readyz")
        assert code == 503 and "kafka: not ready: " in why
        own_kafka.start()
        wait_until(lambda: "topics ensure" in gateway.worker.get("/readyz")[1], "the missing topic to be told", 60)
        stage.set_up()
        gateway.wait_ready()
        assert gateway.post(event(1)).status == 202
        own_kafka.kill()
        wait_until(lambda: gateway.worker.get("/readyz")[0] == 503, "not ready", 60)
        assert gateway.post(event(2)).status == 503
        own_kafka.start()
        gateway.wait_ready()
        wait_until(lambda: gateway.post(event(3)).status == 202, "a post to be taken", 60)
        assert gateway.worker.terminate() == 0
    assert len(topic_records(own_kafka.bootstrap, stage.events_topic)) == 2


def test_the_broker_killed_under_load(own_kafka, postgres, new_stage):
    own_kafka.start()
    stage = new_stage(own_kafka, postgres).set_up()
    tries = Tries()
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        load = threading.Thread(target=post_all, args=(gateway, POSTS, CLIENTS, tries))
        load.start()
        wait_until(lambda: len(tries.taken) > POSTS // 3, "a third to be taken", 120)
        own_kafka.kill()
        time.sleep(1)
        own_kafka.launch()
        load.join(timeout=300)
        assert not load.is_alive() and len(tries.taken) == POSTS
        assert gateway.worker.terminate() == 0
    own_kafka.start()
    check_tries(topic_records(own_kafka.bootstrap, stage.events_topic), tries)
    apply = stage.worker()
    stage.wait_settled(limit_s=120)
    audit = stage.audit()
    events = sum(tries.taken.values())
    assert audit["outcomes"]["applied"] + audit["outcomes"]["unchanged"] == events
    assert sum(row["quantity"] for row in stage.levels()) == events
    assert apply.terminate() == 0


def test_a_gateway_killed_under_load(own_kafka, postgres, new_stage):
    """Its transaction is left open; the next one under the same name ends it."""
    own_kafka.start()
    stage = new_stage(own_kafka, postgres).set_up()
    tries = Tries()
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        gateway.worker.env["PARSTOCK_GATEWAY_LISTEN"] = f"127.0.0.1:{gateway.port}"
        load = threading.Thread(target=post_all, args=(gateway, POSTS, CLIENTS, tries))
        load.start()
        for part in (4, 2):
            wait_until(lambda part=part: len(tries.taken) > POSTS // part, "some to be taken", 120)
            gateway.worker.kill()
            gateway.worker.start()
        load.join(timeout=300)
        assert not load.is_alive() and len(tries.taken) == POSTS
        assert gateway.worker.terminate() == 0
    check_tries(topic_records(own_kafka.bootstrap, stage.events_topic), tries)


def test_told_to_end_under_load(kafka, postgres, new_stage):
    """What is in hand is answered; no post that was taken is without its answer."""
    stage = new_stage(kafka, postgres).set_up()
    tries = Tries()
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        gateway.worker.env["PARSTOCK_GATEWAY_LISTEN"] = f"127.0.0.1:{gateway.port}"
        load = threading.Thread(target=post_all, args=(gateway, POSTS, CLIENTS, tries))
        load.start()
        wait_until(lambda: len(tries.taken) > POSTS // 3, "a third to be taken", 120)
        assert gateway.worker.terminate() == 0
        gateway.worker.start()
        load.join(timeout=300)
        assert not load.is_alive() and len(tries.taken) == POSTS
        assert gateway.worker.terminate() == 0
    counts = check_tries(topic_records(kafka.bootstrap, stage.events_topic), tries)
    assert counts["published_without_answer"] == 0


def test_on_the_embedded_broker(run_dir, postgres, new_stage):
    with EmbeddedKafka(run_dir, env={"PARSTOCK_TOPIC_PREFIX": "mock.", "PARSTOCK_TOPIC_PARTITIONS": "6"}) as broker:
        stage = new_stage(broker, postgres)
        stage.prefix = stage.env["PARSTOCK_TOPIC_PREFIX"] = "mock."
        stage.run("migrate")
        with gateway_on(stage) as gateway:
            gateway.wait_ready()
            assert gateway.post([event(1), event(2)]).json() == {"count": 2}
            assert any("no transactions" in r["msg"] for r in gateway.worker.log())
            apply = stage.worker()
            wait_until(lambda: stage.read() == 2, "both to be applied", 60)
            assert apply.terminate() == 0
            assert gateway.worker.terminate() == 0


def test_wrong_settings(kafka, postgres, new_stage, tmp_path):
    stage = new_stage(kafka, postgres)
    same = {f"PARSTOCK_SOURCE_{n.upper()}_TOKEN": "the-same-for-both" for n in TOKENS}
    answer = run_parstock("gateway", env=stage.env | same)
    assert answer.returncode == 78 and b"same token" in answer.stderr and b"the-same-for-both" not in answer.stderr
    assert run_parstock("gateway", "--connections", "1", env=stage.env).returncode == 64
    missing = {"PARSTOCK_SOURCE_WMS_TOKEN_FILE": str(tmp_path / "none")}
    assert run_parstock("gateway", env=stage.env | missing).returncode == 78
    with gateway_on(stage) as gateway:
        gateway.wait_listening()
        taken = stage.env | {"PARSTOCK_GATEWAY_LISTEN": f"127.0.0.1:{gateway.port}"}
        assert run_parstock("gateway", env=taken).returncode == 69
