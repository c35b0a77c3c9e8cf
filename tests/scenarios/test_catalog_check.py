"""catalog check: the readiness checklist, line by line, and the names of those in the way."""

from pathlib import Path
from typing import Any

import pytest

from tests.harness.postgres import Postgres
from tests.harness.worker import run_parstock
from tests.scenarios.push_world import PushWorld

BER = {"501": {"available": 5}}


@pytest.fixture
def world(run_dir: Path, postgres: Postgres):
    with PushWorld(run_dir, postgres) as world:
        yield world


def add(world: PushWorld, *items: dict[str, Any]) -> list[str]:
    answer = world.control("catalog", {"items": [{"levels": BER, **item} for item in items]})
    world.items.update(zip((item["sku"] for item in items), answer["ids"]))
    return answer["ids"]


def level(world: PushWorld, *skus: str) -> None:
    """Apply has a level, and what the shop should show of it, at BER."""
    for sku in sorted(skus):
        world.db.execute("INSERT INTO levels (sku, location, quantity, source, occurred_at, revision)"
                         " VALUES (%s, 'BER', 5, 'wms', now(), 1)", [sku])  # fmt: skip
    world.desire([(sku, "BER", 5) for sku in skus])


def test_a_shop_that_is_ready(world: PushWorld) -> None:
    add(world, {"sku": "A"}, {"sku": "SOLD-ON", "policy": "CONTINUE"})
    level(world, "A", "SOLD-ON")
    world.sync()
    code, report = world.check()
    assert (code, report["ready"], report["in_the_way"]) == (0, True, [])
    assert (report["items"], report["pairs_mapped"]) == (2, 2)
    # To sell on below zero is a choice, not a fault.
    assert report["offenders"] == {"items_continue": [{"sku": "SOLD-ON", "item": world.items["SOLD-ON"]}]}


@pytest.mark.parametrize(
    ("item", "line", "count_of_items"),
    [
        ({"sku": "KIT", "bundle": True}, "pairs_bundle", "items_bundle"),
        ({"sku": "LOOSE", "tracked": False}, "pairs_untracked", "items_untracked"),
        ({"sku": "SHUT", "levels": {"501": {"available": 1, "active": False}}}, "pairs_not_stocked", None),
        ({"sku": "ELSEWHERE", "levels": {"502": {"available": 1}}}, "pairs_not_stocked", None),
    ],
    ids=lambda value: value["sku"] if isinstance(value, dict) else None,
)
def test_what_is_in_the_way(world: PushWorld, item: dict, line: str, count_of_items: str | None) -> None:
    add(world, {"sku": "GOOD"}, item)
    level(world, "GOOD", item["sku"])
    world.sync()
    code, report = world.check()
    assert (code, report["ready"], report["in_the_way"]) == (1, False, [line])
    assert (report["pairs_mapped"], report[line]) == (1, 1)
    (who,) = report["offenders"][line]
    assert (who["sku"], who["location"], who["item"]) == (item["sku"], "BER", world.items[item["sku"]])
    if count_of_items is not None:
        assert report[count_of_items] == 1
        assert report["offenders"][count_of_items] == [{"sku": item["sku"], "item": world.items[item["sku"]]}]
    inactive = item["sku"] == "SHUT"
    assert report["pairs_inactive"] == inactive
    if line == "pairs_not_stocked":
        assert who["detail"] == ("inactive" if inactive else "no level")
    assert world.faults() == {(item["sku"], "BER"): line.removeprefix("pairs_")}


def test_twins_after_normalisation(world: PushWorld) -> None:
    ids = add(world, {"sku": "twin"}, {"sku": "TWIN "}, {"sku": "TWIN-2"}, {"sku": "\u200b"}, {"sku": None})
    level(world, "TWIN")
    world.sync()
    code, report = world.check()
    assert (code, report["in_the_way"]) == (1, ["pairs_duplicate_sku"])
    assert report["items_duplicate"] == 2
    assert report["offenders"]["items_duplicate"] == [
        {"sku": "TWIN", "item": ids[0], "detail": "twin"},
        {"sku": "TWIN", "item": ids[1], "detail": "TWIN "},
    ]
    # Which of the two is meant, nobody knows.
    assert report["offenders"]["pairs_duplicate_sku"] == [{"sku": "TWIN", "location": "BER"}]
    assert report["items_without_sku"] == 2
    assert [who["item"] for who in report["offenders"]["items_without_sku"]] == ids[3:]


