"""All KPIs of a small day, counted by hand against the views: 30 events, two places, five differences."""

import json
from collections import defaultdict
from pathlib import Path

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.shop_world import now, text_of
from tests.scenarios.week_world import LEVEL, WeekWorld

SOURCES = [
    {"name": "wms", "rank": 1, "state": "available", "max_age_seconds": 3600},
    {"name": "spot-checks", "rank": 2, "state": "available"},
]


def thirty_events(world: WeekWorld) -> list[str]:
    skus = world.open(10)  # 20 counts
    for sku in skus[:6]:
        world.sell(sku, 1)
        world.ordered(sku, 1, now())  # 6 orders at BER
    world.publish(
        {"type": "stock.adjusted", "source": "wms", "sku": skus[0], "quantity": -2, "occurred_at": text_of(now())},
        {"type": "stock.adjusted", "source": "wms", "sku": skus[1], "quantity": 3, "location": "HAM", "occurred_at": text_of(now())},
        {"type": "stock.counted", "source": "wms", "sku": skus[2], "quantity": 1, "location": "NOWHERE", "occurred_at": text_of(now())},
        {"type": "stock.counted", "source": "wms", "sku": skus[2], "quantity": "one", "occurred_at": text_of(now())},
    )  # 2 adjustments, 2 that are refused
    assert world.judged() == 30
    return skus


def counters(world: WeekWorld) -> dict[tuple[str, str], dict[str, int]]:
    """Whatever the day, so that midnight may come."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for shop, place, kpi, value in world.db.execute(
        "SELECT shop, location, kpi, sum(value)::bigint FROM kpi_counts GROUP BY 1, 2, 3 HAVING sum(value) <> 0"
    ).fetchall():
        found[shop, place][kpi] = value
    return found


def test_hand_count(run_dir: Path, kafka, postgres: Postgres) -> None:
    with WeekWorld(run_dir, kafka, postgres, sources=SOURCES, risk={"skus": ["SKU-00004"]}) as world:
        skus = thirty_events(world)
        world.automate()

        # Three differ at BER, one of them high-risk; two at HAM, one of them sold below zero.
        for sku in skus[2:5]:
            world.edit(sku, available=LEVEL + 9)
        world.edit(skus[5], location="HAM", available=LEVEL + 9)
        world.sell(skus[6], LEVEL + 2, place="HAM")
        assert len(world.drift(expect=1)) == 5
        world.wait_acted(5)
        world.wait_settled()
        risky, oversold = by_sku(world, skus[4]), by_sku(world, skus[6])

        # Six acts of people, at eight places: a resync of a SKU is one at each of its two, and so is an import that is
        # taken back; two letters that are sent again by one command are one.
        world.command("incidents", "approve", risky)
        wait_until(lambda: world.states().get("done") == 4, "the approved resync to be read back", 60)
        world.command("incidents", "resolve", oversold, "--note", "refunded")
        world.command("resync", skus[7])
        world.command("spot-checks", "record", skus[8], "--location", "BER", "--counted", str(LEVEL))
        world.wait_settled()
        wait_until(lambda: world.judged() == 31, "the count of the shelf to be judged", 60)
        sent_again(world, skus[2])
        taken_back(world, skus[8:])
        world.wait_par()
        assert [f["sku"] for f in world.drift(expect=1)] == [skus[6]]

        assert counters(world) == {
            ("", ""): {"events": 49, "dead_letters": 2},
            ("", "BER"): {"interventions": 3},
            ("", "HAM"): {"interventions": 1},
            ("demo", "BER"): {"sweeps": 2, "known": 20, "compared": 20, "mismatched": 3, "found": 3, "orders": 6,
                              "resyncs_done": 2, "interventions": 2},
            ("demo", "HAM"): {"sweeps": 2, "known": 20, "compared": 20, "mismatched": 3, "found": 2, "oversells": 1,
                              "oversold_units": 2, "resyncs_done": 1, "interventions": 2},
        }  # fmt: skip
        percent = world.db.execute("SELECT location, mismatch_percent, coverage_percent FROM kpi_mismatch ORDER BY 1").fetchall()
        assert [(place, float(rate), float(share)) for place, rate, share in percent] == [("BER", 15, 100), ("HAM", 15, 100)]
        success = world.db.execute("SELECT DISTINCT success_percent FROM kpi_resyncs").fetchall()
        assert [float(share) for (share,) in success] == [100]
        kinds = dict(world.db.execute("SELECT kind, sum(interventions)::bigint FROM kpi_interventions GROUP BY 1").fetchall())
        assert kinds == {"approve": 1, "resolve": 1, "resync": 2, "spot_check": 1, "letter_retry": 1, "undo": 2}
        times(world)
        every_view_says_what_it_counts(world)


def sent_again(world: WeekWorld, sku: str) -> None:
    """Both refused letters by one command, once they are mended."""
    letters = [letter["letter"] for letter in json.loads(world.command("dead-letters", "list", "-o", "json"))]
    assert len(letters) == 2
    world.command("dead-letters", "retry", *letters, "--set", "location=BER", "--set", f"quantity={LEVEL}", "--why", "mistyped")
    wait_until(lambda: world.judged() == 33, "the letters to be judged", 60)


def taken_back(world: WeekWorld, skus: list[str]) -> None:
    """An import of four counts, two a place. A second try finds nothing to do, and is no intervention."""
    feed = world.run_dir / "bad.csv"
    rows = [f"stock.counted,wms,{sku},{place},{LEVEL + 1},{text_of(now())}" for sku in skus for place in ("BER", "HAM")]
    feed.write_text("\n".join(["type,source,sku,location,quantity,occurred_at", *rows, ""]))
    world.command("import", str(feed), "--feed", "bad", "--confirm", "bad")
    wait_until(lambda: world.judged() == 37, "the feed to be judged", 60)
    (batch,) = (b["batch"] for b in json.loads(world.command("undo", "--list", "-o", "json")) if b["name"] == "bad")
    world.command("undo", batch, "--why", "another shop's feed")
    wait_until(lambda: world.judged() == 49, "three events a pair that take it back to be judged", 60)
    world.command("undo", batch)


def by_sku(world: WeekWorld, sku: str) -> str:
    wait_until(lambda: world.count(f"incidents WHERE sku = '{sku}'") > 0, f"an incident of {sku}", 30)
    return next(i["incident_id"] for i in world.incidents("drift") if i["sku"] == sku)


def times(world: WeekWorld) -> None:
    """Each from the rows that it is made of, by another road."""
    repaired = world.db.execute("SELECT took FROM kpi_repairs").fetchall()
    assert len(repaired) == 3 + world.count("incident_log WHERE state = 'resolved'")
    by_hand = world.db.execute(
        "SELECT max(a.settled_at - f.observed_at) FROM drift_actions a, drift_findings f"
        " WHERE f.finding_id = a.finding_id AND a.state = 'done' AND f.location = 'BER'").fetchone()  # fmt: skip
    rows = world.db.execute(
        "SELECT max(took) FROM kpi_repairs WHERE location = 'BER' AND id LIKE 'drf-%'").fetchone()  # fmt: skip
    assert rows == by_hand
    # The first sweep had none before it, and the second found nothing new.
    assert world.count("kpi_detections") == 0


def every_view_says_what_it_counts(world: WeekWorld) -> None:
    named = "c.relname LIKE 'kpi\\_%' OR c.relname = 'oversold_days'"
    mute = world.db.execute(
        f"SELECT c.relname FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = current_schema()::regnamespace"
        f" AND ({named}) AND coalesce(obj_description(c.oid), '') = ''").fetchall()  # fmt: skip
    assert mute == []
