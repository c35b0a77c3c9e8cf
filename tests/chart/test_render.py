"""Every case of helm/parstock/ci: lint, render, and hold each manifest against what Kubernetes takes."""

import copy

import helm_python
import pytest

from tests.chart.helm import CASES, CHART, case_values, merged, refused, render
from tests.chart.pods import (
    WORKERS, own_faults, pod_spec, pods, probe_faults, restricted_faults,
)  # fmt: skip
from tests.chart.schemas import SLICES, fault_of

CASE_NAMES = [c.stem for c in CASES]


@pytest.fixture(scope="module")
def cases() -> dict:
    return {c.stem: render(case_values(c)) for c in CASES}


def named(manifests, kind, part=""):
    (found,) = [m for m in manifests if m.kind == kind and m.name.endswith(part)]
    return found.body


@pytest.mark.parametrize("case", CASES, ids=CASE_NAMES)
def test_lint_strict(case):
    report = helm_python.lint(CHART, case_values(case), strict=True)
    told = [m for m in report["messages"] if m["error"] != "icon is recommended"]
    assert (report["errors"], told) == ([], [])


def test_lint_sees_a_fault(tmp_path):
    chart = tmp_path / "parstock"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: parstock\nversion: 1.0.0\n")
    (chart / "templates/a.yaml").write_text("a: {{ .Values.nothing.here }}\n")
    assert helm_python.lint(chart, {}, strict=True)["errors"]


@pytest.mark.parametrize("case", CASE_NAMES)
def test_every_manifest_is_valid(cases, case):
    assert {str(m): fault for m in cases[case] if (fault := fault_of(m.body))} == {}


def test_every_kind_is_rendered_by_some_case(cases):
    kinds = {m.kind for manifests in cases.values() for m in manifests}
    assert {kind for _, kind in SLICES} <= kinds
    assert {"Deployment", "PodDisruptionBudget", "CronJob", "NetworkPolicy", "Ingress"} <= kinds


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "PodMonitor", "Service"])
def test_a_misspelt_field_is_seen(cases, kind):
    body = copy.deepcopy(next(m.body for m in cases["full"] if m.kind == kind))
    body["spec"]["selektor"] = {}
    assert "selektor" in fault_of(body)


@pytest.mark.parametrize("case", CASE_NAMES)
def test_names_are_unique_and_short(cases, case):
    names = [(m.kind, m.name) for m in cases[case]]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 for _, name in names)
    long_name = render(case_values(CHART / "ci/minimal.yaml"), name="a" * 53)
    assert max(len(m.name) for m in long_name) <= 63


@pytest.mark.parametrize("case", CASE_NAMES)
def test_pods(cases, case):
    seen = 0
    for manifest, spec, container in pods(cases[case]):
        faults = restricted_faults(spec) + own_faults(spec)
        if manifest.kind == "Deployment":
            faults += probe_faults(container)
        assert faults == [], str(manifest)
        seen += 1
    assert seen >= 3


@pytest.mark.parametrize(
    "place, change, word",
    [
        ("pod", {"hostNetwork": True}, "hostNetwork"),
        ("pod", {"automountServiceAccountToken": True}, "token"),
        ("container", {"securityContext": {}}, "privileges"),
        ("container", {"livenessProbe": {"httpGet": {"path": "/readyz", "port": "metrics"}}}, "livenessProbe"),
        ("container", {"resources": {}}, "resources"),
        ("container", {"env": [{"name": "A"}, {"name": "A"}]}, "twice"),
        ("container", {"env": [{"name": "PARSTOCK_SHOP_A_TOKEN", "value": "x"}]}, "secret"),
        ("container", {"env": [{"name": "PARSTOCK_POSTGRES_FILE", "value": "/tmp/a"}]}, "mounts"),
    ],
)  # fmt: skip
def test_a_bad_pod_is_seen(cases, place, change, word):
    spec = copy.deepcopy(pod_spec(named(cases["full"], "Deployment", "-apply")))
    (spec if place == "pod" else spec["containers"][0]).update(change)
    faults = restricted_faults(spec) + own_faults(spec) + probe_faults(spec["containers"][0])
    assert any(word in fault for fault in faults), faults


def test_an_autoscaler_owns_the_number_of_pods(cases):
    for case, manifests in cases.items():
        scaled = {
            m.body["spec"]["scaleTargetRef"]["name"]
            for m in manifests
            if m.kind in ("ScaledObject", "HorizontalPodAutoscaler")
        }
        for manifest in manifests:
            if manifest.kind == "Deployment":
                assert ("replicas" in manifest.body["spec"]) == (manifest.name not in scaled), case
    assert "replicas" in named(cases["minimal"], "Deployment", "-apply")["spec"]


def test_a_budget_for_each_worker_of_two_or_more(cases):
    for manifests in cases.values():
        budgets = {m.name: m.body["spec"]["selector"] for m in manifests if m.kind == "PodDisruptionBudget"}
        deployments = {m.name: m.body["spec"] for m in manifests if m.kind == "Deployment"}
        assert set(budgets) <= set(deployments)
        for name, selector in budgets.items():
            assert selector == deployments[name]["selector"]
    minimal = {m.name for m in cases["minimal"] if m.kind == "PodDisruptionBudget"}
    assert minimal == {"shop-parstock-gateway", "shop-parstock-apply", "shop-parstock-push"}


