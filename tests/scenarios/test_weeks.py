"""Four weeks through the whole pipeline: one that improves, one that worsens, one that hides a failure, one with too little to go by."""

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema

from tests.harness.paths import ROOT
from tests.harness.postgres import Postgres
from tests.scenarios.week_world import WeekWorld, days, week_of

SCHEMAS = {name: json.loads((ROOT / f"schemas/{name}.v1.schema.json").read_text()) for name in ("week", "baseline", "decision")}
SKUS = 30  # at two places: 60 pairs


def check(name: str, value: Any) -> None:
    """It is as its schema says, members in the schema's order: that is its canonical form."""
    schema = SCHEMAS[name]
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)
    assert list(value) == list(schema["properties"])
    for place in value.get("period", {}).get("places", []):
        assert list(place) == list(schema["$defs"]["place"]["properties"])
    if "limits" in value:
        assert list(value["limits"]) == list(schema["$defs"]["limits"]["properties"])


def canonical(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def test_four_weeks(run_dir: Path, kafka, postgres: Postgres) -> None:
    with WeekWorld(run_dir, kafka, postgres) as world:
        world.open(SKUS)
        today = world.now().date()
        monday = today - timedelta(days=today.weekday() + 35)
        before = days(monday, 3)
        improving, worsening, hiding, short = (days(monday + timedelta(weeks=n)) for n in (1, 2, 3, 4))

        # Before: six pairs differ, and nobody mends them.
        assert "nothing was compared" in world.baseline("capture", code=75)["error"]
        for number, day in enumerate(before):
            world.day(day, 6 if number == 0 else 0)
        span = ("--since", str(before[0]), "--until", str(before[2]))
        kept = world.baseline("capture", *span, "--by", "ops", "--note", "observe-only")
        check("baseline", kept["baseline"])
        assert kept == world.baseline("show") and kept["baseline"]["id"] == 1
        assert hashlib.sha256(canonical(kept["baseline"]).encode()).hexdigest() == kept["digest"]
        places = {(p["shop"], p["location"]): p for p in kept["baseline"]["period"]["places"]}
        for place in ("BER", "HAM"):
            assert places["demo", place]["compared"] == [SKUS] * 3 == places["demo", place]["known"]
            assert places["demo", place]["mismatched"] == [3, 3, 3] and places["demo", place]["pairs"] == SKUS

        with world.on(before[2] + timedelta(days=1)):
            world.automate()  # resolve comes to the findings of before, too
        for day, edits in zip(improving, (5, 4, 3, 2, 1, 0, 0)):
            world.day(day, edits)
        for day, edits in zip(worsening, (8, 9, 10, 11, 12)):
            world.day(day, edits)
        blind = world.without("HAM")
        for number, day in enumerate(hiding[:5]):
            world.day(day, 1, blind if number >= 2 else None)
        for day in short[:2]:
            world.day(day, 1)

        # What each comes to, and by which rule.
        verdicts = {}
        for name, week, code in (("improving", improving, 0), ("worsening", worsening, 1), ("hiding", hiding, 75), ("short", short, 75)):
            ruled = world.week("decide", week_of(week[0]), "--by", "Ada", "--why", f"it is {name}", code=code)
            check("decision", ruled["decision"])
            assert ruled["decision"]["inputs"] == ruled["digest"] and ruled["decision"]["by"] == "Ada"
            verdicts[name] = (ruled["judged"]["verdict"], ruled["judged"]["rule"], ruled["judged"]["location"])
        assert verdicts == {
            "improving": ("pass", "better", None),
            "worsening": ("fail", "mismatch_worse", None),  # each place alone has too few pairs to say so
            "hiding": ("not_decidable", "location_skipped", "HAM"),
            "short": ("not_decidable", "few_days", None),
        }
        assert not world.count("drift_actions WHERE state = 'failed'")
        look_back(world, week_of(improving[0]), week_of(hiding[0]))
        refusals(world, week_of(improving[0]))
        what_is_changed_is_seen(world, week_of(improving[0]), week_of(worsening[0]))


def look_back(world: WeekWorld, good: str, hiding: str) -> None:
    shown = world.week("show", good)
    check("week", shown["inputs"])
    assert hashlib.sha256(canonical(shown["inputs"]).encode()).hexdigest() == shown["digest"]
    assert shown["decision"]["verdict"] == "pass"
    ber = next(p for p in shown["inputs"]["period"]["places"] if p["location"] == "BER")
    assert ber["mismatched"] == [3, 2, 1, 1, 1, 0, 0] == ber["resyncs_done"]
    assert ber["repair"]["count"] == sum(ber["resyncs_done"])
    skipped = next(p for p in world.week("show", hiding)["inputs"]["period"]["places"] if p["location"] == "HAM")
    assert skipped["compared"] == [SKUS, SKUS, 0, 0, 0, 0, 0] and skipped["known"] == [SKUS] * 5 + [0, 0]
    table = world.command("week", "show", hiding)
    assert re.search(r"^=> location_skipped +2 days +5 days  not_decidable$", table, re.M), table
    assert max(map(len, table.splitlines())) <= 160
    rulings = [json.loads(line) for line in world.command("week", "list", "-o", "jsonl").splitlines()]
    assert [r["verdict"] for r in rulings] == ["not_decidable", "not_decidable", "fail", "pass"]


def refusals(world: WeekWorld, good: str) -> None:
    assert "decided already" in world.week("decide", good, "--why", "once more", code=77)["error"]
    assert world.week("decide", good, "--dry-run")["decision"] is None
    again = world.week("decide", good, "--why", "once more", "--by", "Bob", "--again")
    assert again["decision"]["number"] == 2 and world.week("show", good)["decision"]["by"] == "Bob"
    assert world.count(f"decisions WHERE week = '{good}'") == 2
    # Rules mended the shop in that week: it is no baseline, and no week is held against one that is kept all the same.
    first = str(world.now().date() - timedelta(days=world.now().weekday() + 28))
    span = ("--since", first, "--until", first)
    assert "automation was on" in world.baseline("capture", *span, code=77)["error"]
    forced = world.baseline("capture", *span, "--force")
    assert forced["baseline"]["resyncs"] > 0
    held = world.week("decide", good, "--dry-run", code=75)
    assert held["judged"]["rule"] == "baseline_not_before"
    assert world.week("decide", good, "--dry-run", "--baseline", "1")["judged"]["rule"] == "better"


def what_is_changed_is_seen(world: WeekWorld, good: str, bad: str) -> None:
    world.db.execute("UPDATE decisions SET verdict = 'pass', rule = 'better' WHERE week = %s", (bad,))
    assert "come to fail by mismatch_worse" in world.week("show", bad, code=1)["error"]
    world.db.execute(
        "UPDATE decisions SET inputs = replace(inputs, '\"compared\":[30,', '\"compared\":[31,') WHERE week = %s", (good,)
    )
    assert "somebody changed the row" in world.week("show", good, code=1)["error"]
    world.db.execute("UPDATE baselines SET body = replace(body, '\"mismatched\":[3,', '\"mismatched\":[9,')")
    assert world.count("baselines WHERE body LIKE '%[9,%'") > 0
    assert "somebody changed the row" in world.baseline("show", "1", code=65)["error"]
