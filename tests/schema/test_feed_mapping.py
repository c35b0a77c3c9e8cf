"""The mapping file of `import`: its schema, its examples, and parity with the C loader."""

import csv
import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas/feed-mapping.schema.json").read_text())
EXAMPLES = ROOT / "schemas/examples/feed-mapping"
CONTRACT = ROOT / "schemas/examples/contract/valid/minimal.json"
CONFIGURATION, DATA = 78, 65


def expectations() -> dict[str, str]:
    with open(EXAMPLES / "expect.tsv", encoding="utf-8", newline="") as table:
        return {row["file"]: row["judged_by"] for row in csv.DictReader(table, delimiter="\t")}


def unique(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def fits(path: Path, schema=SCHEMA) -> bool:
    try:
        value = json.loads(path.read_text(), object_pairs_hook=unique)
    except ValueError:
        return True  # the text is for the loader to judge
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def loads(path: Path, tmp_path: Path) -> bool:
    """A file without a byte is refused only after the mapping was taken."""
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    answer = subprocess.run(
        [ROOT / "build/parstock", "import", "--contract", CONTRACT, "--dry-run",
         "--mapping", path, empty],
        capture_output=True,
    )  # fmt: skip
    assert answer.returncode in (0, CONFIGURATION, DATA), answer.stderr
    assert (answer.returncode == CONFIGURATION) == (b"mapping file" in answer.stderr)
    return answer.returncode != CONFIGURATION


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_invalid_example_has_a_row():
    assert {p.name for p in (EXAMPLES / "invalid").iterdir()} == set(expectations())


@pytest.mark.parametrize("path", sorted((EXAMPLES / "valid").iterdir()), ids=lambda p: p.stem)
def test_valid_ones_are_taken_by_both(path, tmp_path):
    assert fits(path) and loads(path, tmp_path)


@pytest.mark.parametrize("path", sorted((EXAMPLES / "invalid").iterdir()), ids=lambda p: p.stem)
def test_invalid_ones_are_refused(path, tmp_path):
    assert not loads(path, tmp_path)
    assert fits(path) == (expectations()[path.name] == "loader")


def test_a_schema_that_takes_anything_is_seen():
    assert fits(EXAMPLES / "invalid/no-version.json", schema={})
