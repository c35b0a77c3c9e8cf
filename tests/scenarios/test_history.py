"""The past asked: explain at random moments sums every time, and a contract file that is tried on the history comes to the
numbers that it comes to when the same history is really run under it."""

import json
import random
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.model.generate import HOSTILE, Plan, generate
from tests.scenarios.stage import CONTRACT, Stage

# Records under a wrong key are judged when their copies come: in another order every time.
MIX = {kind: share for kind, share in HOSTILE.items() if not kind.startswith("wrong_")} | {"shop": 120}


def swapped(path: Path, **shop) -> Path:
    """The demo contract with its sources the other way round, and a shop that holds back more."""
    contract = json.loads(CONTRACT.read_text())
    ranks = [source["rank"] for source in contract["sources"]]
    for source, rank in zip(contract["sources"], reversed(ranks)):
        source["rank"] = rank
    contract["shops"][0] |= {"buffer": {"fixed": 3, "percent": 10}} | shop
    path.write_text(json.dumps(contract))
    return path


@pytest.fixture(scope="module")
def tried(session_dir) -> Path:
    return swapped(session_dir / "tried.json")


@pytest.fixture(scope="module")
def messages():
    return list(generate(Plan(1500, 11, first_ms=int(time.time() * 1000) - 900_000, partitions=6, skus=60, mix=MIX)))


@pytest.fixture(scope="module")
def past(kafka, postgres, session_dir, messages):
    """Judged in several batches, so that there are moments between."""
    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up().worker()
        for first in range(0, len(messages), 300):
            stage.produce(messages[first : first + 300])
            stage.wait_settled()
        stage.stop()
        yield stage


def simulate(stage: Stage, contract: Path, *flags: str) -> tuple[list[dict], dict]:
    out = stage.run("policy", "simulate", "--contract", str(contract), "-o", "jsonl", *flags)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["kind"] for row in rows].count("summary") == 1 and rows[-1]["kind"] == "summary"
    return rows[:-1], rows[-1]


def test_every_sku_place_and_moment_sums(past):
    rng = random.Random(5)
    rows = past.sql("SELECT sku, location, judged_at, after, type FROM idempotency ORDER BY judged_at, record_offset")
    assert len({row[2] for row in rows}) >= 5
    from_nothing_to_zero = [row for row in rows if row[1] and row[3] == 0 and row[4] == 1][:5]
    for sku, place, at, _, _ in rng.sample([row for row in rows if row[1]], 25) + from_nothing_to_zero:
        at += timedelta(microseconds=rng.choice((0, 1)))
        known = [r for r in rows if (r[0], r[1]) == (sku, place) and r[2] <= at]
        ruling = [after for *_, after, kind in known if kind < 2]
        out = past.run("explain", "-o", "json", "--location", place, "--at", at.isoformat(), "--", sku)
        (found,) = json.loads(out)
        assert found["sums"] and len(found["events"]) == len(known)
        assert found["quantity"] == (ruling[-1] if ruling else None)
        if ruling and ruling[-1] is not None:
            readings = {r["source"]: r["quantity"] for r in found["readings"] if r["rules"]}
            assert list(readings.values()) == [found["quantity"]]


def test_pages_say_which_skus_they_may_hold(past):
    """Every row is found through its page's filter; and pages have one, unless they are small."""
    missing = past.sql("SELECT count(*) FROM ledger WHERE sku_filter IS NULL AND entries >= 8")
    assert missing == [(0,)]
    assert past.sql("SELECT count(*) > 0 FROM ledger WHERE sku_filter IS NOT NULL") == [(True,)]
    counts = past.sql("SELECT sku, count(*) FROM idempotency GROUP BY sku")
    for sku, count in counts[:25]:
        found = json.loads(past.run("explain", "-o", "json", "--", sku))
        assert sum(len(place["events"]) for place in found) == count


