"""SKUs that move between items, and items that go: what was theirs is written to nobody else."""

import time
from pathlib import Path
from typing import Any

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PLACES, PushWorld


def rename(world: PushWorld, old: str, new: str) -> None:
    world.control("rename", {"item": world.items[old], "to": new})
    world.items[new] = world.items.pop(old)


def on_hand(world: PushWorld, sku: str, place: str = "BER") -> int:
    return world.prove_final()[world.pair(sku, place)]["on_hand"]


def written(world: PushWorld, pair: str) -> list[int]:
    """What the pair was set to, in order."""
    changes = [change for line in world.journal() if line["kind"] == "applied" for change in line["changes"]]
    return [change["on_hand"][1] for change in changes if change["pair"] == pair]


def gone(world: PushWorld) -> list[tuple]:
    """Units that are held to have left the shop, and pairs to be decided anew for such: a lower level of
    another item is no sale."""
    units = world.db.execute("SELECT sku, location FROM shop_units").fetchall()
    return units + world.db.execute("SELECT sku, location FROM shop_levels WHERE undecided").fetchall()


def settle(world: PushWorld) -> dict[str, Any]:
    world.wait_par()
    return world.prove()


def test_a_renamed_item_leaves_its_old_level_behind(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        old, other = world.load(2)
        world.sync()
        world.desire([(sku, place, 3) for sku in (old, other) for place in PLACES])
        world.push().start(wait_ready=True)
        settle(world)
        pair = world.pair(old, "BER")
        rename(world, old, "NEW")
        world.sync()
        assert world.faults() == {(old, place): "unmapped" for place in PLACES}
        # A level for the name that nobody has any more reaches no item; the new name's does.
        world.desire([(old, "BER", 70), (other, "BER", 4)])
        settle(world)
        assert written(world, pair) == [3]
        world.desire([("NEW", place, 8) for place in PLACES])
        settle(world)
        assert written(world, pair) == [3, 8]
        assert on_hand(world, "NEW") == 8 and on_hand(world, other) == 4
        _, report = world.check()
        assert report["pairs_unmapped"] == len(PLACES)
        assert report["offenders"]["pairs_unmapped"][0] == {"sku": old, "location": "BER"}


def test_a_level_that_waits_for_its_sku_gets_the_renamed_item(run_dir: Path, postgres: Postgres) -> None:
    """The source knew the new name first, as it does when the shop is renamed after it."""
    with PushWorld(run_dir, postgres) as world:
        (old,) = world.load(1)
        world.sync()
        world.desire([(sku, place, quantity) for sku, quantity in ((old, 3), ("NEW", 9)) for place in PLACES])
        world.push().start(wait_ready=True)
        world.wait_par()
        assert world.faults() == {("NEW", place): "unmapped" for place in PLACES}
        rename(world, old, "NEW")
        world.sync()
        assert world.faults() == {(old, place): "unmapped" for place in PLACES}
        settle(world)
        assert on_hand(world, "NEW") == 9
        # And back: the level that lost its item has not been forgotten.
        rename(world, "NEW", old)
        world.sync()
        settle(world)
        assert on_hand(world, old) == 3
        assert world.faults() == {("NEW", place): "unmapped" for place in PLACES}


def test_two_items_that_swap_their_skus(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        left, right = world.load(2)
        world.sync()
        world.desire([(left, place, 11) for place in PLACES] + [(right, place, 22) for place in PLACES])
        push = world.push().start(wait_ready=True)
        settle(world)
        push.terminate()
        rename(world, left, "between")
        rename(world, right, left)
        rename(world, "between", right)
        world.sync()
        assert gone(world) == []
        world.push("push-2").start(wait_ready=True)
        settle(world)
        assert (on_hand(world, left), on_hand(world, right)) == (11, 22)
        assert world.faults() == {} and gone(world) == []


def test_a_deleted_item_is_written_no_more(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        deleted, kept = world.load(2)
        world.sync()
        world.desire([(sku, place, 3) for sku in (deleted, kept) for place in PLACES])
        push = world.push().start(wait_ready=True)
        settle(world)
        world.control("remove", {"sku": deleted})
        world.sync()
        assert world.faults() == {(deleted, place): "unmapped" for place in PLACES}
        refused = world.prove_journal().get("refused", 0)
        world.desire([(sku, place, 4) for sku in (deleted, kept) for place in PLACES])
        settle(world)
        assert on_hand(world, kept) == 4
        assert world.prove_journal().get("refused", 0) == refused
        assert world.db.execute("SELECT count(*) FROM shop_items").fetchone() == (1,)
        push.terminate()
        # The SKU comes back as another item: it gets the level that is desired, not the old one's.
        answer = world.control("catalog", {"items": [
            {"sku": deleted, "levels": {str(number): {"available": 1} for number in PLACES.values()}}]})  # fmt: skip
        assert answer["ids"] != [world.items[deleted]]
        world.items[deleted] = answer["ids"][0]
        world.sync()
        assert gone(world) == []
        world.push("push-2").start(wait_ready=True)
        settle(world)
        assert on_hand(world, deleted) == 4 and gone(world) == []


def test_a_write_under_way_while_its_item_is_renamed(run_dir: Path, postgres: Postgres) -> None:
    """The write's bytes name the item. What the new SKU shows is not known until they have ended."""
    with PushWorld(run_dir, postgres) as world:
        (old,) = world.load(1)
        world.sync()
        world.desire([(old, "BER", 70), ("NEW", "BER", 5)])
        world.control("faults", {"rules": [{"fault": "drop_before_apply", "probability": 1.0,
                                            "ops": ["inventorySetQuantities"]}]})  # fmt: skip
        # Ready it is only between two writes that are lost: a fast machine may see several before it hears of that.
        push = world.push().start()
        under_way = "SELECT count(*) FROM shop_writes WHERE settled_at IS NULL"
        wait_until(lambda: world.db.execute(under_way).fetchone() == (1,), "a write")
        push.kill()
        rename(world, old, "NEW")
        world.sync()
        # 5 is what the new SKU should show and what the export saw: without doubt nothing would be due.
        state = world.db.execute("SELECT shown, dirty, fault FROM shop_levels WHERE sku = 'NEW' AND location = 'BER'")
        assert state.fetchone() == (None, True, "")
        world.control("faults", {})
        world.push("push-2").start(wait_ready=True)
        world.wait_par()
        assert written(world, world.pair("NEW", "BER")) == [70, 5]
        # The catalogue had left the pair alone that the write held; now it says what became of it.
        world.sync()
        assert world.faults() == {(old, "BER"): "unmapped"}
        settle(world)
        assert on_hand(world, "NEW") == 5


def test_a_write_that_ended_while_the_export_ran(run_dir: Path, postgres: Postgres) -> None:
    """The export is older than the write: the number that it shows may be the one from before."""
    with PushWorld(run_dir, postgres) as world:
        (old,) = world.load(1)
        world.sync()
        world.desire([("NEW", "BER", 5)])
        rename(world, old, "NEW")
        later = time.time() + 3600
        world.db.execute(
            "WITH w AS (INSERT INTO shop_writes (shop, key, body, state, epoch, settled_at)"
            " VALUES ('demo', gen_random_uuid(), '', 'applied', 1, to_timestamp(%s)) RETURNING id)"
            " INSERT INTO shop_write_pairs (write_id, ordinal, sku, location, item, gid, change_from, quantity)"
            " SELECT id, 0, %s, 'BER', %s, 'gid://shopify/Location/501', 5, 70 FROM w",
            [later, old, world.items["NEW"]])  # fmt: skip
        world.sync()
        shown = world.db.execute("SELECT location, shown FROM shop_levels WHERE sku = 'NEW' ORDER BY 1").fetchall()
        assert shown == [("BER", None), ("HAM", 5), ("MUC", 5)]
