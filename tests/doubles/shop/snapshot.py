"""What the shop holds, over a stop and a start in the same directory. Bulk exports and
issued tokens are not kept."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from .clock import Clock
from .idempotency import IdempotencyStore, Record
from .state import Item, Level, Location, Quantities, Shop


def save(path: Path, shop: Shop, keys: IdempotencyStore, clock: Clock) -> None:
    """The caller holds the shop's lock and does not give it back: nothing may be
    applied after this."""
    value = {
        "offset_seconds": clock.now() - time.time(),
        "locations": [dataclasses.asdict(place) for place in shop.locations.values()],
        "items": [
            [
                item.id,
                item.sku,
                item.tracked,
                item.mutable,
                item.policy,
                item.status,
                item.tags,
                item.price,
                item.bundle,
            ]
            for item in shop.items.values()
        ],
        "levels": [
            [
                level.item,
                level.location,
                level.quantities,
                level.active,
                level.created_at,
                level.updated_at,
            ]
            for level in shop.levels.values()
        ],
        "keys": [
            [
                key,
                record.fingerprint,
                record.created_at,
                record.state,
                _pack(record.result),
            ]
            for key, record in keys.export()
        ],
    }
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, separators=(",", ":")))
    part.rename(path)


def load(path: Path, shop: Shop, keys: IdempotencyStore, clock: Clock) -> bool:
    """Takes the snapshot, once: after a kill there is none, and the shop begins empty."""
    if not path.exists():
        return False
    value = json.loads(path.read_text())
    clock.run(1.0, time.time() + value["offset_seconds"])
    shop.locations = {entry["id"]: Location(**entry) for entry in value["locations"]}
    for entry in value["items"]:
        *facts, tags, price, bundle = entry
        shop.add_item(Item(*facts, tuple(tags), price, bundle))
    for item, location, quantities, active, created_at, updated_at in value["levels"]:
        level = shop.add_level(
            shop.items[item], location, Quantities(*quantities), active, created_at
        )
        level.updated_at = updated_at
    for key, fingerprint, created_at, state, result in value["keys"]:
        keys.restore(key, Record(fingerprint, created_at, state, _unpack(result, shop)))
    path.unlink()
    return True


def _pack(value: Any) -> Any:
    """A payload holds levels; they are written as what names them."""
    if isinstance(value, Level):
        return {"level": [value.item, value.location]}
    if isinstance(value, dict):
        return {"dict": {name: _pack(each) for name, each in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"list": [_pack(each) for each in value]}
    return value


def _unpack(value: Any, shop: Shop) -> Any:
    if not isinstance(value, dict):
        return value
    if "level" in value:
        item, location = value["level"]
        return shop.levels.get((item, location))
    if "dict" in value:
        return {name: _unpack(each, shop) for name, each in value["dict"].items()}
    return [_unpack(each, shop) for each in value["list"]]
