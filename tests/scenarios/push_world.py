"""A shop double, a schema of its own and push workers, without Kafka: what apply writes is seeded by SQL."""

import contextlib
import json
import random
import secrets
import urllib.request
from pathlib import Path
from typing import Any, Iterable, Iterator

from tests.doubles.shop.journal_check import check_lines
from tests.harness.postgres import Postgres
from tests.harness.shop import Shop
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock
from tests.scenarios.gate import Gate

TOKEN = "shop-double-token"
PLACES = {"BER": 501, "HAM": 502, "MUC": 503}


class PushWorld:
    def __init__(self, run_dir: Path, postgres: Postgres, mode: str = "on_hand", **shop: Any):
        self.run_dir, self.mode = run_dir, mode
        self.schema = f"push_{secrets.token_hex(4)}"
        self.shop = Shop(run_dir, config=shop or None)
        self.db = postgres.connect(options=f"-c search_path={self.schema}")
        self.workers: list[Worker] = []
        self.postgres = postgres
        self.items: dict[str, str] = {}
        self.more: dict[str, Any] = {}  # of the contract, beside its shop

    def __enter__(self) -> "PushWorld":
        self.shop.start()
        self.write_contract()
        migrated = run_parstock("migrate", env=self.env())
        assert migrated.returncode == 0, migrated.stderr.decode()
        self.control("catalog", {"locations": [{"id": number, "name": name} for name, number in PLACES.items()]})
        return self

    def __exit__(self, *_exc: object) -> None:
        for worker in self.workers:
            if worker.running:
                worker.resume()
                worker.child.terminate()
        self.shop.stop()
        self.db.close()

    # Files and processes

    @property
    def contract(self) -> Path:
        return self.run_dir / f"{self.schema}.json"

    def write_contract(self, risk: dict[str, Any] | None = None, **shop: Any) -> None:
        self.contract.write_text(json.dumps({
            "version": "1",
            "risk": risk or {},
            "sources": [{"name": "wms", "rank": 1, "state": self.mode}],
            "locations": [{"code": code} for code in PLACES],
            **self.more,
            "shops": [{
                "name": "demo", "endpoint": self.shop.url, "api_version": "2026-10", "mode": self.mode,
                "locations": {code: f"gid://shopify/Location/{number}" for code, number in PLACES.items()},
                **shop,
            }],
        }))  # fmt: skip

    def env(self, **others: str) -> dict[str, str]:
        return parstock_env(postgres=self.postgres.dsn, schema=self.schema, contract=self.contract,
                            **{"PARSTOCK_SHOP_DEMO_TOKEN": TOKEN, **others})  # fmt: skip

    def push(self, name: str = "push", lease_s: int = 3, timeout_s: int = 1, calls: int | None = None, **env: str) -> Worker:
        flags = ("--lease-seconds", str(lease_s), "--timeout-seconds", str(timeout_s))
        flags += ("--calls", str(calls)) if calls is not None else ()
        worker = Worker("push", self.env(**env), self.run_dir, name=name, arguments=flags)
        self.workers.append(worker)
        return worker

    def sync(self, expect: int = 0) -> str:
        done = run_parstock("catalog", "sync", env=self.env())
        assert done.returncode == expect, done.stderr.decode()
        return (done.stdout + done.stderr).decode()

    def check(self, *flags: str) -> tuple[int, dict[str, Any]]:
        done = run_parstock("catalog", "check", "-o", "json", *flags, env=self.env())
        return done.returncode, json.loads(done.stdout)["shops"][0]

    def reconnect(self) -> None:
        self.db.close()
        self.db = self.postgres.connect(options=f"-c search_path={self.schema}")

    @contextlib.contextmanager
    def shop_behind_gate(self) -> Iterator[Gate]:
        """The contract points at a gate in front of the shop for as long as this lasts."""
        with Gate(self.shop.url) as gate:
            self.write_contract(endpoint=gate.url)
            yield gate

    # The shop

    def control(self, name: str, value: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.shop.url}/_double/{name}", json.dumps(value or {}).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def load(self, count: int, available: int = 5, places: Iterable[str] = PLACES, prefix: str = "SKU") -> list[str]:
        skus = [f"{prefix}-{number:05}" for number in range(count)]
        levels = {str(PLACES[place]): {"available": available} for place in places}
        answer = self.control("catalog", {"items": [{"sku": sku, "levels": levels} for sku in skus]})
        self.items.update(zip(skus, answer["ids"]))
        return skus

    def journal(self) -> list[dict[str, Any]]:
        lines = (self.shop.state_dir / "journal.jsonl").read_bytes().splitlines()
        return [json.loads(line) for line in lines]

    def pair(self, sku: str, place: str) -> str:
        return f"{self.items[sku].rsplit('/', 1)[1]}@{PLACES[place]}"

    # What apply does

    def desire(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """In the order of bytes, as everyone who locks several pairs."""
        with self.db.transaction(), self.db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO shop_levels AS l (shop, sku, location, desired, desired_at, dirty)"
                " VALUES ('demo', %s, %s, %s, now(), true) ON CONFLICT (shop, sku, location) DO UPDATE"
                " SET desired = excluded.desired, desired_at = excluded.desired_at,"
                " dirty = l.shown IS DISTINCT FROM excluded.desired", sorted(rows))  # fmt: skip

    def desire_random(self, skus: Iterable[str], seed: int, most: int = 1000) -> dict[tuple[str, str], int]:
        dice = random.Random(seed)
        wanted = {(sku, place): dice.randrange(most) for sku in skus for place in PLACES}
        self.desire((sku, place, quantity) for (sku, place), quantity in wanted.items())
        return wanted

    # What must be true

    def waiting(self) -> int:
        """Pairs not at par and not given up, and writes without a verdict."""
        return self.db.execute(
            "SELECT (SELECT count(*) FROM shop_levels WHERE (dirty AND fault = '') OR write_id IS NOT NULL)"
            " + (SELECT count(*) FROM shop_writes WHERE settled_at IS NULL)").fetchone()[0]  # fmt: skip

    def wait_par(self, limit_s: float = 60.0) -> None:
        wait_until(lambda: self.waiting() == 0, "the shop to be at par", limit_s, every_s=0.1)

    def prove(self, wanted: dict[tuple[str, str], int] | None = None) -> dict[str, int]:
        """The journal keeps its promises and the shop ends at what is desired. Returns its counts."""
        rows = self.db.execute(
            "SELECT sku, location, desired FROM shop_levels WHERE desired IS NOT NULL AND fault = ''").fetchall()
        desired = {(sku, place): quantity for sku, place, quantity in rows}
        if wanted is not None:
            assert desired == wanted
        expected = {self.pair(*pair): {self.mode: quantity} for pair, quantity in desired.items()}
        counts = self.prove_journal(expected)
        left = self.db.execute("SELECT count(*) FROM shop_levels WHERE write_id IS NOT NULL").fetchone()[0]
        assert left == 0
        return counts

    def prove_journal(self, expected: dict[str, dict[str, int]] | None = None) -> dict[str, int]:
        with open(self.shop.state_dir / "journal.jsonl", "rb") as lines:
            report = check_lines(lines, expected)
        assert report.ok, (len(report.violations), report.violations[:5])
        return report.counts

    def prove_final(self) -> dict[str, dict[str, int]]:
        """The levels that the shop ends at, by the names of its pairs; the journal keeps its promises."""
        with open(self.shop.state_dir / "journal.jsonl", "rb") as lines:
            report = check_lines(lines)
        assert report.ok, (len(report.violations), report.violations[:5])
        return report.final

    def faults(self) -> dict[tuple[str, str], str]:
        rows = self.db.execute("SELECT sku, location, fault FROM shop_levels WHERE fault <> ''").fetchall()
        return {(sku, place): fault for sku, place, fault in rows}