def test_the_same_file_changes_nothing(past):
    rows, summary = simulate(past, CONTRACT)
    assert rows == [] and summary["now"] == summary["then"]
    assert summary["rows"] == summary["as_recorded"] == past.sql("SELECT count(*) FROM idempotency")[0][0]
    assert (summary["levels_differ"], summary["pairs_differ"], summary["outcomes"]["differ"]) == (0, 0, 0)
    assert summary["pushes"]["now"] == summary["pushes"]["then"] > 0


def test_another_hierarchy_comes_to_what_it_really_comes_to(past, messages, tried, kafka, postgres, session_dir):
    rows, summary = simulate(past, tried, "--all")
    assert summary["levels_differ"] > 5 and summary["pairs_differ"] > 5
    places = [(row["sku"], row["location"]) for row in rows]
    assert places == sorted(places, key=lambda place: tuple(part.encode() for part in place))
    with Stage(kafka, postgres, session_dir) as real:
        real.env["PARSTOCK_CONTRACT"] = str(tried)
        real.set_up().worker()
        real.produce(messages)
        real.wait_settled()
        levels = {(row["sku"], row["location"]): row for row in real.levels()}
        shops = real.sql("SELECT sku, location, desired FROM shop_levels WHERE NOT undecided AND desired IS NOT NULL")
        outcomes = dict(real.sql("SELECT outcome, count(*) FROM idempotency GROUP BY outcome"))
    assert set(levels) == {(row["sku"], row["location"]) for row in rows if row["then"]["quantity"] is not None}
    for row in rows:
        level = levels[row["sku"], row["location"]]
        assert (row["then"]["quantity"], row["then"]["source"]) == (level["quantity"], level["source"]), row
    then = {(row["sku"], row["location"]): shop["then"] for row in rows for shop in row["shops"]}
    assert len(shops) > 20
    assert {place: then.get(place) for *place, _ in shops for place in [tuple(place)]} == {
        (sku, location): desired for sku, location, desired in shops}  # fmt: skip
    names = ("applied", "unchanged", None, "stale", "shadowed")
    assert {names[number]: count for number, count in outcomes.items()} == {
        name: count for name, count in summary["outcomes"]["then"].items() if count}  # fmt: skip


def test_a_span_ends_where_it_is_told_to(past, tried):
    (cut,) = past.sql("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY judged_at) FROM ledger")[0]
    rows, summary = simulate(past, tried, "--all", "--until", cut.isoformat())
    known = past.sql("SELECT DISTINCT ON (sku, location) sku, location, after FROM idempotency WHERE type < 2"
                     " AND judged_at <= %s ORDER BY sku, location, judged_at DESC, record_offset DESC", cut)  # fmt: skip
    assert {(row["sku"], row["location"]): row["now"]["quantity"] for row in rows} == {
        (sku, place): after for sku, place, after in known if after is not None}  # fmt: skip
    assert summary["as_recorded"] == summary["rows"] < past.sql("SELECT count(*) FROM idempotency")[0][0]
    none, later = simulate(past, tried, "--since", (cut + timedelta(days=1)).isoformat())
    assert later["events"] == 0 and later["levels_differ"] > 0


def test_a_source_that_is_gone_says_nothing(past, session_dir, tmp_path):
    contract = json.loads(CONTRACT.read_text())
    contract["sources"] = [source for source in contract["sources"] if source["name"] == "erp"]
    path = tmp_path / "one.json"
    path.write_text(json.dumps(contract))
    rows, summary = simulate(past, path)
    assert {row["then"]["source"] for row in rows} <= {"erp", None}
    assert summary["outcomes"]["then"]["rejected"] > 0 and summary["outcomes"]["then"]["shadowed"] == 0
    table = past.run("policy", "simulate", "--contract", str(path), "-o", "table").decode()
    assert f"{summary['levels_differ']} of {summary['levels']} levels differ" in table
    assert "events rejected" in table


