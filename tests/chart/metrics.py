"""The metrics that the code has, read from its sources, and those that an expression names."""

import re
from pathlib import Path

from tests.harness.paths import ROOT

_CALL = re.compile(
    r"\b(metrics_counter|metrics_gauge|metrics_counter_seconds|metrics_gauge_seconds"
    r"|histogram_of|histogram_labelled|counter|count_up_to)\s*\(\s*(?:pusher,\s*)?\"(parstock_[a-z0-9_]+)\""
)
_NAME = re.compile(r"\bparstock_[a-z0-9_]+")
_LITERAL = re.compile(r'"(parstock_[a-z0-9_]+)"')
_PARTS = ("_bucket", "_sum", "_count")


def kind_of(call: str) -> str:
    if call.startswith("histogram"):
        return "histogram"
    return "gauge" if "gauge" in call else "counter"


def metrics_in(text: str) -> dict[str, str]:
    return {name: kind_of(call) for call, name in _CALL.findall(text)}


def sources() -> list[Path]:
    return sorted([*(ROOT / "common").rglob("*.c"), *(ROOT / "workers").rglob("*.c")])


def metrics_of_the_code() -> dict[str, str]:
    """Name to counter, gauge or histogram. A name that is written down but registered in no way known here is an error."""
    found: dict[str, str] = {}
    for path in sources():
        text = path.read_text()
        here = metrics_in(text)
        unknown = {n for n in _LITERAL.findall(text) if n.count("_") > 1} - set(here)
        if unknown:
            raise AssertionError(f"{path}: {unknown}: registered by a call that is not known here")
        for name, kind in here.items():
            assert found.setdefault(name, kind) == kind, f"{name} is two kinds"
    return found


def unknown_in(expression: str, metrics: dict[str, str]) -> set[str]:
    """Names of the expression that the code does not have; a histogram's parts are its own."""
    unknown = set()
    for name in _NAME.findall(expression):
        base = next((name.removesuffix(p) for p in _PARTS if name.endswith(p)), name)
        is_part = base != name and metrics.get(base) == "histogram"
        is_whole = name in metrics and metrics[name] != "histogram"
        if not (is_part or is_whole):
            unknown.add(name)
    return unknown


def exposition(metrics: dict[str, str]) -> str:
    """A page that has every metric once, for promtool."""
    lines = []
    for name, kind in sorted(metrics.items()):
        lines += [f"# HELP {name} Text.", f"# TYPE {name} {kind}"]
        if kind == "histogram":
            lines += [f'{name}_bucket{{le="+Inf"}} 1', f"{name}_sum 1", f"{name}_count 1"]
        else:
            lines.append(f"{name} 1")
    return "\n".join(lines) + "\n"
