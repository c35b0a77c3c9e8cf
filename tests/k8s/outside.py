"""What lies outside the cluster: Kafka and Postgres on the node's address, the events, and how far they are."""

import json
import threading
import time
from pathlib import Path

from confluent_kafka import Producer

from tests.bench.figures import TICK, cpu_of
from tests.harness.kafka import ApacheKafka
from tests.harness.ports import free_port
from tests.harness.postgres import Postgres

TOPIC = "inventory.stock-changes"
PODS = "10.0.0.0/8"  # the pods' and the node's addresses, on this machine only
SKUS = 5000


class Outside:
    def __init__(self, run_dir: Path, address: str):
        self.address = address
        self.kafka_port = free_port()
        self.kafka = ApacheKafka(run_dir)
        properties = self.kafka._properties()
        pods = f"PODS://{address}:{self.kafka_port}"
        self.kafka.extra_properties(
            {
                "listeners": f"{properties['listeners']},{pods}",
                "advertised.listeners": f"{properties['advertised.listeners']},{pods}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PODS:PLAINTEXT",
                "inter.broker.listener.name": "PLAINTEXT",
            }
        )
        self.postgres = Postgres(run_dir, settings={"listen_addresses": f"127.0.0.1,{address}"})
        self.postgres._create()
        with open(run_dir / "postgres/data/pg_hba.conf", "a") as rules:
            rules.write(f"host all all {PODS} trust\n")
        self.sent = 0
        self._next = 0
        self._ends: dict[int, int] = {}
        self._local = threading.local()

    def __enter__(self) -> "Outside":
        self.kafka.start()
        self.postgres.start()
        return self

    def __exit__(self, *_exc) -> None:
        self.kafka.stop()
        self.postgres.stop()

    @property
    def brokers(self) -> str:
        return f"{self.address}:{self.kafka_port}"

    @property
    def dsn(self) -> str:
        return f"host={self.address} port={self.postgres.port} user=postgres dbname=postgres"

    # ---- events: each adds one unit, so the levels add up to their number

    def _producer(self, **settings) -> Producer:
        return Producer(
            {"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random", "enable.idempotence": True,
             "linger.ms": 20, "queue.buffering.max.messages": 500000, **settings}
        )  # fmt: skip

    def _delivered(self, error, message) -> None:
        if error is not None:
            raise RuntimeError(f"the broker did not take an event: {error}")
        self._ends[message.partition()] = message.offset() + 1

    def _produce(self, producer: Producer) -> None:
        sku = f"SKU-{self._next % SKUS}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {
            "type": "stock.adjusted", "source": "wms", "id": f"e{self._next}", "sku": sku, "location": "BER",
            "quantity": 1, "occurred_at": now,
        }  # fmt: skip
        while True:
            try:
                producer.produce(TOPIC, key=sku, value=json.dumps(event), on_delivery=self._delivered)
                break
            except BufferError:
                producer.poll(0.1)
        self._next += 1
        producer.poll(0)

    def send(self, count: int, per_second: float = 0.0, stop: threading.Event | None = None) -> None:
        producer = self._producer()
        began = time.monotonic()
        for number in range(count):
            if stop is not None and stop.is_set():
                break
            self._produce(producer)
            if per_second and number % 100 == 99:
                time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        producer.flush(60)
        self.sent = self._next

    def send_at_once(self, count: int) -> None:
        """All of it becomes visible to readers in one moment: when this returns."""
        producer = self._producer(**{"transactional.id": "outside", "transaction.timeout.ms": 600000})
        producer.init_transactions(60)
        producer.begin_transaction()
        for _ in range(count):
            self._produce(producer)
        producer.commit_transaction(120)
        self.sent = self._next

    @property
    def taken(self) -> int:
        """Sent so far, while `send` runs."""
        return self._next

    # ---- how far they are

    def ends(self) -> dict[int, int]:
        """One past the last event of each partition; marks of transactions are no events."""
        return dict(self._ends)

    def progress(self) -> dict[int, int]:
        rows = self._looker().execute("SELECT partition, next_offset FROM stock.progress WHERE topic = %s", [TOPIC]).fetchall()
        return {p: max(offset, 0) for p, offset in rows}

    def _looker(self):
        """A connection a thread, kept: one made anew for each look would cost more than the look."""
        if not hasattr(self._local, "db"):
            self._local.db = self.postgres.connect()
        return self._local.db

    def lag(self) -> int:
        done = self.progress()
        return sum(max(0, end - done.get(p, 0)) for p, end in self.ends().items())

    # ---- what they cost

    def cpu(self) -> dict[str, float]:
        """CPU seconds of apply's pods, of the database, of the broker, and of the whole machine."""
        pods = sum(cpu_of(pid) for pid in _pods_of("apply"))
        database = cpu_of(self.postgres.pid, family=True)
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        busy = (sum(map(int, fields)) - int(fields[3]) - int(fields[4])) / TICK
        return {"pods": pods, "database": database, "broker": cpu_of(self.kafka.pid), "machine": busy}

    def account(self) -> dict[str, int]:
        with self.postgres.connect() as db:
            judged, ids, applied = db.execute(
                "SELECT count(*), count(DISTINCT event_id), count(*) FILTER (WHERE outcome = 0) FROM stock.idempotency"
            ).fetchone()
            (units,) = db.execute(
                "SELECT coalesce(sum(coalesce(count, 0) + coalesce(adjusted, 0)), 0)::bigint FROM stock.source_readings"
            ).fetchone()
        return {"sent": self.sent, "judged": judged, "distinct": ids, "applied": applied, "units": units}


def _pods_of(worker: str) -> list[int]:
    """Processes of this machine that a kubelet runs as that worker."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or "kubepods" not in (entry / "cgroup").read_text():
                continue
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):  # it ended just now
            continue
        if len(words) > 1 and words[0].endswith(b"/parstock") and words[1] == worker.encode():
            found.append(int(entry.name))
    return found


class Watch(threading.Thread):
    """Looks at the progress of every partition ten times a second: how long did one stand still with something to do?"""

    def __init__(self, outside: Outside):
        super().__init__(daemon=True)
        self._outside, self._end = outside, threading.Event()
        self.longest: dict[int, float] = {}

    def run(self) -> None:
        since: dict[int, tuple[int, float]] = {}
        while not self._end.wait(0.1):
            ends, done, now = self._outside.ends(), self._outside.progress(), time.monotonic()
            for partition, end in ends.items():
                place = done.get(partition, 0)
                if partition not in since or place != since[partition][0] or place >= end:
                    since[partition] = (place, now)
                gap = now - since[partition][1]
                self.longest[partition] = max(self.longest.get(partition, 0.0), gap)

    def end(self) -> dict[int, float]:
        self._end.set()
        self.join()
        return self.longest
