"""The documents of a week: their schemas take what the decoder takes, and refuse what it refuses."""

import copy
import json

import jsonschema
import pytest

from tests.harness.paths import ROOT

NAMES = ("week", "baseline", "decision")
SCHEMAS = {name: json.loads((ROOT / f"schemas/{name}.v1.schema.json").read_text()) for name in NAMES}
CORPUS = ROOT / "tests/fuzz/corpus/week_json"
VALID = {"inputs": "week", "huge": "week", "no-baseline": "week", "baseline": "baseline", "decision": "decision"}


def load(name: str) -> dict:
    return json.loads((CORPUS / name).read_text())


def is_valid(name: str, value: object) -> bool:
    return jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(value)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"urn:parstock:schema:{name}"


@pytest.mark.parametrize("name", VALID)
def test_what_the_decoder_takes_is_valid(name: str) -> None:
    assert is_valid(VALID[name], load(name))
    assert not any(is_valid(other, load(name)) for other in NAMES if other != VALID[name])


def test_parts_are_the_same_in_both() -> None:
    """A baseline alone is what a week holds of it."""
    for part in ("place", "period", "counts", "spell", "count", "digest", "day"):
        assert SCHEMAS["week"]["$defs"][part] == SCHEMAS["baseline"]["$defs"][part]
    inside = SCHEMAS["week"]["$defs"]["baseline"]
    assert inside == {key: SCHEMAS["baseline"][key] for key in inside}


@pytest.mark.parametrize("path, value", [
    (("version",), 2), (("week",), "2026-48"), (("more",), 1), (("limits", "mismatch_share"), -2), (("period", "days"), 36),
    (("period", "places", 0, "sweeps", 0), -1), (("period", "places", 0, "sweeps", 0), 2**53), (("contract",), "xyz"),
    (("period", "places", 1, "shop"), "a\u0007"), (("baseline", "by"), ""), (("period", "places", 1, "causes"), {"unknown": 0}),
])  # fmt: skip
def test_what_the_decoder_refuses_is_invalid(path: tuple, value: object) -> None:
    document = copy.deepcopy(load("inputs"))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert not is_valid("week", document)
