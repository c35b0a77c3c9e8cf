"""@idempotent: required, bound to the parameters, 24 hours, and repeated from the
present state."""

import json
import threading

import pytest

from shop_client import ShopClient, document


def test_directive_is_required(shop):
    query = (
        document("set_quantities")
        .replace("@idempotent(key: $key)", "")
        .replace(", $key: String!", "")
    )
    answer = shop.graphql(
        query, {"input": shop.set_variables([shop.pair("A", 6, 5)])["input"]}
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert (
        answer["errors"][0]["message"]
        == "The @idempotent directive is required for this mutation but was not provided."
    )
    assert shop.level("A")["available"] == 5


def test_blank_key_is_refused(shop):
    answer = shop.set([shop.pair("A", 6, 5)], key="  ")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert shop.level("A")["available"] == 5


def test_repeat_succeeds_without_applying_again(shop):
    shop.set([shop.pair("A", 8, 5)], key="k")
    shop.control("order", {"lines": [{"sku": "A", "location": "main", "quantity": 3}]})
    assert shop.codes(shop.set([shop.pair("A", 8, 5)], key="k")) == []
    assert shop.level("A")["available"] == 5
    assert [
        line["kind"]
        for line in shop.since_reset()
        if line["kind"] in ("applied", "replayed")
    ] == ["applied", "replayed"]


def test_repeat_is_rebuilt_from_the_present_state(shop):
    query = document("set_quantities").replace(
        "      id\n",
        '      id changes(quantityNames: ["available"]) '
        "{ name delta quantityAfterChange }\n",
    )
    variables = shop.set_variables([shop.pair("A", 8, 5)], key="k")
    first = shop.graphql(query, variables)["data"]["inventorySetQuantities"][
        "inventoryAdjustmentGroup"
    ]
    assert first["changes"] == [
        {"name": "available", "delta": 3, "quantityAfterChange": 8}
    ]
    shop.control("order", {"lines": [{"sku": "A", "location": "main", "quantity": 3}]})
    again = shop.graphql(query, variables)["data"]["inventorySetQuantities"][
        "inventoryAdjustmentGroup"
    ]
    assert again["id"] == first["id"]
    assert again["changes"] == [
        {"name": "available", "delta": 3, "quantityAfterChange": 5}
    ]


def test_other_parameters_are_a_mismatch(shop):
    shop.set([shop.pair("A", 8, 5)], key="k")
    assert shop.codes(shop.set([shop.pair("A", 9, 8)], key="k")) == [
        "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    ]
    assert shop.level("A")["available"] == 8


def test_other_field_order_is_a_mismatch(shop):
    variables = shop.set_variables([shop.pair("A", 8, 5)], key="k")
    shop.graphql(document("set_quantities"), variables)
    variables["input"] = dict(reversed(variables["input"].items()))
    answer = shop.graphql(document("set_quantities"), variables)
    assert shop.codes(answer) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]


def test_key_is_fresh_after_24_hours(shop):
    shop.set([shop.pair("A", 8, None)], key="k")
    shop.control("edit", {"sku": "A", "location": "main", "available": 1})
    shop.control("clock", {"advance_seconds": 86399 - 60})
    shop.set([shop.pair("A", 8, None)], key="k")
    assert shop.level("A")["available"] == 1
    shop.control("clock", {"advance_seconds": 120})
    shop.set([shop.pair("A", 8, None)], key="k")
    assert shop.level("A")["available"] == 8


def test_refusal_does_not_use_the_key_up(shop):
    assert shop.codes(shop.set([shop.pair("A", 8, 4)], key="k")) == [
        "CHANGE_FROM_QUANTITY_STALE"
    ]
    assert shop.codes(shop.set([shop.pair("A", 8, 5)], key="k")) == []


def test_stale_may_use_the_key_up(shop):
    shop.control("config", {"stale_uses_key": True})
    shop.set([shop.pair("A", 8, 4)], key="k")
    assert shop.codes(shop.set([shop.pair("A", 8, 4)], key="k")) == [
        "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"
    ]


def test_repeat_may_answer_stale(shop):
    shop.control("config", {"replay": "stale"})
    shop.set([shop.pair("A", 8, 5)], key="k")
    assert shop.codes(shop.set([shop.pair("A", 8, 5)], key="k")) == [
        "CHANGE_FROM_QUANTITY_STALE"
    ]
    assert shop.level("A")["available"] == 8


def test_concurrent_request_is_told_so(shop):
    """Both calls are slow, so whichever comes second finds the first one under way."""
    shop.control("faults", {"next": [{"fault": "delay", "ms": 1000, "calls": 2}]})
    other, answers = ShopClient(f"http://{shop.host}"), []
    variables = shop.set_variables([shop.pair("A", 8, 5)], key="k")
    thread = threading.Thread(
        target=lambda: answers.append(
            other.graphql(document("set_quantities"), variables)
        )
    )
    thread.start()
    answers.append(shop.graphql(document("set_quantities"), variables))
    thread.join()
    other.close()
    assert sorted(map(shop.codes, answers)) == [[], ["IDEMPOTENCY_CONCURRENT_REQUEST"]]
    assert shop.codes(shop.graphql(document("set_quantities"), variables)) == []
    assert shop.check()["ok"]


def test_many_threads_with_one_key_apply_it_once(shop):
    variables = shop.set_variables([shop.pair("A", 8, None)], key="k")

    def work() -> None:
        client = ShopClient(f"http://{shop.host}")
        for _ in range(5):
            client.post(document("set_quantities"), variables)
        client.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([line for line in shop.since_reset() if line["kind"] == "applied"]) == 1


def activate(shop, sku, place="store", key="k"):
    location = {"store": 502, "closed": 503}[place]
    return shop.graphql(
        document("inventory_activate"),
        {
            "inventoryItemId": shop.items[sku],
            "locationId": f"gid://shopify/Location/{location}",
            "key": key,
        },
    )


def test_activate_stocks_an_item(shop):
    assert shop.level("B", "store") is None
    answer = activate(shop, "B")
    assert answer["data"]["inventoryActivate"]["inventoryLevel"]["isActive"] is True
    assert shop.level("B", "store")["active"]


def test_activate_keeps_the_quantities_of_an_inactive_level(shop):
    shop.control("edit", {"sku": "A", "location": "store", "active": False})
    answer = activate(shop, "A")
    quantities = answer["data"]["inventoryActivate"]["inventoryLevel"]["quantities"]
    assert quantities[0]["quantity"] == 1


def test_activate_repeats_and_refuses_by_text(shop):
    activate(shop, "B")
    assert activate(shop, "B")["data"]["inventoryActivate"]["userErrors"] == []
    mismatch = activate(shop, "C")["data"]["inventoryActivate"]["userErrors"]
    assert "different parameters" in mismatch[0]["message"] and set(mismatch[0]) == {
        "field",
        "message",
    }


def test_activate_at_a_closed_location_is_refused(shop):
    assert activate(shop, "B", "closed")["data"]["inventoryActivate"]["userErrors"] != []


def test_activate_needs_the_directive(shop):
    query = (
        document("inventory_activate")
        .replace("@idempotent(key: $key)", "")
        .replace(", $key: String!", "")
    )
    answer = shop.graphql(
        query,
        {"inventoryItemId": shop.items["B"], "locationId": "gid://shopify/Location/502"},
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"variables": {}}', b"\xff"])
def test_body_that_is_no_request_is_refused(shop, body):
    status, data = shop.request(
        "POST",
        "/admin/api/2026-10/graphql.json",
        body,
        {"X-Shopify-Access-Token": "shop-double-token"},
    )
    assert status == 400 and "errors" in json.loads(data)
