"""Broker or Postgres away, at the start and later: apply waits, says why, neither ends nor spins, and
goes on by itself when they are back."""

import re
import socket
import threading
import time

import pytest

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker
from tests.model.generate import Plan, generate
from tests.scenarios.stage import Stage, log_lines

WATCHED_S = 10
LINES_MAX, KNOCKS_MAX = 12, 60  # in that time; a busy loop makes thousands


class Door:
    """Listens where a server ought to be, shuts out whoever knocks, and counts."""

    def __init__(self, port: int):
        self.knocks = 0
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._thread = threading.Thread(target=self._turn_away, daemon=True)
        self._thread.start()

    def _turn_away(self) -> None:
        while True:
            try:
                self._listener.accept()[0].close()
            except OSError:
                return
            self.knocks += 1

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def own_servers(run_dir):
    """Of this test alone: it stops them."""
    broker, database = ApacheKafka(run_dir, name="kafka-away"), Postgres(run_dir, name="postgres-away")
    yield broker, database
    broker.stop()
    database.stop()


def stream(stage: Stage, count: int, seed: int) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    return list(generate(Plan(count, seed, partitions=stage.partitions, first_ms=first_ms)))


def not_ready_for(worker: Worker, part: str) -> bool:
    code, text = worker.get("/readyz")
    why = [line for line in text.splitlines() if line.startswith(f"{part}: not ready: ")]
    return code == 503 and bool(why) and len(why[0]) > len(f"{part}: not ready: ") + 10


def watch(worker: Worker, part: str, port: int) -> None:
    """For a while nobody is there: few lines, few knocks, alive all the time, not ready, with a reason."""
    with Door(port) as door:
        wait_until(lambda: not_ready_for(worker, part), f"/readyz to blame {part}", 30)
        lines, knocks = len(log_lines(worker)), door.knocks
        time.sleep(WATCHED_S)
        assert worker.running and worker.get("/livez")[0] == 200
        assert not_ready_for(worker, part)
        said = log_lines(worker)[lines:]
        assert len(said) <= LINES_MAX, "\n".join(said[:30])
        assert door.knocks - knocks <= KNOCKS_MAX
        assert door.knocks > 0, "it does not even try"


def heals(stage: Stage, worker: Worker, seed: int) -> None:
    worker.wait_ready()
    stage.produce(stream(stage, 500, seed))
    stage.wait_settled(limit_s=90)
    stage.check()


def figure(worker: Worker, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", worker.get("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else -1.0


def test_broker_away_at_the_start(own_servers, new_stage):
    broker, database = own_servers
    stage = new_stage(broker, database.start())
    stage.run("migrate")
    worker = stage.worker()
    watch(worker, "kafka", broker.port)
    broker.start()
    stage.run("topics", "ensure")
    heals(stage, worker, seed=31)
    assert worker.terminate() == 0


def test_postgres_away_at_the_start(own_servers, new_stage):
    broker, database = own_servers
    database.start()
    stage = new_stage(broker.start(), database).set_up()
    database.stop()
    worker = stage.worker()
    watch(worker, "postgres", database.port)
    database.start()
    heals(stage, worker, seed=32)
    assert worker.terminate() == 0


def test_each_away_later(own_servers, new_stage):
    broker, database = own_servers
    database.start()
    stage = new_stage(broker.start(), database).set_up()
    worker = stage.worker()
    heals(stage, worker, seed=33)
    wait_until(lambda: figure(worker, "parstock_apply_lag_records") == 0, "the lag to be none", 30)
    assert figure(worker, "parstock_apply_lag_seconds") == 0
    assert figure(worker, "parstock_apply_commit_seconds_count") > 0
    database.stop_immediate()
    waiting = stage.produce(stream(stage, 400, seed=37))
    wait_until(lambda: figure(worker, "parstock_apply_lag_records") == waiting, "the lag to be seen", 30)
    before = figure(worker, "parstock_apply_lag_seconds")
    watch(worker, "postgres", database.port)
    assert figure(worker, "parstock_apply_lag_records") == waiting
    assert figure(worker, "parstock_apply_lag_seconds") >= max(before, WATCHED_S / 2)
    database.start()
    heals(stage, worker, seed=34)
    wait_until(lambda: figure(worker, "parstock_apply_lag_seconds") == 0, "the lag to be worked off", 30)
    broker.kill()
    watch(worker, "kafka", broker.port)
    broker.start()
    heals(stage, worker, seed=35)
    assert worker.terminate() == 0


def test_told_to_end_while_both_are_away(own_servers, new_stage):
    broker, database = own_servers  # never started
    worker = new_stage(broker, database).worker()
    wait_until(lambda: not_ready_for(worker, "kafka"), "/readyz to blame kafka", 30)
    assert worker.terminate(limit_s=15) == 0


def test_told_to_end_when_both_have_gone(own_servers, new_stage):
    broker, database = own_servers
    database.start()
    stage = new_stage(broker.start(), database).set_up()
    worker = stage.worker()
    heals(stage, worker, seed=36)
    broker.kill()
    database.stop_immediate()
    wait_until(lambda: not_ready_for(worker, "kafka"), "/readyz to blame kafka", 30)
    assert worker.terminate(limit_s=15) == 0
