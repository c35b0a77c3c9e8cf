"""Everything the demo runs on, started here and stopped by the pid that was started."""

import json
import os
import random
import shutil
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.harness.kafka import ApacheKafka, EmbeddedKafka
from tests.harness.postgres import Postgres
from tests.harness.process import stop_all
from tests.harness.shop import Shop
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock

from .expected import RANKS
from .goods import PLACES, Pair, misspell

TOKEN = "shop-double-token"
PARTITIONS = 6
# How long Kafka waits for a silent worker before others get its share; its own default is 45 s.
SESSION_MS = 3000
LEASE_S, TIMEOUT_S = 6, 2
SHOP_ANSWERS_MS = 120
TOPIC = "inventory.stock-changes"


class Failed(Exception):
    """Something did not work; the text says what, for a reader."""


@dataclass
class Shelf:
    """What the shop showed before the first event."""

    on_hand: int
    committed: int


class Stage:
    def __init__(self, broker: str, skus: list[str], seed: int):
        # Others may pass through (PostgreSQL runs as another user), not look around.
        self.dir = Path(tempfile.mkdtemp(prefix="parstock-demo-", dir=os.environ.get("PARSTOCK_TMPDIR")))
        self.dir.chmod(0o711)
        self.skus = skus
        self._dice = random.Random(seed + 1)
        self.broker_kind = broker
        topics = {"PARSTOCK_TOPIC_PARTITIONS": str(PARTITIONS)}
        self.postgres = Postgres(self.dir)
        self.broker = ApacheKafka(self.dir) if broker == "kafka" else EmbeddedKafka(self.dir, env=topics)
        self.shop = Shop(self.dir)
        self.env: dict[str, str] = {}
        self.shelves: dict[Pair, Shelf] = {}
        self.pair_of: dict[tuple[str, str], Pair] = {}  # the shop's item and location
        self.shop_spelling: dict[str, str] = {}
        self.apply: list[Worker] = []
        self.push: list[Worker] = []
        self.db: psycopg.Connection | None = None

    # ---- setting up ----------------------------------------------------------------------------

    def set_up(self, say) -> None:
        say("starting a database, a broker and a shop, all on this machine only")
        self.postgres.start()
        self.broker.start()
        self.shop.start()
        self._load_shop()
        self._write_contract()
        self.db = self.postgres.connect(application_name="demo")
        for command in (("migrate",), ("topics", "ensure"), ("catalog", "sync")):
            say(f"parstock {' '.join(command)}")
            self.command(*command)
        self.db.execute("SET search_path TO parstock")

    def _load_shop(self) -> None:
        items, spellings = [], {}
        for sku in self.skus:
            spelled = misspell(sku, self._dice) if self._dice.random() < 0.15 else sku
            spellings[sku] = spelled
            items.append({"sku": spelled, "levels": {p: self._shelf(sku, p) for p in PLACES}})
        self.shop_spelling = spellings
        locations = [{"id": n + 501, "name": place} for n, place in enumerate(PLACES)]
        answer = self.control("catalog", {"locations": locations, "items": items})
        self.control("faults", {"rules": [{"fault": "delay", "ms": SHOP_ANSWERS_MS, "ops": ["mutation"]}]})
        for sku, item in zip(self.skus, answer["ids"]):
            for n, place in enumerate(PLACES):
                self.pair_of[(item, f"gid://shopify/Location/{n + 501}")] = Pair(sku, place)

    def _shelf(self, sku: str, place: str) -> dict:
        on_hand = self._dice.randint(0, 100)
        committed = self._dice.randint(1, 4) if self._dice.random() < 0.2 else 0
        self.shelves[Pair(sku, place)] = Shelf(on_hand, committed)
        return {"available": on_hand - committed, "committed": committed}

    def _write_contract(self) -> None:
        gids = {place: f"gid://shopify/Location/{n + 501}" for n, place in enumerate(PLACES)}
        why = {"wms": "It counts the shelves.", "erp": "It follows the warehouse; it speaks where that is silent."}
        contract = {
            "version": 1,
            "sources": [{"name": n, "rank": r, "state": "on_hand", "why": why[n]} for n, r in RANKS.items()],
            "locations": [{"code": p, "aliases": names[1:]} for p, names in PLACES.items()],
            "shops": [{"name": "demo", "endpoint": self.shop.url, "mode": "on_hand", "locations": gids}],
        }
        path = self.dir / "contract.json"
        path.write_text(json.dumps(contract, indent=2, ensure_ascii=False))
        self.env = parstock_env(
            kafka=self.broker.bootstrap,
            postgres=self.postgres.dsn,
            contract=path,
            PARSTOCK_TOPIC_PARTITIONS=str(PARTITIONS),
            PARSTOCK_SHOP_DEMO_TOKEN=TOKEN,
            PARSTOCK_KAFKA__SESSION_TIMEOUT_MS=str(SESSION_MS),
            PARSTOCK_KAFKA__HEARTBEAT_INTERVAL_MS=str(SESSION_MS // 6),
        )

    # ---- workers ---------------------------------------------------------------------------------

    def start_apply(self) -> Worker:
        worker = Worker("apply", self.env, self.dir, name=f"apply-{len(self.apply) + 1}")
        self.apply.append(worker)
        return worker.start()

    def start_push(self) -> Worker:
        limits = ("--lease-seconds", str(LEASE_S), "--timeout-seconds", str(TIMEOUT_S))
        worker = Worker("push", self.env, self.dir, name=f"push-{len(self.push) + 1}", arguments=limits)
        self.push.append(worker)
        return worker.start()

    def workers_alive(self) -> str:
        alive = [sum(w.running for w in group) for group in (self.apply, self.push)]
        return f"apply x{alive[0]}, push x{alive[1]}"

    def partitions_of(self, worker: Worker) -> dict[int, int]:
        """Partition and next offset, of those that this process owns."""
        rows = self.db.execute(
            "SELECT partition, next_offset FROM progress WHERE owner LIKE %s", (f"%/{worker.pid}/%",)
        )
        return dict(rows.fetchall())

    def start_workers(self) -> None:
        """Two of apply, one of push; ready, and the partitions shared out."""
        for _ in range(2):
            self.start_apply()
        self.start_push()
        for worker in (*self.apply, *self.push):
            worker.wait_ready()
        wait_until(
            lambda: all(self.partitions_of(worker) for worker in self.apply),
            "every apply worker to have partitions",
            limit_s=60,
            every_s=0.2,
        )

    def check_alive(self) -> None:
        """Whoever was not killed by us must still be there."""
        for worker in (*self.apply, *self.push):
            if not worker.running and worker.child.returncode != -9:
                raise Failed(f"{worker.name} ended by itself with {worker.child.returncode}:\n{worker.child.tail(5)}")

    def stop_workers(self) -> list[str]:
        """Asks them to finish; names those that did not end with 0."""
        running = [w for w in (*self.apply, *self.push) if w.running]
        return [f"{w.name} ended with {code}" for w in running if (code := w.terminate()) != 0]

    # ---- asking ----------------------------------------------------------------------------------

    def command(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        ran = run_parstock(*arguments, env=self.env)
        if ran.returncode not in codes:
            output = (ran.stdout + ran.stderr).decode(errors="replace").strip()
            raise Failed(f"parstock {' '.join(arguments)} ended with {ran.returncode}:\n{output}")
        return ran.stdout.decode()

    def control(self, name: str, body: dict | None = None) -> dict:
        """The shop double's back door: what the demo does there as the shop's own people and customers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.shop.url}/_double/{name}", data=data)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    @property
    def journal(self) -> Path:
        return self.shop.state_dir / "journal.jsonl"

    # ---- taking down -------------------------------------------------------------------------------

    def take_down(self, keep: bool) -> None:
        if self.db is not None:
            self.db.close()
        stop_all()
        if keep:
            print(f"Logs and data are kept in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
