"""The same cases by helm programs of this machine, where there are any: Helm 3 and 4 must agree with the engine."""

import os
import shutil
import subprocess

import pytest
import yaml

from tests.chart.helm import CASES, CHART, StrictLoader, case_values, render

PROGRAMS = [p for p in os.environ.get("PARSTOCK_HELM", shutil.which("helm") or "").split(":") if p]


def run(program, *arguments) -> str:
    answer = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.skipif(not PROGRAMS, reason="no helm program on this machine; Helm's engine is tested all the same")
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_helm_programs_agree(case):
    expected = sorted(str(m.body) for m in render(case_values(case)))
    for program in PROGRAMS:
        assert "0 chart(s) failed" in run(program, "lint", "--strict", CHART, "-f", case)
        text = run(
            program, "template", "shop", CHART, "-n", "stock", "-f", case, "--kube-version", "1.35.0"
        )
        found = sorted(str(b) for b in yaml.load_all(text, StrictLoader) if b)
        assert found == expected, program
