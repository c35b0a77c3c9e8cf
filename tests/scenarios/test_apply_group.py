"""Membership of the group: workers killed, ended and added, by every protocol; what a broker without
the consumer protocol gets; a member's name that is still taken."""

import time

import pytest

from tests.harness.kafka import ApacheKafka
from tests.harness.waiting import wait_until
from tests.model.generate import Plan, generate
from tests.scenarios.stage import Stage, log_lines, says

CLASSIC = {
    "PARSTOCK_KAFKA__GROUP_PROTOCOL": "classic",
    "PARSTOCK_KAFKA__SESSION_TIMEOUT_MS": "6000",
}
CONSUMER = {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "consumer"}
# The sessions of the consumer protocol are the broker's; its default of 45 s is long for a test.
SESSIONS = {"group.consumer.session.timeout.ms": "6000"}
NO_CONSUMER_PROTOCOL = {"group.coordinator.rebalance.protocols": "classic"}


@pytest.fixture(scope="module")
def broker(session_dir):
    with ApacheKafka(session_dir, name="kafka-groups", properties=SESSIONS) as started:
        yield started


@pytest.fixture(scope="module")
def old_broker(session_dir):
    with ApacheKafka(session_dir, name="kafka-classic", properties=NO_CONSUMER_PROTOCOL) as started:
        yield started


def stream(stage: Stage, count: int, seed: int) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    return list(generate(Plan(count, seed, partitions=stage.partitions, first_ms=first_ms)))


def own_name(static: bool, place: int) -> dict[str, str]:
    return {"PARSTOCK_KAFKA__GROUP_INSTANCE_ID": f"apply-{place}"} if static else {}


def owners(stage: Stage) -> set[str]:
    return {owner for (owner,) in stage.sql("SELECT DISTINCT owner FROM progress")}


@pytest.mark.parametrize("static", [False, True], ids=["dynamic", "static"])
@pytest.mark.parametrize("protocol", [CLASSIC, CONSUMER], ids=["classic", "consumer"])
def test_killed_ended_and_added(broker, postgres, new_stage, protocol, static):
    stage = new_stage(broker, postgres, group_settings={}, **protocol).set_up()
    messages = stream(stage, 4000, seed=21)
    first = [stage.worker(**own_name(static, place)) for place in range(3)]
    wait_until(lambda: len(owners(stage)) == 3, "three workers to share the partitions", 60)
    stage.produce(messages[:1000])
    first[0].kill()
    stage.produce(messages[1000:2000])
    if static:  # who comes in a dead worker's place is that member
        stage.worker(**own_name(static, 0))
    stage.wait_settled(limit_s=90)
    assert first[1].terminate() == 0
    stage.produce(messages[2000:3000])
    if static:
        stage.worker(**own_name(static, 1))
    stage.wait_settled(limit_s=90)
    stage.worker(**own_name(static, 3))
    stage.produce(messages[3000:])
    stage.wait_settled(limit_s=90)
    stage.check()
    assert all(worker.running for worker in stage.workers if worker not in first[:2])
    stage.stop()
    assert [worker.child.returncode for worker in stage.workers if worker is not first[0]] == [
        0 for worker in stage.workers if worker is not first[0]
    ]


@pytest.mark.parametrize("protocol", [CLASSIC, CONSUMER], ids=["classic", "consumer"])
def test_more_workers_than_partitions(broker, postgres, new_stage, protocol):
    """Who gets none is ready too: it stands by, and takes over from one that ends."""
    stage = new_stage(broker, postgres, partitions=1, group_settings={}, **protocol).set_up()
    workers = [stage.worker().wait_ready() for _ in range(2)]
    owned = owners(stage)
    stage.produce(stream(stage, 300, seed=25))
    stage.wait_settled()
    busy, idle = workers if says(workers[0], "partition taken") else workers[::-1]
    assert len(owned) == 1 and not says(idle, "partition taken")
    assert busy.terminate() == 0
    stage.produce(stream(stage, 300, seed=26))
    stage.wait_settled()
    stage.check()
    assert says(idle, "partition taken")
    stage.stop()


def test_by_itself_the_consumer_protocol(broker, postgres, new_stage):
    """Nothing set: groups of this broker are of the new type, which only the broker can tell."""
    stage = new_stage(broker, postgres, group_settings={}).set_up()
    stage.worker().wait_ready()
    assert group_type(stage) == "CONSUMER"
    stage.stop()


def test_falls_back_where_the_broker_lacks_it(old_broker, postgres, new_stage):
    stage = new_stage(old_broker, postgres, group_settings={}).set_up()
    worker = stage.worker().wait_ready()
    stage.produce(stream(stage, 1000, seed=22))
    stage.wait_settled()
    stage.check()
    assert group_type(stage) == "CLASSIC"
    assert says(worker, "the group uses the classic one")
    stage.stop()


def test_asked_for_where_the_broker_lacks_it(old_broker, postgres, new_stage):
    stage = new_stage(old_broker, postgres, group_settings={}, **CONSUMER).set_up()
    worker = stage.worker()
    assert worker.child.wait(30) == 78
    assert says(worker, "PARSTOCK_KAFKA__GROUP_PROTOCOL unset, or set it to classic")


@pytest.mark.parametrize("name, value", [
    ("SESSION_TIMEOUT_MS", "6000"),
    ("HEARTBEAT_INTERVAL_MS", "1000"),
    ("PARTITION_ASSIGNMENT_STRATEGY", "range"),
])  # fmt: skip
def test_what_the_broker_sets_is_refused(broker, postgres, new_stage, name, value):
    stage = new_stage(broker, postgres, group_settings={}, **CONSUMER)
    worker = stage.worker(**{f"PARSTOCK_KAFKA__{name}": value})
    assert worker.child.wait(30) == 78
    assert says(worker, f"{name.lower().replace('_', '.')} does not go with group.protocol=consumer")


def test_a_name_still_taken_is_waited_for(broker, postgres, new_stage):
    """The consumer protocol keeps a dead worker's name until its session ends."""
    stage = new_stage(broker, postgres, group_settings={}, **CONSUMER).set_up()
    name = own_name(True, 1)
    dead = stage.worker(**name).wait_ready()
    stage.produce(stream(stage, 500, seed=23))
    stage.wait_settled()
    dead.kill()
    heir = stage.worker(**name)
    wait_until(lambda: "earlier process" in heir.get("/readyz")[1], "the reason to be said", 30, 0.01)
    heir.wait_ready()
    stage.produce(stream(stage, 500, seed=24))
    stage.wait_settled()
    stage.check()
    assert len(log_lines(heir)) < 60
    stage.stop()


def group_type(stage: Stage) -> str:
    admin = stage.kafka.admin()  # held: the future dies with it

    def listed() -> list:
        """A worker is ready after a while though the group is not there yet: it may have to stand by."""
        found = admin.list_consumer_groups(request_timeout=20).result(timeout=30)
        assert not found.errors, found.errors
        return [g for g in found.valid if g.group_id == f"{stage.env['PARSTOCK_GROUP_PREFIX']}apply"]

    (group,) = wait_until(listed, "the group to be known", 60)
    return group.type.name
