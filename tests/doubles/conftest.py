"""One started double for the whole run; every test begins with an empty shop."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from shop_client import ShopClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("shop")
    command = [sys.executable, "-m", "tests.doubles.shop", "--state-dir", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            line = child.stdout.readline()
            assert line.startswith("listening=http://127.0.0.1:"), line
            yield line.strip().removeprefix("listening=")
        finally:
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == 0


@pytest.fixture
def shop(process: str) -> Iterator[ShopClient]:
    client = ShopClient(process)
    client.control("reset")
    client.load({"A": {"main": {"available": 5, "committed": 2}, "store": {"available": 1}},
                 "B": {"main": {"available": 3}},
                 "C": {"main": {"available": 9, "damaged": 1, "incoming": 4}}})
    yield client
    client.close()
