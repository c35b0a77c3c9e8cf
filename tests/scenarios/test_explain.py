"""explain over real ledgers: the lines are what was judged, they sum to the level, and a level altered behind them is told."""

import json
import time
from datetime import timedelta

import pytest

from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.model.generate import Message, Plan, generate
from tests.scenarios.shop_world import ShopWorld, ago, now


BEGUN = now() - timedelta(hours=3)


def event(sku: str, quantity: int, event_id: str, minutes: int = 0, **others) -> Message:
    """A count of the warehouse, `minutes` after the first."""
    whole = {"type": "stock.counted", "source": "wms", "id": event_id, "sku": sku, "location": "BER", "quantity": quantity,
             "occurred_at": (BEGUN + timedelta(minutes=minutes)).isoformat()} | others  # fmt: skip
    return Message(key=sku.encode(), value=json.dumps(whole).encode(), timestamp_ms=int(time.time() * 1000), headers=())


def explain(stage, *arguments: str, code: int = 0) -> list[dict]:
    return json.loads(stage.run("explain", "-o", "json", *arguments, code=code))


def story(stage) -> None:
    """A count, a change, a lesser source, a repeat, and a count that came too late."""
    stage.produce([
        event("CUP-1", 10, "a", version=3, reference="list 7"),
        event("CUP-1", -3, "b", minutes=60, type="stock.adjusted"),
        event("CUP-1", 50, "c", source="erp"),
        event("CUP-1", 50, "c", source="erp"),
        event("CUP-1", 99, "d", version=2),
        event("CUP-1", 4, "e", location="HAM"),
    ])  # fmt: skip
    stage.wait_settled()


def test_every_line_and_their_sum(stage):
    stage.worker()
    story(stage)
    berlin, hamburg = explain(stage, "cup-1")
    assert [(e["event_id"], e["outcome"], e["before"], e["after"]) for e in berlin["events"]] == [
        ("a", "applied", None, 10), ("b", "applied", 10, 7), ("c", "shadowed", 7, 7), ("d", "stale", 7, 7)]  # fmt: skip
    assert sum(e["change"] for e in berlin["events"]) == berlin["quantity"] == 7
    assert all(e["rule"] and e["why"] and e["topic"] == stage.events_topic for e in berlin["events"])
    assert (berlin["events"][0]["version"], berlin["events"][0]["reference"]) == (3, "list 7")
    readings = {r["source"]: r for r in berlin["readings"]}
    assert {name: (r["quantity"], r["count"], r["adjusted"], r["rank"], r["rules"]) for name, r in readings.items()} == {
        "wms": (7, 10, -3, 1, True), "erp": (50, 50, 0, 2, False)}  # fmt: skip
    assert readings["erp"]["why"] == "rank 2: wms rules by rank 1"
    assert berlin["sums"] and hamburg["sums"] and hamburg["quantity"] == 4
    level = next(row for row in stage.levels() if row["location"] == "BER")
    assert {name: berlin[name] for name in ("sku", "location", "quantity", "source", "occurred_at", "version")} == {
        name: level[name] for name in ("sku", "location", "quantity", "source", "occurred_at", "version")}  # fmt: skip
    table = stage.run("explain", "CUP-1").decode()
    assert "level 7 of wms: the lines sum to it" in table and "reference list 7" in table


def test_every_sku_of_a_hostile_load(stage):
    """As many lines as the ledger has rows, and every level is what its lines leave."""
    stage.worker()
    stage.produce(generate(Plan(600, 3, skus=40, first_ms=int(time.time() * 1000) - 600_000, partitions=stage.partitions)))
    stage.wait_settled()
    rows = stage.sql("SELECT sku, location, count(*) FROM idempotency GROUP BY sku, location")
    wanted = {(sku, place or None): count for sku, place, count in rows}
    levels = {(row["sku"], row["location"]): row["quantity"] for row in stage.levels()}
    skus = sorted({sku for sku, _ in wanted})[:25]
    assert skus
    for sku in skus:
        for found in explain(stage, "--", sku):
            place = (sku, found["location"])
            assert len(found["events"]) == wanted.pop(place)
            assert found["sums"] and found["quantity"] == levels.get(place)
    assert not {place for place in wanted if place[0] in skus}


@pytest.mark.parametrize("wrong, problem", [
    ("UPDATE levels SET quantity = 8 WHERE location = 'BER'", "the ledger ends at 7, the level is 8"),
    ("UPDATE levels SET quantity = 8, count = 11 WHERE location = 'BER'", "the ledger ends at 7, the level is 8"),
])  # fmt: skip
def test_an_altered_level_is_told(stage, wrong, problem):
    stage.worker()
    story(stage)
    assert all(found["sums"] for found in explain(stage, "CUP-1"))
    stage.sql(wrong)
    berlin, hamburg = explain(stage, "CUP-1", code=1)
    assert not berlin["sums"] and problem in berlin["problems"] and hamburg["sums"]
    assert explain(stage, "CUP-1", "--location", "HAM") == [hamburg]


def test_as_it_was_known_at_each_line(stage):
    stage.worker()
    for number, quantity in enumerate((5, 8, 2)):
        stage.produce([event("CUP-1", quantity, f"e-{number}", minutes=number)])
        stage.wait_settled()
    (whole,) = explain(stage, "CUP-1")
    for number, line in enumerate(whole["events"]):
        (then,) = explain(stage, "CUP-1", "--at", line["judged_at"])
        assert then["events"] == whole["events"][: number + 1]
        assert (then["quantity"], then["source"], then["sums"]) == (line["after"], "wms", True)


