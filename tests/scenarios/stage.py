"""The stage of a scenario: a schema and topics of its own, workers, and what came out.

It produces what it is told, waits until everything is judged and relayed, and reads topics,
levels and audit through the outside interface. It never writes to parstock's tables.
"""

import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Iterable

import psycopg
from confluent_kafka import KafkaException, Producer

from tests.harness.paths import ROOT
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock
from tests.model.decode import Record
from tests.model.generate import Message
from tests.model.model import Level, Model
from tests.scenarios.topic import topic_ends, topic_records
from tests.schema import reference_judge as reference

CONTRACT = ROOT / "schemas/examples/contract/valid/demo.json"
GROUP = {"PARSTOCK_KAFKA__SESSION_TIMEOUT_MS": "6000",
         "PARSTOCK_KAFKA__HEARTBEAT_INTERVAL_MS": "1000",
         "PARSTOCK_KAFKA__MESSAGE_TIMEOUT_MS": "4000"}  # fmt: skip
_numbers = itertools.count(1)


class Stage:
    def __init__(self, kafka, postgres, logs: Path, partitions: int = 6,
                 group_settings: dict[str, str] = GROUP, **settings: str):  # fmt: skip
        number = next(_numbers)
        self.kafka, self.postgres, self.logs = kafka, postgres, logs
        self.partitions = partitions
        self.schema = f"scene_{number}"
        self.prefix = f"scene-{number}."
        self.contract = json.loads(CONTRACT.read_text())
        self.workers: list[Worker] = []
        self._producer: Producer | None = None
        self._failed: list = []
        self.env = parstock_env(
            kafka=kafka.bootstrap, postgres=postgres.dsn, schema=self.schema, contract=CONTRACT,
            PARSTOCK_TOPIC_PREFIX=self.prefix, PARSTOCK_GROUP_PREFIX=f"scene-{number}-",
            PARSTOCK_TOPIC_PARTITIONS=str(partitions), **group_settings, **settings,
        )  # fmt: skip

    # ---- parstock

    def run(self, *command: str, code: int = 0) -> bytes:
        done = run_parstock(*command, env=self.env)
        said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        assert done.returncode == code, f"parstock {command}: exit {done.returncode}\n{said}"
        return done.stdout

    def set_up(self) -> "Stage":
        self.run("migrate")
        self.run("topics", "ensure")
        return self

    def worker(self, *arguments: str, start: bool = True, **settings: str) -> Worker:
        name = f"{self.schema}-apply-{len(self.workers) + 1}"
        worker = Worker("apply", self.env | settings, self.logs, name=name, arguments=arguments)
        self.workers.append(worker)
        return worker.start() if start else worker

    def stop(self) -> None:
        for worker in self.workers:
            if worker.running:
                worker.resume()
                worker.terminate()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_exc) -> None:
        for worker in self.workers:
            if worker.running:
                worker.kill()

    # ---- in

    @property
    def events_topic(self) -> str:
        return f"{self.prefix}stock-changes"

    def _client(self) -> Producer:
        if self._producer is None:
            self._producer = Producer({
                "bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random",
                "enable.idempotence": True, "linger.ms": 5, "log_level": 0,
            })  # fmt: skip
        return self._producer

    def send(self, messages: Iterable[Message]) -> int:
        """Hands them over without waiting for the broker; flush() waits."""
        producer, count = self._client(), 0
        for message in messages:
            target = {} if message.partition is None else {"partition": message.partition}
            while True:
                try:
                    producer.produce(
                        self.events_topic, message.value, message.key,
                        headers=list(message.headers), timestamp=message.timestamp_ms,
                        on_delivery=self._delivered, **target,
                    )  # fmt: skip
                    break
                except BufferError:
                    producer.poll(0.5)
            producer.poll(0)
            count += 1
        return count

    def _delivered(self, error, _message) -> None:
        if error is not None:
            self._failed.append(error)

    def flush(self, limit_s: float = 60.0) -> None:
        assert self._client().flush(limit_s) == 0, "the broker did not take every event"
        assert not self._failed, self._failed[0]

    def produce(self, messages: Iterable[Message]) -> int:
        count = self.send(messages)
        self.flush()
        return count

    # ---- waiting

    def sql(self, text: str, *parameters) -> list[tuple]:
        with self.postgres.connect() as connection:
            connection.execute(f"SET search_path = {self.schema}")
            answer = connection.execute(text, parameters)
            return answer.fetchall() if answer.description else []

    def ends(self, topic: str) -> dict[int, int]:
        return topic_ends(self.kafka.bootstrap, topic)

    def settled(self) -> bool:
        """Everything in the topic is judged and nothing waits to be relayed."""
        try:
            # One statement, one snapshot; the topic's ends are asked for afterwards.
            rows = self.sql(
                "SELECT partition, next_offset, (SELECT count(*) FROM outbox)"
                " + greatest(next_offset - relayed_offset, 0) FROM progress"
            )
        except psycopg.OperationalError:
            return False
        if any(waiting for _, _, waiting in rows):
            return False
        done = {partition: offset for partition, offset, _ in rows}
        try:
            ends = self.ends(self.events_topic)
        except KafkaException:  # a leader moves, or the broker is on its way up
            return False
        return all(max(done.get(p, 0), 0) >= end for p, end in ends.items())

    def wait_settled(self, limit_s: float = 60.0) -> None:
        wait_until(self.settled, f"{self.schema} to be settled", limit_s, every_s=0.2)

    def read(self) -> int:
        return self.sql("SELECT coalesce(sum(read), 0)::bigint FROM progress")[0][0]

    # ---- out

    def records(self, suffix: str = "stock-changes") -> list[Record]:
        """The whole topic, by partition and offset."""
        return topic_records(self.kafka.bootstrap, self.prefix + suffix)

    def model(self) -> Model:
        return Model(self.contract, self.partitions).judge_all(self.records())

    def levels(self) -> list[dict]:
        return [json.loads(line) for line in self.run("levels", "-o", "jsonl").splitlines()]

    def audit(self, code: int = 0) -> dict:
        return json.loads(self.run("audit", "-o", "json", code=code))

    def check(self) -> Model:
        """Audit ok, and outcomes and levels equal to the model's, row by row."""
        model = self.model()
        report = self.audit()
        wrong = wrong_rows(self.levels(), model)
        assert not wrong, f"{len(wrong)} rows differ from the model:\n" + "\n".join(wrong[:10])
        assert report["outcomes"] == model.outcomes()
        assert report["ok"] is True and report["violations"] == []
        assert report["read"] == len(model.verdicts)
        assert report["levels"] == len(model.levels())
        return model


