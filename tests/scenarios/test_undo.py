"""`undo`: a bad import taken back during live orders: levels as without it, nothing sold twice."""

import csv
import json
import threading
from datetime import datetime, timedelta

import pytest

from tests.harness.waiting import wait_until
from tests.harness.worker import run_parstock
from tests.scenarios.shop_world import ShopWorld, ago, now, text_of
from tests.scenarios.topic import topic_ends

TRUTH = 20
FOUND, USAGE, AGAIN, NOT_ALLOWED = 1, 64, 75, 77
READINGS = (
    "SELECT sku, count, counted_at, version, adjusted, sees_orders_until FROM source_readings"
    " WHERE source = 'wms' ORDER BY sku"
)  # fmt: skip


@pytest.fixture(scope="module")
def world(session_dir, kafka, postgres):
    directory = session_dir / "undo"
    directory.mkdir()
    with ShopWorld(directory, kafka, postgres) as world:
        yield world


def parstock(world, *words: str, code: int = 0):
    done = run_parstock(*words, env=world.env())
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == code, f"{words}: exit {done.returncode}\n{said}"
    return done


def undo(world, batch: str, *flags: str, code: int = 0) -> dict:
    return json.loads(parstock(world, "undo", batch, "-o", "json", *flags, code=code).stdout)


def batches(world) -> list[dict]:
    return json.loads(parstock(world, "undo", "--list", "-o", "json").stdout)


def feed(world, name: str, rows: list[dict]) -> str:
    """The id of the import."""
    path = world.run_dir / f"{name}.csv"
    with path.open("w", newline="") as file:
        fields = ["type", "source", "sku", "location", "quantity", "occurred_at", "version", "sees_orders_until"]
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows({"source": "wms", "location": "BER"} | row for row in rows)
    parstock(world, "import", str(path), "--feed", name, "--confirm", name)
    judged_all(world)
    return next(batch["batch"] for batch in batches(world) if batch["name"] == name)


def count_row(sku: str, quantity: int, at: datetime, **more) -> dict:
    return {"type": "stock.counted", "sku": sku, "quantity": quantity, "occurred_at": text_of(at)} | more


def judged_all(world) -> None:
    topic = f"{world.prefix}stock-changes"
    wait_until(lambda: world.judged() >= sum(topic_ends(world.kafka.bootstrap, topic).values()), "all to be judged", 30, every_s=0.1)


class Buyers:
    """Orders of one unit each, until the block ends."""

    def __init__(self, world, skus: list[str]):
        self.world, self.skus, self.sold = world, skus, dict.fromkeys(skus, 0)
        self._thread = threading.Thread(target=self._buy)
        self._over = threading.Event()

    def _buy(self) -> None:
        for round_ in range(5):
            for sku in self.skus:
                if self._over.is_set():
                    return
                self.world.sell(sku, 1)
                self.world.produce({"type": "shop.ordered", "source": "demo", "sku": sku, "quantity": 1,
                                    "id": f"buy-{sku}-{round_}", "occurred_at": text_of(now())})  # fmt: skip
                self.sold[sku] += 1
            self._over.wait(0.3)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._over.set()
        self._thread.join()


def test_a_bad_import_during_live_orders(world):
    skus = world.load(12, available=0)
    plain, versioned, moved = skus[:5], skus[5:10], skus[10:]
    world.sync()
    world.apply()
    world.push().start(wait_ready=True)
    t0 = ago(600)
    for sku in skus:
        version = {"version": 7} if sku in versioned else {}
        world.produce({"type": "stock.counted", "source": "wms", "sku": sku, "quantity": TRUTH,
                       "occurred_at": text_of(t0), **version})  # fmt: skip
    world.produce({"type": "stock.adjusted", "source": "wms", "sku": plain[0], "quantity": 3, "occurred_at": text_of(ago(500))})
    world.produce({"type": "stock.adjusted", "source": "wms", "sku": plain[0], "quantity": -3, "occurred_at": text_of(ago(400))})
    world.wait_judged()
    wait_until(lambda: all(world.shows(sku)["available"] == TRUTH for sku in skus), "all to be at par", 30)
    before = world.db.execute(READINGS).fetchall()

    with Buyers(world, skus) as buyers:
        rows = [count_row(sku, (500, 10)[n % 2], now(), **({"version": 8} if sku in versioned else {})) for n, sku in enumerate(skus)]
        rows.append(count_row("NEVER-SEEN", 5, now()))
        bad = feed(world, "bad", rows)
        for sku in moved:
            world.count(sku, TRUTH + 1, now())
        judged_all(world)
        plan = undo(world, bad[:10], "--dry-run", code=FOUND)
        assert (plan["pairs"], plan["to_undo"], plan["refused"]) == (13, 10, 3)
        refused = {row["sku"]: row for row in plan["rows"] if row["fate"] == "refused"}
        assert {sku: row["rule"] for sku, row in refused.items()} == {moved[0]: "moved", moved[1]: "moved", "NEVER-SEEN": "first_seen"}
        assert all(row["moved_by"].startswith("wms at ") for sku, row in refused.items() if sku in moved)
        assert {row["back_to"] for row in plan["rows"] if row["fate"] == "undo"} == {TRUTH}
        judged_all(world)
        done = undo(world, bad, "--why", "the feed of another shop", "--by", "anna", code=FOUND)
        assert (done["undone"], done["refused"], done["dry_run"]) == (10, 3, False)

    judged_all(world)
    world.wait_par()
    after = world.db.execute(READINGS).fetchall()
    kept = {*plain, *versioned}
    assert [row for row in after if row[0] in kept] == [row for row in before if row[0] in kept], "as if it had never been"
    for sku in kept:
        assert world.shows(sku)["available"] == TRUTH - buyers.sold[sku], f"{sku} would be sold twice"
    # A unit that is found missing after the count which had seen it sold may hide a later one: too little, never too much.
    for sku in moved:
        assert world.shows(sku)["available"] <= world.desired(sku) <= TRUTH + 1
    # One more count has push find what is missing, the next has seen that too: then they are exact.
    for number in (TRUTH + 5, TRUTH + 6):
        for sku in moved:
            world.count(sku, number, now(), now())
        judged_all(world)
        world.wait_par()
    for sku in moved:
        assert world.shows(sku)["available"] == TRUTH + 6
    world.prove()
    assert world.db.execute("SELECT batch, actor, why, done, refused FROM undos").fetchall() == [
        (bad, "anna", "the feed of another shop", 10, 3)]  # fmt: skip

    # The source's own next count is not stale, be it by version or by time.
    later = now() + timedelta(seconds=2)
    world.count(plain[1], 11, later, later)
    world.count(versioned[1], 12, ago(300), later, version=8)
    judged_all(world)
    levels = dict(world.db.execute("SELECT sku, quantity FROM levels").fetchall())
    assert (levels[plain[1]], levels[versioned[1]]) == (11, 12)
    assert json.loads(parstock(world, "audit", "-o", "json").stdout)["ok"] is True


