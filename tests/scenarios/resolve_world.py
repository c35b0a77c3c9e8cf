"""A shop that differs from what it should show, and findings of it as drift would write them; resolve and push do the rest."""

import itertools
import json
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterable

from confluent_kafka import Producer

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.drift_world import DriftWorld
from tests.scenarios.shop_world import ShopWorld
from tests.scenarios.topic import topic_ends

GROUP = {"PARSTOCK_KAFKA__SESSION_TIMEOUT_MS": "6000", "PARSTOCK_KAFKA__HEARTBEAT_INTERVAL_MS": "1000"}
_names = itertools.count(1)


class ResolveWorld(ShopWorld):
    def __init__(self, run_dir: Path, kafka, postgres: Postgres, policy: dict[str, Any] | None = None,
                 mode: str = "on_hand", **more: Any):  # fmt: skip
        super().__init__(run_dir, kafka, postgres, mode, **more)
        self.more = {"policy": policy or {}}
        self._findings = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random",
                                   "linger.ms": 20, "log_level": 0})  # fmt: skip

    def env(self, **others: str) -> dict[str, str]:
        return super().env() | GROUP | others

    # ---- processes

    def resolve(self, *arguments: str) -> Worker:
        name = f"{self.prefix}resolve-{next(_names)}"
        worker = Worker("resolve", self.env(), self.run_dir, name=name, arguments=arguments)
        self.workers.append(worker)
        return worker.start(wait_ready=True)

    def command(self, *words: str, code: int = 0) -> str:
        done = run_parstock(*words, env=self.env())
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    # ---- the shop and what it should show

    def at_par(self, count: int, level: int = 5, prefix: str = "SKU") -> list[str]:
        """Items that show what they should, as push would know them."""
        skus = self.load(count, level, ["BER"], prefix)
        self.sync()
        with self.db.transaction(), self.db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO shop_levels AS l (shop, sku, location, desired, desired_at, shown, shown_at, left_at, stocked)"
                " VALUES ('demo', %s, 'BER', %s, now(), %s, now(), %s, true) ON CONFLICT (shop, sku, location)"
                " DO UPDATE SET desired = excluded.desired, shown = excluded.shown, left_at = excluded.left_at,"
                " shown_at = now(), dirty = false, stocked = true", [(sku, level, level, level) for sku in sorted(skus)],
            )  # fmt: skip
        return skus

    def tamper(self, skus: Iterable[str], level: int) -> None:
        """Somebody writes the shop, and nobody tells us."""
        for sku in skus:
            self.control("edit", {"sku": sku, "location": "BER", "available": level})

    # ---- what drift does

    def run(self, compared: int, kind: str = "full", state: str = "finished") -> int:
        return self.db.execute(
            "INSERT INTO drift_runs (shop, kind, state, compared, finished_at)"
            " VALUES ('demo', %s, %s, %s, now()) RETURNING id", (kind, state, compared)).fetchone()[0]  # fmt: skip

    def found(self, run: int, skus: Iterable[str], desired: int = 5, shown: int = 9, cause: str = "external_writer",
              risk: str = "low", tell: bool = True) -> list[dict[str, Any]]:  # fmt: skip
        now = datetime.now(timezone.utc)
        findings = [
            {"finding_id": f"{run}/{sku}/BER", "run_id": str(run), "shop": "demo", "sku": sku, "location": "BER",
             "desired": desired, "shown": shown, "residual": shown - desired, "cause": cause, "evidence": {}, "risk": risk,
             "value_at_risk": None, "observed_at": now.isoformat().replace("+00:00", "Z")}
            for sku in skus
        ]  # fmt: skip
        with self.db.transaction(), self.db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO drift_findings (finding_id, sku, run_id, shop, location, desired, shown, residual, cause, rule,"
                " evidence, risk, observed_at) VALUES (%(finding_id)s, %(sku)s, %(run_id)s::bigint, %(shop)s, %(location)s,"
                " %(desired)s, %(shown)s, %(residual)s, %(cause)s, 'test', '{}', %(risk)s, %(observed_at)s)", findings,
            )  # fmt: skip
        self.db.execute("UPDATE drift_runs SET findings = findings + %s WHERE id = %s", (len(findings), run))
        if tell:
            self.tell(findings)
        return findings

    def tell(self, findings: Iterable[dict[str, Any]]) -> None:
        for finding in findings:
            while True:
                try:
                    self._findings.produce(f"{self.prefix}drift", json.dumps(finding).encode(), finding["sku"].encode())
                    break
                except BufferError:
                    self._findings.poll(0.2)
        assert self._findings.flush(60) == 0

    # ---- what came of it

    def count(self, text: str) -> int:
        return self.db.execute(f"SELECT count(*) FROM {text}").fetchone()[0]

    def states(self) -> dict[str, int]:
        rows = self.db.execute("SELECT state, count(*) FROM drift_actions GROUP BY state").fetchall()
        return dict(rows)

    def ends(self, topic: str) -> dict[int, int]:
        return topic_ends(self.kafka.bootstrap, topic)

    def acted(self) -> int:
        return self.count("drift_actions")

    def wait_acted(self, count: int, limit_s: float = 60.0) -> None:
        wait_until(lambda: self.acted() >= count, f"{count} findings to be acted on", limit_s, every_s=0.1)

    def wait_settled(self, limit_s: float = 90.0) -> None:
        wait_until(lambda: self.count("drift_actions WHERE state IN ('pending', 'reading')") == 0,
                   "every resync to be read back", limit_s, every_s=0.1)  # fmt: skip

    def incidents(self, klass: str | None = None) -> list[dict[str, Any]]:
        listed = json.loads(self.command("incidents", "list", "-o", "json"))
        return [incident for incident in listed if klass in (None, incident["class"])]

    def wait_incidents(self, klass: str, count: int = 1) -> list[dict[str, Any]]:
        where = f"incidents WHERE state <> 'resolved' AND class = '{klass}'"
        wait_until(lambda: self.count(where) == count, f"{count} open incidents {klass}", 60, every_s=0.1)
        return self.incidents(klass)

    def shown(self, sku: str) -> int:
        return self.shows(sku)["available"]

    def levels_shown(self) -> dict[str, int]:
        """By SKU, what the shop shows at BER."""
        with urllib.request.urlopen(f"{self.shop.url}/_double/state", timeout=60) as answer:
            levels = json.loads(answer.read())["levels"]
        names = {self.pair(sku, "BER"): sku for sku in self.items}
        return {names[level["pair"]]: level["available"] for level in levels if level["pair"] in names}


class WholeWorld(DriftWorld, ResolveWorld):
    """Events, apply, push, drift and resolve: nothing is seeded but what happens in the shop and at the sources."""

    def __init__(self, run_dir: Path, kafka, postgres: Postgres, policy: dict[str, Any] | None = None, **shop: Any):
        super().__init__(run_dir, kafka, postgres, mode="available", **shop)
        self.more |= {"policy": policy or {}}
