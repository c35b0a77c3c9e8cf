"""Items that get another SKU, or are deleted, as by a hand in the admin."""

from shop_client import document


def look(shop, item):
    variables = {"ids": [item], "locationId": "gid://shopify/Location/501"}
    return shop.graphql(document("read_levels"), variables)["data"]["nodes"][0]


def test_a_renamed_item_keeps_its_levels(shop):
    item, before = shop.items["A"], look(shop, shop.items["A"])
    assert shop.control("rename", {"sku": "A", "to": "A2"}) == {"item": item}
    after = look(shop, item)
    assert (before["sku"], after["sku"]) == ("A", "A2")
    assert after["inventoryLevel"] == before["inventoryLevel"]
    shop.control("rename", {"item": item, "to": None})
    assert look(shop, item)["sku"] is None
    shop.control("rename", {"sku": "A", "to": "A3"}, status=400)


def test_a_removed_item_is_gone_with_its_levels(shop):
    item = shop.items["A"]
    assert len(shop.control("remove", {"sku": "A"})["pairs"]) == 2
    assert look(shop, item) is None
    assert shop.level("A") is None and shop.level("B") is not None
    refused = shop.codes(shop.set([shop.pair("A", 3, None)]))
    assert refused == ["INVALID_INVENTORY_ITEM"]
    assert shop.check()["ok"]


def test_the_number_of_a_removed_item_does_not_come_again(shop):
    item = shop.items["C"]
    shop.control("remove", {"item": item})
    shop.load({"C": {"main": {"available": 1}}})
    assert shop.items["C"] != item
