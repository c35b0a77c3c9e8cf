"""The chart rendered and linted by Helm's own engine, in this process: no helm program, no cluster, no network."""

import os
from dataclasses import dataclass, field

os.environ.setdefault("HELM_CACHE_HOME", "/nonexistent")

import helm_python as helm
import yaml

from tests.harness.paths import ROOT

CHART = ROOT / "helm/parstock"
CASES = sorted((CHART / "ci").glob("*.yaml"))


@dataclass
class Manifest:
    template: str
    body: dict = field(repr=False)

    @property
    def kind(self) -> str:
        return self.body["kind"]

    @property
    def name(self) -> str:
        return self.body["metadata"]["name"]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.template})"


def case_values(path) -> dict:
    return yaml.safe_load(path.read_text())


def merged(values: dict, **changes) -> dict:
    """The values with changes laid over, maps merged as Helm does."""
    result = dict(values)
    for key, change in changes.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(change, dict)
        result[key] = merged(old, **change) if both else change
    return result


def render_text(values: dict, chart=CHART, **options) -> dict[str, str]:
    options = {"name": "shop", "namespace": "stock", "is_install": True, **options}
    with helm.Chart.load(chart) as loaded:
        loaded.validate_schema(values)
        return loaded.render(values, **options)


def render(values: dict, **options) -> list[Manifest]:
    found = []
    for template, text in render_text(values, **options).items():
        if template.endswith(".txt"):
            continue
        found += [Manifest(template, b) for b in yaml.load_all(text, StrictLoader) if b]
    return found


def refused(values: dict) -> str:
    """Helm's words for values that it does not take; fails where it takes them."""
    try:
        render_text(values)
    except helm.HelmError as error:
        return str(error)
    raise AssertionError(f"taken, though it must be refused: {values}")


class StrictLoader(yaml.SafeLoader):
    """YAML in which a key may stand once: Kubernetes' own reader takes the last one silently."""


def _no_repeats(loader, node, deep=False):
    keys = [loader.construct_object(k, deep=True) for k, _ in node.value]
    twice = sorted({str(k) for k in keys if keys.count(k) > 1})
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"key twice: {twice}", node.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)


StrictLoader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
    lambda loader, node: _no_repeats(loader, node, deep=True),
)
