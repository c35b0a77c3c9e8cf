"""python -m tests.bench.bench_restart: the longest time that any partition stands still while one
of three workers is restarted as planned (SIGTERM, wait for its end, start again) under steady load.

Arms are the ways to be a member of the group. `progress` is read every few milliseconds; a gap is
the time between two moments at which a partition's next offset was seen to move: the longest of any
partition, and that of partitions which changed hands in it. The gap of quiet seconds, measured
likewise, says how much of it is the machine, the measurement and the pace of the load.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field

from confluent_kafka import Producer

from tests.bench import workload
from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock

WORKERS = 3
WARM_S, QUIET_S, AFTER_S = 8.0, 4.0, 8.0
STATIC = "static"
LOCATIONS = [location["code"] for location in workload.CONTRACT["locations"]]
ARMS: dict[str, dict[str, str]] = {
    "classic": {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "classic"},
    "classic static": {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "classic", STATIC: "yes"},
    "consumer": {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "consumer"},
    "consumer static": {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "consumer", STATIC: "yes"},
    "unset": {},
}  # fmt: skip


class Load(threading.Thread):
    """A steady pace of counts, all SKUs alike, until it is told to end."""

    def __init__(self, bootstrap: str, topic: str, rate: int, skus: int = 3000):
        super().__init__(daemon=True)
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
            "enable.idempotence": True, "log_level": 0,
        })  # fmt: skip
        self._topic, self._rate, self._skus = topic, rate, skus
        self._ending = threading.Event()
        self.sent = 0

    def _value(self, rng: random.Random, sku: str) -> str:
        now_s = time.time()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s)) + f".{int(now_s % 1 * 1000):03d}Z"
        return json.dumps({
            "type": "stock.counted", "source": "wms", "id": f"{rng.getrandbits(128):032x}",
            "sku": sku, "location": rng.choice(LOCATIONS), "quantity": rng.randrange(500),
            "occurred_at": at, "reference": f"COUNT-2026-{self.sent:09d}",
        })  # fmt: skip

    def run(self) -> None:
        rng, start = random.Random(1), time.monotonic()
        while not self._ending.is_set():
            due = int((time.monotonic() - start) * self._rate)
            while self.sent < due:
                sku = f"SKU-{rng.randrange(self._skus):06d}"
                self._producer.produce(self._topic, self._value(rng, sku), sku)
                self.sent += 1
            self._producer.poll(0)
            time.sleep(0.002)
        self._producer.flush(30)

    def end(self) -> int:
        if not self.is_alive():
            sys.exit("bench: the producer died: nothing was measured")
        self._ending.set()
        self.join()
        return self.sent


@dataclass
class Part:
    offset: int
    epoch: int
    at: float
    changed: bool = False  # hands, since it moved
    longest: float = 0.0
    handed_over: float = 0.0  # the longest in which it changed hands

    def see(self, offset: int, epoch: int, now: float) -> None:
        self.changed = self.changed or epoch != self.epoch
        self.epoch = epoch
        if offset != self.offset:
            self.note(now)
            self.offset, self.at, self.changed = offset, now, False

    def note(self, now: float) -> None:
        self.longest = max(self.longest, now - self.at)
        if self.changed:
            self.handed_over = max(self.handed_over, now - self.at)


class Watch(threading.Thread):
    """The longest time between two moves of a partition since the last reset."""

    def __init__(self, postgres: Postgres, schema: str):
        super().__init__(daemon=True)
        self._postgres, self._schema = postgres, schema
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._parts: dict[int, Part] = {}

    def reset(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._parts = {p: Part(part.offset, part.epoch, now) for p, part in self._parts.items()}

    def worst(self) -> tuple[float, float]:
        """Of any partition, and of those that changed hands."""
        with self._lock:
            for part in self._parts.values():
                part.note(time.monotonic())  # also one that has not moved since
            found = self._parts.values()
            return max(p.longest for p in found), max(p.handed_over for p in found)

    def run(self) -> None:
        query = f"SELECT partition, next_offset, epoch FROM {self._schema}.progress"
        with self._postgres.connect() as connection:
            while not self._ending.wait(0.005):
                rows, now = connection.execute(query, prepare=True).fetchall(), time.monotonic()
                with self._lock:
                    for partition, offset, epoch in rows:
                        self._parts.setdefault(partition, Part(offset, epoch, now)).see(offset, epoch, now)

    def end(self) -> None:
        self._ending.set()
        self.join()


@dataclass
class Figures:
    quiet_ms: list[float] = field(default_factory=list)
    gap_ms: list[float] = field(default_factory=list)
    handed_ms: list[float] = field(default_factory=list)
    down_ms: list[float] = field(default_factory=list)  # SIGTERM to the end of the process

    def line(self, arm: str) -> str:
        gaps = (f"{statistics.median(gap):.0f} / {max(gap):.0f}" for gap in (self.quiet_ms, self.gap_ms, self.handed_ms))
        return f"| {arm} | {' | '.join(gaps)} | {statistics.median(self.down_ms):.0f} |"


class Bench:
    def __init__(self, run_dir, kafka: ApacheKafka, postgres: Postgres, options: argparse.Namespace):
        self.run_dir, self.kafka, self.postgres, self.options = run_dir, kafka, postgres, options
        self.contract = run_dir / "contract.json"
        self.contract.write_text(json.dumps(workload.CONTRACT))
        self.contract.chmod(0o644)

    def environment(self, arm: str) -> dict[str, str]:
        name = arm.replace(" ", "_")
        env = parstock_env(
            kafka=self.kafka.bootstrap, postgres=self.postgres.dsn, schema=name, contract=self.contract,
            PARSTOCK_TOPIC_PREFIX=f"{name}.", PARSTOCK_GROUP_PREFIX=f"{name}-",
            PARSTOCK_TOPIC_PARTITIONS=str(self.options.partitions), PARSTOCK_LOG=self.options.log, PARSTOCK_LANES="1",
            **{k: v for k, v in ARMS[arm].items() if k != STATIC},
        )  # fmt: skip
        for command in (("migrate",), ("topics", "ensure")):
            run_parstock(*command, env=env).check_returncode()
        return env

    def workers(self, arm: str, env: dict[str, str]) -> list[Worker]:
        def own(place: int) -> dict[str, str]:
            return {"PARSTOCK_KAFKA__GROUP_INSTANCE_ID": f"apply-{place}"} if STATIC in ARMS[arm] else {}

        name = env["PARSTOCK_SCHEMA"]
        found = [Worker("apply", env | own(n), self.run_dir, f"{name}-{n}") for n in range(WORKERS)]
        for worker in found:
            worker.start(wait_ready=True)
        return found

    def owners(self, schema: str) -> dict[str, int]:
        query = f"SELECT owner, count(*) FROM {schema}.progress GROUP BY owner"
        with self.postgres.connect() as connection:
            return dict(connection.execute(query).fetchall())

    def even(self, schema: str) -> bool:
        counts = self.owners(schema).values()
        return len(counts) == WORKERS and sum(counts) == self.options.partitions

    def restart(self, worker: Worker, watch: Watch, figures: Figures) -> None:
        watch.reset()
        time.sleep(QUIET_S)
        figures.quiet_ms.append(watch.worst()[0] * 1000)
        watch.reset()
        began = time.monotonic()
        code = worker.terminate()
        if code != 0:
            sys.exit(f"bench: {worker.name} ended with {code}\n{worker.child.tail()}")
        figures.down_ms.append((time.monotonic() - began) * 1000)
        time.sleep(self.options.away)
        worker.start(wait_ready=True)
        time.sleep(AFTER_S)
        gap, handed = watch.worst()
        figures.gap_ms.append(gap * 1000)
        figures.handed_ms.append(handed * 1000)
        print(f"  {worker.name}: quiet {figures.quiet_ms[-1]:.0f} ms, down after {figures.down_ms[-1]:.0f} ms, "
              f"longest gap {gap * 1000:.0f} ms, handed over in {handed * 1000:.0f} ms", flush=True)  # fmt: skip

    def run(self, arm: str) -> Figures:
        env = self.environment(arm)
        schema = env["PARSTOCK_SCHEMA"]
        load = Load(self.kafka.bootstrap, f"{env['PARSTOCK_TOPIC_PREFIX']}stock-changes", self.options.rate)
        load.start()
        workers, watch, figures = self.workers(arm, env), Watch(self.postgres, schema), Figures()
        wait_until(lambda: self.even(schema), f"{arm}: every worker to own some", 90)
        watch.start()
        time.sleep(WARM_S)  # the broker's code is compiled on the way
        for turn in range(self.options.restarts):
            self.restart(workers[turn % WORKERS], watch, figures)
            wait_until(lambda: self.even(schema), f"{arm}: every worker to own some", 90)
        watch.end()
        sent = load.end()
        read = f"SELECT coalesce(sum(read), 0)::bigint FROM {schema}.progress"
        with self.postgres.connect() as connection:
            wait_until(lambda: connection.execute(read).fetchone()[0] >= sent, "all to be judged", 60)
        for worker in workers:
            worker.terminate()
        audit = json.loads(run_parstock("audit", "-o", "json", env=env).stdout)
        if not audit["ok"] or audit["read"] != sent:
            sys.exit(f"bench: {arm}: {sent} sent, audit says {audit}")
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench_restart", description=__doc__)
    parser.add_argument("--rate", type=int, default=3000)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--away", type=float, default=0.0, help="seconds before it is started again")
    parser.add_argument("--arm", action="append", choices=list(ARMS))
    parser.add_argument("--broker", action="append", default=[], metavar="NAME=VALUE", help="property of the broker")
    parser.add_argument("--log", default="info")
    options = parser.parse_args()
    run_dir = make_run_dir()
    print(f"logs in {run_dir}", flush=True)
    # The broker's own defaults but for what the arms are about.
    properties = {"group.consumer.min.session.timeout.ms": "45000", **dict(p.split("=", 1) for p in options.broker)}
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir, properties=properties) as kafka:
        bench = Bench(run_dir, kafka, postgres, options)
        lines = []
        for arm in options.arm or ARMS:
            print(f"{arm} ...", flush=True)
            lines.append(bench.run(arm).line(arm))
    print(f"\n{options.rate:,} events/s on {options.partitions} partitions, {WORKERS} workers, "
          f"{options.restarts} planned restarts an arm; milliseconds")  # fmt: skip
    print("| arm | quiet: longest, median / worst | restart: any partition | restart: those handed over "
          "| SIGTERM to end |")  # fmt: skip
    print("|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
