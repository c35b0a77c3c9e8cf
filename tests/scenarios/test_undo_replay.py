"""`undo` of replays: an archive that should not have been published into the live state, and a promotion, while events go on."""

import json
import threading
import time

import pytest
from confluent_kafka import TopicPartition

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.model.model import Model
from tests.scenarios.shop_world import ShopWorld, ago, now, text_of
from tests.scenarios.stage import CONTRACT, Stage
from tests.scenarios.test_replay import STATIC, check_told, stream, turned_round
from tests.scenarios.test_undo import READINGS, TRUTH, Buyers, batches, judged_all, parstock, undo
from tests.scenarios.topic import topic_ends

FOUND, AGAIN, NOT_ALLOWED = 1, 75, 77
UNITS = "SELECT sku, coalesce(sum(units), 0)::bigint FROM shop_units WHERE kind = 1 GROUP BY sku ORDER BY sku"


# ---- into the live state


@pytest.fixture(scope="module")
def world(session_dir, kafka, postgres):
    directory = session_dir / "undo-replay"
    directory.mkdir()
    with ShopWorld(directory, kafka, postgres) as world:
        yield world


def event(kind: str, sku: str, quantity: int, at, **more) -> dict:
    return {"type": kind, "source": "wms", "id": f"arc-{kind}-{sku}", "sku": sku, "location": "BER", "quantity": quantity,
            "occurred_at": text_of(at)} | more  # fmt: skip


def archive(world, name: str, events: list[dict]):
    path = world.run_dir / f"{name}.jsonl"
    lines = [{"topic": "old", "partition": 0, "offset": number, "timestamp_ms": int(time.time() * 1000), "key": value["sku"],
              "value": json.dumps(value), "headers": []} for number, value in enumerate(events)]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def publish(world, name: str, events: list[dict]) -> str:
    """The batch's id."""
    path = archive(world, name, events)
    done = json.loads(parstock(world, "replay", "run", "--into", "live", "--from-file", str(path), "-o", "json").stdout)
    assert done["published"] == len(events)
    judged_all(world)
    return done["batch"]


def test_an_archive_taken_back_during_live_orders(world):
    skus = world.load(10, available=0)
    counted, adjusted, ordered, known, moved = skus[:3], skus[3:5], skus[5:7], skus[7], skus[8:]
    world.sync()
    world.apply()
    world.push().start(wait_ready=True)
    t0 = ago(600)
    for sku in skus:
        world.produce(event("stock.counted", sku, TRUTH, t0, id=f"first-{sku}"))
    world.wait_judged()
    wait_until(lambda: all(world.shows(sku)["available"] == TRUTH for sku in skus), "all to be at par", 30)
    before = world.db.execute(READINGS).fetchall()

    with Buyers(world, skus) as buyers:
        bad = publish(world, "old", [
            *[event("stock.counted", sku, (500, 3)[n % 2], ago(300)) for n, sku in enumerate(counted + moved)],
            *[event("stock.adjusted", sku, 7, ago(300)) for sku in adjusted],
            *[event("shop.ordered", sku, 4, ago(200), source="demo") for sku in ordered],
            event("shop.ordered", ordered[0], -1, ago(190), source="demo", id="arc-cancel"),
            event("shop.observed", ordered[1], 2, ago(100), source="demo"),
            event("stock.counted", known, TRUTH, t0, id=f"first-{known}"),
            event("stock.counted", "NEVER-SEEN", 5, ago(300)),
        ])  # fmt: skip
        levels = dict(world.db.execute("SELECT sku, quantity FROM levels").fetchall())
        assert [levels[sku] for sku in counted + adjusted] == [500, 3, 500, TRUTH + 7, TRUTH + 7]
        for sku in moved:
            world.count(sku, TRUTH + 1, now(), now())
        judged_all(world)
        assert {"batch": bad, "kind": "replay", "state": "done"}.items() <= batches(world)[0].items()
        plan = undo(world, bad[:10], "--dry-run", code=FOUND)
        rows = {(row["sku"], row["source"]): row for row in plan["rows"]}
        assert {place: row["rule"] for place, row in rows.items()} == {
            **{(sku, "wms"): "counts" for sku in counted}, **{(sku, "wms"): "adjustments" for sku in adjusted},
            **{(sku, "demo"): "orders" for sku in ordered}, **{(sku, "wms"): "moved" for sku in moved},
            ("NEVER-SEEN", "wms"): "first_seen"}  # fmt: skip
        assert (plan["to_undo"], plan["refused"]) == (7, 3)
        assert {rows[sku, "wms"]["back_to"] for sku in counted + adjusted} == {TRUTH}
        judged_all(world)
        done = undo(world, bad, "--why", "the archive of another year", "--by", "anna", code=FOUND)
        assert (done["undone"], done["refused"]) == (7, 3)

    judged_all(world)
    world.wait_par()
    kept = {*counted, *adjusted, *ordered, known}
    after = world.db.execute(READINGS).fetchall()
    # A sum of adjustments comes back to nothing; that there was one stays.
    assert [row for row in after if row[0] in kept] == [row for row in before if row[0] in kept], "as if it had never been"
    units = dict(world.db.execute(UNITS).fetchall())
    assert {sku: units[sku] for sku in ordered} == {sku: buyers.sold[sku] for sku in ordered}
    for sku in kept:
        assert world.shows(sku)["available"] == TRUTH - buyers.sold[sku], f"{sku}: sold twice, or shown too low"
    world.prove_journal({world.pair(sku, "BER"): {world.mode: TRUTH - buyers.sold[sku]} for sku in kept})
    assert world.db.execute("SELECT batch, kind, actor, done, refused FROM undos").fetchall() == [(bad, "replay", "anna", 7, 3)]
    assert json.loads(parstock(world, "audit", "-o", "json").stdout)["ok"] is True

    again = undo(world, bad, code=FOUND)
    assert (again["undone"], again["nothing_to_do"], again["refused"]) == (0, 7, 3)
    world.db.execute("UPDATE undo_pairs SET state = 'intended'")  # as a try leaves it that was killed after sending
    assert undo(world, bad, code=FOUND)["unfinished"] == 7
    judged_all(world)
    assert dict(world.db.execute(UNITS).fetchall()) == units
    assert world.db.execute(READINGS).fetchall() == after