def level_of(row: dict) -> Level:
    moment = reference.read_time(row["occurred_at"])
    return Level(row["quantity"], row["source"], moment, row["version"])


def wrong_rows(rows: list[dict], model: Model) -> list[str]:
    """Every place at which the printed levels and the model's differ."""
    printed = {(row["sku"], row["location"]): level_of(row) for row in rows}
    wanted = model.levels()
    wrong = [] if len(printed) == len(rows) else ["a place is printed twice"]
    for place in sorted(printed.keys() | wanted.keys()):
        if printed.get(place) != wanted.get(place):
            wrong.append(f"{place}: levels {printed.get(place)}, model {wanted.get(place)}")
    return wrong


def moved(message: Message, **changes) -> Message:
    return replace(message, **changes)


def counts_of(records: Iterable[Record]) -> Counter:
    """Records without their place: what a copy must have in common with its original."""
    return Counter((r.key, r.value, r.headers, r.timestamp_ms) for r in records)


def log_lines(worker: Worker) -> list[str]:
    return [line for line in worker.child.text("err").splitlines() if line.strip()]


def cpu_seconds(pid: int) -> float:
    """Time that a process has used so far, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def says(worker: Worker, pattern: str) -> bool:
    return re.search(pattern, worker.child.text("err")) is not None
