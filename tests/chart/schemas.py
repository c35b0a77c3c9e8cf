"""Is a manifest what Kubernetes and the operators' kinds take? Offline: no cluster is asked.

Kubernetes' own kinds are held against its OpenAPI schemas, strictly (a field that does not exist is refused). The kinds of
operators are held against slices written here: the fields that the chart uses, and no other.
"""

from functools import lru_cache

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils

# It reads a megabyte of definitions for every manifest: once is enough.
utils.schema_contents = lru_cache(maxsize=None)(utils.schema_contents)

OLDEST, NEWEST = "1.29", "1.37"  # Chart.yaml's kubeVersion; what the package's release knows

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
NUMBER = {"type": "integer", "minimum": 0}
DURATION = {"type": "string", "pattern": r"^([0-9]+(ms|[smhdwy]))+$"}


def _object(required: dict, **optional) -> dict:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**required, **optional},
        "required": list(required),
    }


def _list(items: dict) -> dict:
    return {"type": "array", "minItems": 1, "items": items}


_POLICY = _object({"type": {"enum": ["Pods", "Percent"]}, "value": NUMBER, "periodSeconds": NUMBER})
_SCALING = _object(
    {"policies": _list(_POLICY), "stabilizationWindowSeconds": {**NUMBER, "maximum": 3600}}
)
_TRIGGER = _object({"type": {"const": "kafka"}, "metadata": TEXTS}, authenticationRef=_object({"name": TEXT}))
_ENDPOINT = _object({"port": TEXT, "path": TEXT, "interval": DURATION})
_RULE = _object(
    {"alert": TEXT, "expr": TEXT, "labels": TEXTS, "annotations": TEXTS}, **{"for": DURATION}
)

SLICES = {
    ("keda.sh/v1alpha1", "ScaledObject"): _object(
        {
            "scaleTargetRef": _object({"name": TEXT}),
            "minReplicaCount": {**NUMBER, "minimum": 1},
            "maxReplicaCount": {**NUMBER, "minimum": 1},
            "triggers": _list(_TRIGGER),
        },
        pollingInterval=NUMBER,
        fallback=_object(
            {"failureThreshold": NUMBER, "replicas": NUMBER},
            behavior={"enum": ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]},
        ),
        advanced=_object(
            {"horizontalPodAutoscalerConfig": _object(
                {"behavior": _object({"scaleUp": _SCALING, "scaleDown": _SCALING})}
            )}
        ),
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _object(
        {"secretTargetRef": _list(_object({"parameter": TEXT, "name": TEXT, "key": TEXT}))}
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): _object(
        {"selector": _object({"matchLabels": TEXTS}), "podMetricsEndpoints": _list(_ENDPOINT)},
        podTargetLabels=_list(TEXT),
    ),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _object(
        {"selector": _object({"matchLabels": TEXTS}), "endpoints": _list(_ENDPOINT)},
        podTargetLabels=_list(TEXT),
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _object(
        {"groups": _list(_object({"name": TEXT, "rules": _list(_RULE)}))}
    ),
    ("kafka.strimzi.io/v1", "KafkaTopic"): _object(
        {"topicName": TEXT, "partitions": {**NUMBER, "minimum": 1}, "config": TEXTS},
        replicas={**NUMBER, "minimum": 1},
    ),
}


def _operators(body: dict) -> str | None:
    schema = _object(
        {"apiVersion": TEXT, "kind": TEXT, "metadata": {"type": "object"},
         "spec": SLICES[body["apiVersion"], body["kind"]]}
    )  # fmt: skip
    for error in jsonschema.Draft202012Validator(schema).iter_errors(body):
        return f"{'/'.join(map(str, error.path))}: {error.message}"
    return None


def fault_of(body: dict) -> str | None:
    """What is wrong with a manifest; None where nothing is."""
    if (body["apiVersion"], body["kind"]) in SLICES:
        return _operators(body)
    for version in (OLDEST, NEWEST):
        try:
            kubernetes_validate.validate(body, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            return f"Kubernetes {version}: {'/'.join(map(str, error.path))}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            return error.message
    return None
