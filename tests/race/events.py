"""What is told of a race: counts by the source, orders and cancellations by the shop."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .shelf import Count, Order, Race

SOURCE, SHOP, PLACE = "wms", "demo", "BER"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Event:
    race: Race
    value: bytes
    words: str
    count: Count | None = None

    @property
    def key(self) -> bytes:
        return self.race.sku.encode()


def moment(microseconds: int) -> str:
    when = _EPOCH + timedelta(microseconds=microseconds)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _value(kind: str, source: str, race: Race, **fields) -> bytes:
    event = {"type": kind, "source": source, "sku": race.sku, "location": PLACE, **fields}
    return json.dumps(event, separators=(",", ":")).encode()


def counted(race: Race, count: Count) -> Event:
    more = {"sees_orders_until": moment(count.says)} if count.says is not None else {}
    value = _value("stock.counted", SOURCE, race, id=count.id, quantity=count.quantity,
                   occurred_at=moment(count.taken), **more)  # fmt: skip
    return Event(race, value, f"{count.id} of {count.quantity}", count)


def observed(race: Race, shows: int, at_us: int) -> Event:
    """What the shop has available, as it is told after every change: a reason to look, never a count."""
    value = _value("shop.observed", SHOP, race, quantity=shows, occurred_at=moment(at_us))
    return Event(race, value, f"the shop shows {shows}")


def ordered(race: Race, order: Order) -> Event:
    value = _value("shop.ordered", SHOP, race, id=order.id, quantity=order.units, occurred_at=moment(order.placed))
    return Event(race, value, f"{order.id} of {order.units}")


def cancelled(race: Race, order: Order) -> Event:
    value = _value("shop.ordered", SHOP, race, id=f"{order.id}-cancelled", quantity=-order.units,
                   occurred_at=moment(order.cancelled or 0))  # fmt: skip
    return Event(race, value, f"{order.id} cancelled")
