"""Bulk exports: the life of an operation, limits, and JSON Lines whose children do not
follow their parents."""

import json
from urllib.parse import urlsplit

import pytest

from shop_client import document


def run(shop, query=None):
    return shop.graphql(
        document("bulk_run"), {"query": query or document("catalog_bulk")}
    )["data"]["bulkOperationRunQuery"]


def poll(shop, number):
    return shop.graphql(document("bulk_status"), {"id": number})["data"]["bulkOperation"]


def finish(shop, number):
    while True:
        operation = poll(shop, number)
        if operation["status"] not in ("CREATED", "RUNNING"):
            return operation


def download(shop, url):
    status, data = shop.request("GET", urlsplit(url).path)
    assert status == 200
    return [json.loads(line) for line in data.splitlines()]


def test_statuses_follow_one_another(shop):
    shop.control("config", {"bulk_created_polls": 1, "bulk_running_polls": 2})
    answer = run(shop)
    assert answer["userErrors"] == [] and answer["bulkOperation"]["status"] == "CREATED"
    number = answer["bulkOperation"]["id"]
    assert [poll(shop, number)["status"] for _ in range(3)] == [
        "CREATED",
        "RUNNING",
        "RUNNING",
    ]
    assert finish(shop, number)["status"] == "COMPLETED"


def test_export_holds_the_whole_catalogue(shop):
    operation = finish(shop, run(shop)["bulkOperation"]["id"])
    lines = download(shop, operation["url"])
    kinds = {
        kind: [line for line in lines if f"/{kind}/" in line["id"]]
        for kind in ("InventoryItem", "ProductVariant", "InventoryLevel")
    }
    assert [len(found) for found in kinds.values()] == [3, 3, 4]
    assert (operation["objectCount"], operation["rootObjectCount"]) == ("10", "3")
    assert int(operation["fileSize"]) == len(
        shop.request("GET", urlsplit(operation["url"]).path)[1]
    )
    assert kinds["InventoryItem"][0] == {
        "id": shop.items["A"],
        "sku": "A",
        "tracked": True,
        "duplicateSkuCount": 0,
    }
    level = kinds["InventoryLevel"][0]
    assert level["__parentId"] == shop.items["A"]
    assert level["location"] == {"id": "gid://shopify/Location/501"}
    assert {q["name"]: q["quantity"] for q in level["quantities"]} == {
        "available": 5,
        "on_hand": 7,
        "committed": 2,
    }
    variant = kinds["ProductVariant"][0]
    assert (
        variant["inventoryPolicy"],
        variant["requiresComponents"],
        variant["price"],
        variant["product"]["tags"],
    ) == ("DENY", False, "0.00", [])


def test_children_do_not_follow_their_parents(shop):
    lines = download(shop, finish(shop, run(shop)["bulkOperation"]["id"])["url"])
    assert "__parentId" not in lines[1]
    assert any(line.get("__parentId") == lines[0]["id"] for line in lines)


def test_inactive_levels_are_exported(shop):
    shop.control("edit", {"sku": "A", "location": "store", "active": False})
    lines = download(shop, finish(shop, run(shop)["bulkOperation"]["id"])["url"])
    assert [
        line["isActive"]
        for line in lines
        if line.get("location") == {"id": "gid://shopify/Location/502"}
    ] == [False]


def test_empty_result_has_no_url(shop):
    shop.control("reset")
    operation = finish(shop, run(shop)["bulkOperation"]["id"])
    assert (operation["status"], operation["url"], operation["objectCount"]) == (
        "COMPLETED",
        None,
        "0",
    )


def test_facts_of_variants_are_exported(shop):
    facts = {"tags": ["new", "red"], "price": "12.50", "policy": "CONTINUE"}
    shop.load({"KIT": {"main": {"available": 1}}}, bundle=True, **facts)
    lines = download(shop, finish(shop, run(shop)["bulkOperation"]["id"])["url"])
    (variant,) = (
        line
        for line in lines
        if "/ProductVariant/" in line["id"] and line["__parentId"] == shop.items["KIT"]
    )
    assert (variant["price"], variant["inventoryPolicy"]) == ("12.50", "CONTINUE")
    assert variant["requiresComponents"] is True
    assert variant["product"]["tags"] == ["new", "red"]


def test_made_up_items_are_exported_and_nowhere_else(shop):
    shop.control("config", {"bulk_made_up": 150})
    operation = finish(shop, run(shop)["bulkOperation"]["id"])
    # Each with a variant and a level at every location, beside the three that are held.
    assert (operation["objectCount"], operation["rootObjectCount"]) == (
        str(10 + 150 * 5),
        "153",
    )
    lines = download(shop, operation["url"])
    assert len(lines) == int(operation["objectCount"])
    skus = {line["sku"] for line in lines if "/InventoryItem/" in line["id"]}
    assert len(skus) == 153 and "made-up-0000149" in skus
    assert len(shop.request("GET", "/_double/state")[1].split(b'"pair"')) == 5


def test_failed_export_has_a_code_and_partial_data(shop):
    shop.control("config", {"bulk_outcome": "FAILED", "bulk_error_code": "TIMEOUT"})
    operation = finish(shop, run(shop)["bulkOperation"]["id"])
    assert (operation["status"], operation["errorCode"], operation["url"]) == (
        "FAILED",
        "TIMEOUT",
        None,
    )
    assert len(download(shop, operation["partialDataUrl"])) < 10


def test_url_expires_after_seven_days(shop):
    number = run(shop)["bulkOperation"]["id"]
    url = finish(shop, number)["url"]
    shop.control("clock", {"advance_seconds": 7 * 86400})
    assert poll(shop, number)["status"] == "EXPIRED"
    assert shop.request("GET", urlsplit(url).path)[0] == 404


def test_sixth_operation_is_refused(shop):
    for _ in range(5):
        assert run(shop)["userErrors"] == []
    assert [e["code"] for e in run(shop)["userErrors"]] == ["LIMIT_REACHED"]


@pytest.mark.parametrize(
    "query, text",
    [
        ("{ shop { name } }", "inventoryItems"),
        ("{ inventoryItems { edges { node { id colour } } } }", "colour"),
        ("{ inventoryItems { edges ", "Syntax"),
        (
            (
                "{ inventoryItems { edges { node { id inventoryLevels { edges { node { id"
                " item { inventoryLevels { edges { node { id } } } } } } } } } } }"
            ),
            "deeper",
        ),
    ],
)
def test_bad_bulk_query_is_refused(shop, query, text):
    answer = run(shop, query)
    assert answer["bulkOperation"] is None
    assert (
        answer["userErrors"][0]["code"] == "INVALID"
        and text in answer["userErrors"][0]["message"]
    )


def test_unknown_operation_is_null(shop):
    assert poll(shop, "gid://shopify/BulkOperation/999") is None


def test_download_may_break_off(shop):
    url = finish(shop, run(shop)["bulkOperation"]["id"])["url"]
    shop.control("faults", {"next": [{"fault": "truncated", "ops": ["bulk_download"]}]})
    with pytest.raises(Exception, match="IncompleteRead"):
        shop.request("GET", urlsplit(url).path)
    assert len(download(shop, url)) == 10
