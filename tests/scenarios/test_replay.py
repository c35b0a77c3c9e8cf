"""A shadow beside the live state: rebuilt, compared, killed, promoted, refused.

One stage for all of it, in the order of the file: what is promoted in the middle is what the
tests after it begin with.
"""

import json
import time

import pytest

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.model.generate import Plan, generate
from tests.model.model import Model
from tests.scenarios.stage import CONTRACT, Stage, wrong_rows

EVENTS = 6000
# Who is started in a killed one's place has its partitions back at once.
STATIC = {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "classic", "PARSTOCK_KAFKA__GROUP_INSTANCE_ID": "one"}
EMITTED = ("levels", "dead-letters", "incidents")


def stream(stage, count: int, seed: int) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    return list(generate(Plan(count, seed, partitions=stage.partitions, first_ms=first_ms)))


@pytest.fixture(scope="module")
def live(kafka, postgres, session_dir):
    """A hostile stream, applied by a worker that was killed on the way."""
    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up()
        worker = stage.worker(**STATIC).wait_ready()
        stage.send(stream(stage, EVENTS, seed=91))
        wait_until(lambda: stage.read() > 500, "some of it to be judged", 120, every_s=0.01)
        worker.kill()
        worker.start()
        stage.flush()
        stage.wait_settled()
        yield stage
        stage.stop()


def turned_round(path):
    """The contract file of the stage with its hierarchy turned round."""
    contract = json.loads(CONTRACT.read_text())
    for source in contract["sources"]:
        source["rank"] = 3 - source["rank"]
    path.write_text(json.dumps(contract))
    return path


@pytest.fixture(scope="module")
def other(live, session_dir):
    return turned_round(session_dir / "other-contract.json")


def replay(stage, *arguments: str, code: int = 0) -> dict:
    answer = run_parstock("replay", *arguments, "-o", "json", env=stage.env)
    said = answer.stdout.decode() + answer.stderr.decode()
    assert answer.returncode == code, f"replay {arguments}: exit {answer.returncode}\n{said}"
    return json.loads(answer.stdout) if answer.stdout else {"error": answer.stderr.decode()}


def runner(stage, *arguments: str) -> Worker:
    return Worker("replay", stage.env, stage.logs, name=f"{stage.schema}-replay",
                  arguments=("run", *arguments))  # fmt: skip


def digests(status: dict, side: str) -> dict[str, str]:
    return {table: status[table][side]["digest"] for table in ("levels", "readings", "desired")}


def shadow_sql(stage, name: str, text: str):
    with stage.postgres.connect() as connection:
        connection.execute(f"SET search_path = {stage.schema}_shadow_{name}")
        answer = connection.execute(text)
        return answer.fetchall() if answer.description else []


def emitted(stage) -> dict:
    return {topic: stage.ends(stage.prefix + topic) for topic in EMITTED}


def test_plan_says_how_many_and_what_they_would_do(live):
    plan = replay(live, "plan", "--sample", "100000")
    model = live.model()
    assert plan["records"] == sum(live.ends(live.events_topic).values())
    assert plan["whole"] is True and plan["judged"]["all"] is True
    assert plan["judged"]["outcomes"] == model.outcomes()
    assert plan["records_per_second"] > 0 and plan["seconds"] > 0
    some = replay(live, "plan", "--sample", "1000", "--sku", "A")
    assert some["whole"] is False and some["records"] < plan["records"]
    schemas = live.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE %s",
                       live.schema + "_shadow%")  # fmt: skip
    assert schemas == [(0,)], "a plan leaves nothing behind"


