"""One started double for the whole run; every test begins with an empty shop."""

from __future__ import annotations

import sys
from typing import Iterator

import pytest

from shop_client import ShopClient
from shop_process import ROOT, running

sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("shop")) as url:
        yield url


@pytest.fixture
def shop(process: str) -> Iterator[ShopClient]:
    client = ShopClient(process)
    client.control("reset")
    client.load(
        {
            "A": {"main": {"available": 5, "committed": 2}, "store": {"available": 1}},
            "B": {"main": {"available": 3}},
            "C": {"main": {"available": 9, "damaged": 1, "incoming": 4}},
        }
    )
    yield client
    client.close()
