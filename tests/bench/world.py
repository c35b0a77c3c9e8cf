"""Broker and database of a measurement, durable as in production, the event files, and topics filled with them."""

import contextlib
import itertools
import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.paths import BUILD
from tests.harness.postgres import Postgres
from tests.harness.process import Child
from tests.harness.rundir import make_run_dir
from tests.harness.worker import parstock_env, run_parstock

from . import expected, workload

TOPIC = "inventory.stock-changes"
POSTGRES_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}
# Members that start together join together: the joining is no part of what is measured.
KAFKA_SETTINGS = {
    "group.initial.rebalance.delay.ms": "1500",
    "log.retention.ms": "-1",
    "log.retention.check.interval.ms": "5000",
}

TOOL_LIMIT_S = 1800.0


@dataclass
class Load:
    """A file of events and the topic that holds them."""

    topic: str
    path: Path
    events: int

    @cached_property
    def expected(self) -> expected.Expected:
        return expected.read(self.path)


def wait_tool(tool: Child) -> dict:
    """What a program of tests/tools found: it prints one JSON line."""
    if tool.wait(TOOL_LIMIT_S) != 0:
        raise RuntimeError(f"{tool.name} ended with {tool.returncode}\n{tool.tail()}")
    return json.loads(tool.text("out"))


class World:
    def __init__(self, run_dir: Path, postgres: Postgres, kafka: ApacheKafka):
        self.run_dir, self.postgres, self.kafka = run_dir, postgres, kafka
        self.contract = run_dir / "contract.json"
        self.contract.write_text(json.dumps(workload.CONTRACT))
        self.contract.chmod(0o644)
        self._numbers = itertools.count(1)

    def name(self, kind: str) -> str:
        """A name that no other run of this world has."""
        return f"{kind}_{next(self._numbers)}"

    def make_topics(self) -> None:
        names = [TOPIC, "inventory.levels", "inventory.dead-letters"]
        self.kafka.create_topics(names, workload.PARTITIONS)

    def start_tool(self, name: str, *arguments: object, env: dict | None = None) -> Child:
        argv = [BUILD / "tests" / name, *map(str, arguments)]
        return Child(self.name(name), argv, self.run_dir, env=env)

    def run_tool(self, name: str, *arguments: object, env: dict | None = None) -> dict:
        return wait_tool(self.start_tool(name, *arguments, env=env))

    def start_feed(self, topic: str, path: Path, per_second: int = 0, linger_ms: int = 20) -> Child:
        return self.start_tool("feed_events", self.kafka.bootstrap, topic, per_second, linger_ms, path)

    def load(self, topic: str, path: Path, events: int) -> Load:
        if topic != TOPIC:
            self.kafka.create_topics([topic], workload.PARTITIONS)
        fed = wait_tool(self.start_feed(topic, path))
        assert fed["events"] == events, f"{fed['events']} of {events} events were fed"
        return Load(topic, path, events)

    def env(self, lanes: int, schema: str | None = None) -> dict[str, str]:
        """parstock's environment, with a migrated schema and a group of its own."""
        schema = schema or self.name("bench")
        env = parstock_env(
            kafka=self.kafka.bootstrap, postgres=self.postgres.dsn, contract=self.contract,
            schema=schema, PARSTOCK_GROUP_PREFIX=f"{schema}-", PARSTOCK_LANES=str(lanes),
            PARSTOCK_LOG="info",
        )  # fmt: skip
        run_parstock("migrate", env=env).check_returncode()
        self.checkpoint()
        return env

    def checkpoint(self) -> None:
        with self.postgres.connect() as connection:
            connection.execute("CHECKPOINT")

    def drop_schema(self, schema: str) -> None:
        with self.postgres.connect() as connection:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")

    def fetch(self, sql: str) -> list[str]:
        """The rows of a query as COPY's text lines."""
        with self.postgres.connect() as connection, connection.cursor() as cursor:
            with cursor.copy(f"COPY ({sql}) TO STDOUT") as copy:
                return b"".join(copy).decode().splitlines()

    def fetch_levels(self, schema: str) -> list[tuple[tuple[str, str], tuple[int, int]]]:
        rows = self.fetch(f"SELECT sku, location, quantity, version FROM {schema}.levels")
        fields = (row.split("\t") for row in rows)
        return [((sku, place), (int(quantity), int(version))) for sku, place, quantity, version in fields]


@contextlib.contextmanager
def open_world():
    run_dir = make_run_dir("parstock-bench-")
    settings = {"settings": POSTGRES_SETTINGS}
    with Postgres(run_dir, **settings) as postgres, ApacheKafka(run_dir, properties=KAFKA_SETTINGS) as kafka:
        world = World(run_dir, postgres, kafka)
        world.make_topics()
        yield world


def now_ms() -> int:
    return int(time.time() * 1000)
