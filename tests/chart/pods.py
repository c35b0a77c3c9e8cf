"""Pods in a rendered chart, and what is wrong with them by the Restricted pod security standard and by our own rules."""

from typing import Iterator

from tests.chart.helm import Manifest

WORKERS = ("gateway", "apply", "push", "drift", "resolve", "notify")


def pod_spec(body: dict) -> dict | None:
    spec = body.get("spec", {})
    kind = body["kind"]
    if kind == "Pod":
        return spec
    if kind in ("Deployment", "Job"):
        return spec["template"]["spec"]
    if kind == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]["spec"]
    return None


def pods(manifests: list[Manifest]) -> Iterator[tuple[Manifest, dict, dict]]:
    """Each manifest with pods, the pod's spec, its one container."""
    for manifest in manifests:
        spec = pod_spec(manifest.body)
        if spec is not None:
            (container,) = spec["containers"]
            yield manifest, spec, container


def command_of(container: dict) -> str:
    return container["args"][0]


def environment(container: dict) -> dict[str, str]:
    return {e["name"]: e.get("value", "") for e in container["env"]}


def restricted_faults(spec: dict) -> list[str]:
    """Against https://kubernetes.io/docs/concepts/security/pod-security-standards/, and a read-only root besides."""
    faults = []
    pod = spec.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            faults.append(field)
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= {"configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim"}:
            faults.append(f"volume {volume['name']}: {kinds}")
    for container in spec["containers"]:
        own = container.get("securityContext", {})
        both = {**pod, **own}
        if not both.get("runAsNonRoot") or both.get("runAsUser", 1) == 0:
            faults.append("may run as root")
        if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            faults.append("no seccomp profile")
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            faults.append("privileges may rise")
        if own.get("capabilities", {}) != {"drop": ["ALL"]}:
            faults.append("capabilities")
        if not own.get("readOnlyRootFilesystem"):
            faults.append("root can be written")
        if any("hostPort" in port for port in container.get("ports", [])):
            faults.append("host port")
    return faults


def own_faults(spec: dict) -> list[str]:
    """What a pod of ours must be beside that."""
    faults = []
    (container,) = spec["containers"]
    names = [e["name"] for e in container["env"]]
    faults += [f"variable twice: {n}" for n in sorted(set(names)) if names.count(n) > 1]
    if spec.get("automountServiceAccountToken") is not False:
        faults.append("a token of the Kubernetes API is mounted")
    if "limits" not in container["resources"] or "requests" not in container["resources"]:
        faults.append("no resources")
    mounts = {m["name"]: m["mountPath"] for m in container.get("volumeMounts", [])}
    if set(mounts) != {v["name"] for v in spec.get("volumes", [])}:
        faults.append("volumes and mounts differ")
    for name, value in environment(container).items():
        if name.endswith("_FILE") or name == "PARSTOCK_CONTRACT":
            if not any(value.startswith(f"{path}/") for path in mounts.values()):
                faults.append(f"{name} names a file that nothing mounts")
        elif any(word in name for word in ("TOKEN", "SECRET", "PASSWORD")):
            faults.append(f"{name}: a secret as a value")
    return faults


def probe_faults(container: dict) -> list[str]:
    """Only /livez may restart a pod: it tells of the worker's own loop, and of no dependency."""
    faults = []
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        get = container.get(probe, {}).get("httpGet", {})
        if get != {"path": path, "port": "metrics"}:
            faults.append(f"{probe}: {get}")
    return faults