def test_an_id_used_again_is_a_finding(stage):
    stage.worker()
    stage.produce([event("CUP-1", 5, "same"), event("CUP-1", 6, "same"), event("CUP-2", 1, "other")])
    stage.wait_settled()
    (found,) = explain(stage, "CUP-1")
    (incident,) = found["incidents"]
    listed = json.loads(stage.run("incidents", "list", "-o", "json"))
    assert [incident] == listed and incident["class"] == "id_reused"
    assert incident["incident_id"] in stage.run("explain", "CUP-1").decode()
    assert explain(stage, "CUP-2")[0]["incidents"] == []


# ---- a shop


@pytest.fixture
def world(run_dir, kafka, postgres):
    with ShopWorld(run_dir, kafka, postgres) as world:
        world.write_contract(buffer={"fixed": 2})
        yield world


def tell(world: ShopWorld, sku: str, *arguments: str) -> dict:
    done = run_parstock("explain", sku, *arguments, "-o", "jsonl", env=world.env())
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return next(json.loads(line) for line in done.stdout.splitlines() if json.loads(line)["location"] == "BER")


def test_the_way_to_what_the_shop_shows(world):
    (sku,) = world.load(1, available=0)
    world.sync()
    world.apply()
    world.push().start(wait_ready=True)
    world.count(sku, 10, ago(60), ago(60))
    world.wait_par()
    before = now()
    world.sell(sku, 3)
    world.ordered(sku, 3, now())
    wait_until(lambda: world.desired(sku) == 5, "the sale to be taken off", 30)
    world.count(sku, 12, ago(30), ago(50))
    world.wait_par()
    found = tell(world, sku)
    (shop,) = found["shops"]
    assert (shop["desired"], shop["shown"], shop["state"], shop["computed"], shop["note"]) == (7, 7, "at_par", 7, None)
    assert [(s["rule"], s["change"], s["result"]) for s in found["steps"]] == [
        ("level", 12, 12), ("unseen_orders", -3, 9), ("buffer", -2, 7)]  # fmt: skip
    (stock,) = found["steps"][1]["stocks"]
    assert (stock["sku"], stock["level"], stock["unseen"]) == (sku, 12, 3)
    (units,) = stock["units"]
    assert (units["shop"], units["ordered"], units["cancelled"], units["taken"]) == ("demo", 3, 0, 3)
    ids = [write["write"] for write in found["writes"]]
    assert ids == sorted(ids, reverse=True) and found["writes"][0]["to"] == 7
    assert found["writes"][0]["state"] == "applied" and len(found["writes"][0]["key"]) == 36
    kinds = {reading["source"]: (reading["kind"], reading["rules"]) for reading in found["readings"]}
    assert kinds == {"wms": ("source", True), "demo": ("shop", False)}
    then = tell(world, sku, "--at", before.isoformat())
    assert then["quantity"] == 10 and [write["to"] for write in then["writes"]] == [8]
    table = run_parstock("explain", sku, env=world.env()).stdout.decode()
    assert "3 ordered" in table and "shop demo: desired 7, shown 7" in table


def test_why_a_pair_is_left_alone(world):
    (sku,) = world.load(1, available=0)
    world.sync()
    world.apply()
    world.count(sku, 10, ago(60), ago(60))
    assert tell(world, sku)["shops"][0]["state"] in ("pending", "not_seen")
    for fault, why in (("quarantined: INVALID_QUANTITY_TOO_HIGH", "more than the shop can hold, together with what is committed"),
                       ("quarantined: NEW_CODE", "a refusal that no rule knows: a person has to look"),
                       ("untracked", "the shop does not track the item's stock")):  # fmt: skip
        world.db.execute("UPDATE shop_levels SET fault = %s WHERE sku = %s", [fault, sku])
        (shop,) = tell(world, sku)["shops"]
        assert (shop["state"], shop["why"]) == (fault, why)
    world.write_contract(exclude=[sku])
    found = tell(world, sku)
    assert [(s["rule"], s["change"], s["result"]) for s in found["steps"]] == [("excluded", None, None)]
    assert found["shops"][0]["computed"] is None and found["shops"][0]["note"]


def test_a_kit_is_told_by_its_parts(world):
    """Two of the first and one of the second: 10 and 7, less one kit sold, make 4; two are held back."""
    first, second = world.load(2, available=0)
    world.more = {"kits": [{"sku": "KIT", "components": [
        {"sku": first, "quantity": 2}, {"sku": second, "quantity": 1}]}]}  # fmt: skip
    world.write_contract(buffer={"fixed": 2})
    world.apply()
    world.count(first, 10, ago(60), ago(60))
    world.count(second, 7, ago(60), ago(60))
    world.ordered("KIT", 1, now())
    found = tell(world, "kit")
    assert [(s["rule"], s["change"], s["result"]) for s in found["steps"]] == [
        ("level", 4, 4), ("unseen_orders", 0, 4), ("buffer", -2, 2)]  # fmt: skip
    assert [(s["sku"], s["per_unit"], s["level"], s["unseen"]) for s in found["steps"][0]["stocks"]] == [
        (first, 2, 10, 2), (second, 1, 7, 1)]  # fmt: skip
    assert found["sums"] and found["quantity"] is None and found["shops"][0]["computed"] == 2
    part = tell(world, first)
    (stock,) = part["steps"][1]["stocks"]
    assert [(u["sku"], u["ordered"], u["per_unit"], u["taken"]) for u in stock["units"]] == [("KIT", 1, 2, 2)]
    assert part["steps"][-1]["result"] == 6
    assert "as many as its parts make" in run_parstock("explain", "KIT", env=world.env()).stdout.decode()
