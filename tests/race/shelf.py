"""One race as the shelf, its customers and its source know it: the truth, and what a count of it says. No I/O."""

from dataclasses import dataclass, field

from .script import ORDER_LAG_S, Script

ORDER_LAG_US = round(ORDER_LAG_S * 1e6)
MODES = ("available", "on_hand")


@dataclass(slots=True)
class Order:
    """A moment is microseconds of UTC; None: it has not come."""

    id: str
    units: int
    placed: int
    cancelled: int | None = None
    shipped: int | None = None

    @property
    def is_open(self) -> bool:
        return self.cancelled is None and self.shipped is None


@dataclass(frozen=True, slots=True)
class Count:
    id: str
    quantity: int
    taken: int
    sees_until: int  # what the source had really seen, whether it says so or not
    says: int | None  # what it says of orders


@dataclass(slots=True)
class Race:
    script: Script
    received: int = 0
    orders: list[Order] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)  # moment, in words: for people

    def __post_init__(self) -> None:
        self.received = self.script.stock

    @property
    def sku(self) -> str:
        return self.script.sku

    def buy(self, units: int, at: int) -> Order:
        order = Order(f"order-{len(self.orders) + 1}", units, at)
        self.orders.append(order)
        return order

    def pick_open(self, pick: float) -> Order | None:
        waiting = [order for order in self.orders if order.is_open]
        return waiting[int(pick * len(waiting))] if waiting else None

    # What is so, and what the source says is so

    def quantity(self, mode: str, seen_until: int | None = None) -> int:
        """With everything that happened up to then; None: the truth."""
        if mode == "on_hand":
            return self.received - self._units("shipped", seen_until)
        return self.received - self._units("placed", seen_until) + self._units("cancelled", seen_until)

    def _units(self, what: str, until: int | None) -> int:
        happened = ((getattr(order, what), order.units) for order in self.orders)
        return sum(units for at, units in happened if at is not None and (until is None or at <= until))

    def count(self, mode: str, now: int, lag: int) -> Count:
        """The shelf as of now, less what the source has seen; it does not forget what it saw.

        What a source says of orders says nothing of shipments: of those it may lack what the contract allows, whatever
        it says.
        """
        if mode == "on_hand":
            lag = min(lag, ORDER_LAG_US)
        seen = max(now - lag, self.counts[-1].sees_until if self.counts else 0)
        says = (now if mode == "on_hand" else seen) if self.script.says_watermark else None
        count = Count(f"count-{len(self.counts) + 1}", self.quantity(mode, seen), now, seen, says)
        self.counts.append(count)
        return count

    def is_overtaken(self, mode: str, count: Count) -> bool:
        """Has anything happened since that makes it too high a number?"""
        what = "shipped" if mode == "on_hand" else "placed"
        return any((getattr(order, what) or 0) > count.sees_until for order in self.orders)
