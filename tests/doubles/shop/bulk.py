"""Bulk exports: the query is compiled to closures over the same field functions and
written out as JSON Lines."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    get_named_type,
    parse,
    validate,
    value_from_ast_untyped,
)

from . import gid, made_up
from .call import Call
from .clock import Clock, iso
from .config import Config
from .inventory import error
from .journal import Journal
from .resolvers import Resolvers
from .state import Item, Level, Shop

MAX_CONNECTIONS, MAX_DEPTH = 5, 2
URL_SECONDS = 7 * 86400
_BLOCK = 64
_ALL = 250


class Refused(ValueError):
    """A bulk query that the shop, or the double, does not run."""


@dataclass(slots=True)
class Operation:
    id: int
    query: str
    url: str
    created_at: float
    path: Path
    polls: int = 0
    done_at: float | None = None
    failed: bool = False
    objects: int = 0
    roots: int = 0
    size: int = 0
    finished: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Plan:
    """How one object is written: its own fields, and the connections whose nodes become
    lines of their own."""

    fields: list[tuple[str, Callable[[Any, Call], Any]]] = field(default_factory=list)
    children: list[tuple[Callable[[Any, Call], list[Any]], Plan]] = field(
        default_factory=list
    )


class BulkOperations:
    def __init__(
        self,
        shop: Shop,
        config: Config,
        clock: Clock,
        journal: Journal,
        resolvers: Resolvers,
        directory: Path,
    ) -> None:
        self._shop, self._config, self._clock, self._journal = (
            shop,
            config,
            clock,
            journal,
        )
        self._table, self._directory = resolvers.table(), directory
        directory.mkdir(exist_ok=True)
        self._operations: dict[int, Operation] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self.finished: Callable[[int, str], None] = lambda number, status: None

    def clear(self) -> None:
        with self._lock:
            self._operations.clear()

    def run(
        self, schema: GraphQLSchema, query: str, grouped: bool, call: Call
    ) -> dict[str, Any]:
        call.outcome = "refused"
        try:
            plan = self._compile(schema, query)
        except Refused as problem:
            return {"userErrors": [error("INVALID", str(problem), ["query"])]}
        with self._lock:
            running = sum(
                1
                for op in self._operations.values()
                if self._status(op) in ("CREATED", "RUNNING")
            )
            if running >= self._config.bulk_concurrent:
                return {
                    "userErrors": [
                        error("LIMIT_REACHED", "Too many bulk operations are running.")
                    ]
                }
            number = next(self._ids)
            operation = Operation(
                number,
                query,
                f"{call.base_url}/bulk/{number}.jsonl",
                self._clock.now(),
                self._directory / f"{number}.jsonl",
            )
            self._operations[number] = operation
        call.outcome = "applied"
        self._journal.write("bulk_started", call=call.id, bulk=number)
        threading.Thread(
            target=self._export, args=(operation, plan, grouped), daemon=True
        ).start()
        return {"bulkOperation": self._shown(operation), "userErrors": []}

    def get(self, text: str) -> dict[str, Any] | None:
        """Each look is a poll: the first ones see CREATED, then RUNNING, then the end
        if the export has ended."""
        with self._lock:
            operation = self._operations.get(gid.number(text, "BulkOperation") or 0)
            if operation is None:
                return None
            operation.polls += 1
            return self._shown(operation)

    def file(self, number: int) -> Path | None:
        with self._lock:
            operation = self._operations.get(number)
            served = operation is not None and self._status(operation) in (
                "COMPLETED",
                "FAILED",
            )
            return operation.path if operation is not None and served else None

    # What a poll sees

    def _status(self, operation: Operation) -> str:
        if operation.polls <= self._config.bulk_created_polls:
            return "CREATED"
        running = (
            operation.polls
            <= self._config.bulk_created_polls + self._config.bulk_running_polls
        )
        if running or not operation.finished.is_set():
            return "RUNNING"
        if operation.failed:
            return "FAILED"
        expired = self._clock.now() - (operation.done_at or 0) >= URL_SECONDS
        return "EXPIRED" if expired else "COMPLETED"

    def _shown(self, operation: Operation) -> dict[str, Any]:
        status = self._status(operation)
        ended = status in ("COMPLETED", "FAILED", "EXPIRED")
        url = (
            operation.url
            if operation.objects and status in ("COMPLETED", "FAILED")
            else None
        )
        return {
            "__typename": "BulkOperation",
            "id": gid.make("BulkOperation", operation.id),
            "status": status,
            "type": "QUERY",
            "query": operation.query,
            "createdAt": iso(operation.created_at),
            "completedAt": (
                iso(operation.done_at) if ended and operation.done_at else None
            ),
            "errorCode": self._config.bulk_error_code if status == "FAILED" else None,
            "objectCount": str(operation.objects if ended else 0),
            "rootObjectCount": str(operation.roots if ended else 0),
            "fileSize": str(operation.size) if ended and operation.objects else None,
            "url": url if status == "COMPLETED" else None,
            "partialDataUrl": url if status == "FAILED" else None,
        }

    # The export

    def _export(self, operation: Operation, plan: Plan, grouped: bool) -> None:
        with self._shop.lock:
            held = list(self._shop.items.values())
            places = list(self._shop.locations)
        failing = self._config.bulk_outcome == "FAILED"
        count = len(held) + self._config.bulk_made_up
        count = count // 2 if failing else count
        all_items = itertools.chain(held, made_up.items(self._config.bulk_made_up, places))
        roots = itertools.islice(all_items, count)
        with open(operation.path, "wb") as stream:
            for line in _lines(roots, plan, grouped):
                operation.objects += 1
                operation.size += stream.write(line)
        operation.roots, operation.failed, operation.done_at = (
            count,
            failing,
            self._clock.now(),
        )
        self._journal.write("bulk_finished", bulk=operation.id, objects=operation.objects)
        operation.finished.set()
        self.finished(operation.id, "FAILED" if failing else "COMPLETED")

    # Compiling

    def _compile(self, schema: GraphQLSchema, query: str) -> Plan:
        try:
            document = parse(query)
        except GraphQLError as problem:
            raise Refused(f"Invalid bulk query: {problem.message}") from problem
        problems = validate(schema, document)
        if problems:
            raise Refused(f"Invalid bulk query: {problems[0].message}")
        operation = document.definitions[0]
        roots = _fields(operation)
        if len(document.definitions) != 1 or [node.name.value for node in roots] != [
            "inventoryItems"
        ]:
            raise Refused("The double only exports inventoryItems.")
        count, depth = _connections(roots[0], 0)
        if not 1 <= count <= MAX_CONNECTIONS:
            raise Refused(
                f"Bulk queries must contain one to {MAX_CONNECTIONS} connections, not"
                f" {count}."
            )
        if depth > MAX_DEPTH:
            raise Refused(
                f"Bulk queries cannot nest connections deeper than {MAX_DEPTH} levels."
            )
        return self._plan(
            schema, _node_selection(roots[0]), schema.type_map["InventoryItem"]
        )

    def _plan(
        self, schema: GraphQLSchema, selections: list[FieldNode], kind: Any
    ) -> Plan:
        plan = Plan()
        for node in selections:
            if node.name.value == "__typename":
                plan.fields.append(("__typename", _constant(kind.name)))
                continue
            inner = get_named_type(kind.fields[node.name.value].type)
            if inner.name.endswith("Connection"):
                child = self._plan(
                    schema,
                    _node_selection(node),
                    inner.fields["nodes"].type.of_type.of_type.of_type,
                )
                plan.children.append(
                    (_all_nodes(self._getter(kind, node, schema)), child)
                )
            else:
                key = node.alias.value if node.alias else node.name.value
                plan.fields.append((key, self._field(schema, node, kind, inner)))
        return plan

    def _field(
        self, schema: GraphQLSchema, node: FieldNode, kind: Any, inner: Any
    ) -> Callable[[Any, Call], Any]:
        get = self._getter(kind, node, schema)
        if node.selection_set is None:
            return get
        plan = self._plan(schema, _fields(node), inner)

        def nested(source: Any, call: Call) -> Any:
            value = get(source, call)
            if isinstance(value, list):
                return [
                    {key: read(each, call) for key, read in plan.fields} for each in value
                ]
            return (
                None
                if value is None
                else {key: read(value, call) for key, read in plan.fields}
            )

        return nested

    def _getter(
        self, kind: Any, node: FieldNode, schema: GraphQLSchema
    ) -> Callable[[Any, Call], Any]:
        name = node.name.value
        args = {a.name.value: value_from_ast_untyped(a.value) for a in node.arguments}
        function = self._table.get(kind.name, {}).get(name)
        if function is None:
            return lambda source, call: source.get(name)
        if get_named_type(kind.fields[name].type).name.endswith("Connection"):
            args["first"] = _ALL
        return lambda source, call: function(source, args, call)


def _constant(value: Any) -> Callable[[Any, Call], Any]:
    return lambda source, call: value


def _all_nodes(get: Callable[[Any, Call], Any]) -> Callable[[Any, Call], list[Any]]:
    return lambda source, call: get(source, call)["nodes"]


def _fields(node: Any) -> list[FieldNode]:
    selections = node.selection_set.selections if node.selection_set else ()
    for child in selections:
        if not isinstance(child, FieldNode):
            raise Refused("The double does not export fragments.")
    return list(selections)


def _node_selection(connection: FieldNode) -> list[FieldNode]:
    """What is selected of a connection's nodes, through edges or directly."""
    found: list[FieldNode] = []
    for child in _fields(connection):
        if child.name.value == "nodes":
            found += _fields(child)
        elif child.name.value == "edges":
            found += [
                field
                for node in _fields(child)
                if node.name.value == "node"
                for field in _fields(node)
            ]
    return found


def _connections(node: FieldNode, depth: int) -> tuple[int, int]:
    inner = _fields(node)
    is_connection = any(child.name.value in ("edges", "nodes") for child in inner)
    here = depth + is_connection
    below = [_connections(child, here) for child in inner]
    return is_connection + sum(count for count, _ in below), max(
        [here, *(d for _, d in below)]
    )


def _lines(roots: Iterator[Any], plan: Plan, grouped: bool) -> Iterator[bytes]:
    """Grouped: children follow their parent. Otherwise a block of parents comes first,
    then the children of them all."""
    size = 1 if grouped else _BLOCK
    while block := list(itertools.islice(roots, size)):
        below: list[bytes] = []
        for root in block:
            call = Call(0)
            yield _line({key: read(root, call) for key, read in plan.fields})
            below += _children(root, plan, call)
        yield from below


def _children(source: Any, plan: Plan, call: Call) -> list[bytes]:
    lines = []
    parent = (
        dict(plan.fields)["id"](source, call)
        if plan.children and "id" in dict(plan.fields)
        else None
    )
    for nodes, child in plan.children:
        for node in nodes(source, call):
            line = {key: read(node, call) for key, read in child.fields}
            lines.append(_line({**line, "__parentId": parent}))
    return lines


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
