"""What a request costs, and the leaky bucket that pays for it."""

from __future__ import annotations

import threading
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_leaf_type,
    value_from_ast_untyped,
)

from .clock import Clock
from .config import Config

UNSIZED = 10


class CostModel:
    """Objects cost 1, leaves 0, a connection its size times its content, a mutation a
    flat price. A list that is not a connection counts as one object: what Shopify asks
    for those is not documented.
    """

    def __init__(self, schema: GraphQLSchema, config: Config) -> None:
        self._schema, self._config = schema, config

    def requested(
        self,
        operation: OperationDefinitionNode,
        fragments: dict[str, Any],
        variables: dict[str, Any],
    ) -> int:
        if operation.operation is OperationType.MUTATION:
            return self._config.mutation_cost * len(operation.selection_set.selections)
        root = self._schema.query_type
        return max(
            1, self._selection(operation.selection_set, root, fragments, variables)
        )

    def _selection(
        self,
        selection_set: Any,
        parent: Any,
        fragments: dict[str, Any],
        variables: dict[str, Any],
    ) -> int:
        total = 0
        for node in selection_set.selections if selection_set else ():
            if isinstance(node, FieldNode):
                total += self._field(node, parent, fragments, variables)
            else:
                node = (
                    fragments[node.name.value]
                    if isinstance(node, FragmentSpreadNode)
                    else node
                )
                condition = node.type_condition
                inner = (
                    self._schema.type_map[condition.name.value] if condition else parent
                )
                total += self._selection(node.selection_set, inner, fragments, variables)
        return total

    def _field(
        self,
        node: FieldNode,
        parent: Any,
        fragments: dict[str, Any],
        variables: dict[str, Any],
    ) -> int:
        definition = getattr(parent, "fields", {}).get(node.name.value)
        kind = get_named_type(definition.type) if definition else None
        if kind is None or is_leaf_type(kind):
            return 0
        inner = self._selection(node.selection_set, kind, fragments, variables)
        args = {
            a.name.value: value_from_ast_untyped(a.value, variables)
            for a in node.arguments
        }
        if isinstance(args.get("ids"), list):
            return len(args["ids"]) * (1 + inner)
        if kind.name.endswith("Connection"):
            return args.get("first", UNSIZED) * inner
        return (
            inner if kind.name.endswith("Edge") or kind.name == "PageInfo" else 1 + inner
        )


def actual(data: Any, key: str = "") -> int:
    """Objects in an answer, counted as `requested` counts them."""
    if isinstance(data, list):
        each = [actual(value) for value in data if isinstance(value, dict)]
        if key == "edges":
            return sum(each) - len(each)
        return sum(each) if key == "nodes" else max(each, default=0)
    if isinstance(data, dict):
        own = 0 if key == "pageInfo" or "pageInfo" in data or "edges" in data else 1
        return own + sum(actual(value, name) for name, value in data.items())
    return 0


class Bucket:
    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._level = float(self._config.maximum_available)
            self._at = self._clock.now()

    def take(self, points: int) -> bool:
        with self._lock:
            self._restore()
            if self._level < points:
                return False
            self._level -= points
            return True

    def refund(self, points: int) -> None:
        with self._lock:
            self._level = min(self._config.maximum_available, self._level + points)

    def available(self) -> int:
        with self._lock:
            self._restore()
            return int(self._level)

    def _restore(self) -> None:
        now = self._clock.now()
        gained = max(0.0, now - self._at) * self._config.restore_rate
        self._level = min(float(self._config.maximum_available), self._level + gained)
        self._at = now


def status(
    requested: int, spent: int | None, available: int, config: Config
) -> dict[str, Any]:
    """extensions.cost; the shop writes some of the numbers with a fraction and some
    without."""
    return {
        "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": spent,
            "throttleStatus": {
                "maximumAvailable": float(config.maximum_available),
                "currentlyAvailable": available,
                "restoreRate": float(config.restore_rate),
            },
        }
    }