def test_selectors_keep_workers_apart(cases):
    seen = []
    for manifest in cases["full"]:
        if manifest.kind == "Deployment":
            labels = manifest.body["spec"]["selector"]["matchLabels"]
            assert labels.items() <= manifest.body["spec"]["template"]["metadata"]["labels"].items()
            seen.append(tuple(sorted(labels.items())))
    assert len(seen) == len(set(seen)) == len(WORKERS) + 1  # push stands twice, a shop each


def test_the_lag_scaler_reads_what_apply_reads(cases):
    trigger = named(cases["full"], "ScaledObject")["spec"]["triggers"][0]["metadata"]
    assert trigger["topic"] == "inventory.stock-changes"
    assert trigger["consumerGroup"] == "parstock-apply"
    assert trigger["lagThreshold"] == "60000"
    assert trigger["allowIdleConsumers"] == "false"
    assert trigger["excludePersistentLag"] == "false"  # with it a cluster under load never scaled
    assert (trigger["sasl"], trigger["tls"]) == ("scram_sha512", "enable")


def hooks(manifests) -> list[tuple[int, str, str]]:
    found = []
    for m in manifests:
        notes = m.body["metadata"].get("annotations", {})
        if notes.get("helm.sh/hook") == "pre-install,pre-upgrade":
            found.append((int(notes["helm.sh/hook-weight"]), m.kind, m.name.removeprefix("shop-parstock-")))
    return sorted(found)


def test_the_contract_is_checked_before_anything_changes(cases):
    assert hooks(cases["minimal"]) == [
        (-30, "ConfigMap", "contract-check"),
        (-20, "Job", "contract-check"),
        (-10, "Job", "migrate"),
        (-5, "Job", "topics"),
    ]
    for manifest, spec, container in pods(cases["minimal"]):
        if manifest.body["metadata"].get("annotations", {}).get("helm.sh/hook", "").startswith("pre-"):
            assert spec["serviceAccountName"] == "default"  # the chart's own is not there yet
            maps = [v["configMap"]["name"] for v in spec.get("volumes", []) if "configMap" in v]
            assert maps in ([], ["shop-parstock-contract-check"])
    assert hooks(cases["gitops"]) == []


def test_a_new_contract_rolls_the_pods(cases):
    values = case_values(CHART / "ci/minimal.yaml")
    changed = merged(values, contract={"version": 2})
    before, after = (
        named(render(v), "Deployment", "-apply")["spec"]["template"] for v in (values, changed)
    )
    assert before != after
    again = named(render(values, revision=2), "Deployment", "-apply")["spec"]["template"]
    assert before == again


def test_drain_fits_into_the_grace_period(cases):
    for manifest, spec, container in pods(cases["full"]):
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert manifest.kind != "Deployment" or sleep + 30 < spec["terminationGracePeriodSeconds"]
        assert (sleep > 0) == (container["name"] == "gateway" and manifest.kind == "Deployment")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"aply": {}}, "'aply' not allowed"),
        ({"apply": {"replica": 3}}, "'replica' not allowed"),
        ({"kafka": {"broker": "a:1"}}, "'broker' not allowed"),
        ({"push": {"autoscaling": {"mode": "hpa"}}}, "'autoscaling' not allowed"),
        ({"migrations": {"mode": "hok"}}, "'hook', 'job', 'external'"),
        ({"apply": {"autoscaling": {"mode": "kedda"}}}, "'none', 'hpa', 'keda'"),
        ({"apply": {"autoscaling": {"mode": "keda", "minReplicas": 0}}}, "minimum"),
        ({"apply": {"autoscaling": {"mode": "keda", "maxReplicas": 13}}}, "topics.partitions 12"),
        ({"apply": {"replicas": 13}}, "topics.partitions 12"),
        ({"kafka": {"brokers": ""}}, "kafka.brokers is empty"),
        ({"postgres": {"existingSecret": ""}}, "postgres.existingSecret is empty"),
        ({"postgres": {"password": "x"}}, "'password' not allowed"),
        ({"contractFrom": {"configMap": "a"}}, "choose one"),
        ({"topics": {"mode": "strimzi"}}, "topics.strimzi.cluster"),
        ({"kafka": {"secretProperties": {"sasl.password": "p"}}}, "kafka.existingSecret"),
        ({"metrics": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}}, "twice"),
        ({"shops": [{"name": "a", "existingSecret": "s", "keys": {"tokn": "t"}}]}, "'tokn' not allowed"),
        ({"webhookAddress": "http://a.example"}, "webhookAddress"),
        ({"cronJobs": {"webhooks": {"enabled": True}}}, "webhookAddress"),
        ({"cronJobs": {"packet": {"enabled": True}}}, "existingClaim"),
        ({"apply": {"lanes": 17}}, "maximum"),
        ({"tracing": {"endpoint": "collector:4318"}}, "tracing"),
        ({"tracing": {"endpoint": "http://collector:4318", "existingSecret": "a"}}, "by https"),
        ({"tracing": {"existingSecret": "a"}}, "by https"),
        ({"push": {"perShop": True}}, "needs shops"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_in_clear_words(change, words):
    assert words in refused(merged(case_values(CHART / "ci/minimal.yaml"), **change))
