"""The control interface under /_double/: what tests and the demo do behind the shop's
back."""

from __future__ import annotations

import itertools
import json
from typing import Any, Callable
from urllib.parse import parse_qs

from . import gid
from .config import ConfigError
from .double import Answer, Double, json_answer
from .faults import FaultError
from .journal_check import check_lines
from .state import STATES, Item, Level, Location, Quantities

_CHUNK = 1000
_FIRST_ITEM, _FIRST_LOCATION = 1001, 501


class ControlError(ValueError):
    """A control request that can not be done."""


class Control:
    def __init__(self, double: Double) -> None:
        self._double = double
        self._order_ids = itertools.count(1)
        self._posts: dict[str, Callable[[dict[str, Any]], Any]] = {
            "catalog": self._catalog,
            "order": self._order,
            "webhooks": self._webhooks,
            "unsubscribe": self._unsubscribe,
            "uninstall": self._uninstall,
            "shelf": self._shelf,
            "edit": self._edit,
            "rename": self._rename,
            "remove": self._remove,
            "faults": self._faults,
            "clock": self._clock,
            "config": self._config,
            "reset": self._reset,
            "revoke-tokens": self._revoke,
        }
        self._gets: dict[str, Callable[[dict[str, str]], Answer]] = {
            "state": self._state,
            "journal": self._journal,
            "check": self._check,
            "health": self._health,
            "webhooks": self._webhook_state,
        }

    def post(self, name: str, body: bytes) -> Answer:
        action = self._posts.get(name)
        if action is None:
            return json_answer(
                {"error": f"unknown control; known: {', '.join(self._posts)}"}, 404
            )
        try:
            value = json.loads(body or b"{}")
            if not isinstance(value, dict):
                raise ControlError("the body must be a JSON object")
            return json_answer(action(value))
        except KeyError as problem:
            return json_answer({"error": f"member {problem} is missing"}, 400)
        except (
            ControlError,
            ConfigError,
            FaultError,
            ValueError,
            TypeError,
            AttributeError,
        ) as problem:
            return json_answer({"error": str(problem)}, 400)

    def get(self, name: str, query: str) -> Answer:
        action = self._gets.get(name)
        if action is None:
            return json_answer(
                {"error": f"unknown control; known: {', '.join(self._gets)}"}, 404
            )
        return action({key: values[0] for key, values in parse_qs(query).items()})

    # Loading

    def _catalog(self, body: dict[str, Any]) -> dict[str, Any]:
        shop = self._double.shop
        with shop.lock:
            for entry in body.get("locations", []):
                self._add_location(entry)
            # The number of an item that was removed does not come again.
            taken = max(shop.newest_item, _FIRST_ITEM - 1)
            numbers = itertools.count(taken + 1)
            added = [self._add_item(entry, numbers) for entry in body.get("items", [])]
            levels = [level for item in added for level in item.levels]
            for start in range(0, len(levels), _CHUNK):
                self._double.journal.write(
                    "catalog",
                    levels={
                        gid.pair_name(level.item, level.location): [
                            level.quantities.available,
                            level.quantities.on_hand,
                        ]
                        for level in levels[start : start + _CHUNK]
                    },
                )
        return {
            "items": len(added),
            "levels": len(levels),
            "ids": [gid.make("InventoryItem", item.id) for item in added],
        }

    def _add_location(self, entry: dict[str, Any]) -> None:
        locations = self._double.shop.locations
        number = (
            _number(entry.get("id"), "Location")
            or max(locations, default=_FIRST_LOCATION - 1) + 1
        )
        more = {
            name: bool(entry[name])
            for name in (
                "active",
                "fulfills_online_orders",
                "ships_inventory",
                "fulfillment_service",
            )
            if name in entry
        }
        locations[number] = Location(number, str(entry.get("name", number)), **more)

    def _add_item(self, entry: dict[str, Any], numbers: Any) -> Item:
        number = _number(entry.get("id"), "InventoryItem") or next(numbers)
        bundle = bool(entry.get("bundle", False))
        item = Item(
            number,
            entry.get("sku"),
            bool(entry.get("tracked", True)),
            bool(entry.get("mutable", not bundle)),
            entry.get("policy", "DENY"),
            entry.get("status", "ACTIVE"),
            tuple(entry.get("tags", ())),
            str(entry.get("price", "0.00")),
            bundle,
        )
        places = {place: values for place, values in entry.get("levels", {}).items()}
        wanted = [(self._location(place), values) for place, values in places.items()]
        self._double.shop.add_item(item)
        for location, values in wanted:
            quantities = Quantities(
                **{name: int(values[name]) for name in STATES if name in values}
            )
            self._double.shop.add_level(
                item,
                location,
                quantities,
                bool(values.get("active", True)),
                self._double.clock.now(),
            )
        return item

    # Effects from elsewhere

    def _order(self, body: dict[str, Any]) -> dict[str, Any]:
        """place: available to committed; cancel, refund: back; fulfil: out of the house;
        add: as place, to an order that there is."""
        action = body.get("action", "place")
        if action not in ("place", "buy", "cancel", "fulfil", "refund", "add"):
            raise ControlError("action must be place, buy, cancel, fulfil, refund or add")
        with self._double.shop.lock, self._double.orders.action():
            now = self._double.clock.now()
            lines = [(self._level(line), int(line["quantity"])) for line in body["lines"]]
            order = body.get("id") or f"order-{next(self._order_ids)}"
            if action == "buy":
                return self._buy(order, lines, now)
            moves = lines if body.get("restock", True) else []
            changes = [
                self._move(level, action, units, now).journal() for level, units in moves
            ]
            self._tell(action, str(order), lines, body)
            self._double.journal.write(
                "order", order=order, action=action, changes=changes
            )
        return {"order": order, "t": now, "changes": changes}

    def _tell(
        self,
        action: str,
        order: str,
        lines: list[tuple[Level, int]],
        body: dict[str, Any],
    ) -> None:
        orders = self._double.orders
        if action == "place":
            till = self._location(body["till"]) if "till" in body else None
            orders.placed(order, lines, till)
        elif action == "add":
            orders.added(order, lines)
        elif action in ("cancel", "refund"):
            restocks = bool(body.get("restock", True))
            orders.given_back(order, lines, action == "cancel", restocks)

    def _buy(
        self, order: str, lines: list[tuple[Level, int]], now: float
    ) -> dict[str, Any]:
        """Customers at the checkout, a line each: every line is decided alone, one after
        the other, and nobody comes between. The caller holds the lock."""
        if any(units < 1 for _, units in lines):
            raise ControlError("nobody buys less than one unit")
        accepted, changes = [], []
        for level, units in lines:
            accepted.append(self._sells(level, units))
            if accepted[-1]:
                changes.append(self._move(level, "place", units, now).journal())
        refused = accepted.count(False)
        sold = [line for line, taken in zip(lines, accepted) if taken]
        self._double.orders.placed(str(order), sold)
        self._double.journal.write(
            "order", order=order, action="buy", changes=changes, refused=refused
        )
        return {"order": order, "t": now, "accepted": accepted}

    def _sells(self, level: Level, units: int) -> bool:
        goes_on = self._double.shop.items[level.item].policy == "CONTINUE"
        return level.active and (goes_on or level.quantities.available >= units)

    def _move(self, level: Level, action: str, units: int, now: float) -> Any:
        present = level.quantities
        available, committed = {
            "place": (-units, units),
            "add": (-units, units),
            "cancel": (units, -units),
            "refund": (units, -units),
            "fulfil": (0, -units),
        }[action]
        after = present._replace(
            available=present.available + available,
            committed=present.committed + committed,
        )
        return self._double.shop.put(level, after, now)

    def _shelf(self, body: dict[str, Any]) -> dict[str, Any]:
        """Units that came to the shelf. The shop is not told: it is for whoever checks
        the journal, in the order in which it happened."""
        with self._double.shop.lock:
            units: dict[str, int] = {}
            for line in body["lines"]:
                level, came = self._level(line), int(line["quantity"])
                name = gid.pair_name(level.item, level.location)
                units[name] = units.get(name, 0) + came
            self._double.journal.write("shelf", units=units)
            return {"t": self._double.clock.now()}

    def _edit(self, body: dict[str, Any]) -> dict[str, Any]:
        shop = self._double.shop
        with shop.lock:
            level = self._level(body)
            after = level.quantities
            for name in (*STATES, "on_hand"):
                if name in body:
                    after = after.with_value(name, int(body[name]))
            level.active = bool(body.get("active", level.active))
            item = shop.items[level.item]
            item.tracked = bool(body.get("tracked", item.tracked))
            item.policy = str(body.get("policy", item.policy))
            if "bundle" in body:
                item.bundle = bool(body["bundle"])
                item.mutable = not item.bundle
            item.mutable = bool(body.get("mutable", item.mutable))
            change = shop.put(level, after, self._double.clock.now()).journal()
            self._double.journal.write("edit", changes=[change])
        return {"changes": [change]}

    def _rename(self, body: dict[str, Any]) -> dict[str, Any]:
        shop = self._double.shop
        with shop.lock:
            item = self._item(body)
            before = item.sku
            shop.rename_item(item, body["to"])
            self._double.orders.item_changed(item)
            self._double.journal.write(
                "renamed", item=item.id, before=before, after=item.sku
            )
        return {"item": gid.make("InventoryItem", item.id)}

    def _remove(self, body: dict[str, Any]) -> dict[str, Any]:
        shop = self._double.shop
        with shop.lock:
            item = self._item(body)
            pairs = [
                gid.pair_name(level.item, level.location)
                for level in shop.remove_item(item)
            ]
            self._double.journal.write("removed", item=item.id, pairs=pairs)
        return {"pairs": pairs}

    # The double itself

    def _faults(self, body: dict[str, Any]) -> dict[str, Any]:
        self._double.faults.replace(body)
        self._double.journal.write("faults_set", plan=body)
        return {"ok": True}

    def _clock(self, body: dict[str, Any]) -> dict[str, Any]:
        """advance_seconds; or speed, with `start` (a moment, or below 0: seconds from
        now)."""
        clock = self._double.clock
        if "speed" in body:
            start = body.get("start")
            now = clock.now() + start if start is not None and start < 0 else start
            clock.run(float(body["speed"]), now)
        else:
            clock.advance(float(body["advance_seconds"]))
        self._double.journal.write("clock", **body)
        return {"now": clock.now()}

    def _webhooks(self, body: dict[str, Any]) -> dict[str, Any]:
        self._double.webhooks.configure(body)
        return {"ok": True}

    def _unsubscribe(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"gone": self._double.webhooks.unsubscribe(body.get("topic"))}

    def _uninstall(self, body: dict[str, Any]) -> dict[str, Any]:
        """The webhook goes out with the last subscriptions."""
        self._double.orders.uninstalled()
        self._double.webhooks.uninstalled()
        self._double.tokens.revoke_all()
        return {"ok": True}

    def _config(self, body: dict[str, Any]) -> dict[str, Any]:
        self._double.config.update(body)
        if {"maximum_available", "restore_rate"} & set(body):
            self._double.bucket.reset()
        return {"ok": True}

    def _reset(self, body: dict[str, Any]) -> dict[str, Any]:
        self._double.reset()
        return {"ok": True}

    def _revoke(self, body: dict[str, Any]) -> dict[str, Any]:
        self._double.tokens.revoke_all()
        return {"ok": True}

    def _state(self, query: dict[str, str]) -> Answer:
        shop = self._double.shop
        with shop.lock:
            levels = [
                {
                    "pair": gid.pair_name(level.item, level.location),
                    "item": gid.make("InventoryItem", level.item),
                    "sku": shop.items[level.item].sku,
                    "location": gid.make("Location", level.location),
                    "level": gid.level(level.item, level.location),
                    "active": level.active,
                    **level.shown(),
                }
                for level in shop.levels.values()
            ]
        return json_answer(
            {
                "now": self._double.clock.now(),
                "available_points": self._double.bucket.available(),
                "levels": levels,
            }
        )

    def _webhook_state(self, query: dict[str, str]) -> Answer:
        webhooks = self._double.webhooks
        shown = [one.shown() for one in webhooks.subscriptions.values()]
        return json_answer(
            {
                "counts": webhooks.counts,
                "waiting": webhooks.waiting(),
                "subscriptions": shown,
            }
        )

    def _journal(self, query: dict[str, str]) -> Answer:
        body = b"".join(self._double.journal.lines(int(query.get("after", "0"))))
        return Answer(200, body, {"Content-Type": "application/jsonl"})

    def _check(self, query: dict[str, str]) -> Answer:
        report = check_lines(self._double.journal.lines())
        return json_answer(report.as_dict())

    def _health(self, query: dict[str, str]) -> Answer:
        return json_answer({"ok": True})

    # Names

    def _location(self, name: Any) -> int:
        number = _number(name, "Location")
        locations = self._double.shop.locations
        if number in locations:
            return number
        found = [place.id for place in locations.values() if place.name == name]
        if not found:
            raise ControlError(f"unknown location {name}")
        return found[0]

    def _item(self, body: dict[str, Any]) -> Item:
        shop = self._double.shop
        number = _number(body.get("item"), "InventoryItem")
        item = shop.items.get(number) if number else shop.item_by_sku(body["sku"])
        if item is None:
            raise ControlError(f"unknown item {body.get('item') or body.get('sku')}")
        return item

    def _level(self, body: dict[str, Any]) -> Level:
        shop, item = self._double.shop, self._item(body)
        location = self._location(body["location"])
        level = shop.levels.get((item.id, location))
        if level is None:
            raise ControlError(f"{item.sku} has no level at {body['location']}")
        return level


def _number(value: Any, kind: str) -> int | None:
    """A gid or its bare number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return gid.number(value, kind)
