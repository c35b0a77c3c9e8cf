"""python -m tests.chart.gates: what Helm 3 and 4, kubeconform and kube-score say of every case of the chart.

`make chart-gates`; the programs come from tests/setup/chart_tools.sh. Each must also refuse a fault that is put before it.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chart.helm import CASES, CHART
from tests.harness.paths import BUILD

TOOLS = BUILD / "deps/chart_tools"
KUBERNETES = "1.35.4"
HELMS = {"helm 3": TOOLS / "helm3/helm", "helm 4": TOOLS / "helm4/helm"}
# Strimzi publishes its kinds in no Go module; test_render.py holds them against a slice of its own.
CONFORM = [
    TOOLS / "kubeconform/kubeconform", "-strict", "-summary", "-skip", "KafkaTopic",
    "-schema-location", f"{TOOLS}/schemas/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
]  # fmt: skip
# What is not so on purpose, and why.
IGNORED = {
    "container-image-pull-policy": "IfNotPresent is right for images that are pinned by tag or digest",
    "pod-networkpolicy": "networkPolicy.enabled; egress cannot be guessed",
    "container-ephemeral-storage-request-and-limit": "pods write nothing, their root is read-only",
    "deployment-has-host-podantiaffinity": "topology spread over zones and nodes does it",
    "deployment-replicas": "of drift, resolve and notify one works; a second one would stand by",
}
IGNORED_IN = {"external": ["deployment-has-poddisruptionbudget"]}  # its values switch the budgets off
SCORE = [
    TOOLS / "kube-score/kube-score", "score", "--kubernetes-version", "v1.35", "--output-format", "ci",
    "--ignore-container-cpu-limit", *(word for name in IGNORED for word in ("--ignore-test", name)), "-",
]  # fmt: skip


def run(command: list, text: str | None = None) -> tuple[int, str]:
    done = subprocess.run([str(c) for c in command], input=text, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def template(helm: Path, case: Path, chart: Path = CHART) -> tuple[int, str]:
    return run([helm, "template", "shop", chart, "-n", "stock", "-f", case, "--kube-version", KUBERNETES])


def scored(text: str, *ignored: str) -> tuple[int, int, str]:
    """Checks that hold, findings, and the findings. A pod of `helm test` runs to its end: no probe fits it."""
    pods = [part for part in text.split("\n---\n") if "helm.sh/hook: test" not in part]
    more = [word for name in ignored for word in ("--ignore-test", name)]
    _, told = run([*SCORE[:-1], *more, "-"], "\n---\n".join(pods))
    found = [line for line in told.splitlines() if line.startswith(("[CRITICAL]", "[WARNING]"))]
    good = sum(line.startswith("[OK]") for line in told.splitlines())
    return good, len(found), "\n".join(found)


class Gates:
    def __init__(self):
        self.failed = 0

    def say(self, what: str, good: bool, told: str, line: str = "") -> None:
        """The gate's closing line; everything that it told where it fails."""
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'}  {what}: {line}", flush=True)
        if not good:
            print(told)

    def case(self, case: Path) -> None:
        texts = {}
        for name, helm in HELMS.items():
            code, told = run([helm, "lint", "--strict", CHART, "-f", case])
            self.say(f"{name} lint --strict, {case.name}", code == 0, told, told.strip().splitlines()[-1])
            code, texts[name] = template(helm, case)
            self.say(f"{name} template, {case.name}", code == 0, texts[name], f"{texts[name].count(chr(10) + 'kind: ')} manifests")
        three, four = texts.values()
        self.say(f"helm 3 and 4 agree, {case.name}", three.split() == four.split(), "their texts differ", "the same text")
        code, told = run(CONFORM, four)
        self.say(f"kubeconform -strict, {case.name}", code == 0, told, told.strip().splitlines()[-1])
        good, bad, told = scored(four, *IGNORED_IN.get(case.stem, []))
        self.say(f"kube-score, {case.name}", bad == 0 and good > 0, told, f"{good} checks ok, {bad} findings")

    def seeded(self) -> None:
        """A gate that lets a fault pass is none."""
        case = CASES[0]
        with tempfile.TemporaryDirectory() as directory:
            broken = Path(directory) / "parstock"
            shutil.copytree(CHART, broken)
            (broken / "templates/extra.yaml").write_text("a: {{ .Values.nothing.here }}\n")
            for name, helm in HELMS.items():
                code, told = run([helm, "lint", "--strict", broken, "-f", case])
                self.say(f"{name} lint sees a fault", code != 0, told, "refused")
        _, text = template(HELMS["helm 4"], case)
        code, told = run(CONFORM, re.sub(r"\brevisionHistoryLimit:", "revisionHistoryLimits:", text, count=1))
        self.say("kubeconform sees a misspelt field", code != 0 and "revisionHistoryLimits" in told, told, "refused")
        _, bad, told = scored(text.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", 1))
        self.say("kube-score sees a root that can be written", bad > 0, told, "refused")


def main() -> int:
    gates = Gates()
    for case in CASES:
        gates.case(case)
    gates.seeded()
    print("not asked of kube-score: " + "; ".join(f"{name} ({why})" for name, why in IGNORED.items()) + "; CPU limits (they throttle)")
    print("all gates passed" if not gates.failed else f"{gates.failed} gates failed")
    return 1 if gates.failed else 0


if __name__ == "__main__":
    sys.exit(main())
