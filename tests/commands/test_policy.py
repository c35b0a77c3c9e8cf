"""policy lint and explain: each fault is found in a file that has it, and a finding is explained by the rule that takes it."""

import json
from pathlib import Path

import pytest

from tests.harness.paths import ROOT
from tests.harness.worker import parstock_env, run_parstock

EXAMPLES = ROOT / "schemas/examples/contract"
GOOD = EXAMPLES / "valid/policy.json"


def run(*arguments: str, contract: Path = GOOD):
    return run_parstock("policy", *arguments, env=parstock_env(contract=contract))


def broken(tmp_path: Path, *rules: dict, **guards) -> Path:
    file = json.loads(GOOD.read_text())
    file["policy"]["rules"] += [{"id": f"r-{n}", "why": "x", **rule} for n, rule in enumerate(rules)]
    file["policy"]["guards"] |= guards
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(file))
    return path


@pytest.mark.parametrize("path", sorted((EXAMPLES / "valid").glob("*.json")), ids=lambda p: p.name)
def test_valid_examples_are_sound(path):
    answer = run("lint", contract=path)
    assert (answer.returncode, answer.stderr) == (0, b""), answer.stdout.decode()
    assert b"sound" in answer.stdout


LOST = {"causes": ["lost_write"], "max_percent": 3}
FAULTS = [
    ("same_id", [{"id": "far-off", "when": LOST, "do": "observe"}]),
    ("contradiction", [{"when": LOST, "do": "observe"}, {"when": LOST, "do": "ignore"}]),
    ("repetition", [{"when": LOST, "do": "observe"}, {"when": LOST, "do": "observe"}]),
    ("unreachable", [{"when": {}, "do": "observe"}, {"when": LOST, "do": "ignore"}]),
    ("never", [{"when": {"min_units": 3, "max_units": 2}, "do": "observe"}]),
    ("barred", [{"when": {"risk": ["high"]}, "do": "resync"}]),
    ("unknown_shop", [{"when": {"shops": ["outlet"]}, "do": "observe"}]),
    ("unknown_location", [{"when": {"locations": ["MUC"]}, "do": "observe"}]),
    ("alias", [{"when": {"locations": ["Hamburg"]}, "do": "observe"}]),
    ("runbook", [{"when": LOST, "do": "observe", "runbook": "ask-joe"}]),
]


@pytest.mark.parametrize("fault, rules", FAULTS, ids=[fault for fault, _ in FAULTS])
def test_lint_finds(tmp_path, fault, rules):
    path = broken(tmp_path, *rules)
    answer = run("lint", "-o", "json", contract=path)
    report = json.loads(answer.stdout)
    assert answer.returncode == 1 and report["ok"] is False
    (found,) = report["faults"]
    assert found["fault"] == fault and found["text"]
    assert found["at"] == f"/policy/rules/{len(rules) + 2}"
    table = run("lint", contract=path)
    assert table.returncode == 1 and fault in table.stdout.decode()
    assert max(map(len, table.stdout.decode().splitlines())) < 240


@pytest.mark.parametrize("guards, fault", [({"max_changed_levels": 0}, "guard_stops_all"),
                                           ({"max_zeroed_levels": 2001}, "guard_without_effect")])  # fmt: skip
def test_lint_finds_guards(tmp_path, guards, fault):
    answer = run("lint", "-o", "jsonl", contract=broken(tmp_path, **guards))
    assert answer.returncode == 1
    assert [json.loads(line)["fault"] for line in answer.stdout.splitlines()] == [fault]


def test_lint_finds_what_nobody_would_hear_of(tmp_path):
    """A route for the oversold only, and one of everything for one of two shops: of the other, nobody hears the rest."""
    contract = json.loads((EXAMPLES / "valid/two-shops.json").read_text())
    oversold = {"name": "pager", "kind": "webhook", "url": "https://pager.example/x",
                "classes": ["stock_oversold", "shop_oversold"]}  # fmt: skip
    team = {"name": "team", "kind": "webhook", "url": "https://team.example/x"}
    path = tmp_path / "contract.json"

    def faults(*routes: dict) -> list[dict]:
        path.write_text(json.dumps(contract | {"alerts": list(routes)}))
        answer = run("lint", "-o", "json", contract=path)
        report = json.loads(answer.stdout)
        assert answer.returncode == (1 if report["faults"] else 0)
        return report["faults"]

    assert faults() == [] == faults(oversold, team)
    one_shop = team | {"shops": [contract["shops"][0]["name"]]}
    for routes in ([oversold], [oversold, one_shop]):
        unheard = faults(*routes)
        assert {f["fault"] for f in unheard} == {"unheard"} and {f["at"] for f in unheard} == {"/alerts"}
        names = {f["name"] for f in unheard}
        assert {"comparison_missed", "guard_stopped"} <= names and not names & {"stock_oversold", "shop_oversold"}
    assert b"/alerts, class guard_stopped: unheard: " in run("lint", contract=path).stdout
    typo = oversold | {"classes": ["stock_oversould"]}
    path.write_text(json.dumps(contract | {"alerts": [typo, team]}))
    answer = run("lint", contract=path)
    assert answer.returncode == 78 and b'/alerts/0/classes/0: "stock_oversould" is no class' in answer.stderr


