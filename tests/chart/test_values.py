"""values.yaml, its schema and the README: one says what the others say."""

import json
import subprocess
import sys

import yaml

from tests.chart.helm import CHART
from tests.harness.paths import ROOT

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
NOT_DEFAULTED = {"global"}  # Helm's own, and subcharts'


def differences(values: dict, schema: dict, path: str = "") -> list[str]:
    """Keys that the schema closes but values.yaml lacks, or the other way round."""
    if schema.get("additionalProperties") is not False:
        return []
    keys = set(schema["properties"]) - NOT_DEFAULTED
    found = [f"{path}/{key}" for key in keys ^ set(values)]
    for key in keys & set(values):
        if isinstance(values[key], dict):
            found += differences(values[key], schema["properties"][key], f"{path}/{key}")
    return found


def test_schema_and_values_have_the_same_keys():
    assert differences(VALUES, SCHEMA) == []


def test_a_difference_is_seen():
    assert differences({**VALUES, "aply": {}}, SCHEMA) == ["/aply"]
    less = {**VALUES, "kafka": {k: v for k, v in VALUES["kafka"].items() if k != "brokers"}}
    assert differences(less, SCHEMA) == ["/kafka/brokers"]


def test_workers_take_the_same_keys():
    common = set(VALUES["notify"])
    for worker in ("gateway", "apply", "push", "drift", "resolve"):
        assert common <= set(VALUES[worker]), worker


def test_the_readme_is_as_new_as_the_values(tmp_path):
    script = ROOT / "helm/readme.py"
    assert subprocess.run([sys.executable, script, "--check"]).returncode == 0
    copy = tmp_path / "helm"
    (copy / "parstock").mkdir(parents=True)
    (copy / "readme.py").write_text(script.read_text())
    (copy / "parstock/README.md").write_text((CHART / "README.md").read_text())
    changed = (CHART / "values.yaml").read_text().replace("replicas: 2", "replicas: 3", 1)
    (copy / "parstock/values.yaml").write_text(changed)
    answer = subprocess.run([sys.executable, copy / "readme.py", "--check"], capture_output=True)
    assert (answer.returncode, b"older than values.yaml" in answer.stderr) == (1, True)
    assert subprocess.run([sys.executable, copy / "readme.py"]).returncode == 0
    assert "`gateway.replicas` | `3`" in (copy / "parstock/README.md").read_text()


def test_the_chart_has_the_programs_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    makefile = (ROOT / "Makefile").read_text()
    assert f"VERSION  := {chart['appVersion']}\n" in makefile
