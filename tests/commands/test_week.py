"""week and baseline: wrong use, and the page that holds the rules."""

import json

import pytest

from tests.harness.paths import ROOT
from tests.harness.worker import parstock_env, run_parstock

BEGIN, END = "<!-- rules:", "<!-- end of rules -->"
CONTRACT = ROOT / "schemas/examples/contract/valid/full.json"
NOWHERE = "host=127.0.0.1 port=1 connect_timeout=1"


def rules_in(text: str) -> list[str]:
    block = text.split(BEGIN)[1].split(END)[0]
    return [line for line in block.splitlines() if line.startswith("|")]


def test_the_page_has_the_rules_of_the_program():
    printed = run_parstock("week", "rules").stdout.decode().splitlines()
    page = (ROOT / "docs/kpi.md").read_text()
    assert rules_in(page) == printed
    assert rules_in(page.replace("| few_days |", "| few |")) != printed


def test_rules_in_json():
    rules = json.loads(run_parstock("week", "rules", "-o", "json").stdout)
    lines = [json.loads(line) for line in run_parstock("week", "rules", "-o", "jsonl").stdout.splitlines()]
    assert rules == lines and rules[-1]["verdict"] == "pass" and len({rule["rule"] for rule in rules}) == len(rules)


def test_the_page_has_every_limit():
    schema = json.loads((ROOT / "schemas/contract.schema.json").read_text())
    page = (ROOT / "docs/kpi.md").read_text()
    assert [key for key in schema["properties"]["kpi"]["properties"] if f"`{key}`" not in page] == []


@pytest.mark.parametrize("words, code", [
    (["week"], 64), (["week", "show", "2026-W48", "x"], 64), (["week", "decode"], 64), (["week", "rules", "x"], 64),
    (["week", "list", "--limit", "0"], 64), (["week", "list"], 69), (["baseline"], 64), (["baseline", "take"], 64),
    (["baseline", "show"], 69),
])  # fmt: skip
def test_wrong_use(words, code):
    answer = run_parstock(*words, env=parstock_env(contract=CONTRACT, postgres=NOWHERE))
    assert answer.returncode == code and answer.stdout == b"" and answer.stderr, answer.stderr


def test_settings_that_lack():
    assert run_parstock("week", "show", env=parstock_env()).returncode == 78
    assert run_parstock("week", "rules", env=parstock_env()).returncode == 0
