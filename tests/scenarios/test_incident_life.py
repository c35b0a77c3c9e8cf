"""The life of incidents in a real database: what people decide, what two clean runs end, what comes back."""

import getpass
import json
import subprocess
import threading
from typing import Iterator

import jsonschema
import psycopg
import pytest

from tests.harness.paths import BUILD, ROOT
from tests.harness.worker import parstock_env, run_parstock
from tests.scenarios.topic import topic_records

SCHEMA = json.loads((ROOT / "schemas/topics/inventory.incidents.v1.json").read_text())
TOOL = BUILD / "tests/live_incidents"
PLAN = '{"do":"resync","to":5}'


class Life:
    def __init__(self, postgres, schema: str):
        self.schema = schema
        self.env = parstock_env(postgres=postgres.dsn, schema=schema, PARSTOCK_TOPIC_PREFIX=f"{schema}.")
        self.db: psycopg.Connection = postgres.connect(options=f"-c search_path={schema}")

    def run(self, *command: str, code: int = 0, **env: str) -> str:
        done = run_parstock(*command, env=self.env | env)
        self.said = done.stderr.decode()
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def play(self, *lines: str) -> list:
        done = subprocess.run([TOOL], input="\n".join(lines) + "\n", env=self.env, text=True,
                              capture_output=True, timeout=120)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def drift(self, *skus: str, proposal: str = PLAN) -> list[str]:
        return self.play(*[f"drift demo {sku} BER {proposal}" for sku in skus])

    def ids(self) -> dict[str, str]:
        return dict(self.db.execute("SELECT sku, id FROM incidents").fetchall())

    def states(self) -> dict[str, tuple[str, str]]:
        rows = self.db.execute("SELECT sku, state, proposal_state FROM incidents").fetchall()
        return {sku: (state, proposal) for sku, state, proposal in rows}

    def log(self, incident: str) -> list[tuple]:
        return self.db.execute("SELECT state, actor, note FROM incident_log WHERE incident_id = %s "
                               "ORDER BY revision", [incident]).fetchall()  # fmt: skip

    def outbox(self) -> list[dict]:
        rows = self.db.execute("SELECT key, value FROM incident_outbox ORDER BY id").fetchall()
        values = [json.loads(value) for _, value in rows]
        for (key, _), value in zip(rows, values):
            jsonschema.validate(value, SCHEMA, jsonschema.Draft202012Validator)
            assert set(value) == set(SCHEMA["required"]) and key.decode() == value["incident_id"]
        return values

    def check_told(self) -> None:
        """A change is a row of the log and a record, in the same order."""
        log = self.db.execute("SELECT incident_id, revision, state FROM incident_log").fetchall()
        told: dict[str, list[str]] = {}
        for value in self.outbox():
            told.setdefault(value["incident_id"], []).append(value["state"])
        wanted: dict[str, list[str]] = {}
        for incident, _, state in sorted(log):
            wanted.setdefault(incident, []).append(state)
        assert told == wanted


@pytest.fixture
def life(postgres, request) -> Iterator[Life]:
    schema = "life_" + request.node.name.split("[")[0][-40:]
    scene = Life(postgres, schema)
    scene.run("migrate")
    yield scene
    scene.db.execute(f"DROP SCHEMA {schema} CASCADE")
    scene.db.close()


# ---- people


def test_acknowledge_and_resolve(life):
    assert life.drift("CUP", "POT") == ["opened", "opened"]
    cup = life.ids()["CUP"]
    assert life.run("incidents", "ack", cup, "--actor", "ann", "--note", "looking") == f"{cup} acknowledged\n"
    life.run("incidents", "ack", cup, code=77)
    assert "acknowledged already (last by ann)" in life.said
    life.run("incidents", "resolve", cup, "--reason", "counted", "--root-cause", "a hand", "--remediation", "told him")
    assert life.log(cup) == [("opened", "resolve", ""), ("acknowledged", "ann", "looking"),
                             ("resolved", getpass.getuser(), "counted")]  # fmt: skip
    assert life.states() == {"CUP": ("resolved", "withdrawn"), "POT": ("opened", "waiting")}
    last = [value for value in life.outbox() if value["incident_id"] == cup][-1]
    assert (last["state"], last["root_cause"], last["remediation"]) == ("resolved", "a hand", "told him")
    assert last["evidence"]["ended"] == "counted" and last["evidence"]["proposal"]["state"] == "withdrawn"
    life.check_told()


