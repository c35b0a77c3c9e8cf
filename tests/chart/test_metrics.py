"""Metrics, alert rules and dashboards: names by convention, rules that fire, panels that show something."""

import json
import re
import subprocess

import pytest
import yaml

from tests.chart.helm import CHART, case_values, merged, render
from tests.chart.metrics import exposition, metrics_in, metrics_of_the_code, unknown_in
from tests.chart.pods import WORKERS
from tests.harness.paths import ROOT
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env

METRICS = metrics_of_the_code()
RULE_FILES = sorted((CHART / "files/alerts").glob("*.yaml"))
RULES = [r for f in RULE_FILES for g in yaml.safe_load(f.read_text())["groups"] for r in g["rules"]]
DASHBOARDS = sorted((CHART / "files/dashboards").glob("*.json"))
CASES = sorted((ROOT / "tests/chart/alerts").glob("*.test.yaml"))


def promtool(*arguments, stdin: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(["promtool", *map(str, arguments)], input=stdin, capture_output=True, text=True)


# ---- names


def test_names_follow_the_conventions():
    answer = promtool("check", "metrics", stdin=exposition(METRICS))
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")


@pytest.mark.parametrize(
    "name, kind",
    [("parstock_waits_milliseconds_total", "counter"), ("parstock_waits", "counter"), ("parstock_levels_total", "gauge")],
)  # fmt: skip
def test_a_name_against_the_conventions_is_seen(name, kind):
    assert promtool("check", "metrics", stdin=exposition({**METRICS, name: kind})).returncode != 0


def test_the_sources_are_understood():
    text = 'x = metrics_gauge_seconds("parstock_a_seconds", "", "h");\ny = histogram_labelled(\n "parstock_b_seconds", l, "h");'
    assert metrics_in(text) == {"parstock_a_seconds": "gauge", "parstock_b_seconds": "histogram"}
    assert len(METRICS) > 50


@pytest.mark.parametrize("command", WORKERS)
def test_the_page_of_each_worker_is_one_that_prometheus_reads(command):
    """Nothing outside is there: the page is served all the same."""
    env = parstock_env(
        kafka="127.0.0.1:1", postgres="host=127.0.0.1 port=1 dbname=a", PARSTOCK_SHOP_DEMO_TOKEN="t",
        contract=ROOT / "schemas/examples/contract/valid/demo.json",
    )  # fmt: skip
    worker = Worker(command, env, make_run_dir()).start()
    try:
        wait_until(lambda: worker.get("/livez")[0] == 200, f"the page of {command}", 30)
        _, page = worker.get("/metrics")
        ready, _ = worker.get("/readyz")
    finally:
        worker.kill()
    assert ready == 503
    answer = promtool("check", "metrics", stdin=page)
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")
    shown = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    assert shown <= set(METRICS)


@pytest.mark.parametrize("command", ["push", "drift"])
def test_without_shops_a_worker_waits(command):
    """Kubernetes would restart one that ended, for ever."""
    env = parstock_env(
        kafka="127.0.0.1:1", postgres="host=127.0.0.1 port=1 dbname=a",
        contract=ROOT / "schemas/examples/contract/valid/minimal.json",
    )  # fmt: skip
    worker = Worker(command, env, make_run_dir()).start()
    worker.wait_ready(30)
    assert worker.get("/readyz")[1] == "shops: ready\n"
    assert worker.terminate() == 0


# ---- alerts


def test_rules_are_rules():
    answer = promtool("check", "rules", *RULE_FILES)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_alert_fires_on_its_case_and_none_in_quiet():
    answer = promtool("test", "rules", *CASES)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    tests = [t for f in CASES for t in yaml.safe_load(f.read_text())["tests"]]
    told = [a for t in tests for a in t["alert_rule_test"]]
    names = {r["alert"] for r in RULES}
    assert {a["alertname"] for a in told if a["exp_alerts"]} == names
    assert {a["alertname"] for a in told if not a["exp_alerts"]} == names


def test_a_rule_that_does_not_fire_is_seen(tmp_path):
    rules = RULE_FILES[0].read_text().replace("parstock_ready == 0", "parstock_ready == 2")
    (tmp_path / "parstock.yaml").write_text(rules)
    case = re.sub(r"rule_files: .*", "rule_files: [parstock.yaml]", CASES[0].read_text())
    (tmp_path / "case.test.yaml").write_text(case)
    assert promtool("test", "rules", tmp_path / "case.test.yaml").returncode != 0


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r["alert"])
def test_an_alert_says_what_to_do(rule):
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook"}
    page = ROOT / "docs/runbooks" / notes["runbook"]
    assert page.exists(), page
    assert "## Mitigation" in page.read_text()
    if notes["runbook"].startswith("metrics-"):
        assert rule["alert"] in page.read_text(), f"{page} does not name {rule['alert']}"
    assert unknown_in(rule["expr"], METRICS) == set()


