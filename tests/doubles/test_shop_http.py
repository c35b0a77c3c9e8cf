"""Tokens, versions, cost bucket."""

import json

from shop_client import document


def test_wrong_token_is_401(shop):
    for token in ("other", None):
        status, data = shop.post(document("locations"), token=token)
        assert status == 401 and "errors" in json.loads(data)


def test_answer_names_version_and_request(shop):
    shop.graphql(document("locations"))
    assert shop.headers["x-shopify-api-version"] == "2026-10"
    assert len(shop.headers["x-request-id"]) == 36


def test_unsupported_version_is_served_by_another(shop):
    shop.graphql(document("locations"), version="2024-01")
    assert shop.headers["x-shopify-api-version"] == "2026-10"
    shop.control("config", {"supported_versions": [], "served_version": "2026-01"})
    shop.graphql(document("locations"))
    assert shop.headers["x-shopify-api-version"] == "2026-01"


def test_cost_of_a_set_is_ten(shop):
    cost = shop.set([shop.pair("A", 6, 5)])["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (10, 10)
    assert cost["throttleStatus"] == {
        "maximumAvailable": 2000.0,
        "restoreRate": 100.0,
        "currentlyAvailable": cost["throttleStatus"]["currentlyAvailable"],
    }
    assert 1990 <= cost["throttleStatus"]["currentlyAvailable"] <= 2000


def test_unused_cost_is_refunded(shop):
    shop.control("config", {"restore_rate": 0})
    ids = [shop.items["A"]] + [f"gid://shopify/InventoryItem/{n}" for n in range(249)]
    cost = shop.graphql(
        document("read_levels"), {"ids": ids, "locationId": "gid://shopify/Location/501"}
    )["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (750, 3)
    assert cost["throttleStatus"]["currentlyAvailable"] == 1997


def test_empty_bucket_throttles_in_200_and_restores(shop):
    shop.control("config", {"maximum_available": 20, "restore_rate": 0})
    assert shop.codes(shop.set([shop.pair("A", 6, 5)])) == []
    assert shop.codes(shop.set([shop.pair("A", 7, 6)])) == []
    answer = shop.set([shop.pair("A", 8, 7)])
    assert answer["errors"] == [
        {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    ]
    assert "data" not in answer
    cost = answer["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (10, None)
    assert cost["throttleStatus"]["currentlyAvailable"] == 0
    assert shop.level("A")["available"] == 7
    shop.control("config", {"restore_rate": 10, "maximum_available": 20})
    assert shop.codes(shop.set([shop.pair("A", 8, 7)])) == []


def test_bucket_restores_by_the_own_clock(shop):
    shop.control("config", {"maximum_available": 10, "restore_rate": 0.001})
    shop.set([shop.pair("A", 6, 5)])
    assert "errors" in shop.set([shop.pair("A", 7, 6)])
    shop.control("clock", {"advance_seconds": 10000})
    assert shop.codes(shop.set([shop.pair("A", 7, 6)])) == []


def test_single_query_above_the_limit_is_refused(shop):
    shop.control("config", {"single_query_cost": 700})
    ids = [shop.items["A"]] * 250
    answer = shop.graphql(
        document("read_levels"), {"ids": ids, "locationId": "gid://shopify/Location/501"}
    )
    assert answer["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def grant(shop, **fields):
    form = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    status, data = shop.request(
        "POST",
        "/admin/oauth/access_token",
        form,
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    return status, json.loads(data)


def test_client_credentials_give_a_token_for_a_day(shop):
    status, answer = grant(
        shop, grant_type="client_credentials", client_id="client", client_secret="secret"
    )
    assert (status, answer["expires_in"]) == (200, 86399)
    assert "write_inventory" in answer["scope"].split(",")
    token = answer["access_token"]
    assert shop.post(document("locations"), token=token)[0] == 200
    shop.control("clock", {"advance_seconds": 86400})
    assert shop.post(document("locations"), token=token)[0] == 401


def test_wrong_secret_or_grant_is_refused(shop):
    assert (
        grant(
            shop, grant_type="client_credentials", client_id="client", client_secret="x"
        )[0]
        == 401
    )
    assert (
        grant(shop, grant_type="password", client_id="client", client_secret="secret")[0]
        == 400
    )


def test_revoked_token_is_401(shop):
    _, answer = grant(
        shop, grant_type="client_credentials", client_id="client", client_secret="secret"
    )
    shop.control("revoke-tokens")
    assert shop.post(document("locations"), token=answer["access_token"])[0] == 401


def test_unknown_path_and_control_are_404(shop):
    assert shop.request("GET", "/nothing")[0] == 404
    assert shop.request("POST", "/admin/nothing", b"{}")[0] == 404
    shop.control("nothing", status=404)


def test_bad_control_is_explained(shop):
    assert "known" in shop.control("config", {"colour": 1}, status=400)["error"]
    assert (
        "one of" in shop.control("config", {"stale_mode": "maybe"}, status=400)["error"]
    )
    assert (
        "unknown fault"
        in shop.control("faults", {"rules": [{"fault": "rain"}]}, status=400)["error"]
    )
    assert "missing" in shop.control("order", {}, status=400)["error"]
    assert (
        "unknown item"
        in shop.control(
            "order",
            {"lines": [{"sku": "Z", "location": "main", "quantity": 1}]},
            status=400,
        )["error"]
    )
