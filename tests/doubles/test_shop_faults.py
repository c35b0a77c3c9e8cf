"""Faults: each breaks the answer in its way, and applies or does not apply as its name
says."""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop_client import ShopClient, document


def write(shop, key="k"):
    return shop.post(
        document("set_quantities"), shop.set_variables([shop.pair("A", 8, None)], key)
    )


@pytest.mark.parametrize(
    "fault, applied", [("drop_before_apply", False), ("drop_after_apply", True)]
)
def test_drop(shop, fault, applied):
    shop.control("faults", {"next": [{"fault": fault}]})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        write(shop)
    assert (shop.level("A")["available"] == 8) is applied
    assert write(shop)[0] == 200
    assert shop.level("A")["available"] == 8
    kinds = [line["kind"] for line in shop.since_reset()]
    assert kinds.count("applied") == 1 and shop.check()["ok"]


def test_a_late_answer_is_as_old_as_the_read(shop):
    shop.control("faults", {"next": [{"fault": "late", "ms": 700}]})
    variables = {"ids": [shop.items["A"]], "locationId": "gid://shopify/Location/501"}
    other = ShopClient(f"http://{shop.host}")
    with ThreadPoolExecutor() as pool:
        late = pool.submit(other.graphql, document("read_levels"), variables)
        time.sleep(0.3)
        write(shop)
        node = late.result()["data"]["nodes"][0]
    other.close()
    shown = {q["name"]: q["quantity"] for q in node["inventoryLevel"]["quantities"]}
    assert shown["available"] == 5 and shop.level("A")["available"] == 8


def test_429_names_the_wait_and_applies_nothing(shop):
    shop.control("faults", {"next": [{"fault": "status_429", "retry_after": 3}]})
    assert write(shop)[0] == 429
    assert shop.headers["retry-after"] == "3"
    assert shop.level("A")["available"] == 5


@pytest.mark.parametrize("when, available", [("before", 5), ("after", 8)])
def test_5xx_may_come_before_or_after(shop, when, available):
    shop.control(
        "faults", {"next": [{"fault": "status_5xx", "status": 502, "when": when}]}
    )
    assert write(shop)[0] == 502
    assert shop.level("A")["available"] == available


def test_html_in_place_of_json(shop):
    shop.control("faults", {"next": [{"fault": "html"}]})
    status, data = write(shop)
    assert status == 200 and data.startswith(b"<!DOCTYPE html>")
    assert shop.headers["content-type"] == "text/html"


def test_throttled_on_demand(shop):
    shop.control("faults", {"next": [{"fault": "throttled"}]})
    status, data = write(shop)
    answer = json.loads(data)
    assert status == 200 and answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = answer["extensions"]["cost"]
    assert cost["throttleStatus"]["currentlyAvailable"] < cost["requestedQueryCost"]
    assert shop.level("A")["available"] == 5


def test_truncated_body_after_applying(shop):
    shop.control("faults", {"next": [{"fault": "truncated"}]})
    with pytest.raises(http.client.IncompleteRead):
        write(shop)
    assert shop.level("A")["available"] == 8


@pytest.mark.parametrize("when, available", [("before", 5), ("after", 8)])
def test_hang_ends_without_an_answer(shop, when, available):
    shop.control("faults", {"next": [{"fault": "hang", "seconds": 0.2, "when": when}]})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        write(shop)
    assert shop.level("A")["available"] == available


def test_next_counts_calls_and_ops_select_them(shop):
    shop.control(
        "faults",
        {
            "next": [
                {"fault": "status_5xx", "calls": 2, "ops": ["inventorySetQuantities"]}
            ]
        },
    )
    assert shop.post(document("locations"))[0] == 200
    assert [write(shop)[0] for _ in range(3)] == [503, 503, 200]


def test_same_seed_gives_the_same_faults(shop):
    def pattern(seed):
        shop.control(
            "faults",
            {"seed": seed, "rules": [{"fault": "status_5xx", "probability": 0.3}]},
        )
        return [write(shop, f"{seed}-{n}")[0] for n in range(40)]

    first = pattern(7)
    assert first == pattern(7) and first != pattern(8)
    assert 3 <= first.count(503) <= 25


def test_rules_add_a_delay_to_another_fault(shop):
    shop.control(
        "faults", {"rules": [{"fault": "delay", "ms": 1}, {"fault": "drop_after_apply"}]}
    )
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        write(shop)
    assert [line["faults"] for line in shop.since_reset() if line["kind"] == "fault"] == [
        ["delay", "drop_after_apply"]
    ]
    shop.control("faults", {})
    assert write(shop)[0] == 200


def test_faults_reach_the_token_end_point(shop):
    shop.control("faults", {"next": [{"fault": "status_5xx", "ops": ["oauth"]}]})
    assert (
        shop.request(
            "POST", "/admin/oauth/access_token", b"grant_type=client_credentials"
        )[0]
        == 503
    )
