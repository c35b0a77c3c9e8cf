"""Webhooks, from the shop that sends them to what parstock knows and does."""

import json
import os
import random
import subprocess
import urllib.request
import uuid
from datetime import datetime, timezone

import pytest
from confluent_kafka import Consumer

from tests.doubles.shop.orders import SENTINELS
from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.scenarios.hook_world import SECRET, TOPICS, HookWorld, sign
from tests.scenarios.push_world import PLACES
from tests.scenarios.shop_world import ago
from tests.scenarios.webhook_hour import Hour

OBSERVED, ORDERED = 2, 3


@pytest.fixture
def world(run_dir, kafka, postgres):
    with HookWorld(run_dir, kafka, postgres) as world:
        yield world


def opened(world: HookWorld, skus: int = 1, available: int = 20) -> list[str]:
    """Items that the catalogue has, a gateway with all webhooks, apply."""
    names = world.load(skus, available=available)
    world.sync()
    world.apply()
    world.gateway()
    world.subscribe()
    return names


def level(item: int, available, place: str = "BER") -> dict:
    return {"inventory_item_id": item, "location_id": PLACES[place], "available": available, "updated_at": now_text()}


def number_of(world: HookWorld, sku: str) -> int:
    return int(world.items[sku].rsplit("/", 1)[1])


def now_text() -> str:
    return datetime.now(timezone.utc).isoformat()


def test_orders_become_units_and_levels_a_reason_to_look(world):
    (sku,) = opened(world)
    world.order("o1", sku, 3)
    world.order("o2", sku, 2, till=PLACES["HAM"], place="HAM")
    world.wait_told()
    events = world.wait_events(4)
    orders = sorted((e["location"], e["quantity"]) for e in events if e["type"] == ORDERED)
    assert orders == [("", 3), ("HAM", 2)]
    levels = sorted((e["location"], e["quantity"]) for e in events if e["type"] == OBSERVED)
    assert levels == [("BER", 17), ("HAM", 18)]
    assert {e["sku"] for e in events} == {sku}
    assert all(e["reference"].startswith("order ") for e in events if e["type"] == ORDERED)


def test_what_was_put_back_is_given_back_once(world):
    (sku,) = opened(world)
    world.order("o1", sku, 3)
    world.order("o1", sku, 3, "cancel")
    world.order("o2", sku, 2)
    world.order("o2", sku, 2, "refund", restock=False)
    world.wait_told()
    wait_until(lambda: world.outcomes()["duplicate"] == 1, "the cancellation to repeat its refund", 30)
    given = [e for e in world.events() if e["type"] == ORDERED]
    assert sorted((e["location"], e["quantity"]) for e in given) == [("", 2), ("", 3), ("BER", -3)]
    assert world.metric("parstock_webhook_rules_total", rule="not_restocked") == 1


def test_an_edit_is_looked_up_by_its_lines(world):
    (sku,) = opened(world)
    world.order("o1", sku, 1)
    world.order("o1", sku, 4, "add")
    world.wait_told()
    wait_until(lambda: any(e["quantity"] == 4 for e in world.events()), "the added units", 30)
    (added,) = [e for e in world.events() if e["quantity"] == 4]
    assert (added["type"], added["sku"], added["location"]) == (ORDERED, sku, "")
    assert added["id"].startswith("edit-line/")


def test_an_item_that_the_catalogue_lacks_is_looked_up_not_dropped(world):
    opened(world)
    answer = world.control("catalog", {"items": [{"sku": "ｎｅｗ－１", "levels": {"501": {"available": 9}}}]})
    world.items["NEW-1"] = answer["ids"][0]
    world.control("edit", {"item": answer["ids"][0], "location": PLACES["BER"], "available": 8})
    world.wait_told()
    (event,) = world.wait_events(1)
    assert (event["sku"], event["quantity"], event["location"]) == ("NEW-1", 8, "BER")
    row = world.db.execute("SELECT sku, raw_sku FROM shop_items WHERE item = %s", (answer["ids"][0],)).fetchone()
    assert row == ("NEW-1", "ｎｅｗ－１")
    assert world.outcomes()["rejected"] == 0


