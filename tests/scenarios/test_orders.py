"""Sold units that the source has not seen are never shown again: mode by mode, witness by witness."""

import json
from datetime import timedelta

import pytest

from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.scenarios.shop_world import ShopWorld, ago, now


@pytest.fixture
def world(run_dir, kafka, postgres):
    with ShopWorld(run_dir, kafka, postgres) as world:
        yield world


def open_at(world: ShopWorld, units: int, mode: str) -> str:
    """A SKU at par at BER, with `units` counted a minute ago."""
    (sku,) = world.load(1, available=0)
    world.sync()
    world.apply()
    world.push().start(wait_ready=True)
    world.count(sku, units, ago(60), ago(60))
    wait_shown(world, sku, mode, units)
    return sku


def wait_shown(world: ShopWorld, sku: str, name: str, units: int) -> None:
    wait_until(lambda: world.shows(sku)[name] == units, f"{name} to be {units}", 30, every_s=0.1)
    world.wait_par()


@pytest.mark.parametrize("witness", ["read", "order", "both"])
def test_a_sale_is_not_put_back(world, witness):
    """10 counted, 3 sold since; a later number from before the sale says 12: the shop may show 9."""
    sku = open_at(world, 10, "available")
    world.sell(sku, 3)
    if witness != "read":
        world.ordered(sku, 3, now())
    if witness == "order":
        # The shop took it back without a word: the order alone stands for it until cancelled.
        world.sell(sku, 3, "cancel")
    world.count(sku, 12, ago(30), ago(50))
    wait_shown(world, sku, "available", 9)
    world.prove()


def test_what_the_source_has_seen_counts_no_more(world):
    sku = open_at(world, 10, "available")
    world.sell(sku, 3)
    world.ordered(sku, 3, now())
    wait_shown(world, sku, "available", 7)
    world.count(sku, 7, now(), now())
    wait_shown(world, sku, "available", 7)
    world.count(sku, 20, now() + timedelta(seconds=1), now() + timedelta(seconds=1))
    wait_shown(world, sku, "available", 20)


def test_a_cancelled_order_comes_back_with_the_next_number(world):
    """Whose order it was, and whether the source has seen it, nobody knows: until it speaks again too little is shown."""
    sku = open_at(world, 10, "available")
    world.sell(sku, 4)
    world.ordered(sku, 4, now())
    wait_shown(world, sku, "available", 6)
    world.sell(sku, 4, "cancel")
    world.ordered(sku, -4, now())
    world.observed(sku, 10, now())
    world.count(sku, 10, ago(40), ago(50))
    wait_shown(world, sku, "available", 6)
    later = now() + timedelta(seconds=1)
    world.count(sku, 10, later, later)
    wait_shown(world, sku, "available", 10)


def test_a_unit_put_back_and_sold_untold_is_not_sold_again(world):
    """The level is where we left it: one was put back, and sold to somebody of whom nobody told. The source has the first."""
    sku = open_at(world, 1, "available")
    world.sell(sku, 1)
    world.ordered(sku, 1, now())
    wait_shown(world, sku, "available", 0)
    push = world.workers[-1]
    push.pause()
    world.sell(sku, 1, "cancel")
    world.ordered(sku, -1, now())
    world.count(sku, 1, now(), now())
    world.sell(sku, 1)
    push.resume()
    world.wait_par()
    assert world.shows(sku)["available"] == 0 and world.desired(sku) == 0
    world.prove()


def test_an_order_cancelled_before_it_was_read_is_off_at_once(world):
    sku = open_at(world, 10, "available")
    world.workers[-1].terminate()
    world.ordered(sku, 4, now())
    wait_until(lambda: world.desired(sku) == 6, "the order to be taken off", 30)
    world.ordered(sku, -4, now())
    wait_until(lambda: world.desired(sku) == 10, "the order to be given back", 30)


def test_an_order_without_a_location_counts_everywhere(world):
    sku = open_at(world, 10, "available")
    world.publish({"type": "shop.ordered", "source": "demo", "sku": sku, "quantity": 2, "location": None,
                   "occurred_at": now().isoformat()})  # fmt: skip
    wait_shown(world, sku, "available", 8)


def test_a_level_seen_elsewhere_is_read_and_decided_anew(world):
    """A sale of which only the level's webhook tells: the number in it is not believed, the shop is asked."""
    sku = open_at(world, 10, "available")
    world.sell(sku, 4)
    world.observed(sku, 5, now())
    wait_until(lambda: world.desired(sku) == 6, "the sale to be taken off", 30)
    assert world.shows(sku)["available"] == 6
    world.prove()


def test_a_changed_contract_takes_effect_at_once(world):
    sku = open_at(world, 10, "available")
    world.workers[-1].terminate()
    world.write_contract(buffer={"fixed": 4})
    world.push("push-2").start(wait_ready=True)
    wait_shown(world, sku, "available", 6)


