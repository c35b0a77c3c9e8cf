"""parstock under race: a schema and topics of its own, two workers of each kind, and a nemesis among them."""

import json
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.harness.worker import Worker, parstock_env, run_parstock

from .events import PLACE, SHOP, SOURCE, Event
from .market import LOCATION, Market
from .script import ORDER_LAG_S
from .weather import Nemesis

TOKEN = "shop-double-token"
PARTITIONS = 6
WORKERS = 2  # of each kind
LEASE_S, TIMEOUT_S = 5, 2
GROUP = {"PARSTOCK_KAFKA__SESSION_TIMEOUT_MS": "3000", "PARSTOCK_KAFKA__HEARTBEAT_INTERVAL_MS": "500"}


class Parstock:
    name = "parstock"

    def __init__(self, market: Market, mode: str, kafka: Any, postgres: Any, run_dir: Path, seed: int):
        self._name = f"race_{secrets.token_hex(4)}"
        self._contract = run_dir / f"{self._name}.json"
        self._contract.write_text(json.dumps(contract(market.shop.url, mode)))
        self._topic = f"{self._name}.stock-changes"
        self._env = parstock_env(
            kafka=kafka.bootstrap, postgres=postgres.dsn, schema=self._name, contract=self._contract,
            PARSTOCK_TOPIC_PREFIX=f"{self._name}.", PARSTOCK_GROUP_PREFIX=f"{self._name}-",
            PARSTOCK_TOPIC_PARTITIONS=str(PARTITIONS), PARSTOCK_SHOP_DEMO_TOKEN=TOKEN, **GROUP,
        )  # fmt: skip
        self._producer = Producer({
            "bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random",
            "enable.idempotence": True, "linger.ms": 5, "log_level": 0,
        })  # fmt: skip
        self._refused: list[Any] = []
        push = ("--lease-seconds", str(LEASE_S), "--timeout-seconds", str(TIMEOUT_S))
        self.workers = [
            Worker(command, self._env, run_dir, name=f"{self._name}-{command}-{number}", arguments=arguments)
            for command, arguments in (("apply", ()), ("push", push))
            for number in range(1, WORKERS + 1)
        ]
        self._nemesis = Nemesis(self.workers, seed)

    @property
    def done(self) -> Counter:
        return self._nemesis.done

    def start(self) -> None:
        for command in (("migrate",), ("topics", "ensure"), ("catalog", "sync")):
            self.run(*command)
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.wait_ready()

    def run(self, *command: str) -> bytes:
        done = run_parstock(*command, env=self._env)
        assert done.returncode == 0, f"parstock {command}: {done.returncode}\n{done.stderr.decode(errors='replace')}"
        return done.stdout

    def take(self, event: Event) -> None:
        while True:
            try:
                self._producer.produce(self._topic, event.value, event.key, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._refused.append(error)

    def tick(self) -> None:
        self.see_all_alive()
        self._nemesis.tick()

    def see_all_alive(self) -> None:
        """Who was killed was started again, so whoever is gone went by itself."""
        for worker in self.workers:
            if not worker.running:
                raise AssertionError(f"{worker.name} ended with {worker.child.returncode}\n{worker.child.tail()}")

    def clear(self) -> None:
        """All events are with the broker, and every worker is awake."""
        self._nemesis.clear()
        assert self._producer.flush(60) == 0 and not self._refused, self._refused[:1]

    def stop(self) -> None:
        self._nemesis.clear()
        for worker in self.workers:
            if worker.running:
                worker.terminate(10)

    def levels(self) -> dict[str, dict[str, Any]]:
        """SKU to desired, shown and state, as `parstock levels` says it."""
        lines = map(json.loads, self.run("levels", "-o", "jsonl").splitlines())
        return {line["sku"]: line["shops"][0] for line in lines if line["shops"]}


def contract(endpoint: str, mode: str) -> dict[str, Any]:
    return {
        "version": 1,
        "sources": [{"name": SOURCE, "rank": 1, "state": mode, "order_lag_seconds": int(ORDER_LAG_S)}],
        "locations": [{"code": PLACE}],
        "shops": [{"name": SHOP, "endpoint": endpoint, "mode": mode,
                   "locations": {PLACE: f"gid://shopify/Location/{LOCATION}"}}],
    }  # fmt: skip
