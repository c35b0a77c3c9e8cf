"""push against a well-behaved shop: to par, and what is left alone."""

from pathlib import Path

import pytest

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PLACES, PushWorld


@pytest.mark.parametrize("mode", ["on_hand", "available"])
def test_to_par(run_dir: Path, postgres: Postgres, mode: str) -> None:
    with PushWorld(run_dir, postgres, mode) as world:
        skus = world.load(300)
        world.sync()
        wanted = world.desire_random(skus, seed=1)
        push = world.push().start(wait_ready=True)
        world.wait_par()
        world.prove(wanted)
        changed = {pair: quantity + 1 for pair, quantity in list(wanted.items())[:100]}
        world.desire((sku, place, quantity) for (sku, place), quantity in changed.items())
        world.wait_par()
        counts = world.prove(wanted | changed)
        assert push.terminate() == 0
        # 900 pairs at 250 a call, then 100: no write is sent that is not needed.
        assert counts["applied"] == 5


def test_a_thousand_changes_of_one_pair_are_few_writes(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        (sku,) = world.load(1)
        world.sync()
        world.push().start(wait_ready=True)
        for quantity in range(1000):
            world.desire([(sku, "BER", quantity)])
        world.wait_par()
        assert world.prove({(sku, "BER"): 999})["applied"] < 1000


def test_what_the_catalogue_forbids_is_left_alone(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        good = world.load(3)
        world.control("catalog", {"items": [
            {"sku": "twin", "levels": {"501": {"available": 1}}},
            {"sku": "TWIN ", "levels": {"501": {"available": 1}}},
            {"sku": "LOOSE", "tracked": False, "levels": {"501": {"available": 1}}},
            {"sku": "SHUT", "levels": {"501": {"available": 1, "active": False}}},
            {"sku": "ONLY-HAM", "levels": {"502": {"available": 1}}},
        ]})  # fmt: skip
        world.sync()
        bad = {"TWIN": "duplicate_sku", "LOOSE": "untracked", "SHUT": "not_stocked", "ONLY-HAM": "not_stocked",
               "NOWHERE": "unmapped"}  # fmt: skip
        world.desire([(sku, "BER", 7) for sku in [*good, *bad]])
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.faults() == {(sku, "BER"): fault for sku, fault in bad.items()}
        assert world.prove()["applied"] == 1
        code, report = world.check()
        assert code == 1 and not report["ready"]
        assert report["pairs_mapped"] == 3
        assert report["pairs_unmapped"] == 1
        assert report["pairs_duplicate_sku"] == 1
        assert report["pairs_untracked"] == 1
        assert report["pairs_not_stocked"] == 2


def test_a_new_catalogue_frees_pairs(run_dir: Path, postgres: Postgres) -> None:
    """Desired levels may come before the items: a later sync makes them writable."""
    with PushWorld(run_dir, postgres) as world:
        world.sync()
        world.desire([("SKU-00000", place, 3) for place in PLACES])
        push = world.push().start(wait_ready=True)
        wait_until(lambda: len(world.faults()) == 3, "the pairs to be marked")
        world.load(1)
        world.sync()
        assert world.faults() == {}
        world.wait_par()
        world.prove({("SKU-00000", place): 3 for place in PLACES})
        assert push.terminate() == 0


def test_refused_pairs_are_quarantined_and_the_rest_goes_through(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(20)
        world.control("catalog", {"items": [{"sku": "KIT", "levels": {"501": {"available": 1}}}]})
        world.sync()
        # It becomes a bundle parent behind the catalogue's back: only the shop can say so.
        world.control("edit", {"sku": "KIT", "location": "BER", "bundle": True})
        world.desire([(sku, "BER", 9) for sku in [*skus, "KIT"]])
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.faults() == {("KIT", "BER"): "quarantined: NON_MUTABLE_INVENTORY_ITEM"}
        world.prove()
        code, report = world.check()
        assert code == 1 and (report["pairs_quarantined"], report["pairs_bundle"]) == (1, 0)
        assert report["offenders"]["pairs_quarantined"][0]["detail"] == "quarantined: NON_MUTABLE_INVENTORY_ITEM"
        # The next catalogue knows why, and the shop is not asked again.
        refused = world.prove_journal()["refused"]
        world.sync()
        assert world.faults() == {("KIT", "BER"): "bundle"}
        code, report = world.check()
        assert code == 1 and (report["pairs_quarantined"], report["pairs_bundle"]) == (0, 1)
        world.desire([(skus[0], "BER", 10), ("KIT", "BER", 10)])
        world.wait_par()
        assert world.prove()["refused"] == refused


def test_a_refused_pair_gets_another_chance(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        (sku,) = world.load(1)
        world.sync()
        # More than the shop takes; apply would have capped it.
        world.desire([(sku, "BER", 2_000_000_000)])
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.faults() == {(sku, "BER"): "quarantined: INVALID_QUANTITY_TOO_HIGH"}
        refused = world.prove_journal()["refused"]
        world.sync()
        wait_until(lambda: world.prove_journal()["refused"] > refused, "the pair to be refused again")
        world.wait_par()
        assert list(world.faults()) == [(sku, "BER")]


def test_missing_levels_are_activated_where_the_contract_says_so(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.write_contract(activate_missing=True)
        good = world.load(2)
        answer = world.control("catalog", {"items": [
            {"sku": "SHUT", "levels": {"501": {"available": 4, "active": False}}},
            {"sku": "ONLY-HAM", "levels": {"502": {"available": 1}}},
        ]})  # fmt: skip
        world.items.update(zip(["SHUT", "ONLY-HAM"], answer["ids"]))
        world.sync()
        wanted = {(sku, "BER"): 7 for sku in [*good, "SHUT", "ONLY-HAM"]}
        world.desire([(sku, place, quantity) for (sku, place), quantity in wanted.items()])
        # The answer to an activation may be lost: it is made once more, and changes nothing then.
        world.control("faults", {"next": [{"fault": "drop_after_apply", "ops": ["inventoryActivate"]}]})
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.faults() == {}
        world.prove(wanted)


def test_a_refused_activation_is_no_loop(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.write_contract(activate_missing=True)
        world.load(1)
        world.control("catalog", {"items": [{"sku": "ONLY-HAM", "levels": {"502": {"available": 1}}}]})
        world.sync()
        world.desire([("ONLY-HAM", "BER", 7)])
        refusal = {"data": {"inventoryActivate": {"inventoryLevel": None, "userErrors": [
            {"field": None, "message": "An item cannot be active at more than one location if one is a service."}]}}}  # fmt: skip
        world.control("faults", {"next": [{"fault": "answer", "value": refusal, "ops": ["inventoryActivate"]}]})
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.faults() == {("ONLY-HAM", "BER"): "quarantined: ACTIVATION_REFUSED"}