def test_one_that_is_being_published_is_left_alone_and_one_that_was_killed_is_given_up(world):
    skus = [f"MANY-{number:04}" for number in range(1500)]
    for sku in skus[:200]:
        world.produce(event("stock.counted", sku, 10, ago(600), id=f"first-{sku}"))
    world.wait_judged()
    path = archive(world, "slow", [event("stock.counted", sku, 77, ago(300)) for sku in skus])
    words = ("run", "--into", "live", "--from-file", str(path), "--rate", "100")
    runner = Worker("replay", world.env(), world.run_dir, name="slow-replay", arguments=words).start()
    published = "SELECT coalesce(sum(p.published), 0) FROM replay_batch_parts p JOIN replay_batches b ON b.id = p.batch WHERE b.state = 'running'"
    wait_until(lambda: world.db.execute(published).fetchone()[0] > 250, "more of it than was known", 30, every_s=0.05)
    (batch,) = world.db.execute("SELECT id FROM replay_batches WHERE state = 'running'").fetchone()
    assert b"being published" in parstock(world, "undo", batch, "--dry-run", code=AGAIN).stderr
    runner.kill()
    assert b"being published" in parstock(world, "undo", batch, code=AGAIN).stderr, "its lease has not run out"
    world.db.execute("UPDATE replay_batch_parts SET leased_until = now()")  # as if it had
    judged_all(world)
    assert b"--confirm" in parstock(world, "undo", batch, code=NOT_ALLOWED).stderr
    done = undo(world, batch, "--confirm", "demo", code=FOUND)
    judged_all(world)
    left = dict(world.db.execute("SELECT sku, quantity FROM levels WHERE sku LIKE 'MANY-%'").fetchall())
    assert done["undone"] > 0 and {left[sku] for sku in skus[:200]} == {10}
    assert {row["rule"] for row in done["rows"] if row["fate"] == "refused"} <= {"first_seen"}
    assert world.db.execute("SELECT state FROM replay_batches WHERE id = %s", (batch,)).fetchone() == ("done",)


# ---- a promotion


@pytest.fixture(scope="module")
def live(kafka, postgres, session_dir):
    with Stage(kafka, postgres, session_dir) as stage:
        yield stage.set_up()
        stage.stop()


@pytest.fixture(scope="module")
def other(session_dir):
    return turned_round(session_dir / "undo-other-contract.json")


def under(stage, contract) -> None:
    """Every apply gets that file: one of it, here."""
    stage.stop()
    stage.env["PARSTOCK_CONTRACT"] = str(contract)
    stage.contract = json.loads(contract.read_text())


def taken_back(stage, batch: str, *flags: str, code: int = 0) -> dict:
    return json.loads(stage.run("undo", batch, "-o", "json", *flags, code=code))


def wrong_now(stage, contract) -> int:
    """Levels that are not those of the file."""
    model = Model(json.loads(contract.read_text()), stage.partitions).judge_all(stage.records())
    wanted = {place: level.quantity for place, level in model.levels().items()}
    has = {(row["sku"], row["location"]): row["quantity"] for row in stage.levels()}
    return sum(has.get(place) != wanted.get(place) for place in has.keys() | wanted.keys())


