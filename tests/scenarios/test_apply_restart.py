"""Workers that end, in peace or by force: nothing is lost and nothing happens twice."""

import time

from tests.harness.waiting import wait_until
from tests.model.generate import HOSTILE, Plan, generate
from tests.scenarios.stage import Stage, log_lines, says

TAKE_OVER = {"PARSTOCK_LOG": "debug"}


def stream(stage: Stage, count: int, seed: int) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    return list(generate(Plan(count, seed, partitions=stage.partitions, first_ms=first_ms)))


def check_topics(stage: Stage, model) -> None:
    """Every dead letter, copy and newest level is there; a repeat has the identity of the first."""
    letters = {}
    for letter in stage.records("dead-letters"):
        headers = dict(letter.headers)
        place = tuple(int(headers[f"__connect.errors.{n}"]) for n in ("partition", "offset"))
        same = (headers.get("ce_id"), headers["parstock.reason"], letter.key, letter.value)
        assert letters.setdefault(place, same) == same
    wanted = {(v.record.partition, v.record.offset): v.reason for v in model.dead_letters()}
    assert {place: same[1].decode() for place, same in letters.items()} == wanted
    assert len({same[0] for same in letters.values()}) == len(letters)
    lying = {(r.key, r.value, r.headers, r.timestamp_ms) for r in stage.records()}
    for verdict in model.rekeyed():
        record = verdict.record
        copy = (verdict.event.sku.encode(), record.value, record.headers, record.timestamp_ms)
        assert copy in lying, f"no copy of {record}"


def test_sigterm_and_on_again(stage):
    messages = stream(stage, 4000, seed=11)
    worker = stage.worker().wait_ready()
    for part in range(4):
        stage.send(messages[part * 1000 : (part + 1) * 1000])
        seen = part * 1000
        wait_until(lambda: stage.read() > seen, "some of it to be judged")
        assert worker.terminate() == 0
        worker.start().wait_ready()  # a signal before main() ends any program
    stage.flush()
    stage.wait_settled()
    model = stage.check()
    check_topics(stage, model)
    # Each of the four ends left its partitions in order: nobody was fenced.
    assert not says(worker, "another owner")
    assert worker.terminate() == 0


def test_killed_with_records_to_send_on(stage):
    """SIGKILL as soon as a batch is committed: the next owner sends on what it caused."""
    worker, found = stage.worker(start=False), 0
    stage.produce(stream(stage, 3000, seed=12))
    for _ in range(40):
        worker.start()
        before = stage.read()
        wait_until(lambda: stage.read() > before or stage.settled(), "progress", 30, 0.002)
        worker.kill()
        waits = "SELECT count(*) FROM progress WHERE relayed_offset < next_offset"
        found += stage.sql(waits)[0][0] > 0
        if found >= 3 or stage.settled():
            break
    assert found > 0, "no kill left anything to send on"
    worker.start()
    stage.wait_settled()
    check_topics(stage, stage.check())
    worker.terminate()


def test_two_groups_on_one_schema_fence_each_other(stage):
    """A misconfiguration: both own every partition, and only one at a time may write."""
    one = stage.worker(PARSTOCK_GROUP_PREFIX=f"{stage.schema}-one-").wait_ready()
    two = stage.worker(PARSTOCK_GROUP_PREFIX=f"{stage.schema}-two-").wait_ready()
    stage.produce(stream(stage, 3000, seed=13))
    stage.wait_settled()
    stage.check()
    assert says(one, "another owner") or says(two, "another owner")
    assert len(log_lines(one)) + len(log_lines(two)) < 300, "a line for every try"
    stage.stop()


def test_a_paused_owner_comes_back_as_a_zombie(stage):
    messages = stream(stage, 3000, seed=14)
    zombie = stage.worker().wait_ready()
    stage.produce(messages[:1000])
    wait_until(lambda: stage.read() > 0, "the first owner to judge")
    zombie.pause()
    heir = stage.worker()
    stage.produce(messages[1000:2000])
    stage.wait_settled(limit_s=150)  # the heir has waited out the session time-out of 6 s
    stage.check()
    zombie.resume()
    stage.produce(messages[2000:])
    stage.wait_settled()
    stage.check()
    assert zombie.running and heir.running
    stage.stop()
