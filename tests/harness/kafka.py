"""A broker of our own: Apache Kafka in KRaft mode, or the one embedded in parstock.

Both have start, stop, kill, restart, bootstrap. The embedded one keeps everything in memory: a restart
is a new, empty broker on another port, and its topics are made by itself at start.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from .paths import KAFKA_LIBS, parstock
from .ports import free_port
from .process import Child
from .waiting import Timeout, wait_until

CLUSTER_ID = "cGFyc3RvY2stdGVzdHMtMA"  # any 16 bytes in base64; the directory is private

LOGGING = """\
status = error
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c: %m%n
"""


class ApacheKafka:
    """One node that is broker and controller, loopback only, in its own directory."""

    def __init__(self, run_dir: Path, name: str = "kafka", properties: Mapping[str, str] | None = None):
        self.name = name
        self.port = free_port()
        self._controller_port = free_port()
        self._logs = run_dir
        self._home = run_dir / name
        self._extra = dict(properties or {})
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def extra_properties(self, properties: Mapping[str, str]) -> None:
        """Before the first start: on top of, or in the place of, the usual ones."""
        self._extra.update(properties)

    def _properties(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "log.dirs": str(self._home / "data"),
            "auto.create.topics.enable": "false",
            "group.coordinator.rebalance.protocols": "classic,consumer",
            "group.initial.rebalance.delay.ms": "0",
            "group.consumer.min.session.timeout.ms": "3000",
            "group.min.session.timeout.ms": "3000",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "controlled.shutdown.enable": "true",
            **self._extra,
        }

    def _java(self, *arguments: str) -> list[str]:
        java = shutil.which("java")
        if java is None or not KAFKA_LIBS.exists():
            raise RuntimeError("Apache Kafka is not installed here: run `make deps`")
        return [
            java, "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC",
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
            "-cp", f"{KAFKA_LIBS}/*", *arguments,
        ]  # fmt: skip

    def _create(self) -> None:
        self._home.mkdir()
        config = self._home / "server.properties"
        config.write_text("".join(f"{k}={v}\n" for k, v in self._properties().items()))
        (self._home / "log4j2.properties").write_text(LOGGING)
        formatted = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "--standalone",
                       "--cluster-id", CLUSTER_ID, "--config", str(config)),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        if formatted.returncode != 0:
            raise RuntimeError(f"StorageTool format failed: {formatted.stdout}{formatted.stderr}")

    def launch(self) -> None:
        """The process, without waiting until it answers."""
        if self.running:
            return
        if not self._home.exists():
            self._create()
        argv = self._java("kafka.Kafka", str(self._home / "server.properties"))
        self._child = Child(self.name, argv, self._logs, cwd=self._home)

    def start(self, limit_s: float = 90.0) -> "ApacheKafka":
        if self.running:
            return self
        self.launch()
        try:
            wait_until(self.answers, f"{self.name} to answer", limit_s, every_s=0.1)
        except Timeout as late:
            raise Timeout(f"{late}\n{self._child.tail()}") from None
        return self

    def answers(self) -> bool:
        if not self.running:
            raise RuntimeError(f"{self.name} did not start\n{self._child.tail()}")
        try:
            self.admin().list_topics(timeout=2)
        except KafkaException:
            return False
        return True

    def admin(self) -> AdminClient:
        # A client that reports a broker still starting to stderr would only be noise.
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create_topics(self, names: Iterable[str], partitions: int, config: Mapping | None = None) -> None:
        topics = [NewTopic(n, partitions, 1, config=dict(config or {})) for n in names]
        admin = self.admin()  # held: the futures die with it
        for future in admin.create_topics(topics, operation_timeout=30).values():
            future.result(timeout=30)

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate(limit_s=30.0)

    def kill(self) -> None:
        """SIGKILL: what was written is still in the page cache, as after a crash of the process."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> "ApacheKafka":
        return self.start()

    def __exit__(self, *_exc) -> None:
        self.stop()


class EmbeddedKafka:
    """`parstock dev-broker`: in memory, good for the demo only."""

    def __init__(self, run_dir: Path, name: str = "dev-broker", env: Mapping[str, str] | None = None):
        self.name = name
        self.bootstrap = ""
        self._logs = run_dir
        self._env = dict(env or {})
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self, limit_s: float = 30.0) -> "EmbeddedKafka":
        if self.running:
            return self
        # The log of an earlier start would be read as this one's.
        (self._logs / f"{self.name}.out").unlink(missing_ok=True)
        self._child = Child(
            self.name, [parstock(), "dev-broker"], self._logs, env={**os.environ, **self._env}
        )
        self.bootstrap = self._child.wait_line("bootstrap.servers=", limit_s=limit_s)
        return self

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> "EmbeddedKafka":
        return self.start()

    def __exit__(self, *_exc) -> None:
        self.stop()
