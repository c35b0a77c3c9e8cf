"""topics ensure and check against Apache Kafka, and on a broker that takes no admin requests."""

import json
import uuid

import pytest
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from tests.harness.kafka import EmbeddedKafka
from tests.harness.worker import parstock_env, run_parstock

SUFFIXES = {"stock-changes", "levels", "drift", "incidents", "dead-letters"}


@pytest.fixture
def prefix() -> str:
    return f"t{uuid.uuid4().hex[:8]}."


@pytest.fixture
def env(kafka, prefix):
    return parstock_env(kafka.bootstrap, PARSTOCK_TOPIC_PREFIX=prefix, PARSTOCK_TOPIC_PARTITIONS="3")


def topics(env, *arguments):
    answer = run_parstock("topics", *arguments, "-o", "json", env=env)
    return answer.returncode, json.loads(answer.stdout) if answer.stdout else answer.stderr.decode()


def of_prefix(kafka, prefix):
    found = kafka.admin().list_topics(timeout=10).topics
    return {n.removeprefix(prefix): len(t.partitions) for n, t in found.items() if n.startswith(prefix)}


def test_ensure_creates_what_is_missing_and_nothing_twice(kafka, env, prefix):
    code, before = topics(env, "check")
    assert (code, before["ok"]) == (1, False)
    assert {t["state"] for t in before["topics"]} == {"missing"}
    assert of_prefix(kafka, prefix) == {}, "check must not create anything"

    code, first = topics(env, "ensure")
    assert (code, first["ok"]) == (0, True)
    assert {t["state"] for t in first["topics"]} == {"created"}
    assert of_prefix(kafka, prefix) == dict.fromkeys(SUFFIXES, 3)

    code, second = topics(env, "ensure")
    assert (code, second["ok"]) == (0, True)
    assert {t["state"] for t in second["topics"]} == {"exists"}
    assert topics(env, "check")[0] == 0


def test_settings_of_the_topics(kafka, env, prefix):
    assert topics(env, "ensure")[0] == 0
    admin = kafka.admin()
    asked = [ConfigResource(ResourceType.TOPIC, prefix + s) for s in SUFFIXES]
    found = {r.name.removeprefix(prefix): f.result(10) for r, f in admin.describe_configs(asked).items()}
    assert found["levels"]["cleanup.policy"].value == "compact"
    assert found["levels"]["delete.retention.ms"].value == str(7 * 86_400_000)
    days = {"stock-changes": 14, "drift": 90, "incidents": 90, "dead-letters": 30}
    for suffix, kept in days.items():
        assert found[suffix]["cleanup.policy"].value == "delete"
        assert found[suffix]["retention.ms"].value == str(kept * 86_400_000)


def test_a_difference_is_said_and_never_mended(kafka, env, prefix):
    kafka.create_topics([prefix + "levels"], 5, {"cleanup.policy": "delete"})
    code, report = topics(env, "ensure")
    assert (code, report["ok"]) == (0, False)
    levels = next(t for t in report["topics"] if t["topic"] == prefix + "levels")
    assert levels["state"] == "exists"
    assert {(d["what"], d["declared"], d["found"]) for d in levels["differences"]} == {
        ("partitions", "3", "5"),
        ("cleanup.policy", "compact", "delete"),
    }
    assert of_prefix(kafka, prefix)["levels"] == 5
    assert topics(env, "check")[0] == 1
    plain = run_parstock("topics", "check", env=env)
    assert plain.returncode == 1
    assert b"partitions is 5, declared is 3" in plain.stdout


def test_more_replicas_than_brokers_is_configuration(env):
    code, said = topics(env, "ensure", "--topic-replicas", "3")
    assert code == 78
    assert "PARSTOCK_TOPIC_REPLICAS" in said


def test_a_broker_that_is_away():
    answer = run_parstock("topics", "check", "--timeout", "1", env=parstock_env("127.0.0.1:1"))
    assert answer.returncode == 69
    assert b"PARSTOCK_KAFKA_BROKERS" in answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line.startswith(b"{")]
    assert len(lines) < 10, "the library's repeats are not ours"
    assert all(json.loads(line)["component"] == "topics" for line in lines)
    assert not any(line.startswith(b"%") for line in answer.stderr.splitlines())


@pytest.mark.parametrize(
    "name", ["ENABLE_AUTO_COMMIT", "AUTO_OFFSET_RESET", "PARTITIONER", "ENABLE_IDEMPOTENCE", "ACKS"]
)
def test_properties_that_break_a_promise_are_refused(name):
    env = parstock_env("127.0.0.1:1", **{f"PARSTOCK_KAFKA__{name}": "x"})
    answer = run_parstock("topics", "check", env=env)
    assert answer.returncode == 78
    assert name.lower().replace("_", ".").encode() in answer.stderr


def test_a_property_that_nobody_knows_is_refused():
    answer = run_parstock("topics", "check", env=parstock_env("127.0.0.1:1", PARSTOCK_KAFKA__NO_SUCH_THING="1"))
    assert answer.returncode == 78
    assert b"no.such.thing" in answer.stderr


def test_a_bad_secret_is_not_repeated():
    env = parstock_env("127.0.0.1:1", PARSTOCK_KAFKA__SSL_KEY_PEM="hush-hush")
    answer = run_parstock("topics", "check", "--timeout", "1", env=env)
    assert answer.returncode in (69, 78)
    assert b"hush-hush" not in answer.stdout + answer.stderr


@pytest.mark.parametrize("arguments", [[], ["make"], ["ensure", "check"], ["check", "--timeout", "0"]])
def test_wrong_use(arguments):
    assert run_parstock("topics", *arguments, env=parstock_env("127.0.0.1:1")).returncode == 64


def test_without_admin_requests(run_dir):
    with EmbeddedKafka(run_dir) as broker:
        env = parstock_env(broker.bootstrap)
        code, report = topics(env, "ensure")
        assert (code, report["ok"]) == (0, True)
        assert {t["partitions"] for t in report["topics"]} == {12}
        assert "cleanup.policy" in report["note"]
        assert topics(env, "check")[0] == 0
        code, said = topics(env, "ensure", "--topic-prefix", "other.")
        assert code == 78
        assert "other.stock-changes is missing" in said
