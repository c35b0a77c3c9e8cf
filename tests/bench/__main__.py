"""make bench: events/s of `apply` on the real broker, the same transactions fed from memory,
alternating in one run, with CPU seconds by client, broker and Postgres. Figures are ratios
within one run; machines are shared and noisy."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Producer

from tests.bench import workload
from tests.harness.kafka import ApacheKafka
from tests.harness.paths import ROOT
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir
from tests.harness.worker import Worker, parstock_env, run_parstock

TICK = os.sysconf("SC_CLK_TCK")
TOPIC = "inventory.stock-changes"
POSTGRES_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return []


def cpu_of(pid: int, family: bool = False) -> float:
    """CPU seconds of a process; of its children too, dead ones included, with `family`."""
    own = _stat(pid)
    ticks = sum(int(own[i]) for i in ((11, 12, 13, 14) if family else (11, 12))) if own else 0
    if family:
        for entry in Path("/proc").iterdir():
            fields = _stat(int(entry.name)) if entry.name.isdigit() else []
            if fields and int(fields[1]) == pid:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def peak_rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


class Bench:
    def __init__(self, events: int, lanes: int, run_dir: Path, postgres: Postgres, kafka: ApacheKafka):
        self.events, self.lanes, self.run_dir = events, lanes, run_dir
        self.postgres, self.kafka = postgres, kafka
        self.file = run_dir / "events.tsv"
        self.contract = run_dir / "contract.json"
        self.round = 0

    def prepare(self) -> None:
        self.contract.write_text(json.dumps(workload.CONTRACT))
        self.contract.chmod(0o644)
        workload.write(self.file, self.events)
        self.kafka.create_topics([TOPIC], workload.PARTITIONS)
        self.kafka.create_topics(["inventory.levels", "inventory.dead-letters"], workload.PARTITIONS)
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 20,
                             "queue.buffering.max.messages": 1_000_000})  # fmt: skip
        for record in workload.read(self.file):
            while True:
                try:
                    producer.produce(TOPIC, key=record.key, value=record.value,
                                     partition=record.partition, timestamp=record.timestamp_ms)  # fmt: skip
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()

    def fresh_schema(self) -> dict[str, str]:
        self.round += 1
        env = parstock_env(
            kafka=self.kafka.bootstrap, postgres=self.postgres.dsn, contract=self.contract,
            schema=f"bench_{self.round}", PARSTOCK_GROUP_PREFIX=f"bench{self.round}-",
            PARSTOCK_LANES=str(self.lanes), PARSTOCK_LOG="info",
        )  # fmt: skip
        run_parstock("migrate", env=env).check_returncode()
        with self.postgres.connect() as connection:
            connection.execute("CHECKPOINT")
        return env

    def check(self, env: dict[str, str]) -> dict:
        answer = run_parstock("audit", "-o", "json", env=env, limit_s=600)
        audit = json.loads(answer.stdout)
        if answer.returncode != 0 or audit["read"] != self.events:
            sys.exit(f"bench: a round ended wrong: {audit}")
        with self.postgres.connect() as connection:
            connection.execute(f"DROP SCHEMA {env['PARSTOCK_SCHEMA']} CASCADE")
        return audit["outcomes"]

    def worker(self) -> dict:
        env = self.fresh_schema()
        worker = Worker("apply", env, self.run_dir, name=f"apply{self.round}")
        before = (cpu_of(self.kafka.pid), cpu_of(self.postgres.pid, True))
        worker.start()
        with self.postgres.connect() as connection:
            query = f"SELECT coalesce(sum(read), 0), count(*) FROM {env['PARSTOCK_SCHEMA']}.progress"
            while connection.execute(query).fetchone()[1] < workload.PARTITIONS:
                time.sleep(0.005)
            start = time.monotonic()
            while connection.execute(query).fetchone()[0] < self.events:
                time.sleep(0.01)
            seconds = time.monotonic() - start
        figures = {"rate": self.events / seconds, "client": cpu_of(worker.pid), "rss": peak_rss_mib(worker.pid),
                   "broker": cpu_of(self.kafka.pid) - before[0],
                   "postgres": cpu_of(self.postgres.pid, True) - before[1]}  # fmt: skip
        worker.terminate()
        figures["outcomes"] = self.check(env)
        return figures

    def memory(self) -> dict:
        env = self.fresh_schema()
        before = cpu_of(self.postgres.pid, True)
        program = [ROOT / "build/tests/apply_from_memory", self.contract, self.file,
                   str(workload.PARTITIONS), str(self.lanes)]  # fmt: skip
        answer = subprocess.run(program, env=env, capture_output=True, check=True, timeout=600)
        timed = json.loads(answer.stdout)
        figures = {"rate": self.events / timed["seconds"], "client": timed["cpu_seconds"],
                   "postgres": cpu_of(self.postgres.pid, True) - before, "broker": 0.0, "rss": 0.0}  # fmt: skip
        figures["outcomes"] = self.check(env)
        return figures


def spread(values: list[float], scale: float = 1.0) -> str:
    return " / ".join(f"{v / scale:.2f}" for v in (min(values), statistics.median(values), max(values)))


def report(name: str, rounds: list[dict], millions: float) -> None:
    rates = [r["rate"] for r in rounds]
    cpu = {part: statistics.median(r[part] for r in rounds) / millions for part in ("client", "broker", "postgres")}
    print(f"{name:24} {spread(rates, 1000):>26} k events/s   CPU s/M client {cpu['client']:.2f} "
          f"broker {cpu['broker']:.2f} postgres {cpu['postgres']:.2f}   "
          f"peak RSS {max(r['rss'] for r in rounds):.0f} MiB")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    run_dir = make_run_dir()
    with Postgres(run_dir, settings=POSTGRES_SETTINGS) as postgres, ApacheKafka(run_dir) as kafka:
        bench = Bench(options.events, options.lanes, run_dir, postgres, kafka)
        print(f"preparing {options.events} events on {workload.PARTITIONS} partitions ...", flush=True)
        bench.prepare()
        arms = {"whole worker": bench.worker, "fed from memory": bench.memory}
        results: dict[str, list[dict]] = {name: [] for name in arms}
        for turn in range(options.rounds):
            order = list(arms) if turn % 2 == 0 else list(reversed(arms))
            for name in order:
                results[name].append(arms[name]())
                print(f"  round {turn + 1} {name}: {results[name][-1]['rate']:,.0f} events/s", flush=True)
        print(f"\noutcomes of every round: {results['whole worker'][0]['outcomes']}\nmin / median / max:")
        for name in arms:
            report(name, results[name], options.events / 1e6)
        ratio = statistics.median(r["rate"] for r in results["whole worker"]) / statistics.median(
            r["rate"] for r in results["fed from memory"])  # fmt: skip
        print(f"whole worker / fed from memory: {ratio:.2f}")


if __name__ == "__main__":
    main()
