"""catalog sync: what it stores, what it leaves alone, and when it refuses."""

import json
from pathlib import Path

import pytest

from tests.harness.postgres import Postgres
from tests.harness.worker import run_parstock
from tests.scenarios.push_world import PLACES, PushWorld


def levels(world: PushWorld) -> dict[tuple[str, str], tuple]:
    rows = world.db.execute("SELECT sku, location, shown, stocked, desired, dirty, fault FROM shop_levels").fetchall()
    return {(sku, place): tuple(rest) for sku, place, *rest in rows}


@pytest.mark.parametrize(("mode", "shown"), [("on_hand", 7), ("available", 5)])
def test_levels_are_those_of_the_shops_mode(run_dir: Path, postgres: Postgres, mode: str, shown: int) -> None:
    with PushWorld(run_dir, postgres, mode) as world:
        world.control("catalog", {"locations": [{"id": 599, "name": "elsewhere"}], "items": [
            {"sku": " shirt–red ", "levels": {"501": {"available": 5, "committed": 2}, "599": {"available": 1}}},
            {"sku": None, "levels": {"501": {"available": 1}}},
            {"sku": "\u200b", "levels": {"501": {"available": 1}}},
        ]})  # fmt: skip
        world.sync()
        # The SKU is normalised, the location that the contract does not name is left out.
        assert levels(world) == {("SHIRT-RED", "BER"): (shown, True, None, False, "")}
        _, report = world.check()
        assert (report["items"], report["items_without_sku"]) == (3, 2)


