"""Contract files for the tests of the commands."""

import json
from pathlib import Path

import pytest

from tests.harness.paths import ROOT

CONTRACT = ROOT / "schemas/examples/contract/valid/minimal.json"


@pytest.fixture
def contract() -> Path:
    return CONTRACT


@pytest.fixture
def contract_with_shop(tmp_path) -> Path:
    file = json.loads(CONTRACT.read_text())
    file["shops"] = [
        {
            "name": "main-eu",
            "endpoint": "http://127.0.0.1:1",
            "api_version": "2026-10",
            "mode": "on_hand",
            "locations": {"BER": "gid://shopify/Location/1"},
        }
    ]
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(file))
    return path
