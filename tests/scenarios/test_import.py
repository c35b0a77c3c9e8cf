"""`import` against a real broker and database: what is published, resumed, stopped, watched."""

import csv
import io
import json
import os
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from tests.harness.paths import ROOT, parstock
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker

HEADER = ["type", "source", "id", "sku", "location", "quantity", "occurred_at"]
T0, T1 = (
    f"{datetime.now(timezone.utc) - timedelta(days=days):%Y-%m-%dT00:00:00Z}" for days in (3, 2)
)
DATA, AGAIN, NOT_ALLOWED = 65, 75, 77


def write(path: Path, rows, header=HEADER) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    path.write_text(text.getvalue())
    return path


def counted(sku, quantity, at=T0, identity="", location="BER"):
    return ["stock.counted", "wms", identity, sku, location, quantity, at]


def adjusted(sku, quantity, at=T1, identity="", location="BER"):
    return ["stock.adjusted", "wms", identity, sku, location, quantity, at]


@pytest.fixture
def feeds(stage, tmp_path):
    wait_until(lambda: has_leaders(stage), "every partition to have a leader")
    return Feeds(stage, tmp_path)


def has_leaders(stage) -> bool:
    try:
        return bool(stage.ends(stage.events_topic))
    except KafkaException:
        return False


class Feeds:
    def __init__(self, stage, directory):
        self.stage, self.directory = stage, directory

    def run(self, path: Path, *flags: str, code: int = 0) -> dict:
        return json.loads(self.stage.run("import", "-o", "json", *flags, str(path), code=code))

    def load(self, rows, name="base.csv") -> None:
        """Levels that are known before a test begins."""
        self.run(write(self.directory / name, rows))
        self.stage.worker()
        self.stage.wait_settled()

    def levels(self) -> dict:
        return {(v["sku"], v["location"]): v["quantity"] for v in self.stage.levels()}

    def incidents(self, resolved=False) -> list[tuple]:
        """(state, occurrences) of each, by the table; and what subscribers were told."""
        rows = self.stage.sql(
            "SELECT id, state, occurrences, evidence FROM incidents WHERE class = 'import_guard'"
        )
        return [r for r in rows if resolved or r[1] != "resolved"]


def values(stage) -> list[dict]:
    return [json.loads(r.value) for r in stage.records()]


# ---- publishing


def test_rows_become_events_under_their_key(feeds, stage):
    path = write(feeds.directory / "f.csv", [
        counted("ab-1", 7, identity="e1"), adjusted("ab-1", -2), counted("ß", 5), ["x"] * 7,
    ])  # fmt: skip
    report = feeds.run(path, code=DATA)
    assert (report["rows"], report["valid"], report["invalid"], report["published"]) == (4, 3, 1, 3)
    assert [(e["line"], e["reason"]) for e in report["errors"]] == [(5, "wrong_type")]
    records = stage.records()
    assert sorted(r.key.decode() for r in records) == ["AB-1", "AB-1", "SS"]
    by_sku = {(v["sku"], v["type"]): v for v in values(stage)}
    assert by_sku["ab-1", "stock.counted"] == {
        "type": "stock.counted", "source": "wms", "id": "e1", "sku": "ab-1", "location": "BER",
        "quantity": 7, "occurred_at": T0,
    }  # fmt: skip
    assert by_sku["ß", "stock.counted"]["id"].startswith("row-")
    rejects = [json.loads(line) for line in Path(f"{path}.rejects").read_text().splitlines()]
    assert [(e["line"], e["row"], e["reason"]) for e in rejects] == [(5, 4, "wrong_type")]
    assert rejects[0]["record"] == ",".join("x" * 7)
    stage.worker()
    stage.wait_settled()
    stage.check()
    assert feeds.levels() == {("AB-1", "BER"): 5, ("SS", "BER"): 5}


def test_the_same_file_again_changes_nothing(feeds, stage):
    path = write(feeds.directory / "f.csv", [counted("A", 7), adjusted("A", -2), adjusted("A", -2)])
    assert feeds.run(path)["published"] == 3
    assert feeds.run(path)["published"] == 3
    stage.worker()
    stage.wait_settled()
    report = stage.check().outcomes()
    assert (report["applied"], report["duplicate"]) == (3, 3)
    assert feeds.levels() == {("A", "BER"): 3}


