#!/usr/bin/env python3
"""JSON schemas for kubeconform, unknown fields forbidden, out of what the projects themselves publish.

usage: tests/chart/make_schemas.py DIRECTORY SWAGGER.json [CRD.yaml...]

SWAGGER.json is Kubernetes' api/openapi-spec/swagger.json; a CRD is a CustomResourceDefinition. kubeconform finds them by
-schema-location 'DIRECTORY/{{.ResourceKind}}{{.KindSuffix}}.json'. Defaults, formats and CEL rules are not carried over:
the API server alone judges those.
"""

import json
import sys
from pathlib import Path

import yaml

LEFT_OUT = ("description", "default", "format", "nullable")
FREE = {"io.k8s.apimachinery.pkg.api.resource.Quantity": ["string", "number"],
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ["string", "integer"]}  # fmt: skip


def nullable(schema: dict) -> dict:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    types = schema.get("type", [])
    return {**schema, "type": [*([types] if isinstance(types, str) else types), "null"]} if types else schema


def strict(node: dict) -> dict:
    """As Kubernetes reads it: a field that is not there is a fault, an optional one may be null."""
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    out = {k: v for k, v in node.items() if not k.startswith("x-") and k not in LEFT_OUT}
    if "properties" in node:
        needed = set(node.get("required", []))
        fields = {k: strict(v) for k, v in node["properties"].items()}
        out["properties"] = {k: v if k in needed else nullable(v) for k, v in fields.items()}
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            out.setdefault("additionalProperties", False)
    for key in ("additionalProperties", "items"):
        if isinstance(out.get(key), dict):
            out[key] = strict(out[key])
    return out


def reachable(node, definitions: dict, found: dict) -> dict:
    """The definitions that a schema needs, directly or through others."""
    if isinstance(node, list):
        for part in node:
            reachable(part, definitions, found)
    elif isinstance(node, dict):
        named = node.get("$ref")  # a text; a map where it is the name of a field
        name = named.removeprefix("#/definitions/") if isinstance(named, str) else None
        if name and name not in found:
            found[name] = definitions[name]
            reachable(definitions[name], definitions, found)
        for part in node.values():
            reachable(part, definitions, found)
    return found


def write(directory: Path, group: str, version: str, kind: str, schema: dict) -> None:
    schema["properties"] |= {"apiVersion": {"const": f"{group}/{version}" if group else version}, "kind": {"const": kind}}
    schema["required"] = sorted({*schema.get("required", []), "apiVersion", "kind"})
    suffix = "-".join([kind.lower(), *([group.split(".")[0]] if group else []), version])
    (directory / f"{suffix}.json").write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True))


def of_kubernetes(directory: Path, swagger: Path) -> int:
    raw = json.loads(swagger.read_text())["definitions"]
    definitions = {name: {"type": FREE[name]} if name in FREE else strict(d) for name, d in raw.items()}
    made = 0
    for name, body in raw.items():
        kinds = body.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1 and "properties" in body:
            (kind,) = kinds
            schema = {**definitions[name], "properties": dict(definitions[name]["properties"])}
            schema["definitions"] = reachable(definitions[name], definitions, {})
            write(directory, kind["group"], kind["version"], kind["kind"], schema)
            made += 1
    return made


def of_definition(directory: Path, path: Path) -> int:
    body = yaml.safe_load(path.read_text())["spec"]
    for version in body["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        write(directory, body["group"], version["name"], body["names"]["kind"], schema)
    return len(body["versions"])


def main(arguments: list[str]) -> int:
    directory, swagger, *definitions = map(Path, arguments)
    directory.mkdir(parents=True, exist_ok=True)
    made = of_kubernetes(directory, swagger) + sum(of_definition(directory, d) for d in definitions)
    print(f"{made} schemas in {directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
