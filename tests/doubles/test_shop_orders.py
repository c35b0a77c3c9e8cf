"""Customers at the checkout, and units that come to the shelf."""

import threading

from shop_client import ShopClient


def line(sku: str, units: int) -> dict:
    return {"sku": sku, "location": "main", "quantity": units}


def buy(shop: ShopClient, *lines: dict, status: int = 200) -> dict:
    return shop.control("order", {"action": "buy", "lines": list(lines)}, status)


def test_only_what_is_available_is_sold(shop):
    answer = buy(shop, line("A", 6), line("A", 5), line("A", 1))
    assert answer["accepted"] == [False, True, False]
    level = shop.level("A")
    assert (level["available"], level["committed"], level["on_hand"]) == (0, 7, 7)


def test_lines_are_decided_alone(shop):
    answer = buy(shop, line("A", 6), line("B", 3), line("C", 10))
    assert answer["accepted"] == [False, True, False]
    assert (shop.level("A")["available"], shop.level("B")["available"]) == (5, 0)


def test_a_sale_is_written_as_it_happened(shop):
    answer = buy(shop, line("A", 2), line("A", 9), line("A", 3))
    last = shop.since_reset()[-1]
    pair = shop.items["A"].rsplit("/", 1)[1] + "@501"
    assert (last["kind"], last["action"], last["refused"]) == ("order", "buy", 1)
    assert [(c["pair"], c["available"]) for c in last["changes"]] == [(pair, [5, 3]), (pair, [3, 0])]
    assert answer["t"] <= last["t"] + 1e-6
    assert shop.check()["ok"]


def test_who_sells_on_when_there_is_nothing_left(shop):
    shop.load({"MADE": {"main": {"available": 0}}}, policy="CONTINUE")
    assert buy(shop, line("MADE", 2))["accepted"] == [True]
    assert shop.level("MADE")["available"] == -2


def test_where_it_is_not_stocked_nothing_is_sold(shop):
    shop.load({"SHUT": {"main": {"available": 4, "active": False}}})
    assert buy(shop, line("SHUT", 1))["accepted"] == [False]


def test_a_call_with_a_mistake_sells_nothing(shop):
    for wrong in (line("A", 0), line("A", -1), line("NONE", 1)):
        assert "error" in buy(shop, line("A", 1), wrong, status=400)
    assert shop.level("A")["available"] == 5


def test_no_unit_is_sold_to_two_customers_at_once(shop):
    shop.load({"RARE": {"main": {"available": 25}}})
    sold = []

    def hurry() -> None:
        client = ShopClient(f"http://{shop.host}")
        client.items = shop.items
        for _ in range(20):
            sold.extend(buy(client, line("RARE", 1))["accepted"])
        client.close()

    crowd = [threading.Thread(target=hurry) for _ in range(4)]
    for customer in crowd:
        customer.start()
    for customer in crowd:
        customer.join()
    assert (sold.count(True), sold.count(False)) == (25, 55)
    assert shop.level("RARE")["available"] == 0
    assert shop.check()["ok"]


def test_what_came_to_the_shelf_is_written_and_nothing_else(shop):
    shop.control("shelf", {"lines": [line("A", 4), line("B", 1), line("A", 2)]})
    last = shop.since_reset()[-1]
    pairs = {sku: shop.items[sku].rsplit("/", 1)[1] + "@501" for sku in "AB"}
    assert (last["kind"], last["units"]) == ("shelf", {pairs["A"]: 6, pairs["B"]: 1})
    assert (shop.level("A")["available"], shop.level("A")["on_hand"]) == (5, 7)
    assert shop.check()["ok"]