def test_two_runs_rebuild_the_live_state_and_emit_nothing(live):
    before = emitted(live)
    other = runner(live, "-o", "json").start()
    replay(live, "run")
    assert other.child.wait(60) == 0, other.child.tail()
    status = replay(live, "status")
    assert status["equal"] is True and status["whole"] is True and status["rows"] == []
    assert digests(status, "live") == digests(status, "shadow")
    assert status["levels"]["live"]["rows"] == len(live.levels()) > 0
    assert status["records_judged"] == live.read() and status["records_left"] == 0
    assert emitted(live) == before
    assert shadow_sql(live, "main", "SELECT count(*) FROM outbox")[0][0] == 0
    assert shadow_sql(live, "main", "SELECT count(*) FROM incidents")[0][0] == 0
    audit = run_parstock("audit", "-o", "json",
                         env=live.env | {"PARSTOCK_SCHEMA": f"{live.schema}_shadow_main"})  # fmt: skip
    assert audit.returncode == 0, audit.stdout


@pytest.mark.parametrize("tampering, reason", [
    ("UPDATE levels SET quantity = quantity + 1 WHERE sku = (SELECT min(sku) FROM levels)", "number"),
    ("DELETE FROM levels WHERE sku = (SELECT min(sku) FROM levels)", "only_live"),
    ("UPDATE levels SET source = 'else' WHERE sku = (SELECT min(sku) FROM levels)", "source"),
])  # fmt: skip
def test_status_names_what_differs(live, tampering, reason):
    sku = shadow_sql(live, "main", "SELECT min(sku) FROM levels")[0][0]
    shadow_sql(live, "main", "CREATE TABLE kept AS SELECT * FROM levels")
    shadow_sql(live, "main", tampering)
    status = replay(live, "status", "--limit", "1000", code=1)
    shadow_sql(live, "main", "DELETE FROM levels; INSERT INTO levels SELECT * FROM kept; DROP TABLE kept")
    assert status["equal"] is False
    found = {(row["sku"], row["reason"]) for row in status["rows"] if row["table"] == "levels"}
    assert found == {(sku, reason)}
    assert replay(live, "status")["equal"] is True


def test_killed_and_run_again_it_is_the_same(live):
    """Wherever it was killed; each start goes on where the commits before it ended."""
    worker, judged = runner(live, "--name", "killed", "-o", "json"), []
    read = "SELECT coalesce(sum(read), 0)::bigint FROM progress"
    for _ in range(3):
        worker.start()
        before = judged[-1] if judged else 0
        made = f"SELECT to_regclass('{live.schema}_shadow_killed.replay_shadow') IS NOT NULL"
        wait_until(lambda: not worker.running or (live.sql(made)[0][0]
                   and shadow_sql(live, "killed", read)[0][0] > before), "a record", every_s=0.01)  # fmt: skip
        worker.kill()
        judged.append(shadow_sql(live, "killed", read)[0][0])
    worker.start()
    assert worker.child.wait(90) == 0, worker.child.tail()
    assert judged[0] > 0, "no kill came while records were judged"
    status = replay(live, "status", "--name", "killed")
    assert digests(status, "live") == digests(status, "shadow")
    replay(live, "drop", "--name", "killed")
    replay(live, "status", "--name", "killed", code=65)


def test_a_rate_is_kept(live):
    """A slow machine only makes it slower still: this can fail for one reason alone."""
    records, began = live.read(), time.monotonic()
    replay(live, "run", "--name", "slow", "--rate", "800")
    assert time.monotonic() - began > records / 800 - 1
    assert replay(live, "status", "--name", "slow")["equal"] is True
    replay(live, "drop", "--name", "slow")
    replay(live, "run", "--name", "slow", "--rate", "-1", code=64)


def test_one_sku_and_one_source(live):
    level = max(live.levels(), key=lambda row: row["quantity"])
    replay(live, "run", "--name", "one", "--sku", level["sku"].lower())
    status = replay(live, "status", "--name", "one")
    assert status["whole"] is False and status["levels"]["shadow"]["rows"] > 0
    assert status["levels"]["shadow"] == status["levels"]["live"]
    replay(live, "promote", "--name", "one", "--confirm", "one", code=77)
    replay(live, "run", "--name", "one", code=65)  # everything is another choice
    replay(live, "run", "--name", "one", "--fresh", "--source", "erp")
    sources = shadow_sql(live, "one", "SELECT DISTINCT source FROM source_readings")
    assert sources == [("erp",)]