class Traffic:
    """Events all the while, until the block ends."""

    def __init__(self, stage, seed: int):
        self.stage, self.seed, self.over = stage, seed, threading.Event()
        self.thread = threading.Thread(target=self._send)
        self.sent = 0

    def _send(self) -> None:
        while not self.over.is_set():
            self.sent += self.stage.send(stream(self.stage, 40, self.seed + self.sent))
            self.over.wait(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exc):
        self.over.set()
        self.thread.join()
        self.stage.flush()


def test_a_promotion_taken_back_loses_nothing(live, other):
    live.worker(**STATIC).wait_ready()
    live.produce(stream(live, 3000, 301))
    live.wait_settled()
    under(live, other)
    live.run("replay", "run", "--name", "turned")
    live.run("replay", "promote", "--name", "turned", "--confirm", "turned")
    live.worker(**STATIC).wait_ready()
    live.produce(stream(live, 1500, 302))
    live.wait_settled()
    live.check()
    assert wrong_now(live, CONTRACT) > 5, "no level depends on the hierarchy"

    under(live, CONTRACT)
    plan = taken_back(live, "promotion-1", "--dry-run")
    assert plan["kind"] == "promotion" and plan["to_undo"] == len(plan["rows"]) > 5 and plan["refused"] == 0
    model = live.model().levels()
    assert {(row["sku"], row["location"]): row["back_to"] for row in plan["rows"]} == {
        place: model[place].quantity for place in {(row["sku"], row["location"]) for row in plan["rows"]}}  # fmt: skip
    refused = run_parstock("undo", "promotion-1", env=live.env)
    assert refused.returncode == NOT_ALLOWED and b"--confirm" in refused.stderr and wrong_now(live, CONTRACT) > 5

    worker = live.worker(**STATIC).wait_ready()
    with Traffic(live, 7000) as traffic:
        wait_until(lambda: traffic.sent > 200, "traffic", 30, every_s=0.02)
        done = taken_back(live, "promotion-1", "--confirm", "turned", "--by", "anna", "--why", "the old hierarchy was right")
        sent = traffic.sent
        wait_until(lambda: traffic.sent > sent + 200, "more of it", 30, every_s=0.02)
    assert done["undone"] > 5 and done["dry_run"] is False
    live.wait_settled()
    live.check()  # as if it had always been judged with the former file: audit, outcomes, row by row
    check_told(live)
    assert "another owner" in worker.child.text("err")
    assert live.sql("SELECT id, former, takes_back FROM replay_promotions ORDER BY id") == [(1, "former_1", None), (2, "former_2", 1)]
    assert live.sql("SELECT batch, kind, actor, why FROM undos") == [("promotion-1", "promotion", "anna", "the old hierarchy was right")]


def test_taken_back_twice_and_brought_back_again(live):
    again = taken_back(live, "promotion-1")
    assert [(row["fate"], row["rule"]) for row in again["rows"]] == [("nothing to do", "undone")]
    assert taken_back(live, "promotion-2", "--dry-run")["to_undo"] > 0, "what was live before that is kept too"
    live.run("replay", "run", "--name", "same")
    live.run("replay", "promote", "--name", "same", "--confirm", "same")  # judged with the same file: no level changes
    (row,) = taken_back(live, "promotion-2", "--dry-run", code=FOUND)["rows"]
    assert (row["fate"], row["rule"]) == ("refused", "promoted_since")
    assert taken_back(live, "promotion-3")["pairs"] == 0
    live.wait_settled()
    live.check()
    live.run("replay", "drop", "--name", "former_4")
    (row,) = taken_back(live, "promotion-4", code=FOUND)["rows"]
    assert (row["fate"], row["rule"]) == ("refused", "former_gone") and "replay run" in row["why"]
    live.run("replay", "run", "--name", "former_2", "--fresh", code=64)
    live.run("replay", "run", "--name", "former_9", code=64)


def test_not_where_the_topic_has_lost_what_came_since(live):
    live.run("replay", "run", "--name", "last")
    live.run("replay", "promote", "--name", "last", "--confirm", "last")
    live.produce(stream(live, 600, 305))
    live.wait_settled()
    partition, end = max(topic_ends(live.kafka.bootstrap, live.events_topic).items(), key=lambda item: item[1])
    admin = live.kafka.admin()
    for done in admin.delete_records([TopicPartition(live.events_topic, partition, end)]).values():
        done.result(30)
    levels = live.levels()
    refused = run_parstock("undo", "promotion-5", env=live.env)
    assert refused.returncode == NOT_ALLOWED and b"records_gone" in refused.stderr, refused.stderr
    assert live.levels() == levels