def test_a_look_up_survives_a_killed_gateway_and_a_shop_that_is_away(world):
    opened(world)
    answer = world.control("catalog", {"items": [{"sku": "LATE", "levels": {"501": {"available": 9}}}]})
    item = int(answer["ids"][0].rsplit("/", 1)[1])
    world.control("faults", {"rules": [{"fault": "status_5xx", "status": 503, "probability": 1.0, "ops": ["nodes"]}]})
    assert world.deliver("inventory_levels/update", level(item, 4)) == 200
    assert world.owed() == 1
    assert world.gateway_worker is not None
    world.gateway_worker.kill()
    world.control("faults", {})
    world.db.execute("UPDATE webhook_looks SET due_at = now()")
    world.gateway()
    (event,) = world.wait_events(1)
    assert (event["sku"], event["quantity"]) == ("LATE", 4)
    wait_until(lambda: world.owed() == 0, "the look-up to be done", 30)


def test_a_renamed_item_is_followed_to_its_new_sku(world):
    first, second = opened(world, 2)
    world.push().start(wait_ready=True)
    world.count("OTHER", 5, ago(60), ago(60))
    world.count(first, 20, ago(60), ago(60))
    world.control("rename", {"sku": first, "to": "other"})
    world.items["OTHER"] = world.items.pop(first)
    world.wait_told()
    wait_until(lambda: world.shows("OTHER")["available"] == 5, "the item to show its new SKU's level", 30)
    faults = world.db.execute("SELECT DISTINCT fault FROM shop_levels WHERE sku = %s", (first,)).fetchall()
    assert faults == [("unmapped",)]
    world.control("rename", {"sku": "other", "to": second})
    world.items.pop("OTHER")
    world.wait_told()
    wait_until(lambda: world.db.execute("SELECT count(*) FROM shop_items WHERE duplicate").fetchone()[0] == 2,
               "both to be marked", 30)  # fmt: skip


def test_a_repeat_is_known_by_either_id_and_by_its_content(world):
    (sku,) = opened(world)
    payload = {"id": 7, "created_at": now_text(), "line_items": [{"id": 70, "sku": sku, "quantity": 2}]}
    hook, event = str(uuid.uuid4()), str(uuid.uuid4())
    assert world.deliver("orders/create", payload, hook, event) == 200
    assert world.deliver("orders/create", payload, hook, str(uuid.uuid4())) == 200
    assert world.deliver("orders/create", payload, str(uuid.uuid4()), event) == 200
    assert world.metric("parstock_webhooks_total", outcome="repeated") == 2
    assert world.deliver("orders/create", payload) == 200, "other ids, as an attacker makes them up"
    assert world.metric("parstock_webhooks_total", outcome="taken") == 2
    wait_until(lambda: world.outcomes()["duplicate"] == 1, "apply to know it by its content", 30)
    assert len(world.events()) == 1
    # An id that was used does not silence another payload under it.
    other = payload | {"id": 8, "line_items": [{"id": 80, "sku": sku, "quantity": 1}]}
    assert world.deliver("orders/create", other, hook, event) == 200
    assert [e["quantity"] for e in world.wait_events(2)] == [2, 1]


def test_ids_beyond_two_to_53_and_levels_of_nothing(world):
    (sku,) = opened(world)
    big = 9_007_199_254_740_993
    answer = world.control("catalog", {"items": [{"id": big, "sku": "BIG", "levels": {"501": {"available": 1}}}]})
    assert world.deliver("inventory_levels/update", level(big, 3)) == 200
    (event,) = world.wait_events(1)
    assert event["sku"] == "BIG" and f"/{big}/" in event["id"].replace("level", "", 1)
    assert answer["ids"] == [f"gid://shopify/InventoryItem/{big}"]
    assert world.deliver("inventory_levels/update", level(number_of(world, sku), None)) == 200
    assert world.metric("parstock_webhook_rules_total", rule="untracked") == 1
    elsewhere = level(number_of(world, sku), 3) | {"location_id": 4711}
    assert world.deliver("inventory_levels/update", elsewhere) == 200
    assert world.metric("parstock_webhook_rules_total", rule="elsewhere") == 1


def test_statuses(world):
    opened(world)
    assert world.post(b"{}", "customers/update") == 200, "nothing needs it"
    assert world.metric("parstock_webhooks_total", outcome="unneeded") == 1
    for body in (b"[]", b"", b"null", b"{", b'{"a":1}x', b'"{}"'):
        assert world.post(body) == 400, body
        assert world.post(body, "customers/update") == 400, body
    assert world.post(b"{}", None) == 400
    assert world.post(b"{}", shop="nobody") == 404
    assert world.post(b"{}", shop="demo", signature=None) == 401
    assert world.post(b"{}", headers=[("X-Shopify-Hmac-Sha256", sign(b"{}"))]) == 401, "doubled"
    assert world.post(b" " * (2 << 20) + b"{}") == 413
    assert world.post(b"{}" + b" " * ((2 << 20) - 2), "customers/update") == 200, "2 MiB are allowed"


