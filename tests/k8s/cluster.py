"""The cluster under test: brought up by the tools that are named, spoken to by kubectl and helm."""

import json
import os
import subprocess
import time
from pathlib import Path

NAMESPACE = "stock"
RELEASE = "stock"


class Failed(Exception):
    pass


class Cluster:
    def __init__(self, tools: Path, directory: Path, scaler: str):
        self._tools, self._dir, self._scaler = tools, directory, scaler
        self._env = {
            **os.environ, "KUBECONFIG": str(directory / "etc/admin.conf"),
            "PATH": f"{directory / 'bin'}:{os.environ['PATH']}",
        }  # fmt: skip

    # ---- up and down

    def up(self) -> None:
        extra = {"NODES": "2", **({"KEDA": "1"} if self._scaler == "keda" else {})}
        subprocess.run([self._tools / "k8s-up.sh", self._dir], env={**os.environ, **extra}, check=True)

    def down(self) -> None:
        subprocess.run([self._tools / "k8s-down.sh", self._dir, "--wipe"], check=False)

    @property
    def node_ip(self) -> str:
        node = self.get("nodes")[0]
        return next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")

    def load_image(self, archive: Path, name: str, *others: str) -> None:
        """Into every node, under further names too."""
        for socket in sorted(Path("/run/k8s-lab").glob("containerd-*.sock")):
            ctr = ["ctr", "-a", str(socket), "-n", "k8s.io", "images"]
            subprocess.run([*ctr, "import", str(archive)], check=True, stdout=subprocess.DEVNULL)
            for other in others:
                subprocess.run([*ctr, "tag", "--force", name, other], check=True, stdout=subprocess.DEVNULL)

    def metrics_api(self, values: Path) -> subprocess.Popen:
        """The external metrics API that answers with what the file says."""
        program, etc = self._tools / "k8s-extmetrics.py", self._dir / "etc"
        child = subprocess.Popen(["python3", program, values, etc / "aggregated.crt", etc / "aggregated.key"])
        manifest = (self._tools / "k8s-extmetrics.yaml").read_text().replace("NODE_IP", self.node_ip)
        self.apply(manifest)
        return child

    def no_metrics_api(self) -> None:
        """An API that is registered and does not answer keeps every namespace from being deleted."""
        self.run("kubectl", "delete", "apiservice", "v1beta1.external.metrics.k8s.io", may_fail=True)

    # ---- kubectl and helm

    def run(self, *command: str | Path, stdin: str | None = None, may_fail: bool = False) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [str(c) for c in command], env=self._env, input=stdin, capture_output=True, text=True
        )
        if done.returncode != 0 and not may_fail:
            raise Failed(f"$ {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        return done

    def kubectl(self, *arguments: str, **options) -> str:
        return self.run("kubectl", "-n", NAMESPACE, *arguments, **options).stdout

    def helm(self, *arguments: str | Path, **options) -> subprocess.CompletedProcess:
        return self.run("helm", "-n", NAMESPACE, *arguments, **options)

    def apply(self, manifest: str) -> None:
        self.run("kubectl", "apply", "-f", "-", stdin=manifest)

    def get(self, kind: str, *arguments: str) -> list[dict]:
        return json.loads(self.kubectl("get", kind, "-o", "json", *arguments))["items"]

    def pods(self, component: str) -> dict[str, dict]:
        """By name; those that are going are none."""
        found = self.get("pods", "-l", f"app.kubernetes.io/component={component}")
        return {p["metadata"]["name"]: p for p in found if "deletionTimestamp" not in p["metadata"]}

    def ready(self, component: str) -> int:
        def is_ready(pod: dict) -> bool:
            conditions = pod["status"].get("conditions", [])
            return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

        return sum(is_ready(p) for p in self.pods(component).values())

    def wanted(self, component: str) -> int:
        return sum(d["spec"]["replicas"] for d in self.get("deployments", "-l", f"app.kubernetes.io/component={component}"))

    def wait(self, condition, what: str, limit_s: float = 180):
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(1)
        raise Failed(f"waited {limit_s:g} s in vain for: {what}\n{self.kubectl('get', 'pods', '-o', 'wide')}")
