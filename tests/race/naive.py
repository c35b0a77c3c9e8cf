"""What a simple integration does: each count is set as it comes, whatever the shop shows by then.

It is careful otherwise: one call at a time, and the same key and bytes again until there is an answer.
"""

import http.client
import json
import queue
import threading
import time
import uuid
from collections import Counter

from tests.doubles.shop_client import ShopClient, document

from .events import Event
from .market import LOCATION, Market

PAIRS_MAX = 250
AGAIN_S = 0.2


class Naive:
    name = "naive"

    def __init__(self, market: Market, mode: str):
        self._market, self._mode = market, mode
        self._client = ShopClient(market.shop.url)
        self._document = document("set_quantities")
        self._waiting: queue.Queue[Event | None] = queue.Queue()
        self._left: Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done: Counter = Counter()

    def start(self) -> None:
        self._thread.start()

    def take(self, event: Event) -> None:
        """Orders are the shop's own business, it believes."""
        if event.count is not None:
            self._waiting.put(event)

    def tick(self) -> None:
        """Nothing ever happens to it."""

    def clear(self) -> None:
        """All that it was told is written."""
        self._waiting.put(None)
        self._thread.join()

    def stop(self) -> None:
        self._client.close()

    def _run(self) -> None:
        while (event := self._left or self._waiting.get()) is not None:
            self._left = None
            self._write(self._batch(event))

    def _batch(self, first: Event) -> list[Event]:
        """What waits, up to the second count of a pair: the shop refuses a pair twice in a call."""
        batch, skus = [first], {first.race.sku}
        while len(batch) < PAIRS_MAX and not self._waiting.empty():
            event = self._waiting.get()
            if event is None:
                self._waiting.put(None)
                break
            if event.race.sku in skus:
                self._left = event
                break
            batch.append(event)
            skus.add(event.race.sku)
        return batch

    def _pair(self, event: Event) -> dict:
        assert event.count is not None
        return {"inventoryItemId": self._market.items[event.race.sku],
                "locationId": f"gid://shopify/Location/{LOCATION}",
                "quantity": max(0, event.count.quantity), "changeFromQuantity": None}  # fmt: skip

    def _write(self, batch: list[Event]) -> None:
        quantities = [self._pair(event) for event in batch]
        more = {"name": self._mode, "reason": "correction", "quantities": quantities}
        variables = {"key": str(uuid.uuid4()), "input": more}
        while not self._is_done(variables):
            time.sleep(AGAIN_S)

    def _is_done(self, variables: dict) -> bool:
        try:
            status, data = self._client.post(self._document, variables)
            answer = json.loads(data) if status == 200 else {}
        except (OSError, ValueError, http.client.HTTPException):
            return False
        payload = (answer.get("data") or {}).get("inventorySetQuantities")
        codes = [error["code"] for error in payload["userErrors"]] if payload else ["NO_ANSWER"]
        # A repeat that is called stale was applied the first time; nothing here compares.
        return all(code == "CHANGE_FROM_QUANTITY_STALE" for code in codes)