def test_it_writes_nothing(past, tried):
    before = past.sql("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = %s", past.schema)
    counts = "SELECT (SELECT count(*) FROM contracts), (SELECT count(*) FROM ledger), (SELECT count(*) FROM levels)"
    tables = past.sql(counts)
    simulate(past, tried)
    assert past.sql(counts) == tables
    assert before == past.sql("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = %s", past.schema)


FINDING = """INSERT INTO drift_findings (finding_id, sku, run_id, shop, location, desired, shown, residual, cause, rule, evidence,
    risk, observed_at) VALUES (%s, %s, %s, 'demo', %s, %s, %s, %s, 'missed_event', 'x', '{}', 'low', clock_timestamp())"""


def test_findings_are_decided_anew(past, tmp_path):
    """A file that only watches; and one under which what the shop showed is right."""
    sku, place, desired = past.sql("SELECT sku, location, desired FROM shop_levels WHERE shop = 'demo' AND desired > 5"
                                   " AND NOT undecided ORDER BY sku, location LIMIT 1")[0]  # fmt: skip
    run = past.sql("INSERT INTO drift_runs (shop, kind, state, compared) VALUES ('demo', 'full', 'finished', 100) RETURNING id")[0][0]
    past.sql(FINDING, "f-1", sku, run, place, desired, desired - 2, -2)
    contract = json.loads(CONTRACT.read_text())
    contract["policy"] = {"rules": [{"id": "look-only", "when": {}, "do": "observe", "why": "A week of watching."}]}
    watching = tmp_path / "watching.json"
    watching.write_text(json.dumps(contract))
    rows, summary = simulate(past, watching)
    (row,) = [row for row in rows if row["kind"] == "finding"]
    assert (row["finding_id"], row["now"]["do"], row["then"]["do"], row["then"]["rule"]) == ("f-1", "resync", "observe", "look-only")
    assert (summary["findings"]["now"]["resync"], summary["findings"]["then"]["observe"]) == (1, 1)
    contract = json.loads(CONTRACT.read_text())
    fixed = contract["shops"][0].get("buffer", {}).get("fixed", 0)
    contract["shops"][0]["buffer"] = contract["shops"][0].get("buffer", {}) | {"fixed": fixed + 2}
    holding = tmp_path / "holding.json"
    holding.write_text(json.dumps(contract))
    rows, summary = simulate(past, holding)
    (row,) = [row for row in rows if row["kind"] == "finding"]
    assert row["then"] == {"do": None, "rule": None, "bar": None, "desired": desired - 2, "residual": 0}
    assert summary["findings"]["gone"] == 1
    (found,) = json.loads(past.run("explain", "-o", "json", "--location", place, "--", sku))
    assert [f["finding_id"] for f in found["findings"]] == ["f-1"]
    observed = past.sql("SELECT observed_at FROM drift_findings")[0][0].isoformat()
    (then,) = json.loads(past.run("explain", "-o", "json", "--location", place, "--at", observed, "--", sku))
    (shop,) = then["shops"]
    assert (shop["desired"], shop["shown"], shop["shown_by"]) == (desired, desired - 2, "finding f-1")


def test_for_a_person_in_eighty_columns(past):
    places = past.sql("SELECT sku FROM idempotency GROUP BY sku ORDER BY count(*) DESC LIMIT 3")
    for (sku,) in places:
        lines = past.run("explain", "--", sku).decode().splitlines()
        words = max(len(word) for line in lines for word in line.split())
        assert all(len(line) <= max(80, words + 24) for line in lines)
        assert not any("\x1b" in line for line in lines)
        times = [line[:19] for line in lines if line[:2] == "20"]
        assert times


@pytest.mark.parametrize("flags", [["--since", "yesterday"], ["--until", "x"],
                                   ["--since", "2026-02-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z"]])  # fmt: skip
def test_wrong_use(past, flags):
    past.run("policy", "simulate", *flags, code=64)