def test_two_secrets_while_one_rotates(world):
    opened(world)
    assert world.gateway_worker is not None
    world.gateway_worker.terminate()
    world.gateway(PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET="the-next", PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET_OLD=SECRET)
    assert world.post(b"{}", signature=sign(b"{}")) == 200
    assert world.post(b"{}", signature=sign(b"{}", "the-next")) == 200
    assert world.post(b"{}", signature=sign(b"{}", "another")) == 401


def test_an_empty_secret_is_refused(world):
    done = run_parstock("gateway", env=world.env(PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET=""))
    assert done.returncode == 78
    assert b"PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET" in done.stderr


def attack(dice: random.Random, good: bytes) -> tuple[bytes, str | None, list[tuple[str, str]]]:
    """A body, a signature and more headers, of which one is wrong."""
    body, right = bytearray(good), sign(good)
    kind = dice.randrange(8)
    if kind == 0:
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        return bytes(body), right, []
    if kind == 1:
        return good[: dice.randrange(len(good))], right, []
    if kind == 2:
        at, other = dice.randrange(44), dice.choice("ABCdef019+/= \t-_")
        forged = right[:at] + other + right[at + 1 :]
        return good, forged if forged.strip() != right else "x", []
    if kind == 3:
        return good, sign(good, dice.choice(["", SECRET[:-1], SECRET + " ", SECRET.upper(), "0"])), []
    if kind == 4:
        return good, dice.choice([right[:-1], right + "=", right.lower(), right.rstrip("=") + "%3D", '"' + right + '"',
                                  right + "," + right, "sha256=" + right]), []  # fmt: skip
    if kind == 5:
        return good, right, [("x-shopify-hmac-sha256", right)]
    if kind == 6:
        return json.dumps(json.loads(good), indent=dice.choice([0, 1, 2])).encode(), right, []
    return good, None, []


def test_forged_webhooks_change_nothing(world):
    """FORGED=10000 for as many as that."""
    (sku,) = opened(world)
    count = int(os.environ.get("FORGED", "1000"))
    dice, statuses = random.Random(20261129), {}
    for number in range(count):
        payload = {"id": number, "created_at": now_text(), "line_items": [{"id": number, "sku": sku, "quantity": 1}]}
        body, signature, headers = attack(dice, json.dumps(payload).encode())
        status = world.post(body, signature=signature, headers=headers)
        statuses[status] = statuses.get(status, 0) + 1
    assert set(statuses) <= {401, 400}, statuses
    assert statuses[401] > count * 0.99, statuses
    print(f"{count} forged webhooks: {statuses}")
    assert world.deliver("orders/create", {"id": 1, "created_at": now_text(),
                                           "line_items": [{"id": 1, "sku": sku, "quantity": 5}]}) == 200  # fmt: skip
    assert [e["quantity"] for e in world.wait_events(1)] == [5]


def test_without_a_broker_it_is_to_be_sent_again(world):
    (sku,) = world.load(1)
    world.sync()
    world.gateway(PARSTOCK_KAFKA_BROKERS="127.0.0.1:1")
    body = {"id": 1, "created_at": now_text(), "line_items": [{"id": 1, "sku": sku, "quantity": 5}]}
    assert world.deliver("orders/create", body, "w", "e") == 503
    assert world.db.execute("SELECT count(*) FROM webhook_seen").fetchone()[0] == 0
    assert world.post(b"{}", "customers/update") == 200


def test_a_subscription_that_is_gone_is_noticed_and_its_end_too(world):
    opened(world)
    world.wait_incident("webhook_subscription_lost", "resolved")  # of before there were any
    world.control("unsubscribe", {"topic": "orders/create"})
    world.wait_incident("webhook_subscription_lost", "opened")
    assert world.metric("parstock_webhook_subscriptions_missing") == 1
    assert world.webhooks("check").returncode == 1
    doctor = json.loads(run_parstock("doctor", "-o", "json", env=world.env()).stdout)
    (finding,) = [c for c in doctor["checks"] if c["check"] == "webhooks"]
    assert finding["verdict"] == "fail" and "orders/create" in finding["text"]
    world.control("unsubscribe", {"topic": "refunds/create"})
    wait_until(lambda: world.metric("parstock_webhook_subscriptions_missing") == 2, "two to be gone", 30)
    assert world.db.execute("SELECT count(*) FROM incidents WHERE state <> 'resolved'").fetchone()[0] == 1
    world.subscribe()
    world.wait_incident("webhook_subscription_lost", "resolved")
    world.push().start(wait_ready=True)
    wait_until(lambda: world.db.execute("SELECT count(*) FROM shop_outbox").fetchone()[0] == 0, "all to be told", 30)


