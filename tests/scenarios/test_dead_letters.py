"""`dead-letters` against a real broker and database: told, shown, mended and sent again, each once."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time

import pytest

from tests.harness.worker import run_parstock
from tests.model.generate import Message
from tests.scenarios.stage import Stage

FOUND, DATA, NOT_ALLOWED, USAGE, CONFIG = 1, 65, 77, 64, 78
HOSTILE = "A\x1b[31mRED\u202e"


def event(sku: str, **changes) -> dict:
    return {"type": "stock.counted", "source": "wms", "id": f"id-{sku}", "sku": sku, "location": "BER",
            "quantity": 7, "occurred_at": "2026-01-05T08:00:00Z"} | changes  # fmt: skip


def message(value: dict | bytes | None, key: str, headers=()) -> Message:
    raw = json.dumps(value, ensure_ascii=False).encode() if isinstance(value, dict) else value
    return Message(key=key.encode(), value=raw, headers=tuple(headers), timestamp_ms=int(time.time() * 1000))


SENT = [
    message(event("GOOD"), "GOOD"),
    *(message(event(f"L{n}", location="NOWHERE"), f"L{n}", [("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")])
      for n in range(4)),  # fmt: skip
    message(event("Q1", quantity="seven"), "Q1", [("parstock.retry-of", b"forged"), ("own", None)]),
    message(b'{"sku": "J1", ' + b"\xff\x1b[2J", "J1"),
    message(None, "T1"),
    message(event(HOSTILE), "H1"),
    message(event("E1", source="erp", location="NOWHERE"), "E1"),
    *(message(event(f"M{n:02}", location="LATER"), f"M{n:02}") for n in range(30)),
]


class Letters:
    def __init__(self, stage):
        self.stage = stage

    def list(self, *flags: str) -> dict[str, dict]:
        lines = self.stage.run("dead-letters", "list", "-o", "jsonl", "--limit", "1000", *flags).splitlines()
        return {letter["key"]: letter for letter in map(json.loads, lines)}

    def at(self, key: str) -> str:
        return self.list("--all")[key]["letter"]

    def show(self, place: str) -> dict:
        return json.loads(self.stage.run("dead-letters", "show", place, "-o", "json"))

    def retry(self, *words: str, code: int = 0) -> list[dict]:
        return [json.loads(line) for line in self.stage.run("dead-letters", "retry", "-o", "jsonl", *words, code=code).splitlines()]

    def levels(self) -> dict:
        return {row["sku"]: row["quantity"] for row in self.stage.levels()}


@pytest.fixture(scope="module")
def scene(kafka, postgres, session_dir):
    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up()
        stage.worker()
        stage.produce(SENT)
        stage.wait_settled()
        yield Letters(stage)


def test_listed_by_filters_and_counted_by_reason(scene):
    listed = scene.list()
    assert len(listed) == len(SENT) - 1 and "GOOD" not in listed
    letter = listed["Q1"]
    assert (letter["reason"], letter["source"], letter["sku"], letter["retried"]) == ("wrong_type", "wms", "Q1", False)
    assert "quantity" in letter["message"] and letter["remedy"].startswith("use the documented JSON type")
    assert set(scene.list("--reason", "unknown_location", "--source", "erp")) == {"E1"}
    assert set(scene.list("--sku", "l2")) == {"L2"}, "a SKU is normalised before it is compared"
    assert scene.list("--since", "2099-01-01T00:00:00Z") == {} == scene.list("--until", "7d")
    stats = json.loads(scene.stage.run("dead-letters", "list", "--stats", "-o", "json"))
    by_reason = {(row["reason"], row["source"]): row["letters"] for row in stats}
    assert by_reason["unknown_location", "wms"] == 34 and by_reason["unknown_location", "erp"] == 1
    assert sum(by_reason.values()) == len(SENT) - 1
    table = scene.stage.run("dead-letters", "list").decode()
    assert "unknown_location" in table and "name a location" in table
    scene.stage.run("dead-letters", "list", "--reason", "unknown_locatoin", code=USAGE)
    scene.stage.run("dead-letters", "list", "--since", "yesterday", code=USAGE)


def test_shown_with_its_bytes_and_nothing_that_a_terminal_acts_on(scene):
    shown = scene.show(scene.at("J1"))
    assert bytes.fromhex(shown["value_hex"]) == b'{"sku": "J1", \xff\x1b[2J' and shown["value"] is None
    assert shown["now"]["outcome"] == "rejected" and shown["now"]["reason"] == "not_utf8"
    names = [header["name"] for header in shown["headers"]]
    assert "__connect.errors.topic" in names and "parstock.reason" in names
    assert scene.show(scene.at("T1"))["value_hex"] is None
    for key in ("J1", "H1"):
        text = scene.stage.run("dead-letters", "show", scene.at(key))
        assert b"\x1b" not in text and "\u202e".encode() not in text
    assert b"\\x1b[2J" in scene.stage.run("dead-letters", "show", scene.at("J1"))
    table = scene.stage.run("dead-letters", "list", "--all", "--limit", "1000")
    assert b"\x1b" not in table and "\u202e".encode() not in table
    scene.stage.run("dead-letters", "show", "0:999999", code=FOUND)
    scene.stage.run("dead-letters", "show", "nonsense", code=USAGE)


def test_looked_at_without_the_database(scene):
    env = {k: v for k, v in scene.stage.env.items() if not k.startswith("PARSTOCK_POSTGRES")}
    done = run_parstock("dead-letters", "list", "-o", "jsonl", env=env)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(SENT) - 1
    assert json.loads(done.stdout.splitlines()[0])["retried"] is None
    away = run_parstock("dead-letters", "list", env=env | {"PARSTOCK_POSTGRES": "host=127.0.0.1 port=1"})
    assert away.returncode == 0 and b"without the database" in away.stderr
    refused = run_parstock("dead-letters", "retry", scene.at("L0"), env=env)
    assert refused.returncode == CONFIG


def test_judged_first_and_not_sent_in_vain(scene):
    place, before = scene.at("L0"), scene.stage.ends(scene.stage.events_topic)
    (row,) = scene.retry(place, code=DATA)
    assert (row["sent"], row["rule"], row["reason"], row["field"]) == (False, "refused_again", "unknown_location", "location")
    (row,) = scene.retry(place, "--dry-run", "--set", "location=HAM", "--why", "a typing mistake")
    assert (row["sent"], row["outcome"], row["expected"]) == (False, "would be sent", "applied")
    scene.retry(place, "0:999999", code=DATA)
    scene.stage.run("dead-letters", "retry", code=USAGE)
    scene.stage.run("dead-letters", "retry", place, "--set", "location=HAM", code=USAGE)
    scene.stage.run("dead-letters", "retry", place, "--set", "colour=red", "--why", "x", code=USAGE)
    assert scene.stage.ends(scene.stage.events_topic) == before


def test_edited_and_sent_again_once(scene):
    stage, place = scene.stage, scene.at("Q1")
    original = bytes.fromhex(scene.show(place)["value_hex"])
    (row,) = scene.retry(place, "--set", "quantity=11", "--set", "reference=", "--by", "anna", "--why", "a number as text")
    assert (row["sent"], row["edited"], row["expected"], row["attempt"]) == (True, True, "applied", 1)
    stage.wait_settled()
    assert scene.levels()["Q1"] == 11
    (record,) = [r for r in stage.records() if r.key == b"Q1" and json.loads(r.value)["quantity"] == 11]
    partition, offset = place.split(":")
    assert record.headers == (("own", None), ("parstock.retry-of", f"{stage.prefix}dead-letters/{partition}/{offset}".encode()))
    (tried,) = scene.show(place)["tries"]
    assert (tried["by"], tried["why"], tried["state"]) == ("anna", "a number as text", "sent")
    assert tried["digest_received"] == hashlib.sha256(original).hexdigest()
    assert tried["digest_sent"] == hashlib.sha256(record.value).hexdigest()
    assert "Q1" not in scene.list() and scene.list("--all")["Q1"]["retried"] is True
    (row,) = scene.retry(place, "--set", "quantity=11", "--why", "again", code=NOT_ALLOWED)
    assert (row["sent"], row["rule"]) == (False, "sent_before")
    (row,) = scene.retry(place, "--set", "quantity=11", "--why", "again", "--force")
    assert (row["sent"], row["expected"], row["attempt"]) == (True, "duplicate", 2)
    stage.wait_settled()
    assert scene.levels()["Q1"] == 11


def test_edited_in_an_editor_or_replaced(scene, tmp_path):
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i s/NOWHERE/MUC/ "$2"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    stage = scene.stage
    env = stage.env | {"EDITOR": f"{script} --wait", "VISUAL": "", "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = run_parstock("dead-letters", "retry", scene.at("L1"), "--edit", "--why", "the shelf is in Munich", env=env)
    assert done.returncode == 0, done.stderr
    new = tmp_path / "value.json"
    new.write_text(json.dumps(event("J1", quantity=3)))
    scene.retry(scene.at("J1"), "--value-file", str(new), "--why", "the producer wrote no UTF-8")
    stage.wait_settled()
    levels = {(r["sku"], r["location"]): r["quantity"] for r in stage.levels()}
    assert levels["L1", "MUC"] == 7 and levels["J1", "BER"] == 3
    assert not list(tmp_path.glob("parstock-letter-*")), "no value is left lying about"
    broken = run_parstock("dead-letters", "retry", scene.at("L2"), "--edit", "--why", "x", env=env | {"EDITOR": "false"})
    assert broken.returncode == DATA


def test_a_letter_that_is_forced_comes_back_as_another(scene):
    stage = scene.stage
    (row,) = scene.retry(scene.at("E1"), "--force", "--why", "to see")
    assert (row["sent"], row["rule"], row["expected"]) == (True, "forced", "rejected")
    stage.wait_settled()
    letters = [json.loads(line) for line in stage.run("dead-letters", "list", "--all", "-o", "jsonl", "--sku", "E1").splitlines()]
    assert len(letters) == 2
    (again,) = [letter for letter in letters if letter["retry_of"]]
    assert again["retry_of"].endswith(next(x for x in letters if not x["retry_of"])["letter"].replace(":", "/"))


def test_all_of_a_reason_after_the_contract_was_mended(scene, tmp_path):
    stage = scene.stage
    contract = json.loads(json.dumps(stage.contract))
    contract["locations"].append({"code": "LATER"})
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(contract))
    where = ("--contract", str(mended))
    rows = scene.retry("--reason", "unknown_location", "--source", "wms", "--dry-run", *where, code=FOUND)
    assert sum(row["rule"] == "fit" for row in rows) == 30 and {r["rule"] for r in rows} == {"fit", "refused_again"}
    before = stage.ends(stage.events_topic)
    scene.retry("--reason", "unknown_location", *where, code=NOT_ALLOWED)
    assert stage.ends(stage.events_topic) == before, "more than a few are confirmed first"
    for worker in stage.workers:
        worker.terminate()
    stage.env["PARSTOCK_CONTRACT"] = str(mended)
    stage.worker()
    scene.retry("--reason", "unknown_location", "--confirm", "demo", "--why", "LATER is a location now", code=FOUND)
    stage.wait_settled()
    levels = scene.levels()
    assert all(levels[f"M{n:02}"] == 7 for n in range(30))
    left = scene.list("--reason", "unknown_location")
    assert all(not key.startswith("M") for key in left) and "L0" in left
    assert stage.audit()["ok"] is True
    report = stage.audit()["outcomes"]
    assert report["applied"] == 1 + 1 + 2 + 30 and report["duplicate"] == 1
