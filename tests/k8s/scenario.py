"""The steps, one after the other; each prints what it saw and fails by itself."""

import json
import random
import statistics
import threading
import time
from pathlib import Path

import yaml

from tests.harness.paths import ROOT
from tests.harness.worker import parstock_env, run_parstock

from .cluster import NAMESPACE, RELEASE, Cluster, Failed
from .outside import Outside, Watch

IMAGE = "lab.local/parstock"
CHART = ROOT / "helm/parstock"
IMAGE_VALUES = {"registry": "lab.local", "repository": "parstock", "tag": "1", "pullPolicy": "Never"}
APPLY = f"{RELEASE}-parstock-apply"
METRIC = "parstock_apply_lag_records"
SHARE = "30m"  # of a core, for a pod of which there shall be too few
RATE, LOAD_S = 18_000.0, 150
TROUBLE_RATE = 1000.0
TAKE_OVER = "--force-conflicts"  # Helm 4: the number of pods, whoever wrote it last
CONTRACT = {
    "version": 1,
    "sources": [{"name": "wms", "rank": 1, "state": "on_hand", "why": "It counts the shelves."}],
    "locations": [{"code": "BER"}],
    "shops": [],
}


def fixed(replicas: int, share: str | None = None) -> dict:
    """apply with so many pods, each limited to a share of a core."""
    limits = {"memory": "512Mi", **({"cpu": share} if share else {})}
    return {
        "replicas": replicas,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": limits},
        "autoscaling": {"mode": "none"},
    }


