"""The servers of a campaign, and the workers that reach them only through the proxy.

Each worker has a place: its own ways through the proxy to PostgreSQL and to the broker (a
listener of its own, since the broker tells its clients where to go on), and its own database
user. The load and the check go to the servers directly.
"""

import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.harness.kafka import ApacheKafka
from tests.harness.ports import free_port
from tests.harness.postgres import Postgres
from tests.harness.process import Child
from tests.harness.paths import ROOT
from tests.harness.waiting import Timeout, wait_until
from tests.harness.worker import Worker
from tests.scenarios.stage import CONTRACT, Stage

from . import recorder
from .history import Injury
from .proxy import Proxy
from .verify import Case

PLACES = 5
SESSION_MS = 3000
PARTITIONS = 6


@dataclass
class Place:
    number: int
    user: str
    worker: Worker
    asleep: bool = False
    exits: list[int] = field(default_factory=list)

    @property
    def ways(self) -> list[str]:
        return [f"postgres-{self.number}", f"kafka-{self.number}"]

    @property
    def awake(self) -> bool:
        return self.worker.running and not self.asleep

    def start(self) -> None:
        self.worker.start()

    def pause(self) -> bool:
        """Whether the kernel has stopped it."""
        self.worker.pause()
        self.asleep = True
        try:
            wait_until(self._is_stopped, f"{self.worker.name} to be stopped", 2.0, 0.005)
        except Timeout:
            return False
        return True

    def _is_stopped(self) -> bool:
        try:
            state = Path(f"/proc/{self.worker.pid}/stat").read_text()
        except OSError:
            return False
        return state.rpartition(")")[2].split()[0] == "T"

    def resume(self) -> None:
        if self.worker.running:
            self.worker.resume()
        self.asleep = False

    def end(self, limit_s: float = 5.0) -> None:
        """SIGTERM; its exit code is noted, a negative one if it had to be killed."""
        self.resume()
        self.exits.append(self.worker.terminate(limit_s))


def _listeners(inside: list[int], outside: list[int], plain: int, controller: int) -> dict:
    """One listener a place: bound to `inside`, told to clients as `outside`, the proxy's port."""
    names = [f"PLACE{n}" for n in range(len(inside))]
    bound = [f"{name}://127.0.0.1:{port}" for name, port in zip(names, inside)]
    told = [f"{name}://127.0.0.1:{port}" for name, port in zip(names, outside)]
    ours = [f"PLAINTEXT://127.0.0.1:{plain}", f"CONTROLLER://127.0.0.1:{controller}"]
    protocols = [f"{name}:PLAINTEXT" for name in [*names, "PLAINTEXT", "CONTROLLER"]]
    return {
        "listeners": ",".join([*ours, *bound]),
        "advertised.listeners": ",".join([*ours, *told]),
        "listener.security.protocol.map": ",".join(protocols),
        "inter.broker.listener.name": "PLAINTEXT",
        "group.consumer.session.timeout.ms": str(SESSION_MS),
        "group.consumer.heartbeat.interval.ms": "500",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "log.segment.bytes": str(256 * 1024 * 1024),
    }


class World:
    def __init__(self, run_dir: Path, protocol: str = "classic"):
        self.logs, self._protocol = run_dir, protocol
        self.proxy = Proxy(run_dir, sys.executable)
        self.postgres = Postgres(run_dir, settings={"max_wal_size": "4GB"})
        inside = [free_port() for _ in range(PLACES)]
        self._outside = [self.proxy.open(f"kafka-{n}", port) for n, port in enumerate(inside)]
        self._postgres_ways = [
            self.proxy.open(f"postgres-{n}", self.postgres.port) for n in range(PLACES)
        ]
        self.kafka = ApacheKafka(run_dir)
        controller = free_port()
        self.kafka.extra_properties(
            _listeners(inside, self._outside, self.kafka.port, controller)
            | {"controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}"}
        )

    def __enter__(self) -> "World":
        self.postgres.start()
        self.kafka.start()
        return self

    def __exit__(self, *_exc) -> None:
        self.kafka.kill()  # nothing of it is wanted any more
        self.postgres.stop_immediate()
        self.proxy.stop()

    def scene(self, workers: int) -> "Scene":
        return Scene(self, workers)

    def way_to_kafka(self, number: int) -> str:
        return f"127.0.0.1:{self._outside[number]}"

    def way_to_postgres(self, number: int, user: str) -> str:
        port = self._postgres_ways[number]
        return f"host=127.0.0.1 port={port} user={user} dbname=postgres"

    def membership(self, number: int, workers: int) -> dict[str, str]:
        """Base places are static members, so that who is restarted in one finds it again."""
        if self._protocol == "consumer":
            settings = {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "consumer"}
        else:
            settings = {"PARSTOCK_KAFKA__SESSION_TIMEOUT_MS": str(SESSION_MS),
                        "PARSTOCK_KAFKA__HEARTBEAT_INTERVAL_MS": "500"}  # fmt: skip
        if number < workers:
            settings["PARSTOCK_KAFKA__GROUP_INSTANCE_ID"] = f"place-{number}"
        return settings


