"""Queries: levels, pairs, locations, scopes, search."""

from shop_client import document


def test_read_levels_in_the_order_asked(shop):
    ids = [shop.items["B"], "gid://shopify/InventoryItem/77", shop.items["A"]]
    answer = shop.graphql(
        document("read_levels"), {"ids": ids, "locationId": "gid://shopify/Location/502"}
    )
    nodes = answer["data"]["nodes"]
    assert (nodes[0]["sku"], nodes[0]["inventoryLevel"]) == ("B", None)
    assert nodes[1] is None
    assert [q["quantity"] for q in nodes[2]["inventoryLevel"]["quantities"]] == [1, 1, 0]


def test_inactive_level_is_told_from_none(shop):
    shop.control("edit", {"sku": "A", "location": "store", "active": False})
    variables = {"ids": [shop.items["A"]], "locationId": "gid://shopify/Location/502"}
    answer = shop.graphql(document("read_levels"), variables)
    assert answer["data"]["nodes"][0]["inventoryLevel"]["isActive"] is False
    plain = document("read_levels").replace(", includeInactive: true", "")
    assert shop.graphql(plain, variables)["data"]["nodes"][0]["inventoryLevel"] is None


def test_read_pairs_by_level_id(shop):
    ids = [
        shop.level("A", "store")["level"],
        shop.level("C")["level"],
        "gid://shopify/InventoryLevel/5?inventory_item_id=1",
    ]
    nodes = shop.graphql(document("read_pairs"), {"ids": ids})["data"]["nodes"]
    assert [node and node["id"] for node in nodes] == [ids[0], ids[1], None]
    assert nodes[1]["quantities"][0] == {
        "name": "available",
        "quantity": 9,
        "updatedAt": nodes[1]["quantities"][0]["updatedAt"],
    }


def test_quantity_is_dated_when_it_changes(shop):
    variables = {"ids": [shop.level("A")["level"]]}

    def dates():
        quantities = shop.graphql(document("read_pairs"), variables)["data"]["nodes"][0][
            "quantities"
        ]
        return {q["name"]: q["updatedAt"] for q in quantities}

    before = dates()
    shop.control("clock", {"advance_seconds": 3600})
    shop.control("order", {"lines": [{"sku": "A", "location": "main", "quantity": 1}]})
    after = dates()
    assert (
        after["available"] > before["available"]
        and after["committed"] > before["committed"]
    )
    assert after["on_hand"] == before["on_hand"]


def test_read_of_251_is_refused(shop):
    ids = [f"gid://shopify/InventoryItem/{n}" for n in range(251)]
    shop.control("config", {"single_query_cost": 2000})
    answer = shop.graphql(
        document("read_levels"), {"ids": ids, "locationId": "gid://shopify/Location/501"}
    )
    assert answer["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_locations_show_inactive_and_legacy_only_when_asked(shop):
    shop.control(
        "catalog", {"locations": [{"name": "third party", "fulfillment_service": True}]}
    )
    nodes = shop.graphql(document("locations"))["data"]["locations"]["nodes"]
    assert [(node["name"], node["isActive"]) for node in nodes] == [
        ("closed", False),
        ("main", True),
        ("store", True),
        ("third party", True),
    ]
    plain = document("locations").replace(
        ", includeInactive: true, includeLegacy: true", ""
    )
    nodes = shop.graphql(plain)["data"]["locations"]["nodes"]
    assert [node["name"] for node in nodes] == ["main", "store"]


def test_access_scopes(shop):
    shop.control("config", {"scopes": ["read_inventory"]})
    answer = shop.graphql(document("access_scopes"))
    assert answer["data"]["currentAppInstallation"]["accessScopes"] == [
        {"handle": "read_inventory"}
    ]


def test_search_by_sku_is_loose(shop):
    shop.load({"a-long": {"main": {"available": 1}}})
    query = (
        "query Q($q: String!) { inventoryItems(first: 10, query: $q) { nodes { sku }"
        " pageInfo { hasNextPage } } }"
    )
    nodes = shop.graphql(query, {"q": "sku:'A'"})["data"]["inventoryItems"]["nodes"]
    assert [node["sku"] for node in nodes] == ["A", "a-long"]


def test_pages_follow_one_another(shop):
    query = (
        "query Q($a: String) { inventoryItems(first: 2, after: $a) { edges { cursor node"
        " { sku } } pageInfo { hasNextPage endCursor } } }"
    )
    first = shop.graphql(query)["data"]["inventoryItems"]
    assert [edge["node"]["sku"] for edge in first["edges"]] == ["A", "B"] and first[
        "pageInfo"
    ]["hasNextPage"]
    second = shop.graphql(query, {"a": first["pageInfo"]["endCursor"]})["data"][
        "inventoryItems"
    ]
    assert [edge["node"]["sku"] for edge in second["edges"]] == ["C"] and not second[
        "pageInfo"
    ]["hasNextPage"]


def test_duplicate_sku_is_counted(shop):
    shop.control(
        "catalog", {"items": [{"sku": "B", "levels": {"main": {"available": 1}}}]}
    )
    query = (
        "query Q($id: ID!) { inventoryItem(id: $id) { duplicateSkuCount variants(first:"
        " 1) { nodes { inventoryPolicy product { tags } } } } }"
    )
    assert (
        shop.graphql(query, {"id": shop.items["B"]})["data"]["inventoryItem"][
            "duplicateSkuCount"
        ]
        == 1
    )
    assert shop.graphql(query, {"id": shop.items["A"]})["data"]["inventoryItem"] == {
        "duplicateSkuCount": 0,
        "variants": {"nodes": [{"inventoryPolicy": "DENY", "product": {"tags": []}}]},
    }


def test_ids_beyond_two_to_the_53_survive(shop):
    shop.control(
        "catalog",
        {
            "items": [
                {
                    "id": 271878346596884015,
                    "sku": "BIG",
                    "levels": {"main": {"available": 4}},
                }
            ]
        },
    )
    shop.items["BIG"] = "gid://shopify/InventoryItem/271878346596884015"
    assert shop.codes(shop.set([shop.pair("BIG", 6, 4)])) == []
    assert shop.level("BIG")["available"] == 6