@pytest.mark.parametrize("kpi, fault", [({"min_covered_days": 0}, "kpi_without_effect"),
                                        ({"max_unknown_percent": 100}, "kpi_without_effect"),
                                        ({"max_detection_seconds": 5}, "kpi_never_holds")])  # fmt: skip
def test_lint_finds_limits_of_the_week(tmp_path, kpi, fault):
    path = broken(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kpi": kpi}))
    answer = run("lint", "-o", "jsonl", contract=path)
    assert answer.returncode == 1
    (found,) = map(json.loads, answer.stdout.splitlines())
    assert found["fault"] == fault and found["at"] == "/kpi" and found["name"] in kpi


def test_a_file_that_can_not_be_used():
    answer = run("lint", contract=EXAMPLES / "invalid/rule-do-unknown.json")
    assert answer.returncode == 78 and b"/policy/rules/" in answer.stderr


def test_wrong_use():
    assert run().returncode == 64
    assert run("check").returncode == 64
    assert run("explain", "--cause", "gremlins").returncode == 64
    assert run("explain", "--cause", "unknown", "--desired", "many").returncode == 64
    assert run("explain", "--finding", "x").returncode == 64  # no database was named


def test_explain_prints_the_rulebook():
    text = run("explain").stdout.decode()
    for word in ("again-and-again", "builtin.rest", "bar.high-risk", "max_changed_levels"):
        assert word in text
    assert text.index("bar.high-risk") < text.index("again-and-again") < text.index("builtin.high-risk")
    book = json.loads(run("explain", "-o", "json").stdout)
    assert [rule["id"] for rule in book["rules"]][:3] == ["again-and-again", "a-little-off", "far-off"]
    assert book["guards"] == {"max_changed_levels": 2000, "max_changed_percent": 10, "max_zeroed_levels": 500,
                              "max_zeroed_percent": 2, "max_drifting_percent": 15, "max_rewrites_per_day": 4}  # fmt: skip
    assert all(rule["why"] and rule["when"] for rule in book["rules"])


@pytest.mark.parametrize(
    "given, do, rule, bar",
    [
        (["unknown", "--desired", "100", "--shown", "105", "--value", "10"], "resync", "a-little-off", None),
        (["unknown", "--desired", "100", "--shown", "105", "--value", "50"], "resync", "builtin.unknown-over", None),
        (["unknown", "--desired", "100", "--shown", "95", "--value", "10"], "escalate", "builtin.rest", None),
        (["unknown", "--desired", "100", "--shown", "105", "--value", "10", "--risk", "high"], "escalate",
         "a-little-off", "bar.high-risk"),
        (["lost_write", "--desired", "1", "--shown", "9"], "escalate", "far-off", None),
        (["lost_write", "--desired", "1", "--shown", "9", "--drifted", "4"], "escalate", "again-and-again", None),
        (["not_stocked", "--desired", "5", "--shown", "5"], "escalate", "builtin.item", None),
    ],
)  # fmt: skip
def test_explain_names_the_rule(given, do, rule, bar):
    answer = run("explain", "-o", "json", "--cause", *given)
    assert answer.returncode == 0, answer.stderr.decode()
    verdict = json.loads(answer.stdout)
    assert (verdict["do"], verdict["rule"], verdict["bar"]) == (do, rule, bar)
    assert verdict["why"] and (ROOT / verdict["runbook"]).is_file()


def test_simulate_needs_the_database():
    answer = run("simulate")
    assert answer.returncode == 78 and b"PARSTOCK_POSTGRES" in answer.stderr
    answer = run_parstock("policy", "simulate", env=parstock_env(contract=GOOD, postgres="host=127.0.0.1 port=1"))
    assert (answer.returncode, answer.stdout) == (69, b"")