def test_shipped_units_are_not_put_back(run_dir, kafka, postgres):
    """on_hand: a count taken before a shipment must not put the shipped units back on the shelf."""
    with ShopWorld(run_dir, kafka, postgres, "on_hand") as world:
        sku = open_at(world, 10, "on_hand")
        world.sell(sku, 3)
        assert world.shows(sku)["available"] == 7
        world.sell(sku, 3, "fulfil")
        world.count(sku, 12, ago(30))
        wait_shown(world, sku, "on_hand", 9)
        world.count(sku, 9, now())
        wait_shown(world, sku, "on_hand", 9)
        world.prove()


@pytest.mark.parametrize("mode", ["available", "on_hand"])
def test_a_kit_and_its_parts_sell_from_one_stock(run_dir, kafka, postgres, mode):
    """Two of A and one of B make a kit: 10 and 7 make 5; what is sold of the one is off the others."""
    with ShopWorld(run_dir, kafka, postgres, mode) as world:
        world.more = {"kits": [{"sku": "KIT", "components": [
            {"sku": "SKU-00000", "quantity": 2}, {"sku": "SKU-00001", "quantity": 1}]}]}  # fmt: skip
        world.write_contract()
        first, second = world.load(2, available=0)
        world.items["KIT"] = world.control("catalog", {"items": [
            {"sku": "KIT", "levels": {"501": {"available": 0}}}]})["ids"][0]  # fmt: skip
        world.sync()
        world.apply()
        world.push().start(wait_ready=True)
        world.count(first, 10, ago(60), ago(60))
        world.count(second, 7, ago(60), ago(60))
        wait_shown(world, "KIT", mode, 5)
        world.sell("KIT", 1)
        world.ordered("KIT", 1, now())
        wait_shown(world, first, mode, 8)
        wait_shown(world, second, mode, 6)
        # A shop in mode on_hand keeps the kit's own order itself, and no other item's.
        wait_shown(world, "KIT", mode, 4 if mode == "available" else 5)
        assert world.shows("KIT")["available"] == 4
        world.sell(first, 3)  # before its event is out: what the shop has not sold yet, it would sell twice
        world.ordered(first, 3, now())
        wait_until(lambda: world.shows("KIT")["available"] == 2, "the kit to follow", 30)
        world.wait_par()
        world.prove()


def incidents(world: ShopWorld) -> dict[tuple[str, str], str]:
    """State by SKU and class, through the outside interface."""
    done = run_parstock("incidents", "list", "--all", "-o", "jsonl", env=world.env())
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["sku"], row["class"]): row["state"] for row in rows}


def wait_incidents(world: ShopWorld, wanted: dict[tuple[str, str], str]) -> None:
    wait_until(lambda: incidents(world) == wanted, f"incidents to be {wanted}", 40, every_s=0.5)


def test_orders_beyond_the_stock_are_one_incident_an_episode(world):
    sku = open_at(world, 5, "available")
    world.ordered(sku, 8, now())
    wait_incidents(world, {(sku, "stock_oversold"): "opened"})
    world.ordered(sku, 1, now())
    wait_shown(world, sku, "available", 0)
    assert world.db.execute("SELECT count(*) FROM incidents").fetchone()[0] == 1
    world.count(sku, 20, now() + timedelta(seconds=1), now() + timedelta(seconds=1))
    wait_incidents(world, {(sku, "stock_oversold"): "resolved"})
    world.ordered(sku, 30, now() + timedelta(seconds=2))
    wait_until(lambda: world.db.execute("SELECT count(*) FROM incidents").fetchone()[0] == 2, "a new episode", 40)


def test_a_level_below_zero_is_an_incident_unless_it_may_be(world):
    sku = open_at(world, 5, "available")
    world.items["MORE"] = world.control("catalog", {"items": [
        {"sku": "MORE", "policy": "CONTINUE", "levels": {"501": {"available": 5}}}]})["ids"][0]  # fmt: skip
    world.sync()
    world.count("MORE", 5, ago(60), ago(60))
    for name in (sku, "MORE"):
        world.sell(name, 7)
        world.observed(name, -2, now())
    # The read that the observation asks for finds seven gone of five: a debt on both accounts.
    wait_incidents(world, {(sku, "shop_oversold"): "opened", (sku, "stock_oversold"): "opened"})
    world.wait_par()
    assert world.shows(sku)["available"] == -2, "raised to 0, the debt would be hidden"
    world.sell(sku, 7, "cancel")
    world.ordered(sku, -7, now())
    world.observed(sku, 5, now())
    wait_incidents(world, {(sku, "shop_oversold"): "resolved", (sku, "stock_oversold"): "opened"})
    later = now() + timedelta(seconds=1)
    world.count(sku, 5, later, later)
    wait_incidents(world, {(sku, "shop_oversold"): "resolved", (sku, "stock_oversold"): "resolved"})
