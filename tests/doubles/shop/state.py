"""What the shop holds: locations, items and their levels. One lock guards all of it;
levels are replaced, never half changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

from . import gid

STATES = (
    "available",
    "committed",
    "reserved",
    "damaged",
    "safety_stock",
    "quality_control",
    "incoming",
)
ON_HAND = STATES[:-1]
NAMES = ("available", "on_hand", *STATES[1:])


class Quantities(NamedTuple):
    """The stored states; on_hand is their sum without incoming, so the identity can not
    be broken."""

    available: int = 0
    committed: int = 0
    reserved: int = 0
    damaged: int = 0
    safety_stock: int = 0
    quality_control: int = 0
    incoming: int = 0

    @property
    def on_hand(self) -> int:
        return self[0] + self[1] + self[2] + self[3] + self[4] + self[5]

    def get(self, name: str) -> int:
        return getattr(self, name)

    def with_value(self, name: str, value: int) -> Quantities:
        """Setting on_hand moves available, as the other states are not the caller's to
        change."""
        if name == "on_hand":
            return self._replace(available=self.available + value - self.on_hand)
        return self._replace(**{name: value})


@dataclass(slots=True)
class Level:
    item: int
    location: int
    quantities: Quantities
    active: bool
    created_at: float
    updated_at: dict[str, float]

    def dated(self, name: str) -> float:
        return self.updated_at.get(name, self.created_at)

    def shown(self) -> dict[str, int]:
        return {name: self.quantities.get(name) for name in NAMES}


@dataclass(slots=True)
class Location:
    id: int
    name: str
    active: bool = True
    fulfills_online_orders: bool = True
    ships_inventory: bool = True
    fulfillment_service: bool = False


@dataclass(slots=True)
class Item:
    id: int
    sku: str | None
    tracked: bool = True
    mutable: bool = True
    policy: str = "DENY"
    status: str = "ACTIVE"
    tags: tuple[str, ...] = ()
    price: str = "0.00"
    bundle: bool = False  # as the shop says; what is not mutable need not be one
    levels: list[Level] = field(default_factory=list)


class Change(NamedTuple):
    level: Level
    before: Quantities
    after: Quantities

    def journal(self) -> dict[str, Any]:
        return {
            "pair": gid.pair_name(self.level.item, self.level.location),
            "available": [self.before.available, self.after.available],
            "on_hand": [self.before.on_hand, self.after.on_hand],
        }


class Shop:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.made_up = 0  # items that nobody holds (made_up.py)
        self.changed: Callable[[Change], None] | None = None  # told of every put
        self.clear()

    def clear(self) -> None:
        with self.lock:
            self.locations: dict[int, Location] = {}
            self.items: dict[int, Item] = {}
            self.levels: dict[tuple[int, int], Level] = {}
            self.by_sku: dict[str, list[int]] = {}
            self.newest_item = 0

    def add_item(self, item: Item) -> None:
        if item.id in self.items:
            raise ValueError(f"item {item.id} is there already")
        self.items[item.id] = item
        self.newest_item = max(self.newest_item, item.id)
        if item.sku is not None:
            self.by_sku.setdefault(item.sku, []).append(item.id)

    def add_level(
        self, item: Item, location: int, quantities: Quantities, active: bool, now: float
    ) -> Level:
        level = Level(item.id, location, quantities, active, now, {})
        self.levels[(item.id, location)] = level
        item.levels.append(level)
        return level

    def remove_item(self, item: Item) -> list[Level]:
        """The item with all its levels is gone, as after a deletion in the admin."""
        del self.items[item.id]
        if item.sku is not None:
            self.by_sku[item.sku].remove(item.id)
        for level in item.levels:
            del self.levels[(item.id, level.location)]
        return item.levels

    def rename_item(self, item: Item, sku: str | None) -> None:
        if item.sku is not None:
            self.by_sku[item.sku].remove(item.id)
        item.sku = sku
        if sku is not None:
            self.by_sku.setdefault(sku, []).append(item.id)

    def put(self, level: Level, quantities: Quantities, now: float) -> Change:
        """Replaces a level's quantities and dates those that changed. The caller holds
        the lock."""
        before = level.quantities
        dates = dict(level.updated_at)
        if before != quantities:
            dates.update(
                {name: now for name in NAMES if before.get(name) != quantities.get(name)}
            )
        level.quantities, level.updated_at = quantities, dates
        change = Change(level, before, quantities)
        if self.changed is not None:
            self.changed(change)
        return change

    def item_by_sku(self, sku: str) -> Item | None:
        numbers = self.by_sku.get(sku)
        return self.items[numbers[0]] if numbers else None
