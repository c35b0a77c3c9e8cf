"""Contract files for the tests of the commands."""

import json
from pathlib import Path
from typing import Callable

import pytest

from tests.harness.paths import ROOT

CONTRACT = ROOT / "schemas/examples/contract/valid/minimal.json"


@pytest.fixture
def contract() -> Path:
    return CONTRACT


@pytest.fixture
def contract_with_shop(tmp_path) -> Callable[[str], Path]:
    """The path of a contract with one shop at the address given."""

    def write(endpoint: str) -> Path:
        file = json.loads(CONTRACT.read_text())
        file["shops"] = [
            {
                "name": "main-eu",
                "endpoint": endpoint.rstrip("/"),
                "api_version": "2026-10",
                "mode": "on_hand",
                "locations": {"BER": "gid://shopify/Location/1"},
            }
        ]
        path = tmp_path / "contract.json"
        path.write_text(json.dumps(file))
        return path

    return write
