"""The double's own schema is a true part of the real one: same kinds, types, arguments,
defaults and interfaces."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLSchema,
    Undefined,
    build_schema,
    is_enum_type,
    is_input_object_type,
)

import documents

OWN = Path(__file__).resolve().parents[1] / "doubles" / "shop" / "schema.graphql"


def own_types(text: str) -> dict:
    schema = build_schema(text)
    return {
        name: kind for name, kind in schema.type_map.items() if not name.startswith("__")
    }


def argument_differences(place: str, own: dict, real: dict) -> list[str]:
    errors = []
    for name, argument in own.items():
        other = real.get(name)
        if other is None:
            errors.append(f"{place}({name}:) does not exist")
        elif (
            str(argument.type) != str(other.type)
            or argument.default_value != other.default_value
        ):
            errors.append(
                f"{place}({name}:) differs: {argument.type}, really {other.type}"
            )
    needed = {
        n
        for n, a in real.items()
        if str(a.type).endswith("!") and a.default_value is Undefined
    }
    return errors + [
        f"{place} lacks the required {name}" for name in sorted(needed - own.keys())
    ]


def field_differences(name: str, own, real) -> list[str]:
    errors = []
    for field_name, field in own.fields.items():
        place, other = f"{name}.{field_name}", real.fields.get(field_name)
        if other is None:
            errors.append(f"{place} does not exist")
        elif str(field.type) != str(other.type):
            errors.append(f"{place} differs: {field.type}, really {other.type}")
        elif hasattr(field, "args"):
            errors += argument_differences(place, field.args, other.args)
    interfaces = {str(i) for i in getattr(own, "interfaces", ())}
    return errors + [
        f"{name} does not implement {i}"
        for i in sorted(interfaces - {str(i) for i in getattr(real, "interfaces", ())})
    ]


def type_differences(name: str, own, real) -> list[str]:
    if real is None:
        return [f"{name} does not exist"]
    if type(own) is not type(real):
        return [f"{name} is of another kind"]
    if is_enum_type(own):
        return [] if set(own.values) == set(real.values) else [f"{name} has other values"]
    if is_input_object_type(own) and set(own.fields) != set(real.fields):
        return [f"{name} has other fields"]
    return field_differences(name, own, real) if hasattr(own, "fields") else []


def differences(text: str, real: GraphQLSchema) -> list[str]:
    return [
        error
        for name, own in own_types(text).items()
        for error in type_differences(name, own, real.type_map.get(name))
    ]


def test_own_schema_is_part_of_the_real_one(real_schema: GraphQLSchema):
    assert differences(OWN.read_text(), real_schema) == []


@pytest.mark.parametrize("path", documents.paths(), ids=lambda path: path.stem)
def test_every_document_is_valid_in_the_own_schema(path):
    assert documents.schema_errors(build_schema(OWN.read_text()), path.read_text()) == []


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "sku: String\n  tracked: Boolean!",
            "sku: String!\n  tracked: Boolean!",
            "InventoryItem.sku differs",
        ),
        (
            "  tracked: Boolean!",
            "  tracked: Boolean!\n  stocked: Int",
            "InventoryItem.stocked does not exist",
        ),
        (
            "groupObjects: Boolean! = false",
            "groupObjects: Boolean! = true",
            "(groupObjects:) differs",
        ),
        ("(names: [String!]!)", "", "lacks the required names"),
        ("  INVALID_NAME\n", "", "InventorySetQuantitiesUserErrorCode has other values"),
        ("  changeFromQuantity: Int\n", "", "InventoryQuantityInput has other fields"),
    ],
)
def test_seeded_difference_is_caught(real_schema: GraphQLSchema, old, new, message):
    text = OWN.read_text()
    assert old in text
    found = differences(text.replace(old, new, 1), real_schema)
    assert any(message in error for error in found), found