def test_every_page_of_an_alert_is_one_that_an_alert_names():
    pages = {p.name for p in (ROOT / "docs/runbooks").glob("metrics-*.md")}
    assert pages <= {r["annotations"]["runbook"] for r in RULES}


def test_the_chart_hands_the_rules_on():
    values = case_values(CHART / "ci/full.yaml")
    changed = merged(values, metrics={"prometheusRule": {"disabled": ["ParstockAlertsLate"]}})
    (rule,) = [m.body for m in render(changed) if m.kind == "PrometheusRule"]
    given = {r["alert"]: r for g in rule["spec"]["groups"] for r in g["rules"]}
    assert set(given) == {r["alert"] for r in RULES} - {"ParstockAlertsLate"}
    for name, one in given.items():
        (plain,) = [r for r in RULES if r["alert"] == name]
        assert one["expr"] == plain["expr"]
        assert one["labels"] == {**plain["labels"], "team": "stock"}
        assert one["annotations"]["runbook_url"] == f"https://docs.example/runbooks/{plain['annotations']['runbook']}"
        assert one["annotations"]["summary"] == plain["annotations"]["summary"]


# ---- dashboards


def panels(board: dict) -> list[dict]:
    return [p for p in board["panels"] if p["type"] != "row"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
def test_every_panel_shows_what_the_code_has(path):
    board = json.loads(path.read_text())
    for panel in panels(board):
        for target in panel["targets"]:
            assert unknown_in(target["expr"], METRICS) == set(), panel["title"]
            assert re.search(r"parstock_", target["expr"]), panel["title"]
    for variable in board["templating"]["list"]:
        query = variable["query"]["query"] if isinstance(variable["query"], dict) else variable["query"]
        assert unknown_in(query, METRICS) == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
def test_every_expression_is_promql(path, tmp_path):
    board = json.loads(path.read_text())
    expressions = [t["expr"].replace("$shop", ".*") for p in panels(board) for t in p["targets"]]
    rules = [{"record": f"a:b{n}", "expr": e} for n, e in enumerate(expressions)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "a", "rules": rules}]}))
    answer = promtool("check", "rules", tmp_path / "rules.yaml")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
def test_a_dashboard_fits_and_its_source_is_a_variable(path):
    board = json.loads(path.read_text())
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    for panel in panels(board):
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_a_wrong_name_is_seen():
    assert unknown_in("rate(parstock_apply_lag_records[5m]) + parstock_aply_lag", METRICS) == {"parstock_aply_lag"}
    assert unknown_in("parstock_apply_commit_seconds_bucket", METRICS) == set()
    assert unknown_in("parstock_apply_commit_seconds", METRICS) == {"parstock_apply_commit_seconds"}
    assert unknown_in("parstock_batches_total_bucket", METRICS) == {"parstock_batches_total_bucket"}


def test_each_dashboard_is_found_by_its_label():
    maps = [m.body for m in render(case_values(CHART / "ci/full.yaml")) if "dashboard" in m.name]
    assert len(maps) == len(DASHBOARDS)
    for body in maps:
        assert body["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert body["metadata"]["namespace"] == "monitoring"
        (text,) = body["data"].values()
        assert json.loads(text)["uid"].startswith("parstock-")