def test_unknown_ids_and_wrong_states(life):
    life.drift("CUP", proposal="")
    cup = life.ids()["CUP"]
    life.run("incidents", "ack", "inc-nobody", code=65)
    assert "no incident 'inc-nobody'" in life.said and "list --all" in life.said
    life.run("incidents", "approve", cup, code=77)
    assert "proposes no action" in life.said
    out = life.run("incidents", "ack", "inc-nobody", cup, "-o", "json", code=65)
    assert [(one["done"], one["code"]) for one in json.loads(out)] == [
        (False, "unknown_incident"), (True, None)]  # fmt: skip
    life.run("incidents", "ack", code=64)
    life.run("incidents", "ack", cup, "--shop", "demo", code=64)
    life.run("incidents", "ack", cup, "--note", "two\nlines", code=64)
    life.run("incidents", "list", "--state", "updated", code=64)
    life.run("incidents", "list", "--since", "yesterday", code=64)
    life.run("incidents", "list", "--severity", "bad", code=64)
    life.check_told()


def test_filters(life):
    life.drift("CUP", "POT")
    life.run("incidents", "ack", life.ids()["POT"])

    def skus(*filters: str) -> list[str]:
        return sorted(json.loads(line)["sku"] for line in
                      life.run("incidents", "list", *filters, "-o", "jsonl").splitlines())  # fmt: skip

    assert skus() == skus("--state", "open") == skus("--since", "1h") == skus("--class", "drift") == ["CUP", "POT"]
    assert skus("--state", "acknowledged") == ["POT"] and skus("--sku", " cup ") == ["CUP"]
    assert skus("--shop", "other") == skus("--severity", "critical") == skus("--since", "2099-01-01T00:00:00Z") == []
    assert life.run("incidents", "list", "--shop", "other") == "no incident fits\n"


def test_many_at_once_are_planned_and_confirmed(life):
    life.drift("A", "B", "C")
    life.run("incidents", "reject", life.ids()["B"], "--reason", "is a gift")
    many = ("incidents", "approve", "--class", "drift", "--shop", "demo")
    plan = life.run(*many, "--dry-run")
    assert plan.count("would be approved") == 3 and plan.endswith("2 of 3 would be approved\n")
    assert life.states()["A"] == ("opened", "waiting")
    life.run(*many, code=64)
    assert "--confirm" in life.said
    life.run(*many, "--confirm", "other", code=64)
    assert life.run(*many, "--confirm", "demo").endswith("2 of 3 approved\n")
    assert {sku: p for sku, (_, p) in life.states().items()} == {"A": "approved", "B": "rejected", "C": "approved"}
    life.check_told()


def test_reopened_by_hand_but_never_twice(life):
    life.drift("CUP")
    cup = life.ids()["CUP"]
    life.run("incidents", "resolve", cup)
    life.run("incidents", "reopen", cup, "--actor", "ann")
    assert life.states()["CUP"][0] == "reopened"
    life.run("incidents", "resolve", cup)
    life.db.execute("UPDATE incidents SET changed_at = changed_at - interval '30 days'")
    life.drift("CUP")
    life.run("incidents", "reopen", cup, code=77)
    assert "another incident that is open" in life.said
    life.check_told()


def test_told_at_once_where_there_is_a_broker(life, kafka):
    life.drift("CUP")
    (cup,) = life.ids().values()
    told = {"PARSTOCK_KAFKA_BROKERS": kafka.bootstrap, "PARSTOCK_TOPIC_PARTITIONS": "2"}
    life.run("topics", "ensure", **told)
    life.run("incidents", "ack", cup, "--actor", "ann", **told)
    records = topic_records(kafka.bootstrap, f"{life.schema}.incidents")
    assert [(json.loads(r.value)["state"], dict(r.headers)["ce_id"]) for r in records] == [
        ("opened", f"{cup}/1".encode()), ("acknowledged", f"{cup}/2".encode())]  # fmt: skip
    assert life.outbox() == []


# ---- actions


def test_an_approved_action_is_taken_once(life):
    life.drift("A", "B")
    ids = life.ids()
    assert life.play("take") == [[]]
    life.run("incidents", "approve", ids["A"], "--actor", "ann")
    rolled, taken, again = life.play("rollback take", "take", "take")
    assert rolled == taken == [{"id": ids["A"], "sku": "A", "proposal": json.loads(PLAN), "by": "ann"}]
    assert again == []
    life.run("incidents", "reject", ids["A"], code=77)
    assert life.play(f"done {ids['A']} shows-5", f"done {ids['A']} shows-5") == ["updated", "not_due"]
    assert life.log(ids["A"])[-3:] == [("updated", "ann", "action approved"),
                                       ("updated", "resolve", "action taken in hand"),
                                       ("updated", "resolve", "action carried out: shows-5")]  # fmt: skip
    assert life.states()["A"] == ("opened", "done")
    life.check_told()