class Scenario:
    def __init__(self, cluster: Cluster, outside: Outside, run_dir: Path, scaler: str):
        self.cluster, self.outside, self._dir, self._scaler = cluster, outside, run_dir, scaler
        self._metric = run_dir / "metrics.json"
        self._show_lag(0)

    def _show_lag(self, lag: int) -> None:
        new = self._metric.with_suffix(".new")
        new.write_text(json.dumps({METRIC: lag}))
        new.rename(self._metric)

    @property
    def metric_file(self) -> Path:
        return self._metric

    def values(self, **changes) -> Path:
        body = {
            "image": IMAGE_VALUES,
            "kafka": {"brokers": self.outside.brokers},
            "postgres": {"existingSecret": "parstock-postgres", "schema": "stock"},
            "contract": CONTRACT,
            "topics": {"partitions": 12},
            "sources": [{"name": "wms", "existingSecret": "source-wms", "key": "token"}],
            "gateway": {"replicas": 1, "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
            "apply": {
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": SHARE, "memory": "512Mi"}},
                "autoscaling": {
                    "mode": self._scaler, "minReplicas": 1, "maxReplicas": 4, "lagThreshold": 50000, "scaleDownSeconds": 30,
                    "keda": {"pollingInterval": 5},
                },
            },
            "push": {"replicas": 1}, "drift": {"replicas": 1}, "resolve": {"replicas": 1}, "notify": {"replicas": 1},
            "cronJobs": {"catalog": {"enabled": False}},
        }  # fmt: skip
        for key, change in changes.items():
            body[key] = {**body.get(key, {}), **change} if isinstance(change, dict) else change
        path = self._dir / f"values-{time.monotonic_ns()}.yaml"
        path.write_text(yaml.safe_dump(body))
        return path

    def upgrade(self, values: Path, *more: str, **options):
        return self.cluster.helm(
            "upgrade", "--install", RELEASE, CHART, "-f", values, "--wait", "--timeout", "240s", *more, **options
        )

    # ---- steps

    def install(self) -> None:
        c = self.cluster
        c.apply(f"""apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Secret
metadata: {{name: parstock-postgres, namespace: {NAMESPACE}}}
stringData: {{dsn: "{self.outside.dsn}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: source-wms, namespace: {NAMESPACE}}}
stringData: {{token: lab}}
""")
        bad = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"bad"},"spec":{"containers":[{"name":"a","image":"lab.local/pause:1"}]}}'
        refused = c.run("kubectl", "-n", NAMESPACE, "apply", "-f", "-", stdin=bad, may_fail=True)
        if refused.returncode == 0 or "PodSecurity" not in refused.stderr:
            raise Failed(f"the namespace takes a pod that is not restricted: {refused.stderr}")
        began = time.monotonic()
        self.upgrade(self.values())
        print(f"  installed and ready in {time.monotonic() - began:.0f} s; pods: " + ", ".join(sorted(
            f"{p['metadata']['labels']['app.kubernetes.io/component']}" for p in c.get("pods"))))  # fmt: skip
        told = c.helm("test", RELEASE, "--logs").stdout
        if "Succeeded" not in told:
            raise Failed(told)
        print("  helm test: " + "; ".join(line.strip() for line in told.splitlines() if line.startswith(("ok", "warn", "fail")))[:600])

    def scale(self) -> None:
        """More is sent than one pod can take, then nothing; the autoscaler is left to find out."""
        c = self.cluster
        self.upgrade(self.values())
        c.wait(lambda: c.ready("apply") == c.wanted("apply") == 1, "one pod before the load")
        stop = threading.Event()
        loader = threading.Thread(target=self.outside.send, args=(1_000_000_000, RATE, stop))
        loader.start()
        began, rows = time.monotonic(), []
        print("      s  sent        pods wanted  ready  records behind", flush=True)
        while time.monotonic() - began < 900:
            lag, ready, wanted = self.outside.lag(), c.ready("apply"), c.wanted("apply")
            self._show_lag(lag)
            rows.append((ready, lag))
            second = time.monotonic() - began
            print(f"  {second:5.0f}  {self.outside.taken:10,d}  {wanted:11d}  {ready:5d}  {lag:14,d}", flush=True)
            if ready >= 4 and second > LOAD_S:
                stop.set()
            if stop.is_set() and lag == 0 and wanted == ready == 1:
                break
            time.sleep(5)
        stop.set()
        loader.join()
        most, (ready, lag) = max(r for r, _ in rows), rows[-1]
        print(f"  most behind {max(lag for _, lag in rows):,}")
        if most < 4 or ready != 1 or lag != 0:
            raise Failed(f"at most {most} pods, {ready} at the end, {lag} records behind")

    def throughput(self) -> None:
        """A backlog that appears in one moment before pods that wait for it, so that no start is measured."""
        print("  pods  each given   records/s  cores used: pods  database  broker  all else")
        for share, count in ((SHARE, 100_000), (None, 400_000)):
            self.upgrade(self.values(apply=fixed(1, share)), TAKE_OVER)
            for pods in (1, 2, 4):
                self.cluster.kubectl("scale", f"deployment/{APPLY}", f"--replicas={pods}")
                self.cluster.wait(lambda: self.cluster.wanted("apply") == self.cluster.ready("apply") == pods, f"{pods} pods")
                time.sleep(5)
                self._measure(pods, share, count)
            self.cluster.kubectl("scale", f"deployment/{APPLY}", "--replicas=1")  # as the release says

    def _measure(self, pods: int, share: str | None, count: int) -> None:
        self.outside.send_at_once(count)
        began, before = time.monotonic(), self.outside.cpu()
        while self.outside.lag() > 0:
            if time.monotonic() - began > 300:
                raise Failed(f"{self.outside.lag():,} records of {count:,} left after 300 s")
            time.sleep(0.05)
        seconds, after = time.monotonic() - began, self.outside.cpu()
        used = {k: (after[k] - before[k]) / seconds for k in after}
        rest = used["machine"] - used["pods"] - used["database"] - used["broker"]
        print(f"  {pods:4d}  {share or 'no limit':>10}  {count / seconds:10,.0f}  {used['pods']:16.2f}  {used['database']:8.2f}  "
              f"{used['broker']:6.2f}  {rest:8.2f}", flush=True)  # fmt: skip

    def trouble(self) -> None:
        c, stop, apply = self.cluster, threading.Event(), fixed(3)
        second = {"image": {**IMAGE_VALUES, "tag": "2"}, "apply": apply}
        self.upgrade(self.values(apply=apply), TAKE_OVER)
        c.wait(lambda: c.ready("apply") == 3, "three pods")
        loader = threading.Thread(target=self.outside.send, args=(1_000_000_000, TROUBLE_RATE, stop))
        loader.start()
        acts = (
            ("nothing, for comparison", lambda: time.sleep(20)),
            ("a pod deleted, three times", self._delete_pods),
            ("a pod killed, three times", self._kill_pods),
            ("a node drained", self._drain),
            ("a new image", lambda: self.upgrade(self.values(**second))),
            ("a new contract file", lambda: self.upgrade(self.values(contract={"version": 2}, **second))),
        )
        try:
            print("  under load of %d records/s         s  new pods  longest stand-still of a partition: worst  median" % TROUBLE_RATE)
            for name, act in acts:
                self._act(name, act)
        finally:
            stop.set()
            loader.join()
        c.wait(lambda: self.outside.lag() == 0, "no record to be left", 240)

    def _act(self, name: str, act) -> None:
        c, watch = self.cluster, Watch(self.outside)
        before = set(c.pods("apply"))
        watch.start()
        began = time.monotonic()
        try:
            act()
            c.wait(lambda: c.ready("apply") == 3, "three pods again")
            time.sleep(3)
        finally:
            longest = sorted(watch.end().values())
        new = len(set(c.pods("apply")) - before)
        print(f"  {name:28s}  {time.monotonic() - began:8.0f}  {new:8d}  {longest[-1]:41.1f} s  {statistics.median(longest):4.1f} s", flush=True)

    def _delete_pods(self) -> None:
        self._lose_pods()

    def _kill_pods(self) -> None:
        self._lose_pods("--force", "--grace-period=0")

    def _lose_pods(self, *how: str) -> None:
        for _ in range(3):
            self.cluster.kubectl("delete", "pod", random.choice(sorted(self.cluster.pods("apply"))), "--wait=false", *how)
            time.sleep(8)

    def _drain(self) -> None:
        c = self.cluster
        c.run("kubectl", "drain", "node-2", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
        c.run("kubectl", "uncordon", "node-2")

    def bad_contract(self) -> None:
        c = self.cluster
        before = {n: p["metadata"]["uid"] for n, p in c.pods("apply").items()}
        contract = {"version": 3, "policy": {"rules": [{"id": n, "when": {}, "do": "observe", "why": "x"} for n in "ab"]}}
        answer = self.upgrade(self.values(contract=contract, apply=fixed(3)), may_fail=True)
        after = {n: p["metadata"]["uid"] for n, p in c.pods("apply").items()}
        if answer.returncode == 0 or before != after:
            raise Failed(f"the upgrade ended with {answer.returncode}; pods before {before}, after {after}")
        said = c.kubectl("logs", f"job/{RELEASE}-parstock-contract-check", may_fail=True)
        print("  refused before any pod changed; the hook says: " + " | ".join(said.strip().splitlines()[:4])[:400])

    def account(self) -> None:
        found = self.outside.account()
        print("  " + ", ".join(f"{k} {v:,}" for k, v in found.items()))
        if len(set(found.values())) != 1:
            raise Failed(f"lost or doubled: {found}")
        env = parstock_env(postgres=self.outside.postgres.dsn, schema="stock")
        audit = run_parstock("audit", "-o", "json", env=env, limit_s=600)
        if audit.returncode != 0:
            raise Failed(audit.stdout.decode() + audit.stderr.decode())
        body = json.loads(audit.stdout)
        print(f"  audit: ok {body['ok']}, read {body['read']:,}, levels {body['levels']:,}, violations {len(body['violations'])}")

    def uninstall(self) -> None:
        c = self.cluster
        c.helm("uninstall", RELEASE, "--wait")
        c.wait(lambda: not c.get("pods", "-l", "app.kubernetes.io/component=apply"), "the pods to go")
        left = [f"{i['kind']}/{i['metadata']['name']}" for kind in ("deployments", "services", "configmaps", "cronjobs", "poddisruptionbudgets", "horizontalpodautoscalers")
                for i in c.get(kind, "-l", f"app.kubernetes.io/instance={RELEASE}")]  # fmt: skip
        left = [x for x in left if "contract-check" not in x]  # a hook that failed stays, to be read
        if left:
            raise Failed(f"left behind: {left}")

    STEPS = ("install", "trouble", "bad_contract", "throughput", "scale", "account", "uninstall")

    def run(self, chosen: list[str]) -> tuple[int, int]:
        passed = failed = 0
        for step in (getattr(self, name) for name in chosen):
            print(f"{step.__name__.replace('_', ' ')}:", flush=True)
            try:
                step()
                passed += 1
            except Exception as error:
                failed += 1
                print(f"  FAILED: {error}", flush=True)
                if step.__name__ == "install":
                    break
        return passed, failed