def test_a_shop_that_throws_the_app_out(world):
    opened(world)
    world.control("uninstall")
    world.wait_incident("app_uninstalled", "opened")
    world.subscribe()
    world.wait_incident("app_uninstalled", "resolved")


def everything_in(world: HookWorld) -> dict[str, str]:
    """All that is kept or shown anywhere, as text."""
    consumer = Consumer({"bootstrap.servers": world.kafka.bootstrap, "group.id": str(uuid.uuid4()),
                         "auto.offset.reset": "earliest", "log_level": 0})  # fmt: skip
    topics = [name for name in consumer.list_topics(timeout=20).topics if name.startswith(world.prefix)]
    consumer.subscribe(topics)
    records, idle = [], 0
    while idle < 30:
        message = consumer.poll(0.1)
        idle = idle + 1 if message is None else 0
        if message is not None and message.error() is None:
            records.append(repr((message.key(), message.value(), message.headers())))
    consumer.close()
    dump = subprocess.run(["pg_dump", "--data-only", "--inserts", "-n", world.schema, world.postgres.dsn],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    logs = "".join(path.read_text(errors="replace") for path in world.run_dir.glob("*.err"))
    logs += "".join(path.read_text(errors="replace") for path in world.run_dir.glob("gateway*.out"))
    assert world.gateway_worker is not None
    return {"kafka": "\n".join(records), "postgres": dump, "logs": logs, "metrics": world.gateway_worker.get("/metrics")[1]}


def test_nothing_of_a_customer_is_kept_anywhere(world):
    """Subscriptions that send all, as one made by hand does; a name and more in every payload."""
    (sku,) = opened(world)
    assert world.gateway_worker is not None
    world.gateway_worker.terminate()
    world.gateway(PARSTOCK_LOG="debug")
    world.control("unsubscribe")
    world.subscribe()
    for one in world.hooks()["subscriptions"]:
        assert one["includeFields"] or one["topic"] in ("BULK_OPERATIONS_FINISH", "APP_UNINSTALLED")
    world.control("webhooks", {"sends_all": True})
    world.order("o1", sku, 2)
    world.order("o1", sku, 1, "add")
    world.order("o1", sku, 2, "cancel")
    world.order("o2", sku, 2)
    world.order("o2", sku, 2, "refund")
    world.control("rename", {"sku": sku, "to": "renamed"})
    world.control("uninstall")
    world.wait_told()
    world.wait_events(5)
    # One that fails, one that is forged and one that is malformed say nothing of it either.
    body = json.dumps({"email": "sentinel.person@customer.example", "id": 1}).encode()
    assert world.post(body + b"}") == 400
    assert world.post(body, signature=sign(b"x")) == 401
    found = everything_in(world)
    assert "line/" in found["kafka"] and "line/" in found["postgres"], "the search sees what is there"
    for place, text in found.items():
        for sentinel in SENTINELS:
            assert sentinel not in text.lower(), (place, sentinel)


def test_an_hour_of_chaos_ends_in_what_the_shop_shows(world):
    """In little; `python3 -m tests.scenarios.webhook_hour` is the whole hour."""
    hour = Hour(world, seed=7, orders=150, minutes=15, speed=60)
    assert hour.run(items=20) == []
    counts = hour.figures["webhooks"]
    assert counts["lost"] > 0 and counts["twice"] > 0 and counts["reordered"] > 0
    assert counts["answered"] == counts["sent"]
    assert hour.figures["gateway"]["taken"] > 150
    assert hour.figures["apply"]["rejected"] == 0


def test_the_hours_comparison_sees_what_differs(world):
    (sku,) = world.load(1)
    world.sync()
    hour = Hour(world, seed=1, orders=0, minutes=1, speed=1)
    assert hour.differences() == []
    world.control("edit", {"sku": sku, "location": PLACES["BER"], "available": 1})
    world.control("rename", {"sku": sku, "to": "other"})
    assert len(hour.differences()) > 3
