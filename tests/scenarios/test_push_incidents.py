"""Pairs that a shop refuses: one incident each until it is over, told on the topic at least once."""

import json
import random
import time
from pathlib import Path

import jsonschema
import pytest

from tests.harness.kafka import ApacheKafka
from tests.harness.paths import ROOT
from tests.harness.ports import free_port
from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.push_world import PushWorld
from tests.scenarios.topic import topic_records

SCHEMA = json.loads((ROOT / "schemas/topics/inventory.incidents.v1.json").read_text())
BUNDLE = "NON_MUTABLE_INVENTORY_ITEM"
TOO_HIGH = 1_000_000_001


class IncidentWorld(PushWorld):
    """With the topics of a broker, and items that the shop refuses to write; its catalogue does not say so beforehand."""

    kafka: ApacheKafka

    def with_kafka(self, kafka: ApacheKafka) -> "IncidentWorld":
        self.kafka = kafka
        assert run_parstock("topics", "ensure", env=self.env() | self.told()).returncode == 0
        return self

    def told(self, **others: str) -> dict[str, str]:
        return {"PARSTOCK_KAFKA_BROKERS": self.kafka.bootstrap, "PARSTOCK_TOPIC_PREFIX": f"{self.schema}.",
                "PARSTOCK_TOPIC_PARTITIONS": "3", **others}  # fmt: skip

    def telling(self, name: str = "push", **env: str) -> Worker:
        return self.push(name, **self.told(**env))

    def put(self, *skus: str, **item) -> None:
        entries = [{"sku": sku, "levels": {"501": {"available": 1}}, **item} for sku in skus]
        self.items.update(zip(skus, self.control("catalog", {"items": entries})["ids"]))

    def edit(self, *skus: str, **item) -> None:
        for sku in skus:
            self.control("edit", {"sku": sku, "location": "BER", **item})

    def incidents(self, *more: str) -> list[dict]:
        done = run_parstock("incidents", "list", *more, "-o", "json", env=self.env())
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def show(self, incident: dict) -> dict:
        done = run_parstock("incidents", "show", incident["incident_id"], "-o", "json", env=self.env())
        return json.loads(done.stdout)

    def count(self, text: str) -> int:
        return self.db.execute(f"SELECT count(*) FROM {text}").fetchone()[0]

    def wait_open(self, count: int) -> list[dict]:
        wait_until(lambda: self.count("incidents WHERE state <> 'resolved'") == count, f"{count} open incidents")
        return self.incidents()

    def wait_told(self) -> None:
        wait_until(lambda: self.count("shop_outbox") == 0, "the broker to have every record", 90)

    def changes(self) -> list[dict]:
        """What subscribers know: every record once, however often it was delivered."""
        changes: dict[str, dict] = {}
        for record in topic_records(self.kafka.bootstrap, f"{self.schema}.incidents"):
            value, headers = json.loads(record.value), dict(record.headers)
            jsonschema.validate(value, SCHEMA, jsonschema.Draft202012Validator)
            name = headers["ce_id"].decode()
            assert record.key.decode() == value["incident_id"] == name.split("/")[0]
            assert headers["ce_source"] == b"parstock/push" and headers["ce_type"] == b"inventory.incident.v1"
            assert changes.setdefault(name, value) == value, "one ce_id, two contents"
        return list(changes.values())

    def check_told(self) -> list[dict]:
        """The topic has what the log has."""
        self.wait_told()
        changes = self.changes()
        log = self.db.execute("SELECT incident_id, state FROM incident_log").fetchall()
        assert sorted((c["incident_id"], c["state"]) for c in changes) == sorted(log)
        return changes


