"""The whole way to a shop: a broker, `apply`, `push` and the shop double, for stories of orders and counts."""

import itertools
import json
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.push_world import PLACES, PushWorld

_numbers = itertools.count(1)


def text_of(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class ShopWorld(PushWorld):
    def __init__(self, run_dir: Path, kafka, postgres: Postgres, mode: str = "available", **shop: Any):
        super().__init__(run_dir, postgres, mode, **shop)
        self.kafka, self.prefix = kafka, f"shop-{next(_numbers)}."
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random",
                                   "log_level": 0})  # fmt: skip
        self._published = 0

    def __enter__(self) -> "ShopWorld":
        super().__enter__()
        done = run_parstock("topics", "ensure", env=self.env())
        assert done.returncode == 0, done.stderr.decode()
        return self

    def env(self, **others: str) -> dict[str, str]:
        return super().env() | {"PARSTOCK_KAFKA_BROKERS": self.kafka.bootstrap, "PARSTOCK_TOPIC_PREFIX": self.prefix,
                                "PARSTOCK_GROUP_PREFIX": self.prefix, "PARSTOCK_TOPIC_PARTITIONS": "3"} | others  # fmt: skip

    def apply(self) -> Worker:
        worker = Worker("apply", self.env(), self.run_dir, name=f"{self.prefix}apply-{len(self.workers)}")
        self.workers.append(worker)
        return worker.start(wait_ready=True)

    # ---- events

    def publish(self, *events: dict[str, Any]) -> None:
        self.produce(*events)
        self.wait_judged()

    def produce(self, *events: dict[str, Any]) -> None:
        """Sent; nobody waits for them to be judged."""
        for event in events:
            self._published += 1
            whole = {"id": f"e-{self._published}", "location": "BER", **event}
            self._producer.produce(f"{self.prefix}stock-changes", json.dumps(whole).encode(), whole["sku"].encode())
        assert self._producer.flush(30) == 0

    def wait_judged(self) -> None:
        wait_until(lambda: self.judged() >= self._published, "all events to be judged", 60, every_s=0.05)

    def judged(self) -> int:
        return self.db.execute("SELECT coalesce(sum(read), 0)::bigint FROM progress").fetchone()[0]

    def count(self, sku: str, quantity: int, at: datetime, seen_until: datetime | None = None, **more: Any) -> None:
        watermark = {} if seen_until is None else {"sees_orders_until": text_of(seen_until)}
        self.publish({"type": "stock.counted", "source": "wms", "sku": sku, "quantity": quantity,
                      "occurred_at": text_of(at), **watermark, **more})  # fmt: skip

    def ordered(self, sku: str, units: int, at: datetime, **more: Any) -> None:
        self.publish({"type": "shop.ordered", "source": "demo", "sku": sku, "quantity": units,
                      "occurred_at": text_of(at), **more})  # fmt: skip

    def observed(self, sku: str, quantity: int, at: datetime, **more: Any) -> None:
        self.publish({"type": "shop.observed", "source": "demo", "sku": sku, "quantity": quantity,
                      "occurred_at": text_of(at), **more})  # fmt: skip

    # ---- the shop

    def sell(self, sku: str, units: int, action: str = "place", place: str = "BER") -> None:
        lines = [{"sku": sku, "location": PLACES[place], "quantity": units}]
        self.control("order", {"action": action, "lines": lines})

    def shows(self, sku: str, place: str = "BER") -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.shop.url}/_double/state", timeout=60) as answer:
            levels = json.loads(answer.read())["levels"]
        return next(level for level in levels if level["pair"] == self.pair(sku, place))

    def desired(self, sku: str, place: str = "BER") -> int | None:
        row = self.db.execute(
            "SELECT desired FROM shop_levels WHERE shop = 'demo' AND sku = %s AND location = %s", (sku, place)
        ).fetchone()
        return row[0] if row else None


def now() -> datetime:
    return datetime.now(timezone.utc)


def ago(seconds: float) -> datetime:
    return now() - timedelta(seconds=seconds)
