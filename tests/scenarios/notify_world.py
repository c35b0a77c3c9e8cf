"""A world of incidents with a broker, and receivers of their alerts."""

import json
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.harness.paths import BUILD, ROOT
from tests.harness.waiting import Timeout, wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock

CONTRACT = ROOT / "schemas/examples/contract/valid/demo.json"
TOOL = BUILD / "tests/live_incidents"
GROUP = {"PARSTOCK_KAFKA__SESSION_TIMEOUT_MS": "6000", "PARSTOCK_KAFKA__HEARTBEAT_INTERVAL_MS": "1000",
         "PARSTOCK_KAFKA__MESSAGE_TIMEOUT_MS": "4000"}  # fmt: skip
KEY = "0123456789abcdef0123456789abcdef"
SECRET = "a-secret-that-signs"


class NotifyWorld:
    def __init__(self, postgres, kafka, schema: str, alerts: list[dict], **settings: str):
        self.schema = schema
        self.logs = Path(tempfile.mkdtemp(prefix="parstock-notify-"))
        contract = json.loads(CONTRACT.read_text()) | {"alerts": alerts}
        self.contract = self.logs / "contract.json"
        self.contract.write_text(json.dumps(contract))
        self.env = parstock_env(
            kafka=kafka.bootstrap, postgres=postgres.dsn, schema=schema, contract=self.contract,
            PARSTOCK_TOPIC_PREFIX=f"{schema}.", PARSTOCK_GROUP_PREFIX=f"{schema}-", PARSTOCK_TOPIC_PARTITIONS="3",
            **GROUP, **settings,
        )  # fmt: skip
        self.db: psycopg.Connection = postgres.connect(options=f"-c search_path={schema}")
        self.workers: list[Worker] = []

    def __enter__(self) -> "NotifyWorld":
        self.run("migrate")
        self.run("topics", "ensure")
        return self

    def __exit__(self, *_exc) -> None:
        for worker in self.workers:
            if worker.running:
                worker.kill()
        self.db.close()

    def run(self, *command: str, code: int = 0, **env: str) -> str:
        done = run_parstock(*command, env=self.env | env)
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return (done.stdout + done.stderr).decode()

    def notify(self, name: str = "notify", **env: str) -> Worker:
        worker = Worker("notify", self.env | env, self.logs, name=f"{name}-{len(self.workers)}")
        self.workers.append(worker)
        return worker

    def play(self, *lines: str) -> list:
        done = subprocess.run([TOOL], input="\n".join(lines) + "\n", env=self.env, text=True,
                              capture_output=True, timeout=300)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def drift(self, *skus: str) -> None:
        self.play(*[f"drift demo {sku} BER" for sku in skus])

    def ids(self, where: str = "class = 'drift'") -> dict[str, str]:
        return dict(self.db.execute(f"SELECT sku, id FROM incidents WHERE {where}").fetchall())

    def count(self, text: str) -> int:
        return self.db.execute(f"SELECT count(*) FROM {text}").fetchone()[0]

    def incidents(self, class_: str, state: str = "all") -> list[dict]:
        out = run_parstock("incidents", "list", "--class", class_, "--state", state, "-o", "json", env=self.env)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def wait_rest(self, limit_s: float = 180.0) -> None:
        """Everything that was told to the broker was taken in, and nothing is due."""
        def rests() -> bool:
            if self.count("incident_outbox"):
                return False
            told = self.db.execute("SELECT l.incident_id, max(l.revision) FROM incident_log l JOIN incidents i "
                                   "ON i.id = l.incident_id WHERE class = 'drift' GROUP BY 1").fetchall()
            taken = dict(self.db.execute("SELECT incident_id, max(revision) FROM alerts GROUP BY 1").fetchall())
            return all(taken.get(incident, 0) >= revision for incident, revision in told) and not self.count(
                "alerts WHERE due_at <= clock_timestamp() OR held")  # fmt: skip

        try:
            wait_until(rests, "every alert to be told", limit_s, every_s=0.1)
        except Timeout as late:
            raise Timeout(f"{late}\n{self.unrest()}") from None

    def unrest(self) -> str:
        """What waits, and what the workers said last."""
        waits = self.db.execute("SELECT route, incident_id, wanted, told, crossing, told_crossing, held, due_at, attempts "
                                "FROM alerts WHERE due_at IS NOT NULL OR held LIMIT 20").fetchall()  # fmt: skip
        routes = self.db.execute("SELECT clock_timestamp(), r.* FROM alert_routes r").fetchall()
        lines = [f"outbox {self.count('incident_outbox')}", *map(str, waits), *map(str, routes)]
        return "\n".join(lines + [worker.child.tail(10) for worker in self.workers])

    def check_once(self) -> None:
        """No change of an incident was told twice to a route, and what is open was told."""
        twice = self.db.execute("SELECT incident_id, route, revision, action FROM alert_log "
                                "WHERE how IN ('single', 'summary') GROUP BY 1, 2, 3, 4 "
                                "HAVING count(*) > 1").fetchall()  # fmt: skip
        assert twice == []
        wait_until(lambda: not self.count("alerts WHERE told_crossing <> crossing AND wanted <> 3"),
                   "every crossing to be told")  # fmt: skip
