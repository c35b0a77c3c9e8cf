"""Differences of every cause, seeded into the shop double and the pipeline: who was hurt, and by what."""

import json
import random
import time
from typing import Any, Callable

from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.scenarios.shop_world import ShopWorld, ago, now

SET = "inventorySetQuantities"
LIE = {"fault": "answer", "ops": [SET], "when": "before",
       "value": {"data": {SET: {"inventoryAdjustmentGroup": {"id": "gid://shopify/InventoryAdjustmentGroup/1"},
                                "userErrors": []}}}}  # fmt: skip


class DriftWorld(ShopWorld):
    """Shop in mode available, a ruling source and a rival one; one place."""

    def __init__(self, *args: Any, settle_s: int = 1, **shop: Any):
        super().__init__(*args, **shop)
        self.dice = random.Random(5)
        self.level: dict[str, int] = {}
        self.more = {
            "sources": [{"name": "wms", "rank": 1, "state": "available", "max_age_seconds": 3600},
                        {"name": "pos", "rank": 2, "state": "available"}],
            "drift": {"settle_seconds": settle_s, "interval_seconds": 3600, "hot_seconds": 0},
        }  # fmt: skip

    def stock(self, cause: str, count: int, age_s: float = 600) -> list[str]:
        """Items of one group, at par once push has run."""
        skus = self.load(count, 5, places=["BER"], prefix=cause.replace("_", "-").upper())
        self.level |= {sku: self.dice.randrange(40, 100) for sku in skus}
        self.counts({sku: self.level[sku] for sku in skus}, age_s)
        return skus

    def stock_nothing(self) -> None:
        self.load(1, places=["BER"], prefix="IDLE")

    def counts(self, levels: dict[str, int], age_s: float = 0.0, source: str = "wms", **more: Any) -> None:
        at = ago(age_s).isoformat()
        self.publish(*({"type": "stock.counted", "source": source, "sku": sku, "quantity": quantity, "occurred_at": at, **more}
                       for sku, quantity in levels.items()))  # fmt: skip

    def edit(self, sku: str, **values: Any) -> None:
        self.control("edit", {"sku": sku, "location": "BER", **values})

    def drift(self, *flags: str, expect: int | None = None) -> list[dict[str, Any]]:
        done = run_parstock("drift", "run", "-o", "json", *flags, env=self.env(), limit_s=600)
        assert done.returncode in ((0, 1) if expect is None else (expect,)), done.stderr.decode()
        return json.loads(done.stdout)

    def runs(self) -> list[dict[str, Any]]:
        done = run_parstock("drift", "show", "--runs", "-o", "json", env=self.env())
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


# ---- seeds: what happens to a group of items that was at par ----------------------------------


def external_writer(world: DriftWorld, skus: list[str]) -> None:
    for sku in skus:
        world.edit(sku, available=world.level[sku] + world.dice.choice([-11, -7, 7, 12, 31]))


def missed_event(world: DriftWorld, skus: list[str]) -> None:
    for sku in skus:
        world.sell(sku, world.dice.randrange(1, 6))


def lost_write(world: DriftWorld, skus: list[str]) -> None:
    world.control("faults", {"rules": [LIE]})
    world.counts({sku: world.level[sku] + 13 for sku in skus})
    world.wait_par()
    world.control("faults", {})


def rejected_write(world: DriftWorld, skus: list[str]) -> None:
    for sku in skus:
        world.edit(sku, mutable=False)
    world.counts({sku: world.level[sku] + 5 for sku in skus})
    wait_until(lambda: set(skus) <= {sku for sku, _ in world.faults()}, "the refusals", 60)


def source_conflict(world: DriftWorld, skus: list[str]) -> None:
    world.counts({sku: world.level[sku] + 17 for sku in skus}, 600, "pos")
    for sku in skus:
        world.edit(sku, available=world.level[sku] + 17)


def double_apply(world: DriftWorld, skus: list[str]) -> None:
    world.publish(*({"type": "stock.adjusted", "source": "wms", "sku": sku, "quantity": -9, "occurred_at": now().isoformat()}
                    for sku in skus))  # fmt: skip
    world.wait_par()
    for sku in skus:
        world.edit(sku, available=world.level[sku] - 18)


def order_not_in_source(world: DriftWorld, skus: list[str]) -> None:
    """The source says that it has seen the orders, and its number says otherwise; push sleeps meanwhile."""
    world.pusher.pause()
    for sku in skus:
        world.sell(sku, 3)
    sold = now()
    world.publish(*({"type": "shop.ordered", "source": "demo", "sku": sku, "quantity": 3, "occurred_at": sold.isoformat()}
                    for sku in skus))  # fmt: skip
    time.sleep(0.01)
    world.counts({sku: world.level[sku] for sku in skus}, sees_orders_until=now().isoformat(), version=7)
    world.pusher.resume()


def stale_source(world: DriftWorld, skus: list[str]) -> None:
    external_writer(world, skus)


def identity(world: DriftWorld, skus: list[str]) -> None:
    """A third renamed, a third doubled, the others sold by an item that the catalogue does not know."""
    for at, sku in enumerate(skus):
        if at % 2 == 0:
            world.control("rename", {"sku": sku, "to": f"{sku}-NEW"})
        else:
            world.control("catalog", {"items": [{"sku": sku.lower(), "levels": {"501": {"available": 5}}}]})


def not_stocked(world: DriftWorld, skus: list[str]) -> None:
    for sku in skus:
        world.edit(sku, active=False)


def untracked(world: DriftWorld, skus: list[str]) -> None:
    for sku in skus:
        world.edit(sku, tracked=False)


def oversold(world: DriftWorld, skus: list[str]) -> None:
    for sku in skus:
        world.sell(sku, world.level[sku] + 2)


def unknown(world: DriftWorld, skus: list[str]) -> None:
    """What was known of the shop is forgotten, and nobody is to read it: no test can tell anything."""
    world.db.execute("UPDATE shop_levels SET shown = NULL, dirty = false WHERE sku = ANY (%s)", (skus,))
    for sku in skus:
        world.edit(sku, available=world.level[sku] + 4)


def queue_delay(world: DriftWorld, skus: list[str]) -> None:
    world.counts({sku: world.level[sku] + 8 for sku in skus})


# In this order: the last ones need a push that is away.
SEEDS: dict[str, Callable[[DriftWorld, list[str]], None]] = {
    seed.__name__: seed
    for seed in (lost_write, rejected_write, double_apply, order_not_in_source, source_conflict, missed_event,
                 external_writer, stale_source, identity, not_stocked, untracked, oversold, unknown)
}  # fmt: skip
