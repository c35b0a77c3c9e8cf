"""Orders as webhooks tell of them: payloads in the shape of the shop's REST resources, full
of what a customer would not want to see elsewhere."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Iterator

from . import gid
from .clock import Clock
from .state import Change, Item, Level, Shop
from .webhooks import Webhooks

# Beyond 2^53, as real ids may be.
_FIRST = 9_007_199_254_740_993
CUSTOMER = {
    "id": 207119551,
    "email": "sentinel.person@customer.example",
    "first_name": "Sentinela",
    "last_name": "Personowska",
    "phone": "+4930555501234",
    "note": "leave it with the sentinel next door",
    "default_address": {
        "address1": "Sentinelstrasse 42",
        "city": "Sentinelhausen",
        "zip": "SENT1NEL",
        "latitude": 52.520008,
    },
}
SENTINELS = ("sentinel", "personowska", "4930555501234", "sent1nel", "52.520008")


@dataclass
class Line:
    number: int
    level: Level
    sku: str | None
    units: int


@dataclass
class Order:
    number: int
    created_at: float
    lines: list[Line] = field(default_factory=list)
    location: int | None = None  # of a till; an order of the web has none


def stamp(seconds: float) -> str:
    """To the microsecond, in an offset of its own: real shops tell local time."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


class Orders:
    def __init__(self, shop: Shop, clock: Clock, webhooks: Webhooks) -> None:
        self._shop, self._clock, self._webhooks = shop, clock, webhooks
        self.clear()
        shop.changed = self.level_changed

    def clear(self) -> None:
        self._numbers = itertools.count(_FIRST)
        self._orders: dict[str, Order] = {}
        self._event: str | None = None

    @contextlib.contextmanager
    def action(self) -> Iterator[None]:
        """One act of a merchant or buyer: its webhooks share an event id. The caller holds
        the shop's lock."""
        self._event = str(uuid.uuid4())
        try:
            yield
        finally:
            self._event = None

    # Levels and items

    def level_changed(self, change: Change) -> None:
        if change.before.available == change.after.available:
            return
        level = change.level
        if self._webhooks.wanted("inventory_levels/update"):
            self._emit("inventory_levels/update", lambda: self._level(level))

    def _level(self, level: Level) -> dict[str, Any]:
        item = self._shop.items.get(level.item)
        tracked = item is not None and item.tracked
        return {
            "inventory_item_id": level.item,
            "location_id": level.location,
            "available": level.quantities.available if tracked else None,
            "updated_at": stamp(max(level.updated_at.values(), default=level.created_at)),
            "admin_graphql_api_id": gid.level(level.item, level.location),
        }

    def item_changed(self, item: Item) -> None:
        with self.action():
            self._emit("inventory_items/update", lambda: self._item(item))
            self._emit("products/update", lambda: self._product(item))

    def _item(self, item: Item) -> dict[str, Any]:
        return {
            "id": item.id,
            "sku": item.sku,
            "tracked": item.tracked,
            "updated_at": stamp(self._clock.now()),
            "admin_graphql_api_id": gid.make("InventoryItem", item.id),
        }

    def _product(self, item: Item) -> dict[str, Any]:
        return {
            "id": item.id,
            "title": "thing",
            "updated_at": stamp(self._clock.now()),
            "variants": [{"id": item.id, "inventory_item_id": item.id, "sku": item.sku, "price": item.price}],
        }  # fmt: skip

    # Orders

    def placed(self, name: str, moves: list[tuple[Level, int]], location: int | None = None) -> None:
        if not moves:
            return
        order = Order(next(self._numbers), self._clock.now(), location=location)
        order.lines = [self._line(level, units) for level, units in moves]
        self._orders[name] = order
        self._emit("orders/create", lambda: self._order(order))

    def _line(self, level: Level, units: int) -> Line:
        return Line(next(self._numbers), level, self._shop.items[level.item].sku, units)

    def added(self, name: str, moves: list[tuple[Level, int]]) -> None:
        order = self._orders[name]
        lines = [self._line(level, units) for level, units in moves]
        order.lines += lines
        edit, now = next(self._numbers), self._clock.now()
        self._emit("orders/edited", lambda: {"order_edit": {
            "id": edit, "order_id": order.number, "created_at": stamp(now), "staff_note": CUSTOMER["note"],
            "line_items": {"additions": [{"id": line.number, "delta": line.units} for line in lines],
                           "removals": []}}})  # fmt: skip

    def given_back(self, name: str, moves: list[tuple[Level, int]], cancels: bool, restocks: bool = True) -> None:
        order = self._orders.get(name) or Order(next(self._numbers), self._clock.now())
        refund = self._refund(order, moves, ("cancel" if cancels else "return") if restocks else "no_restock")
        self._emit("refunds/create", lambda: refund)
        if cancels:
            whole = self._order(order) | {"cancelled_at": refund["created_at"], "refunds": [refund]}
            self._emit("orders/cancelled", lambda: whole)

    def _refund(self, order: Order, moves: list[tuple[Level, int]], kind: str) -> dict[str, Any]:
        entries = []
        for level, units in moves:
            known = next((line for line in order.lines if line.level is level), None)
            line = known or self._line(level, units)
            entries.append({
                "id": next(self._numbers), "quantity": units, "line_item_id": line.number, "restock_type": kind,
                "location_id": level.location if kind != "no_restock" else None, "line_item": self._shown(line),
            })  # fmt: skip
        return {"id": next(self._numbers), "order_id": order.number, "note": CUSTOMER["note"],
                "created_at": stamp(self._clock.now()), "refund_line_items": entries}  # fmt: skip

    def _shown(self, line: Line) -> dict[str, Any]:
        return {"id": line.number, "variant_id": line.level.item, "quantity": line.units, "sku": line.sku,
                "name": f"for {CUSTOMER['first_name']}", "gift_card": False, "price": "1.00",
                "properties": [{"name": "engraving", "value": CUSTOMER["last_name"]}]}  # fmt: skip

    def _order(self, order: Order) -> dict[str, Any]:
        return {
            "id": order.number,
            "admin_graphql_api_id": gid.make("Order", order.number),
            "email": CUSTOMER["email"],
            "created_at": stamp(order.created_at),
            "updated_at": stamp(self._clock.now()),
            "location_id": order.location,
            "customer": CUSTOMER,
            "shipping_address": CUSTOMER["default_address"],
            "billing_address": CUSTOMER["default_address"],
            "client_details": {"browser_ip": "203.0.113.77", "user_agent": "sentinel-browser"},
            "line_items": [self._shown(line) for line in order.lines],
            "refunds": [],
        }

    def line(self, number: int) -> Line | None:
        lines = itertools.chain.from_iterable(order.lines for order in self._orders.values())
        return next((line for line in lines if line.number == number), None)

    # The rest

    def bulk_finished(self, number: int, status: str) -> None:
        self._emit("bulk_operations/finish", lambda: {
            "admin_graphql_api_id": gid.make("BulkOperation", number), "status": status.lower(),
            "completed_at": stamp(self._clock.now()), "error_code": None, "type": "query"})  # fmt: skip

    def uninstalled(self) -> None:
        self._emit("app/uninstalled", lambda: {"id": 1, "name": "the shop", "email": CUSTOMER["email"]})

    def _emit(self, topic: str, build: Any) -> None:
        self._webhooks.emit(topic, build, self._event)
