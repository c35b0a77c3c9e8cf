"""What `webhooks ensure|check` asks of a shop and says of it."""

import json
import urllib.request

import pytest

from tests.harness.worker import run_parstock
from tests.scenarios.hook_world import TOPICS, HookWorld


@pytest.fixture
def world(run_dir, kafka, postgres):
    with HookWorld(run_dir, kafka, postgres) as world:
        yield world


def test_the_command(world):
    world.load(1)
    world.url = "https://stock.example.com"
    before = world.webhooks("check", "-o", "json")
    assert before.returncode == 1
    assert [row["state"] for row in json.loads(before.stdout)["subscriptions"]] == ["missing"] * TOPICS
    planned = world.webhooks("ensure", "--dry-run", "-o", "jsonl")
    assert planned.returncode == 0
    assert {json.loads(line)["state"] for line in planned.stdout.splitlines()} == {"to do"}
    assert world.hooks()["subscriptions"] == []
    done = world.webhooks("ensure", "-o", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    assert {row["state"] for row in report["subscriptions"]} == {"created"}
    assert {row["address"] for row in report["subscriptions"]} == {"https://stock.example.com/shopify/webhooks/demo"}
    again = world.webhooks("ensure", "-o", "json")
    assert {row["state"] for row in json.loads(again.stdout)["subscriptions"]} == {"good"}
    assert world.webhooks("check").returncode == 0
    world.url = ""
    assert world.webhooks("check").returncode == 0, "any address whose path is ours"
    assert world.webhooks("ensure").returncode == 78
    for wrong in ("http://stock.example.com", "https://x/", "https://x?y", "ftp://x", "http://localhost.example.com"):
        assert world.webhooks("check", PARSTOCK_WEBHOOK_ADDRESS=wrong).returncode == 78, wrong
    assert run_parstock("webhooks", env=world.env()).returncode == 64
    assert world.webhooks("check", "--dry-run").returncode == 64
    assert world.webhooks("check", "--shop", "nobody").returncode == 64


def test_a_shop_that_grants_no_orders_is_named(world):
    world.url = "https://stock.example.com"
    world.control("config", {"scopes": ["read_inventory", "write_inventory", "read_products", "read_locations"]})
    done = world.webhooks("ensure", "-o", "json")
    assert done.returncode == 77
    refused = {row["topic"]: row["detail"] for row in json.loads(done.stdout)["subscriptions"] if not row["ok"]}
    assert set(refused) == {"orders/create", "orders/cancelled", "orders/edited", "refunds/create"}
    assert "read_orders" in refused["orders/create"]


def test_a_subscription_that_leaves_fields_out_is_widened(world):
    world.url = "https://stock.example.com"
    world.subscribe()
    number = world.hooks()["subscriptions"][0]["id"]
    update = "mutation($id: ID!, $w: WebhookSubscriptionInput!) { webhookSubscriptionUpdate(id: $id, webhookSubscription: $w) { userErrors { message } } }"
    body = {"query": update, "variables": {"id": number, "w": {"includeFields": ["id"]}}}
    request = urllib.request.Request(f"{world.shop.url}/admin/api/2026-10/graphql.json", json.dumps(body).encode(),
                                     {"X-Shopify-Access-Token": "shop-double-token"})  # fmt: skip
    urllib.request.urlopen(request, timeout=20).read()
    done = world.webhooks("check", "-o", "json")
    assert done.returncode == 1
    assert [r["state"] for r in json.loads(done.stdout)["subscriptions"]].count("narrow") == 1
    world.subscribe()
    assert world.webhooks("check").returncode == 0
