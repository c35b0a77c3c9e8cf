"""What stops automation: a run that asks for too much, a second writer, a source that takes a shop to zero."""

from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.resolve_world import ResolveWorld


def poisoned(world: ResolveWorld, skus: list[str]) -> None:
    """A feed that lost its rows: every one of them is to show nothing, as far as anybody knows."""
    world.db.execute("UPDATE shop_levels SET desired = 0 WHERE sku = ANY (%s)", [skus])


def test_a_run_that_asks_for_too_much_is_held(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(200)
        bad = skus[:80]
        world.push().start(wait_ready=True)
        world.wait_par()
        resolve = world.resolve()
        poisoned(world, bad)
        world.found(world.run(200), bad, desired=0, shown=5, cause="lost_write")
        world.wait_acted(80)
        (incident,) = world.wait_incidents("guard_stopped")
        assert world.states() == {"held": 80}
        assert incident["severity"] == "critical" and incident["evidence"]["guard"] == "drifting_share"
        assert (incident["evidence"]["would_change"], incident["evidence"]["would_zero"]) == (80, 80)
        # The next run finds the same, and two harmless ones: held too, and no second incident.
        run = world.run(200)
        world.found(run, bad, desired=0, shown=5, cause="lost_write")
        world.wait_acted(160)
        world.found(world.run(200), skus[90:92])
        world.wait_acted(162)
        assert world.states() == {"held": 162}
        assert len(world.wait_incidents("guard_stopped")) == 1
        assert set(world.levels_shown().values()) == {5} and world.count("shop_writes") == 0
        # The gauge is set at the keeper's pace.
        wait_until(lambda: "parstock_resolve_shops_stopped 1" in resolve.get("/metrics")[1], "the gauge of stopped shops", 30)
        counted = 'parstock_incidents_open{state="opened",severity="critical"} 1'
        wait_until(lambda: counted in resolve.get("/metrics")[1], "the open incident to be counted", 30)

        # Approved, the newest of each pair goes on; what it overtook does not.
        world.command("incidents", "approve", incident["incident_id"])
        wait_until(lambda: world.states().get("done") == 82, "what was held to be done", 90)
        assert world.states() == {"done": 82, "dropped": 80}
        shown = world.levels_shown()
        assert all(shown[sku] == 0 for sku in bad) and all(shown[sku] == 5 for sku in skus[80:])
        assert world.incidents("guard_stopped") == []
        assert world.count("guard_stops") == 0
        # And the shop is served on.
        world.tamper(skus[100:103], 9)
        world.found(world.run(200), skus[100:103])
        wait_until(lambda: world.states().get("done") == 85, "the next run's findings to be done", 60)


def test_rejected_nothing_of_it_is_done(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres, {"guards": {"max_changed_levels": 3}}) as world:
        skus = world.at_par(40)
        world.tamper(skus[:5], 9)
        world.push().start(wait_ready=True)
        world.resolve()
        run = world.run(40)
        told = world.found(run, skus[:5], tell=False)
        world.tell(told[:2])  # the whole run counts, not what has come of it
        (incident,) = world.wait_incidents("guard_stopped")
        assert incident["evidence"]["guard"] == "changed_levels"
        world.command("incidents", "reject", incident["incident_id"], "--reason", "our feed is wrong")
        wait_until(lambda: world.states() == {"dropped": 2}, "what was held to be dropped", 60)
        world.tell(told[2:])  # late ones of the same run
        world.wait_acted(5)
        assert world.states() == {"dropped": 5}
        assert world.incidents("guard_stopped") == []
        assert {world.shown(sku) for sku in skus[:5]} == {9}


def test_a_second_writer_is_not_fought(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(120)
        flipped = skus[:4]
        world.push().start(wait_ready=True)
        world.resolve()
        acted = 0
        for round_ in range(5):
            world.tamper(flipped, 20 + round_)
            world.found(world.run(120), flipped, shown=20 + round_)
            acted += len(flipped)
            world.wait_acted(acted)
            world.wait_settled()
        opened = world.wait_incidents("second_writer", 4)
        assert {i["sku"] for i in opened} == set(flipped)
        assert all(i["cause"] == "external_writer" for i in opened)
        writes = world.db.execute("SELECT sku, count(*) FROM shop_write_pairs GROUP BY sku").fetchall()
        assert dict(writes) == {sku: 3 for sku in flipped}  # max_rewrites_per_day
        assert {world.shown(sku) for sku in flipped} == {24}

        # A person has settled it: repaired once more, and the incident is over.
        world.command("incidents", "approve", next(i for i in opened if i["sku"] == flipped[0])["incident_id"])
        world.wait_incidents("second_writer", 3)
        assert world.shown(flipped[0]) == 5
        # It may be repaired by rules again.
        world.tamper(flipped[:1], 9)
        world.found(world.run(120), flipped[:1])
        wait_until(lambda: world.shown(flipped[0]) == 5, "a new repair of the pair", 60)


def test_a_source_that_zeroes_a_shop_is_held_by_push(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    policy = {"guards": {"max_zeroed_levels": 30, "max_zeroed_percent": 10}}
    with ResolveWorld(run_dir, kafka, postgres, policy) as world:
        skus = world.at_par(300)
        push = world.push().start(wait_ready=True)
        world.resolve()
        world.desire([(sku, "BER", 0) for sku in skus[:20]])  # a day's trade
        world.wait_par()
        # 40 % of the catalogue, and changes of others beside it
        world.desire([(sku, "BER", 0) for sku in skus[20:140]] + [(sku, "BER", 7) for sku in skus[200:]])
        (incident,) = world.wait_incidents("zeroing_stopped")
        world.wait_par()
        shown = world.levels_shown()
        zeroed = sum(shown[sku] == 0 for sku in skus)
        assert zeroed == 20 and all(shown[sku] == 7 for sku in skus[200:])
        assert world.count("shop_levels WHERE fault = 'held: zeroing'") == 140 - zeroed
        # What the source corrects is written at once; the rest waits, through a restart too.
        held = [sku for sku, _ in world.faults()]
        world.desire([(sku, "BER", 6) for sku in held[:10]])
        wait_until(lambda: all(world.levels_shown()[sku] == 6 for sku in held[:10]), "corrected levels to be shown", 60)
        push.terminate()
        push.start(wait_ready=True)
        world.sync()
        wait_until(lambda: world.waiting() == 0, "push to hold them again", 60)
        assert len(world.incidents("zeroing_stopped")) == 1
        assert sum(level == 0 for level in world.levels_shown().values()) == zeroed
        world.command("incidents", "approve", incident["incident_id"])
        wait_until(lambda: all(world.levels_shown()[sku] == 0 for sku in held[10:]), "the rest to go to zero", 60)
        wait_until(lambda: world.incidents("zeroing_stopped") == [], "the incident to end", 30)
        world.prove_journal()


def test_a_source_that_comes_back_ends_the_stop(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres, {"guards": {"max_zeroed_levels": 5}}) as world:
        skus = world.at_par(50)
        world.push().start(wait_ready=True)
        world.desire([(sku, "BER", 0) for sku in skus])
        world.wait_incidents("zeroing_stopped")
        assert set(world.levels_shown().values()) == {5}
        world.desire([(sku, "BER", 8) for sku in skus])
        wait_until(lambda: set(world.levels_shown().values()) == {8}, "the shop to show what the source says now", 60)
        wait_until(lambda: world.incidents("zeroing_stopped") == [], "the incident to end", 60)
        assert world.count("guard_stops") == 0


def test_without_limits_in_the_file_a_day_s_zeroes_pass(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(400)
        world.push().start(wait_ready=True)
        world.desire([(sku, "BER", 0) for sku in skus[:99]])
        world.wait_par()
        assert sum(level == 0 for level in world.levels_shown().values()) == 99
        world.desire([(sku, "BER", 0) for sku in skus[99:160]])  # 40 % in all
        world.wait_incidents("zeroing_stopped")
        assert sum(level == 0 for level in world.levels_shown().values()) == 99