def test_taken_back_twice_and_cut_short(world):
    bad = next(batch["batch"] for batch in batches(world) if batch["name"] == "bad")
    judged_all(world)
    ends = topic_ends(world.kafka.bootstrap, f"{world.prefix}stock-changes")
    again = undo(world, bad, code=FOUND)
    assert (again["undone"], again["nothing_to_do"], again["refused"]) == (0, 10, 3)
    assert topic_ends(world.kafka.bootstrap, f"{world.prefix}stock-changes") == ends
    levels = world.db.execute("SELECT sku, location, quantity FROM levels ORDER BY sku").fetchall()
    # As a try leaves it that was killed between sending and remembering.
    world.db.execute("UPDATE undo_pairs SET state = 'intended'")
    assert undo(world, bad, code=FOUND)["unfinished"] == 10
    judged_all(world)
    assert world.db.execute("SELECT sku, location, quantity FROM levels ORDER BY sku").fetchall() == levels
    assert world.db.execute("SELECT count(*) FROM undo_pairs WHERE state = 'intended'").fetchone()[0] == 0
    report = json.loads(parstock(world, "audit", "-o", "json").stdout)
    assert report["ok"] is True and report["outcomes"]["rejected"] == 0


def test_adjustments_and_many(world):
    skus = [f"BULK-{n:03}" for n in range(40)]
    feed(world, "base", [count_row(sku, 10, ago(900)) for sku in skus])
    moves = feed(world, "moves", [
        {"type": "stock.adjusted", "sku": sku, "quantity": -4, "occurred_at": text_of(ago(60))} for sku in skus])  # fmt: skip
    plan = undo(world, moves, "--dry-run")
    assert (plan["to_undo"], plan["refused"]) == (40, 0)
    refused = parstock(world, "undo", moves, code=NOT_ALLOWED)
    assert b"--confirm 'demo'" in refused.stderr
    assert undo(world, moves, "--confirm", "demo")["undone"] == 40
    judged_all(world)
    levels = dict(world.db.execute("SELECT sku, quantity FROM levels WHERE sku LIKE 'BULK-%'").fetchall())
    assert levels == dict.fromkeys(skus, 10)
    parstock(world, "undo", "0" * 12, code=FOUND)
    parstock(world, "undo", "abc", code=USAGE)
    assert b"usage: parstock undo" in parstock(world, "undo", code=USAGE).stderr
    assert b"moves" in parstock(world, "undo", "--list").stdout


def test_not_while_records_wait_to_be_judged(world):
    bad = next(batch["batch"] for batch in batches(world) if batch["name"] == "moves")
    apply = next(worker for worker in world.workers if worker.child.name.find("apply") >= 0)
    apply.pause()
    try:
        world.produce({"type": "shop.observed", "source": "demo", "sku": "BULK-000", "quantity": 1, "occurred_at": text_of(now())})
        late = parstock(world, "undo", bad, "--dry-run", code=AGAIN)
        assert b"not judged yet" in late.stderr
    finally:
        apply.resume()
    world.wait_judged()


def test_a_resync_follows_its_source(world):
    one, two = world.load(2, available=0, prefix="RE")
    world.sync()
    for sku in (one, two):
        world.count(sku, 5, ago(30), ago(30))
    wait_until(lambda: all(world.shows(sku)["available"] == 5 for sku in (one, two)), "par", 60)
    world.control("edit", {"sku": one, "location": "BER", "available": 9})
    done = parstock(world, "resync", one, two, "--location", "BER", "-o", "json")
    wait_until(lambda: world.shows(one)["available"] == 5, "written again", 60)
    world.wait_par()
    plan = undo(world, json.loads(done.stdout)["batch"], code=FOUND)
    rows = {row["sku"]: row for row in plan["rows"]}
    assert (rows[one]["rule"], rows[one]["level"], rows[one]["back_to"]) == ("follows_source", 5, 9)
    assert rows[two]["rule"] == "no_effect" and plan["undone"] == 0
    world.prove_journal()