class Scene:
    """A schema and topics of their own, and the places of the workers; the first run at once."""

    def __init__(self, world: World, workers: int):
        assert 0 < workers <= PLACES
        self.world, self.base = world, workers
        self.stage = Stage(world.kafka, world.postgres, world.logs, partitions=PARTITIONS)
        # Membership is the place's own.
        for name in ("SESSION_TIMEOUT_MS", "HEARTBEAT_INTERVAL_MS"):
            self.stage.env.pop(f"PARSTOCK_KAFKA__{name}", None)
        self.stage.set_up()
        self.schema = self.stage.schema
        users = [f"{self.schema}_w{n}" for n in range(PLACES)]
        recorder.install(world.postgres.dsn, self.schema, users)
        self.places = [self._place(n, user) for n, user in enumerate(users)]
        self.journal = world.logs / f"{self.schema}.journal"

    def _place(self, number: int, user: str) -> Place:
        worker = self.stage.worker(
            start=False,
            PARSTOCK_KAFKA_BROKERS=self.world.way_to_kafka(number),
            PARSTOCK_POSTGRES=self.world.way_to_postgres(number, user),
            **self.world.membership(number, self.base),
        )
        return Place(number, user, worker)

    def __enter__(self) -> "Scene":
        for place in self.places[: self.base]:
            place.start()
        return self

    def __exit__(self, *_exc) -> None:
        for place in self.places:
            if place.worker.running:
                place.worker.kill()  # also one that sleeps

    def start_rival(self) -> None:
        rival = self.places[-1]
        rival.worker.env["PARSTOCK_GROUP_PREFIX"] = f"{self.schema}-rival-"
        rival.start()

    def load(self, **numbers: int) -> Child:
        argv = [sys.executable, "-m", "tests.chaos.load"]
        argv += ["--brokers", self.world.kafka.bootstrap, "--topic", self.stage.events_topic]
        argv += ["--journal", str(self.journal), "--partitions", str(PARTITIONS)]
        for name, number in numbers.items():
            argv += [f"--{name}", str(number)]
        child = Child(f"{self.schema}-load", argv, self.world.logs, cwd=ROOT,
                      env=dict(os.environ), death_signal=signal.SIGKILL)  # fmt: skip
        child.wait_line("started=")
        return child

    def note(self, injury: Injury) -> None:
        """Beside the logs, for whoever reads them."""
        with open(self.world.logs / f"{self.schema}.injuries", "a") as notes:
            hit = "" if injury.hit else " (hit nobody)"
            notes.write(f"{injury.began:.3f} {injury.healed:.3f} {injury.fault} "
                        f"{injury.place}{hit}\n")  # fmt: skip

    def holders(self) -> list[Place]:
        """Places whose running worker owns a partition; none while the database is away."""
        try:
            owners = [row[0] for row in self.stage.sql("SELECT owner FROM progress")]
        except psycopg.Error:
            return []
        pids = {owner.split("/")[1] for owner in owners if owner}
        return [p for p in self.places if p.worker.running and str(p.worker.pid) in pids]

    def all_at_work(self) -> bool:
        """Every base worker owns something and is connected to both servers."""
        base = self.places[: self.base]
        used = [self.world.proxy.stats([way])["open"] for place in base for way in place.ways]
        return all(used) and len(self.holders()) >= self.base

    def judged(self) -> int | None:
        try:
            return self.stage.read()
        except psycopg.Error:
            return None

    def stop(self) -> None:
        for place in self.places:
            if place.worker.running:
                place.end(limit_s=60.0)

    def case(self) -> Case:
        return Case(self.world.kafka.bootstrap, self.stage.prefix, self.world.postgres.dsn,
                    self.schema, PARTITIONS, str(CONTRACT), str(self.journal))  # fmt: skip