def test_all_or_nothing(feeds, stage):
    path = write(feeds.directory / "f.csv", [counted("A", 1), counted("B", "x")])
    assert feeds.run(path, "--all-or-nothing", code=DATA)["published"] == 0
    assert stage.sql("SELECT 1 FROM imports") == []
    path = write(path, [counted("A", 1), counted("B", 2)])
    assert feeds.run(path, "--all-or-nothing")["published"] == 2
    assert not Path(f"{path}.rejects").exists(), "that of the run before is gone"


def test_several_files_and_json_lines(feeds, stage):
    first = write(feeds.directory / "a.csv", [counted("A", 1)])
    second = feeds.directory / "b.jsonl"
    event = dict(zip(HEADER, counted("B", 2), strict=True)) | {"id": "b"}
    second.write_text(json.dumps(event) + "\n{}\n")
    report = json.loads(stage.run("import", "-o", "json", str(first), str(second), code=DATA))
    assert (report["rows"], report["published"]) == (3, 2)
    assert [(Path(e["file"]).name, e["line"], e["reason"]) for e in report["errors"]] == [
        ("b.jsonl", 2, "missing_field")
    ]
    assert sorted(v["sku"] for v in values(stage)) == ["A", "B"]


def test_without_a_database(feeds, stage, tmp_path):
    path = write(feeds.directory / "f.csv", [counted(f"S{n}", n) for n in range(500)])
    env = {k: v for k, v in stage.env.items() if k != "PARSTOCK_POSTGRES"}
    done = subprocess.run([parstock(), "import", "-o", "json", path], env=env, capture_output=True)
    assert (done.returncode, json.loads(done.stdout)["published"]) == (0, 500)
    assert len(stage.records()) == 500


def test_a_broker_that_is_away(feeds, stage):
    path = write(feeds.directory / "f.csv", [counted("A", 1)])
    stage.env |= {"PARSTOCK_KAFKA_BROKERS": "127.0.0.1:1", "PARSTOCK_KAFKA__MESSAGE_TIMEOUT_MS": "1500"}
    assert feeds.run(path, code=69)["published"] == 0


# ---- resuming


