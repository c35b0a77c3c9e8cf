"""Every GraphQL document that parstock sends, against the real Admin schema of the
pinned version."""

import pytest
from graphql import GraphQLSchema, parse

import documents

SET_QUANTITIES = (documents.DOCUMENTS / "set_quantities.graphql").read_text()
STALE_LITERAL = """mutation {
  inventorySetQuantities(input: {name: "available", reason: "correction", quantities: [
    {inventoryItemId: "1", locationId: "2", quantity: 3, %s: 4}
  ]}) @idempotent(key: "k") { userErrors { code } }
}"""

every_document = pytest.mark.parametrize(
    "path", documents.paths(), ids=lambda path: path.stem
)


def test_there_are_documents():
    assert len(documents.paths()) >= 9


@every_document
def test_document_is_valid_in_the_real_schema(real_schema: GraphQLSchema, path):
    assert documents.schema_errors(real_schema, path.read_text()) == []


@every_document
def test_document_holds_one_operation_named_after_its_file(path):
    found = documents.operations(parse(path.read_text()))
    assert len(found) == 1
    if path.stem == "catalog_bulk":
        assert found[0].name is None
    else:
        assert documents.snake_case(found[0].name.value) == path.stem


@every_document
def test_document_says_why_at_its_head(path):
    assert path.read_text().startswith("# ")


@every_document
def test_document_needs_no_deprecated_or_removed_compare(path):
    assert "compareQuantity" not in path.read_text()


@every_document
def test_mutation_carries_the_key_as_a_variable(path):
    assert documents.idempotency_errors(path.read_text()) == []


def test_bulk_query_obeys_the_limits_of_bulk_operations():
    text = (documents.DOCUMENTS / "catalog_bulk.graphql").read_text()
    count, depth = documents.connections(text)
    assert 1 <= count <= 5
    assert depth <= 2
    assert "first:" not in text


def test_required_list_matches_the_real_schema(real_schema: GraphQLSchema):
    demanding = {
        name
        for name, field in real_schema.mutation_type.fields.items()
        if "idempotency key is required" in " ".join((field.description or "").split())
    }
    assert documents.MUST_BE_IDEMPOTENT <= demanding
    sent = {
        name
        for path in documents.paths()
        for name in documents.mutations(path.read_text())
    }
    assert sent and sent & demanding <= documents.MUST_BE_IDEMPOTENT


def test_seeded_removed_field_is_caught(real_schema: GraphQLSchema):
    errors = documents.schema_errors(real_schema, STALE_LITERAL % "compareQuantity")
    assert len(errors) == 1 and "compareQuantity" in errors[0]
    assert (
        documents.schema_errors(real_schema, STALE_LITERAL % "changeFromQuantity") == []
    )


def test_seeded_unknown_selection_is_caught(real_schema: GraphQLSchema):
    text = SET_QUANTITIES.replace("      code\n", "      code\n      severity\n")
    assert any(
        "severity" in error for error in documents.schema_errors(real_schema, text)
    )


def test_seeded_syntax_error_is_caught(real_schema: GraphQLSchema):
    assert documents.schema_errors(real_schema, SET_QUANTITIES.rstrip().removesuffix("}"))


def test_seeded_missing_directive_is_caught():
    text = SET_QUANTITIES.replace("@idempotent(key: $key)", "")
    assert documents.idempotency_errors(text) == [
        "inventorySetQuantities lacks @idempotent"
    ]


def test_seeded_literal_key_is_caught():
    text = SET_QUANTITIES.replace("key: $key)", 'key: "fixed")')
    assert documents.idempotency_errors(text) == [
        "inventorySetQuantities: the key of @idempotent is not a variable"
    ]


def test_seeded_deep_bulk_query_is_caught():
    deep = "{ a { nodes { b { edges { node { c { nodes { id } } } } } } } }"
    assert documents.connections(deep) == (3, 3)
