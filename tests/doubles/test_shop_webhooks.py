"""Deliveries as a shop makes them: signed, with both ids, and going wrong as told."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

import pytest

from shop_client import ShopClient, document
from tests.doubles.shop.webhooks import only, signature, topic_of


class Listener:
    """Where webhooks go; answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def topics(self) -> list[str]:
        return [headers["x-shopify-topic"] for headers, _ in self.got]

    def payloads(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(b) for h, b in self.got if h["x-shopify-topic"] == topic]


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.server.shutdown()
    one.server.server_close()


def until(condition: Any, limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def state(shop: ShopClient) -> dict[str, Any]:
    return json.loads(shop.request("GET", "/_double/webhooks")[1])


def subscribe(shop: ShopClient, uri: str, *topics: str, fields: Any = None) -> list[Any]:
    errors = []
    for topic in topics:
        variables = {"topic": topic, "webhookSubscription": {"uri": uri, "format": "JSON"}}
        if fields is not None:
            variables["webhookSubscription"]["includeFields"] = fields
        answer = shop.graphql(document("webhook_subscribe"), variables)
        errors += answer["data"]["webhookSubscriptionCreate"]["userErrors"]
    return errors


def settled(shop: ShopClient) -> bool:
    return state(shop)["waiting"] == 0


def order(shop: ShopClient, name: str, action: str = "place", units: int = 1, **more: Any) -> None:
    lines = [{"sku": "A", "location": "main", "quantity": units}]
    shop.control("order", {"id": name, "action": action, "lines": lines, **more})


def test_an_order_is_told_with_its_levels_under_one_event(shop, listener):
    assert subscribe(shop, listener.url, "ORDERS_CREATE", "INVENTORY_LEVELS_UPDATE") == []
    order(shop, "o1", units=2)
    until(lambda: len(listener.got) == 2)
    assert sorted(listener.topics()) == ["inventory_levels/update", "orders/create"]
    events = {headers["x-shopify-event-id"] for headers, _ in listener.got}
    assert len(events) == 1
    assert len({headers["x-shopify-webhook-id"] for headers, _ in listener.got}) == 2
    for headers, body in listener.got:
        assert headers["x-shopify-hmac-sha256"] == signature("hush", body)
    (told,) = listener.payloads("orders/create")
    (line,) = told["line_items"]
    assert (line["sku"], line["quantity"]) == ("A", 2) and line["id"] > 2**53
    assert "entinel" in json.dumps(told)
    (level,) = listener.payloads("inventory_levels/update")
    assert level["available"] == 3


def test_only_the_fields_that_are_asked_for_are_sent(shop, listener):
    subscribe(shop, listener.url, "ORDERS_CREATE", fields=["id", "line_items.sku"])
    order(shop, "o1")
    until(lambda: listener.got)
    (told,) = listener.payloads("orders/create")
    assert set(told) == {"id", "line_items"} and set(told["line_items"][0]) == {"sku"}
    assert only({"a": [{"b": 1, "c": 2}], "d": 3}, ["a.b", "d"]) == {"a": [{"b": 1}], "d": 3}


def test_a_cancellation_and_its_refund_name_the_same_lines(shop, listener):
    subscribe(shop, listener.url, "ORDERS_CANCELLED", "REFUNDS_CREATE")
    order(shop, "o1", units=2)
    order(shop, "o1", "cancel", units=2)
    until(lambda: len(listener.got) == 2)
    (refund,), (whole,) = listener.payloads("refunds/create"), listener.payloads("orders/cancelled")
    assert whole["refunds"] == [refund]
    (line,) = refund["refund_line_items"]
    assert (line["quantity"], line["restock_type"], line["location_id"]) == (2, "cancel", 501)
    order(shop, "o2")
    order(shop, "o2", "refund", restock=False)
    until(lambda: len(listener.got) == 3)
    assert listener.payloads("refunds/create")[1]["refund_line_items"][0]["location_id"] is None
    assert shop.level("A")["available"] == 4


def test_an_edit_names_lines_by_id_alone_and_the_shop_tells_the_rest(shop, listener):
    subscribe(shop, listener.url, "ORDERS_EDITED")
    order(shop, "o1")
    order(shop, "o1", "add", units=2)
    until(lambda: listener.got)
    (told,) = listener.payloads("orders/edited")
    (added,) = told["order_edit"]["line_items"]["additions"]
    assert added["delta"] == 2 and "sku" not in added
    line = f"gid://shopify/LineItem/{added['id']}"
    answer = shop.graphql(document("order_lines"), {"ids": [line, "gid://shopify/LineItem/1"]})
    assert answer["data"]["nodes"] == [{"id": line, "sku": "A"}, None]


def test_items_and_exports_are_told_of(shop, listener):
    subscribe(shop, listener.url, "INVENTORY_ITEMS_UPDATE", "PRODUCTS_UPDATE", "BULK_OPERATIONS_FINISH")
    shop.control("rename", {"sku": "A", "to": "A2"})
    until(lambda: len(listener.got) == 2)
    assert listener.payloads("inventory_items/update")[0]["sku"] == "A2"
    item = int(shop.items["A"].rsplit("/", 1)[1])
    assert listener.payloads("products/update")[0]["variants"][0]["inventory_item_id"] == item
    run = shop.graphql(document("bulk_run"), {"query": document("catalog_bulk")})
    bulk = run["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"]
    until(lambda: listener.payloads("bulk_operations/finish"))
    assert listener.payloads("bulk_operations/finish")[0]["admin_graphql_api_id"] == bulk


def test_chance_comes_from_the_seed(shop, listener):
    seen = []
    for _ in range(2):
        shop.control("unsubscribe")
        shop.control("webhooks", {"seed": 5, "lost": 0.3, "twice": 0.3, "late_by": [0, 0.1]})
        subscribe(shop, listener.url, "ORDERS_CREATE")
        before = state(shop)["counts"]
        for number in range(40):
            order(shop, f"o{number}")
        until(lambda: settled(shop))
        after = state(shop)["counts"]
        seen.append({name: after[name] - before[name] for name in after})
    assert seen[0] == seen[1]
    assert 3 < seen[0]["lost"] < 25 and 2 < seen[0]["twice"] < 25
    assert seen[0]["answered"] == 40 - seen[0]["lost"] + seen[0]["twice"]


def test_an_hour_may_pass_in_a_second(shop, listener):
    subscribe(shop, listener.url, "ORDERS_CREATE")
    shop.control("webhooks", {"late": 1.0, "late_by": [600, 900]})
    began = shop.control("clock", {"speed": 3600, "start": -3600})["now"]
    order(shop, "o1")
    assert not listener.got
    until(lambda: listener.got)
    passed = shop.control("clock", {"advance_seconds": 0})["now"] - began
    assert passed > 600


def test_a_failed_delivery_comes_again_and_eight_in_a_row_end_the_subscription(shop, listener):
    listener.status = 503
    shop.control("webhooks", {"retry_after": 0.01})
    subscribe(shop, listener.url, "ORDERS_CREATE")
    order(shop, "o1")
    until(lambda: len(listener.got) == 2)
    assert listener.got[0][1] == listener.got[1][1]
    assert listener.got[0][0]["x-shopify-webhook-id"] == listener.got[1][0]["x-shopify-webhook-id"]
    until(lambda: not state(shop)["subscriptions"])
    assert len(listener.got) == 8
    assert [line["topic"] for line in shop.since_reset() if line["kind"] == "subscription_dropped"] == ["orders/create"]


def test_what_a_shop_refuses(shop, listener):
    subscribe(shop, listener.url, "ORDERS_CREATE")
    (taken,) = subscribe(shop, listener.url, "ORDERS_CREATE")
    assert "already been taken" in taken["message"]
    (plain,) = subscribe(shop, "http://example.com/hooks", "ORDERS_CREATE")
    assert "invalid" in plain["message"]
    shop.control("config", {"scopes": ["read_inventory"]})
    (scope,) = subscribe(shop, listener.url, "REFUNDS_CREATE")
    assert "read_orders" in scope["message"]


def test_an_app_that_is_thrown_out_is_told_last(shop, listener):
    subscribe(shop, listener.url, "APP_UNINSTALLED", "ORDERS_CREATE")
    shop.control("uninstall")
    until(lambda: listener.topics() == ["app/uninstalled"])
    assert state(shop)["subscriptions"] == []


def test_topics_are_spelled_as_in_the_header():
    assert topic_of("INVENTORY_LEVELS_UPDATE") == "inventory_levels/update"
    assert topic_of("ORDERS_CREATE") == "orders/create"
    assert topic_of("APP_UNINSTALLED") == "app/uninstalled"
    assert topic_of("BULK_OPERATIONS_FINISH") == "bulk_operations/finish"
