"""What goes wrong, and when: seeded probabilities, or the next n calls."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

FAULTS: dict[str, dict[str, Any]] = {
    "answer": {"status": 200, "value": {}, "when": "before"},
    "delay": {"ms": 50},
    "drop_before_apply": {},
    "drop_after_apply": {},
    "hang": {"seconds": 30, "when": "before"},
    "html": {"status": 200, "when": "before"},
    "late": {"ms": 50},
    "status_429": {"retry_after": 1},
    "status_5xx": {"status": 503, "when": "before"},
    "throttled": {},
    "truncated": {},
}
_COMMON = {"fault", "ops", "probability", "calls"}


class FaultError(ValueError):
    """A fault plan that the double does not understand."""


@dataclass(slots=True)
class Fault:
    name: str
    params: dict[str, Any]

    @property
    def before(self) -> bool:
        """True if the call is not to be run at all."""
        always = self.name in ("drop_before_apply", "status_429", "throttled")
        return always or self.params.get("when") == "before"


@dataclass(slots=True)
class Rule:
    fault: Fault
    ops: frozenset[str]
    probability: float = 1.0
    calls: int = 0

    def matches(self, names: set[str]) -> bool:
        return bool(self.ops & names) if self.ops else "graphql" in names


@dataclass(slots=True)
class Decision:
    delay_seconds: float = 0.0
    late_seconds: float = 0.0
    fault: Fault | None = None
    fired: list[str] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        if fault.name == "delay":
            self.delay_seconds += fault.params["ms"] / 1000
        elif fault.name == "late":
            self.late_seconds += fault.params["ms"] / 1000
        elif self.fault is None:
            self.fault = fault
        else:
            return
        self.fired.append(fault.name)


class FaultPlan:
    """Replaced as a whole. `next` entries come before the rules; a call takes at most
    one of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.replace({})

    def replace(self, plan: dict[str, Any]) -> None:
        unknown = set(plan) - {"seed", "rules", "next"}
        if unknown:
            raise FaultError(
                f"unknown member {sorted(unknown)[0]}; known: seed, rules, next"
            )
        rules = [_rule(entry) for entry in plan.get("rules", [])]
        upcoming = [_rule({"calls": 1, **entry}) for entry in plan.get("next", [])]
        with self._lock:
            self._rules, self._next = rules, upcoming
            self._random = random.Random(plan.get("seed", 0))

    def draw(self, names: set[str]) -> Decision:
        decision = Decision()
        with self._lock:
            for rule in self._next:
                if rule.calls > 0 and rule.matches(names):
                    rule.calls -= 1
                    decision.add(rule.fault)
                    return decision
            for rule in self._rules:
                if rule.matches(names) and self._random.random() < rule.probability:
                    decision.add(rule.fault)
        return decision


def _rule(entry: dict[str, Any]) -> Rule:
    name = entry.get("fault")
    if name not in FAULTS:
        raise FaultError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    params = dict(FAULTS[name])
    for key, value in entry.items():
        if key not in _COMMON and key not in params:
            raise FaultError(f"{name} has no parameter {key}")
        if key in params:
            params[key] = value
    if params.get("when") not in (None, "before", "after"):
        raise FaultError(f"{name}: when must be before or after")
    return Rule(
        Fault(name, params),
        frozenset(entry.get("ops", ())),
        float(entry.get("probability", 1.0)),
        int(entry.get("calls", 0)),
    )
