"""The contract file's schema, its examples, and parity with the C loader.

Examples are judged by an independent validator, by the reference judge for what a schema
cannot relate, and by the C loader (build/tests/judge_contract).
"""

import copy
import csv
import json
import pathlib
import subprocess

import jsonschema
import pytest
import reference_alerts
import reference_judge as reference
import reference_kits

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "schemas" / "contract.schema.json"
EXAMPLES = ROOT / "schemas" / "examples" / "contract"
JUDGE = ROOT / "build" / "tests" / "judge_contract"


def load_schema():
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def validator_of(schema):
    return jsonschema.Draft202012Validator(schema)


def expectations():
    with open(EXAMPLES / "expect.tsv", encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t", strict=True))


def valid_files():
    return sorted((EXAMPLES / "valid").iterdir())


def invalid_file(row):
    return EXAMPLES / "invalid" / row["file"]


class Repeated(ValueError):
    pass


def unique(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Repeated("a key is given twice")
    return dict(pairs)


def parse(path):
    return json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique)


def verdict(path, validator):
    """`ok`, `text` (not one JSON text), `schema`, or `relation`."""
    try:
        contract = parse(path)
    except ValueError:
        return "text"
    if not validator.is_valid(contract):
        return "schema"
    problem = (
        reference.contract_problem(contract)
        or reference_kits.kit_problem(contract)
        or reference_alerts.alert_problem(contract)
    )
    return "relation" if problem else "ok"


def failures(validator):
    """Examples on which the table and the verdict differ."""
    failed = [p.name for p in valid_files() if verdict(p, validator) != "ok"]
    wanted = {"both": {"schema"}, "schema": {"schema"}, "loader": {"text", "relation"}}
    return failed + [
        row["file"]
        for row in expectations()
        if verdict(invalid_file(row), validator) not in wanted[row["judged_by"]]
    ]


def test_schema_is_valid():
    schema = load_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


def test_table_and_files_name_each_other():
    listed = [row["file"] for row in expectations()]
    assert len(listed) == len(set(listed))
    assert set(listed) == {path.name for path in (EXAMPLES / "invalid").iterdir()}
    assert {"minimal.json", "full.json", "demo.json"} <= {p.name for p in valid_files()}
    assert all(row["why"] for row in expectations())


def test_examples_are_judged_as_the_table_says():
    assert failures(validator_of(load_schema())) == []


def blocks(node, path=()):
    """Paths of every object schema with fields of its own."""
    if isinstance(node, dict):
        if "properties" in node:
            yield path
        for key, child in node.items():
            yield from blocks(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from blocks(child, (*path, index))


def at(node, path):
    for step in path:
        node = node[step]
    return node


BLOCKS = list(blocks(load_schema()))


@pytest.mark.parametrize("path", BLOCKS, ids=lambda p: ".".join(map(str, p)) or "top")
def test_every_block_refuses_typos_and_describes_its_keys(path):
    block = at(load_schema(), path)
    assert block["additionalProperties"] is False
    for name, field in block["properties"].items():
        target = load_schema()["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
        assert field.get("description") or target.get("description"), name


def test_the_full_example_uses_every_key():
    full = json.loads((EXAMPLES / "valid" / "full.json").read_text(encoding="utf-8"))
    used = set()

    def collect(node):
        if isinstance(node, dict):
            used.update(node)
            for child in node.values():
                collect(child)
        elif isinstance(node, list):
            for child in node:
                collect(child)

    collect(full)
    named = {name for path in BLOCKS for name in at(load_schema(), path)["properties"]}
    assert named - used == set()


def test_only_four_keys_are_needed():
    assert sorted(load_schema()["required"]) == [
        "locations",
        "shops",
        "sources",
        "version",
    ]


def test_shop_defaults():
    shop = load_schema()["$defs"]["shop"]["properties"]
    assert shop["api_version"]["default"] == "2026-10"
    assert shop["reason"]["default"] == "correction"
    retention = load_schema()["properties"]["retention"]["properties"]
    assert retention["idempotency_days"]["default"] == 35


SOFTENINGS = {
    "top takes any key": lambda s: s.pop("additionalProperties"),
    "source takes any key": lambda s: s["$defs"]["source"].pop("additionalProperties"),
    "shop takes any key": lambda s: s["$defs"]["shop"].pop("additionalProperties"),
    "when takes any key": lambda s: s["$defs"]["when"].pop("additionalProperties"),
    "guards take any key": lambda s: s["$defs"]["guards"].pop("additionalProperties"),
    "names of any length": lambda s: s["$defs"]["name"].pop("maxLength"),
    "control characters in names": lambda s: s["$defs"]["name"].pop("not"),
    "control characters in codes": lambda s: s["$defs"]["code"].pop("not"),
    "any endpoint": lambda s: s["$defs"]["shop"]["properties"]["endpoint"].pop("pattern"),
    "any reason": lambda s: s["$defs"]["shop"]["properties"]["reason"].pop("enum"),
    "rank of any kind": lambda s: s["$defs"]["source"]["properties"]["rank"].pop("type"),
    "nothing required": lambda s: s.pop("required"),
    "a rule without why": lambda s: s["$defs"]["rule"].pop("required"),
}


@pytest.mark.parametrize("name", SOFTENINGS)
def test_a_rule_taken_out_is_noticed(name):
    softer = copy.deepcopy(load_schema())
    SOFTENINGS[name](softer)
    assert failures(validator_of(softer))


def test_a_relation_left_unchecked_is_noticed(monkeypatch):
    monkeypatch.setattr(reference, "contract_problem", lambda contract: None)
    assert "duplicate-rank.json" in failures(validator_of(load_schema()))


def test_a_relation_of_kits_left_unchecked_is_noticed(monkeypatch):
    monkeypatch.setattr(reference_kits, "kit_problem", lambda contract: None)
    loaders = {row["file"] for row in expectations() if row["judged_by"] == "loader"}
    assert set(failures(validator_of(load_schema()))) == {
        file for file in loaders if file.startswith("kit-")
    }


def test_a_relation_of_alerts_left_unchecked_is_noticed(monkeypatch):
    monkeypatch.setattr(reference_alerts, "alert_problem", lambda contract: None)
    loaders = {row["file"] for row in expectations() if row["judged_by"] == "loader"}
    assert set(failures(validator_of(load_schema()))) == {
        file for file in loaders if file.startswith("alert-")
    }


# --- the C loader


def c_verdicts(paths):
    """What the C loader says of each file. A judge that was not built is a failure."""
    assert JUDGE.is_file(), f"{JUDGE} is not built: run make test"
    paths = [str(path) for path in paths]
    run = subprocess.run([JUDGE, *paths], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, (
        f"judge_contract ended with {run.returncode}: {run.stderr}"
    )
    said = dict(line.split("\t", 1) for line in run.stdout.splitlines())
    assert list(said) == paths, "judge_contract must answer for every file, in order"
    return said


def loader_failures(said):
    failed = {p.name: said[str(p)] for p in valid_files() if said[str(p)] != "ok"}
    for row in expectations():
        answer = said[str(invalid_file(row))]
        if row["judged_by"] == "schema":  # blocks that the policy linter reads
            continue
        if not answer.startswith("refused: ") or not answer[len("refused: ") :].strip():
            failed[row["file"]] = answer
    return failed


def test_c_loader_judges_examples_as_the_table_says():
    paths = valid_files() + [invalid_file(row) for row in expectations()]
    assert loader_failures(c_verdicts(paths)) == {}


def test_a_loader_that_accepts_or_refuses_all_is_noticed():
    paths = valid_files() + [invalid_file(row) for row in expectations()]
    assert "duplicate-rank.json" in loader_failures({str(p): "ok" for p in paths})
    assert "full.json" in loader_failures({str(p): "refused: no" for p in paths})