def other_levels(stage, contract) -> Model:
    return Model(json.loads(contract.read_text()), stage.partitions).judge_all(stage.records())


def test_another_contract_is_compared_row_by_row_and_promoted(live, other):
    replay(live, "run", "--name", "turned", "--contract", str(other))
    status = replay(live, "status", "--name", "turned", "--limit", "100000", code=1)
    model = other_levels(live, other)
    now, wanted = live.model().levels(), model.levels()
    shown = {(row["sku"], row["location"]): row["shadow"]["quantity"]
             for row in status["rows"] if row["table"] == "levels"}  # fmt: skip
    differing = {place for place in wanted if wanted[place] != now.get(place)}
    assert set(shown) == differing and differing, "no level depends on the hierarchy"
    assert all(shown[place] == wanted[place].quantity for place in shown)

    replay(live, "promote", "--name", "turned", "--confirm", "turned", code=77)  # apply has the old file
    live.stop()
    live.env["PARSTOCK_CONTRACT"] = str(other)
    live.contract = json.loads(other.read_text())
    assert "would change" in run_parstock("replay", "promote", "--name", "turned",
                                          env=live.env).stdout.decode()  # fmt: skip
    assert not wrong_rows(live.levels(), live_model_before(live)), "nothing changes without --confirm"

    worker = live.worker(**STATIC).wait_ready()
    live.produce(stream(live, 1000, seed=92))  # judged by the old hierarchy's readings first
    live.wait_settled()
    promotion = replay(live, "promote", "--name", "turned", "--confirm", "turned")
    assert promotion["levels_changed"] > 0 and promotion["pairs_undecided"] > 0
    live.produce(stream(live, 1000, seed=93))  # the worker goes on without being started anew
    live.wait_settled()
    live.check()
    check_told(live)
    assert "another owner" in worker.child.text("err")
    assert replay(live, "promote", "--name", "turned", "--confirm", "turned", code=65)


def live_model_before(stage) -> Model:
    return Model(json.loads(CONTRACT.read_text()), stage.partitions).judge_all(stage.records())


def told_levels(stage) -> dict:
    newest: dict[tuple, dict] = {}
    for record in stage.records("levels"):
        level = json.loads(record.value)
        place = (level["sku"], level["location"])
        if place not in newest or level["revision"] > newest[place]["revision"]:
            newest[place] = level
    return {place: (level["quantity"], level["source"]) for place, level in newest.items()}


def check_told(stage) -> None:
    """Who follows the topic of levels, dropping lower revisions, has the promoted ones."""
    levels = {(row["sku"], row["location"]): (row["quantity"], row["source"]) for row in stage.levels()}
    wait_until(lambda: told_levels(stage) == levels, "the topic to tell of every level", 30)


def test_what_the_topic_no_longer_holds_is_refused(live):
    from confluent_kafka import TopicPartition

    partition, end = max(live.ends(live.events_topic).items(), key=lambda item: item[1])
    gone = TopicPartition(live.events_topic, partition, end // 2)
    admin = live.kafka.admin()
    for done in admin.delete_records([gone]).values():
        done.result(30)
    plan = replay(live, "plan", "--sample", "0")
    assert plan["whole"] is False and plan["records_gone"] == end // 2
    refused = replay(live, "run", "--name", "gap", code=77)["error"]
    assert f"begins at offset {end // 2}" in refused and "--accept-gap" in refused
    replay(live, "run", "--name", "gap", "--accept-gap")
    replay(live, "promote", "--name", "gap", "--confirm", "gap", code=77)
    assert replay(live, "status", "--name", "gap", "--limit", "0", code=1)["whole"] is False


def test_wrong_use(live):
    for wrong in (["explode"], ["run", "--into", "nowhere"], ["run", "--name", "No!"],
                  ["plan", "--since", "yesterday"], ["plan", "--from", "99:0"],
                  ["plan", "--source", "nobody"], ["run", "--sku", ""]):  # fmt: skip
        answer = run_parstock("replay", *wrong, env=live.env)
        assert (answer.returncode, answer.stdout) == (64, b""), wrong
        assert answer.stderr
