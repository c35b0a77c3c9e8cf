"""GraphQL: parsed and validated once a text, executed against the shop's objects."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute,
    get_directive_values,
    parse,
    print_ast,
    validate,
    value_from_ast_untyped,
)

from . import gid
from .bulk import BulkOperations
from .call import ApiError, Call
from .config import Config
from .inventory import MAX_PAIRS, Inventory
from .resolvers import Product, Resolver, Resolvers, Variant, check_size, connection
from .state import Item, Level, Location
from .webhooks import Subscription, Webhooks, topic_of

SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
_CACHED_DOCUMENTS = 256
_TYPE_NAMES = {
    Item: "InventoryItem",
    Level: "InventoryLevel",
    Location: "Location",
    Variant: "ProductVariant",
    Product: "Product",
}
_SCOPES = {
    "inventorySetQuantities": "write_inventory",
    "inventoryActivate": "write_inventory",
    "inventoryItems": "read_inventory",
    "inventoryItem": "read_inventory",
    "inventoryLevel": "read_inventory",
    "locations": "read_locations",
}
_TOPIC_SCOPES = {"orders": "read_orders", "refunds": "read_orders", "products": "read_products"}


@dataclass(frozen=True, slots=True)
class Prepared:
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    operations: tuple[OperationDefinitionNode, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        if name is None:
            return self.operations[0] if len(self.operations) == 1 else None
        return next(
            (op for op in self.operations if op.name and op.name.value == name), None
        )

    @property
    def fragments(self) -> dict[str, Any]:
        definitions = self.document.definitions if self.document is not None else ()
        return {
            d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)
        }


@dataclass(frozen=True, slots=True)
class Intent:
    """What a call wants, read from its text before anything is decided: for the journal
    and for the fault plan."""

    fields: tuple[str, ...] = ()
    mutation: bool = False
    key: str | None = None
    pairs: tuple[str, ...] = ()


class Engine:
    def __init__(
        self,
        config: Config,
        resolvers: Resolvers,
        inventory: Inventory,
        bulk: BulkOperations,
        webhooks: Webhooks,
    ) -> None:
        self._config, self._resolvers, self._inventory, self._bulk, self._webhooks = (
            config,
            resolvers,
            inventory,
            bulk,
            webhooks,
        )
        self.schema = build_schema(SCHEMA_FILE.read_text())
        self._directive: Any = self.schema.get_directive("idempotent")
        self._cache: OrderedDict[str, Prepared] = OrderedDict()
        self._lock = threading.Lock()
        self._bind()

    def prepare(self, text: str) -> Prepared:
        with self._lock:
            prepared = self._cache.get(text)
            if prepared is not None:
                self._cache.move_to_end(text)
                return prepared
        prepared = self._parse(text)
        with self._lock:
            self._cache[text] = prepared
            while len(self._cache) > _CACHED_DOCUMENTS:
                self._cache.popitem(last=False)
        return prepared

    def _parse(self, text: str) -> Prepared:
        try:
            document = parse(text)
        except GraphQLError as error:
            return Prepared(None, (error,))
        operations = tuple(
            d for d in document.definitions if isinstance(d, OperationDefinitionNode)
        )
        return Prepared(document, tuple(validate(self.schema, document)), operations)

    def run(
        self, prepared: Prepared, call: Call, operation_name: str | None
    ) -> dict[str, Any]:
        assert prepared.document is not None, "a text that does not parse is not run"
        result = execute(
            self.schema,
            prepared.document,
            None,
            call,
            call.raw_variables,
            operation_name,
            field_resolver=_from_dict,
            is_awaitable=_never,
        )
        assert isinstance(result, ExecutionResult), "no resolver is a coroutine"
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [error.formatted for error in result.errors]
        return answer

    # Binding of the schema's fields

    def _bind(self) -> None:
        types: dict[str, Any] = dict(self.schema.type_map)
        for type_name, functions in self._resolvers.table().items():
            for field_name, function in functions.items():
                types[type_name].fields[field_name].resolve = _wrap(function)
        types["Node"].resolve_type = _type_name
        for type_name, fields in (
            ("QueryRoot", self._queries()),
            ("Mutation", self._mutations()),
        ):
            for field_name, resolve in fields.items():
                types[type_name].fields[field_name].resolve = resolve

    def _queries(self) -> dict[str, Any]:
        find = self._resolvers.node
        return {
            "node": self._guarded(lambda info, args: find(args["id"], info.context)),
            "nodes": self._guarded(
                lambda info, args: self._resolvers.nodes(args["ids"], info.context)
            ),
            "inventoryItem": self._guarded(
                lambda info, args: _only(find(args["id"], info.context), Item)
            ),
            "inventoryLevel": self._guarded(
                lambda info, args: _only(find(args["id"], info.context), Level)
            ),
            "inventoryItems": self._guarded(
                lambda info, args: self._resolvers.items(args, info.context)
            ),
            "locations": self._guarded(
                lambda info, args: self._resolvers.locations(args, info.context)
            ),
            "bulkOperation": self._guarded(lambda info, args: self._bulk.get(args["id"])),
            "webhookSubscriptions": self._guarded(
                lambda info, args: connection(
                    [one.shown() for one in self._webhooks.subscriptions.values()],
                    args,
                    "webhookSubscriptions",
                )
            ),
            "shop": self._guarded(
                lambda info, args: {
                    "id": gid.make("Shop", 1),
                    "name": self._config.shop,
                    "myshopifyDomain": self._config.shop,
                }
            ),
            "currentAppInstallation": self._guarded(
                lambda info, args: {
                    "id": gid.make("AppInstallation", 1),
                    "accessScopes": [{"handle": s} for s in self._config.scopes],
                }
            ),
        }

    def _mutations(self) -> dict[str, Any]:
        return {
            "inventorySetQuantities": self._guarded(self._set_quantities),
            "inventoryActivate": self._guarded(self._activate),
            "bulkOperationRunQuery": self._guarded(
                lambda info, args: self._bulk.run(
                    self.schema, args["query"], args["groupObjects"], info.context
                )
            ),
            "webhookSubscriptionCreate": self._guarded(self._subscribe),
            "webhookSubscriptionUpdate": self._guarded(
                lambda info, args: _subscribed(
                    self._webhooks.change(
                        gid.number(args["id"], "WebhookSubscription") or 0,
                        args["webhookSubscription"],
                    )
                )
            ),
        }

    def _guarded(self, resolve: Any) -> Any:
        def guarded(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
            scope = _SCOPES.get(info.field_name)
            if scope is not None and scope not in self._config.scopes:
                raise ApiError(
                    "ACCESS_DENIED",
                    f"Access denied for {info.field_name} field. "
                    f"Required access: `{scope}` access scope.",
                )
            return resolve(info, args)

        return guarded

    def _subscribe(self, info: GraphQLResolveInfo, args: dict[str, Any]) -> Any:
        topic = topic_of(args["topic"])
        scope = _TOPIC_SCOPES.get(topic.split("/")[0], "read_inventory")
        if scope not in self._config.scopes and topic.split("/")[0] not in ("app", "bulk_operations"):
            return _subscribed(f"You do not have access to this topic: it needs {scope}.")
        return _subscribed(self._webhooks.create(topic, args["webhookSubscription"]))

    def _set_quantities(self, info: GraphQLResolveInfo, args: dict[str, Any]) -> Any:
        key = self._key(info)
        check_size(args["input"]["quantities"], ["input", "quantities"])
        return self._inventory.set_quantities(
            info.context, key, _fingerprint(info), args["input"]
        )

    def _activate(self, info: GraphQLResolveInfo, args: dict[str, Any]) -> Any:
        return self._inventory.activate(
            info.context, self._key(info), _fingerprint(info), args
        )

    def _key(self, info: GraphQLResolveInfo) -> str | None:
        values = get_directive_values(
            self._directive, info.field_nodes[0], info.variable_values
        )
        if values is None:
            if self._config.require_idempotent:
                raise ApiError(
                    "BAD_REQUEST",
                    "The @idempotent directive is required for this mutation but was not "
                    "provided.",
                )
            return None
        if not values["key"].strip():
            raise ApiError(
                "BAD_REQUEST",
                "The idempotency key cannot be an empty string or whitespace only.",
            )
        return values["key"]


def intent(operation: OperationDefinitionNode, variables: dict[str, Any]) -> Intent:
    """Lenient: a malformed call is journalled too."""
    fields = [
        node for node in operation.selection_set.selections if isinstance(node, FieldNode)
    ]
    names = tuple(node.name.value for node in fields)
    if operation.operation is not OperationType.MUTATION:
        return Intent(names)
    key, pairs = None, []
    for node in fields:
        args = {
            a.name.value: value_from_ast_untyped(a.value, variables)
            for a in node.arguments
        }
        for directive in node.directives:
            if directive.name.value == "idempotent" and directive.arguments:
                key = value_from_ast_untyped(directive.arguments[0].value, variables)
        pairs += _pairs(args)
    return Intent(names, True, key if isinstance(key, str) else None, tuple(pairs))


def _pairs(args: dict[str, Any]) -> list[str]:
    inputs = args.get("input")
    entries = inputs.get("quantities") if isinstance(inputs, dict) else [args]
    return [
        gid.pair_name(str(e["inventoryItemId"]), str(e["locationId"]))
        for e in (entries if isinstance(entries, list) else [])[: MAX_PAIRS + 1]
        if isinstance(e, dict) and "inventoryItemId" in e and "locationId" in e
    ]


def _fingerprint(info: GraphQLResolveInfo) -> str:
    """Over the parameters as they came: the order of input fields counts."""
    node = info.field_nodes[0]
    written = node.name.value + "".join(
        print_ast(argument) for argument in node.arguments
    )
    given = json.dumps(info.context.raw_variables, separators=(",", ":"))
    return hashlib.sha256(f"{written}\n{given}".encode()).hexdigest()


def _wrap(function: Resolver) -> Any:
    def resolve(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
        return function(source, args, info.context)

    return resolve


def _from_dict(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
    return source.get(info.field_name) if isinstance(source, dict) else None


def _type_name(value: Any, info: Any, abstract: Any) -> str | None:
    return (
        value.get("__typename")
        if isinstance(value, dict)
        else _TYPE_NAMES.get(type(value))
    )


def _only(value: Any, kind: type) -> Any:
    return value if isinstance(value, kind) else None


def _subscribed(one: Subscription | str) -> dict[str, Any]:
    """A payload: what was made, or why nothing was."""
    if isinstance(one, str):
        errors = [{"field": ["webhookSubscription", "callbackUrl"], "message": one}]
        return {"webhookSubscription": None, "userErrors": errors}
    return {"webhookSubscription": one.shown(), "userErrors": []}


def _never(value: Any) -> bool:
    return False