def test_killed_and_resumed_doubles_nothing(feeds, stage):
    rows = [counted(f"S{n % 5000}", n, T0) if n < 5000 else adjusted(f"S{n % 5000}", 1)
            for n in range(60000)]  # fmt: skip
    path = write(feeds.directory / "big.csv", rows)
    kills = 0
    while kills < 3:
        child = subprocess.Popen([parstock(), "import", "-o", "json", path], env=stage.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        before = sum(stage.ends(stage.events_topic).values())
        while child.poll() is None and sum(stage.ends(stage.events_topic).values()) == before:
            time.sleep(0.01)
        if child.poll() is not None:
            break
        child.send_signal(signal.SIGKILL)
        child.wait()
        kills += 1
    report = feeds.run(path)
    assert report == {"rows": 60000, "valid": 60000, "invalid": 0, "published": 60000, "errors": []}
    stage.worker()
    stage.wait_settled(120)
    outcomes = stage.check().outcomes()
    assert outcomes["applied"] + outcomes["unchanged"] == 60000
    assert len(stage.sql("SELECT 1 FROM imports WHERE state = 'done'")) == 1


def test_a_signal_stops_it_and_it_goes_on(feeds, stage):
    path = write(feeds.directory / "big.csv", [counted(f"S{n}", n) for n in range(400000)])
    child = subprocess.Popen([parstock(), "import", "-o", "json", path], env=stage.env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    wait_until(lambda: stage.sql("SELECT 1 FROM imports WHERE reached > 0"), "rows to be reached")
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == AGAIN, err
    reached = stage.sql("SELECT reached FROM imports WHERE state = 'running'")[0][0]
    published = json.loads(out)["published"]
    assert 0 < reached <= published < 400000
    assert feeds.run(path)["published"] == 400000
    # what the first run told of as published is not sent again
    assert sum(stage.ends(stage.events_topic).values()) <= 400000 + (published - reached)


def test_two_at_once_are_one_too_many(feeds, stage):
    path = write(feeds.directory / "f.csv", [counted("A", 1)])
    with stage.postgres.connect() as connection:
        feeds.run(path)
        (identity,) = stage.sql("SELECT id FROM imports")[0]
        connection.execute(
            "SELECT pg_advisory_lock(hashtextextended('import ' || %s, 0))", [identity]
        )
        feeds.run(path, code=AGAIN)


# ---- the guard


def base(count=100):
    return [counted(f"S{n}", 5) for n in range(count)]


def test_a_feed_of_zeroes_is_stopped_with_one_incident(feeds, stage):
    feeds.load(base())
    ends = stage.ends(stage.events_topic)
    rows = [counted(f"S{n}", 0 if n < 60 else 5, T1) for n in range(100)]
    path = write(feeds.directory / "stock.csv", rows)
    for _ in range(2):
        assert feeds.run(path, code=NOT_ALLOWED)["published"] == 0
    assert stage.ends(stage.events_topic) == ends
    ((identity, _, occurrences, evidence),) = feeds.incidents()
    assert occurrences == 2
    assert (evidence["source"], evidence["guard"]) == ("stock.csv", "max_zeroed_percent")
    assert (evidence["zeroed"], evidence["stocked"], len(evidence["examples"])) == (60, 100, 10)
    assert (ROOT / "docs/runbooks/import-guard.md").is_file()

    assert feeds.run(path, "--confirm", "other.csv", code=NOT_ALLOWED)["published"] == 0
    assert feeds.run(path, "--confirm", "stock.csv")["published"] == 100
    assert feeds.incidents() == []
    told = [(json.loads(r.value)["state"], r.key.decode()) for r in stage.records("incidents")]
    assert [state for state, _ in told] == ["opened", "updated", "updated", "resolved"]
    assert {key for _, key in told} == {identity}
    stage.wait_settled()
    assert list(feeds.levels().values()).count(0) == 60


def test_a_sound_feed_of_that_name_ends_the_incident(feeds, stage):
    feeds.load(base())
    path = write(feeds.directory / "stock.csv", [counted(f"S{n}", 0, T1) for n in range(100)])
    feeds.run(path, code=NOT_ALLOWED)
    assert len(feeds.incidents()) == 1
    feeds.run(write(path, [counted(f"S{n}", 5, T1) for n in range(100)]))
    assert feeds.incidents() == []


def test_a_feed_of_other_numbers_is_stopped(feeds, stage):
    feeds.load(base())
    path = write(feeds.directory / "stock.csv", [counted(f"S{n}", 50, T1) for n in range(31)])
    feeds.run(path, code=NOT_ALLOWED)
    assert feeds.incidents()[0][3]["guard"] == "max_changed_percent"
    feeds.run(write(path, [counted(f"S{n}", 50, T1) for n in range(30)]))


def test_few_levels_are_no_mass_mistake(feeds, stage):
    feeds.load(base(19))
    path = write(feeds.directory / "stock.csv", [counted(f"S{n}", 0, T1) for n in range(19)])
    assert feeds.run(path)["published"] == 19


def test_limits_are_the_contracts(feeds, stage, tmp_path):
    feeds.load(base())
    contract = json.loads(Path(stage.env["PARSTOCK_CONTRACT"]).read_text())
    contract["policy"] = {"guards": {"max_zeroed_percent": 100, "max_changed_percent": 100,
                                     "max_changed_levels": 3}}  # fmt: skip
    (tmp_path / "contract.json").write_text(json.dumps(contract))
    stage.env["PARSTOCK_CONTRACT"] = str(tmp_path / "contract.json")
    path = write(feeds.directory / "stock.csv", [counted(f"S{n}", 0, T1) for n in range(4)])
    feeds.run(path, code=NOT_ALLOWED)
    assert feeds.incidents()[0][3]["guard"] == "max_changed_levels"
    feeds.run(write(path, [counted(f"S{n}", 0, T1) for n in range(3)]))


def test_what_apply_would_not_take_is_no_change(feeds, stage):
    """Older counts, repeats, and what a better-ranked source rules."""
    feeds.load([counted(f"S{n}", 5, T1) for n in range(100)])
    path = write(feeds.directory / "old.csv", [counted(f"S{n}", 0, T0) for n in range(100)])
    assert feeds.run(path)["published"] == 100
    worse = [["stock.counted", "erp", "", f"S{n}", "BER", 0, T1] for n in range(100)]
    assert feeds.run(write(feeds.directory / "erp.csv", worse))["published"] == 100
    stage.wait_settled()
    assert set(feeds.levels().values()) == {5}


def test_adjustments_are_added_up(feeds, stage):
    feeds.load(base())
    rows = [adjusted(f"S{n % 50}", -1 if n < 200 else -2) for n in range(250)]
    path = write(feeds.directory / "moves.csv", rows)
    feeds.run(path, code=NOT_ALLOWED)
    evidence = feeds.incidents()[0][3]
    assert (evidence["changed"], evidence["zeroed"]) == (50, 50)


# ---- dry runs and snapshots


def test_a_dry_run_says_what_would_change(feeds, stage):
    feeds.load(base(3))
    path = write(feeds.directory / "f.csv", [
        counted("S0", 0, T1), counted("S1", 6, T1), counted("S2", 5, T1), counted("new", 1),
    ])  # fmt: skip
    ends = stage.ends(stage.events_topic)
    lines = [json.loads(line) for line in
             stage.run("import", "--dry-run", "-o", "jsonl", str(path)).splitlines()]  # fmt: skip
    assert lines == [
        {"changes": "S0", "location": "BER", "before": 5, "after": 0},
        {"changes": "S1", "location": "BER", "before": 5, "after": 6},
        {"changes": "NEW", "location": "BER", "before": None, "after": 1},
        {"rows": 4, "valid": 4, "invalid": 0, "published": 0},
    ]
    table = stage.run("import", "--dry-run", str(path)).decode()
    assert "changes S0 at BER: 5 -> 0\n" in table
    assert "of 4 levels named, 2 would change, 1 of them to zero or less; 1 have no level" in table
    assert stage.ends(stage.events_topic) == ends
    assert stage.sql("SELECT count(*) FROM imports") == [(1,)]


def test_a_dry_run_needs_no_schema(feeds, stage):
    path = write(feeds.directory / "f.csv", [counted("A", 1)])
    for broken in ({"PARSTOCK_SCHEMA": "nowhere"}, {"PARSTOCK_POSTGRES": "host=127.0.0.1 port=1"}):
        stage.env |= broken
        assert feeds.run(path, "--dry-run")["valid"] == 1


def test_a_snapshot_reports_what_it_lacks_and_leaves_it(feeds, stage):
    feeds.load([*base(3), counted("far", 9, location="MUC")])
    path = write(feeds.directory / "f.csv", [counted("S0", 4, T1), counted("S2", 5, T1)])
    lines = stage.run("import", "--snapshot", "-o", "jsonl", str(path)).splitlines()
    assert json.loads(lines[0]) == {"missing": "S1", "location": "BER", "before": 5}
    assert json.loads(lines[-1])["published"] == 2
    stage.wait_settled()
    assert feeds.levels()["S1", "BER"] == 5


# ---- watching


def test_dropped_files_are_taken_whole(feeds, stage, tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    write(drop / "half.csv.part", [counted("P", 1)])
    write(drop / ".hidden.csv", [counted("H", 1)])
    watcher = Worker("import", stage.env, stage.logs, name=f"{stage.schema}-watch",
                     arguments=("--watch", str(drop), "--settle-seconds", "1"))  # fmt: skip
    watcher.start()
    try:
        with open(drop / "slow.csv", "w") as slow:
            for n in range(30):  # never as long still as a file must be
                slow.write(",".join(map(str, HEADER if n == 0 else counted(f"S{n}", n))) + "\n")
                slow.flush()
                time.sleep(0.1)
        write(drop / "bad.csv", [counted("B", 1), counted("C", "x")])
        wait_until(lambda: (drop / "done/slow.csv").exists(), "the whole file to be done")
        wait_until(lambda: (drop / "failed/bad.csv.rejects").exists(), "the bad one to be told")
        (drop / "half.csv.part").rename(drop / "half.csv")
        wait_until(lambda: (drop / "done/half.csv").exists(), "the renamed file to be done")
    finally:
        code = watcher.terminate()
    assert code in (0, None)
    assert (drop / "failed/bad.csv").exists() and (drop / ".hidden.csv").exists()
    assert sorted(os.listdir(drop / "working")) == []
    skus = sorted(v["sku"] for v in values(stage))
    assert skus == sorted([f"S{n}" for n in range(1, 30)] + ["B", "P"])


def test_a_watcher_goes_on_with_what_was_left(feeds, stage, tmp_path):
    drop = tmp_path / "drop"
    (drop / "working").mkdir(parents=True)
    write(drop / "working/left.csv", [counted("L", 1)])
    watcher = Worker("import", stage.env, stage.logs, name=f"{stage.schema}-watch",
                     arguments=("--watch", str(drop)))  # fmt: skip
    watcher.start()
    try:
        wait_until(lambda: (drop / "done/left.csv").exists(), "the file that was left")
    finally:
        watcher.terminate()
    assert [v["sku"] for v in values(stage)] == ["L"]
