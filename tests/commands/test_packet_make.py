"""packet: what the database holds of a week becomes a folder that verifies, decided or not, and nothing is overwritten unasked."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Iterator

import pytest

from tests.harness.worker import parstock_env, run_parstock
from tests.scenarios.packet_data import CONTRACT, HOSTILE

SHOP = "demo"


def monday_of_last_week() -> datetime:
    now = datetime.now(timezone.utc)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday() + 7)


class Week:
    """A migrated schema with a week in it, and commands over it."""

    def __init__(self, postgres, folder: Path):
        self.schema = "packet_make"
        self.env = parstock_env(postgres=postgres.dsn, schema=self.schema, contract=CONTRACT)
        self.db = postgres.connect(options=f"-c search_path={self.schema}")
        self.folder = folder
        self.monday = monday_of_last_week()
        year, week, _ = self.monday.isocalendar()
        self.name = f"{year}-W{week:02}"

    def run(self, *words: str, code: int = 0) -> bytes:
        done = run_parstock(*words, env=self.env)
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done.stdout if code in (0, 1) else done.stderr

    def packet(self, *words: str, code: int = 0) -> bytes:
        return self.run("packet", *words, code=code)

    def sweep(self, day: int, mismatched: int, compared: int = 500) -> None:
        at = self.monday + timedelta(days=day, hours=6)
        (run,) = self.db.execute(
            "INSERT INTO drift_runs (shop, kind, state, started_at, finished_at, compared, findings)"
            " VALUES (%s, 'full', 'finished', %s, %s, %s, %s) RETURNING id", [SHOP, at, at, compared, mismatched]).fetchone()  # fmt: skip
        self.db.execute("INSERT INTO drift_sweeps (run_id, shop, location, known, compared, stale)"
                        " VALUES (%s, %s, 'BER', %s, %s, 0)", [run, SHOP, compared, compared])  # fmt: skip
        for number in range(mismatched):
            self.db.execute(
                "INSERT INTO drift_findings (finding_id, sku, run_id, shop, location, desired, shown, residual, cause, rule,"
                " evidence, risk, observed_at) VALUES (%s, %s, %s, %s, 'BER', 1, 2, 1, 'lost_write', 'x', '{}', 'low', %s)",
                [f"{run}-{number}", f"S-{number}", run, SHOP, at])  # fmt: skip

    def incident(self, number: int, sku: str, day: int, note: str = "") -> None:
        at = self.monday + timedelta(days=day, hours=10)
        self.db.execute(
            "INSERT INTO incidents (id, sku, problem, class, cause, severity, handoff, shop, location, occurrences, revision,"
            " opened_at, last_seen_at, changed_at, actor) VALUES (%s, %s, %s, 'drift', 'lost_write', 'error', 'none', %s,"
            " 'BER', 1, 1, %s, %s, %s, 'resolve')", [f"i{number}", sku, f"p{number}", SHOP, at, at, at])  # fmt: skip
        self.db.execute(
            "INSERT INTO incident_log (incident_id, sku, revision, state, at, actor, occurrences, evidence, note)"
            " VALUES (%s, %s, 1, 'opened', %s, 'resolve', 1, %s, %s)",
            [f"i{number}", sku, at, json.dumps({"residual": 3}), note])  # fmt: skip

    def spot_check(self, sku: str, day: int) -> None:
        at = self.monday + timedelta(days=day, hours=11)
        self.db.execute(
            "INSERT INTO spot_checks (sku, location, counted, books, verdict, actor, counted_at, at)"
            " VALUES (%s, 'BER', 4, 5, 'books_high', 'jo', %s, %s)", [sku, at, at])  # fmt: skip


@pytest.fixture(scope="module")
def week(postgres, tmp_path_factory) -> Iterator[Week]:
    scene = Week(postgres, tmp_path_factory.mktemp("packets"))
    scene.run("migrate")
    for day in range(7):
        scene.sweep(day, mismatched=7 - day)
    for number, sku in enumerate(HOSTILE):
        scene.incident(number, sku, day=number % 7, note=sku)
        scene.spot_check(sku, day=number % 7)
    scene.incident(100, "BEFORE", day=-1)  # neither is of this week
    scene.incident(101, "AFTER", day=7)
    yield scene
    scene.db.execute(f"DROP SCHEMA {scene.schema} CASCADE")
    scene.db.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def lines(folder: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_a_week_becomes_a_packet(week):
    out = week.folder / "first"
    made = json.loads(week.packet(week.name, "--out", str(out), "-o", "json"))
    assert (made["path"], made["week"], made["verdict"], made["dry_run"]) == (str(out), week.name, None, False)
    assert made["as_of"].startswith((week.monday + timedelta(days=7)).strftime("%Y-%m-%dT00:00:00"))
    assert made["files"] == len(contents(out)) and made["bytes"] == sum(map(len, contents(out).values()))
    inputs = json.loads((out / "week.json").read_text())
    (place,) = [p for p in inputs["period"]["places"] if p["location"] == "BER"]
    assert place["mismatched"] == [7, 6, 5, 4, 3, 2, 1] and place["compared"] == [500] * 7
    assert (out / "contract.json").read_bytes() == CONTRACT.read_bytes()
    log = lines(out, "incidents.jsonl")
    assert {row["sku"] for row in log} == set(HOSTILE) and log == sorted(log, key=lambda r: r["at"])
    assert {row["sku"] for row in lines(out, "spot-checks.jsonl")} == set(HOSTILE)

    checked = json.loads(week.packet("verify", str(out), "-o", "json"))
    assert checked["ok"] and checked["manifest"] == made["manifest"] and checked["inputs"] == made["inputs"]
    assert "Not decided yet" in (out / "packet.html").read_text(encoding="utf-8")


def test_the_same_week_gives_the_same_bytes(week):
    """Of a week that is over, whenever it is made; by a day of it too, and by no name at all."""
    day = (week.monday + timedelta(days=3)).strftime("%Y-%m-%d")
    for name, words in (("one", [week.name]), ("two", [day]), ("three", [])):
        week.packet(*words, "--out", str(week.folder / name))
    assert contents(week.folder / "one") == contents(week.folder / "two") == contents(week.folder / "three")


def test_nothing_is_overwritten_unasked(week, tmp_path):
    out = tmp_path / "packet"
    week.packet(week.name, "--out", str(out))
    before = contents(out)
    assert b"--force" in week.packet(week.name, "--out", str(out), code=77)
    (out / "old.txt").write_text("x")
    week.packet(week.name, "--out", str(out), "--force")
    assert contents(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["packet"]  # nothing is left beside it

    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("x")
    assert b"none of ours" in week.packet(week.name, "--out", str(other), "--force", code=77)
    assert contents(other) == {"mine.txt": b"x"}
    week.packet(week.name, "--out", str(tmp_path / "no" / "such"), code=69)
    week.packet("2026-W54", "--out", str(out), code=64)


def test_a_dry_run_leaves_nothing(week, tmp_path):
    out = tmp_path / "packet"
    said = week.packet(week.name, "--out", str(out), "--dry-run").decode()
    assert "would write" in said and "packet.html" in said
    assert list(tmp_path.iterdir()) == []


def test_a_decided_week_is_shown_as_it_was_decided(week, tmp_path):
    week.run("week", "decide", week.name, "--by", "jo", "--why", "no baseline yet", code=75)
    week.sweep(2, mismatched=30)  # what comes later is not what was decided on
    out = tmp_path / "decided"
    made = json.loads(week.packet(week.name, "--out", str(out), "-o", "json"))
    assert (made["verdict"], made["rule"]) == ("not_decidable", "no_baseline")
    decided = json.loads((out / "decision.json").read_text())
    assert (decided["by"], decided["why"], decided["inputs"]) == ("jo", "no baseline yet", made["inputs"])
    (place,) = [p for p in json.loads((out / "week.json").read_text())["period"]["places"] if p["location"] == "BER"]
    assert place["mismatched"] == [7, 6, 5, 4, 3, 2, 1]
    assert json.loads(week.packet("verify", str(out), "-o", "json"))["verdict"] == "not_decidable"
    again = tmp_path / "again"
    week.packet(week.name, "--out", str(again))
    assert contents(out) == contents(again)

    # By another contract file it was not decided.
    other = tmp_path / "contract.json"
    other.write_bytes(CONTRACT.read_bytes() + b"\n")
    refused = week.packet(week.name, "--out", str(tmp_path / "x"), "--contract", str(other), code=78)
    assert b"--contract" in refused and not (tmp_path / "x").exists()


def test_what_it_needs():
    answer = run_parstock("packet", "2026-W48", env=parstock_env())
    assert answer.returncode == 78 and b"PARSTOCK_CONTRACT" in answer.stderr
