"""The demo in small: it ends well when all is well, and names what is not when it is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo import events, expected, goods
from tests.demo.broken import BROKEN
from tests.demo.events import Fact
from tests.demo.goods import Pair
from tests.demo.run import Options, run
from tests.harness.paths import ROOT
from tests.harness.process import Child
from tests.harness.waiting import wait_until

SMALL = ("--events", "2000", "--skus", "60", "--seconds", "8")
OPTIONS = Options(events=2000, skus=60, seconds=8.0)


@pytest.fixture
def private_tmp(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARSTOCK_TMPDIR", str(run_dir))
    return run_dir


def left_behind(directory: Path) -> list[str]:
    return [path.name for path in directory.glob("parstock-demo-*")]


def test_small_demo_ends_at_par(private_tmp):
    ran = subprocess.run(
        [sys.executable, "-m", "tests.demo", *SMALL],
        cwd=ROOT, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.rstrip().endswith("shop at par: 180 of 180")
    assert "2,000 events came in" in ran.stdout
    assert "Counted double: 0." in ran.stdout
    assert ran.stdout.count("KILLED") == 2
    assert left_behind(private_tmp) == []


def test_a_level_changed_behind_its_back_is_named(private_tmp, capfd):
    edited = {}

    def edit(stage):
        pair = Pair(stage.skus[7], "HAM")
        sku = stage.shop_spelling[pair.sku]
        stage.control("edit", {"sku": sku, "location": pair.place, "on_hand": 987654})
        edited["pair"] = f"{pair.sku} at {pair.place}"

    assert run(OPTIONS, before_comparison=edit) == 1
    told = capfd.readouterr()
    assert "shop at par: 179 of 180" in told.out
    assert "THIS DOES NOT HOLD" in told.out
    complaints = [line for line in told.out.splitlines() if line.startswith("  - ")]
    assert len(complaints) == 1 and edited["pair"] in complaints[0] and "987654" in complaints[0]
    assert "kept in" in told.err and len(left_behind(private_tmp)) == 1


def test_a_ledger_row_too_many_is_named(private_tmp, capfd):
    def forge(stage):
        stage.db.execute("UPDATE progress SET read = read + 1, applied = applied + 1 WHERE partition = 0")

    assert run(OPTIONS, before_comparison=forge) == 1
    told = capfd.readouterr().out
    assert "audit found" in told and "were judged" in told


def test_ctrl_c_stops_everything(private_tmp):
    demo = Child("demo", [sys.executable, "-m", "tests.demo", *SMALL], private_tmp, cwd=ROOT,
                 env={**os.environ, "PYTHONUNBUFFERED": "1"})  # fmt: skip
    wait_until(lambda: "KILLED" in demo.text("out"), "the demo to be in full flow", 120)
    children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    assert len(children) >= 5, "database, broker, shop and workers"
    demo.send(signal.SIGINT)
    assert demo.wait(60) == 130
    # A child that was killed may take a moment to be gone from the process table.
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children),
               "every child to be gone", 10)  # fmt: skip
    assert left_behind(private_tmp) == []


# ---- its own parts -----------------------------------------------------------------------------


def test_every_way_to_be_broken_occurs():
    story = events.tell(goods.make_skus(60), 2000, seed=3)
    assert set(story.reasons) == {broken.reason for broken in BROKEN}
    assert len(story.sends) == 2000 and min(story.kinds.values()) > 0
    assert any(send.rekeyed for send in story.sends)


def test_same_seed_same_story():
    first, second = (
        events.Teller(goods.make_skus(30), 600, 5, events.datetime(2026, 1, 1, tzinfo=events.timezone.utc)).tell()
        for _ in range(2)
    )
    assert first.sends == second.sends


def test_expected_levels():
    pair = Pair("MUG", "BER")

    def fact(source, number, absolute, quantity, second):
        when = events.datetime(2026, 1, 1, 0, 0, second, tzinfo=events.timezone.utc)
        return events.Send(b"", b"", "", Fact(source, str(number), pair, absolute, quantity, when))

    sends = [
        fact("erp", 1, True, 90, 50),
        fact("wms", 1, True, 10, 10),
        fact("wms", 2, False, -3, 20),  # after the count
        fact("wms", 2, False, -3, 20),  # its retry
        fact("wms", 3, False, -5, 9),  # inside the count
        fact("wms", 4, True, 70, 5),  # overtaken
    ]
    assert expected.levels(sends) == {pair: 7}
    assert expected.levels(sends[:1]) == {pair: 90}
    assert (expected.shown(-4), expected.shown(4)) == (0, 4)
