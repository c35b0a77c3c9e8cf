"""Records that left the topic before they were read: their partition stands still, says so, and goes on
only where an operator accepts the loss. The others go on."""

import itertools
import re
import sys
import time

import pytest
from confluent_kafka import TopicPartition

from tests.chaos.proxy import Proxy
from tests.harness.kafka import ApacheKafka
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker
from tests.model.generate import Plan, generate
from tests.scenarios.stage import Stage

SEEDS = itertools.count(50)
CUT = {1: 30, 4: 1}  # partition: records lost to it


def stream(stage: Stage, count: int, seed: int) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    return list(generate(Plan(count, seed, partitions=stage.partitions, first_ms=first_ms)))


def progress(stage: Stage) -> dict[int, int]:
    return dict(stage.sql("SELECT partition, next_offset FROM progress"))


def metric(worker: Worker, name: str) -> int:
    found = re.search(rf"^{name} (\d+)", worker.get("/metrics")[1], re.MULTILINE)
    return int(found[1]) if found else -1


def delete_before(stage: Stage, offsets: dict[int, int]) -> None:
    admin = stage.kafka.admin()  # held: the futures die with it
    wanted = [TopicPartition(stage.events_topic, p, offset) for p, offset in offsets.items()]
    for future in admin.delete_records(wanted).values():
        future.result(timeout=30)


def lose_some(stage: Stage) -> dict[int, int]:
    """Judged up to somewhere, then the worker is away too long; where each partition had got to."""
    worker = stage.worker().wait_ready()
    stage.produce(stream(stage, 1000, seed=41))
    stage.wait_settled()
    assert worker.terminate() == 0
    stage.produce(stream(stage, 1000, seed=42))
    before = progress(stage)
    delete_before(stage, {p: before[p] + lost for p, lost in CUT.items()})
    return before


def others_done(stage: Stage) -> bool:
    done, ends = progress(stage), stage.ends(stage.events_topic)
    return all(done[p] >= end for p, end in ends.items() if p not in CUT)


def gap_lines(worker: Worker) -> list[dict]:
    return [line for line in worker.log() if "fell out of the topic" in line["msg"]]


def test_stands_still_and_says_so(stage):
    before = lose_some(stage)
    worker = stage.worker()
    wait_until(lambda: metric(worker, "parstock_partitions_stopped") == len(CUT), "both to stop", 60)
    wait_until(lambda: others_done(stage), "the other partitions to go on", 60)
    code, why = worker.get("/readyz")
    assert code == 503
    assert re.search(r"^partitions: not ready: 2 stopped; partition 1 needs offset \d+", why, re.M)
    assert {p: progress(stage)[p] for p in CUT} == {p: before[p] for p in CUT}
    lines = {line["partition"]: line for line in gap_lines(worker)}
    assert {p: line["first"] - line["wanted"] for p, line in lines.items()} == CUT
    assert all(line["level"] == "error" and "--accept-gap" in line["remedy"] for line in lines.values())
    assert stage.audit()["ok"]
    assert len(gap_lines(worker)) == len(CUT), "said again and again"
    assert worker.terminate() == 0


@pytest.fixture
def far_broker(run_dir):
    """A broker of the test's own, and the way to it, which can be made long."""
    broker, proxy = ApacheKafka(run_dir, name="kafka-far"), Proxy(run_dir, sys.executable)
    broker.extra_properties({"advertised.listeners": f"PLAINTEXT://127.0.0.1:{proxy.open('kafka', broker.port)}"})
    with broker:
        yield broker, proxy
    proxy.stop()


def test_is_seen_though_answers_take_their_time(far_broker, postgres, new_stage):
    """A broker answers a connection's requests in turn, and keeps a fetch that finds nothing: on a quiet topic what is
    asked about a partition waits behind it. A long way does the same at every question."""
    broker, proxy = far_broker
    stage = new_stage(broker, postgres).set_up()
    lose_some(stage)
    proxy.late(["kafka"], 120)
    worker = stage.worker()
    wait_until(lambda: metric(worker, "parstock_partitions_stopped") == len(CUT), "both to stop", 60)
    assert worker.terminate() == 0


def test_goes_on_where_the_loss_is_accepted(stage):
    lose_some(stage)
    worker = stage.worker("--accept-gap")
    stage.wait_settled()
    worker.wait_ready()
    assert metric(worker, "parstock_gap_records_total") == sum(CUT.values())
    assert metric(worker, "parstock_partitions_stopped") == 0
    assert {line["partition"] for line in gap_lines(worker)} == set(CUT)
    audit = stage.audit()
    assert audit["ok"]
    assert audit["read"] == sum(stage.ends(stage.events_topic).values()) - sum(CUT.values())
    assert worker.terminate() == 0
    # Accepted once: the next start finds no gap, and needs no flag.
    stage.produce(stream(stage, 200, seed=43))
    again = stage.worker().wait_ready()
    stage.wait_settled()
    assert not gap_lines(again)
    stage.stop()


def test_partitions_move_while_a_place_is_looked_for(stage):
    """A partition that waits for its new place is not assigned: giving back the others must not hang on it."""
    first = stage.worker("--accept-gap").wait_ready()
    for delay_s in (0.0, 0.3):
        stage.wait_settled()
        first.pause()
        for _ in range(3):  # one may be on its way to the worker already
            stage.produce(stream(stage, 200, seed=next(SEEDS)))
            time.sleep(0.1)
        delete_before(stage, {p: end - 1 for p, end in stage.ends(stage.events_topic).items()})
        second = stage.worker("--accept-gap")
        time.sleep(delay_s)
        first.resume()
        stage.wait_settled()
        assert second.terminate() == 0
    assert gap_lines(first), "the gaps were not seen"
    assert first.terminate() == 0


def test_a_topic_made_anew_is_no_gap_to_accept(stage):
    worker = stage.worker().wait_ready()
    stage.produce(stream(stage, 1000, seed=44))
    stage.wait_settled()
    assert worker.terminate() == 0
    before = progress(stage)
    admin = stage.kafka.admin()
    for future in admin.delete_topics([stage.events_topic]).values():
        future.result(timeout=30)
    wait_until(lambda: stage.events_topic not in admin.list_topics(timeout=10).topics, "the topic to go")
    stage.run("topics", "ensure")
    worker = stage.worker("--accept-gap")
    wait_until(lambda: metric(worker, "parstock_partitions_stopped") == stage.partitions, "all to stop", 60)
    assert all("made anew" in line["remedy"] for line in gap_lines(worker))
    assert progress(stage) == before
    assert worker.terminate() == 0