def test_unmapped_both_ways(world: PushWorld) -> None:
    world.write_contract(exclude=["left out"])
    add(world, {"sku": "A"}, {"sku": "FORGOTTEN"}, {"sku": "LEFT OUT"}, {"sku": "GIFT", "tracked": False},
        {"sku": "KIT", "bundle": True})  # fmt: skip
    level(world, "A", "NOWHERE")
    world.sync()
    code, report = world.check()
    assert (code, report["in_the_way"]) == (1, ["pairs_unmapped"])
    assert report["offenders"]["pairs_unmapped"] == [{"sku": "NOWHERE", "location": "BER"}]
    assert report["items_without_level"] == 1
    assert report["offenders"]["items_without_level"] == [{"sku": "FORGOTTEN", "item": world.items["FORGOTTEN"]}]


def test_high_risk_items_by_tag_list_and_value(world: PushWorld) -> None:
    world.write_contract(risk={"tags": ["Limited"], "skus": ["pot–1", "not in the shop"], "value_threshold": 250})
    add(world, {"sku": "POT-1", "price": "249.99"}, {"sku": "VASE", "tags": ["new", "limited"]},
        {"sku": "RING", "price": "250.00"}, {"sku": "ALL", "tags": ["limited", "x"], "price": "900"},
        {"sku": "PLAIN", "tags": ["limited edition"], "price": "1"})  # fmt: skip
    world.sync()
    code, report = world.check()
    assert code == 0
    counts = [report[f"items_{name}"] for name in ("high_risk", "risk_listed", "risk_tagged", "risk_valued")]
    assert counts == [4, 1, 2, 2]
    assert [(who["sku"], who["detail"]) for who in report["offenders"]["items_high_risk"]] == [
        ("ALL", "tagged, valued"), ("POT-1", "listed"), ("RING", "valued"), ("VASE", "tagged")]  # fmt: skip
    # A later sync follows the shop, a new contract needs none.
    world.control("remove", {"sku": "ALL"})
    world.sync()
    assert world.check()[1]["items_high_risk"] == 3
    world.write_contract()
    assert world.check()[1]["items_high_risk"] == 0


def test_names_are_bounded(world: PushWorld) -> None:
    skus = [f"N-{number:02}" for number in range(25)]
    level(world, *skus)
    world.sync()
    for flags, names in (((), 10), (("--limit", "3"), 3), (("--limit", "100"), 25)):
        _, report = world.check(*flags)
        assert report["pairs_unmapped"] == 25
        assert [who["sku"] for who in report["offenders"]["pairs_unmapped"]] == skus[:names]
    assert world.check("--limit", "0")[1]["offenders"] == {}
    for wrong in ("-1", "10001", "many"):
        assert run_parstock("catalog", "check", "--limit", wrong, env=world.env()).returncode == 64


def test_as_a_person_reads_it(world: PushWorld) -> None:
    (odd,) = add(world, {"sku": "\u001b[31mred"})
    level(world, "X", "Y", "Z")
    world.sync()
    done = run_parstock("catalog", "check", "-o", "table", "--limit", "2", env=world.env())
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("shop demo: not ready; catalogue of 2")
    at = next(number for number, line in enumerate(lines) if "pairs whose SKU the shop does not have" in line)
    assert lines[at : at + 4] == [
        "           3  pairs whose SKU the shop does not have  <- in the way",
        "              X at BER", "              Y at BER", "              and 1 more"]  # fmt: skip
    # What a shop holds does not reach the terminal as control characters.
    assert b"\x1b" not in done.stdout
    assert f'              {odd}: "\\u001b[31mred"' in lines
