"""The JSON files of a packet: their schemas, and the example."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "schemas/examples/packet"
NAMES = ("packet-manifest", "packet-incident", "packet-spot-check", "packet-tables")


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / f"schemas/{name}.v1.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker(["date-time"]))


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(validator(name).schema)


@pytest.mark.parametrize(
    "name, file",
    [("packet-manifest", "manifest.json"), ("packet-tables", "tables.json"), ("week", "week.json"),
     ("decision", "decision.json")],
)  # fmt: skip
def test_the_example_fits(name, file):
    validator(name).validate(json.loads((EXAMPLE / file).read_text()))


@pytest.mark.parametrize("name, file", [("packet-incident", "incidents.jsonl"), ("packet-spot-check", "spot-checks.jsonl")])
def test_the_lines_of_the_example_fit(name, file):
    rows = [json.loads(line) for line in (EXAMPLE / file).read_text().splitlines()]
    assert rows
    for row in rows:
        validator(name).validate(row)
    for member in rows[0]:
        assert not validator(name).is_valid({k: v for k, v in rows[0].items() if k != member}), member
    assert not validator(name).is_valid(rows[0] | {"more": 1})


def test_rows_of_tables_have_their_columns():
    for table in json.loads((EXAMPLE / "tables.json").read_text())["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"]), table["id"]
        assert (EXAMPLE / f"tables/{table['id']}.csv").is_file()


def test_the_example_is_sound():
    """Whichever version drew it."""
    answer = subprocess.run([ROOT / "build/parstock", "packet", "verify", "--any-drawing", EXAMPLE],
                            capture_output=True, text=True)  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