def test_what_is_gone_goes_and_what_is_wanted_stays(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        old, kept = world.load(2)
        world.sync()
        world.desire([(old, "BER", 3), (kept, "BER", 4)])
        world.control("reset")
        world.control("catalog", {"locations": [{"id": n, "name": p} for p, n in PLACES.items()], "items": [
            {"sku": kept, "levels": {"501": {"available": 4}}},
        ]})  # fmt: skip
        world.sync()
        assert levels(world) == {
            (old, "BER"): (None, False, 3, True, "unmapped"),
            (kept, "BER"): (4, True, 4, False, ""),
        }


def test_units_that_a_sync_misses_are_noted(run_dir: Path, postgres: Postgres) -> None:
    """Lower than it was left: sold, for all that is known, and decided anew before anything is written."""
    with PushWorld(run_dir, postgres, "available") as world:
        sold, kept = world.load(2, places=["BER"])
        world.sync()
        world.desire([(sold, "BER", 4), (kept, "BER", 5)])
        world.control("order", {"lines": [{"sku": sold, "location": 501, "quantity": 1}]})
        world.sync()
        assert levels(world) == {(sold, "BER"): (4, True, 4, True, ""), (kept, "BER"): (5, True, 5, False, "")}
        assert world.db.execute("SELECT sku, location, kind, units FROM shop_units").fetchall() == [(sold, "BER", 2, 1)]
        world.sync()
        assert world.db.execute("SELECT count(*) FROM shop_units").fetchone()[0] == 1, "noted once"


def test_what_a_write_knows_is_not_overwritten(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(3)
        world.sync()
        world.desire([(sku, "BER", 9) for sku in skus])
        # In flight; read after the run began; unknown outcome of a write after the run began.
        world.db.execute("UPDATE shop_levels SET write_id = 77 WHERE sku = %s AND location = 'BER'", [skus[0]])
        world.db.execute("UPDATE shop_levels SET shown = 8, shown_at = now() + interval '1 h'"
                         " WHERE sku = %s AND location = 'BER'", [skus[1]])  # fmt: skip
        world.db.execute("UPDATE shop_levels SET shown = NULL, shown_at = now() + interval '1 h'"
                         " WHERE sku = %s AND location = 'BER'", [skus[2]])  # fmt: skip
        for sku in skus:
            world.control("edit", {"sku": sku, "location": "BER", "available": 1})
        world.sync()
        assert [levels(world)[(sku, "BER")][0] for sku in skus] == [5, 8, None]


def test_facts_of_the_variant_are_kept(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.control("catalog", {"items": [
            {"sku": "A", "price": "2.50", "policy": "CONTINUE", "tags": ["b", "a"], "levels": {}}]})  # fmt: skip
        world.sync()
        facts = "SELECT continues, bundle, price_micros, tags FROM shop_items"
        assert world.db.execute(facts).fetchone() == (True, False, 2500000, ["b", "a"])
        before = world.db.execute("SELECT updated_at FROM shop_items").fetchone()
        world.sync()
        assert world.db.execute("SELECT updated_at FROM shop_items").fetchone() == before


def test_large_catalogue_in_bounded_memory(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.load(7000)
        world.sync()
        assert len(levels(world)) == 21000
        world.sync()
        assert len(levels(world)) == 21000


def test_pairs_find_their_items_by_the_index(run_dir: Path, postgres: Postgres) -> None:
    """In another order of texts the index cannot be used, and every pair is looked for among all items."""
    with PushWorld(run_dir, postgres) as world:
        # Whatever the statistics say: if it can be used, it is.
        world.db.execute("SET enable_seqscan = off")
        world.db.execute("SET enable_bitmapscan = off")
        plan = world.db.execute(
            "EXPLAIN SELECT i.n FROM shop_levels l LEFT JOIN LATERAL (SELECT count(*) AS n FROM shop_items s"
            " WHERE s.shop = 'demo' AND s.sku = l.sku) i ON true").fetchall()  # fmt: skip
        conditions = [line for (line,) in plan if "Index Cond" in line]
        assert any("sku = l.sku" in line for line in conditions), plan


def test_an_empty_export_is_not_believed(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.load(3)
        world.sync()
        world.control("reset")
        world.control("catalog", {"locations": [{"id": n, "name": p} for p, n in PLACES.items()]})
        assert "nothing was changed" in world.sync(expect=1)
        assert len(levels(world)) == 9


def test_a_failed_export_changes_nothing(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.load(3)
        world.control("config", {"bulk_outcome": "FAILED"})
        assert "FAILED TIMEOUT" in world.sync(expect=75)
        assert levels(world) == {}


def test_a_cut_export_changes_nothing(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.load(300)
        world.control("faults", {"next": [{"fault": "truncated", "ops": ["bulk_download"]}]})
        assert run_parstock("catalog", "sync", env=world.env()).returncode == 69
        assert levels(world) == {}


def test_a_location_that_the_shop_lacks(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        world.write_contract(locations={"BER": "gid://shopify/Location/4711"})
        assert "has no location gid://shopify/Location/4711 (BER in the contract)" in world.sync(expect=78)


def test_a_scope_that_the_token_lacks(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres, scopes=["read_inventory", "write_inventory", "read_locations"]) as world:
        assert "read_products" in world.sync(expect=77)


def test_credentials_are_missing(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        env = {k: v for k, v in world.env().items() if k != "PARSTOCK_SHOP_DEMO_TOKEN"}
        for command in (("catalog", "sync"), ("push",)):
            done = run_parstock(*command, env=env)
            assert done.returncode == 78
            assert b"PARSTOCK_SHOP_DEMO_TOKEN" in done.stderr


def test_never_synced_is_not_ready(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        code, report = world.check()
        assert code == 1 and report["synced_at"] is None
        plain = run_parstock("catalog", "check", env=world.env())
        assert plain.returncode == 1 and b"catalog sync" in plain.stdout


def test_usage(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        for wrong in ((), ("sink",), ("sync", "check"), ("sync", "--shop", "nobody")):
            assert run_parstock("catalog", *wrong, env=world.env()).returncode == 64
        done = run_parstock("catalog", "sync", "-o", "json", env=world.env())
        assert json.loads(done.stdout) == {"shops": [{"shop": "demo", "items": 0, "levels": 0}]}