def test_one_bad_pair_among_good_ones(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.with_kafka(kafka)
        good = world.load(20)
        world.put("KIT", mutable=False)
        world.sync()
        world.desire([(sku, "BER", 9) for sku in [*good, "KIT"]])
        push = world.telling().start(wait_ready=True)
        world.wait_par()
        world.prove({(sku, "BER"): 9 for sku in good})
        (incident,) = world.wait_open(1)
        assert incident["class"] == "push_refused" and incident["state"] == "opened"
        assert (incident["shop"], incident["sku"], incident["location"]) == ("demo", "KIT", "BER")
        assert (incident["cause"], incident["severity"], incident["handoff"]) == ("rejected_write", "warning", "none")
        assert "bundle" in incident["root_cause"] and "exclude" in incident["remediation"]
        assert (ROOT / incident["runbook_url"]).is_file()
        evidence = incident["evidence"]
        assert (evidence["code"], evidence["rule"]) == (BUNDLE, "bundle")
        assert (evidence["quantity"], evidence["desired"], evidence["shown"]) == (9, 9, 1)
        write = world.db.execute("SELECT state FROM shop_writes WHERE id = %s", [evidence["write"]]).fetchone()
        assert write == ("refused",)
        assert [c["state"] for c in world.check_told()] == ["opened"]

        # Tried again in vain: the same incident, and nothing more to tell.
        world.sync()
        wait_until(lambda: world.count("shop_writes WHERE state = 'refused'") == 2, "the pair to be refused again")
        world.put("OTHER", mutable=False)
        world.sync()
        world.desire([("OTHER", "BER", 4)])
        assert {i["sku"]: i["occurrences"] for i in world.wait_open(2)} == {"KIT": 1, "OTHER": 1}
        assert [c["state"] for c in world.check_told()] == ["opened"] * 2

        # The cause is gone: written, and over.
        world.edit("KIT", mutable=True)
        world.sync()
        wait_until(lambda: world.count("incidents WHERE state = 'resolved'") == 1, "the incident to end")
        assert list(world.faults()) == [("OTHER", "BER")]
        world.prove({(sku, "BER"): 9 for sku in [*good, "KIT"]})
        assert [i["sku"] for i in world.incidents()] == ["OTHER"]
        whole = world.show(incident)
        assert whole["state"] == "resolved" and whole["revision"] == 2
        assert [(e["state"], e["actor"], e["note"]) for e in whole["log"]] == [
            ("opened", "push", ""), ("resolved", "push", "the shop shows 9")]  # fmt: skip
        (ended,) = [c for c in world.check_told() if c["state"] == "resolved"]
        assert ended["incident_id"] == incident["incident_id"] and ended["evidence"]["ended"] == "the shop shows 9"
        assert push.terminate() == 0


def test_levels_say_why_a_pair_is_left_alone(run_dir: Path, postgres: Postgres) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.put("KIT", mutable=False)
        world.sync()
        world.db.execute("INSERT INTO levels VALUES ('KIT', 'BER', 9, 'wms', now(), NULL, 1)")
        world.desire([("KIT", "BER", 9)])
        world.push().start(wait_ready=True)
        world.wait_open(1)
        (row,) = run_parstock("levels", "-o", "jsonl", env=world.env()).stdout.splitlines()
        assert json.loads(row)["shops"] == [
            {"shop": "demo", "desired": 9, "shown": None, "state": f"quarantined: {BUNDLE}"}]  # fmt: skip


def test_another_code_is_told_of_the_same_incident(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.with_kafka(kafka)
        world.put("CUP")
        world.sync()
        world.desire([("CUP", "BER", TOO_HIGH)])
        world.telling().start(wait_ready=True)
        (first,) = world.wait_open(1)
        assert first["severity"] == "error" and "more than the shop can hold" in first["root_cause"]
        world.edit("CUP", mutable=False)
        world.sync()
        wait_until(lambda: world.incidents()[0]["evidence"]["code"] == BUNDLE, "the other code")
        (now,) = world.incidents()
        assert (now["incident_id"], now["occurrences"]) == (first["incident_id"], 2)
        assert now["severity"] == "warning" and "bundle" in now["root_cause"] and "exclude" in now["remediation"]
        changes = world.check_told()
        assert {c["state"]: c["evidence"]["code"] for c in changes} == {
            "opened": "INVALID_QUANTITY_TOO_HIGH", "updated": BUNDLE}  # fmt: skip


def test_a_pair_that_waits_to_be_tried_again_keeps_its_incident(run_dir: Path, postgres: Postgres) -> None:
    """Its quarantine is lifted, but nothing proves yet that the cause is gone. The shop is away meanwhile."""
    with IncidentWorld(run_dir, postgres) as world, world.shop_behind_gate() as gate:
        world.put("KIT", "OTHER", mutable=False)
        world.sync()
        world.desire([("KIT", "BER", 9)])
        world.push().start(wait_ready=True)
        (incident,) = world.wait_open(1)
        gate.shut()
        # As the catalogue lifts and a write leaves it; the other pair's incident shows that both were looked at.
        world.db.execute("UPDATE shop_levels SET fault = CASE sku WHEN 'KIT' THEN '' ELSE 'quarantined: X' END")
        assert {i["sku"] for i in world.wait_open(2)} == {"KIT", "OTHER"}
        gate.open()
        wait_until(lambda: world.count("shop_writes WHERE state = 'refused'") == 2, "the pair to be refused again")
        assert world.show(incident)["revision"] == 1


def test_what_is_refused_again_after_its_end_is_a_new_incident(run_dir: Path, postgres: Postgres) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.put("CUP")
        world.sync()
        world.push().start(wait_ready=True)
        for round_ in range(3):
            world.desire([("CUP", "BER", TOO_HIGH)])
            world.wait_open(1)
            world.desire([("CUP", "BER", round_)])
            world.sync()
            world.wait_open(0)
        assert world.count("incidents") == 3
        assert {i["evidence"]["ended"] for i in world.incidents("--all")} == {f"the shop shows {n}" for n in range(3)}


def test_ends_other_than_a_write(run_dir: Path, postgres: Postgres) -> None:
    skus = ["EXCLUDED", "FORGOTTEN", "UNTRACKED"]
    with IncidentWorld(run_dir, postgres) as world:
        world.put(*skus, mutable=False)
        world.sync()
        world.desire([(sku, "BER", 9) for sku in skus])
        world.push().start(wait_ready=True)
        world.wait_open(3)
        world.edit("UNTRACKED", tracked=False)
        # As apply does where a SKU is excluded, and the catalogue where nobody wants the pair.
        world.db.execute("UPDATE shop_levels SET desired = NULL, dirty = false WHERE sku = 'EXCLUDED'")
        world.db.execute("DELETE FROM shop_levels WHERE sku = 'FORGOTTEN'")
        wait_until(lambda: world.count("incidents WHERE state = 'resolved'") == 1, "the forgotten pair to end")
        world.sync()
        world.wait_open(0)
        assert {i["sku"]: i["evidence"]["ended"] for i in world.incidents("--all")} == {
            "EXCLUDED": "nothing is to be written any more",
            "FORGOTTEN": "the pair is gone",
            "UNTRACKED": "the catalogue says: untracked",
        }


def test_without_kafka_the_table_keeps_it_for_later(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.with_kafka(kafka)
        world.put("KIT", mutable=False)
        world.sync()
        world.desire([("KIT", "BER", 9)])
        silent = world.push().start(wait_ready=True)
        world.wait_open(1)
        assert any("nobody is told" in line["msg"] for line in silent.log())
        world.edit("KIT", mutable=True)
        world.sync()
        world.wait_open(0)
        assert world.count("shop_outbox") == 2 and world.changes() == []
        assert silent.terminate() == 0
        telling = world.telling("telling").start(wait_ready=True)
        assert [c["state"] for c in world.check_told()] == ["opened", "resolved"]
        assert not any("nobody is told" in line["msg"] for line in telling.log())


def test_a_broker_that_is_away_keeps_no_shop_waiting(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.with_kafka(kafka)
        good = world.load(3)
        world.put("KIT", mutable=False)
        world.sync()
        world.desire([(sku, "BER", 9) for sku in [*good, "KIT"]])
        deaf = world.telling("deaf", PARSTOCK_KAFKA_BROKERS=f"127.0.0.1:{free_port()}",
                             PARSTOCK_KAFKA__MESSAGE_TIMEOUT_MS="1000").start(wait_ready=True)  # fmt: skip
        world.wait_par()
        world.prove({(sku, "BER"): 9 for sku in good})
        world.wait_open(1)
        wait_until(lambda: any(line["msg"] == "incidents wait to be told" for line in deaf.log()), "push to say so")
        world.desire([(sku, "BER", 8) for sku in good])
        world.wait_par()
        world.prove({(sku, "BER"): 8 for sku in good})
        assert world.count("shop_outbox") == 1
        assert deaf.terminate() == 0
        world.telling("heard").start()
        assert [c["state"] for c in world.check_told()] == ["opened"]


def test_kills_lose_no_incident_and_make_none_twice(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    rounds = 10
    with IncidentWorld(run_dir, postgres) as world:
        world.with_kafka(kafka)
        skus = [f"KIT-{number}" for number in range(rounds * 5)]
        world.put(*skus, mutable=False)
        world.sync()
        dice = random.Random(7)
        push = world.telling()
        for round_ in range(rounds):
            push.start()
            wait_until(lambda: "lease taken" in push.child.text("err"), "the lease", 30, every_s=0.02)
            world.desire([(sku, "BER", 9) for sku in skus[round_ * 5 : round_ * 5 + 5]])
            time.sleep(dice.random() * 0.5)
            push.kill()
        push.start()
        world.wait_par()
        world.wait_open(len(skus))
        assert sorted(c["sku"] for c in world.check_told()) == sorted(skus)
        assert world.count("incident_log WHERE state = 'opened'") == len(skus)


def test_more_than_a_page(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        world.with_kafka(kafka)
        skus = [f"KIT-{number}" for number in range(300)]
        world.put(*skus, mutable=False)
        world.sync()
        world.desire([(sku, "BER", 9) for sku in skus])
        world.telling().start(wait_ready=True)
        world.wait_open(300)
        world.edit(*skus, mutable=True)
        world.sync()
        world.wait_open(0)
        states = [c["state"] for c in world.check_told()]
        assert (states.count("opened"), states.count("resolved")) == (300, 300)
        assert world.prove()["refused"] >= 2


@pytest.mark.parametrize(("name", "value"), [("COMPRESSION_TYPE", "nonsense"), ("NO_SUCH_PROPERTY", "1")])
def test_a_wrong_setting_of_kafka_ends_push_at_its_start(
    run_dir: Path, postgres: Postgres, name: str, value: str
) -> None:
    with IncidentWorld(run_dir, postgres) as world:
        env = world.env(PARSTOCK_KAFKA_BROKERS="127.0.0.1:1", **{f"PARSTOCK_KAFKA__{name}": value})
        done = run_parstock("push", env=env)
        assert done.returncode == 78, done.stderr.decode()
