"""parstock capacity: figures in, figures out, each with its formula; docs/scaling.md shows the same."""

import json
import re

import pytest

from tests.harness.paths import ROOT
from tests.harness.worker import run_parstock


def capacity(*flags: str) -> dict:
    answer = run_parstock("capacity", "-o", "json", *flags)
    assert (answer.returncode, answer.stderr) == (0, b"")
    return json.loads(answer.stdout)


def results(body: dict) -> dict:
    return {r["id"]: r["value"] for r in body["results"]}


def test_the_table_shows_every_result_with_its_formula():
    answer = run_parstock("capacity", "-o", "table")
    text = answer.stdout.decode()
    assert answer.returncode == 0
    for result in capacity()["results"]:
        assert re.search(rf"^{result['id']} +\S.*{re.escape(result['formula'])}$", text, re.MULTILINE)


def test_figures_of_ones_own():
    body = capacity("--events", "500000000", "--pairs", "100000000", "--peak", "3", "--plan", "plus")
    found = results(body)
    assert body["inputs"]["events"] == 500000000 and body["inputs"]["plan"] == "plus"
    assert found["events_mean"] == pytest.approx(500e6 / 86400, rel=1e-4)
    assert found["apply_pods"] == 2
    assert {limit["id"] for limit in body["limits"]} >= {"shop_late", "more_nodes", "mass_write"}


def test_none_is_a_figure_too():
    assert results(capacity("--orders", "0"))["shop_changes"] == results(capacity())["events_peak"]


@pytest.mark.parametrize(
    "flags, words",
    [(["--plan", "basic"], "enterprise"), (["--events", "0"], "--events is 1 to"), (["--shops", "101"], "--shops is 1 to 100"),
     (["--orders", "-1"], "--orders is 0 to"), (["--events", "many"], "integer"), (["--evnts", "1"], "did you mean --events")],
)  # fmt: skip
def test_wrong_figures_are_refused(flags, words):
    answer = run_parstock("capacity", *flags)
    assert answer.returncode == 64 and words in answer.stderr.decode()


SCALING = (ROOT / "docs/scaling.md").read_text()


@pytest.mark.parametrize("command", re.findall(r"^    parstock (capacity.*)$", SCALING, re.MULTILINE))
def test_the_page_on_scaling_shows_what_the_program_says(command):
    """Each command of the page is followed by a table of some results: they are those of the program."""
    answer = run_parstock(*command.split())
    assert answer.returncode == 0
    lines = answer.stdout.decode().splitlines()
    block = SCALING.split(f"    parstock {command}\n", 1)[1].split("\n\n", 1)[0]
    shown = [line[4:] for line in block.splitlines() if line.startswith("    ")]
    assert len(shown) >= 5
    for line in shown:
        assert line in lines, line
