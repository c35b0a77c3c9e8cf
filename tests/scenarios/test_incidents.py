"""Incidents in a real database: one open a problem, told once, whoever raises it; and the command."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Iterator

import jsonschema
import psycopg
import pytest

from tests.harness.paths import BUILD, ROOT
from tests.harness.worker import parstock_env, run_parstock

SCHEMA = json.loads((ROOT / "schemas/topics/inventory.incidents.v1.json").read_text())
TOOL = BUILD / "tests/see_incidents"


class World:
    def __init__(self, postgres, schema: str, user: str = "postgres"):
        self.env = parstock_env(
            postgres=postgres.dsn.replace("user=postgres", f"user={user}"), schema=schema
        )
        self.db = postgres.connect(options=f"-c search_path={schema}")

    def run(self, *command: str, code: int = 0) -> str:
        done = run_parstock(*command, env=self.env)
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def see(self, *lines: str) -> list[list[dict]]:
        """Each line is a transaction; what it would put into the outbox."""
        done = subprocess.run([TOOL], input="\n".join(lines) + "\n", env=self.env, text=True,
                              capture_output=True, timeout=120)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def rows(self, text: str) -> list[tuple]:
        return self.db.execute(text).fetchall()


@pytest.fixture
def world(postgres, request) -> Iterator[World]:
    schema = "incidents_" + request.node.name.split("[")[0][-40:]
    scene = World(postgres, schema)
    scene.run("migrate")
    yield scene
    scene.db.execute(f"DROP SCHEMA {schema} CASCADE")
    scene.db.close()


def test_the_first_opens_and_powers_of_ten_are_told(world):
    answers = world.see(*[f"commit 2 {offset} wms 1" for offset in range(100, 211)])
    told = [change["value"] for changes in answers for change in changes]
    assert [(v["state"], v["evidence"]["occurrences"]) for v in told] == [
        ("opened", 1), ("updated", 10), ("updated", 100)]  # fmt: skip
    assert len({v["incident_id"] for v in told}) == 1
    assert world.rows("SELECT occurrences, revision FROM incidents") == [(111, 3)]
    for value in told:
        jsonschema.validate(value, SCHEMA, jsonschema.Draft202012Validator)
        listed = {p for p in SCHEMA["properties"]}
        assert set(value) == listed == set(SCHEMA["required"])
    assert told[0]["opened_at"] == told[0]["at"] < told[1]["at"] < told[2]["at"]
    assert told[2]["evidence"]["first"]["offset"] == 100
    assert told[2]["evidence"]["latest"]["offset"] == 199


def test_a_change_is_a_record_of_what_caused_it(world):
    (opened,), (grown,) = world.see("commit 2 100 wms 3", "commit 5 700 wms 8")
    assert (opened["kind"], opened["partition"], opened["offset"]) == (4, 2, 100)
    assert (grown["kind"], grown["partition"], grown["offset"]) == (4, 5, 707)
    assert opened["key"] == grown["key"] == opened["value"]["incident_id"]


def test_one_incident_a_source(world):
    (first,) = world.see("commit 0 1 wms 2 erp 3 shop 1")
    assert {c["value"]["evidence"]["source"] for c in first} == {"erp", "shop", "wms"}
    found = world.rows("SELECT evidence->>'source', occurrences FROM incidents ORDER BY 1")
    assert found == [("erp", 3), ("shop", 1), ("wms", 2)]


def test_a_rolled_back_batch_leaves_nothing_and_its_second_try_has_the_same_id(world):
    first, second = world.see("rollback 2 100 wms 3", "commit 2 100 wms 3")
    assert first[0]["key"] == second[0]["key"]
    assert world.rows("SELECT occurrences, revision FROM incidents") == [(3, 1)]
    assert world.rows("SELECT count(*) FROM incident_log") == [(1,)]


def test_lanes_at_once_open_one_incident_and_count_exactly(world):
    told: list[dict] = []

    def lane(number: int) -> None:
        lines = [f"commit {number} {n} wms 1 erp 1" for n in range(60)]
        if number % 2:  # each names the sources in another order
            lines = [f"commit {number} {n} erp 1 wms 1" for n in range(60)]
        for changes in world.see(*lines):
            told.extend(changes)

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.rows("SELECT occurrences, revision FROM incidents") == [(240, 3), (240, 3)]
    states = sorted(change["value"]["state"] for change in told)
    assert states == ["opened"] * 2 + ["updated"] * 4


def test_what_comes_back_after_it_was_resolved_opens_anew(world):
    world.see("commit 2 100 wms 3")
    world.db.execute("UPDATE incidents SET state = 'resolved'")
    ((again,),) = world.see("commit 2 900 wms 1")
    assert again["value"]["state"] == "opened"
    assert world.rows("SELECT count(*), count(DISTINCT id) FROM incidents") == [(2, 2)]


def test_an_acknowledged_one_goes_on_counting(world):
    world.see("commit 2 100 wms 3")
    world.db.execute("UPDATE incidents SET state = 'acknowledged'")
    assert world.see("commit 2 900 wms 1") == [[]]
    assert world.rows("SELECT state, occurrences FROM incidents") == [("acknowledged", 4)]


def test_what_people_noted_stays_when_it_is_seen_again(world):
    world.see("commit 2 100 wms 3")
    world.db.execute("UPDATE incidents SET root_cause = 'a restart', remediation = 'resend', severity = 'info'")
    world.see("commit 2 900 wms 9")
    assert world.rows("SELECT root_cause, remediation, severity, cause, occurrences FROM incidents") == [
        ("a restart", "resend", "info", "source_conflict", 12)]  # fmt: skip


def test_two_open_incidents_of_a_problem_are_refused(world):
    world.see("commit 2 100 wms 3")
    with pytest.raises(psycopg.errors.UniqueViolation, match="incidents_open"):
        world.db.execute("INSERT INTO incidents SELECT 'inc-x', sku, problem, state, class, cause, "
                         "severity, handoff, shop, location, root_cause, remediation, runbook_url, "
                         "evidence, occurrences, revision, opened_at, last_seen_at, changed_at, actor "
                         "FROM incidents")  # fmt: skip


def test_the_log_can_only_grow(postgres):
    """For a role that is no superuser, as production's should be."""
    with postgres.connect() as admin:
        admin.execute("CREATE ROLE incident_owner LOGIN")
        admin.execute("GRANT CREATE ON DATABASE postgres TO incident_owner")
    scene = World(postgres, "incidents_owned", user="incident_owner")
    scene.run("migrate")
    scene.see("commit 2 100 wms 3", "commit 2 200 wms 9")
    assert scene.rows("SELECT revision FROM incident_log ORDER BY 1") == [(1,), (2,)]
    scene.db.execute("SET ROLE incident_owner")
    for wrong in ("UPDATE incident_log SET actor = 'me'", "DELETE FROM incident_log",
                  "TRUNCATE incident_log"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            scene.db.execute(wrong)
    scene.db.close()


def test_every_unique_index_holds_the_sku(world):
    """So that the tables distribute over Citus by SKU."""
    for table in ("incidents", "incident_log"):
        found = world.rows(f"SELECT pg_get_indexdef(indexrelid) FROM pg_index "
                           f"WHERE indrelid = '{table}'::regclass AND indisunique")  # fmt: skip
        assert found and all("sku" in definition for (definition,) in found)


# ---- the command


def test_list_and_show(world):
    assert world.run("incidents", "list").strip() == "no incident is open"
    world.see("commit 2 100 wms 3", "commit 2 200 wms 9", "commit 1 5 erp 1")
    lines = world.run("incidents", "list", "-o", "jsonl").splitlines()
    values = [json.loads(line) for line in lines]
    assert [v["evidence"]["source"] for v in values] == ["erp", "wms"]
    for value in values:
        jsonschema.validate(value, SCHEMA, jsonschema.Draft202012Validator)
    assert json.loads(world.run("incidents", "list", "-o", "json")) == values
    table = world.run("incidents", "list", "-o", "table").splitlines()
    assert len(table) == 3 and all(len(line) <= 80 for line in table)
    wms = values[1]["incident_id"]
    whole = json.loads(world.run("incidents", "show", wms, "-o", "json"))
    assert whole["occurrences"] == 12
    assert [(e["state"], e["occurrences"]) for e in whole["log"]] == [("opened", 3), ("updated", 12)]
    text = world.run("incidents", "show", wms)
    assert "docs/runbooks/id-reused.md" in text and "updated" in text


def test_resolved_ones_are_listed_when_asked_for(world):
    world.see("commit 2 100 wms 3")
    world.db.execute("UPDATE incidents SET state = 'resolved'")
    assert world.run("incidents", "list").strip() == "no incident is open"
    (line,) = world.run("incidents", "list", "--all", "-o", "jsonl").splitlines()
    assert json.loads(line)["state"] == "resolved"
    assert json.loads(world.run("incidents", "list", "--all", "--class", "other", "-o", "json")) == []


def test_wrong_use(world):
    for wrong in ((), ("lst",), ("show",), ("list", "extra")):
        world.run("incidents", *wrong, code=64)
    world.run("incidents", "show", "inc-nobody", code=1)
    world.run("incidents", "list", "-o", "xml", code=64)


def test_the_runbook_that_is_named_is_there(world):
    ((change,),) = world.see("commit 2 100 wms 3")
    assert (Path(ROOT) / change["value"]["runbook_url"]).is_file()
