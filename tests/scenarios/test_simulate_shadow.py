"""Another hierarchy tried on a week (`policy simulate`) and really run on it (`replay run --into shadow`): row by row the same."""

import json
import time
from pathlib import Path

import pytest

from tests.harness.worker import run_parstock
from tests.model.generate import HOSTILE, Plan, generate
from tests.scenarios.stage import CONTRACT, Stage

DAY_MS = 24 * 3600 * 1000
EVENTS, SPAN_DAYS = 2400, 6.5
LEVELS = "SELECT sku, location, quantity, source FROM levels"
PAIRS = "SELECT shop, sku, location, desired FROM shop_levels WHERE NOT undecided AND desired IS NOT NULL"


@pytest.fixture(scope="module")
def tried(session_dir) -> Path:
    """The sources the other way round, and a shop that holds back more."""
    contract = json.loads(CONTRACT.read_text())
    ranks = [source["rank"] for source in contract["sources"]]
    for source, rank in zip(contract["sources"], reversed(ranks)):
        source["rank"] = rank
    contract["shops"][0]["buffer"] = {"fixed": 2, "percent": 5}
    path = session_dir / "tried-on-a-week.json"
    path.write_text(json.dumps(contract))
    return path


@pytest.fixture(scope="module")
def week(kafka, postgres, session_dir):
    """A hostile week, orders included, by the times at which the topic got it."""
    plan = Plan(EVENTS, 29, partitions=6, skus=80, first_ms=int(time.time() * 1000 - (SPAN_DAYS + 0.4) * DAY_MS),
                step_ms=int(SPAN_DAYS * DAY_MS / EVENTS), mix=HOSTILE | {"shop": 120})  # fmt: skip
    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up().worker()
        stage.produce(generate(plan))
        stage.wait_settled()
        yield stage
        stage.stop()


@pytest.fixture(scope="module")
def simulated(week, tried) -> list[dict]:
    out = week.run("policy", "simulate", "--contract", str(tried), "--all", "-o", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[-1]["kind"] == "summary" and rows[-1]["as_recorded"] == rows[-1]["rows"] > EVENTS / 2
    return [row for row in rows if row["kind"] == "level"]


def told(rows: list[dict], side: str) -> tuple[dict, dict]:
    """Levels and numbers of shops, as simulate tells them."""
    levels = {(row["sku"], row["location"]): (row[side]["quantity"], row[side]["source"])
              for row in rows if row[side]["quantity"] is not None}  # fmt: skip
    pairs = {(shop["shop"], row["sku"], row["location"]): shop[side] for row in rows for shop in row["shops"]}
    return levels, pairs


def state(connection) -> tuple[dict, dict]:
    """The same of a schema. A pair that push decides before it writes has no number."""
    levels = {(sku, place): (number, source) for sku, place, number, source in connection.execute(LEVELS)}
    pairs = {(shop, sku, place): number for shop, sku, place, number in connection.execute(PAIRS)}
    assert len(levels) > 80 and len(pairs) > 80
    return levels, pairs


def apart(connection, wanted: tuple[dict, dict]) -> list[tuple]:
    levels, pairs = state(connection)
    wrong = [("level", *place) for place in levels.keys() | wanted[0].keys() if levels.get(place) != wanted[0].get(place)]
    return sorted(wrong + [("pair", *pair) for pair in pairs if pairs[pair] != wanted[1].get(pair)])


def schema(stage, name: str):
    return stage.postgres.connect(options=f"-c search_path={name}")


@pytest.fixture(scope="module")
def really(week, tried) -> str:
    """The schema in which the same records were judged with the file."""
    week.run("replay", "run", "--into", "shadow", "--name", "tried", "--contract", str(tried))
    return f"{week.schema}_shadow_tried"


def test_simulated_and_really_run_agree(week, really, simulated):
    with schema(week, week.schema) as live, schema(week, really) as shadow:
        assert apart(live, told(simulated, "now")) == []
        assert apart(shadow, told(simulated, "then")) == []
        both = state(live)[1].keys() & state(shadow)[1].keys()

    status = run_parstock("replay", "status", "--name", "tried", "--limit", "100000", "-o", "json", env=week.env)
    assert status.returncode == 1, status.stderr
    rows = [row for row in json.loads(status.stdout)["rows"] if row["reason"] in ("number", "source")]
    levels = {(row["sku"], row["location"]) for row in rows if row["table"] == "levels"}
    assert levels == {(row["sku"], row["location"]) for row in simulated if row["now"] != row["then"]} and len(levels) > 20
    pushed = {(row["shop"], row["sku"], row["location"]) for row in rows if row["table"] == "desired"}
    differing = {(shop["shop"], row["sku"], row["location"]) for row in simulated for shop in row["shops"]
                 if shop["now"] != shop["then"]}  # fmt: skip
    assert pushed == differing & both and len(pushed) > 20


@pytest.mark.parametrize("kind, tampering", [
    ("level", "UPDATE levels SET quantity = quantity + 1 WHERE (sku, location) = (SELECT sku, location FROM levels LIMIT 1)"
              " RETURNING sku, location"),
    ("level", "UPDATE levels SET source = 'else' WHERE (sku, location) = (SELECT sku, location FROM levels LIMIT 1)"
              " RETURNING sku, location"),
    ("level", "DELETE FROM levels WHERE (sku, location) = (SELECT sku, location FROM levels LIMIT 1) RETURNING sku, location"),
    ("pair", "UPDATE shop_levels SET desired = desired - 1 WHERE (shop, sku, location) = (SELECT shop, sku, location"
             " FROM shop_levels WHERE NOT undecided AND desired IS NOT NULL LIMIT 1) RETURNING shop, sku, location"),
])  # fmt: skip
def test_what_is_not_the_same_is_seen(week, really, simulated, kind, tampering):
    """One row of what was really run, changed by hand, is the one row in which they differ."""
    with schema(week, really) as shadow, shadow.transaction(force_rollback=True):
        place = shadow.execute(tampering).fetchone()
        assert apart(shadow, told(simulated, "then")) == [(kind, *place)]