def test_takers_at_once_share(life):
    skus = [f"S{n:03}" for n in range(150)]
    life.drift(*skus)
    life.run("incidents", "approve", "--shop", "demo", "--confirm", "demo")
    got: list[str] = []

    def taker() -> None:
        for page in life.play(*["take"] * 12):
            got.extend(one["sku"] for one in page)

    threads = [threading.Thread(target=taker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == skus
    life.check_told()


def test_a_new_proposal_replaces_one_that_waits_and_none_that_was_decided(life):
    life.drift("A", "B", "C")
    ids = life.ids()
    life.run("incidents", "approve", ids["B"])
    life.run("incidents", "reject", ids["C"])
    newer = '{"do":"resync","to":7}'
    assert life.drift("A", "B", "C", proposal=newer) == ["untold"] * 3
    plans = dict(life.db.execute("SELECT sku, (proposal->>'to')::int FROM incidents").fetchall())
    assert plans == {"A": 7, "B": 5, "C": 5}
    assert {s: p for s, (_, p) in life.states().items()} == {"A": "waiting", "B": "approved", "C": "rejected"}
    life.play("take", f"fail {ids['B']} shows-9")
    assert life.drift("B", proposal=newer) == ["updated"]  # asked anew, and told so
    assert life.states()["B"] == ("opened", "waiting")
    life.check_told()


# ---- runs, and what comes back


def test_two_later_clean_runs_end_it_and_say_so(life):
    life.drift("A", "B", "C", "D")
    first = life.play("late demo r0 A=clean B=clean", "run demo r1 A=clean B=clean C=found", "run demo r1 A=clean")
    assert [(r["looked_at"], r["clean"], r["resolved"]) for r in first] == [(4, 0, 0), (4, 2, 0), (4, 0, 0)]
    life.drift("B")  # seen again: counting begins anew
    second = life.play("run demo r2 A=clean B=clean C=clean", "run other r9 D=clean", "run other r10 D=clean")
    assert [r["resolved"] for r in second] == [1, 0, 0]
    assert {s: state for s, (state, _) in life.states().items()} == {
        "A": "resolved", "B": "opened", "C": "opened", "D": "opened"}  # fmt: skip
    assert life.log(life.ids()["A"])[-1] == ("resolved", "drift", "found clean by two later runs: r1, r2")
    assert [r["resolved"] for r in life.play("run demo r3 B=clean C=clean")] == [2]
    life.check_told()


def test_many_open_incidents_are_all_judged(life):
    skus = [f"S{n:03}" for n in range(300)]
    life.drift(*skus)
    said = " ".join(f"{sku}=clean" for sku in skus)
    answers = life.play(f"run demo r1 {said}", f"run demo r2 {said}")
    assert [(a["looked_at"], a["clean"], a["resolved"]) for a in answers] == [(300, 300, 0), (300, 0, 300)]
    assert {state for state, _ in life.states().values()} == {"resolved"}
    life.check_told()


def test_back_within_a_day_it_is_the_same_incident(life):
    life.drift("A")
    (before,) = life.ids().values()
    life.play("run demo r1 A=clean", "run demo r2 A=clean")
    assert life.drift("A", "A") == ["reopened", "untold"]
    assert life.states() == {"A": ("reopened", "waiting")} and life.ids() == {"A": before}
    life.play("run demo r3 A=clean", "run demo r4 A=clean")
    life.db.execute("UPDATE incidents SET changed_at = changed_at - interval '25 hours'")
    assert life.drift("A") == ["opened"]
    assert life.db.execute("SELECT count(*), count(DISTINCT id) FROM incidents").fetchone() == (2, 2)
    last = life.outbox()[-1]
    assert last["state"] == "opened" and "ended" not in last["evidence"]
    life.check_told()


def test_seen_by_many_at_once_it_comes_back_once(life):
    life.drift("A", "B")
    life.run("incidents", "resolve", *life.ids().values())
    told: list[str] = []

    def seer(order: tuple[str, ...]) -> None:
        told.extend(life.drift(*(order * 10)))

    threads = [threading.Thread(target=seer, args=(order,)) for order in (("A", "B"), ("B", "A")) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told).count("reopened") == 2 and "opened" not in told
    rows = life.db.execute("SELECT state, occurrences FROM incidents").fetchall()
    assert rows == [("reopened", 41)] * 2
    life.check_told()
