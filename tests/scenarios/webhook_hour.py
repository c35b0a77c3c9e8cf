"""An hour of a busy shop, told by webhooks that come late, twice, in another order or never.

    python3 -m tests.scenarios.webhook_hour [--orders 1440] [--minutes 60] [--speed 30] [--seed 1]

The shop's clock starts more than an hour ago and runs faster, so that the latest webhook comes now and none speaks of
times that are still to come. Buyers buy, cancel, return; a hand edits levels and renames items; apply, push and the
gateway run. Afterwards the catalogue is swept once, and what parstock knows of the shop is held against the shop itself.
"""

import argparse
import json
import random
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir
from tests.scenarios.hook_world import HookWorld
from tests.scenarios.push_world import PLACES
from tests.scenarios.shop_world import ago

CHAOS = {"delay": [0.2, 5], "lost": 0.05, "twice": 0.1, "late": 0.1, "late_by": [60, 900],
         "reordered": 0.3, "reordered_by": [1, 60]}  # fmt: skip

LATEST = 1200  # seconds: the latest of the late ones, with some to spare


@dataclass
class Hour:
    world: HookWorld
    seed: int
    orders: int
    minutes: float
    speed: float
    figures: dict[str, Any] = field(default_factory=dict)

    def run(self, items: int = 60) -> list[str]:
        """What differs in the end; figures are kept."""
        world, dice = self.world, random.Random(self.seed)
        skus = world.load(items, available=200)
        world.sync()
        world.apply()
        world.gateway()
        world.push().start(wait_ready=True)
        for sku in skus[: items // 2]:
            world.count(sku, 200, ago(2 * 3600), ago(2 * 3600))
        world.wait_par()
        world.control("clock", {"speed": self.speed, "start": -self.minutes * 60 - LATEST})
        world.subscribe(seed=self.seed, **CHAOS)
        self.trade(dice, skus)
        self.drain()
        return self.sweep()

    def trade(self, dice: random.Random, skus: list[str]) -> None:
        world, open_orders = self.world, []
        began = time.monotonic()
        for number in range(self.orders):
            # At an even pace over the hour, as its clock tells it.
            due = began + number / self.orders * self.minutes * 60 / self.speed
            time.sleep(max(0.0, due - time.monotonic()))
            place = dice.choice(sorted(PLACES))
            name, sku, units = f"o{number}", dice.choice(skus), dice.randint(1, 3)
            deed = dice.random()
            if deed < 0.8 or not open_orders:
                world.order(name, sku, units, place=place, **({"till": PLACES[place]} if dice.random() < 0.3 else {}))
                open_orders.append((name, sku, units, place))
            elif deed < 0.9:
                name, sku, units, place = open_orders.pop(dice.randrange(len(open_orders)))
                world.order(name, sku, units, dice.choice(["cancel", "refund"]), place=place)
            elif deed < 0.97:
                world.control("edit", {"sku": sku, "location": PLACES[place], "available": dice.randint(50, 250)})
            else:
                at = skus.index(sku)
                new = f"SKU-{20_000 + number:05}"
                world.control("rename", {"sku": sku, "to": new})
                world.items[new] = world.items.pop(sku)
                skus[at] = new
                open_orders = [one for one in open_orders if one[1] != sku]

    def drain(self) -> None:
        """Late ones of the last minutes come too; what was lost stays lost."""
        world = self.world
        world.control("clock", {"advance_seconds": LATEST - 60})
        world.wait_told(120)
        time.sleep(1)
        world.wait_par(120)
        self.figures["before the sweep"] = len(self.differences())

    def sweep(self) -> list[str]:
        world = self.world
        world.sync()
        world.wait_par(120)
        counts, rules = world.hooks()["counts"], {}
        for rule in ("level_seen", "ordered", "restocked", "item", "no_sku", "gone", "duplicate_sku"):
            rules[rule] = world.metric("parstock_webhook_rules_total", rule=rule)
        told = {name: world.metric("parstock_webhooks_total", outcome=name) for name in ("taken", "repeated", "busy", "forged")}
        self.figures |= {"webhooks": counts, "gateway": told, "rules": rules, "apply": world.outcomes()}
        return self.differences()

    def differences(self) -> list[str]:
        """What parstock knows of items and levels, against the shop itself."""
        world = self.world
        shown = {
            (level["sku"], place): level["available"]
            for level in world_levels(world)
            for place, number in PLACES.items()
            if level["location"].endswith(f"/{number}")
        }
        known = {
            (sku, place): number
            for sku, place, number in world.db.execute(
                "SELECT sku, location, shown FROM shop_levels WHERE shop = 'demo' AND stocked").fetchall()
        }  # fmt: skip
        items = dict(world.db.execute("SELECT item, raw_sku FROM shop_items").fetchall())
        own = {level["item"]: level["sku"] for level in world_levels(world)}
        wrong = [f"{pair}: the shop shows {shown.get(pair)}, known is {known.get(pair)}"
                 for pair in sorted(set(shown) | set(known)) if shown.get(pair) != known.get(pair)]  # fmt: skip
        wrong += [f"{item}: the shop says {own.get(item)}, known is {items.get(item)}"
                  for item in sorted(set(own) | set(items)) if own.get(item) != items.get(item)]  # fmt: skip
        self.figures["compared"] = {"levels": len(shown), "items": len(own)}
        return wrong


def world_levels(world: HookWorld) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{world.shop.url}/_double/state", timeout=60) as answer:
        return json.loads(answer.read())["levels"]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind, default in (("orders", int, 1440), ("minutes", float, 60), ("speed", float, 30), ("seed", int, 1)):
        parser.add_argument(f"--{name}", type=kind, default=default)
    options = parser.parse_args(argv)
    run_dir = make_run_dir()
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka, HookWorld(run_dir, kafka, postgres) as world:
        hour = Hour(world, **vars(options))
        wrong = hour.run()
        for name, figure in hour.figures.items():
            print(f"{name}: {figure}")
        print("\n".join(wrong[:20]))
        print(f"{len(wrong)} differences after the sweep")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
