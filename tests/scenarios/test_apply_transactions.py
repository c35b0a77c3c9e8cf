"""Records in Kafka transactions: committed ones are judged, aborted ones are not, and the offsets that their markers
take are neither lag, nor a gap, nor a loss."""

import itertools
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.harness.waiting import wait_until
from tests.model.generate import Plan, generate
from tests.scenarios.stage import Stage
from tests.scenarios.test_apply_gap import delete_before, gap_lines, progress

_ids = itertools.count(1)


def stream(stage: Stage, count: int, seed: int) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    return list(generate(Plan(count, seed, partitions=stage.partitions, first_ms=first_ms)))


class Transactions:
    def __init__(self, stage: Stage):
        self._topic = stage.events_topic
        self._producer = Producer({
            "bootstrap.servers": stage.kafka.bootstrap, "partitioner": "murmur2_random",
            "transactional.id": f"{stage.prefix}{next(_ids)}", "log_level": 0,
        })  # fmt: skip
        self._producer.init_transactions(30)

    def begin(self, messages) -> None:
        self._producer.begin_transaction()
        for one in messages:
            target = {} if one.partition is None else {"partition": one.partition}
            self._producer.produce(self._topic, one.value, one.key, headers=list(one.headers),
                                   timestamp=one.timestamp_ms, **target)  # fmt: skip
        self._producer.flush(30)  # so that aborted ones lie in the topic too

    def commit(self, messages=()) -> None:
        if messages:
            self.begin(messages)
        self._producer.commit_transaction(30)

    def abort(self, messages=()) -> None:
        if messages:
            self.begin(messages)
        self._producer.abort_transaction(30)


def lag(stage: Stage) -> dict[int, int]:
    """As lag tools see it: the topic's ends less what the group has committed."""
    ends = stage.ends(stage.events_topic)
    consumer = Consumer({"bootstrap.servers": stage.kafka.bootstrap, "group.id": f"{stage.env['PARSTOCK_GROUP_PREFIX']}apply"})
    try:
        done = consumer.committed([TopicPartition(stage.events_topic, p) for p in ends], timeout=20)
    finally:
        consumer.close()
    return {one.partition: ends[one.partition] - max(one.offset, 0) for one in done}


def mixed(stage: Stage, seed: int, rounds: int = 30) -> None:
    """Committed, aborted and plain records, in turns."""
    parts = stream(stage, rounds * 20, seed)
    writer = Transactions(stage)
    for number in range(rounds):
        some = parts[number * 20 : number * 20 + 20]
        (stage.produce, writer.abort, writer.commit)[number % 3](some)


def test_committed_and_aborted(stage):
    worker = stage.worker().wait_ready()
    mixed(stage, seed=61)
    stage.wait_settled()
    model = stage.check()
    assert model.verdicts, "nothing was judged"
    assert sum(stage.ends(stage.events_topic).values()) > len(model.verdicts) + 200  # aborted ones, markers
    wait_until(lambda: not any(lag(stage).values()), "no lag to be left", 30)
    assert progress(stage) == stage.ends(stage.events_topic)
    assert worker.terminate() == 0


def test_from_the_start_with_several_workers(stage):
    mixed(stage, seed=62)
    workers = [stage.worker(), stage.worker()]
    stage.wait_settled()
    workers[0].kill()
    mixed(stage, seed=63)
    stage.wait_settled()
    stage.check()
    stage.stop()


def test_markers_that_left_the_topic_are_no_gap(stage):
    worker = stage.worker().wait_ready()
    Transactions(stage).commit(stream(stage, 200, seed=64))
    stage.wait_settled()
    assert worker.terminate() == 0
    delete_before(stage, stage.ends(stage.events_topic))
    again = stage.worker().wait_ready()
    stage.produce(stream(stage, 100, seed=65))
    stage.wait_settled()
    assert not gap_lines(again)
    assert stage.audit()["ok"]
    stage.stop()


def test_nothing_is_read_past_an_open_transaction(stage):
    """Its records are not judged, nor is what lies behind them, until it ends; then all is, in order."""
    worker = stage.worker().wait_ready()
    first, behind = stream(stage, 60, seed=66), stream(stage, 60, seed=67)
    writer = Transactions(stage)
    writer.begin(first)
    stage.produce(behind)
    time.sleep(3)  # long enough to read, and to pass over what is taken for an end
    held = {p for p, end in progress(stage).items() if end > 0}
    assert stage.read() <= len(behind)
    assert held <= set(range(stage.partitions))
    writer.commit()
    stage.wait_settled()
    stage.check()
    writer.abort(stream(stage, 60, seed=68))
    stage.wait_settled()
    stage.check()
    assert worker.terminate() == 0
