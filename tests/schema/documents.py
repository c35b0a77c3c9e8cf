"""Checks of GraphQL documents: what the schema can tell, and the run-time demands that
it can not."""

import re
from pathlib import Path

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    parse,
    validate,
)

DOCUMENTS = Path(__file__).resolve().parents[2] / "schemas" / "graphql"

# The mutations that refuse a call without @idempotent, as their schema description says,
# of those that write stock.
MUST_BE_IDEMPOTENT = frozenset(
    {
        "inventoryActivate",
        "inventoryAdjustQuantities",
        "inventoryMoveQuantities",
        "inventorySetOnHandQuantities",
        "inventorySetQuantities",
    }
)


def paths() -> list[Path]:
    return sorted(DOCUMENTS.glob("*.graphql"))


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def schema_errors(schema: GraphQLSchema, text: str) -> list[str]:
    try:
        document = parse(text)
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in validate(schema, document)]


def _mutation_fields(text: str) -> list[FieldNode]:
    return [
        field
        for operation in operations(parse(text))
        if operation.operation is OperationType.MUTATION
        for field in operation.selection_set.selections
        if isinstance(field, FieldNode)
    ]


def mutations(text: str) -> set[str]:
    return {field.name.value for field in _mutation_fields(text)}


def idempotency_errors(text: str) -> list[str]:
    """Mutation fields that must carry @idempotent(key: $variable) and do not."""
    return [
        error
        for field in _mutation_fields(text)
        if field.name.value in MUST_BE_IDEMPOTENT
        for error in _field_errors(field)
    ]


def _field_errors(field: FieldNode) -> list[str]:
    found = [node for node in field.directives if node.name.value == "idempotent"]
    if not found:
        return [f"{field.name.value} lacks @idempotent"]
    keys = [node.value for node in found[0].arguments if node.name.value == "key"]
    if not keys or not isinstance(keys[0], VariableNode):
        return [f"{field.name.value}: the key of @idempotent is not a variable"]
    return []


def connections(text: str) -> tuple[int, int]:
    """How many connections a bulk query has, and how deep they nest."""
    count, deepest = 0, 0

    def walk(node, depth: int) -> None:
        nonlocal count, deepest
        for field in node.selection_set.selections if node.selection_set else []:
            inner = field.selection_set.selections if field.selection_set else []
            names = {child.name.value for child in inner if isinstance(child, FieldNode)}
            here = depth + (1 if names & {"edges", "nodes"} else 0)
            if here > depth:
                count, deepest = count + 1, max(deepest, here)
            walk(field, here)

    for operation in operations(parse(text)):
        walk(operation, 0)
    return count, deepest
