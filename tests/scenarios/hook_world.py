"""A shop that sends webhooks, and the gateway that takes them: on top of the whole way to a shop."""

import base64
import hashlib
import hmac
import http.client
import json
import re
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.push_world import PLACES
from tests.scenarios.shop_world import ShopWorld

SECRET = "hush-hush-webhook"
TOPICS = 9
_ADDRESS = re.compile(r"127\.0\.0\.1:([1-9][0-9]*)")


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class HookWorld(ShopWorld):
    def __init__(self, run_dir: Path, kafka, postgres, mode: str = "available", **shop: Any):
        super().__init__(run_dir, kafka, postgres, mode, **shop)
        self.gateway_worker: Worker | None = None
        self.url = ""

    def env(self, **others: str) -> dict[str, str]:
        own = {"PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET": SECRET, "PARSTOCK_WEBHOOK_CHECK_SECONDS": "1"}
        return super().env(**(own | others))

    def gateway(self, **env: str) -> Worker:
        """Started; its address is in `url` once it is ready."""
        worker = Worker("gateway", self.env(**env), self.run_dir, name=f"gateway-{len(self.workers)}")
        self.workers.append(worker)
        self.gateway_worker = worker
        worker.start(wait_ready="PARSTOCK_KAFKA_BROKERS" not in env)
        wait_until(lambda: self._address(worker), "the gateway to listen", 30, every_s=0.05)
        self.url = f"http://127.0.0.1:{self._address(worker)}"
        return worker

    @staticmethod
    def _address(worker: Worker) -> str | None:
        for record in worker.log():
            text = json.dumps(record)
            found = _ADDRESS.search(text)
            if found and "admin" not in text and "listen" in text:
                return found.group(1)
        return None

    def webhooks(self, verb: str, *flags: str, **env: str):
        address = {"PARSTOCK_WEBHOOK_ADDRESS": self.url} if self.url else {}
        return run_parstock("webhooks", verb, *flags, env=self.env(**address, **env))

    def subscribe(self, **plan: Any) -> None:
        self.control("webhooks", {"secret": SECRET, **plan})
        done = self.webhooks("ensure")
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()

    # Requests of our own

    def post(self, body: bytes, topic: str | None = "orders/create", shop: str = "demo",
             headers: list[tuple[str, str]] | None = None, signature: str | None = "") -> int:  # fmt: skip
        """The status; 0 where the connection ended without one. `signature` "": the right one; None: none."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            connection.putrequest("POST", f"/shopify/webhooks/{shop}")
            connection.putheader("Content-Length", str(len(body)))
            if topic is not None:
                connection.putheader("X-Shopify-Topic", topic)
            if signature is not None:
                connection.putheader("X-Shopify-Hmac-Sha256", signature or sign(body))
            for name, value in headers or []:
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(body)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def deliver(self, topic: str, payload: Any, webhook: str | None = None, event: str | None = None) -> int:
        ids = [("X-Shopify-Webhook-Id", webhook or str(uuid.uuid4())), ("X-Shopify-Event-Id", event or str(uuid.uuid4()))]
        return self.post(json.dumps(payload).encode(), topic, headers=ids)

    # What came of it

    def hooks(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.shop.url}/_double/webhooks", timeout=60) as answer:
            return json.loads(answer.read())

    def metric(self, name: str, **labels: str) -> int:
        assert self.gateway_worker is not None
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = self.gateway_worker.get("/metrics")[1].splitlines()
        found = [line for line in lines if line.startswith(name + "{") and all(each in line for each in wanted)]
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in found)

    def events(self) -> list[dict[str, Any]]:
        """Rows of the ledger of the shop's own events, in order of judgement."""
        rows = self.db.execute(
            "SELECT type, sku, location, quantity, event_id, outcome, reference FROM idempotency"
            " WHERE source = 'demo' ORDER BY partition, record_offset").fetchall()  # fmt: skip
        names = ("type", "sku", "location", "quantity", "id", "outcome", "reference")
        return [dict(zip(names, row)) for row in rows]

    def wait_events(self, count: int, limit_s: float = 30) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.events()) >= count, f"{count} events of the shop", limit_s, every_s=0.1)
        return self.events()

    def outcomes(self) -> dict[str, int]:
        row = self.db.execute(
            "SELECT coalesce(sum(applied), 0)::bigint, coalesce(sum(unchanged), 0)::bigint,"
            " coalesce(sum(duplicate), 0)::bigint, coalesce(sum(stale), 0)::bigint,"
            " coalesce(sum(rejected), 0)::bigint FROM progress").fetchone()  # fmt: skip
        return dict(zip(("applied", "unchanged", "duplicate", "stale", "rejected"), row))

    def order(self, name: str, sku: str, units: int = 1, action: str = "place", place: str = "BER", **more: Any) -> None:
        lines = [{"sku": sku, "location": PLACES[place], "quantity": units}]
        self.control("order", {"id": name, "action": action, "lines": lines, **more})

    def wait_told(self, limit_s: float = 60) -> None:
        """All webhooks that were not lost are delivered, and every look-up is done."""
        wait_until(lambda: self.hooks()["waiting"] == 0, "all webhooks to be delivered", limit_s, every_s=0.1)
        wait_until(lambda: self.owed() == 0, "all look-ups to be done", limit_s, every_s=0.1)

    def owed(self) -> int:
        return self.db.execute("SELECT count(*) FROM webhook_looks").fetchone()[0]

    def incidents(self) -> dict[str, str]:
        done = run_parstock("incidents", "list", "--all", "-o", "jsonl", env=self.env())
        assert done.returncode == 0, done.stderr.decode()
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {row["class"]: row["state"] for row in reversed(rows)}  # the newest of each

    def wait_incident(self, name: str, state: str) -> None:
        wait_until(lambda: self.incidents().get(name) == state, f"{name} to be {state}", 30, every_s=0.3)
